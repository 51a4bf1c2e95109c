"""Marks for capitals: which words get one, where it stands, and how it is explained."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from skattn import SequenceVectorizer, explain_texts, make_text_classifier
from skattn._capitals import lower_with_marks, with_marks, with_marks_and_origins
from skattn._recipe import WORDS_AND_SIGNS
from skattn._tokens import build_token_spans, build_tokens

texts = st.text(
    st.sampled_from("aAbBzZ İIßẞσςΣǅéÉe\u0301'-_.!?\n\t日😀1⇧⇪\ud800")
    | st.characters(exclude_categories=[]),
    max_size=30,
)
MARKED = {"lowercase": "mark", "token_pattern": WORDS_AND_SIGNS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask Ann", "ask ⇧ ann"),
        ("Ann asks", "ann asks"),
        ("'Ann asks'", "'ann asks'"),
        ("we left. Ann asks", "we left. ann asks"),
        ("we left!\nAnn asks", "we left!\nann asks"),
        ("we left\nAnn asks", "we left\nann asks"),
        ("the IBM", "the ⇪ ibm"),
        ("FREE! CALL now", "⇪ free! ⇪ call now"),
        ("so I ask Mr. B what", "so i ask ⇧ mr. b what"),
        ("an iPhone 4S, 3D", "an iphone 4s, 3d"),
        ("by O'Neil-Jones", "by o'⇧ neil-⇧ jones"),
        ("straße, ÉCOLE, Übung", "straße, ⇪ école, ⇧ übung"),
        ("nothing to mark", "nothing to mark"),
        ("", ""),
    ],
)
def test_words_whose_capitals_tell_something_are_marked(text, expected):
    assert lower_with_marks(text) == expected


@given(texts)
def test_the_marked_text_without_its_marks_is_the_text(text):
    marked, starts, ends = with_marks_and_origins(text)
    assert marked == with_marks(text)
    assert len(marked) == len(starts) == len(ends)
    one_to_one = [c for c, a, b in zip(marked, starts, ends, strict=True) if text[a:b] == c]
    assert len(one_to_one) >= len(text)
    assert (starts <= ends).all()
    assert (np.diff(starts) >= 0).all()
    if not set("⇧⇪") & set(text):
        assert re.sub("[⇧⇪] ", "", marked) == text


@given(texts, st.sampled_from([(1, 1), (1, 3)]))
def test_marks_have_spans_in_reading_order(text, ngram_range):
    reader = CountVectorizer(**MARKED, ngram_range=ngram_range)
    tokens, spans = build_tokens(reader)(text), build_token_spans(reader)(text)
    assert len(tokens) == len(spans)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    if ngram_range == (1, 1) and not set("⇧⇪") & set(text):
        plain = CountVectorizer(token_pattern=WORDS_AND_SIGNS)
        assert [token for token in tokens if token not in "⇧⇪"] == build_tokens(plain)(text)


def test_a_mark_has_the_span_of_its_word():
    text = "do you know ANN, Bob?"
    vectorizer = SequenceVectorizer(**MARKED).fit([text])
    tokens = vectorizer.inverse_transform(vectorizer.transform([text]))[0].tolist()
    spans = [text[start:end] for start, end in vectorizer.token_spans([text])[0]]
    assert tokens == ["do", "you", "know", "⇪", "ann", ",", "⇧", "bob", "?"]
    assert spans == ["do", "you", "know", "ANN", "ANN", ",", "Bob", "Bob", "?"]


@pytest.mark.parametrize(
    "own", [{"preprocessor": str.lower}, {"analyzer": str.split}, {"analyzer": "char"}]
)
def test_marks_are_of_words_read_as_usual(own):
    with pytest.raises(ValueError, match="lowercase='mark'"):
        SequenceVectorizer(lowercase="mark", **own).fit(["ask Ann"])


def test_an_own_tokenizer_finds_the_marks():
    vectorizer = SequenceVectorizer(lowercase="mark", tokenizer=str.split, token_pattern=None)
    assert list(vectorizer.fit(["ask Ann"]).vocabulary_) == ["ann", "ask", "⇧"]


@pytest.mark.parametrize("pattern", [r"(?u)\b\w\w+\b", r"\w+", r"(\w+)|⇧", "⇧"])
def test_a_pattern_that_does_not_find_the_marks_is_refused(pattern):
    with pytest.raises(ValueError, match="token_pattern"):
        SequenceVectorizer(lowercase="mark", token_pattern=pattern).fit(["ask Ann"])


@pytest.mark.parametrize("wrong", ["Mark", "yes", 2, None])
def test_other_values_are_refused(wrong):
    with pytest.raises(ValueError, match="lowercase"):
        SequenceVectorizer(lowercase=wrong).fit(["ask Ann"])


def test_the_attention_on_a_mark_counts_for_its_word():
    told = ["we met Rose", "we met a rose"] * 20
    pipeline = make_text_classifier(linear=False, random_state=0, encoder="none", **MARKED)
    pipeline.set_params(classifier__epochs=60, classifier__learning_rate=0.05)
    pipeline.fit(told, ["name", "flower"] * 20)
    assert pipeline.predict(told[:2]).tolist() == ["name", "flower"]
    explanation = explain_texts(pipeline, ["we met Rose"])[0]
    assert explanation.tokens == ("we", "met", "Rose")
    network = pipeline[-1].attention_weights(pipeline[0].transform(["we met Rose"]))[0]
    assert explanation.weights[2] == pytest.approx(network[2] + network[3])


@settings(max_examples=20, deadline=None)
@given(st.lists(texts, min_size=1, max_size=3))
def test_explanations_add_up_whatever_is_in_the_text(given_texts):
    explanations = explain_texts(_fitted(), given_texts)
    for text, explanation in zip(given_texts, explanations, strict=True):
        assert explanation.tokens == tuple(text[a:b] for a, b in explanation.spans)
        assert explanation.weights.sum() == pytest.approx(1 if len(explanation.tokens) else 0)


def _fitted(cache=[]):  # noqa: B006
    if not cache:
        pipeline = make_text_classifier(linear=False, random_state=0, encoder="none", **MARKED)
        pipeline.set_params(classifier__epochs=2)
        cache.append(pipeline.fit(["a Good FILM", "a bad film"] * 4, [0, 1] * 4))
    return cache[0]


def test_the_recipe_tells_names_from_words():
    told = ["we met Rose", "we met rose", "here is Rose", "here is rose"] * 10
    labels = ["name", "flower"] * 20
    recipe = make_text_classifier(random_state=0).fit(told, labels)
    members = recipe.named_estimators_
    asked = ["it was Rose", "it was rose"]
    for member in (members["attention"], members["linear"]):
        assert member.predict(asked).tolist() == ["name", "flower"]


@pytest.mark.parametrize(
    "own",
    [
        {"analyzer": "char"},
        {"preprocessor": str.lower},
        {"token_pattern": r"\w+"},
        {"tokenizer": str.split},
        {"vocabulary": ["rose", "met"]},
    ],
)
def test_the_recipe_marks_nothing_where_the_user_reads(own):
    recipe = make_text_classifier(**own)
    for choice in ("short", "many", "long", "long_binary"):
        assert recipe.get_params()[f"attention__{choice}__vectorizer__lowercase"] is True
    assert (
        make_text_classifier(lowercase=False, **own).get_params()[
            "attention__short__vectorizer__lowercase"
        ]
        is False
    )
