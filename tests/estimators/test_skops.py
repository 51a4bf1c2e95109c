"""Files without code: what comes back, what is refused, and that nothing of a file runs."""

import copy
import importlib
import inspect
import json
import pickle
import pkgutil
import sys
import zipfile

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skattn
from skattn import (
    AttentionTextClassifier,
    GatedDenseClassifier,
    SequenceVectorizer,
    make_text_classifier,
    trusted_types,
)
from skattn.estimators import _state
from skattn.networks._encoders import ENCODERS
from skattn.recipe._linear import LogCountRatio, MarginClassifier, UnicodeTfidf
from skattn.utils._saved_state import pickled

skops_io = pytest.importorskip("skops.io")

TRUSTED = trusted_types()


class CountEpochs(keras.callbacks.Callback):
    """A user's callback, at the top of a module so that pickle finds it."""


def reload(estimator):
    return skops_io.loads(skops_io.dumps(estimator), trusted=TRUSTED)


@pytest.fixture(scope="module")
def text_classifier(texts_as_ids):
    clf = AttentionTextClassifier(
        encoder="gru", units=4, embedding_dim=3, epochs=2, dropout=0.2, random_state=0
    )
    return clf.fit(*texts_as_ids)


@pytest.fixture
def tampered(monkeypatch, text_classifier):
    """The bytes of a file whose state was changed by a function after it was made."""

    def dump(change, estimator=text_classifier):
        def changed(state):
            state = copy.deepcopy(state)
            change(state)
            return state

        with monkeypatch.context() as patch:
            patch.setattr(_state, "without_objects", changed)
            return skops_io.dumps(estimator)

    return dump


# -- what comes back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoder",
    [
        pytest.param(name, marks=[] if name in ("lstm", "conv") else pytest.mark.slow)
        for name in sorted(ENCODERS)
    ],
)
def test_every_encoder_comes_back_with_the_same_bits(encoder, texts_as_ids):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(
        encoder=encoder, attention="multihead", units=4, embedding_dim=4, epochs=1, random_state=0
    ).fit(X, y)
    back = reload(clf)
    np.testing.assert_array_equal(back.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(back.attention_weights(X), clf.attention_weights(X))
    assert back.history_ == clf.history_


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_gated_pipeline_comes_back_with_the_same_bits(dense_rows, multilabel):
    X, y = dense_rows
    y = np.stack([y == 1, y > 0], axis=1).astype(int) if multilabel else y
    pipeline = make_pipeline(StandardScaler(), GatedDenseClassifier(units=4, epochs=2))
    pipeline.fit(X, y)
    back = reload(pipeline)
    np.testing.assert_array_equal(back.predict_proba(X), pipeline.predict_proba(X))
    np.testing.assert_array_equal(back.predict(X), pipeline.predict(X))


@pytest.mark.slow
def test_a_process_that_imports_nothing_of_ours_predicts_the_same_bits(tmp_path, run_python):
    texts = ["good film", "bad film", "good good story", "a bad bad story"] * 4
    names = np.array(["good", "bad", "good", "bad"] * 4, dtype=object)
    model = make_text_classifier(epochs=2, units=4, embedding_dim=4, random_state=0)
    model.fit(texts, names)
    skops_io.dump(model, tmp_path / "model.skops")
    np.save(tmp_path / "expected.npy", model.predict_proba(texts))
    assert set(skops_io.get_untrusted_types(file=tmp_path / "model.skops")) <= set(TRUSTED)
    run_python(
        """
import sys, numpy as np, skops.io
texts = ["good film", "bad film", "good good story", "a bad bad story"] * 4
untrusted = skops.io.get_untrusted_types(file="model.skops")
assert "tensorflow" not in sys.modules and "skattn" not in sys.modules
model = skops.io.load("model.skops", trusted=untrusted)
assert np.array_equal(model.predict_proba(texts), np.load("expected.npy"))
assert set(model.predict(texts)) == {"good", "bad"}
"""
    )


def test_every_estimator_of_ours_is_named():
    """A new one is added to `trusted_types`, after a look at what its state can do."""
    for module in pkgutil.walk_packages(skattn.__path__, "skattn."):
        importlib.import_module(module.name)
    found, waiting = set(), [BaseEstimator]
    while waiting:
        waiting += (kind := waiting.pop()).__subclasses__()
        found.add(f"{kind.__module__}.{kind.__name__}")
    ours = {name for name in found if name.startswith("skattn.")}
    inner = {"skattn.estimators._base.BaseNetworkClassifier"}  # never in a file by themselves
    inner |= {
        "skattn.recipe._base.BaseTextClassifier",
        "skattn.fitting._scikeras.EncodedTargets",
        "skattn.fitting._scikeras.NetworkClassifier",
    }
    assert ours - inner == {name for name in TRUSTED if name.startswith("skattn.")}


def test_an_unfitted_estimator_comes_back(texts_as_ids):
    clf = AttentionTextClassifier(units=5, random_state=np.random.RandomState(3))
    back = reload(clf)
    assert back.units == 5
    assert not back.__sklearn_is_fitted__()


@pytest.mark.slow
def test_training_goes_on_from_a_file_with_the_same_bits(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, dropout=0.3, random_state=0).partial_fit(X, y)
    back = reload(clf)
    for estimator in (clf, back):
        estimator.partial_fit(X, y)
    np.testing.assert_array_equal(back.predict_proba(X), clf.predict_proba(X))


def test_save_optimizer_false_leaves_its_state_out(dense_rows):
    X, y = dense_rows
    settings = {"units": 64, "warm_start": True, "epochs": 1, "random_state": 0}
    kept = GatedDenseClassifier(**settings).fit(X, y)
    left_out = GatedDenseClassifier(save_optimizer=False, **settings).fit(X, y)
    assert len(pickle.dumps(left_out)) < 0.5 * len(pickle.dumps(kept))
    assert len(skops_io.dumps(left_out)) < 0.7 * len(skops_io.dumps(kept))
    back = reload(left_out)
    np.testing.assert_array_equal(back.predict_proba(X), left_out.predict_proba(X))
    back.fit(X, y)
    loaded = reload(kept)
    loaded.save_optimizer = False
    assert reload(loaded)._fitted.to_state(True)["optimizer"] is None


def test_an_optimizer_is_kept_as_its_configuration(dense_rows):
    X, y = dense_rows
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=5, decay_rate=0.5)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)
    clf = GatedDenseClassifier(optimizer=optimizer, units=4, epochs=1, random_state=0).fit(X, y)
    back = reload(clf)
    assert back.optimizer["class_name"] == "SGD"
    assert back.optimizer["config"]["momentum"] == 0.9
    np.testing.assert_array_equal(clone(back).fit(X, y).predict_proba(X), clf.predict_proba(X))


# -- callbacks -------------------------------------------------------------------------------


def test_skops_leaves_callbacks_out_and_says_so(dense_rows):
    clf = GatedDenseClassifier(units=4, epochs=1, callbacks=[CountEpochs()]).fit(*dense_rows)
    with pytest.warns(UserWarning, match="callbacks are not in this file"):
        data = skops_io.dumps(clf)
    assert skops_io.loads(data, trusted=TRUSTED).callbacks is None
    assert len(clf.callbacks) == 1


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_pickle_and_copy_keep_callbacks(copied, dense_rows):
    clf = GatedDenseClassifier(units=4, epochs=1, callbacks=[CountEpochs()]).fit(*dense_rows)
    back = copied(clf)
    back = pickle.loads(back) if isinstance(back, bytes) else back
    assert isinstance(back.callbacks[0], CountEpochs)
    assert back.callbacks[0] is not clf.callbacks[0]


@pytest.mark.slow
def test_every_pickle_protocol_works(text_classifier, texts_as_ids):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(text_classifier, protocol))
        expected = text_classifier.predict_proba(texts_as_ids[0])
        np.testing.assert_array_equal(back.predict_proba(texts_as_ids[0]), expected)


@pytest.mark.slow
def test_callbacks_reach_the_workers_of_a_search(dense_rows, tmp_path):
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"), append=True)
    clf = GatedDenseClassifier(units=4, epochs=3, callbacks=[log])
    cross_val_score(clf, *dense_rows, cv=2, n_jobs=2)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert sum(line[0].isdigit() for line in lines) == 2 * 3


# -- hostile and damaged files ---------------------------------------------------------------


def _set(*path_and_value):
    *path, last, value = path_and_value

    def change(state):
        for key in path:
            state = state[key]
        state[last] = value

    return change


PLANTED = {"module": "planted", "class_name": "Payload", "registered_name": "planted>Payload"}
HUGE = 2**31 - 1
ATTACKS = {
    "optimizer that names a module": _set("optimizer", PLANTED | {"config": {}}),
    "optimizer of the network that names a module": _set(
        "_fitted", "config", "optimizer", PLANTED | {"config": {}}
    ),
    "schedule that names a module": _set(
        "_fitted",
        "config",
        "optimizer",
        {"class_name": "SGD", "config": {"learning_rate": PLANTED | {"config": {}}}},
    ),
    "known schedule around a planted one": _set(
        "optimizer",
        {
            "class_name": "SGD",
            "config": {
                "learning_rate": {
                    "class_name": "ExponentialDecay",
                    "config": {"initial_learning_rate": PLANTED | {"config": {}}},
                }
            },
        },
    ),
    "wrapped optimizer": _set(
        "optimizer",
        {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": PLANTED}},
    ),
    "layer as optimizer": _set("_fitted", "config", "optimizer", {"class_name": "Lambda"}),
    "Lambda layer as optimizer name": _set("_fitted", "config", "optimizer", "Lambda"),
    "no optimizer": _set("_fitted", "config", "optimizer", None),
    "unknown encoder": _set("_fitted", "config", "encoder", "planted.Payload"),
    "unknown attention": _set("_fitted", "config", "attention", "planted"),
    "text as units": _set("_fitted", "config", "units", "4"),
    "negative units": _set("_fitted", "config", "units", -4),
    "endless layers": _set("_fitted", "config", "n_layers", HUGE),
    "no configuration": _set("_fitted", {}),
    "weights as text": _set("_fitted", "weights", ["import planted"]),
    "weights of text": _set("_fitted", "weights", [np.array(["planted"])]),
    "weights of objects": _set("_fitted", "weights", [np.array([None])]),
    "a network object": _set("_fitted", StandardScaler()),
    "classes gone": _set("_fitted", "classes", None),
    "other classes": _set("_fitted", "classes", np.array(["a", "b", "c"])),
    "other table": _set("vocabulary_size_", HUGE),
    "seed as text": _set("_fitted", "seed", "0"),
    "newer format": _set("_format", 99),
    "format as text": _set("_format", "1"),
}
ATTACKS_AT_FIRST_USE = {
    "huge units": _set("_fitted", "config", "units", HUGE),
    "huge embedding": _set("_fitted", "config", "embedding_dim", HUGE),
    "weights missing": lambda state: state["_fitted"]["weights"].pop(),
    "weights of another shape": lambda state: state["_fitted"]["weights"].reverse(),
    "weights of another type": lambda state: state["_fitted"].update(
        weights=[array.astype(np.float64) for array in state["_fitted"]["weights"]]
    ),
    "optimizer state of another shape": _set("_fitted", "optimizer", [np.zeros(3, np.float32)]),
    "configuration with a hole": lambda state: state["_fitted"]["config"].pop("encoder"),
}


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A module on the path that leaves a mark when anything imports it."""
    (tmp_path / "planted.py").write_text(
        "import pathlib, keras\n"
        f"pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        "class Payload(keras.optimizers.SGD): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    assert "planted" not in sys.modules
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_files_are_refused_at_load(attack, tampered, planted):
    data = tampered(ATTACKS[attack])
    with pytest.raises(ValueError, match="AttentionTextClassifier"):
        skops_io.loads(data, trusted=TRUSTED)


@pytest.mark.parametrize("attack", ATTACKS_AT_FIRST_USE)
def test_wrong_weights_are_refused_before_memory_is_taken(attack, tampered, texts_as_ids):
    back = skops_io.loads(tampered(ATTACKS_AT_FIRST_USE[attack]), trusted=TRUSTED)
    with pytest.raises(ValueError, match="network of this file cannot be built"):
        back.predict(texts_as_ids[0])


def test_a_hostile_gated_file_is_refused(tampered, dense_rows):
    clf = GatedDenseClassifier(units=4, epochs=1).fit(*dense_rows)
    for change in (
        _set("_fitted", "config", "n_features", HUGE),
        _set("_fitted", "config", "sparse", "planted"),
        _set("_fitted", "config", "n_outputs", 1.5),
    ):
        with pytest.raises(ValueError, match="GatedDenseClassifier"):
            skops_io.loads(tampered(change, clf), trusted=TRUSTED)


def test_other_types_in_a_file_are_refused_by_skops(text_classifier, tmp_path):
    original, changed = tmp_path / "original.skops", tmp_path / "changed.skops"
    skops_io.dump(text_classifier, original)
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                system = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
                schema["content"]["content"]["scoring"] = system | {"content": {}, "__id__": 1}
                data = json.dumps(schema)
            target.writestr(name, data)
    with pytest.raises(Exception, match=r"os\.system|module_path"):
        skops_io.load(changed, trusted=TRUSTED)


def test_truncated_and_flipped_files_are_refused(text_classifier):
    data = skops_io.dumps(text_classifier)
    for length in (0, 10, len(data) // 2, len(data) - 1):
        with pytest.raises(zipfile.BadZipFile):
            skops_io.loads(data[:length], trusted=TRUSTED)
    middle = data.index(b"\x93NUMPY") + 130  # inside the numbers of an array
    flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        skops_io.loads(flipped, trusted=TRUSTED)


def test_a_file_of_an_older_version_takes_the_defaults_of_newer_parameters(
    tampered, text_classifier, texts_as_ids
):
    def age(state):
        for name in ("extra_pooling", "head_penalty"):
            del state[name], state["_fitted"]["config"][name]
        del state["save_optimizer"]

    back = skops_io.loads(tampered(age), trusted=TRUSTED)
    assert back.get_params() == text_classifier.get_params()
    np.testing.assert_array_equal(
        back.predict_proba(texts_as_ids[0]), text_classifier.predict_proba(texts_as_ids[0])
    )


def test_the_users_own_optimizer_comes_back_once_it_is_registered(dense_rows, tmp_path):
    X, y = dense_rows

    @keras.saving.register_keras_serializable(package="test_skops")
    class OwnSGD(keras.optimizers.SGD):
        pass

    clf = GatedDenseClassifier(optimizer=OwnSGD(0.1), units=4, epochs=1).fit(X, y)
    joblib.dump(clf, tmp_path / "model.joblib")
    back = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(back.predict_proba(X), clf.predict_proba(X))
    keras.saving.get_custom_objects().pop("test_skops>OwnSGD")
    with pytest.raises(ValueError, match="OwnSGD"):
        joblib.load(tmp_path / "model.joblib")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: GatedDenseClassifier(checkpoint=path),
        lambda path: AttentionTextClassifier(checkpoint=path),
        lambda path: SequenceVectorizer(embeddings=path),
    ],
    ids=["gated", "text", "vectorizer"],
)
def test_a_path_among_the_parameters_comes_back_from_pickles_only(make, tmp_path):
    data = skops_io.dumps(make(tmp_path))
    with pytest.warns(UserWarning, match=r"names paths, which are not taken over: .*set_params"):
        given = skops_io.loads(data, trusted=TRUSTED).get_params()
    assert given.get("checkpoint", given.get("embeddings")) is None
    for back in (copy.deepcopy(make(tmp_path)), pickle.loads(pickle.dumps(make(tmp_path)))):
        given = back.get_params()
        assert str(given.get("checkpoint", given.get("embeddings"))) == str(tmp_path)


WRONG = [
    ("stop_words", 3),
    ("ngram_range", (3, 1)),
    ("ngram_range", (1, 2, 3)),
    ("truncation", "x"),
    ("max_length", -1),
    ("max_length_", 2**28),
    ("min_df", "x"),
    ("unknown", None),
    ("n_features", 0),
    ("lowercase", "x"),
    ("strip_accents", 7),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_wrong_values_of_a_vectorizer_are_refused_at_load(name, value):
    fitted = SequenceVectorizer().fit(["a good film"])
    back = object.__new__(SequenceVectorizer)
    with pytest.raises(ValueError, match=rf"does not hold a valid SequenceVectorizer: .*{name}"):
        back.__setstate__(fitted.__getstate__() | {name: value})


@pytest.mark.parametrize(("name", "value"), [("epochs", -1), ("dropout", "x"), ("tol", None)])
def test_wrong_parameters_are_refused_at_load(name, value, tampered):
    with pytest.raises(ValueError, match=f"valid AttentionTextClassifier: .*{name}"):
        skops_io.loads(tampered(_set(name, value)), trusted=TRUSTED)
    wrong = GatedDenseClassifier(epochs=-1)  # a search sends it to a worker, where fit says it
    assert pickle.loads(pickle.dumps(wrong)).epochs == -1


def test_no_file_can_claim_to_be_a_pickle():
    class Claim(SequenceVectorizer):
        def __getstate__(self):
            return pickled(super().__getstate__())

    data = skops_io.dumps(Claim())
    assert "skattn.utils._saved_state.Pickled" in skops_io.get_untrusted_types(data=data)
    assert "skattn.utils._saved_state.Pickled" not in TRUSTED


SMALL_ONES = {
    "alpha": LogCountRatio(alpha=2.0),
    "C": MarginClassifier(C=3.0),
    "min_df": UnicodeTfidf(min_df=2),
}


@pytest.mark.parametrize("name", SMALL_ONES)
def test_the_small_estimators_check_the_version_of_their_state(name):
    estimator = SMALL_ONES[name]
    kind, state = type(estimator), estimator.__getstate__()
    assert getattr(reload(estimator), name) == getattr(estimator, name)
    back = kind.__new__(kind)
    back.__setstate__({k: v for k, v in state.items() if k not in (name, "_format")})
    default = inspect.signature(kind).parameters[name].default
    assert back.get_params()[name] == default != getattr(estimator, name)
    for wrong, message in (
        (state | {"_format": 99}, "newer skattn"),
        (state | {"_format": "1"}, "not hold a valid"),
        (state | {"fit": "planted"}, "it replaces fit"),
        (state | {3: "planted"}, "it replaces 3"),
        (["a list"], "not hold the state of a"),
    ):
        with pytest.raises(ValueError, match=message):
            back.__setstate__(wrong)


def test_an_unfitted_file_may_not_replace_a_method_either(tampered):
    change = _set("predict_proba", "planted")
    with pytest.raises(ValueError, match=r"GatedDenseClassifier.*it replaces"):
        skops_io.loads(tampered(change, GatedDenseClassifier()), trusted=TRUSTED)
