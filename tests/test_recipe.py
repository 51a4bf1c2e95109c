"""The recommended classifier: its rules, its parameters, and its place in scikit-learn."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skattn import explain_texts, make_text_classifier

SMALL = {"epochs": 2, "embedding_dim": 8, "random_state": 0}


def texts_of(n_words, n_classes, n_rows=48, seed=0):
    """Generated texts in which one word marks the class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    filler = rng.integers(0, 30, (n_rows, n_words - 1))
    return [
        " ".join([*(f"word{w}" for w in row), f"mark{label}"])
        for row, label in zip(filler, y, strict=True)
    ], y


@pytest.fixture(scope="module")
def fitted():
    texts, y = texts_of(6, 3)
    return make_text_classifier(**(SMALL | {"epochs": 8})).fit(texts, np.array(["a", "b", "c"])[y])


@pytest.mark.parametrize(
    ("n_words", "n_classes", "choice"), [(6, 3, "short"), (6, 24, "many"), (70, 3, "long")]
)
def test_the_network_is_chosen_by_length_and_number_of_classes(n_words, n_classes, choice):
    network = make_text_classifier(**SMALL).estimators[0][1]
    network.fit(*texts_of(n_words, n_classes))
    assert network.choice_ == choice
    encoder = network.estimator_["classifier"].encoder
    assert encoder == ("none" if choice == "long" else "conv")


def test_probabilities_are_the_mean_of_both_members(fitted):
    texts, _ = texts_of(6, 3, seed=1)
    members = [member.predict_proba(texts) for member in fitted.estimators_]
    np.testing.assert_allclose(fitted.predict_proba(texts), np.mean(members, axis=0), rtol=1e-6)
    assert fitted.classes_.tolist() == ["a", "b", "c"]


def test_it_learns_and_explains_the_marks(fitted):
    texts, y = texts_of(6, 3, seed=1)
    assert fitted.score(texts, np.array(["a", "b", "c"])[y]) > 0.9
    explanation = explain_texts(fitted, texts[:1])[0]
    assert 0 < explanation.share < 1


def test_it_pickles_and_repeats_itself(fitted):
    texts, y = texts_of(6, 3)
    expected = fitted.predict_proba(texts)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(texts), expected)
    again = clone(fitted).fit(texts, np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(again.predict_proba(texts), expected)


def test_without_the_linear_member_it_is_the_plain_pipeline():
    pipeline = make_text_classifier(linear=False, units=7, max_length=9, random_state=3)
    assert isinstance(pipeline, Pipeline)
    assert [name for name, _ in pipeline.steps] == ["vectorizer", "classifier"]
    assert pipeline["vectorizer"].max_length == 9
    assert pipeline["classifier"].get_params()["units"] == 7
    assert pipeline["classifier"].encoder == "lstm"


def test_parameters_replace_the_recommended_ones_in_every_network():
    voting = make_text_classifier(units=7, max_length=9, class_weight="balanced")
    assert isinstance(voting, VotingClassifier)
    for name in ("short", "many", "long"):
        pipeline = voting.get_params()[f"attention__{name}"]
        assert (pipeline["classifier"].units, pipeline["vectorizer"].max_length) == (7, 9)
        assert pipeline["classifier"].class_weight == "balanced"
    assert voting.get_params()["linear__classifier__class_weight"] == "balanced"


def test_early_stopping_takes_the_place_of_averaged_weights():
    texts, y = texts_of(6, 2)
    make_text_classifier(early_stopping=True, **SMALL).fit(texts, y)


def test_an_unknown_parameter_is_named():
    with pytest.raises(TypeError, match=r"'unit'.*neither SequenceVectorizer nor"):
        make_text_classifier(unit=3)


@pytest.mark.slow
def test_it_can_be_searched():
    texts, y = texts_of(6, 2)
    grid = {"attention__short__classifier__units": [4, 8]}
    search = GridSearchCV(make_text_classifier(**SMALL), grid, cv=2).fit(texts, y)
    assert search.best_params_.keys() == grid.keys()
