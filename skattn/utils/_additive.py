"""Parts that add up to a response, carried through the functions behind it; pure.

A response (logits, margins, probabilities) is a base plus the sum of its parts, one part a token.
A function behind it, such as the softmax, is followed along the straight way from the base to the
response: each part gets what its share of the way adds (M. Sundararajan, A. Taly, Q. Yan, "Axiomatic
attribution for deep networks", ICML 2017, with the parts as inputs). So the new parts add up to the
change of the function's value.

All functions here take ``parts`` of shape (n_tokens, n_outputs) and ``base`` of shape (n_outputs,)
and return both for the function's value.
"""

import numpy as np
from scipy.special import expit, softmax

N_NODES = 32  # of the way from the base to the response


def legendre(n_nodes):
    """Nodes and weights of the Gauss-Legendre rule from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return (nodes + 1) / 2, weights / 2


def with_rest(parts, rest):
    """Share what the parts lack (n_outputs,) among those of its sign, by their size.

    Among all of them where none has its sign; nobody gets it where all are 0.
    """
    size = np.abs(parts)
    alike = np.where(parts * rest > 0, size, 0.0)
    size = np.where(alike.any(axis=0), alike, size)
    total = size.sum(axis=0)
    return parts + size * np.divide(rest, total, out=np.zeros_like(total), where=total > 0)


def settled(parts, base, response):
    """Parts and base that add up to `response`: the parts take the rest, or the base without any."""
    parts = with_rest(parts, response - base - parts.sum(axis=0))
    return parts, response - parts.sum(axis=0)


def through_softmax(parts, base):
    """Parts of logits -> parts of the probabilities."""
    change = parts.sum(axis=0)
    nodes, weights = legendre(N_NODES)
    on_the_way = softmax(base + nodes[:, None] * change, axis=1)  # (n_nodes, n_outputs)
    slopes = np.diag(weights @ on_the_way) - (on_the_way * weights[:, None]).T @ on_the_way
    start = softmax(base)
    return with_rest(parts @ slopes, softmax(base + change) - start - change @ slopes), start


def through_normalization(parts, base):
    """Parts of numbers from 0 on -> parts of their shares of the sum."""
    change = parts.sum(axis=0)
    nodes, weights = legendre(N_NODES)
    totals = base.sum() + nodes * change.sum()
    if not np.all(totals > 0) or not (base + change).sum() > 0:  # as scikit-learn has it
        even = np.full_like(base, 1 / len(base))
        return np.zeros_like(parts), even
    shares = (base + nodes[:, None] * change) / totals[:, None]
    slopes = np.eye(len(base)) * (weights / totals).sum()
    slopes -= ((weights / totals)[:, None] * shares).sum(axis=0)
    start, end = base / base.sum(), (base + change) / (base + change).sum()
    return with_rest(parts @ slopes, end - start - change @ slopes), start


def through_each(function, parts, base):
    """Carry each output through a function of one number, by its mean slope on the way.

    `function` maps an array of shape (n_outputs,) to another one, each number by itself.
    """
    change = parts.sum(axis=0)
    start = function(base)
    steep = np.abs(change) > 1e-12
    slopes = np.divide(function(base + change) - start, change, out=np.zeros_like(change), where=steep)
    return parts * slopes, start


def through_sigmoid(parts, base):
    """Parts of logits -> parts of the probabilities, each output by itself."""
    return through_each(expit, parts, base)
