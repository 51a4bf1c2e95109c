"""The pilot of the recommended classifier: whether its vote is worse than its linear member."""

import numpy as np
import pytest
from keras.callbacks import LambdaCallback
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from skattn import explain_texts, make_text_classifier
from skattn.inspection import _refits
from skattn.recipe import _vote
from skattn.recipe._vote import TextVote

WORDS = np.array(["red", "green", "blue"])
N = _vote.LEAST_TEXTS


def texts_of(n):
    """Texts that hold the name of their class, among others' words that tell nothing."""
    labels = WORDS[np.arange(n) % 3]
    return [f"{label} thing number n{i % 7}" for i, label in enumerate(labels)], labels


def reads():
    return Pipeline([("counts", CountVectorizer()), ("classifier", LogisticRegression())])


def says(label):
    """A member that is sure of one label, whatever the text."""
    sure = DummyClassifier(strategy="constant", constant=label)
    return Pipeline([("counts", CountVectorizer()), ("classifier", sure)])


def vote(*members, weights=None, doubtful_weights=(1, 8)):
    named = [(f"member_{i}", member) for i, member in enumerate(members)]
    return TextVote(named, voting="soft", weights=weights, doubtful_weights=doubtful_weights)


def test_a_vote_that_is_worse_than_its_last_member_counts_it_eight_times():
    texts, y = texts_of(N)
    model = vote(says("red"), reads()).fit(texts, y)
    assert model.doubtful_
    first, last = (member.predict_proba(texts[:4]) for member in model.estimators_)
    np.testing.assert_allclose(model.predict_proba(texts[:4]), (first + 8 * last) / 9)
    assert model.score(texts, y) == 1
    assert vote(says("red"), reads(), doubtful_weights=None).fit(texts, y).score(texts, y) < 0.5


@pytest.mark.parametrize("members", [(reads(), reads()), (reads(), says("red"))])
def test_a_vote_that_pays_stays_as_it_is(members):
    texts, y = texts_of(N)
    model = vote(*members).fit(texts, y)
    assert not model.doubtful_
    first, last = (member.predict_proba(texts[:4]) for member in model.estimators_)
    np.testing.assert_allclose(model.predict_proba(texts[:4]), (first + last) / 2)


class Counting(ClassifierMixin, BaseEstimator):
    """Keeps the texts that each fit of it saw, with labels and weights."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append((list(X), list(y), sample_weight))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Passing(BaseEstimator):
    """A step before it that hands the texts on."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


@pytest.fixture
def fits():
    Counting.seen.clear()
    return Counting.seen


def counting():
    return Pipeline([("passing", Passing()), ("classifier", Counting())])


def test_the_pilot_is_fitted_on_a_bounded_part(fits, monkeypatch):
    texts, y = texts_of(N)
    vote(counting(), says("red")).fit(texts, y)
    assert [len(seen) for seen, *_ in fits] == [N - int(0.15 * N), N]
    fits.clear()
    monkeypatch.setattr(_vote, "TRAINING_TEXTS", 200)
    vote(counting(), says("red")).fit(texts, y)
    assert [len(seen) for seen, *_ in fits] == [200, N]


@pytest.mark.parametrize(
    ("n", "n_training", "n_judged"), [(600, 510, 90), (10_000, 4000, 1500), (40_000, 10_000, 2000)]
)
def test_the_pilot_judges_texts_that_it_has_not_seen(n, n_training, n_judged):
    y = np.arange(n) % 3
    training, judged = _vote._split(y)
    assert (len(training), len(judged)) == (n_training, n_judged)
    assert len(np.unique([*training, *judged])) == n_training + n_judged
    assert np.ptp(np.bincount(y[judged])) <= 1


@pytest.mark.parametrize(
    ("won", "lost", "clear"), [(4, 0, False), (5, 0, True), (24, 12, False), (25, 12, True)]
)
def test_two_standard_errors_are_clear(won, lost, clear):
    differences = np.repeat([1, -1, 0], [won, lost, 50])
    assert _vote._is_clear(differences) is clear
    assert _vote._is_clear(0.5 * differences) is clear


def test_the_judged_texts_count_by_their_weights():
    """The vote says green, its last member red."""
    texts, _ = texts_of(N)
    y = np.where(np.arange(N) % 5 == 0, "green", "red")
    heavy = np.where(y == "green", 100.0, 1.0)
    assert vote(says("green"), says("red")).fit(texts, y).doubtful_
    assert not vote(says("green"), says("red")).fit(texts, y, sample_weight=heavy).doubtful_


@pytest.mark.parametrize(
    ("n", "options"), [(N - 1, {}), (N, {"weights": (1, 2)}), (N, {"doubtful_weights": None})]
)
def test_no_pilot_with_few_texts_or_given_weights(fits, n, options):
    texts, y = texts_of(n)
    assert not vote(counting(), says("red"), **options).fit(texts, y).doubtful_
    assert [len(seen) for seen, *_ in fits] == [n]


def test_no_pilot_where_a_member_is_dropped(fits):
    texts, y = texts_of(N)
    model = vote(counting(), says("red")).set_params(member_1="drop").fit(texts, y)
    assert not model.doubtful_
    assert [len(seen) for seen, *_ in fits] == [N]


def test_the_pilot_leaves_out_texts_without_weight(fits):
    texts, y = texts_of(N + 100)
    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    weights = np.r_[np.zeros(100), 1.0 + np.arange(N)]
    vote(counting(), counting()).fit(texts, y, sample_weight=weights)
    (seen, labels, pilot), _, (all_seen, _, all_weights), _ = fits
    rows = [texts.index(text) for text in seen]
    assert len(rows) == N - int(0.15 * N)
    assert min(rows) >= 100
    assert labels == list(y[rows])
    np.testing.assert_array_equal(pilot, weights[rows])
    assert all_seen == texts
    np.testing.assert_array_equal(all_weights, weights)


def test_classes_with_a_single_text_do_not_stop_the_pilot():
    texts, y = texts_of(N)
    y = np.append(y, ["alone", "lonely"])
    model = vote(says("red"), reads()).fit([*texts, "one of a kind", "another one"], y)
    assert model.doubtful_
    assert len(model.classes_) == 5


def test_a_pilot_that_would_learn_one_class_only_is_left_out():
    texts, y = texts_of(N)
    y = np.where(np.arange(N) == 0, "rare", "common")
    training, _ = _vote._split(y)
    rare = np.arange(N) == np.setdiff1d(np.arange(N), training)[0]  # the pilot does not see it
    model = vote(says("common"), reads()).fit(texts, np.where(rare, "rare", "common"))
    assert not model.doubtful_


@pytest.mark.parametrize(
    ("y", "sample_weight", "what"),
    [
        (WORDS[np.arange(N - 1) % 3], None, "inconsistent numbers of samples"),
        (WORDS[np.arange(N) % 3], np.ones(N + 1), "inconsistent numbers of samples"),
        (WORDS[np.arange(N) % 3], np.full(N, np.nan), "sample_weight"),
        (WORDS[np.arange(N) % 3], -np.ones(N), "sample_weight"),
        (WORDS[np.arange(N) % 3], np.zeros(N), "sample_weight is zero"),
    ],
)
def test_what_does_not_fit_together_is_the_usual_error(y, sample_weight, what):
    with pytest.raises(ValueError, match=what):
        vote(counting(), counting()).fit(texts_of(N)[0], y, sample_weight=sample_weight)


@pytest.mark.parametrize("name", ["weights", "long_weights", "doubtful_weights"])
def test_a_weight_for_each_member(name):
    texts, y = texts_of(30)
    with pytest.raises(ValueError, match=f"Number of estimators and {name} must be equal"):
        vote(reads(), reads()).set_params(**{name: (1, 2, 3)}).fit(texts, y)


def test_given_weights_win():
    texts, y = texts_of(30)
    model = vote(reads(), reads()).set_params(weights=(1, 3)).fit(texts, y)
    one, other = (member.predict_proba(texts) for member in model.estimators_)
    np.testing.assert_allclose(model.predict_proba(texts), (one + 3 * other) / 4)
    assert model.weights_ == [1, 3]


def test_under_class_weight_there_is_no_pilot():
    assert make_text_classifier().doubtful_weights == (1, 8)
    assert make_text_classifier(class_weight="balanced").doubtful_weights is None


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a pipeline"])
def test_a_refit_keeps_the_weights_and_needs_no_pilot(fits, inside):
    texts, y = texts_of(N)
    model = vote(counting(), reads(), doubtful_weights=(1, 8))
    model = make_pipeline(Passing(), model) if inside else model
    model.fit(texts, y)
    found = model[-1] if inside else model
    found.doubtful_ = True
    fits.clear()
    again = _refits._refit(model, (texts, y))
    assert [len(seen) for seen, *_ in fits] == [N]
    assert tuple((again[-1] if inside else again).weights) == (1, 8)


def test_callbacks_and_checkpoints_are_for_the_real_fit(tmp_path):
    texts, y = texts_of(N)
    begun, path = [], tmp_path / "checkpoint"
    model = make_text_classifier(
        epochs=1,
        embedding_dim=4,
        units=4,
        callbacks=[LambdaCallback(on_train_begin=begun.append)],
        checkpoint=path,
        verbose=1,
        random_state=0,
    )
    pilot = _vote._quiet(clone(model)).get_params()
    for name in ("checkpoint", "callbacks", "verbose"):
        assert not any(value for key, value in pilot.items() if key.endswith(f"__{name}"))
    model.set_params(attention__short__classifier__verbose=0).fit(texts, y)
    assert len(begun) == 1
    assert model.get_params()["attention__short__classifier__checkpoint"] == path


@pytest.mark.slow
def test_a_network_that_learns_nothing_is_outvoted_and_still_explained():
    texts, y = texts_of(N)
    model = make_text_classifier(epochs=1, learning_rate=1e3, random_state=0)
    model.fit(texts, y)
    assert model.doubtful_
    assert model.score(texts, y) > 0.99
    explanation = explain_texts(model, texts[:1])[0]
    assert explanation.share < 0.2
