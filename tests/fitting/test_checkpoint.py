"""Training that is killed goes on from its last epoch, to the same bits."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.fitting import _checkpoint

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = {"units": 8, "epochs": 6, "dropout": 0.2, "random_state": 0}
CHOICES = {
    "plain": {},
    "a seed of the system": {"random_state": None},
    "early stopping": {"early_stopping": True, "learning_rate": 1.0, "n_iter_no_change": 4},
    "a scorer": {"early_stopping": True, "scoring": "accuracy", "n_iter_no_change": 3},
    "mean weights": {"weight_averaging": True},
    "cosine": {"learning_rate_schedule": "cosine"},
    "another optimizer": {"optimizer": "rmsprop"},
}


class Killed(Exception):
    """What the test raises where a real fit would die."""


class Die(keras.callbacks.Callback):
    """Ends the fit in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def die(clf, epoch, *data):
    with pytest.raises(Killed):
        clone(clf).set_params(callbacks=[Die(epoch)]).fit(*data)


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_a_fit_that_goes_on_ends_with_the_same_bits(choice, dense_rows, tmp_path, monkeypatch):
    X, y = dense_rows
    clf = GatedDenseClassifier(checkpoint=tmp_path / "folder", **SETTINGS | CHOICES[choice])
    if clf.random_state is None:
        monkeypatch.setattr("skattn.fitting._fit.draw_seed", lambda _: next(seeds))
        seeds = iter([1, 2, 1])
    die(clf, 3, X, y)
    assert len(list((tmp_path / "folder").iterdir())) == 1
    with pytest.warns(UserWarning, match="goes on after epoch 3 of 6"):
        clf.fit(X, y)
    whole = clone(clf).set_params(checkpoint=None).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert clf.history_ == whole.history_
    assert clf.n_iter_ == whole.n_iter_
    assert getattr(clf, "best_iteration_", None) == getattr(whole, "best_iteration_", None)
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_fit_that_had_stopped_early_is_only_finished(dense_rows, tmp_path, monkeypatch):
    X, y = dense_rows
    clf = GatedDenseClassifier(
        checkpoint=tmp_path,
        **SETTINGS | {"early_stopping": True, "tol": 10.0, "n_iter_no_change": 2},
    )
    with monkeypatch.context() as patch:
        patch.setattr(_checkpoint.Checkpoint, "remove", lambda self: None)
        whole = clone(clf).fit(X, y)
    with pytest.warns(UserWarning, match=f"after epoch {whole.n_iter_} of 6"):
        clf.fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert (clf.n_iter_, clf.history_) == (whole.n_iter_, whole.history_)
    assert clf.best_iteration_ == whole.best_iteration_ == 1


@pytest.mark.slow
def test_warm_start_goes_on_in_the_middle_of_the_second_fit(dense_rows, tmp_path):
    X, y = dense_rows
    clf = GatedDenseClassifier(checkpoint=tmp_path, warm_start=True, **SETTINGS).fit(X, y)
    once = clf.predict_proba(X)
    clf.callbacks = [Die(9)]
    with pytest.raises(Killed):
        clf.fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), once)
    clf.callbacks = None
    with pytest.warns(UserWarning, match="after epoch 3"):
        clf.fit(X, y)
    whole = GatedDenseClassifier(warm_start=True, **SETTINGS).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert clf.history_ == whole.history_


@pytest.mark.parametrize(
    "change",
    [
        lambda clf, X, y: (clf.set_params(units=9), X, y),
        lambda clf, X, y: (clf.set_params(random_state=1), X, y),
        lambda clf, X, y: (clf.set_params(epochs=7), X, y),
        lambda clf, X, y: (clf, X + np.eye(*X.shape, dtype=X.dtype), y),
        lambda clf, X, y: (clf, X, y[::-1]),
    ],
    ids=["units", "seed", "epochs", "X", "y"],
)
def test_another_fit_never_goes_on_from_it(change, dense_rows, tmp_path):
    clf = GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS)
    die(clf, 3, *dense_rows)
    (left,) = tmp_path.iterdir()
    other, X, y = change(clf, *dense_rows)
    other.fit(X, y)  # no warning: from the beginning
    assert list(tmp_path.iterdir()) == [left]


def score_of(*_, at):
    return at


def giving(score):
    return lambda *_: score


EARLY = {"early_stopping": True, "validation_fraction": 0.3}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"scoring": make_scorer(f1_score, average="macro")}, {"scoring": make_scorer(f1_score)}),
        ({"scoring": lambda *_: 0.1}, {"scoring": lambda *_: 0.9}),
        ({"scoring": giving(0.1)}, {"scoring": giving(0.9)}),
        ({"scoring": partial(score_of, at=0.1)}, {"scoring": partial(score_of, at=0.9)}),
        ({"random_state": np.random.RandomState(0)}, {"random_state": np.random.RandomState(1)}),
    ],
    ids=["scorers", "functions", "closures", "partial", "random states"],
)
def test_nor_one_with_another_object(one, other, dense_rows, tmp_path):
    X, y = dense_rows[0], dense_rows[1] > 0
    clf = GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS | EARLY | one)
    die(clf, 3, X, y)
    (left,) = tmp_path.iterdir()
    GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS | EARLY | other).fit(X, y)
    assert list(tmp_path.iterdir()) == [left]
    with pytest.warns(UserWarning, match="goes on after epoch 3"):
        clf.fit(X, y)


def test_nor_one_of_another_network(dense_rows, tmp_path):
    X, y = dense_rows
    made = [GatedDenseClassifier(warm_start=True, **SETTINGS).fit(X, np.roll(y, k)) for k in (0, 7)]
    one, other = (clf.set_params(checkpoint=tmp_path) for clf in made)
    with pytest.raises(Killed):
        one.set_params(callbacks=[Die(9)]).fit(X, y)
    (left,) = tmp_path.iterdir()
    other.fit(X, y)  # no warning: from its own weights
    assert list(tmp_path.iterdir()) == [left]


def test_equal_optimizers_and_keys_of_numpy(dense_rows, tmp_path):
    X, y = dense_rows

    def made():
        weights = dict(zip(np.unique(y), [1.0, 2.0, 3.0], strict=True))
        optimizer = keras.optimizers.Adam(0.01)
        settings = SETTINGS | {"class_weight": weights, "optimizer": optimizer}
        return GatedDenseClassifier(checkpoint=tmp_path, **settings)

    die(made(), 3, X, y)
    with pytest.warns(UserWarning, match="goes on after epoch 3"):
        made().fit(X, y)
    clf = made().set_params(checkpoint=None, warm_start=True).fit(X, y)
    assert (
        len(clf.set_params(optimizer=keras.optimizers.Adam(0.01)).fit(X, y).history_["loss"]) == 12
    )


def test_one_folder_serves_a_search(texts_as_ids, tmp_path):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(
        encoder="none", epochs=2, units=4, embedding_dim=4, random_state=0, checkpoint=tmp_path
    )
    search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, y)
    assert list(tmp_path.iterdir()) == []
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_it_holds_numbers_and_one_text_but_no_pickle(dense_rows, tmp_path):
    clf = GatedDenseClassifier(checkpoint=tmp_path, early_stopping=True, **SETTINGS)
    die(clf, 2, *dense_rows)
    (path,) = tmp_path.iterdir()
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fiu" for name in file.files)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "pickle", "newer"])
def test_a_damaged_file_is_a_clear_error(damage, dense_rows, tmp_path, monkeypatch):
    clf = GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS)
    with monkeypatch.context() as patch:
        if damage == "newer":
            patch.setattr(_checkpoint, "FORMAT", 2)
            name = _checkpoint.fingerprint
            patch.setattr(_checkpoint, "fingerprint", lambda *args: "same")
        die(clf, 2, *dense_rows)
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        place = data.index(b"\x93NUMPY") + 140
        path.write_bytes(data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])
    elif damage == "foreign":
        path.write_text("a letter")
    elif damage == "pickle":
        with path.open("wb") as file:
            np.savez(file, state=np.array([{"a": 1}], dtype=object))
    else:
        monkeypatch.setattr(_checkpoint, "fingerprint", lambda *args: "same")
        assert name is not None
    with pytest.raises(ValueError, match=r"cannot be read: .* Delete it to train anew"):
        clf.fit(*dense_rows)
    assert not clf.__sklearn_is_fitted__()
    path.unlink()
    clf.fit(*dense_rows)


def test_no_damaged_byte_ends_in_a_raw_error(dense_rows, tmp_path):
    die(GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS), 2, *dense_rows)
    (path,) = tmp_path.iterdir()
    data, generator = path.read_bytes(), np.random.default_rng(0)
    refusals = []
    for _ in range(300):
        damaged, place = bytearray(data), generator.integers(len(data) - 8)
        damaged[place : place + 8] = generator.bytes(generator.integers(0, 9))
        path.write_bytes(damaged)
        try:
            _checkpoint.Checkpoint(tmp_path, path.stem)
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 250
    assert all("cannot be read" in refusal for refusal in refusals)


CHANGES = {
    "n_epochs": [-1, 0, 99, "x", float("inf")],
    "seed": [-1, "x"],
    "history": [[1], {}, {"loss": 3}, {"loss": "ab"}, {"loss": ["a", "b"]}],
    "memories": [3, [3], [{}]],
    "weights": [[], "abc", ["zz"], None],
    "optimizer": [[], ["array_0"]],
}


@pytest.mark.filterwarnings("ignore:fit goes on after epoch")
@pytest.mark.parametrize(("name", "value"), [(k, v) for k, vs in CHANGES.items() for v in vs])
def test_a_file_of_another_state_is_a_clear_error(name, value, dense_rows, tmp_path):
    clf = GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS)
    die(clf, 2, *dense_rows)
    (path,) = tmp_path.iterdir()
    with np.load(path) as file:
        arrays = dict(file)
    plain = json.loads(arrays["state"].tobytes())
    arrays["state"] = np.frombuffer(json.dumps(plain | {name: value}).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"checkpoint .* to train anew"):
        clf.fit(*dense_rows)
    assert not clf.__sklearn_is_fitted__()


def test_a_folder_that_cannot_be_written_is_told_before_training(dense_rows, tmp_path):
    (tmp_path / "file").write_text("")
    seen = []
    clf = GatedDenseClassifier(
        checkpoint=tmp_path / "file" / "folder",
        callbacks=[keras.callbacks.LambdaCallback(on_train_begin=seen.append)],
        **SETTINGS,
    )
    with pytest.raises(OSError, match="checkpoint cannot be written"):
        clf.fit(*dense_rows)
    assert not clf.__sklearn_is_fitted__()
    assert not seen


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX limit on the size of files")
def test_a_full_disk_leaves_the_estimator_as_it_was(run_python, tmp_path):
    run_python(
        """
import resource, numpy as np
from pathlib import Path
from skattn import GatedDenseClassifier
X = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
y = np.arange(60) % 2
clf = GatedDenseClassifier(units=200, epochs=2, random_state=0).fit(X, y)
before = clf.predict_proba(X)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    clf.set_params(checkpoint="folder").fit(X, y)
except OSError as error:
    assert "as it was before fit" in str(error), error
else:
    raise AssertionError("the file had no room")
assert np.array_equal(clf.predict_proba(X), before)
assert list(Path("folder").iterdir()) == []
"""
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process is sent a POSIX signal")
def test_sigkill_in_the_middle_of_a_fit(tmp_path, run_python):
    fit = """
import sys, time, keras, numpy as np
from skattn import AttentionTextClassifier
class Say(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        print("epoch", epoch, flush=True)
        if epoch == 4 and sys.argv[2:] == ["wait"]:
            time.sleep(300)  # for SIGKILL
rng = np.random.default_rng(0)
X = rng.integers(2, 50, size=(600, 12)) * (np.arange(12) < rng.integers(1, 13, size=(600, 1)))
y = X[:, 0] % 3
clf = AttentionTextClassifier(
    encoder="gru", units=16, dropout=0.3, epochs=8, random_state=5, early_stopping=True,
    n_iter_no_change=8, checkpoint=sys.argv[1], callbacks=[Say()],
)
probabilities = clf.fit(X, y).predict_proba(X)
whole = clf.set_params(checkpoint=None).fit(X, y)
assert np.array_equal(probabilities, whole.predict_proba(X))
"""
    command = [sys.executable, "-c", fit, str(tmp_path / "folder"), "wait"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    for line in process.stdout:
        if line.startswith("epoch 4"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    resumed = run_python(fit, tmp_path / "folder")
    assert "goes on after epoch 4 of 8" in resumed.stderr
    assert resumed.stdout.split()[1] == "4"
    assert [p.name for p in (tmp_path / "folder").iterdir() if p.suffix == ".npz"] == []


def test_your_own_callbacks_start_anew(dense_rows, tmp_path):
    clf = GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS)
    die(clf, 3, *dense_rows)
    clf.set_params(callbacks=[keras.callbacks.EarlyStopping("loss", patience=100)])
    with pytest.warns(UserWarning, match="goes on after epoch 3 of 6"):
        clf.fit(*dense_rows)
    assert clf.n_iter_ == 6


def test_no_callback_is_blamed_for_the_rate_of_the_file(dense_rows, tmp_path):
    clf = GatedDenseClassifier(checkpoint=tmp_path, learning_rate_schedule="cosine", **SETTINGS)
    die(clf, 3, *dense_rows)
    clf.set_params(callbacks=[keras.callbacks.TerminateOnNaN()])
    with pytest.warns(UserWarning, match="goes on after epoch 3 of 6") as caught:
        clf.fit(*dense_rows)
    assert [str(each.message) for each in caught if "no effect" in str(each.message)] == []


def test_the_bar_of_a_fit_that_goes_on_begins_where_it_was(dense_rows, tmp_path, capsys):
    clf = GatedDenseClassifier(checkpoint=tmp_path, **SETTINGS)
    die(clf, 3, *dense_rows)
    with pytest.warns(UserWarning, match="goes on after epoch 3 of 6"):
        clf.set_params(verbose=1).fit(*dense_rows)
    assert "6/6" in capsys.readouterr().out
