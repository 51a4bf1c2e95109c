"""A fit that is interrupted or fails leaves whole epochs, or what was there before."""

import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skattn import AttentionTextClassifier, GatedDenseClassifier, make_text_classifier
from skattn.fitting import _callbacks, _fit, _interruption

SETTINGS = {"units": 8, "epochs": 6, "dropout": 0.2, "random_state": 0}


class Raise(keras.callbacks.Callback):
    """Raises an error in the middle of an epoch, or at its end."""

    def __init__(self, epoch, error=KeyboardInterrupt, hook="on_epoch_begin"):
        super().__init__()
        self.epoch, self.error = epoch, error
        setattr(self, hook, self.strike)

    def strike(self, epoch, logs=None):
        if epoch == self.epoch:
            raise self.error("now")


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr(_interruption, "SECONDS_BETWEEN", -1.0)


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
def test_an_interrupted_fit_is_the_fit_of_its_whole_epochs(dense_rows, hook):
    X, y = dense_rows
    clf = GatedDenseClassifier(callbacks=[Raise(4, hook=hook)], **SETTINGS)
    with pytest.warns(UserWarning, match="4 of 6 epochs"), pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    whole = GatedDenseClassifier(**SETTINGS | {"epochs": 4}).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert clf.n_iter_ == 4
    assert clf.history_ == whole.history_
    assert clf.keras_classifier_.history_ == whole.history_


def test_the_first_epoch_is_kept_however_short_it_was(dense_rows, monkeypatch):
    monkeypatch.setattr(_interruption, "SECONDS_BETWEEN", 1e9)
    clf = GatedDenseClassifier(callbacks=[Raise(4)], **SETTINGS)
    with pytest.warns(UserWarning, match="1 of 6 epochs"), pytest.raises(KeyboardInterrupt):
        clf.fit(*dense_rows)
    assert clf.n_iter_ == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "choice",
    [
        {"early_stopping": True, "learning_rate": 3.0, "n_iter_no_change": 9},
        {"weight_averaging": True},
    ],
    ids=["early_stopping", "weight_averaging"],
)
def test_an_interrupted_fit_keeps_the_best_or_the_mean_epoch(dense_rows, choice):
    X, y = dense_rows
    settings = SETTINGS | choice
    clf = GatedDenseClassifier(callbacks=[Raise(5, hook="on_epoch_end")], **settings)
    with pytest.warns(UserWarning, match="5 of 6"), pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    stop = Stop(4)
    whole = GatedDenseClassifier(callbacks=[stop], **settings).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert getattr(clf, "best_iteration_", None) == getattr(whole, "best_iteration_", None)


class Stop(keras.callbacks.Callback):
    """Ends the fit after an epoch, as early stopping would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True


def test_no_epoch_leaves_an_unfitted_estimator(texts_as_ids):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(encoder="none", callbacks=[Raise(0)], epochs=2)
    before = dict(vars(clf))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert vars(clf) == before
    with pytest.raises(NotFittedError):
        clf.predict(X)
    clf.set_params(callbacks=None).fit(X, y)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
@pytest.mark.parametrize("method", ["fit", "warm_start", "partial_fit"])
def test_a_fit_that_fails_leaves_the_fitted_estimator_as_it_was(dense_rows, error, method):
    X, y = dense_rows
    clf = GatedDenseClassifier(warm_start=method == "warm_start", **SETTINGS).fit(X, y)
    probabilities, history = clf.predict_proba(X), clf.history_
    later = 6 if method != "fit" else 0  # in the epoch that comes first
    clf.callbacks = [Raise(later, error)]
    train = clf.partial_fit if method == "partial_fit" else clf.fit
    data = (X[:, :3], y) if method == "fit" else (X, y)
    with pytest.raises(error, match="now"):
        train(*data)
    assert clf.n_features_in_ == X.shape[1]
    assert clf.history_ is history
    np.testing.assert_array_equal(clf.predict_proba(X), probabilities)


@pytest.mark.slow
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_warm_start_that_breaks_off_after_training_began(dense_rows, error):
    """Ctrl-C keeps the whole epochs; an error takes back those that were done already."""
    X, y = dense_rows
    clf = GatedDenseClassifier(warm_start=True, **SETTINGS).fit(X, y)
    once = clf.predict_proba(X)
    clf.callbacks = [Raise(9, error)]  # after three epochs of the second fit
    if error is KeyboardInterrupt:
        with pytest.warns(UserWarning, match="3 of 6"), pytest.raises(error):
            clf.fit(X, y)
        whole = GatedDenseClassifier(warm_start=True, **SETTINGS).fit(X, y)
        whole.set_params(epochs=3).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
        clf.set_params(callbacks=None, epochs=3).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), whole.fit(X, y).predict_proba(X))
    else:
        with pytest.raises(error, match="now"):
            clf.fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), once)
        again = GatedDenseClassifier(warm_start=True, **SETTINGS).fit(X, y).fit(X, y)
        clf.set_params(callbacks=None).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_progress_bar_goes_away(dense_rows, error, monkeypatch, capsys):
    bars = []

    class Bar(_callbacks.Progress):
        def start(self):
            super().start()
            bars.append((self.live, self.live.is_started))

    monkeypatch.setattr(_callbacks, "Progress", Bar)
    clf = GatedDenseClassifier(verbose=1, callbacks=[Raise(0, error)], units=4)
    with pytest.raises(error, match="now"):
        clf.fit(*dense_rows)
    ((live, was_started),) = bars
    assert was_started
    assert not live.is_started


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process is sent a POSIX signal")
def test_ctrl_c_in_another_process(run_python, tmp_path):
    code = """
import sys, warnings, numpy as np
from skattn import AttentionTextClassifier
X = np.random.default_rng(0).integers(2, 50, size=(2000, 20))
clf = AttentionTextClassifier(units=32, epochs=1000, random_state=0, callbacks=[])
import keras
class Say(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("epoch", epoch + 1, flush=True)
clf.callbacks = [Say()]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        clf.fit(X, X[:, 0] % 2)
    except KeyboardInterrupt:
        print("interrupted")
assert "epochs and can be used" in str(caught[-1].message), caught
clf.callbacks = None
whole = AttentionTextClassifier(units=32, epochs=clf.n_iter_, random_state=0).fit(X, X[:, 0] % 2)
assert np.array_equal(clf.predict_proba(X), whole.predict_proba(X))
print("same as", clf.n_iter_)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("epoch 3"):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "interrupted" in out
    assert "same as" in out


@pytest.mark.slow
def test_an_interrupted_text_classifier_keeps_whole_epochs():
    texts, y = ["a good film", "a bad film"] * 12, ["good", "bad"] * 12
    settings = {"units": 2, "embedding_dim": 2, "epochs": 4, "random_state": 0}
    model = make_text_classifier(callbacks=[Raise(2)], **settings)
    told = "This TextClassifier keeps .* 2 of 4 epochs"
    with pytest.warns(UserWarning, match=told), pytest.raises(KeyboardInterrupt):
        model.fit(texts, y)
    assert len(model.history_["loss"]) == 2
    assert model.predict(texts).tolist() == y


def test_a_ctrl_c_after_the_last_epoch_leaves_the_old_weights(dense_rows, monkeypatch):
    X, y = dense_rows
    clf = GatedDenseClassifier(warm_start=True, **SETTINGS).fit(X, y)
    before = clf.predict_proba(X)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_fit, "_with_history", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    assert clf.n_iter_ == 6


def test_an_interrupted_fit_ends_with_averaged_weights(dense_rows):
    X, y = dense_rows

    def averaging(**more):
        optimizer = keras.optimizers.Adam(use_ema=True)
        return GatedDenseClassifier(optimizer=optimizer, **SETTINGS | more)

    clf = averaging(callbacks=[Raise(4)])
    with pytest.warns(UserWarning, match="4 of 6 epochs"), pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    whole = averaging(epochs=4).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
