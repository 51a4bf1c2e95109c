"""Token ids of many texts, end to end, to rows of one length; pure functions."""

from numbers import Integral

import numpy as np

from skattn.vectorizer._ids import OUT_OF_VOCABULARY

LONGEST = 2**22  # tokens; all rows are as long as the longest one
_ROWS_AT_ONCE = 4096  # bounds the memory of the intermediate arrays


def choose_length(lengths, max_length):
    """Resolve `max_length` (None, a number or a share of uncut texts) for these text lengths."""
    if isinstance(max_length, Integral):
        return int(max_length)
    if len(lengths) == 0:
        raise ValueError("max_length can only be learned from at least one text; got none.")
    share = 1.0 if max_length is None else max_length
    return max(1, int(np.quantile(lengths, share, method="inverted_cdf")))


def refuse_longer(length, max_length):
    """Refuse rows of so many tokens that no file could hold the vectorizer."""
    if length > LONGEST:
        raise ValueError(
            f"max_length={max_length} makes rows of {length:,} tokens, and at most {LONGEST:,} are "
            "possible. Set max_length to a whole number."
        )


def n_kept_at_each_end(lengths, max_length, truncation):
    """How many tokens of each text are kept from its start and from its end.

    A text of at most `max_length` tokens is kept whole, from its start.
    """
    lengths = np.asarray(lengths)
    at_the_end = {"head": 0, "tail": max_length, "both": max_length // 2}[truncation]
    too_long = lengths > max_length
    n_last = np.where(too_long, at_the_end, 0)
    n_first = np.where(too_long, max_length - at_the_end, lengths)
    return n_first, n_last


def pad_rows(tokens, lengths, max_length, truncation):
    """Lay texts, given end to end, into zero-padded rows of `max_length` ids.

    Parameters
    ----------
    tokens : int32 array of shape (n_tokens,)
    lengths : int array of shape (n_texts,)

    Returns
    -------
    rows : int32 array of shape (n_texts, max_length)
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    rows = empty_rows(len(lengths), max_length)
    start = 0
    for first in range(0, len(lengths), _ROWS_AT_ONCE):
        part = lengths[first : first + _ROWS_AT_ONCE]
        stop = start + part.sum()
        _fill(rows[first : first + len(part)], tokens[start:stop], part, truncation)
        start = stop
    return rows


def empty_rows(n_texts, max_length):
    """Zeros, in which ids can be written.

    Raises
    ------
    MemoryError
        If there are too many.
    """
    try:
        return np.zeros((n_texts, max_length), dtype=np.int32)
    except (MemoryError, ValueError) as error:  # the second is NumPy's for 2**63 bytes and more
        raise MemoryError(
            f"{n_texts} rows of max_length={max_length} ids do not fit into memory "
            f"({4 * n_texts * max_length / 2**30:,.0f} GiB). Use a smaller max_length, or None for "
            "the length of the longest text."
        ) from error


def _fill(rows, tokens, lengths, truncation):
    """Write the kept tokens of some texts into their rows of zeros."""
    max_length = rows.shape[1]
    if lengths.max() > max_length:
        tokens = tokens[_is_kept(lengths, max_length, truncation)]
    rows[np.arange(max_length) < lengths[:, None]] = tokens


def _is_kept(lengths, max_length, truncation):
    """Mark the tokens that stay, in one flat array over all texts."""
    n_first, n_last = n_kept_at_each_end(lengths, max_length, truncation)
    ends = np.cumsum(lengths)
    place = np.arange(ends[-1])
    first_stop, last_start = ends - lengths + n_first, ends - n_last
    return (place < np.repeat(first_stop, lengths)) | (place >= np.repeat(last_start, lengths))


def drop_unknown(ids, lengths):
    """Leave out the tokens of id 1; the other ids end to end, and the new lengths."""
    ids = np.asarray(ids)
    known = ids != OUT_OF_VOCABULARY
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return ids[known], np.bincount(rows[known], minlength=len(lengths)).tolist()
