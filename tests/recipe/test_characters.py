"""TF-IDF of characters: the same numbers as scikit-learn's, from each distinct word once."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skattn import TextClassifier, explain_texts
from skattn.recipe._linear import UnicodeTfidf
from skattn.serving import export, load

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
        {"analyzer": "word", "ngram_range": (1, 2), "lowercase": False},
    ],
    ids=str,
)
def test_every_number_is_that_of_scikit_learn(params):
    params = {"analyzer": "char_wb"} | params
    ours, theirs = UnicodeTfidf(**params), TfidfVectorizer(**params)
    assert_equal(ours.fit_transform(TEXTS), theirs.fit_transform(TEXTS))
    assert ours.vocabulary_ == theirs.vocabulary_
    np.testing.assert_array_equal(ours.idf_, theirs.idf_)
    assert_equal(ours.transform(NEW), theirs.transform(NEW))


def test_each_distinct_word_is_read_once(monkeypatch):
    """It really takes the short way: scikit-learn's door to the texts is still the same."""
    read, plain = [], TfidfVectorizer._char_wb_ngrams
    monkeypatch.setattr(
        UnicodeTfidf, "_char_wb_ngrams", lambda self, word: read.append(word) or plain(self, word)
    )
    vectorizer = UnicodeTfidf(analyzer="char_wb").fit(["to be or not to be"] * 3)
    assert sorted(read) == ["be", "not", "or", "to"]
    read.clear()
    vectorizer.transform(["to be", "to be or not"])
    assert sorted(read) == ["be", "not", "or", "to"]


def test_texts_without_words_are_an_error():
    with pytest.raises(ValueError, match="empty vocabulary"):
        UnicodeTfidf(analyzer="char_wb").fit(["", "  "])


def assert_equal(ours, theirs):
    assert type(ours) is type(theirs)
    assert sparse.issparse(ours)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))


def test_marks_stay_with_their_letters():
    texts = ["काम किया", "कमी कम", "cafe\u0301 noir"]
    words = UnicodeTfidf(token_pattern=r"(?u)\w+").fit(texts).get_feature_names_out().tolist()
    assert words == ["café", "noir", "कम", "कमी", "काम", "किया"]
    characters = UnicodeTfidf(analyzer="char_wb", ngram_range=(6, 6)).fit(texts)
    assert " café " in characters.get_feature_names_out()


def test_stop_words_with_marks_are_found(recwarn):
    vectorizer = UnicodeTfidf(token_pattern=r"(?u)\w+", stop_words=["है"])
    assert vectorizer.fit(["काम है"]).get_feature_names_out().tolist() == ["काम"]
    assert not recwarn.list


def test_the_words_of_a_mark_are_explained_and_served(tmp_path):
    texts, labels = ["काम किया है", "कमी कम है"] * 10, ["good", "bad"] * 10
    model = TextClassifier(network=False, min_df=1).fit(texts, labels)
    explanation = explain_texts(model, texts[:1])[0]
    assert explanation.tokens == ("काम", "किया", "है")
    assert explanation.top_evidence("good", n=1)[0][0][0] in ("काम", "किया")
    export(model, tmp_path)
    np.testing.assert_allclose(
        load(tmp_path).predict_proba(texts[:2]), model.predict_proba(texts[:2]), atol=1e-5
    )


def test_scikit_learns_own_vectorizer_is_explained_as_it_reads():
    texts, labels = ["काम किया", "कमी कम"] * 5, ["good", "bad"] * 5
    model = make_pipeline(TfidfVectorizer(token_pattern=r"(?u)\w+"), LogisticRegression())
    explanation = explain_texts(model.fit(texts, labels), texts[:1])[0]
    assert explanation.tokens == ("क", "म", "क", "य")
    total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
    np.testing.assert_allclose(total, explanation.probabilities, atol=1e-3)
    assert np.abs(explanation.evidence).max() > 0.05
