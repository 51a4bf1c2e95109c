"""Tokens against scikit-learn's own, and their places in texts with any Unicode in them."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from skattn import SequenceVectorizer
from skattn.vectorizer._scripts import align_composed, compose, marks_as_letters
from skattn.vectorizer._tokens import build_token_spans, build_tokens

marks_as_letters("é")  # it finds all marks at its first call, and hypothesis looks at the clock
ODD_CHARACTERS = "aAbB İIıßẞſΣσςﬁǅéÉe\u0301\u0323\u200d'-_.\t\n\x85\x00\ud800\udc00日中😀ﷺŉ½؆١"
odd_texts = st.text(
    st.sampled_from(ODD_CHARACTERS) | st.characters(exclude_categories=[]), max_size=30
)
patterns = st.sampled_from([r"(?u)\b\w\w+\b", r"\w+|[^\w\s]", r"\S*", r"(\w)\w*|-"])
common = {
    "lowercase": st.booleans(),
    "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
    "ngram_range": st.sampled_from([(1, 1), (2, 2), (1, 2), (2, 4), (5, 6)]),
}
readings = st.fixed_dictionaries(
    common | {"analyzer": st.just("word"), "token_pattern": patterns}
) | st.fixed_dictionaries(common | {"analyzer": st.sampled_from(["char", "char_wb"])})


@given(odd_texts, readings)
def test_tokens_are_those_of_scikit_learn_in_reading_order(text, reading):
    reader = CountVectorizer(**reading)
    text = compose(text)
    processed = reader.build_preprocessor()(text)
    assume(marks_as_letters(processed) == processed)  # scikit-learn cuts words at marks
    expected = reader.build_analyzer()(text)
    tokens = build_tokens(CountVectorizer(**reading))(text)
    assert Counter(tokens) == Counter(expected)
    if reading["ngram_range"][0] == reading["ngram_range"][1]:
        assert tokens == expected


@given(odd_texts, readings)
@example("İstanbul", {"analyzer": "word", "ngram_range": (1, 1)})
@example("cafe\u0301 x", {"analyzer": "word", "ngram_range": (1, 1), "strip_accents": "unicode"})
@example("\u0958", {"analyzer": "char", "ngram_range": (1, 1)})  # whose composed form is two
def test_each_span_holds_its_token(text, reading):
    if reading["analyzer"] == "word":
        reading = reading | {"ngram_range": (1, 1)}  # what lies between the words is not in tokens
    reader = CountVectorizer(**reading)
    tokens, spans = build_tokens(reader)(text), build_token_spans(reader)(text)
    assert len(tokens) == len(spans)
    preprocess = reader.build_preprocessor()
    one_to_one = all(len(preprocess(character)) == 1 for character in compose(text))
    one_to_one &= all(len(compose(character)) == 1 for character in text)
    for token, (start, end) in zip(tokens, spans, strict=True):
        assert 0 <= start <= end <= len(text)
        written = _comparable(preprocess(compose(text[start:end])))
        token = _comparable(token)
        if reading["analyzer"] == "char_wb":
            token = token.strip()
        if one_to_one:
            assert token == written
        else:  # a token may be a part of what one character becomes
            assert token in written


@given(odd_texts | st.text(st.characters(categories=["Lo", "Mn", "Mc"]), max_size=20))
@example("\u1100\u1161\u11a8 e\u0323\u0301 \u0958")
def test_composed_characters_come_from_where_they_stood(text):
    composed, starts, ends = align_composed(text)
    assert composed == compose(text)
    for character, start, end in zip(composed, starts, ends, strict=True):
        assert character in compose(text[start:end])


def _comparable(text):
    """Undo what depends on the surroundings: the final sigma, runs of white space."""
    return re.sub(r"\s\s+", " ", text.replace("ς", "σ"))


@given(odd_texts, st.sampled_from([None, "unicode"]))
def test_a_pair_of_words_spans_from_the_first_to_the_second(text, strip_accents):
    def spans(ngram_range):
        reader = CountVectorizer(strip_accents=strip_accents, ngram_range=ngram_range)
        return build_token_spans(reader)(text)

    words = spans((1, 1))
    assert spans((2, 2)) == [(a[0], b[1]) for a, b in pairwise(words)]


@given(odd_texts, readings)
def test_spans_stand_in_the_order_of_the_text(text, reading):
    starts = [start for start, _ in build_token_spans(CountVectorizer(**reading))(text)]
    assert starts == sorted(starts)


@settings(max_examples=50)
@given(
    st.lists(odd_texts, min_size=1, max_size=4),
    readings,
    st.integers(1, 6),
    st.sampled_from(["head", "tail", "both"]),
)
def test_spans_match_the_columns_and_the_words(texts, reading, max_length, truncation):
    texts = [*texts, "ab ab ab"]
    vectorizer = SequenceVectorizer(max_length=max_length, truncation=truncation, **reading)
    if not any(map(build_tokens(CountVectorizer(**reading)), texts)):
        return
    ids = vectorizer.fit_transform(texts)
    spans = vectorizer.token_spans(texts)
    words = vectorizer.inverse_transform(ids)
    alone = build_tokens(CountVectorizer(**reading))
    for row, span, row_words, text in zip(ids, spans, words, texts, strict=True):
        n_kept = np.count_nonzero(row)
        assert span.shape == (n_kept, 2)
        assert (row[:n_kept] > 1).all()
        assert (row[n_kept:] == 0).all()
        assert list(row_words) == _cut(alone(text), max_length, truncation)


def _cut(tokens, max_length, truncation):
    """Truncate in the plainest way."""
    if len(tokens) <= max_length:
        return tokens
    n_last = {"head": 0, "tail": max_length, "both": max_length // 2}[truncation]
    return tokens[: max_length - n_last] + (tokens[-n_last:] if n_last else [])


CASES = {
    "longer in lower case": ({}, "İİ Ankara", ["İİ", "Ankara"]),
    "one letter that becomes two": ({"token_pattern": r"\w+"}, "İz bu", ["İz", "bu"]),
    "ligature": ({"strip_accents": "unicode"}, "ﬁne ﬂow", ["ﬁne", "ﬂow"]),
    "one longer, one shorter": (
        {"strip_accents": "unicode"},
        "ﬁne cafe\u0301 ab",
        ["ﬁne", "cafe\u0301", "ab"],
    ),
    "combining accents": (
        {"strip_accents": "unicode"},
        "cafe\u0301\u0323! ok",
        ["cafe\u0301\u0323", "ok"],
    ),
    "dropped letters": ({"strip_accents": "ascii"}, "naïve 日本 ok", ["naïve", "ok"]),
    "dropped letters at the edge": ({"strip_accents": "ascii"}, "日ab日 cd", ["ab", "cd"]),
    "stop words": ({"stop_words": ["the"]}, "The Cat, the Dog", ["Cat", "Dog"]),
    "bigrams": (
        {"ngram_range": (1, 2)},
        "Cat; Dog Cow",
        ["Cat", "Cat; Dog", "Dog", "Dog Cow", "Cow"],
    ),
    "bigrams over a stop word": (
        {"ngram_range": (2, 2), "stop_words": ["and"]},
        "cat and dog",
        ["cat and dog"],
    ),
    "group": ({"token_pattern": r"#(\w+)"}, "#Yes no #so", ["Yes", "so"]),
    "characters": ({"analyzer": "char"}, "Aİ \n z", ["A", "İ", "İ", " \n ", "z"]),
    "within words": (
        {"analyzer": "char_wb", "ngram_range": (3, 3)},
        "Cow  a",
        ["Co", "Cow", "ow", "a"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_spans_in_the_original_text(case):
    parameters, text, expected = CASES[case]
    vectorizer = SequenceVectorizer(**parameters).fit([text])
    spans = vectorizer.token_spans([text])[0]
    assert spans.dtype.kind == "i"
    assert [text[start:end] for start, end in spans] == expected


def test_out_of_vocabulary_tokens_have_spans_and_stop_words_have_none():
    vectorizer = SequenceVectorizer(stop_words=["the"]).fit(["the cat", "the cat sat"])
    assert vectorizer.transform(["the dog sat"]).tolist() == [[1, 3]]
    assert vectorizer.token_spans(["the dog sat"])[0].tolist() == [[4, 7], [8, 11]]


def test_text_without_tokens_has_an_empty_array_of_spans():
    vectorizer = SequenceVectorizer().fit(["cat"])
    assert [spans.shape for spans in vectorizer.token_spans(["", "!"])] == [(0, 2), (0, 2)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokenizer", str.split),
        ("preprocessor", str.upper),
        ("analyzer", str.split),
        ("strip_accents", str.upper),
    ],
)
def test_custom_functions_work_and_only_the_spans_say_why_not(name, value):
    vectorizer = SequenceVectorizer(**{name: value}).fit(["cat dog"])
    assert vectorizer.transform(["dog cat"]).tolist() == [[3, 2]]
    with pytest.raises(ValueError, match=f"A custom {name} does not tell where in the text"):
        vectorizer.token_spans(["dog"])
