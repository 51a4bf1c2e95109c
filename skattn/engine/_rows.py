"""Rows of X as the networks read them: tokens without padding, dense features, sparse features."""

import numpy as np
from scipy import sparse

from skattn.engine._batches import rounded_up

_HASH_CHUNK = 1 << 22  # numbers hashed at a time, to bound the memory
_TOKEN_CHUNK = 1 << 18  # tokens likewise; each takes several numbers


class TokenRows:
    """Texts as one flat array of token ids and the place where each text begins.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        The ids of all texts in a row, without padding.
    offsets : ndarray of shape (n_rows + 1,), int32
    """

    kind = "tokens"

    def __init__(self, tokens, offsets):
        self.tokens, self.offsets = tokens, offsets
        self.lengths = np.diff(offsets)

    @classmethod
    def from_ids(cls, X):
        """Remove the zeros from padded ids, wherever they are."""
        kept = X != 0
        lengths = kept.sum(axis=1)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return cls(X[kept].astype(np.int32, copy=False), offsets)

    def __len__(self):
        return len(self.lengths)

    def arrays(self):
        tokens = self.tokens if len(self.tokens) else np.zeros(1, np.int32)  # for a gather
        return [tokens, self.offsets]

    def batch(self, rows):
        """Right-padded ids of shape (len(rows), longest, rounded up), at least one column."""
        lengths = self.lengths[rows]
        columns = np.arange(rounded_up(int(lengths.max(initial=0))))
        inside = columns < lengths[:, None]
        ids = np.zeros(inside.shape, dtype=np.int32)
        places = self.offsets[:-1][rows][:, None] + columns
        ids[inside] = self.tokens[places[inside]]
        return ids

    def hashes(self):
        """One 64-bit number a row, equal for equal texts."""
        hashes = np.empty(len(self), dtype=np.uint64)
        factors = _odd_factors(int(self.lengths.max(initial=0)))
        for first, last in _row_chunks(self.offsets):
            offsets = self.offsets[first : last + 1] - self.offsets[first]
            tokens = self.tokens[self.offsets[first] : self.offsets[last]]
            places = np.arange(len(tokens)) - np.repeat(offsets[:-1], np.diff(offsets))
            hashes[first:last] = _sum_by_row(tokens.astype(np.uint64) * factors[places], offsets)
        return hashes


class StateRows(TokenRows):
    """Texts, and beside each the states that the frozen layers of a network have for it.

    Parameters
    ----------
    rows : TokenRows
    states : ndarray of shape (n_states, width), float16
        Those of all distinct texts in a row.
    starts : ndarray of shape (n_rows,), int32
        Where the states of each row begin.
    """

    def __init__(self, rows, states, starts):
        super().__init__(rows.tokens, rows.offsets)
        self.states, self.starts = states, starts

    def arrays(self):
        return [*super().arrays(), self.states, self.starts]


class DenseRows:
    """Features as a float32 matrix of shape (n_rows, n_features)."""

    kind = "dense"

    def __init__(self, X):
        self.X = np.ascontiguousarray(X, dtype=np.float32)
        self.lengths = np.ones(len(self.X), dtype=np.int64)

    def __len__(self):
        return len(self.X)

    def arrays(self):
        return [self.X]

    def batch(self, rows):
        return self.X[rows]

    def hashes(self):
        """One 64-bit number a row, equal for equal rows."""
        factors = _odd_factors(self.X.shape[1])
        chunk = max(1, _HASH_CHUNK // max(1, self.X.shape[1]))
        parts = (self.X[i : i + chunk] for i in range(0, len(self.X), chunk))
        zero = np.float32(0.0)  # added, it makes 0.0 of -0.0
        return np.concatenate([_spread(part + zero) @ factors for part in parts])


def canonical(X):
    """A CSR array with the columns of each row in order, each of them once, and no zeros.

    Parameters
    ----------
    X : csr_matrix or csr_array
        Is not changed.
    """
    X = sparse.csr_array(X)
    if not X.has_canonical_format or not np.all(X.data):
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    return X


class SparseRows:
    """Features as the three arrays of a CSR matrix, values in float32."""

    kind = "sparse"

    def __init__(self, X):
        X = canonical(X)
        self.values = X.data.astype(np.float32, copy=False)
        self.columns = X.indices.astype(np.int32, copy=False)
        self.offsets = X.indptr.astype(np.int32, copy=False)
        self.n_features = X.shape[1]
        self.lengths = np.diff(self.offsets)

    def __len__(self):
        return len(self.lengths)

    def arrays(self):
        return [self.values, self.columns, self.offsets]

    def batch(self, rows):
        """A `scipy.sparse.csr_array` of the rows."""
        whole = (self.values, self.columns, self.offsets)
        return sparse.csr_array(whole, shape=(len(self), self.n_features))[rows]

    def hashes(self):
        """One 64-bit number a row, equal for equal rows."""
        factors = _odd_factors(self.n_features)
        values = self.values + np.float32(0.0)  # -0.0 becomes 0.0
        return _sum_by_row(_spread(values) * factors[self.columns], self.offsets)


class SparseAsDenseRows(SparseRows):
    """Sparse rows for a network that reads dense ones.

    They become dense a batch at a time in prediction, and all at once in training.
    """

    kind = "dense"

    def __init__(self, X):
        super().__init__(X)
        self.lengths = np.ones(len(self.lengths), dtype=np.int64)  # as `DenseRows` has them

    def arrays(self):
        return [self.batch(np.arange(len(self)))]

    def batch(self, rows):
        return super().batch(rows).toarray()


def _spread(values):
    """A 64-bit number for each float32 (0 for 0) that spreads the few bits of simple values."""
    bits = values.view(np.uint32) * np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(32)
    return bits


def _odd_factors(n):
    """The first `n` of one fixed list of odd 64-bit numbers."""
    return np.random.default_rng(7919).integers(1 << 64, size=n, dtype=np.uint64) | np.uint64(1)


def _row_chunks(offsets):
    """Yield (first row, row after the last) of parts with a bounded number of entries."""
    first, n_rows = 0, len(offsets) - 1
    while first < n_rows:
        last = int(np.searchsorted(offsets, offsets[first] + _TOKEN_CHUNK, side="right")) - 1
        last = min(max(last, first + 1), n_rows)
        yield first, last
        first = last


def _sum_by_row(values, offsets):
    """Sum `values[offsets[i]:offsets[i + 1]]` modulo 2**64 for each row."""
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    return sums[offsets[1:]] - sums[offsets[:-1]]
