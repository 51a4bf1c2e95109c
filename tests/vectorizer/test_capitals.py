"""Marks for capitals: which words get one, where it stands, and how it is explained."""

import pickle
import re
import warnings

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV

from skattn import SequenceVectorizer, explain_texts, make_text_classifier
from skattn.inspection._erasure import only_tokens, without_tokens
from skattn.recipe._make_text_classifier import WORDS_AND_SIGNS
from skattn.vectorizer._capitals import lower_with_marks, with_marks, with_marks_and_origins
from skattn.vectorizer._tokens import build_token_spans, build_tokens

texts = st.text(
    st.sampled_from("aAbBzZ İIßẞσςΣǅéÉe\u0301'-_.!?\n\t日😀1⇧⇪\ud800")
    | st.characters(exclude_categories=[]),
    max_size=30,
)
MARKED = {"lowercase": "mark", "token_pattern": WORDS_AND_SIGNS}


# -- the marked text -------------------------------------------------------------------------------


def marked(text):
    """The marked text with single spaces beside the marks."""
    return re.sub("  +", " ", lower_with_marks(text)).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask Ann", "ask ⇧ ann"),
        ("Ann asks Ann", "⇧ ann asks ⇧ ann"),
        ("ask 'Ann', (Bob)", "ask ⇧ 'ann', (bob)"),
        ("in New York City today", "in ⇧ new york city today"),
        ("NOT GOOD AT ALL", "⇪ not good at all"),
        ("Fed Raises Interest Rates", "⇧ fed raises interest rates"),
        ("The IBM", "⇧ the ⇪ ibm"),
        ("it. VITAMIN C LEVELS, Ann & Bob", "it. ⇪ vitamin c levels, ⇧ ann & bob"),
        ("so I ask A B what", "so i ask a b what"),
        ("an iPhone 4S, 3D, A4", "an iphone 4s, 3d, a4"),
        ("by O'Neil, Jean-Paul", "by o'neil, ⇧ jean-paul"),
        ("straße, ÉCOLE, Übung", "straße, ⇪ école, ⇧ übung"),
        ("une E\u0301cole, E\u0301COLE", "une ⇧ e\u0301cole, ⇪ e\u0301cole"),
        ("日本 Aa 日 Bb", "日本 ⇧ aa 日 bb"),
        ("nothing to mark", "nothing to mark"),
        ("", ""),
    ],
)
def test_runs_of_words_with_capitals_are_marked(text, expected):
    assert marked(text) == expected


@given(texts)
def test_every_character_and_mark_has_its_origin(text):
    with_them, starts, ends = with_marks_and_origins(text)
    assert with_them == with_marks(text)
    assert len(with_them) == len(starts) == len(ends)
    assert (starts <= ends).all()
    if not set("⇧⇪") & set(text):
        letters = [c for c, a, b in zip(with_them, starts, ends, strict=True) if text[a:b] == c]
        assert "".join(letters) == re.sub(" [⇧⇪] ", "", with_them) == text
        for mark in re.finditer("[⇧⇪]", with_them):
            word = text[starts[mark.start()] : ends[mark.start()]]
            assert re.match(r"[^\w\s]*\w", word)
            assert word != word.lower()
            assert not re.search(r"\s", word)


@given(texts)
def test_lower_casing_is_that_of_the_text(text):
    assume(not set("⇧⇪") & set(text))
    assert re.sub(" [⇧⇪] ", "", lower_with_marks(text)) == text.lower()


# -- the tokens ------------------------------------------------------------------------------------


@given(texts, st.sampled_from([(1, 1), (1, 3)]))
@example("AΣ'AB", (1, 1))
@example("AΣ AB", (1, 1))
@example("\x1b{AA", (1, 3))
def test_marks_have_spans_in_reading_order(text, ngram_range):
    reader = CountVectorizer(**MARKED, ngram_range=ngram_range)
    tokens, spans = build_tokens(reader)(text), build_token_spans(reader)(text)
    assert len(tokens) == len(spans)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    if ngram_range == (1, 1) and not set("⇧⇪") & set(text):
        plain = CountVectorizer(token_pattern=WORDS_AND_SIGNS)
        words = [(t, s) for t, s in zip(tokens, spans, strict=True) if t not in "⇧⇪"]
        assert [word for word, _ in words] == build_tokens(plain)(text)
        assert [span for _, span in words] == build_token_spans(plain)(text)


def read(texts, **params):
    """The tokens of each text, and what their spans hold."""
    vectorizer = SequenceVectorizer(**(MARKED | params)).fit(texts)
    tokens = vectorizer.inverse_transform(vectorizer.transform(texts))
    spans = vectorizer.token_spans(texts)
    written = [[t[a:b] for a, b in s] for t, s in zip(texts, spans, strict=True)]
    return [list(row) for row in tokens], written


def test_a_mark_has_the_span_of_the_word_behind_it():
    tokens, written = read(["do you know ANN, 'Bob'?"])
    assert tokens == [["do", "you", "know", "⇪", "ann", ",", "⇧", "'", "bob", "'", "?"]]
    assert written == [["do", "you", "know", "ANN", "ANN", ",", "'Bob", "'", "Bob", "'", "?"]]


def test_pairs_of_words_within_a_run_stay_pairs():
    tokens, written = read(["see New York NOW"], ngram_range=(2, 2))
    assert tokens == [["see ⇧", "⇧ new", "new york", "york ⇪", "⇪ now"]]
    assert written == [["see New", "New", "New York", "York NOW", "NOW"]]


def test_a_mark_goes_with_a_stop_word():
    tokens, written = read(["I saw The house, The House"], stop_words=["the"])
    assert tokens == [["i", "saw", "house", ",", "house"]]
    assert written == [["I", "saw", "house", ",", "House"]]


@pytest.mark.parametrize("lowercase", [True, "mark"])
def test_a_tokenizer_may_give_an_iterator(lowercase):
    def tokenizer(text):
        yield from text.split()

    vectorizer = SequenceVectorizer(
        tokenizer=tokenizer, token_pattern=None, lowercase=lowercase, stop_words=["the"]
    )
    words = vectorizer.fit(["see The house ALONE"]).vocabulary_
    assert set(words) - {"⇪"} == {"see", "house", "alone"}


@pytest.mark.parametrize("sign", ["⇧", "⇪"])
def test_a_sign_of_the_text_is_a_word_like_others(sign):
    plain = SequenceVectorizer(token_pattern=WORDS_AND_SIGNS, stop_words=["the"])
    assert sign in plain.fit([f"press {sign} the"]).vocabulary_


def test_the_mark_of_an_unknown_word_is_kept():
    vectorizer = SequenceVectorizer(**MARKED, unknown="drop").fit(["we met Ann today"])
    ids = vectorizer.transform(["we met Zora today"])
    assert vectorizer.inverse_transform(ids)[0].tolist() == ["we", "met", "⇧", "today"]
    assert vectorizer.token_spans(["we met Zora today"])[0][2].tolist() == [7, 11]


def test_marks_are_hashed_like_words():
    plain = SequenceVectorizer(token_pattern=WORDS_AND_SIGNS, n_features=50, max_length=6)
    hashed = clone(plain).set_params(lowercase="mark").transform(["ask Ann"])[0]
    assert hashed.tolist() == plain.transform(["ask ⇧ ann"])[0].tolist()


# -- what does not fit together --------------------------------------------------------------------


@pytest.mark.parametrize(
    "own", [{"preprocessor": str.lower}, {"analyzer": str.split}, {"analyzer": "char"}]
)
def test_marks_are_for_words_read_as_usual(own):
    with pytest.raises(ValueError, match="lowercase='mark'"):
        SequenceVectorizer(lowercase="mark", **own).fit(["ask Ann"])


def test_an_own_tokenizer_finds_the_marks():
    vectorizer = SequenceVectorizer(lowercase="mark", tokenizer=str.split, token_pattern=None)
    assert list(vectorizer.fit(["ask Ann"]).vocabulary_) == ["ann", "ask", "⇧"]


@pytest.mark.parametrize(
    "reading",
    [
        {},
        {"token_pattern": r"\w+"},
        {"token_pattern": r"(\w+)|⇧"},
        {"token_pattern": r"\w+\s*|[^\w\s]"},
        {"tokenizer": re.compile(r"\w+").findall, "token_pattern": None},
        {"token_pattern": WORDS_AND_SIGNS, "strip_accents": "ascii"},
    ],
)
def test_a_reading_that_loses_the_marks_is_refused(reading):
    with pytest.raises(ValueError, match="token_pattern"):
        SequenceVectorizer(lowercase="mark", **reading).fit(["ask Ann"])


@pytest.mark.parametrize("pattern", [r"\S+", r"(?u)\w[\w'-]*|[^\w\s]", r"\w+|[^\w\s]+"])
def test_marks_cut_no_token(pattern):
    text = ["said (Ann) O'Neil-Jones, 'Tis"]
    plain = SequenceVectorizer(token_pattern=pattern).fit(text)
    with_marks = SequenceVectorizer(token_pattern=pattern, lowercase="mark").fit(text)
    assert set(with_marks.vocabulary_) - set(plain.vocabulary_) == {"⇧"}
    assert set(plain.vocabulary_) <= set(with_marks.vocabulary_)


@pytest.mark.parametrize("wrong", ["Mark", "yes", 2, None])
def test_other_values_are_refused(wrong):
    with pytest.raises(ValueError, match="lowercase"):
        SequenceVectorizer(lowercase=wrong).fit(["ask Ann"])


def test_a_vocabulary_without_marks_is_told():
    with pytest.warns(UserWarning, match="lacks the marks"):
        SequenceVectorizer(**MARKED, vocabulary=["ask", "ann"]).fit(["ask Ann"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SequenceVectorizer(**MARKED, vocabulary=["ask", "ann", "⇧", "⇪"]).fit(["ask Ann"])


def test_a_search_over_lowercase():
    pipeline = make_text_classifier(linear=False, encoder="none", epochs=2, random_state=0)
    pipeline.set_params(vectorizer__token_pattern=WORDS_AND_SIGNS)
    grid = {"vectorizer__lowercase": [True, False, "mark"]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(["ask Ann", "ask ann", "see Ann", "see ann"] * 3, [0, 1] * 6)
    assert pickle.loads(pickle.dumps(search)).best_params_ == search.best_params_


# -- explanations ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    """A network that tells "Rose" from "rose" by the mark."""
    pipeline = make_text_classifier(linear=False, random_state=0, encoder="none", **MARKED)
    pipeline.set_params(classifier__epochs=60, classifier__learning_rate=0.05)
    return pipeline.fit(["we met Rose", "we met rose"] * 20, ["name", "flower"] * 20)


def test_the_attention_on_a_mark_is_added_to_that_of_its_word(fitted):
    text = "we met Rose"
    assert fitted.predict([text, text.lower()]).tolist() == ["name", "flower"]
    explanation = explain_texts(fitted, [text])[0]
    assert explanation.tokens == ("we", "met", "Rose")
    alone = fitted[-1].attention_weights(fitted[0].transform([text]))[0]
    assert explanation.weights.tolist() == pytest.approx([alone[0], alone[1], alone[2] + alone[3]])


@settings(max_examples=20, deadline=None)
@given(given_texts=st.lists(texts, min_size=1, max_size=3))
def test_explanations_add_up_whatever_is_in_the_text(fitted, given_texts):
    explanations = explain_texts(fitted, given_texts)
    for text, explanation in zip(given_texts, explanations, strict=True):
        assert explanation.tokens == tuple(text[a:b] for a, b in explanation.spans)
        assert explanation.weights.sum() == pytest.approx(1 if len(explanation.tokens) else 0)


def test_erasing_words_leaves_the_marks_of_others(fitted):
    text = "today we met Rose"
    spans = explain_texts(fitted, [text])[0].spans
    assert marked(only_tokens(text, spans, [3])) == "⇧ rose"
    assert marked(without_tokens(text, spans, [0, 2])) == "we ⇧ rose"


def test_segments_do_not_overlap_where_a_mark_ends_one():
    pipeline = make_text_classifier(
        linear=False, encoder="none", epochs=1, segment_length=3, random_state=0, **MARKED
    )
    pipeline.fit(["we met Rose today", "we met rose today"] * 4, [0, 1] * 4)
    explanation = explain_texts(pipeline, ["we met Rose today"])[0]
    assert explanation.segment_spans.tolist() == [[0, 7], [7, 17]]


# -- the recipe ------------------------------------------------------------------------------------


def test_both_members_of_the_recipe_tell_names_from_words():
    told = ["we met Rose", "we met rose", "here is Rose", "here is rose"] * 10
    recipe = make_text_classifier(random_state=0).fit(told, ["name", "flower"] * 20)
    for member in recipe.estimators_:
        assert member.predict(["it was Rose", "it was rose"]).tolist() == ["name", "flower"]


@pytest.mark.parametrize("case", [str.upper, str.title])
def test_pairs_of_words_count_in_texts_of_capitals(case):
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2

    def text(label):
        pairs = ["not good", "very bad"] if label else ["very good", "not bad"]
        return case(" ".join([pairs[0], *rng.choice(["so", "it", "is"], 5), pairs[1]]))

    linear = make_text_classifier(random_state=0).estimators[1][1]
    linear.fit([text(label) for label in y], y)
    assert linear.score([text(label) for label in y], y) == 1.0


def how_it_reads(recipe):
    """`lowercase` of the networks for short texts and for others, and the linear preprocessor."""
    params = recipe.get_params()
    features = dict(params["linear__features"].transformer_list)
    assert features["words"].preprocessor is features["characters"].preprocessor
    short, *others = (
        params[f"attention__{choice}__vectorizer__lowercase"]
        for choice in ("short", "many", "long", "long_binary")
    )
    assert len(set(others)) == 1
    return short, others[0], features["words"].preprocessor


@pytest.mark.parametrize(
    "own",
    [
        {"analyzer": "char"},
        {"analyzer": str.split},
        {"preprocessor": str.lower},
        {"token_pattern": r"\w+"},
        {"tokenizer": str.split},
        {"vocabulary": ["rose", "met"]},
        {"vocabulary": np.array(["rose", "met"])},
        {"embeddings": {"rose": [1.0, 2.0]}},
    ],
)
def test_the_network_marks_nothing_where_the_user_reads(own):
    assert how_it_reads(make_text_classifier(**own)) == (True, True, lower_with_marks)
    assert how_it_reads(make_text_classifier(lowercase=False, **own)) == (False, False, None)


@pytest.mark.parametrize(
    "usual", [{}, {"analyzer": "word"}, {"vocabulary": None}, {"token_pattern": WORDS_AND_SIGNS}]
)
def test_both_members_mark_unless_told_otherwise(usual):
    assert how_it_reads(make_text_classifier(**usual)) == ("mark", True, lower_with_marks)
    assert how_it_reads(make_text_classifier(lowercase=True, **usual)) == (True, True, None)
