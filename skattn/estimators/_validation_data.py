"""The rows that a user gives to validate with."""

from skattn.fitting._fit import TrainingData
from skattn.utils._targets import check_targets, check_weights, encode_targets

OTHER_ROWS = "Leave these rows out, or train on rows of these classes too."


def check_validation_data(estimator, config, data, given):
    """Held-out rows of the user's own as checked and encoded rows of the classes known."""
    if estimator.validation_fraction is not None:
        raise ValueError(
            f"validation_data and validation_fraction={estimator.validation_fraction} exclude each "
            "other: set validation_fraction=None."
        )
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError(
            "validation_data must be a tuple (X, y) or (X, y, sample_weight), got "
            f"{type(given).__name__}."
        )
    X, y, sample_weight = (*given, None)[:3]
    try:
        y, multilabel = check_targets(y, type(estimator).__name__)
        if multilabel != data.targets.multilabel:
            several, one = "a matrix of several labels per row", "one label per row"
            ours, theirs = (several, one) if multilabel else (one, several)
            raise ValueError(f"y has {ours}, but the training y has {theirs}.")
        kept, weights = check_weights(sample_weight, X, y)
        targets = encode_targets(y[kept], multilabel, data.targets.classes, OTHER_ROWS)
        X = estimator._within(config, estimator._check_X(X, reset=False))
    except (ValueError, TypeError) as error:
        raise type(error)(f"validation_data: {error}") from error
    return TrainingData(X[kept], y[kept], targets, weights)
