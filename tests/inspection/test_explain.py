"""Attention on the words of the original text, by hand and through every kind of model."""

import sys

import numpy as np
import pytest
from by_hand import (
    VALUES,
    AddedValues,
    Chooser,
    film_model,
    planted_texts,
    trained_on_planted_texts,
)
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skattn import (
    AttentionDisplay,
    AttentionTextClassifier,
    SequenceVectorizer,
    TextClassifier,
    TextExplanation,
    explain_texts,
    faithfulness_report,
    make_text_classifier,
)
from skattn.engine._model import ResidentModel
from skattn.inspection._parts._attention import Mixture, find_attention
from skattn.inspection._render._text_pieces import text_pieces

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

TEXTS = ["The fine, fine film!", "a DULL thing", "", "?"]


def without_tags(texts):
    return [text.replace("<b>", "").replace("</b>", "") for text in texts]


def words_of(explanation):
    return dict(zip(explanation.tokens, explanation.weights.round(6).tolist(), strict=True))


def assert_same(explanations, others):
    for explanation, other in zip(explanations, others, strict=True):
        assert explanation.tokens == other.tokens
        np.testing.assert_allclose(explanation.weights, other.weights)
        assert explanation.prediction == other.prediction


# -- one network ---------------------------------------------------------------------------------


def test_weights_stand_on_the_words_as_written():
    first, second, *empty = explain_texts(film_model(), TEXTS)
    assert first.tokens == ("The", "fine", "fine", "film")
    assert first.spans.tolist() == [[0, 3], [4, 8], [10, 14], [15, 19]]
    np.testing.assert_allclose(first.weights, np.array([0.01, 0.31, 0.31, 0.01]) / 0.64)
    assert first.prediction == "good"
    assert first.probabilities.tolist() == [0.0, 1.0]
    assert (first.share, first.aggregate) == (1.0, "attention weights")
    assert words_of(second) == {"DULL": 0.96875, "thing": 0.03125}
    np.testing.assert_allclose(second.probabilities, [0.8, 0.2])
    for explanation in empty:
        assert explanation.tokens == ()
        assert explanation.spans.shape == (0, 2)
        assert explanation.weights.sum() == 0


def test_tokens_beyond_max_length_have_no_weight():
    (explanation,) = explain_texts(film_model(), ["fine " * 30])
    assert len(explanation.tokens) == 12
    assert explanation.weights.sum() == pytest.approx(1)


@pytest.mark.slow
def test_the_network_finds_the_planted_words():
    texts, labels, places = planted_texts(200, seed=1)
    explanations = explain_texts(trained_on_planted_texts("additive"), texts)
    heaviest = [int(explanation.weights.argmax()) for explanation in explanations]
    assert np.mean(np.array(heaviest) == places) >= 0.9
    assert np.mean([e.prediction for e in explanations] == labels) >= 0.98
    sums = [explanation.weights.sum() for explanation in explanations]
    np.testing.assert_allclose(sums, 1, atol=1e-6)


def test_labels_of_any_kind_are_kept():
    explanations = explain_texts(film_model(labels=(3, 7)), TEXTS[:2])
    assert [explanation.prediction for explanation in explanations] == [7, 3]


def test_no_texts_no_explanations():
    assert explain_texts(film_model(), []) == []


def test_an_array_of_texts_gives_plain_strings():
    (explanation,) = explain_texts(film_model(), np.array(["fine"]))
    assert type(explanation.text) is str


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "attention weights"),
        ({"attention": "multihead", "n_heads": 2}, "mean over 2 heads of attention weights"),
        (
            {"segment_length": 2},
            "attention weights within segments times the weights of the segments",
        ),
        ({"extra_pooling": "max"}, "attention weights (the max of all words, also used, has none)"),
        (
            {"encoder": "conv"},
            "attention weights; the weight of each window of words is divided among its words",
        ),
    ],
)
def test_the_aggregate_is_said(parameters, words):
    settings = {"encoder": "none", "units": 4, "embedding_dim": 4, "epochs": 1} | parameters
    model = make_pipeline(SequenceVectorizer(), AttentionTextClassifier(**settings))
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    assert explain_texts(model, ["fine"])[0].aggregate == words


# -- through other models ------------------------------------------------------------------------


def test_nested_pipelines_and_passthrough():
    plain = film_model()
    reading = Pipeline([("same", "passthrough"), ("vectorizer", plain[0]), ("none", None)])
    assert_same(
        explain_texts(Pipeline([("reading", reading), ("classifier", plain[1])]), TEXTS),
        explain_texts(plain, TEXTS),
    )
    assert_same(
        explain_texts(Pipeline([("same", "passthrough"), ("model", plain)]), TEXTS),
        explain_texts(plain, TEXTS),
    )


def test_best_estimator_of_a_search():
    grid = {"classifier__attention": ["values"]}
    search = GridSearchCV(film_model(), grid, cv=2).fit(["fine", "dull"] * 4, ["good", "bad"] * 4)
    assert_same(explain_texts(search, TEXTS), explain_texts(film_model(), TEXTS))
    within = Pipeline(
        [("vectorizer", search.best_estimator_[0]), ("search", search_of_ids(search))]
    )
    assert_same(explain_texts(within, TEXTS), explain_texts(film_model(), TEXTS))


def search_of_ids(search):
    ids = search.best_estimator_[0].transform(["fine", "dull"] * 4)
    over_ids = GridSearchCV(search.best_estimator_[1], {"random_state": [1]}, cv=2)
    return over_ids.fit(ids, ["good", "bad"] * 4)


def test_a_frozen_pipeline():
    assert_same(
        explain_texts(FrozenEstimator(film_model()), TEXTS), explain_texts(film_model(), TEXTS)
    )


def test_a_frozen_recipe():
    model = TextClassifier(epochs=1, units=2, random_state=0).fit(TEXTS * 4, ["a", "b"] * 8)
    assert_same(explain_texts(FrozenEstimator(model), TEXTS), explain_texts(model, TEXTS))


def test_steps_before_the_vectorizer_are_applied_and_spans_count_in_their_text():
    model = make_pipeline(FunctionTransformer(without_tags), *film_model().named_steps.values())
    (explanation,) = explain_texts(model, ["the <b>fine</b> film"])
    assert explanation.text == "the fine film"
    assert explanation.tokens == ("the", "fine", "film")
    assert explanation.spans.tolist() == [[0, 3], [4, 8], [9, 13]]


def test_calibration_gives_the_mean_over_the_fitted_members():
    texts, labels = ["fine film", "dull film", "good", "bad"] * 6, ["good", "bad"] * 12
    model = CalibratedClassifierCV(film_model(), cv=3).fit(texts, labels)
    for number, member in enumerate(model.calibrated_classifiers_):
        member.estimator[-1].table_[2] = number / 10  # "fine": sizes 0.01, 0.11, 0.21
    (explanation,) = explain_texts(model, ["fine film"])
    halves = [size / (size + 0.01) for size in (0.01, 0.11, 0.21)]
    np.testing.assert_allclose(explanation.weights, [np.mean(halves), 1 - np.mean(halves)])
    np.testing.assert_allclose(explanation.probabilities, model.predict_proba(["fine film"])[0])
    assert explanation.share == pytest.approx(1)
    assert explanation.aggregate == "mean over 3 networks of attention weights"


def counts_model(texts, labels):
    return make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, labels)


def vote_of(members, weights=None, texts=("fine film", "dull film"), labels=("good", "bad")):
    named = [(f"member{i}", member) for i, member in enumerate(members)]
    return VotingClassifier(named, voting="soft", weights=weights).fit(list(texts), list(labels))


def test_a_soft_vote_states_the_share_of_the_attention_part():
    model = vote_of([film_model(), counts_model(["fine", "dull"], ["good", "bad"])], [3, 1])
    (explanation,) = explain_texts(model, ["a dull thing"])
    network, counts = (member.predict_proba(["a dull thing"])[0, 0] for member in model.estimators_)
    assert explanation.prediction == "bad"
    assert explanation.share == pytest.approx(3 * network / (3 * network + counts))
    assert explanation.probabilities[0] == pytest.approx((3 * network + counts) / 4)
    assert words_of(explanation) == {"dull": 0.96875, "thing": 0.03125}


def test_two_attention_members_are_averaged_by_their_votes_over_all_their_words():
    short = film_model({**VALUES, "dull": -0.1}, max_length=1)
    model = vote_of([film_model(), short, "drop"], [1, 2, 5])
    (explanation,) = explain_texts(model, ["dull film"])
    votes = 0.8, 2 * 0.6
    dull = (votes[0] * 0.31 / 0.32 + votes[1] * 1.0) / sum(votes)
    assert explanation.tokens == ("dull", "film")
    np.testing.assert_allclose(explanation.weights, [dull, 1 - dull])
    assert explanation.share == pytest.approx(1)


def test_a_vote_inside_a_pipeline_reads_the_same_ids():
    plain = film_model()
    ids = plain[0].transform(["fine film", "dull film"])
    vote = vote_of([plain[1], AddedValues(attention="uniform")], texts=ids)
    (explanation,) = explain_texts(Pipeline([("ids", plain[0]), ("vote", vote)]), ["dull film"])
    assert explanation.share == pytest.approx(1)
    assert explanation.weights[0] == pytest.approx((0.8 * 0.96875 + 0.5 * 0.5) / 1.3)


def test_a_member_that_never_saw_a_class():
    members = [film_model(), film_model()]
    classes = np.array(["bad", "good", "ugly"])
    mixture = Mixture([], members, [find_attention(m) for m in members], [1, 1], classes)
    texts, positions = ["fine film"] * 3, np.array([0, 1, 2])
    assert [read.share for read in mixture.attention(texts, positions)] == pytest.approx([1, 1, 0])
    bad, good, ugly = mixture.gradients(texts, positions)
    np.testing.assert_allclose([bad.values, good.values], [[-0.3, 0], [0.3, 0]])
    assert ugly.values.tolist() == [0, 0]


def test_the_classifier_that_another_one_fitted():
    model = Chooser(film_model()).fit(["fine film", "dull film"], ["good", "bad"])
    assert_same(explain_texts(model, TEXTS), explain_texts(film_model(), TEXTS))


def test_the_prediction_is_the_models_own():
    texts = ["dull film", "fine film", "film"] * 8
    model = FixedThresholdClassifier(film_model(), threshold=0.9, pos_label="good")
    model.fit(texts, ["bad", "good", "bad"] * 8)
    (explanation,) = explain_texts(model, ["fine film"])
    assert (explanation.prediction, explanation.position) == ("bad", 0)
    assert explanation.probability == pytest.approx(0.2)


def test_pairs_of_words_are_shared_among_their_words():
    model = film_model({"fine": 0.2, "film": 0.0, "fine film": 0.1}, ngram_range=(1, 2))
    (explanation,) = explain_texts(model, ["fine film"])
    assert explanation.tokens == ("fine", "film")
    assert explanation.aggregate.endswith("; the weight of each n-gram is divided among its words")
    np.testing.assert_allclose(explanation.weights, [0.265 / 0.33, 0.065 / 0.33])
    (gradient,) = find_attention(model).gradients(["fine film"], np.array([1]))
    np.testing.assert_allclose(gradient.values, [0.25, 0.05])


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (["หนังสนุก", "น่าเบื่อ"], "ห นั ง ส นุ ก"),
        (["很干净，好", "一般"], "很 干 净 ， 好"),
        (["हिन्दी है।", "कम"], "हिन्दी है ।"),
    ],
)
@pytest.mark.parametrize("parts", [{"epochs": 1}, {"network": False}])
def test_marks_stay_with_their_letters(texts, tokens, parts):
    """In scripts without spaces between words each letter is a token, elsewhere each word."""
    labels = [0, 1] * 20
    model = TextClassifier(random_state=0, **parts).fit(texts * 20, labels)
    explanation = explain_texts(model, texts[0])[0]
    assert list(explanation.tokens) == tokens.split()
    total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
    np.testing.assert_allclose(total, explanation.probabilities, atol=1e-9)


def test_ngrams_of_characters_stay_as_they_are():
    model = film_model({"fi": 0.1}, analyzer="char", ngram_range=(2, 2))
    (explanation,) = explain_texts(model, ["fil"])
    assert explanation.spans.tolist() == [[0, 2], [1, 3]]


# -- what cannot be explained --------------------------------------------------------------------


def test_members_that_read_different_texts():
    cleaned = make_pipeline(FunctionTransformer(without_tags), *film_model().named_steps.values())
    model = vote_of([film_model(), cleaned])
    with pytest.raises(ValueError, match="read different texts"):
        explain_texts(model, ["a <b>fine</b> film"])


def test_members_that_cut_the_text_differently():
    letters = film_model({"fi": 0.1}, analyzer="char", ngram_range=(2, 2))
    model = vote_of([film_model(), letters])
    with pytest.raises(ValueError, match="into different tokens"):
        explain_texts(model, ["fine film"])


class Reversed(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, ::-1]

    def __sklearn_is_fitted__(self):
        return True


def test_columns_that_are_no_longer_tokens():
    vectorizer, classifier = film_model().named_steps.values()
    with pytest.raises(TypeError, match="Reversed stands between SequenceVectorizer and Added"):
        explain_texts(make_pipeline(vectorizer, Reversed(), classifier), TEXTS)


def test_a_classifier_without_its_vectorizer():
    with pytest.raises(TypeError, match="AddedValues reads token ids, and no SequenceVectorizer"):
        explain_texts(film_model()[1], TEXTS)


@pytest.mark.parametrize(
    ("model", "outline"),
    [
        (
            make_pipeline(CountVectorizer(), DecisionTreeClassifier()),
            "Pipeline > DecisionTreeClassifier",
        ),
        (
            GridSearchCV(make_pipeline(CountVectorizer(), DecisionTreeClassifier()), {}, cv=2),
            "GridSearchCV > Pipeline > DecisionTreeClassifier",
        ),
        (
            CalibratedClassifierCV(make_pipeline(CountVectorizer(), BernoulliNB()), cv=2),
            "CalibratedClassifierCV",
        ),
        (make_pipeline(TfidfVectorizer(), LinearSVC()), ".*LinearSVC gives no probabilities"),
        (make_pipeline(HashingVectorizer(), LogisticRegression()), ".*HashingVectorizer"),
        (
            make_pipeline(TfidfVectorizer(), TruncatedSVD(1), LogisticRegression()),
            ".*TruncatedSVD may mix the columns",
        ),
        (
            make_pipeline(TfidfVectorizer(tokenizer=str.split), LogisticRegression()),
            ".*A custom tokenizer does not tell where in the text",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The parameter 'token_pattern'")
def test_what_cannot_be_explained_is_named(model, outline):
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    with pytest.raises(TypeError, match=outline):
        explain_texts(model, TEXTS)


def test_a_hard_vote():
    model = VotingClassifier([("network", film_model())]).fit(["fine", "dull"], ["good", "bad"])
    with pytest.raises(TypeError, match="voting='hard'"):
        explain_texts(model, TEXTS)


def test_an_unfitted_model():
    with pytest.raises(NotFittedError):
        explain_texts(make_pipeline(SequenceVectorizer(), AddedValues()), TEXTS)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (b"fine film", "wrap it in a list"),
        (["fine", 3.5], r"Row 1 .* is not a text but 3.5 \(float\)"),
    ],
)
def test_what_is_no_list_of_texts(texts, message):
    with pytest.raises(ValueError, match=message):
        explain_texts(film_model(), texts)


# -- the explanation itself ----------------------------------------------------------------------


def test_a_frame_has_a_row_a_token():
    frame = explain_texts(film_model(), TEXTS)[1].to_frame()
    assert frame.columns.tolist() == ["token", "start", "end", "weight", "bad", "good"]
    assert frame["token"].tolist() == ["DULL", "thing"]
    assert frame["weight"].tolist() == [0.96875, 0.03125]
    np.testing.assert_allclose(frame["bad"], [0.3, 0.0])


def test_without_pandas_a_frame_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas: pip install pandas"):
        explain_texts(film_model(), TEXTS)[0].to_frame()


def test_top_tokens_and_repr():
    first, _, empty, _ = explain_texts(film_model(), TEXTS)
    assert [token for token, _ in first.top_tokens(3)] == ["fine", "fine", "The"]
    assert repr(first) == "TextExplanation(good 100.0 %: fine +25.0, fine +25.0)"
    assert repr(empty) == "TextExplanation(bad 50.0 %: no tokens)"


def test_a_repr_cannot_steer_the_terminal():
    hostile, one, span = "\x1b[31mred\u202e\n", np.ones(1), np.array([[0, 8]])
    explanation = TextExplanation(
        hostile, (hostile,), span, one, np.array([hostile]), one, prediction=hostile
    )
    shown = r"\x1b[31mred\u202e\n"
    assert repr(explanation) == f"TextExplanation({shown} 100.0 %: {shown} 100.0 %)"


def test_pieces_add_up_to_the_text():
    for explanation in explain_texts(film_model(), [*TEXTS, "  fine\nfilm. "]):
        pieces = text_pieces(explanation)
        assert "".join(text for text, _ in pieces) == explanation.text
        owned = [(text, token) for text, token in pieces if token is not None]
        assert owned == [(text, number) for number, text in enumerate(explanation.tokens)]


def test_a_piece_under_several_tokens_belongs_to_the_heaviest():
    explanation = TextExplanation(
        text="fine old film",
        tokens=("fine", "fine old", "old film", ""),
        spans=np.array([[0, 4], [0, 8], [5, 13], [13, 13]]),
        weights=np.array([0.5, 0.1, 0.3, 0.1]),
        classes=np.array([0, 1]),
        probabilities=np.array([0.5, 0.5]),
        prediction=0,
    )
    assert text_pieces(explanation) == [("fine", 0), (" ", 1), ("old film", 2)]


@pytest.mark.slow
def test_explaining_imports_no_tensorflow(run_python):
    names = "explain_texts, faithfulness_report"
    code = f"import sys; from skattn import {names}; print('tensorflow' in sys.modules)"
    assert run_python(code).stdout.strip() == "False"


@pytest.mark.slow
def test_both_levels_of_hierarchical_attention_reach_the_explanation():
    texts = ["one two three four five", "six", "one six three"] * 6
    pipeline = make_text_classifier(
        linear=False,
        encoder="none",
        segment_length=2,
        units=4,
        embedding_dim=4,
        epochs=1,
        random_state=0,
    ).fit(texts, ["a", "b", "a"] * 6)
    explanation = explain_texts(pipeline, texts[:1])[0]
    spans = explanation.segment_spans
    assert [texts[0][start:end] for start, end in spans] == ["one two", "three four", "five"]
    assert explanation.segment_weights.sum() == pytest.approx(1)
    tokens = np.add.reduceat(explanation.weights, [0, 2, 4])
    np.testing.assert_allclose(tokens, explanation.segment_weights, atol=1e-6)
    flat = make_text_classifier(linear=False, epochs=1, units=2, embedding_dim=2)
    assert explain_texts(flat.fit(texts, ["a", "b", "a"] * 6), ["one"])[0].segment_weights is None


def test_the_repr_is_short_however_long_the_tokens_are():
    explanation = TextExplanation(
        text="x" * 100_000,
        tokens=["x" * 100_000],
        spans=np.array([[0, 100_000]]),
        weights=np.array([1.0]),
        classes=np.array(["a", "b" * 10_000]),
        probabilities=np.array([0.1, 0.9]),
        prediction="b" * 10_000,
    )
    assert len(repr(explanation)) < 200
    assert "x… 100.0 %" in repr(explanation)


@pytest.mark.slow
def test_the_network_reads_each_text_once(monkeypatch):
    """Besides the gradients, and the texts of unknown words that evidence starts from."""
    texts, labels, _ = planted_texts(60, seed=0)
    model = make_text_classifier(encoder="conv", units=4, epochs=1, random_state=0)
    model.fit(texts, labels)
    explained = explain_texts(model, texts[:5])
    read, spans, ids = [], [], []

    def reading(network, x, *args, original=ResidentModel.by_batches):
        read.append(len(x))
        return original(network, x, *args)

    def looking(vectorizer, seen, original=SequenceVectorizer.token_spans):
        spans.append(len(seen))
        return original(vectorizer, seen)

    def tokenizing(vectorizer, seen, original=SequenceVectorizer._rows_of_ids):
        ids.append(len(seen))
        return original(vectorizer, seen)

    monkeypatch.setattr(SequenceVectorizer, "_rows_of_ids", tokenizing)
    monkeypatch.setattr(ResidentModel, "by_batches", reading)
    monkeypatch.setattr(SequenceVectorizer, "token_spans", looking)
    again = explain_texts(model, texts[:5])
    assert read == [5]
    assert [n for n in spans if n > 1] == ids == [5]  # one text alone is a question beforehand
    for one, other in zip(explained, again, strict=True):
        np.testing.assert_array_equal(one.evidence, other.evidence)
        np.testing.assert_array_equal(one.weights, other.weights)
    read.clear()
    model.predict_proba(texts[:5])
    model.predict_proba(texts[:5])
    assert read == [5] * 2  # nothing is kept outside


class Stemmed(TfidfVectorizer):
    def build_analyzer(self):
        words = super().build_analyzer()
        return lambda text: [word[:4] for word in words(text)]


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(Stemmed(), LogisticRegression()),
        TextClassifier(tokenizer=str.split, epochs=1),
        TextClassifier(preprocessor=str.upper, network=False),
        make_pipeline(SequenceVectorizer(analyzer=str.split), AttentionTextClassifier(epochs=1)),
    ],
)
def test_tokens_that_a_function_makes_have_no_place_in_the_text(model):
    model.fit(["a fine film", "a dull book"] * 20, ["good", "bad"] * 20)
    with pytest.raises(TypeError, match=r"(A custom|has its own) .*does not tell where"):
        explain_texts(model, "a fine film")


def test_targets_that_are_no_labels_are_refused():
    model, texts = film_model(), ["the fine film", "dull"]
    table = np.array([["good", "bad"]])
    for target in (table, (c for c in "ab"), {"good", "bad"}, {"good": 1}):
        with pytest.raises(ValueError, match="target must be a class, or an array-like with"):
            explain_texts(model, texts, target=target)
    [explanation] = explain_texts(model, "the fine film")
    for label in (["good"], ["good", "bad"], table):
        with pytest.raises(ValueError, match="is not one of the classes"):
            explanation.evidence_for(label)
    for n in ("3", 2.5, -1):
        with pytest.raises(ValueError, match="n must be a whole number from 0 on"):
            explanation.top_tokens(n)


@pytest.mark.parametrize("as_given", [list, np.array, lambda days: [day.item() for day in days]])
def test_labels_that_are_dates_in_any_form(as_given):
    days = np.array(["2020-01-01", "2020-01-02"] * 20, dtype="datetime64[s]")
    texts = ["a fine film", "a dull film"] * 20
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, days)
    found = explain_texts(model, texts[:2], target=as_given(days[:2])[::-1])
    assert [e.target for e in found] == [days[1], days[0]]
    assert found[0].evidence_for(as_given(days[1:2])[0]) == pytest.approx(found[0].evidence[:, 1])
    report = faithfulness_report(model, texts[:6], as_given(days[:6]), n_bootstrap=5)
    assert report.accuracy == 1.0
    page = AttentionDisplay.from_estimator(model, texts[:6], as_given(days[:6])).to_html()
    assert "100.0 %" in page


class Decoding(SequenceVectorizer):
    """A method of this name means nothing to a SequenceVectorizer."""

    def decode(self, ids):
        return [self.words_[number] for number in ids]


def test_a_subclass_with_methods_of_its_own_is_explained():
    model = make_pipeline(Decoding(), AttentionTextClassifier(encoder="none", epochs=1))
    model.fit(["a fine film", "a dull book"] * 20, ["good", "bad"] * 20)
    assert explain_texts(model, "a fine film")[0].tokens == ("fine", "film")
