"""Token ids: what is taken, and what is refused with which words."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

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
