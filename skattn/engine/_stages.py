"""Where the time of a fit goes: stages that are timed if the user wants a report."""

import contextlib
import time
from contextvars import ContextVar

import keras

COMPILATION = "compilation and first steps"
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
    """Add the time of a block to a stage, without the time of the stages within it.

    Parameters
    ----------
    name : str
    whole : bool, default=False
        Whether stages within the block count as part of it.
    """
    times = _times.get()
    if times is None:
        yield
        return
    token = _times.set(None) if whole else None
    lap = Lap(times)
    try:
        yield
    finally:
        if token is not None:
            _times.reset(token)
        lap.end(name)


class Lap:
    """Adds the time since its start, or since its last end, to a stage.

    What other stages have added meanwhile is left out, so that no second counts twice.
    """

    def __init__(self, times):
        self.times = times
        self.start()

    def start(self):
        """Begin anew."""
        self.began, self.known = time.perf_counter(), sum(self.times.values())

    def end(self, name):
        """Add the time until now."""
        others = sum(self.times.values()) - self.known
        seconds = time.perf_counter() - self.began - others
        self.times[name] = self.times.get(name, 0.0) + seconds
        self.start()


def clock():
    """A callback that tells where the time of a training goes; None without a report."""
    times = _times.get()
    return None if times is None else Clock(times)


class Clock(keras.callbacks.Callback):
    """Adds the time of the first steps, the epochs and the validation of a training.

    Parameters
    ----------
    times : dict of str to float
        Seconds of each stage; changed.
    """

    def __init__(self, times):
        super().__init__()
        self.lap, self.compiled = Lap(times), False

    def on_epoch_begin(self, epoch, logs=None):
        self.lap.start()

    def on_train_batch_end(self, batch, logs=None):
        if not self.compiled:  # a call of the compiled function makes many steps
            self.lap.end(COMPILATION)
        self.compiled = True

    def on_test_begin(self, logs=None):
        self.lap.end("epochs")

    def on_test_end(self, logs=None):
        self.lap.end("validation")

    def on_epoch_end(self, epoch, logs=None):
        self.lap.end("epochs")


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
