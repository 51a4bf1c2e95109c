"""True labels that a user gives beside texts to explain, compared with the classes of a model."""

import contextlib

import numpy as np

from skattn.utils._targets import MISSING, as_plain_labels
from skattn.utils._texts import is_missing
from skattn.utils._warnings import warn


def like_classes(labels, classes):
    """Labels as an array; dates and times are of the type that the classes have."""
    labels = np.asarray(labels)
    if classes.dtype.kind in "mM" and labels.dtype.kind in "mMO":
        with contextlib.suppress(ValueError, TypeError):
            labels = labels.astype(classes.dtype)
    return labels


def check_true_labels(y, classes):
    """Refuse true labels that are missing or of another type than the classes.

    Labels that are no classes of the model are allowed: it cannot predict them.

    Parameters
    ----------
    y : array of shape (n_rows,)
        As `like_classes` gives it.
    classes : array of shape (n_classes,)
    """
    labels, known = as_plain_labels(y), as_plain_labels(classes)
    if any(map(is_missing, labels)):
        raise ValueError(MISSING)
    odd = [label for label in labels if isinstance(label, str) != isinstance(known[0], str)]
    if odd:
        raise ValueError(
            f"y holds {odd[0]!r} (type {type(odd[0]).__name__}), but the classes of the model are "
            f"{known[:5]} (type {type(known[0]).__name__}). Pass the labels as you passed them to "
            "fit."
        )


def warn_of_strangers(y, classes):
    """Warn if no true label is a class of the model; the parameters are as above."""
    labels, known = as_plain_labels(y), as_plain_labels(classes)
    if labels and not set(labels).intersection(known):
        warn(
            f"None of the true labels, such as {labels[0]!r}, is a class of the model: its classes "
            f"are {known[:5]}. Each prediction will count as wrong."
        )
