"""Estimators in files and copies: the same bits, here and in another process."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.fitting import _fitted_network

PLAIN = (str, int, float, bool, type(None), np.ndarray, np.generic)


def by_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    return joblib.load(file)


COPIES = [by_pickle, by_joblib, copy.deepcopy, copy.copy]


def text_classifier(**parameters):
    defaults = {"encoder": "none", "embedding_dim": 4, "epochs": 2, "random_state": 0}
    return AttentionTextClassifier(**defaults | parameters)


def gated_classifier(**parameters):
    return GatedDenseClassifier(**{"units": 4, "epochs": 2, "random_state": 0} | parameters)


@pytest.fixture(scope="module")
def fitted(texts_as_ids, dense_rows):
    """A classifier of each kind, with the rows that it knows."""
    return {
        "text": (text_classifier().fit(*texts_as_ids), texts_as_ids[0]),
        "gated": (gated_classifier().fit(*dense_rows), dense_rows[0]),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "gated"])
@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_gives_the_same_bits(fitted, kind, copied):
    clf, X = fitted[kind]
    again = copied(clf)
    assert again.predict_proba(X).tobytes() == clf.predict_proba(X).tobytes()
    assert again.transform(X).tobytes() == clf.transform(X).tobytes()
    assert again.classes_.tolist() == clf.classes_.tolist()
    assert again.history_ == clf.history_
    assert again.get_params() == clf.get_params()
    assert again._fitted.model is not clf._fitted.model


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_a_copy_that_was_never_used_is_the_same(fitted, copied):
    clf, X = fitted["gated"]
    again = copied(copied(clf))
    assert again.predict_proba(X).tobytes() == clf.predict_proba(X).tobytes()


LOAD = """
import pickle
import joblib
import numpy as np
for kind in ("text", "gated"):
    X, expected = np.load(f"{kind}_X.npy"), np.load(f"{kind}_expected.npy")
    with open(f"{kind}.pickle", "rb") as file:
        loaded = [pickle.load(file), joblib.load(f"{kind}.joblib")]
    for clf in loaded:
        assert clf.predict_proba(X).tobytes() == expected.tobytes(), kind
        assert clf.predict(X).shape == (len(X),)
"""


@pytest.mark.slow
def test_another_process_gives_the_same_bits(fitted, tmp_path, run_python):
    for kind, (clf, X) in fitted.items():
        np.save(tmp_path / f"{kind}_X.npy", X)
        np.save(tmp_path / f"{kind}_expected.npy", clf.predict_proba(X))
        joblib.dump(clf, tmp_path / f"{kind}.joblib")
        (tmp_path / f"{kind}.pickle").write_bytes(pickle.dumps(clf))
    run_python(LOAD)


GO_ON = """
import pickle
import numpy as np
X, y = np.load("X.npy"), np.load("y.npy")
with open("clf.pickle", "rb") as file:
    clf = pickle.load(file)
clf.partial_fit(X[45:], y[45:]).partial_fit(X[:45], y[:45])
np.save("after.npy", clf.predict_proba(X))
"""


@pytest.mark.slow  # starts a process
def test_training_goes_on_in_another_process(dense_rows, tmp_path, run_python):
    X, y = dense_rows
    clf = gated_classifier(dropout=0.3).partial_fit(X[:45], y[:45], classes=[0, 1, 2])
    (tmp_path / "clf.pickle").write_bytes(pickle.dumps(clf))
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    run_python(GO_ON)
    clf.partial_fit(X[45:], y[45:]).partial_fit(X[:45], y[:45])
    np.testing.assert_array_equal(np.load(tmp_path / "after.npy"), clf.predict_proba(X))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", keras.optimizers.SGD(0.1, momentum=0.9)])
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_training_goes_on_as_if_never_copied(dense_rows, optimizer, method):
    X, y = dense_rows
    clf = gated_classifier(warm_start=True, dropout=0.3, optimizer=optimizer).fit(X, y)
    again = by_pickle(clf)
    for estimator in (clf, again):
        getattr(estimator, method)(X, y)
    assert again.predict_proba(X).tobytes() == clf.predict_proba(X).tobytes()
    assert again.history_ == clf.history_


@pytest.mark.slow
def test_a_text_classifier_goes_on_as_if_never_copied(texts_as_ids):
    X, y = texts_as_ids
    clf = text_classifier().partial_fit(X, y)
    again = by_pickle(clf)
    for estimator in (clf, again):
        estimator.partial_fit(X[::-1], y[::-1])
    assert again.predict_proba(X).tobytes() == clf.predict_proba(X).tobytes()


def test_a_copy_does_not_follow_the_original(dense_rows):
    X, y = dense_rows
    clf = gated_classifier().partial_fit(X, y)
    used, unused = by_pickle(clf), by_pickle(clf)
    before = used.predict_proba(X)
    clf.partial_fit(X, y)
    np.testing.assert_array_equal(used.predict_proba(X), before)
    np.testing.assert_array_equal(unused.predict_proba(X), before)
    assert np.abs(clf.predict_proba(X) - before).max() > 0


def leaves(value):
    """All values in dicts and lists."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for entry in value:
            yield from leaves(entry)
    else:
        yield value


@pytest.mark.parametrize("kind", ["text", "gated"])
def test_the_state_holds_plain_values_and_arrays(fitted, kind):
    state = fitted[kind][0].__getstate__()
    assert {type(leaf).__name__ for leaf in leaves(state) if not isinstance(leaf, PLAIN)} == set()


@pytest.mark.slow
def test_an_optimizer_is_kept_as_its_configuration(dense_rows):
    X, y = dense_rows
    clf = gated_classifier(optimizer=keras.optimizers.SGD(0.125)).fit(X, y)
    again = by_pickle(clf)
    assert again.optimizer["config"]["learning_rate"] == 0.125
    twin = clone(again).fit(X, y)
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))


def test_an_unfitted_estimator_stays_unfitted():
    again = by_pickle(gated_classifier(l2=0.5))
    assert again.get_params() == gated_classifier(l2=0.5).get_params()
    assert not again.__sklearn_is_fitted__()


def test_a_file_after_a_plain_fit_is_without_the_optimizers_moments(dense_rows):
    clf = gated_classifier(units=200).fit(*dense_rows)
    after_fit = len(pickle.dumps(clf))
    after_partial_fit = len(pickle.dumps(clf.partial_fit(*dense_rows)))
    clf.set_params(save_optimizer=False)
    assert after_partial_fit > 2.5 * after_fit  # two moments for each weight
    assert len(pickle.dumps(clf)) < 1.1 * after_fit


def test_a_file_of_a_newer_version_is_refused(fitted):
    clf, _ = fitted["gated"]
    state = clf.__getstate__() | {"_format": 99}
    with pytest.raises(ValueError, match=r"saved by a newer skattn \(format 99.*Install the newer"):
        GatedDenseClassifier().__setstate__(state)


def test_a_copy_keeps_the_names_of_the_features(dense_rows):
    pd = pytest.importorskip("pandas")
    X, y = dense_rows
    X = pd.DataFrame(X, columns=list("abcde"))
    again = by_pickle(gated_classifier().fit(X, y))
    assert again.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(ValueError, match="feature names"):
        again.predict(X[list("edcba")])


@pytest.mark.parametrize("name", ["predict_proba", "_check_X", "fit"])
def test_a_state_cannot_stand_before_a_method(fitted, name):
    clf, _ = fitted["gated"]
    with pytest.raises(
        ValueError, match=f"not hold a valid GatedDenseClassifier: it replaces {name}"
    ):
        GatedDenseClassifier().__setstate__(clf.__getstate__() | {name: np.ones(2)})


def test_weights_that_are_no_numbers_are_refused(fitted):
    state = copy.deepcopy(fitted["gated"][0].__getstate__())
    state["_fitted"]["weights"][0][0, 0] = np.nan
    with pytest.raises(ValueError, match="weights are infinite or NaN"):
        GatedDenseClassifier().__setstate__(state)


def test_no_answer_waits_until_another_estimator_is_restored(dense_rows):
    X, y = dense_rows
    clf = by_pickle(GatedDenseClassifier(units=4, epochs=1).fit(X, y))
    clf.predict(X)
    with ThreadPoolExecutor(1) as pool, _fitted_network._RESTORE_LOCK:
        pool.submit(clf.predict, X).result(timeout=60)


class Tagged(GatedDenseClassifier):
    """One that has a default for an attribute of its own."""

    tag = None


def test_a_subclass_with_a_default_of_its_own_is_copied(dense_rows):
    clf = Tagged(units=2, epochs=1, random_state=0).fit(*dense_rows)
    clf.tag = "of production"
    assert by_pickle(clf).tag == "of production"
    with pytest.raises(ValueError, match="it replaces tag"):  # in a file that a stranger wrote
        Tagged().__setstate__(clf.__getstate__())


@pytest.mark.parametrize("make", [text_classifier, gated_classifier])
def test_training_goes_on_from_a_file_older_than_a_parameter(make, texts_as_ids, dense_rows):
    X, y = texts_as_ids if make is text_classifier else dense_rows
    state = make(warm_start=True).fit(X, y).__getstate__()
    for name in ("cache_size", "n_iter_no_change"):
        state.pop(name, None)
    older = make()
    older.__setstate__(state)
    assert older.partial_fit(X, y).n_iter_ == 1


def test_many_layers_of_nothing_come_back_from_a_file(texts_as_ids):
    clf = text_classifier(n_layers=100, epochs=1).fit(*texts_as_ids)
    assert by_pickle(clf).n_layers == 100
