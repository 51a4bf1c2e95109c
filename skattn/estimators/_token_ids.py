"""Check token ids, with errors that name the row, what was wrong and what to do."""

import numpy as np
from scipy import sparse

MAX_TABLE_ROWS = 1 << 24  # of an embedding whose size follows from the data


def check_token_ids(X):
    """Token ids as whole numbers in an integer array.

    Raises
    ------
    ValueError
        If X holds fractions, negative numbers or numbers beyond 32 bits.
    """
    if X.dtype.kind == "O":  # numbers that no type of NumPy's can hold, or no numbers
        X = _floats(X)
    if X.dtype.kind in "mM":
        raise ValueError(_not_ids("X holds dates or times"))
    if X.dtype.kind not in "biu":
        whole = np.floor(X)
        if np.any(whole != X):
            row = int(np.argwhere(whole != X)[0][0])
            raise ValueError(_not_ids(f"row {row} holds {float(X[row][whole[row] != X[row]][0])}"))
        X = whole
    if X.size and X.min() < 0:
        row = int(np.argwhere(X < 0)[0][0])
        # scikit-learn's checks look for this wording
        raise ValueError(_not_ids(f"Negative values in data: row {row} holds {X[row].min()}"))
    if X.size and X.max() > np.iinfo(np.int32).max:
        raise ValueError(_not_ids(f"X holds {X.max()}, more than 32 bits can hold"))
    return X.astype(np.int32, copy=False)


def _floats(X):
    try:
        return X.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(_not_ids(f"X holds something that is not a number: {error}")) from error


def refuse_texts_and_sparse(X):
    """A clear error for raw texts and for sparse matrices."""
    if sparse.issparse(X):
        raise TypeError(
            _not_ids("X is a sparse matrix (a bag of words?), but dense data is required")
        )
    if hasattr(X, "columns"):  # a frame may be large, and one row tells enough
        X = X[:1]
    probe = np.asarray(X, dtype=None if hasattr(X, "dtype") else object)
    if probe.size and isinstance(probe.flat[0], str):
        what = (
            "Expected 2D array, got 1D array of texts instead" if probe.ndim == 1 else "X is texts"
        )
        raise ValueError(_not_ids(what))


def _not_ids(what):
    return (
        f"{what}. X must be token ids: whole numbers >= 0 of shape (n_texts, n_tokens), 0 for "
        "padding. Put a skattn.SequenceVectorizer before the classifier to make them from texts."
    )


def n_ids(X):
    """How many rows an embedding needs for these ids."""
    largest = int(X.max())
    if largest >= MAX_TABLE_ROWS:
        raise ValueError(
            f"X holds the id {largest}: a table with a row for each id up to it does not fit "
            "into memory. Number the tokens without gaps (skattn.SequenceVectorizer does), or "
            "set vocabulary_size; ids beyond it count as out of vocabulary."
        )
    return max(2, largest + 1)
