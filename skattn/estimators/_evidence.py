"""Evidence of a fitted network in points of probability: base and parts add up to its answer."""

from functools import partial

import numpy as np
from scipy.special import expit, softmax

from skattn.networks._evidence import logit_parts
from skattn.utils._additive import carried, settled


def token_evidence(X, fitted):
    """What each token adds to the probability of each class.

    Parameters
    ----------
    X : int array of shape (n_rows, n_columns)
        Checked token ids.
    fitted : FittedNetwork

    Returns
    -------
    evidence : ndarray of shape (n_rows, n_columns, n_classes)
        0 on padding.
    base : ndarray of shape (n_rows, n_classes)
        What the network says of as many unknown tokens.
    """
    parts, logits, base = logit_parts(fitted.model, fitted.config, X)
    answers = fitted.read("probabilities", X).astype(np.float64)
    evidence = np.zeros((*X.shape, parts.shape[2]))
    for row, kept in enumerate(X != 0):
        own = parts[row, : kept.sum()]
        found, base[row] = in_probabilities(own, base[row], logits[row], answers[row], fitted)
        evidence[row, kept] = found
    return evidence, base


def in_probabilities(parts, base, logits, answers, fitted):
    """Parts and base of one row's logits -> those of its probabilities."""
    parts, base = settled(parts, base, logits)
    function = expit if fitted.multilabel else partial(softmax, axis=-1)
    return settled(*carried(function, parts, base), answers)
