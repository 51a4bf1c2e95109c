"""Parts that add up, carried through the function behind a response."""

from functools import partial
from itertools import permutations

import numpy as np
import pytest
from scipy.special import expit, softmax

from skattn.utils._additive import carried, settled, with_rest
from skattn.utils._additive import softmax as fast_softmax

FUNCTIONS = {"softmax": partial(softmax, axis=-1), "sigmoid": expit, "steps": np.floor}


def generated(seed, scale, n_outputs=4):
    rng = np.random.default_rng(seed)
    parts = scale * rng.normal(size=(rng.integers(0, 30), n_outputs))
    return parts, scale * rng.normal(size=n_outputs)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_parts_add_up_to_the_value_of_the_function(seed, scale, name):
    parts, base = generated(seed, scale)
    function = FUNCTIONS[name]
    found, start = carried(function, parts, base)
    np.testing.assert_allclose(start, function(base))
    if name != "steps" or found.any():  # steps that no part takes alone stay in the base
        whole = function(base + parts.sum(axis=0))
        np.testing.assert_allclose(start + found.sum(axis=0), whole, atol=1e-9)
    if name != "steps":
        assert np.abs(found).max(initial=0) <= 1.01


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0, 400.0])
def test_the_fast_softmax_is_that_of_the_plain_way(seed, scale):
    parts, base = generated(seed, scale)
    found, start = carried(fast_softmax, parts, base)
    expected, plain_start = carried(FUNCTIONS["softmax"], parts, base)
    np.testing.assert_allclose(start, plain_start, atol=1e-15)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_a_part_of_probabilities_takes_from_one_what_it_gives_to_another(seed, scale):
    parts, base = generated(seed, scale)
    found, _ = carried(FUNCTIONS["softmax"], parts, base)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)


def test_few_parts_have_their_exact_shapley_values():
    parts, base = np.array([[0.0, 3.0], [0.0, -4.0], [1.0, 0.5]]), np.array([0.2, 0.0])
    function = FUNCTIONS["softmax"]
    found, _ = carried(function, parts, base)
    by_hand = np.zeros_like(parts)
    for order in permutations(range(3)):
        response = base
        for part in order:
            by_hand[part] += (function(response + parts[part]) - function(response)) / 6
            response = response + parts[part]
    np.testing.assert_allclose(found, by_hand, atol=1e-12)


def test_many_parts_come_near_their_shapley_values():
    parts, base = generated(3, 1.0)
    found, _ = carried(FUNCTIONS["softmax"], parts, base)
    rng, by_hand, n_orders = np.random.default_rng(0), np.zeros_like(parts), 4000
    for _ in range(n_orders):
        order = rng.permutation(len(parts))
        way = FUNCTIONS["softmax"](base + np.cumsum(np.vstack([0 * base, parts[order]]), axis=0))
        by_hand[order] += np.diff(way, axis=0) / n_orders
    np.testing.assert_allclose(found, by_hand, atol=0.03)


@pytest.mark.parametrize("seed", [1, 7, 229])
def test_what_changes_no_response_has_no_part(seed):
    """The rest goes to parts of its sign; none has it here, and rounding must not lend it one."""
    rng = np.random.default_rng(seed)
    parts = np.zeros((rng.integers(9, 60), 2))
    parts[:, 1] = np.abs(rng.normal(size=len(parts)))
    nothing = rng.random(len(parts)) < 0.5
    parts[nothing] = 0
    found, _ = carried(FUNCTIONS["softmax"], parts, np.array([0.0, -2.0]))
    assert np.all(found[nothing] == 0)
    assert np.all(found[~nothing] != 0)


def test_equal_parts_have_equal_values_and_larger_ones_larger():
    parts = np.zeros((40, 2))
    parts[:, 1] = np.linspace(-1, 1, 20).repeat(2)
    found, _ = carried(FUNCTIONS["softmax"], parts, np.zeros(2))
    assert np.array_equal(found[::2], found[1::2])
    assert np.all(np.diff(found[::2, 1]) > 0)


def test_strong_parts_that_cancel_stay_within_the_range():
    parts = np.array([[0.0, 30.0], [0.0, -30.0]])
    found, _ = carried(FUNCTIONS["softmax"], parts, np.zeros(2))
    np.testing.assert_allclose(found, [[-0.5, 0.5], [0.5, -0.5]], atol=1e-6)


def test_a_rest_goes_to_parts_of_its_sign():
    parts = np.array([[3.0, -1.0, 0.0], [1.0, -3.0, 0.0], [-2.0, -4.0, 0.0]])
    found = with_rest(parts, np.array([4.0, 4.0, 4.0]))
    np.testing.assert_allclose(found, [[6, -0.5, 0], [2, -1.5, 0], [-2, -2, 0]])


def test_what_no_part_can_take_is_in_the_base():
    for n_tokens in (0, 2):
        parts = np.zeros((n_tokens, 2))
        parts, base = settled(parts, np.array([0.1, 0.1]), np.array([0.4, 0.6]))
        assert not parts.any()
        np.testing.assert_allclose(base, [0.4, 0.6])
