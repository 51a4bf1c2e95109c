"""The SciKeras classifier inside is real, and its faults stay inside."""

import pickle

import numpy as np
import pytest
import sklearn
from scikeras.wrappers import KerasClassifier

from skattn import AttentionTextClassifier, GatedDenseClassifier


@pytest.fixture(scope="module")
def gated(dense_rows):
    X, y = dense_rows
    names = np.array(["one", "two", "three"])[y]
    return GatedDenseClassifier(units=4, epochs=3, random_state=0).fit(X, names), X


@pytest.fixture(scope="module")
def text(texts_as_ids):
    X, y = texts_as_ids
    parameters = {"encoder": "none", "embedding_dim": 4, "epochs": 2, "random_state": 0}
    return AttentionTextClassifier(**parameters).fit(X, y), X


@pytest.mark.parametrize("name", ["gated", "text"])
def test_the_keras_classifier_gives_our_answers(name, request):
    clf, X = request.getfixturevalue(name)
    inner = clf.keras_classifier_
    assert isinstance(inner, KerasClassifier)
    assert inner is clf.keras_classifier_
    assert inner.model_ is clf.model_
    np.testing.assert_array_equal(inner.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(inner.predict(X), clf.predict(X))
    np.testing.assert_array_equal(inner.model_.predict(X), clf.predict_proba(X))
    assert inner.history_ == clf.history_


def test_a_restored_keras_classifier_gives_our_answers(gated):
    clf, X = gated
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.keras_classifier_.predict_proba(X), clf.predict_proba(X))
    assert loaded.model_ is loaded.keras_classifier_.model_


def test_one_row_keeps_its_shape(gated, text):
    for clf, X in (gated, text):
        assert clf.predict_proba(X[:1]).shape == (1, len(clf.classes_))
        assert clf.predict(X[:1]).shape == (1,)


def test_the_callers_weights_and_rows_are_not_edited(dense_rows):
    X, y = dense_rows
    weights = np.random.default_rng(0).random(len(X)) + 0.5
    given = [X.copy(), y.copy(), weights.copy()]
    clf = GatedDenseClassifier(units=3, epochs=1, class_weight={0: 3.0, 1: 0.0})
    clf.fit(X, y, sample_weight=weights)
    for here, before in zip((X, y, weights), given, strict=True):
        np.testing.assert_array_equal(here, before)


@pytest.mark.parametrize("attribute", ["keras_classifier_", "model_"])
def test_before_a_fit_there_is_no_network(attribute):
    clf = GatedDenseClassifier()
    assert not hasattr(clf, attribute)
    with pytest.raises(AttributeError, match="not fitted yet"):
        getattr(clf, attribute)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_frames_as_output_are_no_matter_inside(dense_rows, output, recwarn):
    """SciKeras's own transformer used to warn that it returns no frame."""
    X, y = dense_rows
    with sklearn.config_context(transform_output=output):
        clf = GatedDenseClassifier(units=3, epochs=1, random_state=0).fit(X, y)
        answers = pickle.loads(pickle.dumps(clf)).keras_classifier_.predict_proba(X)
    np.testing.assert_array_equal(answers, clf.predict_proba(X))
    assert not [str(warning.message) for warning in recwarn if "set_output" in str(warning)]


def test_its_history_is_that_of_all_epochs(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, random_state=0).partial_fit(X, y).partial_fit(X, y)
    assert len(clf.history_["loss"]) == 2
    assert clf.keras_classifier_.history_ == clf.history_
    assert pickle.loads(pickle.dumps(clf)).keras_classifier_.history_ == clf.history_
