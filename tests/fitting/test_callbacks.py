"""Callbacks behind the parameters, and callbacks of the user."""

import copy

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skattn import GatedDenseClassifier
from skattn.fitting import _callbacks

pytestmark = pytest.mark.usefixtures("graphs_as_traced")


def small(**parameters):
    return GatedDenseClassifier(**{"units": 3, "epochs": 2, "random_state": 0} | parameters)


class Recorder(keras.callbacks.Callback):
    """Counts what it sees, in itself and in a list that its copies share."""

    seen = []

    def __init__(self):
        super().__init__()
        self.n_epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.n_epochs += 1
        type(self).seen.append((epoch, dict(logs), self.n_epochs))


class KeepWeights(keras.callbacks.Callback):
    kept = []

    def on_epoch_end(self, epoch, logs=None):
        type(self).kept.append(self.model.get_weights())


@pytest.fixture
def recorder():
    Recorder.seen.clear()
    return Recorder()


def test_a_callback_sees_every_epoch_and_its_logs(dense_rows, recorder):
    clf = small(callbacks=[recorder], validation_fraction=0.2, scoring="accuracy").fit(*dense_rows)
    assert [epoch for epoch, _, _ in recorder.seen] == [0, 1]
    for epoch, logs, _ in recorder.seen:
        assert set(logs) == {"loss", "val_loss", "val_accuracy", "val_score"}
        assert logs["loss"] == clf.history_["loss"][epoch]


@pytest.mark.slow
@pytest.mark.parametrize("container", [list, tuple, lambda callbacks: callbacks[0]])
def test_callbacks_are_copied_and_never_changed(dense_rows, recorder, container):
    callbacks = container([recorder])
    before = copy.deepcopy(vars(recorder))
    clf = small(callbacks=callbacks).fit(*dense_rows)
    clf.fit(*dense_rows)
    assert clf.callbacks is callbacks
    assert vars(recorder) == before
    assert [n for _, _, n in recorder.seen] == [1, 2, 1, 2]  # each fit has its own copy


def test_a_clone_has_callbacks_of_its_own(dense_rows, recorder):
    clf = small(callbacks=[recorder])
    twin = clone(clf)
    twin.fit(*dense_rows)
    clone(twin).fit(*dense_rows)
    assert len(recorder.seen) == 4
    assert recorder.n_epochs == 0


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_the_users_early_stopping_and_falling_rate_work(dense_rows):
    stop = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=100)
    clf = small(epochs=9, callbacks=[stop]).fit(*dense_rows)
    assert clf.n_iter_ == 2
    assert not hasattr(clf, "best_iteration_")
    falling = keras.callbacks.LearningRateScheduler(lambda epoch: 0.25 * 0.5**epoch)
    clf = small(callbacks=[falling]).fit(*dense_rows)
    assert float(clf.model_.optimizer.learning_rate) == 0.125


@pytest.mark.parametrize(
    "callback",
    [keras.callbacks.ReduceLROnPlateau("loss"), keras.callbacks.LearningRateScheduler(abs)],
    ids=["plateau", "scheduler"],
)
def test_a_falling_rate_beside_a_schedule_is_refused(dense_rows, callback):
    for callbacks in (callback, [callback]):
        clf = small(callbacks=callbacks, learning_rate_schedule="cosine")
        name = type(callback).__name__
        for fit in (clf.fit, clf.partial_fit):
            with pytest.raises(ValueError, match=f"'cosine' sets .* so {name} in callbacks"):
                fit(*dense_rows)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_weights_can_be_written_by_keras(dense_rows, tmp_path):
    path = tmp_path / "{epoch}.weights.h5"
    saver = keras.callbacks.ModelCheckpoint(str(path), save_weights_only=True)
    small(callbacks=[saver]).fit(*dense_rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5"]


@pytest.mark.parametrize(
    "callbacks",
    [[keras.callbacks.EarlyStopping], keras.callbacks.EarlyStopping, [print], ["early"], [None]],
    ids=["class in a list", "class", "function", "name", "None"],
)
def test_what_is_no_callback_is_refused(dense_rows, callbacks):
    with pytest.raises(TypeError, match=r"callbacks must be keras.*got .*objects, not of classes"):
        small(callbacks=callbacks).fit(*dense_rows)


class Clear(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs.clear()


class Note(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["mood"] = "good"


class SetRate(keras.callbacks.Callback):
    def __init__(self, when, rate):
        super().__init__()
        self.when, self.rate = when, rate

    def on_epoch_begin(self, epoch, logs=None, when="begin"):
        if self.when == when:
            self.model.optimizer.learning_rate = self.rate

    def on_epoch_end(self, epoch, logs=None):
        self.on_epoch_begin(epoch, when="end")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("when", ["begin", "end"])
@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_rate_that_has_no_effect_is_a_warning(dense_rows, when, schedule, recwarn):
    clf = small(callbacks=[SetRate(when, 0.5)], learning_rate_schedule=schedule, epochs=3)
    clf.fit(*dense_rows)
    [warning] = [
        each for each in recwarn if "learning rate, which has no effect" in str(each.message)
    ]
    assert warning.filename == __file__
    recwarn.clear()
    small(callbacks=[NoteEverySecond()], learning_rate_schedule=schedule, epochs=3).fit(*dense_rows)
    clf.set_params(learning_rate_schedule="constant").fit(*dense_rows)
    assert not [each for each in recwarn if "no effect" in str(each.message)]


class NoteEverySecond(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch % 2:
            logs["note"] = float(epoch)


def test_an_epoch_without_a_value_is_nan_in_the_history(dense_rows):
    clf = small(epochs=4, callbacks=[NoteEverySecond()], warm_start=True).fit(*dense_rows)
    np.testing.assert_array_equal(clf.history_["note"], [np.nan, 1, np.nan, 3])
    history = clf.set_params(callbacks=None).fit(*dense_rows).history_
    assert {name: len(values) for name, values in history.items()} == {"loss": 8, "note": 8}


def test_a_callback_that_takes_the_loss_away_is_told_so(dense_rows):
    clf = small(callbacks=[Clear()])
    with pytest.raises(ValueError, match="callback has taken the loss out of the logs"):
        clf.fit(*dense_rows)
    assert not clf.__sklearn_is_fitted__()


def test_a_checkpoint_keeps_numbers_alone(dense_rows, tmp_path):
    assert small(callbacks=[Note()]).fit(*dense_rows).history_["mood"] == ["good"] * 2
    with pytest.raises(ValueError, match="hold mood='good', put there by a callback"):
        small(callbacks=[Note()], checkpoint=tmp_path).fit(*dense_rows)
    assert not list(tmp_path.iterdir())


def test_early_stopping_watches_in_the_right_direction():
    loss = _callbacks.early_stopping("val_loss", 3, 0.5)
    score = _callbacks.early_stopping("val_score", 3, 0.5)
    for callback, better, worse in ((loss, 1.0, 2.0), (score, 2.0, 1.0)):
        callback._set_monitor_op()
        assert callback.monitor_op(better, worse)
        assert not callback.monitor_op(worse, better)
        assert (callback.patience, abs(callback.min_delta)) == (3, 0.5)
        assert callback.restore_best_weights


def test_the_score_of_each_epoch_stands_in_the_logs():
    scores = iter([0.25, np.float32(0.5)])
    callback, logs = _callbacks.HeldOutScore(lambda: next(scores)), {}
    for expected in (0.25, 0.5):
        callback.on_epoch_end(0, logs)
        assert logs == {"val_score": expected}


@pytest.mark.slow
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_verbose_shows_one_bar_in_80_columns(dense_rows, capsys, monkeypatch, scoring):
    monkeypatch.setenv("COLUMNS", "80")
    clf = small(verbose=1, validation_fraction=0.2, epochs=100, scoring=scoring).fit(*dense_rows)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 1
    validation = "val_loss" if scoring == "loss" else "val_score"
    for word in ("GatedDenseClassifier", "100/100", validation, "0:00:"):
        assert word in shown
    assert f"loss {clf.history_['loss'][-1]:.3f}" in shown
    assert "…" not in shown  # nothing is cut off


def test_verbose_without_a_held_out_part_shows_the_loss_alone(dense_rows, capsys):
    small(verbose=1).fit(*dense_rows)
    shown = capsys.readouterr().out
    assert "loss" in shown
    assert "val" not in shown


def test_silence_is_the_default(dense_rows, capfd):
    small(validation_fraction=0.2).fit(*dense_rows).predict(dense_rows[0])
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


@pytest.mark.parametrize("score", [None, "high", np.ones(2)])
def test_a_scorer_that_gives_no_number_is_named(dense_rows, score):
    clf = GatedDenseClassifier(
        units=4, epochs=1, early_stopping=True, scoring=lambda estimator, X, y: score
    )
    with pytest.raises(ValueError, match="scoring must give one number"):
        clf.fit(*dense_rows)


class Evaluate(keras.callbacks.Callback):
    """Evaluates other rows in the middle of a fit, as a user's callback may."""

    def __init__(self, X, y):
        super().__init__()
        self.rows, self.found = (X, y), []

    def __deepcopy__(self, memo):
        return self

    def on_epoch_begin(self, epoch, logs=None):
        self.model.evaluate(*self.rows)

    def on_train_batch_end(self, batch, logs=None):
        self.model.evaluate(*self.rows)

    def on_epoch_end(self, epoch, logs=None):
        self.found.append(self.model.evaluate(*self.rows))


@pytest.mark.parametrize("validation_fraction", [None, 0.2])
def test_a_callback_may_evaluate_other_rows(dense_rows, validation_fraction):
    X, y = dense_rows
    settings = {"epochs": 3, "validation_fraction": validation_fraction, "scoring": "loss"}
    plain = small(**settings).fit(X, y)
    callback = Evaluate(X[:30], y[:30])
    clf = small(callbacks=[callback], **settings).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    assert clf.history_["loss"] == pytest.approx(plain.history_["loss"])
    assert len(callback.found) == 3
    assert callback.found[-1] == pytest.approx(clf.model_.evaluate(X[:30], y[:30]))


class Fail(keras.callbacks.Callback):
    def set_model(self, model):
        raise RuntimeError("mine")


def test_an_error_before_the_first_epoch_is_not_hidden_by_the_bar(dense_rows):
    with pytest.raises(RuntimeError, match="mine"):
        small(verbose=1, callbacks=[Fail()]).fit(*dense_rows)


def test_an_optimizer_without_a_rate_or_decay_takes_that_of_the_parameters(dense_rows):
    X, y = dense_rows
    given = {"class_name": "sgd", "config": {"momentum": 0.9}}
    own = {"class_name": "sgd", "config": {"momentum": 0.9, "learning_rate": 0.3}}
    clf = small(optimizer=given, learning_rate=0.3, weight_decay=0.5).fit(X, y)
    assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.3)
    assert clf.model_.optimizer.weight_decay == 0.5
    without = small(optimizer=own, learning_rate=0.1).fit(X, y)
    assert float(without.model_.optimizer.learning_rate) == pytest.approx(0.3)
    slower = small(optimizer=given, learning_rate=1e-6).fit(X, y)  # a network of the pool
    assert float(slower.model_.optimizer.learning_rate) == pytest.approx(1e-6)


@pytest.mark.parametrize("epochs", [4, 5])
def test_averaged_weights_are_the_mean_of_the_second_half_of_the_epochs(dense_rows, epochs):
    KeepWeights.kept.clear()
    settings = {"epochs": epochs, "learning_rate": 0.1, "callbacks": [KeepWeights()]}
    clf = small(weight_averaging=True, **settings).fit(*dense_rows)
    assert len(KeepWeights.kept) == epochs
    second_half = KeepWeights.kept[epochs // 2 :]
    for found, *each in zip(clf.model_.get_weights(), *second_half, strict=True):
        np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)
        assert np.abs(found - each[-1]).max() > 1e-3


def test_averaging_beside_early_stopping_is_refused(dense_rows):
    clf = small(weight_averaging=True, early_stopping=True)
    with pytest.raises(ValueError, match="weight_averaging=True and early_stopping=True exclude"):
        clf.fit(*dense_rows)


def test_a_score_may_be_an_array_of_one_number(dense_rows):
    clf = small(validation_fraction=0.2, scoring=lambda *_: np.array(0.5)).fit(*dense_rows)
    assert clf.history_["val_score"][-1] == 0.5
