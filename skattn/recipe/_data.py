"""The checked input of a `TextClassifier`."""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from skattn.utils._frames import NAMES_ARE_TEXTS, texts_of_columns
from skattn.utils._targets import (
    check_classes_left,
    check_targets,
    check_weights,
    encode_targets,
    warn_of_one_hot,
    weigh_classes,
)
from skattn.utils._texts import text_list


class Data(NamedTuple):
    """Texts of a weight above 0, with their labels."""

    texts: list
    y: np.ndarray  # (n_samples,) or (n_samples, n_labels)
    classes: np.ndarray
    sample_weight: np.ndarray | None  # as given
    weights: np.ndarray  # (n_samples,), those of the classes included

    def rows(self, rows):
        """A part of the texts."""
        given = self.sample_weight
        return self._replace(
            texts=[self.texts[row] for row in rows],
            y=self.y[rows],
            sample_weight=None if given is None else given[rows],
            weights=self.weights[rows],
        )


def checked(texts, y, sample_weight, class_weight, classes=None, network=True):
    """Check texts, labels and weights; raise an error if they do not match.

    `classes` are those of an earlier fit that is continued; `y` may lack some of them. `network`
    tells whether a network is fitted, which warns of one-hot targets itself.
    """
    y, multilabel = check_targets(y, "TextClassifier")
    kept, weights = check_weights(sample_weight, texts, y)
    targets = encode_targets(y[kept], multilabel, classes)
    if not network:
        warn_of_one_hot(targets)
    class_weights = weigh_classes(class_weight, targets, weights)
    if not np.all(class_weights):
        check_classes_left(targets._replace(encoded=targets.encoded[class_weights > 0]))
    return Data(
        [texts[row] for row in kept],
        y[kept],
        targets.classes,
        None if sample_weight is None else weights,
        class_weights,
    )


def texts_of(X, columns):
    """The texts of `X`, which is a data frame if `columns` is not None."""
    texts = text_list(X) if columns is None else texts_of_columns(X, columns)
    if not texts:
        raise ValueError("Found no texts in X: at least one is needed.")
    return texts


def column_names(columns):
    """The names as a list; None where there are none."""
    if columns is None:
        return None
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names or not all(isinstance(name, str) for name in names):
        numbered = any(isinstance(name, Integral) for name in names)
        hint = f" {NAMES_ARE_TEXTS}" if numbered else ""
        raise ValueError(f"columns must be a name or a list of names, got {columns!r}.{hint}")
    if len(set(names)) < len(names):
        raise ValueError(f"columns={columns!r} names a column twice. Name each one once.")
    return names


def facts_of_columns(columns):
    """The fitted attributes that name them."""
    if columns is None:
        return {}
    return {"feature_names_in_": np.array(columns, dtype=object), "n_features_in_": len(columns)}
