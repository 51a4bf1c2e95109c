"""What is trained when: the plan, the dropout and the learning rate of each epoch."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from skattn.engine._batches import group_equal_rows, merge_equal_rows, shuffled_batches

MORE_IS_BETTER = ("val_accuracy", "val_score")  # of what `history_` holds
WARM_UP = 0.1  # share of the steps in which a schedule rises to the full rate


class FitSettings(NamedTuple):
    """What a fit needs beyond Keras's own arguments."""

    weights: np.ndarray  # (n_rows,) float64, above 0
    held_out: np.ndarray  # row numbers of the validation part, maybe none
    batch_size: int
    seed: int
    first_epoch: int = 0  # epochs that the network was trained before this fit
    n_epochs: int = 1
    n_done: int = 0  # epochs of this fit that a process before this one did
    schedule: str = "constant"  # how the learning rate rises and falls over the epochs
    weights_as_given: bool = False  # False: they are divided by their mean
    max_state_bytes: int = 10**9  # for the states of frozen layers, which are kept for the fit


class Plans:
    """The plan of each epoch: shuffled training batches, then the held-out part's."""

    def __init__(self, rows, y, settings):
        self.settings = settings
        self.training = np.setdiff1d(np.arange(len(rows)), settings.held_out)
        self.lengths = rows.lengths
        self.groups = group_equal_rows(rows.lengths, rows.hashes(), _label_numbers(y))
        self.n_training = _count_batches(len(self.training), settings.batch_size)
        self.held_out = self._plan(settings.held_out, rng=None) if len(settings.held_out) else None

    def epoch(self, number):
        """The plan of an epoch, from the seed and its number alone."""
        rng = np.random.default_rng([self.settings.seed, number])
        plan = self._plan(self.training, rng)
        return plan.joined(self.held_out) if self.held_out else plan

    def held_out_steps(self, stride):
        """The held-out batches as Keras's validation data, None without any."""
        if self.held_out is None:
            return None
        stop = self.n_training + len(self.held_out.sizes)
        return step_ranges(self.n_training, stop, stride)

    def _plan(self, numbers, rng):
        rng = rng or np.random.default_rng(0)
        order, bounds = shuffled_batches(self.lengths[numbers], self.settings.batch_size, rng)
        weights, as_given = self.settings.weights, self.settings.weights_as_given
        return merge_equal_rows(numbers[order], bounds, self.groups, weights, as_given)


class Schedule(keras.callbacks.Callback):
    """Sets plan, dropout and learning rate of each epoch, which depend on its number and the seed.

    `shift` is added to the number that Keras gives to the epoch.
    """

    def __init__(self, plans, shift):
        super().__init__()
        self.plans, self.shift = plans, shift
        self.settings = plans.settings

    def on_train_begin(self, logs=None):
        self.base_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_begin(self, epoch, logs=None):
        number = epoch + self.shift
        resident = self.model._resident
        resident.set_plan(self.plans.epoch(number))
        if self.model._scheduled:
            resident.rates.assign(self.base_rate * self._rates(number))
        for place, layer in enumerate(self.model.layers):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                seed = [self.settings.seed, number, place]
                generator.state.assign(np.random.SeedSequence(seed).generate_state(2))

    def on_train_end(self, logs=None):
        if self.model._scheduled:  # the last step's rate is near 0
            self.model.optimizer.learning_rate.assign(self.base_rate)

    def _rates(self, number):
        """The factor of the learning rate at each step of an epoch."""
        n = self.plans.n_training
        if self.settings.schedule == "constant":
            return np.ones(n, dtype=np.float32)
        steps = (number - self.settings.first_epoch) * n + np.arange(n)
        rates = {"cosine": cosine_rates, "linear": linear_rates}[self.settings.schedule]
        return rates(steps, self.settings.n_epochs * n)


def cosine_rates(steps, n_steps):
    """Linear rise over the first tenth of the steps, then half a cosine down to 0.

    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5,
    without restarts.
    """
    return _rise_and_fall(steps, n_steps, lambda done: 0.5 * (1.0 + np.cos(np.pi * done)))


def linear_rates(steps, n_steps):
    """Linear rise over the first tenth of the steps, then a straight line down to 0.

    Devlin et al., "BERT: pre-training of deep bidirectional transformers", 2019, appendix A.2.
    """
    return _rise_and_fall(steps, n_steps, lambda done: 1.0 - done)


def _rise_and_fall(steps, n_steps, fall):
    warm_up = WARM_UP * n_steps
    rise = (steps + 1) / (warm_up + 1)
    done = (steps - warm_up) / (n_steps - warm_up)
    return np.where(steps < warm_up, rise, fall(done)).astype(np.float32)


def plain_settings(n_rows, keras_options):
    """Settings for a caller who knows only Keras's arguments."""
    weights = keras_options.get("sample_weight")
    return FitSettings(
        weights=np.ones(n_rows) if weights is None else np.asarray(weights, dtype=np.float64),
        held_out=np.empty(0, dtype=np.int64),
        batch_size=keras_options.get("batch_size") or 32,
        seed=0,
    )


STEPS = tf.TensorSpec([2], tf.int32)  # of the pairs in `step_ranges`


def step_ranges(start, stop, stride):
    """A data set of pairs (first batch, batch after the last)."""
    starts = np.arange(start, stop, stride, dtype=np.int32)
    ranges = tf.data.Dataset.from_tensor_slices(
        np.stack([starts, np.minimum(starts + stride, stop)], axis=1).astype(np.int32)
    )
    options = tf.data.Options()
    # its thread sleeps longer and longer, and the end of an epoch may wait until it wakes up
    options.autotune.enabled = False
    return ranges.with_options(options)


def _count_batches(n_rows, batch_size):
    return -(-n_rows // batch_size)


def _label_numbers(y):
    y = np.asarray(y)
    return y if y.ndim == 1 else np.unique(y, axis=0, return_inverse=True)[1].ravel()


def know_direction(callback):
    """The callback, which is told that more is better where it monitors an accuracy or a score.

    Keras finds this out from the metrics that a model was compiled with; ours has none.
    """
    monitor = getattr(callback, "monitor", None)
    if getattr(callback, "mode", None) == "auto" and monitor in MORE_IS_BETTER:
        callback.mode = "max"
    return callback


def overrides_batch_hooks(callback):
    """Whether a callback wants to be called at every batch."""
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    base = keras.callbacks.Callback
    return any(
        hook in vars(callback) or getattr(type(callback), hook) is not getattr(base, hook)
        for hook in hooks
    )
