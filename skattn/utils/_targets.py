"""Check targets, weights and classes, with errors that name the argument and the remedy."""

from numbers import Integral, Number, Real
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight

from skattn.utils._texts import is_missing
from skattn.utils._warnings import warn

MISSING = "Input y contains NaN: labels are missing. Give every row a label."
_SEVERAL_LABELS = (
    "If a row can have several labels, turn them into a matrix of 0 and 1 with "
    "sklearn.preprocessing.MultiLabelBinarizer."
)
FIT_ANEW = (
    "Leave these rows out, or fit anew: set warm_start=False, or name all in `classes` at the "
    "first call of partial_fit."
)
LARGEST_AS_GIVEN = 1e30  # single precision holds sums of it over a batch
HUGE = 1e100  # a weight beyond it is taken relative to the largest


class Targets(NamedTuple):
    """Encoded targets."""

    encoded: np.ndarray  # (n_rows,) int32 class numbers, or (n_rows, n_labels) float32
    classes: np.ndarray  # (n_classes,)
    multilabel: bool

    @property
    def n_outputs(self):
        return len(self.classes)


def check_targets(y, name):
    """y as an array of labels or a label indicator matrix.

    Returns
    -------
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
    multilabel : bool
    """
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None. Pass one label per row."
        )
    refuse_unordered(y)
    if sparse.issparse(y):
        y = y.toarray()
    if getattr(y, "ndim", 1) == 2 and any(map(_is_nullable, getattr(y, "dtypes", []))):
        y = y.to_numpy(dtype=object).tolist()
    if _is_nullable(getattr(y, "dtype", None)):
        y = y.tolist()  # pandas's nullable numbers, of which NumPy would make floats
    if np.any(np.ma.getmask(y)):
        raise ValueError(MISSING)
    if isinstance(y, (list, tuple)):
        _refuse_odd_lists(y)
    if isinstance(y, (list, tuple)) and 0 < sum(isinstance(label, str) for label in y) < len(y):
        # NumPy would turn the numbers into texts, and predictions would be other labels
        raise TypeError("y mixes texts and other labels. Give all labels the same type.")
    if getattr(getattr(y, "dtype", None), "kind", "") == "T":  # texts of NumPy's StringDType
        y = _fixed_width(y)
    try:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    except (TypeError, ValueError) as error:
        if "NA is ambiguous" not in str(error) and "contains NaN" not in str(error):
            raise
        raise ValueError(MISSING) from error
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError(MISSING)
    if y.dtype.kind == "O":
        _refuse_odd_objects(y)
    multilabel = type_of_target(y, input_name="y") == "multilabel-indicator"
    if not multilabel:
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y of shape {y.shape} is not a matrix of 0 and 1. Give one label per row. "
                + _SEVERAL_LABELS
            )
        y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    return y, multilabel


def refuse_unordered(y):
    """Refuse labels that cannot be one a row: a text, a set, an iterator."""
    is_array = hasattr(y, "__len__") or hasattr(y, "__array__")
    if isinstance(y, (str, bytes, dict, set, frozenset)) or not is_array:
        raise TypeError(
            f"y must be a list or an array of labels, one a row in the order of the rows, got a "
            f"{type(y).__name__}."
        )


def _refuse_odd_lists(y):
    """Missing labels in a list, and lists of labels for each row, which NumPy cannot hold."""
    if any(np.ndim(label) == 0 and is_missing(label) for label in y):
        raise ValueError(MISSING)
    kinds = [type(label) for label in y if isinstance(label, (list, tuple, set, frozenset))]
    lengths = {len(label) for label in y if isinstance(label, (list, tuple, set, frozenset))}
    if len(lengths) > 1 or any(issubclass(kind, (set, frozenset)) for kind in kinds):
        raise ValueError(f"y holds a list or a set of labels in each row. {_SEVERAL_LABELS}")


def _is_nullable(dtype):
    """Whether a dtype is one of pandas's for whole numbers and booleans with missing values."""
    return not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "") in ("b", "i", "u")


def _fixed_width(y):
    """Texts as NumPy has held them before StringDType, which scikit-learn does not know."""
    labels = y.astype(object)
    if not all(isinstance(label, str) for label in labels.flat):
        raise ValueError(MISSING)
    return labels.astype(str)


def _refuse_odd_objects(y, name="y"):
    """Refuse objects that are missing, that cannot be sorted, or that are no texts."""
    if any(is_missing(label) for label in y.ravel().tolist()):
        raise ValueError(MISSING)
    try:
        np.unique(y)
    except TypeError as error:
        raise ValueError("y holds labels of different types. Give all the same type.") from error
    first = y.flat[0] if y.size else ""
    if isinstance(first, (list, tuple, set, frozenset)):
        raise ValueError(f"y holds several labels in each row. {_SEVERAL_LABELS}")
    if not isinstance(first, (str, bytes)):
        whole = isinstance(first, Integral) and -(2**63) <= first < 2**63
        kind = "bool" if isinstance(first, (bool, np.bool_)) else "int" if whole else "str"
        raise ValueError(
            f"Unknown label type: {name} has dtype object and holds {type(first).__name__} values, "
            "not texts. Convert them to texts, whole numbers (of at most 64 bits) or booleans, for "
            f"example by {name}.astype({kind})."
        )


def check_weights(sample_weight, X, y):
    """The numbers of the rows with a weight above zero, and their weights in float64.

    Rows of weight zero are left out.
    """
    if isinstance(sample_weight, np.ndarray) and sample_weight.ndim == 0:
        sample_weight = sample_weight.item()
    a_number = isinstance(sample_weight, Number)  # the same for every row
    _refuse_odd_weights(sample_weight)
    if a_number and not np.isfinite(complex(sample_weight)):
        raise ValueError(f"sample_weight is {sample_weight}. Give a finite number above 0.")
    check_consistent_length(X, y, None if a_number else sample_weight)
    if sample_weight is not None and not np.any(np.asarray(sample_weight)):
        raise ValueError(
            "sample_weight is zero for every row: nothing is left to learn from. "
            "Give at least two rows of different classes a weight above 0."
        )
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    kept = np.flatnonzero(weights > 0)
    return kept, _within_bounds(weights[kept])


def _refuse_odd_weights(sample_weight):
    """Weights for which scikit-learn's messages name neither the argument nor the remedy."""
    if sample_weight is None:
        return
    if isinstance(sample_weight, (str, bytes, dict, set, frozenset)):
        raise TypeError(
            f"sample_weight must hold a number for each row, got {sample_weight!r:.60}. The "
            "weights of whole classes are the parameter class_weight."
        )
    weights = np.asarray(sample_weight)
    if weights.ndim > 1:
        raise ValueError(
            f"sample_weight has the shape {weights.shape}: Sample weights must be 1D array or "
            "scalar. Select the column that holds them."
        )
    kind = weights.dtype.kind
    if kind == "c" or (kind == "O" and any(map(is_missing, weights.ravel().tolist()))):
        raise ValueError("sample_weight holds missing or complex values. Give numbers >= 0.")
    try:
        weights.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must hold a number for each row: {error}.") from None


def _within_bounds(weights):
    """Weights whose sum does not overflow, nor their product with others; only ratios matter."""
    return weights / weights.max() if weights.max(initial=0.0) > HUGE else weights


def as_plain_labels(labels):
    """Labels as a list: Python's own values, but dates as NumPy has them.

    NumPy's `tolist` would give nanoseconds as plain numbers.
    """
    labels = np.asarray(labels)
    return list(labels) if labels.dtype.kind in "mM" else labels.tolist()


def announced_classes(classes):
    """The `classes` of a first `partial_fit` in sorted order, each once."""
    if isinstance(classes, (str, bytes, dict)) or not hasattr(classes, "__iter__"):
        raise TypeError(f"classes must be a list or an array of labels, got {classes!r:.60}.")
    if not hasattr(classes, "dtype"):
        classes = list(classes)  # a set, for one, and an iterator
        n_texts = sum(isinstance(label, str) for label in classes)
        if 0 < n_texts < len(classes):  # NumPy would turn the others into texts
            raise TypeError("classes mixes texts and other labels. Give all the same type.")
    try:
        known = np.asarray(classes)
        known = np.unique(_fixed_width(known) if known.dtype.kind == "T" else known)
    except TypeError as error:
        raise TypeError(
            "classes holds labels that are missing or of different types. Give labels of one type."
        ) from error
    if any(label != label for label in known):  # NaN and NaT
        raise ValueError("classes contains NaN: name the classes that y may hold.")
    if known.dtype.kind == "O":
        _refuse_odd_objects(known, "classes")
    if len(known) < 2:
        raise ValueError(
            f"classes holds {known.tolist()}: a classifier needs at least two classes. Name every "
            "class that any chunk will hold."
        )
    return known


def encode_targets(y, multilabel, classes=None, remedy=FIT_ANEW):
    """Number the classes.

    Parameters
    ----------
    y : ndarray
        As `check_targets` gives it.
    multilabel : bool
    classes : ndarray, default=None
        The classes that are known already; None: those of `y`.
    remedy : str
        What to do about others.
    """
    if multilabel:
        n_labels = y.shape[1] if classes is None else len(classes)
        if classes is not None and not np.array_equal(classes, np.arange(n_labels)):
            raise ValueError(
                "With several labels per row, classes are the numbers of the columns of y, "
                f"range({y.shape[1]}), got {as_plain_labels(classes)}."
            )
        if y.shape[1] != n_labels:
            raise ValueError(f"y has {y.shape[1]} labels per row, but {n_labels} were seen before.")
        if not np.all((y == 0) | (y == 1)):
            raise ValueError(
                f"y has several labels per row, coded as {np.unique(y)[:4].tolist()}. Give an "
                "indicator matrix of 0 and 1."
            )
        return Targets(y.astype(np.float32), np.arange(n_labels), True)
    known = np.unique(y) if classes is None else classes
    if len(known) < 2:
        raise ValueError(
            f"y holds one class only, {as_plain_labels(known)[0]!r}, in the rows of weight above "
            "0: a classifier needs at least two. Check how the rows were selected; where the first "
            "chunk of partial_fit lacks classes, name all of them: classes=[...]."
        )
    places = np.minimum(np.searchsorted(known, y), len(known) - 1)
    strangers = np.unique(y[known[places] != y])
    if len(strangers):
        raise ValueError(
            f"y holds new classes: {as_plain_labels(strangers)}. The classes so far are "
            f"{as_plain_labels(known)}. {remedy}"
        )
    return Targets(places.astype(np.int32), known, False)


def warn_of_one_hot(targets):
    """Warn where targets of several labels look like the classes of one label, one-hot."""
    if not targets.multilabel or targets.n_outputs < 2:
        return
    # a few rows without some of the labels, such as a first chunk, are no evidence
    if np.all(targets.encoded.sum(axis=1) == 1) and np.all(targets.encoded.any(axis=0)):
        warn(
            "Every row of y has exactly one label, so y looks one-hot encoded. It is treated as "
            "multilabel: each label is predicted independently of the others. If every row has "
            "exactly one class, pass the class numbers: y.argmax(axis=1)."
        )


def checked_tuple(validation_data):
    """Refuse what cannot be a user's validation set.

    Parameters
    ----------
    validation_data : object

    Returns
    -------
    validation_data : tuple or list of length 2 or 3
    """
    is_tuple = isinstance(validation_data, tuple | list)
    if not is_tuple or len(validation_data) not in (2, 3):
        length = f" of length {len(validation_data)}" if is_tuple else ""
        raise TypeError(
            "validation_data must be a tuple (X, y) or (X, y, sample_weight), got "
            f"{type(validation_data).__name__}{length}."
        )
    return validation_data


def class_factors(class_weight, targets, weights):
    """The weight of each class, or None if there are none.

    ``"balanced"`` gives every class the same total weight.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    targets : Targets
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    factors : ndarray of shape (n_classes,) or None
    """
    if class_weight is None:
        return None
    if targets.multilabel:
        raise ValueError(
            "class_weight cannot be used with several labels per row; weigh the rows by "
            "sample_weight instead."
        )
    if isinstance(class_weight, str):
        totals = np.bincount(targets.encoded, weights, minlength=targets.n_outputs)
        present = np.count_nonzero(totals)
        even = weights.sum() / present
        return np.divide(even, totals, out=np.ones_like(totals), where=totals > 0)
    return _class_factors(class_weight, targets.classes)


def weigh_classes(class_weight, targets, weights):
    """The rows' weights times the weights of their classes."""
    return times_factors(weights, class_factors(class_weight, targets, weights), targets)


def times_factors(weights, factors, targets):
    """The rows' weights times those of their classes, as `class_factors` gives them."""
    return weights if factors is None else weights * factors[targets.encoded]


def refuse_large_weights(sample_weight, class_weight):
    """Refuse weights that single precision cannot hold, where they are used as they are."""
    given = [*(class_weight or {}).values()]
    if sample_weight is not None:
        given.append(np.asarray(sample_weight, dtype=np.float64).max(initial=0.0))
    if any(weight > LARGEST_AS_GIVEN for weight in given):
        raise ValueError(
            f"partial_fit uses sample_weight and class_weight as they are, and {max(given):.3g} is "
            "too large. Divide all weights by the same number."
        )


def refuse_balanced_chunks(class_weight):
    """Refuse weights that follow from the shares of the classes where only a chunk is known."""
    if isinstance(class_weight, str):
        raise ValueError(
            f"class_weight={class_weight!r} cannot be used with partial_fit, since the shares of "
            "the classes in a chunk are not those in the data. Pass a dict of weights, such as "
            "sklearn.utils.class_weight.compute_class_weight gives."
        )


def _class_factors(class_weight, classes):
    """A factor for each class, 1 where the dict has none.

    As for scikit-learn's classifiers the dict may name more classes than `y` holds (a fold may
    lack one), or fewer; both at once is a mistake in a label.
    """
    known = as_plain_labels(classes)
    if classes.dtype.kind in "mM":  # dates of Python or pandas are equal, but have other hashes
        own = {key: next((label for label in known if label == key), key) for key in class_weight}
        class_weight = {own[key]: factor for key, factor in class_weight.items()}
    strangers = [label for label in class_weight if label not in known]
    weightless = [label for label in known if label not in class_weight]
    if strangers and weightless:
        raise ValueError(
            f"class_weight names classes that y does not hold, {strangers}, and leaves out "
            f"{weightless}. The classes are {known}."
        )
    factors = [class_weight.get(label, 1.0) for label in known]
    if not all(isinstance(factor, Real) and 0 <= factor < np.inf for factor in factors):
        raise ValueError(f"class_weight must hold finite numbers >= 0, got {class_weight}.")
    return _within_bounds(np.array(factors, dtype=np.float64))


def check_classes_left(targets):
    """Refuse class weights that leave fewer than two classes.

    Parameters
    ----------
    targets : Targets
        Of the rows whose weight is above 0, one label each.
    """
    if not len(targets.encoded):
        raise ValueError("class_weight gives every row the weight 0; nothing is left to learn.")
    left = np.unique(targets.encoded)
    if len(left) < 2:
        raise ValueError(
            f"class_weight leaves one class only, {as_plain_labels(targets.classes[left])[0]!r}: a "
            "classifier needs at least two with a weight above 0."
        )


def hold_out(targets, fraction, seed):
    """Row numbers of an inner validation part, and why it could not be stratified, or None."""
    n_rows = len(targets.encoded)
    n_held_out = int(np.ceil(fraction * n_rows))
    if n_held_out < 1 or n_held_out >= n_rows:
        raise ValueError(
            f"validation_fraction={fraction} leaves {n_rows - n_held_out} of {n_rows} rows to "
            "train on. Give more rows or another fraction."
        )
    strata = problem = None
    if not targets.multilabel:
        counts = np.bincount(targets.encoded)
        counts = counts[counts > 0]
        n_fewest = min(n_held_out, n_rows - n_held_out)
        if counts.min() < 2:
            problem = "a class has only one row"
        elif n_fewest < len(counts):
            part = "it has" if n_fewest == n_held_out else "the rest of the rows has"
            problem = (
                f"with validation_fraction={fraction} {part} fewer rows than there are classes"
            )
        else:
            strata = targets.encoded
    held_out = train_test_split(
        np.arange(n_rows), test_size=n_held_out, stratify=strata, random_state=seed
    )[1]
    return np.sort(held_out), problem
