"""Token ids: what is taken, and what is refused with which words."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from skattn import AttentionTextClassifier, SequenceVectorizer
from skattn.estimators import _token_ids


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float32, np.float64, bool])
def test_whole_numbers_of_any_type_are_token_ids(dtype):
    ids = _token_ids.check_token_ids(np.array([[0, 1], [1, 0]], dtype=dtype))
    assert ids.dtype == np.int32
    assert ids.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1.0, 2.0], [3.0, 0.5]], "row 1 holds 0.5"),
        ([[1, 2], [-4, 3]], "Negative values in data: row 1 holds -4"),
        ([[1, 2**40]], "X holds 1099511627776, more than 32 bits can hold"),
    ],
)
def test_numbers_that_are_no_token_ids_are_refused(X, message):
    with pytest.raises(ValueError, match=f"{message}.*X must be token ids.*SequenceVectorizer"):
        _token_ids.check_token_ids(np.array(X))


@pytest.mark.parametrize(
    "texts", [["one text", "two"], np.array(["one", "two"]), pd.Series(["one"])]
)
def test_raw_texts_are_refused_with_the_way_out(texts):
    with pytest.raises(ValueError, match=r"array of texts.*SequenceVectorizer"):
        _token_ids.refuse_texts_and_sparse(texts)


def test_a_bag_of_words_is_refused_with_the_way_out():
    with pytest.raises(
        TypeError, match=r"sparse matrix.*dense data is required.*SequenceVectorizer"
    ):
        _token_ids.refuse_texts_and_sparse(sparse.csr_array((2, 3)))


def _padded(rng, width, first_id):
    """20 texts of 1 to `width` tokens, padded at their ends."""
    ids = rng.integers(first_id, first_id + 9, (20, width))
    return np.where(np.arange(width) < rng.integers(1, width + 1, (20, 1)), ids, 0)


@pytest.mark.parametrize("n_vocabularies", [2, 3])
def test_vocabularies_side_by_side_are_refused(n_vocabularies):
    rng = np.random.default_rng(0)
    X = np.hstack([_padded(rng, 6, 2) for _ in range(n_vocabularies)])
    starts = ", ".join(str(6 * block) for block in range(1, n_vocabularies))
    message = f"ids of {n_vocabularies} vocabularies side by side.*column {starts}.*columns="
    with pytest.raises(ValueError, match=message):
        _token_ids.refuse_joined_vocabularies(X)


def test_one_vocabulary_is_not_taken_for_two():
    rng = np.random.default_rng(0)
    X = _padded(rng, 12, 2)
    masked = [rng.integers(0, n_ids, (500, width)) for n_ids in (3, 5, 20) for width in (3, 12)]
    for ids in (X, X[:, ::-1], np.hstack([_padded(rng, 6, 2)] * 2)[:9], X[:0], *masked):
        _token_ids.refuse_joined_vocabularies(ids)


def test_two_vectorizers_before_one_classifier_are_refused_by_fit():
    texts = [f"word{row % 5} " * (1 + row % 3) for row in range(40)]
    frame = pd.DataFrame({"title": texts, "body": texts[::-1]})
    columns = ColumnTransformer([(name, SequenceVectorizer(), name) for name in frame])
    model = make_pipeline(columns, AttentionTextClassifier(epochs=1))
    with pytest.raises(ValueError, match="2 vocabularies side by side"):
        model.fit(frame, [row % 2 for row in range(40)])


def test_a_frame_with_an_index_of_fractions():
    X = pd.DataFrame([[2, 3], [4, 5]], index=[3.5, 1.2])
    clf = AttentionTextClassifier(encoder="none", epochs=1).fit(X, [0, 1])
    assert clf.predict(X).shape == (2,)
