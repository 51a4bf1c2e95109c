"""Texts to padded rows of token ids, for `SequenceVectorizer` and for a service without it."""

from itertools import islice

from skattn.utils._texts import checked_texts
from skattn.vectorizer._ids import look_up
from skattn.vectorizer._padding import drop_unknown, empty_rows, pad_rows
from skattn.vectorizer._tokens import each_token

_ROWS_AT_ONCE = 4096  # bounds the memory of the tokens


def rows_of_ids(texts, read, ids, max_length, truncation, unknown):
    """Read texts and lay the ids of their tokens into rows.

    Parameters
    ----------
    texts : list of str
    read : callable
        text -> list of tokens.
    ids : dict
        Token -> id.
    max_length : int
    truncation, unknown : str
        As in `SequenceVectorizer`.

    Returns
    -------
    rows : int32 array of shape (n_texts, max_length)
    """
    rows = empty_rows(len(texts), max_length)
    texts = checked_texts(texts)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part, lengths = rows[start : start + _ROWS_AT_ONCE], []
        tokens = look_up(each_token(islice(texts, len(part)), read, lengths), ids)
        if unknown == "drop":
            tokens, lengths = drop_unknown(tokens, lengths)
        part[:] = pad_rows(tokens, lengths, max_length, truncation)
    return rows
