"""Rows as the networks read them: what is kept, what a batch holds, which rows are equal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from skattn import GatedDenseClassifier
from skattn.engine import _rows
from skattn.engine._rows import DenseRows, SparseRows, TokenRows

PADDED = np.array([[2, 3, 0, 0], [0, 0, 2, 3], [0, 2, 0, 3], [0, 0, 0, 0], [4, 5, 6, 7]])


def test_zeros_are_squeezed_out_wherever_they_stand():
    rows = TokenRows.from_ids(PADDED)
    assert rows.lengths.tolist() == [2, 2, 2, 0, 4]
    assert rows.tokens.tolist() == [2, 3, 2, 3, 2, 3, 4, 5, 6, 7]
    assert rows.tokens.dtype == np.int32
    assert len(rows) == 5


def test_a_batch_of_tokens_is_as_wide_as_its_longest_text():
    rows = TokenRows.from_ids(PADDED)
    assert rows.batch(np.array([1, 0])).tolist() == [[2, 3], [2, 3]]
    assert rows.batch(np.array([4, 0])).tolist() == [[4, 5, 6, 7], [2, 3, 0, 0]]


def test_the_width_of_a_batch_is_one_of_few():
    rows = TokenRows.from_ids(np.full((1, 33), 5))
    assert rows.batch(np.array([0])).tolist() == [[5] * 33 + [0] * 3]


def test_a_batch_of_padding_only_has_one_column():
    assert TokenRows.from_ids(PADDED).batch(np.array([3])).tolist() == [[0]]
    assert TokenRows.from_ids(np.zeros((2, 3), dtype=int)).batch(np.array([0, 1])).shape == (2, 1)


@given(
    arrays(np.int32, st.tuples(st.integers(1, 6), st.integers(1, 7)), elements=st.integers(0, 4))
)
def test_rows_of_tokens_are_told_apart_by_length_and_hash(X):
    rows = TokenRows.from_ids(X)
    keys = list(zip(rows.lengths.tolist(), rows.hashes().tolist(), strict=True))
    texts = [tuple(row[row != 0].tolist()) for row in X]
    pairs = set(zip(keys, texts, strict=True))
    assert len(pairs) == len(set(keys)) == len(set(texts))


def test_a_text_has_the_same_hash_wherever_it_stands():
    alone = TokenRows.from_ids(PADDED[4:]).hashes()
    assert TokenRows.from_ids(PADDED).hashes()[4] == alone[0]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_equal_features_have_equal_hashes_and_others_do_not(kind):
    X = np.array([[0.0, 1.5, 2.0], [0.0, 2.0, 1.5], [-0.0, 1.5, 2.0], [1.0, 0.0, 0.0]])
    rows = DenseRows(X) if kind == "dense" else SparseRows(sparse.csr_array(X))
    one, two, three, four = rows.hashes().tolist()
    assert one == three
    assert len({one, two, four}) == 3


def test_swapped_counts_in_sparse_rows_have_different_hashes():
    # counts differ in few high bits only: a hash that adds them up takes many pairs for equal
    rng = np.random.default_rng(0)
    a, b = rng.permutation(20_000)[:2000].reshape(2, 1000)
    n = np.arange(1000)
    shape = (1000, 20_000)
    ones, twos = np.ones(1000), np.full(1000, 2.0)
    here = sparse.coo_array((np.r_[ones, twos], (np.r_[n, n], np.r_[a, b])), shape=shape)
    swapped = sparse.coo_array((np.r_[twos, ones], (np.r_[n, n], np.r_[a, b])), shape=shape)
    assert not np.any(SparseRows(here).hashes() == SparseRows(swapped).hashes())


def test_hashes_of_simple_numbers_use_all_their_bits():
    X = np.random.default_rng(0).integers(0, 2, size=(200, 40))
    for rows in (DenseRows(X), SparseRows(sparse.csr_array(X))):
        hashes = rows.hashes()
        assert np.bitwise_or.reduce(hashes ^ hashes[0]) == np.iinfo(np.uint64).max


def test_hashes_of_many_rows_are_those_of_each_part(monkeypatch):
    X = np.random.default_rng(0).normal(size=(11, 3))
    whole = DenseRows(X).hashes()
    monkeypatch.setattr("skattn.engine._rows._HASH_CHUNK", 6)
    np.testing.assert_array_equal(DenseRows(X).hashes(), whole)


def test_dense_rows_are_float32_and_a_batch_is_those_rows():
    X = np.arange(12.0).reshape(4, 3)
    rows = DenseRows(X[:, ::-1])
    assert rows.X.dtype == np.float32
    np.testing.assert_array_equal(rows.batch(np.array([2, 0])), X[[2, 0], ::-1])


def test_sparse_rows_sum_duplicates_and_leave_the_callers_matrix_alone():
    X = sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 2])), shape=(1, 3))
    rows = SparseRows(X)
    np.testing.assert_array_equal(rows.batch(np.array([0])).toarray(), [[0, 3, 0]])
    assert rows.values.dtype == np.float32
    assert X.nnz == 2


def test_a_sparse_batch_is_those_rows_and_stays_sparse():
    X = sparse.random_array((7, 5), density=0.4, rng=0)
    batch = SparseRows(X).batch(np.array([6, 0, 3]))
    assert sparse.issparse(batch)
    np.testing.assert_allclose(batch.toarray(), X.toarray()[[6, 0, 3]], rtol=1e-6)


def test_hashes_of_texts_do_not_depend_on_the_parts_in_which_they_are_made(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 5, (200, 30))
    whole = _rows.TokenRows.from_ids(X).hashes()
    for size in (1, 7, 100):
        monkeypatch.setattr(_rows, "_TOKEN_CHUNK", size)
        np.testing.assert_array_equal(_rows.TokenRows.from_ids(X).hashes(), whole)
    assert len(_rows.TokenRows.from_ids(np.zeros((3, 4), int)).hashes()) == 3


def test_zeros_that_are_stored_change_nothing():
    X = sparse.random(40, 12, density=0.3, format="csr", random_state=0)
    y = np.arange(40) % 2
    stored = sparse.csr_matrix(sparse.bsr_matrix(X, blocksize=(1, 12)))
    assert stored.nnz > X.nnz

    def answers(rows):
        clf = GatedDenseClassifier(units=4, epochs=5, batch_size=8, random_state=0)
        return clf.fit(rows, y).predict_proba(rows)

    np.testing.assert_array_equal(answers(stored), answers(X))
