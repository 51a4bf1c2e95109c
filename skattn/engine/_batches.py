"""Which rows form a batch, and in which order. NumPy only."""

from typing import NamedTuple

import numpy as np

WINDOW = 50  # batches that are sorted by length together
PREDICT_ROWS = 512
PREDICT_TOKENS = 32_768
# the most tokens in a batch of texts, and what one more batch costs, in tokens; a pretrained
# transformer reads fewer at a time, which bounds its memory
TEXT_BATCHES, PRETRAINED_BATCHES = (PREDICT_TOKENS, 1_000), (4096, 128)


class BatchPlan(NamedTuple):
    """Batches as one flat list: batch ``i`` is ``rows[bounds[i]:bounds[i + 1]]``."""

    rows: np.ndarray  # (n_entries,) row numbers
    bounds: np.ndarray  # (n_batches + 1,)
    weights: np.ndarray  # (n_entries,) what each entry counts in the batch's loss
    sizes: np.ndarray  # (n_batches,) rows in each batch before equal ones were merged

    def joined(self, other):
        """This plan's batches, then the other's."""
        return BatchPlan(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.bounds, self.bounds[-1] + other.bounds[1:]]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.sizes, other.sizes]),
        )


def shuffled_batches(lengths, batch_size, rng):
    """Shuffle the rows and cut them into batches of rows of about equal length.

    The shuffled rows are cut into windows of `WINDOW` batches, each window is sorted by length
    and cut into batches, and the batches are shuffled.

    Returns
    -------
    rows : ndarray of shape (n_rows,)
    bounds : ndarray of shape (n_batches + 1,)
    """
    n_rows = len(lengths)
    rows = rng.permutation(n_rows)
    if lengths.min() == lengths.max():
        return rows, _even_bounds(n_rows, batch_size)
    window = np.arange(n_rows) // (WINDOW * batch_size)
    rows = rows[np.lexsort((lengths[rows], window))]
    bounds = _even_bounds(n_rows, batch_size)
    shuffled = rng.permutation(len(bounds) - 1)
    starts, sizes = bounds[:-1][shuffled], np.diff(bounds)[shuffled]
    new_bounds = np.concatenate([[0], np.cumsum(sizes)])
    within = np.arange(n_rows) - np.repeat(new_bounds[:-1], sizes)
    return rows[np.repeat(starts, sizes) + within], new_bounds


def _even_bounds(n_rows, batch_size):
    return np.append(np.arange(0, n_rows, batch_size), n_rows)


def merge_equal_rows(rows, bounds, groups, weights, as_given=False):
    """Put each batch into a canonical order and merge its equal rows.

    Equal rows (same features, same target) become one entry whose weight is their sum. Their
    gradient is computed once, and in one batch a row of weight 3 counts exactly as the row given
    three times. An entry's weight is its share of the batch's loss: weights are divided by the
    number of rows of the batch and, unless `as_given`, by their mean over all rows, so that without
    weights the loss of a batch is the mean over its rows.

    Parameters
    ----------
    rows, bounds : ndarray
        As `shuffled_batches` gives them.
    groups : ndarray of shape (n_rows,)
        Equal numbers for equal rows, in a total order of the rows.
    weights : ndarray of shape (n_rows,)
        float64, above zero.
    as_given : bool, default=False
        Whether not to divide the weights by their mean.
    """
    sizes = np.diff(bounds)
    batch = np.repeat(np.arange(len(sizes)), sizes)
    key = batch * (int(groups.max()) + 1) + groups[rows]
    _, first, entry = np.unique(key, return_index=True, return_inverse=True)
    merged = np.bincount(entry, weights=weights[rows])
    entry_batch = batch[first]
    scale = sizes if as_given else _batch_scale(weights[rows], sizes)
    return BatchPlan(
        rows=rows[first].astype(np.int32),
        bounds=np.searchsorted(entry_batch, np.arange(len(sizes) + 1)).astype(np.int32),
        weights=(merged / scale[entry_batch]).astype(np.float32),
        sizes=sizes.astype(np.float32),
    )


def _batch_scale(weights, sizes):
    """The mean weight times the rows of each batch; a single batch: exactly the sum."""
    return weights.sum() * (sizes / len(weights))


def group_equal_rows(lengths, hashes, labels):
    """Number the rows in the total order (length, content, label); equal rows share a number."""
    order = np.lexsort((labels, hashes, lengths))
    sorted_keys = (lengths[order], hashes[order], labels[order])
    changed = np.zeros(len(order), dtype=bool)
    for key in sorted_keys:
        changed[1:] |= key[1:] != key[:-1]
    groups = np.empty(len(order), dtype=np.int64)
    groups[order] = np.cumsum(changed)
    return groups


def prediction_batches(lengths, hashes, max_tokens=PREDICT_TOKENS, batch_cost=np.inf):
    """Yield row numbers in the total order (length, content), in batches of bounded size.

    A float32 result may depend on the other rows of its batch. With rows in a total order the
    batches are the same however the caller sorted the rows.

    Parameters
    ----------
    lengths, hashes : ndarray of shape (n_rows,)
    max_tokens : int
        In a batch of more than one row, with padding.
    batch_cost : float
        What a batch costs besides its tokens, in tokens. Batches of texts that differ in length are
        split where this saves more padding than it costs.
    """
    order = np.lexsort((hashes, lengths))
    start = 0
    for end in _ends(lengths[order], batch_cost):
        while start < end:
            stop = min(start + PREDICT_ROWS, end)
            width = rounded_up(int(lengths[order[stop - 1]]))
            most = max_tokens // width
            stop = min(stop, start + max(1, most - most % _step(most)))
            yield order[start:stop]
            start = stop


def _ends(lengths, batch_cost):
    """Where to split rows of increasing length, so that padding and batches together cost least.

    The rows of a part are padded to the longest of them. The best parts of all rows up to a place
    are the last part and the best parts of the rows before it.
    """
    if not len(lengths) or lengths[0] == lengths[-1] or np.isinf(batch_cost):
        return [len(lengths)]
    sizes, first = np.unique(lengths, return_index=True)
    widths, place = np.unique([rounded_up(int(size)) for size in sizes], return_index=True)
    bounds = np.append(first[place], len(lengths))
    costs, begins = np.zeros(len(bounds)), np.zeros(len(bounds), dtype=int)
    for end, width in enumerate(widths, start=1):
        each = costs[:end] + width * (bounds[end] - bounds[:end]) + batch_cost
        begins[end] = each.argmin()
        costs[end] = each[begins[end]]
    ends, end = [], len(widths)
    while end:
        ends.append(int(bounds[end]))
        end = begins[end]
    return ends[::-1]


def filled_up(rows):
    """The row numbers of a batch, the last one repeated until their number is one of few."""
    n_more = rounded_up(len(rows)) - len(rows)
    return np.append(rows, np.repeat(rows[-1:], n_more)) if n_more else rows


def rounded_up(size):
    """The next of the sizes that batches of predictions may have, beyond 32 at most 1/8 larger.

    The sizes are 1, 2, the multiples of 4 up to 64, then eight sizes up to each doubling. oneDNN
    compiles and keeps a program for each of the last thousand shapes or so, so that many different
    shapes would take much memory.
    """
    size = max(1, size)
    return size + -size % _step(size)


def _step(size):
    return max(1, size) if size <= 2 else max(4, 2 ** ((size - 1).bit_length() - 4))
