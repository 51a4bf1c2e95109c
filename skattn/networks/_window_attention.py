"""Attention on the windows of a convolution -> attention on its tokens; pure."""

import numpy as np

ROWS = 32  # at a time, to bound the memory


def share_windows(weights, ids, table, layers):
    """Share the weight of each window among its tokens, by what each adds to the window's state.

    A convolution of width `w` with "same" padding reads, at step `t`, the tokens from
    ``t - (w - 1) // 2`` to ``t + w // 2``. What one of them adds to the state is its vector times
    its part of the kernel, in those units that ReLU lets through. A window's weight is shared in
    proportion to the norms of these parts [1]_, and evenly where all of them are 0.

    Parameters
    ----------
    weights : ndarray of shape (n_rows, n_steps)
        Of the states of the last layer; 0 from each row's length on.
    ids : ndarray of shape (n_rows, n_steps)
        The tokens, 0 from each row's length on.
    table : ndarray of shape (n_ids, embedding_dim)
        Their vectors, which the first layer reads.
    layers : list of list of (kernel, bias)
        For each layer its convolutions; a kernel has the shape (width, n_inputs, units).

    Returns
    -------
    ndarray of shape (n_rows, n_steps)
        The rows sum to what they summed to.

    References
    ----------
    .. [1] Kobayashi et al., "Attention is not only a weight: analyzing transformers with vector
       norms", 2020, section 3.
    """
    shared = np.zeros_like(weights)
    lengths = (ids != 0).sum(axis=1)
    in_order = np.argsort(lengths, kind="stable")
    for first in range(0, len(weights), ROWS):
        numbers = in_order[first : first + ROWS]
        n_steps = lengths[numbers[-1]]
        some = ids[numbers, :n_steps]
        hidden = table[some] * (some != 0)[:, :, None]
        shared[numbers, :n_steps] = _share(weights[numbers, :n_steps], hidden, some != 0, layers)
    return shared


def _share(weights, hidden, kept, layers):
    """One layer after the other up to the states, and back down with their weights."""
    if not layers:
        return weights
    states, norms, reads = _convolve(hidden, kept, layers[0])
    weights = _share(weights, states, kept, layers[1:])
    norms = np.where(norms.any(axis=-1, keepdims=True), norms, reads)
    totals = norms.sum(axis=-1)
    per_norm = np.divide(weights, totals, out=np.zeros_like(weights), where=totals > 0)
    n_steps, reach = weights.shape[1], norms.shape[-1] // 2
    shared = np.zeros((len(weights), n_steps + 2 * reach), dtype=weights.dtype)
    for place in range(2 * reach + 1):
        shared[:, place : place + n_steps] += per_norm * norms[:, :, place]
    return shared[:, reach : reach + n_steps]


def _convolve(hidden, kept, convolutions):
    """The states of one layer, and for each token around a step the norm of what it adds.

    Returns
    -------
    states : ndarray of shape (n_rows, n_steps, n_convolutions * units)
    norms, reads : ndarray of shape (n_rows, n_steps, 2 * reach + 1)
        Of the tokens from ``t - reach`` to ``t + reach``; `reads` is 1 where one is read.
    """
    n_rows, n_steps, _ = hidden.shape
    reach = max(len(kernel) for kernel, _ in convolutions) // 2
    padded = np.pad(hidden, [(0, 0), (reach, reach), (0, 0)])
    inside = np.pad(kept, [(0, 0), (reach, reach)])
    squares, reads = np.zeros((2, n_rows, n_steps, 2 * reach + 1), dtype=hidden.dtype)
    states = []
    for kernel, bias in convolutions:
        first = reach - (len(kernel) - 1) // 2
        places = range(first, first + len(kernel))
        added = [padded[:, p : p + n_steps] @ part for p, part in zip(places, kernel, strict=True)]
        states.append(np.maximum(sum(added) + bias, 0) * kept[:, :, None])
        for place, part in zip(places, added, strict=True):
            squares[:, :, place] += np.square(part * (states[-1] > 0)).sum(axis=-1)
            reads[:, :, place] = inside[:, place : place + n_steps] & kept
    return np.concatenate(states, axis=-1), np.sqrt(squares), reads
