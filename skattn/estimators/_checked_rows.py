"""The rows that a user gives to train on and to validate with."""

from skattn.fitting._fit import rows_that_count
from skattn.utils._targets import (
    check_classes_left,
    check_targets,
    check_weights,
    checked_tuple,
    class_factors,
    encode_targets,
    refuse_large_weights,
)

OTHER_ROWS = "Leave these rows out, or train on rows of these classes too."


def check_training_data(estimator, X, y, sample_weight, classes, reset, partial):
    """The rows that count: X, labels, encoded targets and weights above 0.

    Parameters
    ----------
    estimator : BaseNetworkClassifier
    X, y, sample_weight
        As the user passed them.
    classes : ndarray or None
        All classes, where `y` may lack some.
    reset : bool
        Whether X decides the number and the names of the features.
    partial : bool
        Whether this is a chunk. It may have one class only; in a later chunk `class_weight` may
        also give every row the weight 0.

    Returns
    -------
    TrainingData
    """
    if estimator.weight_averaging and estimator.early_stopping:
        raise ValueError(
            "weight_averaging=True and early_stopping=True exclude each other: the one keeps "
            "the mean of the epochs, the other the best of them. Choose one."
        )
    y, multilabel = check_targets(y, type(estimator).__name__)
    kept, weights = check_weights(sample_weight, X, y)
    targets = encode_targets(y[kept], multilabel, classes)
    factors = class_factors(estimator.class_weight, targets, weights)
    X, y = estimator._check_X(X, reset=reset), y[kept]
    X = X if len(kept) == X.shape[0] else X[kept]
    data = rows_that_count(X, y, targets, weights, factors)
    if partial:
        refuse_large_weights(sample_weight, estimator.class_weight)
    elif len(data.weights) < len(weights):
        check_classes_left(data.targets)
    if not len(data.weights) and reset:
        raise ValueError(
            "class_weight gives every row of the first chunk the weight 0. Begin with a chunk that "
            "has rows of other classes."
        )
    return data


def check_validation_data(estimator, config, data, given):
    """Held-out rows of the user's own as checked and encoded rows of the classes known."""
    if estimator.validation_fraction is not None:
        raise ValueError(
            f"validation_data and validation_fraction={estimator.validation_fraction} exclude each "
            "other: set validation_fraction=None."
        )
    X, y, sample_weight = (*checked_tuple(given), None)[:3]
    try:
        y, multilabel = check_targets(y, type(estimator).__name__)
        if multilabel != data.targets.multilabel:
            several, one = "a matrix of several labels per row", "one label per row"
            ours, theirs = (several, one) if multilabel else (one, several)
            raise ValueError(f"y has {ours}, but the training y has {theirs}.")
        kept, weights = check_weights(sample_weight, X, y)
        targets = encode_targets(y[kept], multilabel, data.targets.classes, OTHER_ROWS)
        X = estimator._within(config, estimator._check_X(X, reset=False))
        held_out = rows_that_count(X[kept], y[kept], targets, weights, data.factors)
        if not len(held_out.weights):
            raise ValueError("class_weight gives every row the weight 0.")
    except (ValueError, TypeError) as error:
        raise type(error)(f"validation_data: {error}") from error
    return held_out
