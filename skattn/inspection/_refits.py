"""Train a model again with uniform attention, or with other seeds, and compare."""

from itertools import combinations

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import column_or_1d

from skattn.inspection._erasure import agreement
from skattn.inspection._explain import explain_texts
from skattn.inspection._parts._labels import like_classes


def uniform_accuracy(pipeline, training, texts, y):
    """Accuracy of the same model trained with frozen uniform attention."""
    refitted = _refit(pipeline, training, attention="uniform")
    return accuracy(refitted, texts, y)


def seed_agreement(pipeline, training, texts, seeds):
    """How far attention agrees between refits that differ only in their seed.

    Returns
    -------
    tau : float
        Mean Kendall's tau over pairs of seeds and texts.
    overlap : float
        Mean of 1 - total variation distance, the attention that two seeds put on the same words.
    """
    weights = []
    for seed in seeds:
        refitted = _refit(pipeline, training, random_state=int(seed))
        weights.append([e.weights for e in explain_texts(refitted, texts)])
    pairs = [pair for a, b in combinations(weights, 2) for pair in zip(a, b, strict=True)]
    tau = np.mean([agreement(a, b) for a, b in pairs])
    overlap = np.mean([1 - np.abs(a - b).sum() / 2 for a, b in pairs])
    return float(tau), float(overlap)


def accuracy(pipeline, texts, y):
    """Share of texts whose prediction is the true class; of several labels, all must be true."""
    predictions = np.asarray(pipeline.predict(texts))
    y = like_classes(y.toarray() if sparse.issparse(y) else y, np.asarray(pipeline.classes_))
    if y.ndim == 2 and predictions.ndim == 1:
        y = column_or_1d(y)  # a column compared with a row would give a table
    if y.shape != predictions.shape:
        raise ValueError(f"y has the shape {y.shape}, the predictions {predictions.shape}.")
    right = predictions == y
    return float(np.mean(right.all(axis=1) if right.ndim == 2 else right))


def _refit(pipeline, training, **changes):
    """A clone with `changes` in its attention classifiers, fitted on `training`."""
    pipeline = getattr(pipeline, "best_estimator_", pipeline)
    parameters = pipeline.get_params()
    if any(isinstance(part, FrozenEstimator) for part in [pipeline, *parameters.values()]):
        raise ValueError("A FrozenEstimator cannot be trained again: leave out refit.")
    parts = {"": pipeline} | {f"{name}__": part for name, part in parameters.items()}
    settings = {
        f"{prefix}{key}": value
        for prefix, part in parts.items()
        if _has_parameters(part, "attention", "random_state")
        for key, value in changes.items()
    }
    if not settings:
        name = type(pipeline).__name__
        raise ValueError(f"refit found no parameters of an attention network in {name}.")
    texts, labels = training
    return clone(pipeline).set_params(**settings).fit(texts, labels)


def _has_parameters(part, *names):
    parameters = part.get_params(deep=False) if hasattr(part, "get_params") else {}
    return not isinstance(part, type) and all(name in parameters for name in names)
