"""Values of n-grams -> values of their words; pure."""

import numpy as np


def per_word(spans, values):
    """Share the value of each n-gram evenly among the words in it; the sum stays.

    The words are the tokens that have no other token within them. Tokens that do not overlap are
    words already; where words overlap even so (n-grams of characters, pairs of words without the
    words themselves), everything stays as it is.

    Parameters
    ----------
    spans : int array of shape (n_tokens, 2)
    values : array of shape (n_tokens,)

    Returns
    -------
    spans, values : arrays of shape (n_words, 2) and (n_words,)
    """
    if not np.any(spans[1:, 0] < spans[:-1, 1]):
        return spans, values
    words = _innermost(np.unique(spans, axis=0))
    if np.any(words[1:, 0] < words[:-1, 1]) or np.any(words[:, 0] == words[:, 1]):
        return spans, values
    first = np.searchsorted(words[:, 0], spans[:, 0])
    stop = np.searchsorted(words[:, 1], spans[:, 1], side="right")
    counts = stop - first  # words in each token, at least one
    before = np.repeat(np.cumsum(counts) - counts, counts)
    word = np.repeat(first, counts) + np.arange(len(before)) - before
    return words, np.bincount(word, weights=np.repeat(values / counts, counts))


def _innermost(spans):
    """Those of the sorted, distinct `spans` that have no other within them."""
    starts, ends = spans.T
    repeated = np.r_[False, starts[1:] == starts[:-1]]  # a shorter one begins at the same place
    next_start = np.searchsorted(starts, starts, side="right")
    earliest_end = np.r_[np.minimum.accumulate(ends[::-1])[::-1], np.iinfo(ends.dtype).max]
    return spans[~repeated & (earliest_end[next_start] > ends)]
