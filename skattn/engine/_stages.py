"""Where the time of a fit goes: stages that are timed if the user wants a report."""

import contextlib
import time
from contextvars import ContextVar

import keras

_times = ContextVar("times", default=None)  # name of a stage -> seconds, of the fit that runs


@contextlib.contextmanager
def reported(name, wanted):
    """Print where the time went, if that is `wanted` and no fit around this one does so.

    Parameters
    ----------
    name : str
        Of the estimator.
    wanted : bool
    """
    if not wanted or _times.get() is not None:
        yield
        return
    token = _times.set({})
    start = time.perf_counter()
    try:
        yield
        print(summary(name, time.perf_counter() - start, _times.get()))
    finally:
        _times.reset(token)


@contextlib.contextmanager
def stage(name, whole=False):
    """Add the time of a block to a stage; stages within a `whole` one are not told apart.

    Parameters
    ----------
    name : str
    whole : bool, default=False
    """
    tell = clock()
    if tell is None:
        yield
        return
    token = _times.set(None) if whole else None
    start = time.perf_counter()
    try:
        yield
    finally:
        if token is not None:
            _times.reset(token)
        tell(name, time.perf_counter() - start)


def clock():
    """A function that adds seconds to a stage; None if there will be no report."""
    times = _times.get()
    if times is None:
        return None
    return lambda name, seconds: times.update({name: times.get(name, 0.0) + seconds})


class Clock(keras.callbacks.Callback):
    """Tells how long the first steps, the epochs and the validation of a training took.

    Parameters
    ----------
    tell : callable
        Takes the name of a stage and seconds.
    """

    def __init__(self, tell):
        super().__init__()
        self.tell, self.compiled = tell, False

    def _until_now(self, name):
        now = time.perf_counter()
        self.tell(name, now - self.start)
        self.start = now

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if not self.compiled:  # a call of the compiled function makes many steps
            self._until_now("compilation and first steps")
        self.compiled = True

    def on_test_begin(self, logs=None):
        self._until_now("epochs")

    def on_test_end(self, logs=None):
        self._until_now("validation")

    def on_epoch_end(self, epoch, logs=None):
        self._until_now("epochs")


def summary(name, total, times):
    """The report: seconds of each stage and their share.

    Parameters
    ----------
    name : str
        Of the estimator.
    total : float
        Seconds of the whole fit.
    times : dict of str to float

    Returns
    -------
    str
    """
    rows = [*times.items(), ("other", max(0.0, total - sum(times.values())))]
    lines = [f"{name}: fit took {total:.1f} s"]
    lines += [f"  {stage:<32} {seconds:8.1f} s {seconds / total:5.0%}" for stage, seconds in rows]
    return "\n".join(lines)
