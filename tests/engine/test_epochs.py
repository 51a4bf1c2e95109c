"""What is trained when: plans, dropout and rates, from the seed and the epoch alone."""

import itertools

import keras
import numpy as np
import pytest

from skattn import GatedDenseClassifier
from skattn.engine._epochs import (
    FitSettings,
    Plans,
    cosine_rates,
    linear_rates,
    overrides_batch_hooks,
    step_ranges,
)
from skattn.engine._rows import DenseRows


def plans(seed=0, held_out=(), batch_size=4, n_rows=20):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    settings = FitSettings(np.ones(n_rows), np.array(held_out, dtype=np.int64), batch_size, seed)
    return Plans(DenseRows(X), np.arange(n_rows) % 2, settings)


def batches(plan):
    return [sorted(part.tolist()) for part in np.split(plan.rows, plan.bounds[1:-1])]


def rows_in(parts):
    return sorted(itertools.chain.from_iterable(parts))


def test_the_end_of_an_epoch_waits_for_no_thread():
    """TensorFlow's autotuning thread sleeps longer and longer while an epoch lasts."""
    assert step_ranges(0, 9, 4).options().autotune.enabled is False


def test_every_epoch_has_an_order_of_its_own():
    one, two = (batches(plans().epoch(number)) for number in (0, 1))
    assert one != two
    assert rows_in(one) == rows_in(two) == list(range(20))


def test_an_order_follows_from_seed_and_number_alone():
    later_first = plans()
    second = batches(later_first.epoch(1))
    assert batches(later_first.epoch(0)) == batches(plans().epoch(0))
    assert batches(plans().epoch(1)) == second
    assert batches(plans(seed=1).epoch(1)) != second


def test_the_held_out_rows_come_last_and_are_never_trained_on():
    held_out = [3, 8, 9]
    planned = plans(held_out=held_out)
    assert planned.n_training == 5
    parts = batches(planned.epoch(0))
    assert rows_in(parts[:5]) == sorted(set(range(20)) - set(held_out))
    assert rows_in(parts[5:]) == held_out
    assert parts[5:] == batches(planned.epoch(7))[5:]
    ranges = [r.numpy().tolist() for r in planned.held_out_steps(256)]
    assert ranges == [[5, 6]]
    assert plans().held_out_steps(256) is None


@pytest.mark.parametrize(
    ("stride", "ranges"),
    [(256, [[2, 9]]), (3, [[2, 5], [5, 8], [8, 9]]), (1, [[k, k + 1] for k in range(2, 9)])],
)
def test_ranges_cover_every_batch_once(stride, ranges):
    assert [r.numpy().tolist() for r in step_ranges(2, 9, stride)] == ranges


def test_the_cosine_rises_over_a_tenth_and_falls_to_zero():
    rates = cosine_rates(np.arange(100), 100)
    assert rates.argmax() in (9, 10)
    assert np.all(np.diff(rates[:10]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates.max() == pytest.approx(1.0, abs=0.05)
    assert 0 <= rates[-1] < 0.001
    assert rates[55] == pytest.approx(0.5, abs=0.01)  # the middle of the fall


def test_the_line_rises_over_a_tenth_and_falls_straight_to_zero():
    rates = linear_rates(np.arange(100), 100)
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 11, rtol=1e-6)
    np.testing.assert_allclose(rates[10:], 1 - np.arange(90) / 90, atol=1e-6)


class WatchRate(keras.callbacks.Callback):
    seen = []

    def on_epoch_end(self, epoch, logs=None):
        type(self).seen.append(float(self.model.optimizer.learning_rate))


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_a_schedule_moves_the_rate_of_a_fit(dense_rows, schedule):
    WatchRate.seen.clear()
    parameters = {"units": 3, "epochs": 10, "batch_size": 30, "learning_rate": 0.5}
    parameters |= {"learning_rate_schedule": schedule, "callbacks": [WatchRate()]}
    GatedDenseClassifier(**parameters).fit(*dense_rows)
    factors = {"cosine": cosine_rates, "linear": linear_rates}
    rates = factors.get(schedule, lambda steps, n: np.ones(n))(np.arange(30), 30)
    np.testing.assert_allclose(WatchRate.seen, 0.5 * rates[2::3], rtol=1e-6)


class AtEveryBatch(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        pass


class AtEveryEpoch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        pass


def test_hooks_for_every_batch_are_noticed():
    by_name = {"on_train_batch_end": lambda batch, logs: None}
    assert overrides_batch_hooks(AtEveryBatch())
    assert overrides_batch_hooks(keras.callbacks.LambdaCallback(**by_name))
    assert not overrides_batch_hooks(AtEveryEpoch())
    assert not overrides_batch_hooks(keras.callbacks.EarlyStopping())
    assert not overrides_batch_hooks(keras.callbacks.LambdaCallback(on_epoch_end=print))
