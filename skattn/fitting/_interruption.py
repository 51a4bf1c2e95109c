"""A fit that is interrupted or fails: go back to the last whole epoch, or to before the fit."""

import contextlib
import contextvars
import time
from typing import NamedTuple

import keras
import numpy as np

from skattn.fitting._callbacks import OwnEarlyStopping, ProgressBar, WeightAveraging
from skattn.networks import _weights
from skattn.utils._warnings import warn

SECONDS_BETWEEN = 0.25  # snapshots cost milliseconds, epochs of small data do too
_MEMORIES = {
    OwnEarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    WeightAveraging: ("mean", "n_epochs"),
}


class _Around(NamedTuple):
    name: str = ""  # of the estimator that fits a network as a part of itself
    keeps: bool = True  # whether it keeps a network whose training was interrupted


_NOTHING_AROUND = _Around()
_AROUND = contextvars.ContextVar("the fit around that of a network", default=_NOTHING_AROUND)


@contextlib.contextmanager
def fit_within(name="", keeps=True):
    """Inside, networks are fitted for an estimator of this name.

    If it does not keep a network that was interrupted, a Ctrl-C ends the fit as any error does.
    """
    token = _AROUND.set(_Around(name, keeps))
    try:
        yield
    finally:
        _AROUND.reset(token)


class EpochEnd(NamedTuple):
    """All that training needs to go on after an epoch: plain values and arrays."""

    n_epochs: int  # of this fit
    weights: list
    optimizer: list
    history: dict  # name -> list of floats
    memories: list  # of our own callbacks, one dict each
    stopped: bool  # whether early stopping has ended the fit


class LastEpoch(keras.callbacks.Callback):
    """Remembers the state after the last whole epoch; the last of the callbacks.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        The others of this fit.
    start : EpochEnd, default=None
        From which the fit goes on.
    write : callable, default=None
        Takes an `EpochEnd` after every epoch, to put it into a file.
    """

    def __init__(self, callbacks, start=None, write=None):
        super().__init__()
        self.others, self.start, self.write = callbacks, start, write
        self.n_epochs = start.n_epochs if start else 0
        self.history = {k: list(v) for k, v in start.history.items()} if start else {}
        self.state = None

    def on_train_begin(self, logs=None):
        if self.start:
            self._restart()
        self.state = self.start
        self.taken = time.monotonic()

    def _restart(self):
        try:
            _weights.restore(self.model, self.start._asdict())
            set_memories(self.others, self.start.memories)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"The checkpoint of this fit holds another network's state ({error}). Delete "
                "the file to train anew."
            ) from error

    def on_epoch_end(self, epoch, logs=None):
        if "loss" not in (logs or {}):
            raise ValueError(
                "A callback has taken the loss out of the logs of the epoch, from which history_ "
                "is made. Callbacks may add to the logs, but must leave what is there."
            )
        self.n_epochs += 1
        n_before = len(self.history.get("loss", []))
        for name in self.history | logs:  # a callback may add a value in some epochs only
            values = self.history.setdefault(name, [np.nan] * n_before)
            values.append(logs.get(name, np.nan))
        first = self.state is self.start
        if self.write or first or time.monotonic() - self.taken > SECONDS_BETWEEN:
            self.state = self._end_of_epoch()
            self.taken = time.monotonic()
        if self.write:
            self.write(self.state)

    def _end_of_epoch(self):
        saved = _weights.snapshot(self.model, with_optimizer=True)
        return EpochEnd(
            self.n_epochs,
            saved["weights"],
            saved["optimizer"],
            {name: list(values) for name, values in self.history.items()},
            [memory(callback) for callback in _with_memory(self.others)],
            bool(self.model.stop_training),
        )

    def n_left(self, n_epochs):
        """How many of so many epochs are left to do."""
        stopped = self.start is not None and self.start.stopped
        return 0 if stopped else n_epochs - self.n_epochs

    def keep(self):
        """Give the network what it learned in whole epochs; False if there was none."""
        state = self.state
        if state is None or not state.n_epochs:
            return False
        _weights.restore(self.model, state._asdict())
        self.n_epochs, self.history = state.n_epochs, state.history
        set_memories(self.others, state.memories)
        # as Keras does at the end of a fit, for an optimizer that averages the weights
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        for callback in _with_memory(self.others):
            callback.on_train_end()  # the best or the mean weights so far
        return True

    def best_iteration(self):
        """The epoch that early stopping goes back to, counted from 1; None without it."""
        stopping = [c for c in self.others if isinstance(c, OwnEarlyStopping)]
        return int(stopping[0].best_epoch) + 1 if stopping else None

    def stop_progress(self):
        """Take away the progress bar, which Keras leaves there when a fit fails."""
        for callback in self.others:
            if isinstance(callback, ProgressBar):
                callback.on_train_end()


def run(fit, last_epoch, n_epochs, name):
    """Run a fit to its end, or to a Ctrl-C after the first epoch; `name` is the estimator's.

    Returns
    -------
    KeyboardInterrupt or None
        To be raised once the estimator has taken over the epochs that are done.
    """
    try:
        fit()
    except BaseException as error:
        last_epoch.stop_progress()
        around = _AROUND.get()
        kept = isinstance(error, KeyboardInterrupt) and around.keeps
        if not kept or not last_epoch.keep():
            raise
        warn(
            f"Training was interrupted. This {around.name or name} keeps what it learned in "
            f"{last_epoch.n_epochs} of {n_epochs} epochs and can be used; a search "
            "around it is as it was before."
        )
        return error
    return None


def memory(callback):
    """What one of our callbacks remembers from epoch to epoch.

    The values are references: a callback must replace them, and never change them in place.
    """
    return {name: getattr(callback, name) for name in _MEMORIES[type(callback)]}


def set_memories(callbacks, memories):
    """Give our callbacks what they remembered."""
    for callback, values in zip(_with_memory(callbacks), memories, strict=True):
        vars(callback).update(values)


def _with_memory(callbacks):
    return [c for c in callbacks if type(c) in _MEMORIES]
