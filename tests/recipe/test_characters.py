"""TF-IDF of characters: the same numbers as scikit-learn's, from each distinct word once."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from skattn.recipe import _linear
from skattn.recipe._linear import CharacterTfidf

TEXTS = [
    "It was a dark and stormy night; a VERY dark one",
    "",
    " \t\n ",
    "a a a a",
    "ΟΔΟΣ straße İstanbul naïve 日本語 🎉🎉 <b>&amp;</b>",
    "no\u00a0break  and\u2003wide spaces",
    "x" * 300,
]
NEW = ["a stormy day", "never seen: qqq", "", *TEXTS]


@pytest.mark.parametrize(
    "params",
    [
        {"ngram_range": (2, 5), "sublinear_tf": True},
        {"ngram_range": (1, 1), "min_df": 2},
        {"ngram_range": (4, 6), "max_df": 0.5, "max_features": 20},
        {"ngram_range": (2, 3), "strip_accents": "unicode", "lowercase": False},
        {"ngram_range": (2, 3), "binary": True, "dtype": np.float32, "norm": None},
        {"ngram_range": (1, 2), "vocabulary": ["a", " a", "zz"]},
        {"analyzer": "word", "ngram_range": (1, 2)},
    ],
    ids=str,
)
def test_every_number_is_that_of_scikit_learn(params, monkeypatch):
    monkeypatch.setattr(_linear, "N_TEXTS_AT_ONCE", 3)
    params = {"analyzer": "char_wb"} | params
    ours, theirs = CharacterTfidf(**params), TfidfVectorizer(**params)
    assert_equal(ours.fit_transform(TEXTS), theirs.fit_transform(TEXTS))
    assert ours.vocabulary_ == theirs.vocabulary_
    np.testing.assert_array_equal(ours.idf_, theirs.idf_)
    assert_equal(ours.transform(NEW), theirs.transform(NEW))


def test_each_distinct_word_is_read_once(monkeypatch):
    """It really takes the short way: scikit-learn's door to the texts is still the same."""
    read, plain = [], TfidfVectorizer._char_wb_ngrams
    monkeypatch.setattr(
        CharacterTfidf, "_char_wb_ngrams", lambda self, word: read.append(word) or plain(self, word)
    )
    vectorizer = CharacterTfidf(analyzer="char_wb").fit(["to be or not to be"] * 3)
    assert sorted(read) == ["be", "not", "or", "to"]
    read.clear()
    vectorizer.transform(["to be", "to be or not"])
    assert sorted(read) == ["be", "not", "or", "to"]


def test_texts_without_words_are_an_error():
    with pytest.raises(ValueError, match="empty vocabulary"):
        CharacterTfidf(analyzer="char_wb").fit(["", "  "])


def assert_equal(ours, theirs):
    assert type(ours) is type(theirs)
    assert sparse.issparse(ours)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))
