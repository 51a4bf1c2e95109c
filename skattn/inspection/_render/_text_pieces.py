"""An explained text, cut into the pieces that are shaded; pure."""

import itertools

import numpy as np


def text_pieces(explanation, strength=None):
    """Cut the text into (string, token number or None) pieces that add up to it.

    Where tokens overlap (n-grams), a piece belongs to the strongest token over it; None: to the one
    with the most attention.
    """
    text, spans = explanation.text, explanation.spans
    weights = explanation.weights if strength is None else strength
    owner = np.full(len(text), -1)
    for token in np.argsort(weights, kind="stable"):
        start, end = spans[token]
        owner[start:end] = token
    cuts = np.flatnonzero(np.diff(owner)) + 1
    bounds = [0, *cuts.tolist(), len(text)] if text else [0]
    return [
        (text[start:end], int(owner[start]) if owner[start] >= 0 else None)
        for start, end in itertools.pairwise(bounds)
    ]
