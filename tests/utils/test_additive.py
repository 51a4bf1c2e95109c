"""Parts that add up, carried through the functions behind a response."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from skattn.utils._additive import (
    settled,
    through_each,
    through_normalization,
    through_sigmoid,
    through_softmax,
    with_rest,
)


def generated(seed, scale, n_outputs=4):
    rng = np.random.default_rng(seed)
    parts = scale * rng.normal(size=(rng.integers(0, 30), n_outputs))
    return parts, scale * rng.normal(size=n_outputs)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
def test_parts_add_up_to_the_value_of_the_function(seed, scale):
    parts, base = generated(seed, scale)
    response = base + parts.sum(axis=0)
    for through, function in [(through_softmax, softmax), (through_sigmoid, expit)]:
        found, start = through(parts, base)
        np.testing.assert_allclose(start, function(base))
        np.testing.assert_allclose(start + found.sum(axis=0), function(response), atol=1e-9)
    found, start = through_normalization(np.abs(parts), np.abs(base))
    shares = np.abs(base) + np.abs(parts).sum(axis=0)
    np.testing.assert_allclose(start + found.sum(axis=0), shares / shares.sum(), atol=1e-9)


def test_two_classes_split_as_their_difference():
    parts = np.array([[0.0, 2.0], [0.0, -0.5]])
    found, start = through_softmax(parts, np.array([0.0, 0.3]))
    slope = (expit(1.8) - expit(0.3)) / 1.5
    np.testing.assert_allclose(found, slope * np.array([[-2, 2], [0.5, -0.5]]), atol=1e-4)
    np.testing.assert_allclose(start[1], expit(0.3))


def test_a_function_of_each_output_by_itself():
    def steps(z):
        return np.floor(z)

    found, start = through_each(steps, np.array([[1.0, 0.0], [0.5, 0.0]]), np.array([0.2, 0.2]))
    np.testing.assert_allclose(found, [[2 / 3, 0], [1 / 3, 0]])
    assert start.tolist() == [0, 0]


def test_a_rest_goes_to_parts_of_its_sign():
    parts = np.array([[3.0, -1.0, 0.0], [1.0, -3.0, 0.0], [-2.0, -4.0, 0.0]])
    found = with_rest(parts, np.array([4.0, 4.0, 4.0]))
    np.testing.assert_allclose(found, [[6, -0.5, 0], [2, -1.5, 0], [-2, -2, 0]])


def test_what_no_part_can_take_is_in_the_base():
    parts, base = settled(np.zeros((2, 2)), np.array([0.1, 0.1]), np.array([0.4, 0.6]))
    assert not parts.any()
    np.testing.assert_allclose(base, [0.4, 0.6])
    parts, base = settled(np.zeros((0, 2)), np.array([0.1, 0.1]), np.array([0.4, 0.6]))
    np.testing.assert_allclose(base, [0.4, 0.6])


def test_nothing_to_normalize_is_shared_evenly_as_scikit_learn_does():
    found, start = through_normalization(np.zeros((3, 2)), np.zeros(2))
    assert not found.any()
    assert start.tolist() == [0.5, 0.5]
