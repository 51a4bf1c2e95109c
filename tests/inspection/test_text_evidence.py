"""Evidence on words: it adds up through every kind of model, and finds what was planted."""

import functools
import threading
import unicodedata

import numpy as np
import pytest
from by_hand import AddedValues, film_model, planted_texts
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_array

from skattn import (
    AttentionTextClassifier,
    SequenceVectorizer,
    TextClassifier,
    explain_texts,
    make_text_classifier,
)
from skattn.engine import _batches
from skattn.inspection._parts._linear import LinearModel
from skattn.recipe._linear import LogCountRatio, MarginClassifier, UnicodeTfidf

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

HOSTILE = [
    "",
    "   ",
    "?!",
    "İstanbul ﬁne e\u0301tat",
    "<b>awful</b> & \u202esplendid",
    "never seen before",
    "splendid" * 50,
    "awful\n\nawful\tsplendid",
    "a\x00b \ud800 awful",
]


def assert_adds_up(model, texts, atol=1e-9):
    explanations = explain_texts(model, texts)
    for explanation, row in zip(explanations, model.predict_proba(texts), strict=True):
        n_tokens, n_classes = len(explanation.tokens), len(model.classes_)
        assert explanation.evidence.shape == (n_tokens, n_classes)
        total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
        np.testing.assert_allclose(total, row, atol=atol)
        np.testing.assert_allclose(explanation.probabilities, row, atol=atol)
        if abs(row.sum() - 1) < 1e-6:  # what a word gives to one class, it takes from others
            np.testing.assert_allclose(explanation.evidence.sum(axis=1), 0, atol=1e-6)
    return explanations


def words_and_characters():
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        UnicodeTfidf(analyzer="char_wb", ngram_range=(2, 4)),
    )


@pytest.mark.parametrize("pattern", [r"\w+|[^\w\s]", r"\w*", r"(a)?\w"])
def test_a_character_that_becomes_several_tokens_is_one_word(pattern):
    """With accents stripped, "…" is read as three full stops and "½" as 1, ⁄ and 2."""
    texts = ["good cat … yes", "bad dog ½½ no", "a fine day"] * 5
    vectorizer = TfidfVectorizer(strip_accents="unicode", token_pattern=pattern)
    model = make_pipeline(vectorizer, LogisticRegression()).fit(texts, list("pnx") * 5)
    for explanation in assert_adds_up(model, ["a day … ½½ bad …"]):
        spans = explanation.spans
        assert len(spans) == len(explanation.tokens) > 0
        assert np.all(spans[:, 0] < spans[:, 1])
        assert np.all(spans[1:, 0] >= spans[:-1, 1])
        np.testing.assert_allclose(explanation.evidence.sum(axis=1), 0, atol=1e-9)


LINEAR = {
    "words": lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()),
    "searched": lambda: make_pipeline(
        TfidfVectorizer(), LogisticRegressionCV(Cs=3, cv=2, refit=False)
    ),
    "both": lambda: make_pipeline(words_and_characters(), LogisticRegression(C=10)),
    "steps": lambda: make_pipeline(
        CountVectorizer(ngram_range=(1, 2), stop_words="english"),
        TfidfTransformer(),
        SelectKBest(chi2, k=25),
        MaxAbsScaler(),
        LogisticRegression(),
    ),
    "bayes": lambda: make_pipeline(CountVectorizer(), MultinomialNB()),
    "bayes of complements": lambda: make_pipeline(CountVectorizer(), ComplementNB()),
    "shares": lambda: make_pipeline(TfidfVectorizer(), SGDClassifier("log_loss", random_state=0)),
    "centred": lambda: make_pipeline(
        CountVectorizer(),
        DenseCounts(),
        StandardScaler(),
        DenseRegression(),
    ),
    "one against the rest": lambda: make_pipeline(
        words_and_characters(), OneVsRestClassifier(LogisticRegression())
    ),
    "characters": lambda: make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), LogisticRegression()
    ),
    "pairs": lambda: make_pipeline(TfidfVectorizer(ngram_range=(2, 3)), LogisticRegression()),
    "recipe": lambda: make_pipeline(
        words_and_characters(), LogCountRatio(), MarginClassifier(random_state=0)
    ),
    "calibrated": lambda: CalibratedClassifierCV(
        make_pipeline(words_and_characters(), LinearSVC()), cv=2
    ),
    "isotonic": lambda: make_pipeline(
        TfidfVectorizer(), CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2)
    ),
    "calibrated probabilities": lambda: CalibratedClassifierCV(
        make_pipeline(CountVectorizer(), MultinomialNB()), cv=2
    ),
    "search": lambda: GridSearchCV(LINEAR["words"](), {"logisticregression__C": [1, 2]}, cv=2),
    "vote": lambda: VotingClassifier(
        [("a", LINEAR["words"]()), ("b", LINEAR["bayes"]()), ("c", "drop")],
        voting="soft",
        weights=[3, 1, 5],
    ),
    "branches": lambda: make_pipeline(
        FeatureUnion(
            [
                ("a", make_pipeline(CountVectorizer(), TfidfTransformer(), SelectKBest(chi2, k=9))),
                ("b", "drop"),
                ("c", CountVectorizer(binary=True)),
            ],
            transformer_weights={"a": 0.3},
        ),
        LogisticRegression(),
    ),
}


class DenseCounts(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Makes rows dense, for steps that read no sparse ones."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X.toarray()


class DenseRegression(LogisticRegression):
    """Reads no sparse rows."""

    def predict_proba(self, X):
        return super().predict_proba(check_array(X))


@functools.cache
def three_classes():
    texts, labels, _ = planted_texts(90, seed=3)
    return texts, [label if i % 3 else "mixed" for i, label in enumerate(labels)]


@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn")
@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_models_add_up(name, n_classes):
    texts, labels = three_classes()
    if n_classes == 2:
        texts, labels, _ = planted_texts(60, seed=3)
    model = LINEAR[name]().fit(texts, labels)
    explanations = assert_adds_up(model, texts[:10] + HOSTILE)
    assert max(np.abs(e.evidence).max(initial=0) for e in explanations) > 0.01
    for explanation in explanations:
        assert (explanation.share, explanation.weights.sum()) == (0.0, 0.0)
        pieces = [explanation.text[start:end] for start, end in explanation.spans]
        assert list(explanation.tokens) == pieces


@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn")
@pytest.mark.parametrize("name", LINEAR)
def test_one_text_alone_is_explained_as_among_others(name):
    """One text of two classes agrees with any function from its margin to its probability."""
    texts, labels, _ = planted_texts(60, seed=3)
    model = LINEAR[name]().fit(texts, labels)
    alone, among = explain_texts(model, texts[0])[0], explain_texts(model, texts[:20])[0]
    np.testing.assert_allclose(alone.evidence, among.evidence, atol=1e-6)
    if name not in ("steps", "vote", "characters"):  # white space is no word
        empty = model.predict_proba([""])[0]
        np.testing.assert_allclose(alone.base_probabilities, empty, atol=1e-6)


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (BernoulliNB(), "BernoulliNB is not linear in the counted words"),
        (
            SGDClassifier("modified_huber", random_state=0),
            "Evidence cannot be computed for SGDClassifier: it is not known how",
        ),
        (
            BaggingClassifier(LogisticRegression(), random_state=0),
            r"BaggingClassifier > \(LogisticRegression, .* is not linear in the counted words",
        ),
        (
            GridSearchCV(LogisticRegression(), {"C": [1, 2]}, refit=False, cv=2),
            r"GridSearchCV\(refit=False\) keeps no fitted model",
        ),
    ],
    ids=["bernoulli", "modified huber", "bagging", "no refit"],
)
def test_what_is_not_linear_is_refused_even_for_one_text(classifier, message):
    texts, labels, _ = planted_texts(60, seed=3)
    model = make_pipeline(CountVectorizer(), classifier).fit(texts, labels)
    with pytest.raises(TypeError, match=message):
        explain_texts(model, texts[0])


def test_a_word_counts_by_coefficient_times_value():
    texts, labels, _ = planted_texts(60, seed=3)
    model = LINEAR["words"]().fit(texts, labels)
    vectorizer, clf = model[0], model[1]
    (explanation,) = explain_texts(model, ["splendid Awful word1 unheard"])
    assert explanation.tokens == ("splendid", "Awful", "word1", "unheard")
    row = vectorizer.transform([explanation.text]).toarray()[0]
    parts = [
        clf.coef_[0, vectorizer.vocabulary_[w]] * row[vectorizer.vocabulary_[w]]
        for w in ("splendid", "awful", "word1")
    ]

    def answer(chosen):
        return 1 / (1 + np.exp(-(clf.intercept_[0] + sum(parts[i] for i in chosen))))

    splendid = (
        (answer([0]) - answer([])) / 3
        + (answer([0, 1]) - answer([1]) + answer([0, 2]) - answer([2])) / 6
        + (answer([0, 1, 2]) - answer([1, 2])) / 3
    )
    np.testing.assert_allclose(explanation.evidence_for("good")[0], splendid)
    np.testing.assert_allclose(explanation.evidence_for("bad")[0], -splendid)
    assert explanation.evidence_for("good")[3] == 0
    np.testing.assert_allclose(explanation.base_probabilities[1], answer([]))


def test_ngrams_are_shared_by_their_words_and_characters_by_those_they_touch():
    texts, labels = ["fine film", "dull film"] * 4, ["good", "bad"] * 4
    pairs = make_pipeline(CountVectorizer(ngram_range=(2, 2)), LogisticRegression())
    (explanation,) = explain_texts(pairs.fit(texts, labels), ["a fine film!"])
    assert explanation.tokens == ("fine", "film")
    fine, film = explanation.evidence_for("good")
    assert fine == pytest.approx(film)
    assert fine > 0
    letters = CountVectorizer(analyzer="char", ngram_range=(3, 3), vocabulary=["e f", "ine"])
    model = make_pipeline(letters, LogisticRegression()).fit(texts, labels)
    model[-1].coef_[:] = [[1.0, 3.0]]
    (explanation,) = explain_texts(model, ["fine film!"])
    assert explanation.tokens == ("fine", "film", "!")
    fine, film, sign = explanation.evidence_for("good")
    assert (fine > 6 * film > 0, sign) == (True, 0)


@pytest.mark.slow
def test_several_labels_one_at_a_time():
    texts, labels, _ = planted_texts(60, seed=3)
    Y = np.stack([np.array(labels) == "good", np.arange(60) % 3 == 0], axis=1).astype(int)
    linear = make_pipeline(words_and_characters(), OneVsRestClassifier(MarginClassifier()))
    network = make_text_classifier(linear=False, units=4, epochs=2, random_state=0)
    for model in (linear, network):
        explanations = assert_adds_up(model.fit(texts, Y), texts[:10] + HOSTILE, atol=1e-6)
        assert explanations[0].evidence_for(1).any()


@pytest.mark.parametrize("certain", [0, 1])
@pytest.mark.filterwarnings("ignore:Label 1 is present in all:UserWarning")
@pytest.mark.filterwarnings("ignore:Label not 1 is present in all:UserWarning")
@pytest.mark.filterwarnings("ignore:Label not 0 is present in all:UserWarning")
@pytest.mark.filterwarnings("ignore:Label 0 is present in all:UserWarning")
def test_a_label_that_all_texts_have_or_none_is_in_the_base(certain):
    texts, labels, _ = planted_texts(60, seed=3)
    Y = np.stack([np.array(labels) == "good", np.full(60, certain)], axis=1).astype(int)
    for classifier in (MarginClassifier(), LogisticRegression()):
        model = make_pipeline(words_and_characters(), OneVsRestClassifier(classifier))
        explanation = assert_adds_up(model.fit(texts, Y), texts[:3])[0]
        assert explanation.evidence_for(0).any()
        np.testing.assert_allclose(explanation.evidence_for(1), 0, atol=1e-12)
        assert explanation.base_probabilities[1] == pytest.approx(certain)
        explanation = assert_adds_up(model.fit(texts, Y[:, [1, 1]]), texts[:3])[0]
        np.testing.assert_allclose(explanation.base_probabilities, certain)


def test_a_fit_in_another_thread_leaves_an_explanation_whole():
    texts, labels, _ = planted_texts(40, seed=3)
    model = make_text_classifier(network=False, random_state=0)
    turned = np.array(labels)[::-1]

    def values():
        return explain_texts(model, texts[0])[0].evidence.round(9).tobytes()

    known = {values() for y in (labels, turned) if model.fit(texts, y)}
    assert len(known) == 2
    over = threading.Event()

    def fit_again_and_again():
        while not over.is_set():
            model.fit(texts, labels).fit(texts, turned)

    thread = threading.Thread(target=fit_again_and_again)
    thread.start()
    try:
        found = {values() for _ in range(20)}
    finally:
        over.set()
        thread.join()
    assert found <= known


# -- votes and networks --------------------------------------------------------------------------


@functools.cache
def recipe():
    texts, labels, _ = planted_texts(300, seed=0)
    return make_text_classifier(random_state=0).fit(texts, labels)


@functools.cache
def reference():
    """The network of the page on Stack Overflow, on as many texts as it needs to learn them."""
    texts, labels, _ = planted_texts(1000, seed=0)
    return make_text_classifier(linear=False, random_state=0).fit(texts, labels)


@pytest.mark.slow
@pytest.mark.parametrize("model", [recipe, reference])
def test_planted_words_come_first_and_opposite_ones_have_opposite_signs(model):
    texts, labels, places = planted_texts(200, seed=1)
    explanations = explain_texts(model(), texts)
    first = [
        int(e.evidence_for(label).argmax()) for e, label in zip(explanations, labels, strict=True)
    ]
    assert np.mean(np.array(first) == places) >= 0.98
    both = [with_the_other_word(text) for text in texts]
    right = [signs_are_right(explanation) for explanation in explain_texts(model(), both)]
    assert np.mean(right) >= 0.95


def with_the_other_word(text):
    """The text with the word of the other class in place of a word of noise."""
    words = text.split()
    place = next(i for i, word in enumerate(words) if word not in ("awful", "splendid"))
    words[place] = "splendid" if "awful" in words else "awful"
    return " ".join(words)


def signs_are_right(explanation):
    value = dict(zip(explanation.tokens, explanation.evidence_for("good"), strict=True))
    return value["splendid"] > 0 > value["awful"]


@pytest.mark.slow
@pytest.mark.parametrize("model", [recipe, reference])
def test_recommended_models_add_up(model):
    texts, _, _ = planted_texts(10, seed=2)
    assert_adds_up(model(), texts + HOSTILE, atol=1e-6)


@pytest.mark.slow
def test_a_calibrated_network_adds_up():
    texts, labels, _ = planted_texts(60, seed=0)
    network = make_text_classifier(linear=False, encoder="conv", units=4, epochs=2, random_state=0)
    model = CalibratedClassifierCV(network, cv=2).fit(texts, labels)
    assert_adds_up(model, texts[:5] + HOSTILE, atol=1e-6)


@pytest.mark.slow
def test_networks_that_read_characters_or_pairs():
    texts, labels, _ = planted_texts(60, seed=0)
    for settings in (
        {"analyzer": "char", "ngram_range": (2, 3)},
        {"analyzer": "char_wb", "ngram_range": (3, 3)},
        {"ngram_range": (1, 2)},
        {"ngram_range": (2, 2), "unknown": "drop"},
        {"max_length": 3, "truncation": "head"},
        {"n_features": 50},
    ):
        network = AttentionTextClassifier(encoder="none", embedding_dim=4, epochs=1, random_state=0)
        model = make_pipeline(SequenceVectorizer(**settings), network).fit(texts, labels)
        assert_adds_up(model, texts[:5] + HOSTILE, atol=1e-6)
        vote = VotingClassifier([("a", model), ("b", LINEAR["both"]())], voting="soft")
        assert_adds_up(vote.fit(texts, labels), texts[:5] + HOSTILE, atol=1e-6)


@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2)])
def test_word_boundaries_are_no_tokens_of_an_explanation(ngram_range):
    texts, labels, _ = planted_texts(60, seed=0)
    network = AttentionTextClassifier(encoder="none", embedding_dim=4, epochs=1, random_state=0)
    vectorizer = SequenceVectorizer(analyzer="char_wb", ngram_range=ngram_range)
    model = make_pipeline(vectorizer, network).fit(texts, labels)
    for explanation in assert_adds_up(model, ["a dull film", "fine!"], atol=1e-6):
        assert "".join(explanation.tokens) == explanation.text.replace(" ", "")
        assert explanation.weights.sum() == pytest.approx(1)
    assert_adds_up(model, HOSTILE, atol=1e-6)


class Weighed(ClassifierMixin, BaseEstimator):
    """What an estimator of raw texts with a network and a linear model looks like."""

    def __init__(self, network, linear):
        self.network, self.linear = network, linear

    def fit(self, X, y):
        self.network_, self.linear_ = self.network.fit(X, y), self.linear.fit(X, y)
        self.weights_ = {"network": 0.3, "linear": 0.7}
        self.classes_ = self.network_.classes_
        return self

    def predict_proba(self, X):
        members = [(self.network_, 0.3), (self.linear_, 0.7)]
        return sum(weight * member.predict_proba(X) for member, weight in members)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_a_model_of_a_network_and_a_linear_one():
    model = Weighed(film_model(), LINEAR["words"]())
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    first, *_ = assert_adds_up(model, ["a fine thing", *HOSTILE])
    parts = [explain_texts(m, ["a fine thing"])[0] for m in (model.network_, model.linear_)]
    network, linear = (dict(zip(e.tokens, e.evidence_for("good"), strict=True)) for e in parts)
    assert first.tokens == ("fine", "thing") == parts[0].tokens
    np.testing.assert_allclose(
        first.evidence_for("good")[0], 0.3 * network["fine"] + 0.7 * linear["fine"]
    )
    assert 0 < first.share < 1


def test_words_that_only_the_linear_part_reads_are_there():
    network = film_model(max_length=1)
    model = VotingClassifier([("a", network), ("b", LINEAR["words"]())], voting="soft")
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    (explanation,) = assert_adds_up(model, ["film, dull"])
    assert explanation.tokens == ("film", "dull")
    assert explanation.weights.tolist() == [1.0, 0.0]
    assert explanation.evidence_for("bad")[1] > 0


def test_members_with_encoded_or_missing_classes():
    texts, labels = three_classes()
    model = VotingClassifier([("a", LINEAR["words"]())], voting="soft").fit(texts, labels)
    assert_adds_up(model, texts[:3])
    members = [LINEAR["words"]().fit(texts, labels), LINEAR["words"]().fit(texts[1:3], labels[1:3])]
    vote = Weighed(None, None)
    vote.network_, vote.linear_ = (FrozenEstimator(member) for member in members)
    vote.weights_, vote.classes_ = {"network": 0.5, "linear": 0.5}, members[0].classes_
    own = members[1].predict_proba(texts[:3])
    wide = np.zeros((3, 3))
    wide[:, np.searchsorted(vote.classes_, members[1].classes_)] = own
    whole = 0.5 * members[0].predict_proba(texts[:3]) + 0.5 * wide
    vote.predict_proba = lambda X: whole
    for e, row in zip(explain_texts(vote, texts[:3]), whole, strict=True):
        np.testing.assert_allclose(e.base_probabilities + e.evidence.sum(axis=0), row)


# -- where there is none -------------------------------------------------------------------------


def test_attention_stays_where_another_part_cannot_be_split_up():
    tree = make_pipeline(CountVectorizer(), DecisionTreeClassifier())
    model = VotingClassifier([("a", film_model()), ("b", tree)], voting="soft")
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    (explanation,) = explain_texts(model, "fine film")
    assert (explanation.evidence, explanation.base_probabilities) == (None, None)
    assert "DecisionTreeClassifier" in explanation.unexplained
    assert explanation.weights.sum() == pytest.approx(1)
    assert "%" in repr(explanation)
    for ask in (explanation.evidence_for, explanation.top_evidence):
        with pytest.raises(TypeError, match="DecisionTreeClassifier"):
            ask()


def test_a_classifier_with_attention_alone():
    class Looking(AddedValues):
        _evidence_on_tokens = property()

    pipeline = film_model()
    attends = Looking(tuple(pipeline[1].values)).fit(None, ["bad", "good"])
    (explanation,) = explain_texts(Pipeline([("ids", pipeline[0]), ("a", attends)]), "fine film")
    assert explanation.evidence is None
    assert "Looking shows attention, but not what each word adds" in explanation.unexplained


# -- the explanation itself ----------------------------------------------------------------------


def test_evidence_of_a_class_and_the_words_for_and_against():
    (explanation,) = explain_texts(film_model(), "fine dull good film")
    np.testing.assert_allclose(explanation.evidence_for("good"), [0.3, -0.3, 0.1, 0.0], atol=1e-12)
    np.testing.assert_allclose(explanation.evidence_for(), explanation.evidence_for("good"))
    pro, contra = explanation.top_evidence()
    assert [token for token, _ in pro] == ["fine", "good"]
    assert [token for token, _ in contra] == ["dull"]
    assert explanation.top_evidence("bad", n=1) == (contra_of(pro[:0], explanation), [pro_pair()])
    with pytest.raises(ValueError, match=r"'ugly' is not one of the classes \['bad', 'good'\]"):
        explanation.evidence_for("ugly")
    with pytest.raises(ValueError, match="n must be a whole number from 0 on"):
        explanation.top_evidence(n=-1)


def contra_of(_, explanation):
    return [("dull", float(explanation.evidence_for("bad")[1]))]


def pro_pair():
    return ("fine", pytest.approx(-0.3))


def test_a_target_is_explained_instead_of_the_prediction():
    model = film_model()
    same = explain_texts(model, ["fine film", "dull film"], target="bad")
    assert [e.target for e in same] == ["bad", "bad"]
    assert [e.prediction for e in same] == ["good", "bad"]
    assert repr(same[0]) == "TextExplanation(bad 20.0 %: fine -30.0)"
    each = explain_texts(model, ["fine film", "dull film"], target=np.array(["bad", "good"]))
    assert [e.target for e in each] == ["bad", "good"]
    np.testing.assert_allclose(each[1].evidence_for(), [-0.3, 0.0])
    with pytest.raises(ValueError, match="target 'ugly' is not one of the classes"):
        explain_texts(model, ["fine"], target="ugly")
    with pytest.raises(ValueError, match="target has 1 labels for 2 texts"):
        explain_texts(model, ["fine", "dull"], target=["bad"])


def test_a_class_named_as_a_column_has_its_own():
    frame = explain_texts(film_model(labels=("token", "weight")), "fine")[0].to_frame()
    names = ["token", "start", "end", "weight", "evidence_token", "evidence_weight"]
    assert frame.columns.tolist() == names


def test_names_of_columns_are_never_taken_twice():
    model = film_model(labels=("evidence_weight", "weight"))
    explanation = explain_texts(model, "fine film")[0]
    frame = explanation.to_frame()
    names = ["token", "start", "end", "weight", "evidence_weight", "evidence_evidence_weight"]
    assert frame.columns.tolist() == names
    for label, name in zip(model.classes_, names[-2:], strict=True):
        np.testing.assert_array_equal(frame[name], explanation.evidence_for(label))


def test_ids_in_a_frame_are_explained_without_a_warning():
    first = SequenceVectorizer().set_output(transform="pandas")
    network = AttentionTextClassifier(encoder="none", epochs=1, random_state=0)
    model = make_pipeline(first, network).fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    assert model[-1].feature_names_in_[0]
    assert_adds_up(model, ["fine film"], atol=1e-3)


def test_one_string_counts_as_a_list_of_one():
    assert len(explain_texts(film_model(), "fine film")) == 1


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_scikit_learn_reads_decomposed_accents_as_they_are(analyzer):
    texts = [unicodedata.normalize("NFD", text) for text in ["caf\u00e9", "th\u00e9"] * 10]
    linear = make_pipeline(TfidfVectorizer(analyzer=analyzer), LogisticRegression(C=100))
    model = linear.fit(texts, ["coffee", "tea"] * 10)
    [explanation] = explain_texts(model, texts[:1])
    [(word, value)], _ = explanation.top_evidence("coffee", 1)
    assert word in texts[0].split()[0]
    assert value > 0.1
    np.testing.assert_allclose(
        explanation.base_probabilities, model.predict_proba([""])[0], atol=1e-6
    )


def test_many_texts_are_explained_as_each_alone(monkeypatch):
    monkeypatch.setattr(_batches, "PREDICT_ROWS", 3)
    model = make_pipeline(SequenceVectorizer(), AttentionTextClassifier(epochs=1, random_state=0))
    texts = ["a fine film", "a dull film", "so dull and so long a film", "fine"] * 3
    model.fit(texts, ["good", "bad", "bad", "good"] * 3)
    for text, together in zip(texts, explain_texts(model, texts), strict=True):
        [alone] = explain_texts(model, [text])
        np.testing.assert_allclose(together.evidence, alone.evidence, atol=1e-5)


def test_a_fold_that_lacks_a_class_is_followed_as_scikit_learn_does():
    texts = ["good film", "bad film", "odd film"] * 10
    labels = np.where(np.arange(30) % 3 == 1, "b", "a").astype(object)
    labels[[2, 5]] = "c"
    folds = [(np.arange(15), np.arange(15, 30)), (np.arange(15, 30), np.arange(15))]
    network = make_pipeline(SequenceVectorizer(), AttentionTextClassifier(epochs=1, random_state=0))
    linear = make_pipeline(TfidfVectorizer(), LogisticRegression())
    for model in (network, linear):
        assert_adds_up(CalibratedClassifierCV(model, cv=folds).fit(texts, labels), texts[:3], 1e-6)


def test_margins_so_low_that_no_class_is_possible_share_evenly():
    rng = np.random.RandomState(0)
    words = [f"w{number}" for number in range(60)]
    texts = [" ".join(rng.choice(words, 7)) for _ in range(90)]
    classifier = SGDClassifier(loss="log_loss", alpha=1e-9, random_state=0)
    model = make_pipeline(CountVectorizer(), classifier).fit(texts, rng.choice(list("abc"), 90))
    others = [" ".join(rng.choice(words, rng.randint(2, 12))) for _ in range(200)]
    for explanation in explain_texts(model, others):
        total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
        np.testing.assert_allclose(total, explanation.probabilities, atol=1e-3)


def test_frozen_steps_are_followed():
    texts, labels = ["a fine film", "a dull film"] * 8, ["good", "bad"] * 8
    frozen = [
        [FrozenEstimator(make_union(CountVectorizer(), TfidfVectorizer()).fit(texts))],
        [CountVectorizer(), FrozenEstimator(TfidfTransformer().fit(np.ones((2, 3))))],
    ]
    for steps in frozen:
        model = make_pipeline(*steps, LogisticRegression()).fit(texts, labels)
        assert_adds_up(model, texts[:2])


@pytest.mark.parametrize("n_classes", [3, 4])
def test_a_machine_of_pairs_of_classes_is_refused(n_classes):
    texts = ["red apple", "green pear", "blue plum", "black fig"][:n_classes] * 10
    model = make_pipeline(TfidfVectorizer(), CalibratedClassifierCV(SVC(kernel="linear"), cv=2))
    model.fit(texts, list("abcd"[:n_classes]) * 10)
    with pytest.raises(TypeError, match=r"SVC.* compares classes in pairs.*Use LinearSVC"):
        explain_texts(model, "red apple")


def test_a_machine_of_two_classes_adds_up():
    texts = ["red apple", "green pear"] * 10
    model = make_pipeline(TfidfVectorizer(), CalibratedClassifierCV(SVC(kernel="linear"), cv=2))
    assert_adds_up(model.fit(texts, ["a", "b"] * 10), ["red pear", ""])


def test_probes_have_the_indices_that_scikit_learn_takes():
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["a1 b2", "c3"], [0, 1])
    linear = LinearModel(model[-1], [model[0]])
    assert linear._probes(model[0].transform(["a1"])).indices.dtype == np.int32


def test_pairs_of_words_are_shared_among_the_words():
    texts, labels, _ = planted_texts(60, seed=0)
    network = AttentionTextClassifier(encoder="none", embedding_dim=4, epochs=1, random_state=0)
    model = make_pipeline(SequenceVectorizer(ngram_range=(2, 2), max_length=3), network)
    (explanation,) = explain_texts(model.fit(texts, labels), ["who wrote the book, and when"])
    assert explanation.tokens == ("who", "wrote", "the", "book")  # three pairs are read
    assert "the weight of each n-gram is divided among its words" in explanation.aggregate
    weights = model[-1].attention_weights(model[0].transform([explanation.text]))[0]
    halves = np.convolve(weights / 2, [1, 1])
    np.testing.assert_allclose(explanation.weights, halves, atol=1e-6)


EMOJI = ["👩\u200d👩\u200d👧", "❤️\u200d🔥", "👍🏽", "👍", "🇩🇪", "🇫🇷", "1️⃣"]


@pytest.mark.parametrize("settings", [{}, {"linear": False}, {"network": False}])
def test_an_emoji_is_one_word_of_an_explanation(settings):
    texts = [" ".join(rotated(EMOJI, n)) for n in range(14)]
    model = TextClassifier(epochs=1, units=2, random_state=0, **settings)
    model.fit(texts, [0, 1] * 7)
    assert_adds_up(model, [*texts, "".join(EMOJI)], atol=1e-6)
    for text in (" ".join(EMOJI), "".join(EMOJI)):
        assert explain_texts(model, text)[0].tokens == tuple(EMOJI)
    joiners = "می\u200cخواهم क्\u200d।"  # within and after words, where they join letters
    assert explain_texts(model, joiners)[0].tokens == ("می\u200cخواهم", "क्\u200d", "।")


def rotated(words, n):
    return words[n % len(words) :] + words[: n % len(words)]


def test_pairs_with_an_emoji_are_shared_with_all_of_it():
    texts, labels = ["dull 👍🏽 film", "fine 👎🏽 book"] * 10, ["a", "b"] * 10
    vectorizer = TfidfVectorizer(token_pattern=r"(?u)\w+|[^\w\s]", ngram_range=(2, 2))
    model = make_pipeline(vectorizer, LogisticRegression()).fit(texts, labels)
    (explanation,) = explain_texts(model, texts[:1])
    assert explanation.tokens == ("dull", "👍🏽", "film")
    dull, emoji, film = explanation.evidence_for("a")
    np.testing.assert_allclose([dull, film], emoji / 4, rtol=0.1)  # half a pair; one and two halves


def test_a_single_pair_of_words_is_shared_too():
    texts, labels, _ = planted_texts(60, seed=0)
    network = AttentionTextClassifier(encoder="none", embedding_dim=4, epochs=1, random_state=0)
    model = make_pipeline(SequenceVectorizer(ngram_range=(2, 2)), network).fit(texts, labels)
    assert explain_texts(model, "good film")[0].tokens == ("good", "film")
