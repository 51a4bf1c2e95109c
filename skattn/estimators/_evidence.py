"""Evidence of a fitted network in points of probability: base and parts add up to its answer."""

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.utils import gen_batches

from skattn.fitting._callbacks import refuse_infinite
from skattn.networks._evidence import feature_parts, logit_parts
from skattn.utils._additive import carried, settled, softmax


def token_evidence(X, fitted, n_at_once):
    """Yield what each token adds to the probability of each class, some rows at a time.

    Parameters
    ----------
    X : int array of shape (n_rows, n_columns)
        Checked token ids.
    fitted : FittedNetwork
    n_at_once : int
        Number of rows; the network's answers are read for all of them at once.

    Yields
    ------
    evidence : ndarray of shape (n_at_once, n_columns, n_classes) or fewer rows
        0 on padding.
    base : ndarray of shape (n_rows, n_classes)
        What the network says of as many unknown tokens.
    """
    answers = fitted.read("probabilities", X)
    refuse_infinite(answers)
    representation = fitted.read("representation", X)
    for rows in gen_batches(len(X), n_at_once):
        yield _of_rows(X[rows], answers[rows].astype(float), representation[rows], fitted)


def _of_rows(X, answers, representation, fitted):
    parts, logits, base = logit_parts(fitted.model, fitted.config, X, representation)
    evidence = np.zeros((*X.shape, parts.shape[2]))
    for row, kept in enumerate(X != 0):
        own = parts[row, : kept.sum()]
        found, base[row] = in_probabilities(own, base[row], logits[row], answers[row], fitted)
        evidence[row, kept] = found
    return evidence, base


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
