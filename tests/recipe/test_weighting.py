"""How the two parts of the recommended classifier are weighed on held-out texts."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skattn import TextClassifier
from skattn.recipe import _weighting
from skattn.recipe._linear import UnicodeTfidf

SMALL = {"epochs": 2, "embedding_dim": 4, "units": 4, "random_state": 0}
N = _weighting.LEAST_TEXTS


def texts_of(n, n_classes=3):
    """Texts that hold the name of their class, among others' words that tell nothing."""
    labels = np.array(["red", "green", "blue"])[np.arange(n) % n_classes]
    return [f"{label} thing number n{i % 7}" for i, label in enumerate(labels)], labels


def one_hot(labels, n_classes=2):
    return np.eye(n_classes)[labels]


@pytest.mark.parametrize(
    ("n", "n_training", "n_judged"),
    [(200, 160, 40), (600, 480, 120), (10_000, 4000, 2000), (40_000, 10_000, 2000)],
)
def test_the_judged_texts_are_others_in_the_same_shares(n, n_training, n_judged):
    y = np.arange(n) % 3
    training, judged = _weighting.split(y)
    assert (len(training), len(judged)) == (n_training, n_judged)
    assert len(np.unique([*training, *judged])) == n_training + n_judged
    assert np.ptp(np.bincount(y[judged])) <= 1


def test_a_class_with_a_single_text_and_several_labels_can_be_split():
    y = np.array(["lonely", *["a", "b"] * 100])
    assert len(np.concatenate(_weighting.split(y))) == 201
    assert len(np.concatenate(_weighting.split(np.eye(300, 4)))) == 300


def test_the_share_follows_its_equation():
    rng = np.random.default_rng(0)
    first, second = rng.dirichlet([1, 1, 1], 9), rng.dirichlet([1, 1, 1], 9)
    truth, weight = one_hot(rng.integers(0, 3, 9), 3), rng.random(9)
    shares = np.arange(41) / 40
    losses = np.zeros(41)
    for k, w in enumerate(shares):
        for i in range(9):
            mixed = w * first[i] + (1 - w) * second[i]
            losses[k] += weight[i] / weight.mean() * np.sum((mixed - truth[i]) ** 2)
    expected = np.sum(np.exp(-losses) * shares) / np.sum(np.exp(-losses))
    found = _weighting.share_of_the_first(first, second, truth, weight)
    np.testing.assert_allclose(found, expected)


def test_the_better_part_counts_more_the_more_texts_say_so():
    truth = one_hot(np.arange(400) % 2)
    good, bad = 0.8 * truth + 0.1, np.full((400, 2), 0.5)
    shares = [
        _weighting.share_of_the_first(good[:n], bad[:n], truth[:n], np.ones(n))
        for n in (1, 10, 400)
    ]
    assert 0.5 < shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.95
    swapped = _weighting.share_of_the_first(bad, good, truth, np.ones(400))
    np.testing.assert_allclose(swapped, 1 - shares[2])


def test_equal_parts_count_the_same():
    truth = one_hot(np.arange(50) % 2)
    same = np.full((50, 2), 0.5)
    np.testing.assert_allclose(_weighting.share_of_the_first(same, same, truth, np.ones(50)), 0.5)


@pytest.mark.slow
def test_weights_are_learned_from_held_out_texts(monkeypatch):
    texts, y = texts_of(N)
    seen = []
    plain = _weighting.share_of_the_first
    monkeypatch.setattr(
        _weighting, "share_of_the_first", lambda *given: seen.append(given) or plain(*given)
    )
    model = TextClassifier(**SMALL).fit(texts, y)
    network, linear, truth, weights = seen[0]
    assert network.shape == linear.shape == truth.shape == (40, 3)
    np.testing.assert_array_equal(weights, 1)
    assert model.weights_["network"] == plain(*seen[0])
    assert model.weights_["network"] < 0.4  # two epochs teach it little, the other knows all
    np.testing.assert_allclose(sum(model.weights_.values()), 1)


def test_with_few_texts_the_linear_model_counts_more():
    model = TextClassifier(**SMALL).fit(*texts_of(N - 1))
    assert model.weights_ == {"network": 0.25, "linear": 0.75}


def test_weights_by_rule():
    def of_network(kept=("network", "linear"), transformer=True, long=False, few=False):
        return _weighting.by_rule(list(kept), transformer, long, few).get("network")

    assert of_network(kept=["linear"]) is None
    assert of_network(kept=["network"], long=True, few=True) == 1.0
    assert of_network() == 0.5
    assert of_network(long=True) == of_network(few=True, long=True) == 0.4
    assert of_network(few=True) == 0.6
    assert of_network(transformer=False, few=True) == 0.25


def test_held_out_texts_count_by_their_weights(monkeypatch):
    """Weights of classes and of texts reach the judgement, and texts of weight 0 take no part."""
    texts, y = texts_of(N + 60)
    given = np.where(np.arange(N + 60) < 60, 0.0, 1.0 + (y == "red"))
    seen = []
    plain = _weighting.share_of_the_first
    monkeypatch.setattr(
        _weighting, "share_of_the_first", lambda *all_: seen.append(all_) or plain(*all_)
    )
    TextClassifier(class_weight={"green": 3}, **SMALL).fit(texts, y, sample_weight=given)
    _, _, truth, weights = seen[0]
    assert len(weights) == N // 5
    by_class = dict(zip(["blue", "green", "red"], [1, 3, 2], strict=True))
    expected = truth @ np.array(list(by_class.values()))
    np.testing.assert_array_equal(weights, expected)


@pytest.mark.slow
def test_other_processes_learn_the_same_weights():
    texts, y = texts_of(N)
    alone = TextClassifier(**SMALL).fit(texts, y)
    beside = TextClassifier(n_jobs=2, **SMALL).fit(texts, y)
    assert beside.weights_ == alone.weights_
    np.testing.assert_array_equal(beside.predict_proba(texts), alone.predict_proba(texts))


def test_a_trial_that_would_learn_one_class_only_leaves_the_rule():
    texts, _ = texts_of(N)
    _, judged = _weighting.split(np.where(np.arange(N) == 0, "rare", "common"))
    rare = np.arange(N) == judged[0]  # alone, so the split is the same; the trial never sees it
    model = TextClassifier(**SMALL).fit(texts, np.where(rare, "rare", "common"))
    assert model.weights_ == {"network": 0.25, "linear": 0.75}


def test_a_part_that_lacks_a_class_gives_it_no_probability():
    model = make_pipeline(CountVectorizer(), DummyClassifier()).fit(["aa bb", "cc dd"], ["x", "z"])
    found = _weighting.probabilities(model, ["a b"], np.array(["x", "y", "z"]))
    assert found[0, 1] == 0
    np.testing.assert_allclose(found.sum(), 1)


def test_the_linear_part_alone_leaves_out_a_class_of_weight_zero():
    texts, y = texts_of(60)
    params = TextClassifier(class_weight={"blue": 0.0}, random_state=0)
    model = params.set_params(network=False).fit(texts, y)
    assert model.classes_.tolist() == ["blue", "green", "red"]
    np.testing.assert_array_equal(model.predict_proba(texts)[:, 0], 0)


def test_many_texts_are_predicted_some_at_a_time(monkeypatch):
    texts, y = texts_of(30)
    clf = TextClassifier(**SMALL).fit(texts, y)
    expected, sizes = clf.predict_proba(texts), []
    transform = UnicodeTfidf.transform
    monkeypatch.setattr(_weighting, "N_TEXTS_AT_ONCE", 12)
    monkeypatch.setattr(
        UnicodeTfidf, "transform", lambda self, X: sizes.append(len(X)) or transform(self, X)
    )
    np.testing.assert_allclose(clf.predict_proba(texts), expected, rtol=1e-6)
    assert sizes == [12, 12, 12, 12, 6, 6]  # words and characters
