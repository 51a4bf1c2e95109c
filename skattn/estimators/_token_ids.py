"""Check token ids, with errors that name the row, what was wrong and what to do."""

import numpy as np
from scipy import sparse

MAX_TABLE_ROWS = 1 << 24  # of an embedding whose size follows from the data
LEAST_ROWS, LEAST_SHARE = 10, 0.25  # of texts whose padding stops at the same column
LEAST_STARTS = 0.9  # of texts that begin in the first column of each vocabulary
MOST_VOCABULARIES = 4


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
        X = X.iloc[:1] if hasattr(X, "iloc") else X[:1]
    probe = np.asarray(X, dtype=None if hasattr(X, "dtype") else object)
    if probe.size and isinstance(probe.flat[0], str):
        what = (
            "Expected 2D array, got 1D array of texts instead" if probe.ndim == 1 else "X is texts"
        )
        raise ValueError(_not_ids(what))


def refuse_joined_vocabularies(X):
    """Raise an error if the ids of several vectorizers stand side by side.

    The same id is a different word in each vocabulary, but the network has one embedding for both.
    Such tables are recognized by padding that ends at the same column in many texts.

    Parameters
    ----------
    X : ndarray of int of shape (n_texts, n_tokens)
    """
    ids = X > 0
    resumes = np.zeros_like(ids)  # where a token follows padding that follows a token
    resumes[:, 1:] = ids[:, 1:] & ~ids[:, :-1] & np.logical_or.accumulate(ids, axis=1)[:, :-1]
    columns = np.flatnonzero(resumes.any(axis=0))
    n_rows = resumes.any(axis=1).sum()
    proven = (
        0 < len(columns) < MOST_VOCABULARIES
        and n_rows >= max(LEAST_ROWS, LEAST_SHARE * len(X))
        and ids[:, [0, *columns]].mean() > LEAST_STARTS
    )
    if proven:
        raise ValueError(
            f"X seems to hold the ids of {len(columns) + 1} vocabularies side by side: in "
            f"{n_rows} of {len(X)} rows, tokens begin again after padding at column "
            f"{', '.join(map(str, columns))}. Join the texts before one "
            "skattn.SequenceVectorizer, or use skattn.TextClassifier(columns=[...]). If all ids "
            "are of one vocabulary, move the padding of each row to its end."
        )


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
