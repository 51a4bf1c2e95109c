"""Attention on the windows of a convolution -> attention on its tokens; pure."""

import numpy as np


def share_windows(weights, lengths, widths):
    """Share the weight of each window evenly among the tokens in it, and average the widths.

    A convolution of width `w` with "same" padding reads, at step `t`, the tokens from
    ``t - (w - 1) // 2`` to ``t + w // 2``.

    Parameters
    ----------
    weights : ndarray of shape (n_rows, n_steps)
        Of the windows; 0 from each row's length on.
    lengths : ndarray of shape (n_rows,)
    widths : iterable of int

    Returns
    -------
    ndarray of shape (n_rows, n_steps)
        The rows sum to what they summed to.
    """
    steps = np.arange(weights.shape[1])
    last = lengths[:, None] - 1
    shared = np.zeros_like(weights)
    for width in widths:
        first_read = np.maximum(steps - (width - 1) // 2, 0)
        last_read = np.minimum(steps + width // 2, last)
        each = weights / np.maximum(last_read - first_read + 1, 1) / len(widths)
        for offset in range(-((width - 1) // 2), width // 2 + 1):
            rows, places = np.nonzero((each > 0) & (steps + offset >= 0) & (steps + offset <= last))
            shared[rows, places + offset] += each[rows, places]
    return shared
