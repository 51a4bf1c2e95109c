"""The plan of a fit: every row once, lengths together, equal rows in one entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skattn.engine import _batches
from skattn.engine._batches import (
    TEXT_BATCHES,
    BatchPlan,
    filled_up,
    group_equal_rows,
    merge_equal_rows,
    prediction_batches,
    rounded_up,
    shuffled_batches,
)

lengths_of_rows = arrays(np.int64, st.integers(1, 300), elements=st.integers(0, 50))


@given(lengths_of_rows, st.integers(1, 40), st.integers(0, 5))
def test_every_row_stands_in_exactly_one_batch(lengths, batch_size, seed):
    rows, bounds = shuffled_batches(lengths, batch_size, np.random.default_rng(seed))
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    assert bounds[0] == 0
    assert bounds[-1] == len(lengths)
    sizes = np.sort(np.diff(bounds))
    assert np.all(sizes[1:] == batch_size)  # one batch, at any place, may be smaller
    assert 1 <= sizes[0] <= batch_size


def test_rows_of_equal_length_are_only_shuffled():
    rng = np.random.default_rng(0)
    rows, bounds = shuffled_batches(np.ones(10, dtype=int), 4, rng)
    np.testing.assert_array_equal(rows, np.random.default_rng(0).permutation(10))
    assert bounds.tolist() == [0, 4, 8, 10]


def test_a_batch_holds_rows_of_about_equal_length():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 400, size=3200)
    rows, bounds = shuffled_batches(lengths, 32, rng)
    sorted_parts = np.split(lengths[rows], bounds[1:-1])
    shuffled_parts = np.split(rng.permutation(lengths), bounds[1:-1])
    padding = [sum(part.max() * len(part) for part in p) for p in (sorted_parts, shuffled_parts)]
    assert padding[0] < 1.1 * lengths.sum() < padding[1]
    longest = [part.max() for part in sorted_parts]
    assert longest != sorted(longest)  # the batches themselves are shuffled


def test_a_window_bounds_what_is_sorted_together(monkeypatch):
    monkeypatch.setattr(_batches, "WINDOW", 1)
    lengths = np.arange(64)
    rows, bounds = shuffled_batches(lengths, 8, np.random.default_rng(0))
    shuffled = {frozenset(p) for p in np.split(np.random.default_rng(0).permutation(64), 8)}
    assert {frozenset(part) for part in np.split(rows, bounds[1:-1])} == shuffled


def test_batches_depend_on_the_generator_alone():
    lengths = np.random.default_rng(0).integers(1, 9, size=50)
    one, again, other = (
        shuffled_batches(lengths, 8, np.random.default_rng(seed))[0].tolist() for seed in (3, 3, 4)
    )
    assert one == again != other


def entries_by_batch(plan):
    """A dict of row -> weight for each batch."""
    parts = [np.split(array, plan.bounds[1:-1]) for array in (plan.rows, plan.weights)]
    return [dict(zip(r.tolist(), w.tolist(), strict=True)) for r, w in zip(*parts, strict=True)]


def test_equal_rows_of_a_batch_become_one_entry_with_their_summed_weight():
    groups = np.array([0, 1, 0, 1, 0, 2])
    plan = merge_equal_rows(np.arange(6), np.array([0, 4, 6]), groups, np.ones(6))
    # the loss of a batch is the mean over its rows: 4 in the first, 2 in the second
    assert entries_by_batch(plan) == [{0: 0.5, 1: 0.5}, {4: 0.5, 5: 0.5}]
    assert plan.sizes.tolist() == [4, 2]


def test_a_row_of_weight_three_is_bit_for_bit_the_row_three_times():
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 4, size=20)
    weighted = merge_equal_rows(rng.permutation(20), np.array([0, 20]), np.arange(20), weights)
    repeated = np.repeat(np.arange(20), weights)
    order = rng.permutation(len(repeated))
    plan = merge_equal_rows(order, np.array([0, len(order)]), repeated, np.ones(len(order)))
    np.testing.assert_array_equal(repeated[plan.rows], weighted.rows)
    assert plan.weights.tobytes() == weighted.weights.tobytes()


def test_weights_are_divided_by_their_mean_over_all_rows():
    weights = np.array([1.0, 3.0, 2.0, 2.0])
    plan = merge_equal_rows(np.arange(4), np.array([0, 2, 4]), np.arange(4), weights)
    np.testing.assert_allclose(plan.weights, [0.25, 0.75, 0.5, 0.5])


@pytest.mark.parametrize("factor", [0.25, 1024.0])
def test_only_the_proportions_of_the_weights_count(factor):
    weights = np.array([1.0, 3.0, 2.0, 2.0, 5.0])
    plans = [
        merge_equal_rows(np.arange(5), np.array([0, 2, 5]), np.arange(5), w)
        for w in (weights, factor * weights)
    ]
    assert plans[0].weights.tobytes() == plans[1].weights.tobytes()


def test_joined_plans_follow_each_other():
    one = BatchPlan(np.array([5, 6]), np.array([0, 1, 2]), np.array([1.0, 2.0]), np.array([1, 1]))
    two = BatchPlan(np.array([7, 8]), np.array([0, 2]), np.array([3.0, 4.0]), np.array([2]))
    rows, bounds, weights, sizes = one.joined(two)
    assert rows.tolist() == [5, 6, 7, 8]
    assert bounds.tolist() == [0, 1, 2, 4]
    assert weights.tolist() == [1, 2, 3, 4]
    assert sizes.tolist() == [1, 1, 2]


def test_groups_are_equal_for_equal_rows_only_and_follow_a_total_order():
    lengths = np.array([2, 1, 2, 2, 2])
    hashes = np.array([7, 9, 7, 7, 5], dtype=np.uint64)
    labels = np.array([0, 0, 1, 0, 0])
    assert group_equal_rows(lengths, hashes, labels).tolist() == [2, 0, 3, 2, 1]


@given(lengths_of_rows)
def test_prediction_batches_hold_every_row_once_in_order_of_length(lengths):
    hashes = np.random.default_rng(0).integers(0, 9, size=len(lengths)).astype(np.uint64)
    order = np.concatenate(list(prediction_batches(lengths, hashes)))
    assert sorted(order.tolist()) == list(range(len(lengths)))
    keys = list(zip(lengths[order].tolist(), hashes[order].tolist(), strict=True))
    assert keys == sorted(keys)


def test_prediction_batches_are_the_same_in_any_order_of_the_rows():
    rng = np.random.default_rng(0)
    lengths, hashes = rng.integers(0, 9, size=2000), rng.permutation(2000).astype(np.uint64)
    order = rng.permutation(2000)
    here = [hashes[b].tolist() for b in prediction_batches(lengths, hashes)]
    there = [hashes[order][b].tolist() for b in prediction_batches(lengths[order], hashes[order])]
    assert here == there


def test_prediction_batches_are_bounded_in_rows_and_tokens():
    lengths = np.array([1] * 1000 + [20_000] * 3 + [100_000])
    sizes = [len(b) for b in prediction_batches(lengths, np.arange(1004, dtype=np.uint64))]
    assert max(sizes) <= _batches.PREDICT_ROWS
    assert sizes[-1] == 1  # a longer text than the bound still goes through, alone
    assert sum(sizes) == 1004


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=30),
    st.sampled_from([0, 20, 128, 1_000]),
)
def test_texts_are_split_by_length_where_this_costs_least(lengths, batch_cost):
    lengths = np.array(lengths)
    hashes = np.arange(len(lengths), dtype=np.uint64)
    batches = list(prediction_batches(lengths, hashes, batch_cost=batch_cost))
    found = sum(rounded_up(int(lengths[b].max())) * len(b) + batch_cost for b in batches)
    assert found == _least(tuple(sorted(rounded_up(int(length)) for length in lengths)), batch_cost)


def _least(widths, batch_cost):
    """The cost of the best parts of rows of increasing width, by trying where the last begins."""
    costs = [0.0]
    for end in range(1, len(widths) + 1):
        last = widths[end - 1]
        costs.append(min(costs[i] + last * (end - i) + batch_cost for i in range(end)))
    return costs[-1]


def test_a_batch_of_short_texts_is_not_padded_to_the_longest():
    lengths = np.array([4] * 60 + [40] * 40)
    rows = np.arange(100, dtype=np.uint64)
    assert [len(b) for b in prediction_batches(lengths, rows, *TEXT_BATCHES)] == [60, 40]
    assert [len(b) for b in prediction_batches(lengths, rows)] == [100]
    assert [len(b) for b in prediction_batches(lengths[58:62], rows[:4], *TEXT_BATCHES)] == [4]


def test_batches_of_predictions_have_few_sizes():
    sizes = [rounded_up(size) for size in range(513)]
    assert sizes[:10] == [1, 1, 2, 4, 4, 8, 8, 8, 8, 12]
    assert all(
        size <= found <= max(size + 3, size * 1.125) for size, found in enumerate(sizes[1:], 1)
    )
    assert len(set(sizes)) == 2 + 16 + 8 * 3
    assert [rounded_up(size) for size in sizes] == sizes


def test_full_batches_need_no_filling():
    lengths = np.full(5000, 71)
    found = list(prediction_batches(lengths, np.arange(5000, dtype=np.uint64)))
    assert {len(filled_up(rows)) for rows in found[:-1]} == {len(found[0])}
    assert len(found[0]) * rounded_up(71) <= _batches.PREDICT_TOKENS


def test_a_batch_is_filled_up_with_its_last_row():
    assert filled_up(np.arange(18)).tolist() == [*range(18), 17, 17]
    assert filled_up(np.arange(4)).tolist() == [0, 1, 2, 3]
