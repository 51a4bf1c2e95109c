"""Evidence of a fitted network in points of probability: base and parts add up to its answer."""

import numpy as np
from scipy import sparse
from scipy.special import expit

from skattn.fitting._callbacks import refuse_infinite
from skattn.networks._evidence import feature_parts, logit_parts
from skattn.utils._additive import carried, settled, softmax


def token_evidence(X, fitted):
    """What each token adds to the probability of each class.

    Parameters
    ----------
    X : int array of shape (n_rows, n_columns)
        Checked token ids.
    fitted : FittedNetwork

    Returns
    -------
    evidence : list of n_rows ndarrays of shape (n_tokens, n_classes)
    base : ndarray of shape (n_rows, n_classes)
        What the network says of as many unknown tokens.
    """
    answers, parts, logits, base = logit_parts(fitted.model, fitted.config, X)
    refuse_infinite(answers["probabilities"])
    fitted.keep(answers, X)
    probabilities = answers["probabilities"].astype(float)
    for row, own in enumerate(parts):
        parts[row], base[row] = in_probabilities(
            own, base[row], logits[row], probabilities[row], fitted
        )
    return parts, base


def in_probabilities(parts, base, logits, answers, fitted):
    """Parts and base of one row's logits -> those of its probabilities."""
    parts, base = settled(parts, base, logits)
    function = expit if fitted.multilabel else softmax
    return settled(*carried(function, parts, base), answers)


def feature_evidence(X, fitted):
    """What each feature adds to the probability of each class.

    Parameters
    ----------
    X : {ndarray, csr_array} of shape (n_rows, n_features)
        Checked rows.
    fitted : FittedNetwork

    Returns
    -------
    evidence : {ndarray, coo_array} of shape (n_rows, n_features, n_classes)
        Sparse where X is.
    base : ndarray of shape (n_rows, n_classes)
        The network's answer to a row of zeros.
    """
    answers = fitted.read("probabilities", X).astype(np.float64)
    refuse_infinite(answers)
    parts, logits, start = feature_parts(fitted.model, fitted.config, X)
    ends = X.indptr if sparse.issparse(X) else None
    base = np.repeat(start, X.shape[0], axis=0)
    for row in range(X.shape[0]):
        own = row if ends is None else slice(ends[row], ends[row + 1])
        parts[own], base[row] = in_probabilities(
            parts[own], base[row], logits[row], answers[row], fitted
        )
    if ends is None:
        return parts, base
    rows, columns = X.tocoo().coords
    n_classes = parts.shape[1]
    places = [np.repeat(rows, n_classes), np.repeat(columns, n_classes)]
    places.append(np.tile(np.arange(n_classes), len(rows)))
    return sparse.coo_array((parts.ravel(), places), shape=(*X.shape, n_classes)), base
