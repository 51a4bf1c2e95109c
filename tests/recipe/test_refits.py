"""`TextClassifier` fitted again: what a warm start and chunks keep, follow and refuse."""

import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from tiny_models import TEXTS as SENTENCES
from tiny_models import build_model

from skattn import SequenceVectorizer, TextClassifier
from skattn.recipe import _parts, _trial

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

SMALL = {"epochs": 1, "units": 4, "embedding_dim": 4, "random_state": 0}
LABELS = np.array(["a", "b", "c"] * 16)
TEXTS = [f"word{row % 7} word{row % 5} mark{label}" for row, label in enumerate(LABELS)]


@pytest.fixture
def warm():
    return TextClassifier(warm_start=True, **SMALL).fit(TEXTS, LABELS)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["a", "b", "c"])
def test_a_class_may_be_missing_in_a_warm_start(warm, missing):
    kept = np.flatnonzero(missing != LABELS)
    warm.set_params(epochs=20).fit([TEXTS[row] for row in kept], LABELS[kept])
    assert warm.classes_.tolist() == ["a", "b", "c"]
    place = "abc".index(missing)
    linear = warm.linear_.predict_proba(TEXTS)
    expected = warm.weights_["network"] * warm.network_.predict_proba(TEXTS)
    expected[:, np.arange(3) != place] += warm.weights_["linear"] * linear
    np.testing.assert_allclose(warm.predict_proba(TEXTS), expected, atol=1e-6)


def test_an_unknown_class_is_refused_by_a_warm_start(warm):
    with pytest.raises(ValueError, match=r"new classes: \['d'\]"):
        warm.fit(TEXTS, np.where(LABELS == "a", "d", LABELS))


def test_a_failed_warm_start_leaves_the_earlier_fit_as_it_was(warm):
    before, params = warm.predict_proba(TEXTS), warm.network_[-1].get_params(deep=False)
    with pytest.raises(ValueError, match="units"):
        warm.set_params(units=5, verbose=1).fit(TEXTS, LABELS)
    assert warm.network_[-1].get_params(deep=False) == params
    np.testing.assert_array_equal(warm.predict_proba(TEXTS), before)


def test_a_warm_start_cannot_tokenize_differently(warm):
    with pytest.raises(ValueError, match=r"vocabulary, but \['lowercase'\] changed"):
        warm.set_params(lowercase=False).fit(TEXTS, LABELS)


@pytest.mark.parametrize("name", ["min_df", "epochs", "learning_rate"])
def test_a_parameter_goes_back_to_the_rules_in_a_warm_start(name):
    given = {"min_df": 1, "epochs": 1, "learning_rate": 0.1}
    model = TextClassifier(warm_start=True, **SMALL | given).fit(TEXTS, LABELS)
    assert name not in model.settings_
    model.set_params(**{name: None}, verbose=0).fit(TEXTS, LABELS)
    assert model.settings_[name]["value"] is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_length", 1), ("vocabulary", ["word1"]), ("n_features", 9), ("unknown", "drop")],
)
def test_a_warm_start_keeps_its_vocabulary_or_says_so(warm, name, value):
    with pytest.raises(ValueError, match=rf"vocabulary, but \['{name}'"):
        warm.set_params(**{name: value}).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (np.array(["a", "b"]), np.array(["a", "b"]), True),
        (np.array(["a", "b"]), np.array(["a", "c"]), False),
        ({"a": np.ones(2)}, {"a": np.ones(2)}, True),
        ({"a": np.ones(2)}, {"a": np.zeros(2)}, False),
        ({"a": np.ones(2)}, {"b": np.ones(2)}, False),
        (Path("model"), "model", True),
        (Path("model"), None, False),
        (np.ones(2), None, False),
        (["a"], ["a"], True),
    ],
)
def test_equal_values_of_a_parameter_are_no_change(one, other, equal):
    assert _parts.same(one, other) == equal


def test_early_stopping_can_be_set_for_a_warm_start(warm):
    warm.set_params(early_stopping=True, epochs=2).fit(TEXTS, LABELS)
    assert warm.network_[-1].best_iteration_ in (2, 3)  # of the second fit
    assert warm.settings_["weight_averaging"]["value"] is False


def test_a_warm_start_whose_trial_dies_leaves_the_earlier_fit(monkeypatch):
    model = TextClassifier(linear=False, warm_start=True, **SMALL).fit(TEXTS * 5, list(LABELS) * 5)
    before, history = model.predict_proba(TEXTS), model.history_

    def dies(trial):
        trial.beside = True
        raise MemoryError("a worker died")

    monkeypatch.setattr(_trial.Trial, "weights", dies)
    monkeypatch.setattr(_trial, "_has_processes", lambda n_jobs: True)
    monkeypatch.setattr(_trial.Trial, "begin", lambda trial, bar: None)
    with pytest.raises(MemoryError, match="a worker died"):
        model.set_params(linear=True).fit(TEXTS * 5, list(LABELS[::-1]) * 5)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), before)
    assert model.history_ == history


def test_readers_of_a_warm_start_see_the_old_fit_or_the_new_one():
    model = TextClassifier(linear=False, warm_start=True, **SMALL | {"epochs": 20})
    model.fit(TEXTS, LABELS)
    before, seen = model.predict_proba(TEXTS[:1]), []
    thread = threading.Thread(target=model.fit, args=(TEXTS, LABELS))
    thread.start()
    while thread.is_alive():
        seen.append(model.predict_proba(TEXTS[:1]).tobytes())
    thread.join()
    assert seen
    assert set(seen) <= {before.tobytes(), model.predict_proba(TEXTS[:1]).tobytes()}
    assert model.predict_proba(TEXTS[:1]).tobytes() != before.tobytes()


@pytest.mark.slow
def test_a_warm_start_of_a_pretrained_network_needs_no_folder(tmp_path):
    pytest.importorskip("safetensors")
    folder = build_model(tmp_path / "model")
    model = TextClassifier(pretrained=folder, epochs=1, warm_start=True, random_state=0)
    model.fit(SENTENCES * 3, [0, 1, 0, 1] * 3)
    for path in folder.iterdir():
        path.unlink()
    model.set_params(epochs=None).fit(SENTENCES * 3, [0, 1, 0, 1] * 3)
    assert model.settings_["epochs"]["value"] > 1


def test_chunks_follow_what_is_set_since():
    model = TextClassifier(linear=False, **SMALL)
    model.partial_fit(TEXTS, LABELS)
    model.set_params(learning_rate=0.5, class_weight={"a": 2.0})
    model.partial_fit(TEXTS, LABELS)
    classifier = model.network_[-1]
    assert (classifier.learning_rate, classifier.class_weight) == (0.5, {"a": 2.0})
    with pytest.raises(ValueError, match=r"\['lowercase'\] changed"):
        model.set_params(lowercase=False).partial_fit(TEXTS, LABELS)


def test_chunks_keep_their_columns():
    frame = pd.DataFrame({"title": TEXTS, "body": TEXTS})
    model = TextClassifier(linear=False, columns=("title",), **SMALL)
    model.partial_fit(frame, LABELS)
    model.set_params(columns=frame.columns, warm_start=True)
    for call in (model.partial_fit, model.fit):
        with pytest.raises(ValueError, match=r"columns=\['title', 'body'\] are not those"):
            call(frame, LABELS)


def test_texts_of_weight_0_are_not_in_the_vocabulary_of_the_first_chunk():
    model = TextClassifier(linear=False, min_df=1, **SMALL)
    weights = np.ones(len(TEXTS) + 1)
    weights[-1] = 0
    model.partial_fit([*TEXTS, "unseen"], [*LABELS, "a"], sample_weight=weights)
    assert "unseen" not in model.network_[0].vocabulary_


@pytest.fixture(scope="module")
def weights_found_alone():
    return TextClassifier(**SMALL).fit(TEXTS * 5, np.tile(LABELS, 5)).weights_


@pytest.mark.parametrize(
    ("backend", "outer", "inner"),
    [("threading", 2, None), ("threading", 1, 2), ("multiprocessing", 1, 2)],
)
def test_a_trial_ends_where_it_cannot_run_beside_the_fit(
    backend, outer, inner, weights_found_alone
):
    """Threads would wait for each other; multiprocessing and Ray return when all jobs are done."""
    with joblib.parallel_config(backend=backend, n_jobs=outer):
        model = TextClassifier(**SMALL, n_jobs=inner).fit(TEXTS * 5, np.tile(LABELS, 5))
    assert model.weights_ == weights_found_alone


def test_without_the_network_nothing_asks_for_it():
    model = TextClassifier(network=False, pretrained="no/such-model", random_state=0)
    assert not hasattr(model, "transform")
    assert not hasattr(model, "fit_transform")
    model.fit(TEXTS, LABELS)
    assert set(model.settings_) == {"analyzer", "min_df", "token_pattern"}
    assert not hasattr(model, "get_feature_names_out")
    assert not hasattr(model.set_params(network=True), "transform")  # not fitted yet


def test_n_grams_of_characters_reach_the_linear_model():
    model = TextClassifier(network=False, analyzer="char", ngram_range=(2, 2))
    words = model.fit(TEXTS, LABELS).linear_["features"].transformer_list[0][1].vocabulary_
    assert {len(word) for word in words} == {2}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_features": 16},
        {"n_features": 16, "max_length": 3},
        {"max_length": 2},
        {"embeddings": {"word1": [1.0, 2.0]}},
    ],
)
def test_a_vectorizer_that_is_fitted_again_is_as_a_new_one(params):
    used = SequenceVectorizer().fit(TEXTS)
    used.set_params(**params).fit(TEXTS)
    new = SequenceVectorizer(**params).fit(TEXTS)
    np.testing.assert_array_equal(used.transform(TEXTS), new.transform(TEXTS))
    assert vars(used).keys() == vars(new).keys()
    used.set_params(n_features=16, max_length=3, embeddings=None).fit(TEXTS)
    assert "vocabulary_" not in dir(used)


def test_an_interrupted_trial_leaves_everything_as_it_was(monkeypatch, recwarn):
    model = TextClassifier(**SMALL | {"epochs": 3})
    fit_network = _parts.fit_network

    def interrupted(data, params, *arguments, **given):
        callback = keras.callbacks.LambdaCallback(on_epoch_end=_ctrl_c_after_the_first)
        return fit_network(data, params | {"callbacks": [callback]}, *arguments, **given)

    monkeypatch.setattr(_parts, "fit_network", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(TEXTS * 5, list(LABELS) * 5)
    assert not hasattr(model, "weights_")
    assert [str(w.message) for w in recwarn if "interrupted" in str(w.message)] == []


def _ctrl_c_after_the_first(epoch, logs):
    if epoch == 1:
        raise KeyboardInterrupt


def test_an_interrupted_network_does_not_wait_for_the_trial_in_other_processes(monkeypatch):
    fit_network = _parts.fit_network

    def begin(trial, bar):
        trial.beside, trial.elsewhere = True, _no_answers()

    monkeypatch.setattr(_trial.Trial, "begin", begin)
    monkeypatch.setattr(
        _parts, "fit_network", lambda *arguments: (fit_network(*arguments)[0], KeyboardInterrupt())
    )
    model = TextClassifier(**SMALL)
    told = "interrupted before the weights .* default values .'network': 0.25"
    with pytest.warns(UserWarning, match=told), pytest.raises(KeyboardInterrupt):
        model.fit(TEXTS * 5, list(LABELS) * 5)
    assert model.weights_ == {"network": 0.25, "linear": 0.75}
    assert len(model.history_["loss"]) == SMALL["epochs"]


def _no_answers():
    raise AssertionError("nobody waits for these")
    yield


def test_early_stopping_can_be_taken_back_for_a_warm_start():
    settings = SMALL | {"linear": False, "warm_start": True}
    model = TextClassifier(early_stopping=True, **settings).fit(TEXTS * 2, list(LABELS) * 2)
    assert model.settings_["weight_averaging"]["value"] is False
    model.set_params(early_stopping=False).fit(TEXTS * 2, list(LABELS) * 2)
    assert model.settings_["weight_averaging"]["value"] is True


def test_chunks_and_whole_fits_with_word_vectors_in_any_order():
    vectors = {f"word{number}": np.arange(3.0) + number for number in range(9)}
    model = TextClassifier(linear=False, warm_start=True, embeddings=vectors, **SMALL)
    model.partial_fit(TEXTS, LABELS).fit(TEXTS, LABELS).partial_fit(TEXTS, LABELS)
    assert len(model.history_["loss"]) == 2 + SMALL["epochs"]


def test_the_classes_of_the_first_chunk_may_come_from_an_iterator():
    model = TextClassifier(linear=False, **SMALL)
    model.partial_fit(TEXTS, LABELS, classes=iter([*np.unique(LABELS), "zebra"]))
    assert "zebra" in model.classes_


@pytest.mark.parametrize(
    ("error", "learned"), [(KeyboardInterrupt, False), (BrokenProcessPool, True)]
)
def test_what_ends_the_trial_in_other_processes_costs_no_network(
    error, learned, monkeypatch, weights_found_alone
):
    begin = _trial.Trial.begin

    def fails():
        raise error
        yield

    def begin_elsewhere(trial, bar):
        trial.beside = True
        monkeypatch.setattr(_trial, "Parallel", lambda **settings: lambda jobs: fails())
        begin(trial, bar)

    monkeypatch.setattr(_trial.Trial, "begin", begin_elsewhere)
    model = TextClassifier(**SMALL)
    if learned:
        model.fit(TEXTS * 5, list(LABELS) * 5)
        assert model.weights_ == weights_found_alone
    else:
        with pytest.warns(UserWarning, match="default values"), pytest.raises(error):
            model.fit(TEXTS * 5, list(LABELS) * 5)
        assert model.weights_ == {"network": 0.25, "linear": 0.75}
    assert len(model.history_["loss"]) == SMALL["epochs"]
