"""Parts that add up to a response, carried through the function behind it; pure.

A response (logits, margins) is a base plus the sum of its parts, one a token; a function such as
the softmax makes probabilities of it. What a part adds to them depends on the parts that are there
already, so its Shapley value is taken: what it adds on average, beside every number and choice of
the others. Shapley values add up to the change of the function's value, and none is larger than
the function's range, even where strong parts cancel each other.
"""

import functools
import math

import numpy as np

FEWEST_CHOICES, MOST_CHOICES = 64, 256  # of the parts that are there
N_NUMBERS = 1 << 16  # to compute for one response, between those
FEW_PARTS = 256  # choices of so many are kept for the next response
N_AT_ONCE = 1 << 20  # numbers, to bound the memory
MOST_RANGE = 600  # of exponents
ROUNDING = 1e-12


def carried(function, parts, base):
    """Parts and base of ``function(response)``.

    Of few parts all choices are tried (L. S. Shapley, "A value for n-person games", 1953). Of more
    there are 64 to 256 choices, half of them the complements of the others, in which parts are held
    with probabilities spread over 0 to 1 (G. Owen, "Multilinear extensions of games", Management
    Science, 1972). All parts and all calls use the same choices, so that their values can be
    compared. Such values do not add up exactly; `with_rest` distributes the remainder.

    Parameters
    ----------
    function : callable
        Maps arrays of shape (..., n_outputs) to arrays of shape (..., n_values).
    parts : ndarray of shape (n_tokens, n_outputs)
    base : ndarray of shape (n_outputs,)

    Returns
    -------
    parts : ndarray of shape (n_tokens, n_values)
    base : ndarray of shape (n_values,)
    """
    start = function(base)
    if not len(parts):
        return np.zeros((0, *start.shape)), start
    first, number = _distinct(parts)  # equal parts have equal values, computed only once
    each = parts[first]
    held, chances = _choices(len(parts), parts.size)
    responses = base[:, None] + (held @ parts).T  # (n_outputs, n_choices)
    held, chances = held[:, first], chances[:, first]
    sign = 1 - 2 * held  # -1 takes the part away, +1 puts it in
    weights = chances * sign
    values = -weights.T @ function(responses.T)
    moved = _moved_softmax if function is softmax and _is_in_range(responses, each) else _moved
    values += moved(function, responses, sign, weights, each)
    values[~each.any(axis=1)] = 0  # exactly, or rounding would draw the rest to them
    values = values[number]
    change = function(base + parts.sum(axis=0)) - start
    whole = with_rest(values, change - values.sum(axis=0))
    sums = np.append(values.sum(axis=1), change.sum())
    if np.abs(sums).max() < ROUNDING:  # the function's values always sum to the same, mostly 1
        whole -= whole.mean(axis=1, keepdims=True)  # so what each part adds to them sums to 0
    return whole, start


def _moved(function, responses, sign, weights, parts):
    """The weighted sums over the choices of the function's values with each part moved.

    Parameters
    ----------
    function : callable
    responses : ndarray of shape (n_outputs, n_choices)
    sign, weights : ndarray of shape (n_choices, n_tokens)
    parts : ndarray of shape (n_tokens, n_outputs)

    Returns
    -------
    ndarray of shape (n_tokens, n_values)
    """
    found = []
    step = max(1, N_AT_ONCE // max(1, responses.size))
    for begin in range(0, len(parts), step):
        some = slice(begin, begin + step)
        moved = responses[:, :, None] + sign[:, some] * parts[some].T[:, None]
        # outputs last for the function, but first in memory: there sums over them are fastest
        answers = function(np.moveaxis(moved, 0, -1))
        found.append(np.einsum("kt,ktc->tc", weights[:, some], answers))
    return np.concatenate(found)


def _moved_softmax(_, responses, sign, weights, parts):
    """The same for the softmax, by products of matrices: exp(a + b) is exp(a) times exp(b)."""
    found = np.zeros_like(parts)
    powers = _powers(responses.T)  # (n_choices, n_outputs)
    for way in (1, -1):
        factors = _powers(way * parts)  # (n_tokens, n_outputs)
        shares = np.where(sign == way, weights, 0.0) / (powers @ factors.T)
        found += factors * (shares.T @ powers)
    return found


def _is_in_range(responses, parts):
    """Whether no product of two powers comes near the smallest number there is, exp(-708)."""
    return np.ptp(responses, axis=0).max() + np.ptp(parts, axis=1).max() < MOST_RANGE


def _powers(z):
    return np.exp(z - z.max(axis=-1, keepdims=True))


def _distinct(parts):
    """Where the distinct rows stand first, and for each row the number of the one it equals."""
    place, rows = {}, np.ascontiguousarray(parts + 0.0)  # + 0.0 turns -0.0 into 0.0
    first = [place.setdefault(row.tobytes(), number) for number, row in enumerate(rows)]
    return np.unique(first, return_inverse=True)


def _choices(n_parts, n_numbers):
    """Which parts are there (n_choices, n_parts), and what each choice counts for each part."""
    n_choices = min(MOST_CHOICES, max(FEWEST_CHOICES, N_NUMBERS // n_numbers))
    return (_drawn_before if n_parts <= FEW_PARTS else _drawn)(n_parts, n_choices)


def _drawn(n_parts, n_choices):
    if 2**n_parts <= n_choices:
        held = (np.arange(2**n_parts)[:, None] >> np.arange(n_parts)) & 1
        others = held.sum(axis=1, keepdims=True) - held
        count = np.array([math.comb(n_parts - 1, k) for k in range(n_parts)])
        return held, 0.5 / (n_parts * count[others])  # with the part itself, and without
    half = n_choices // 2
    chance = (np.arange(half)[:, None] + 0.5) / half
    held = np.random.default_rng(n_parts).random((half, n_parts)) < chance
    held = np.concatenate([held, ~held]).astype(np.float64)
    return held, np.broadcast_to(1 / len(held), held.shape)


_drawn_before = functools.lru_cache(maxsize=32)(_drawn)  # at most 16 MB


def softmax(z):
    """The softmax over the last axis; SciPy's takes three times as long."""
    powers = _powers(z)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def with_rest(parts, rest):
    """Share what the parts lack (n_outputs,) among those of its sign, by their size.

    Among all of them where none has its sign; nobody gets it where all are 0.
    """
    size = np.abs(parts)
    alike = np.where(parts * rest > 0, size, 0.0)
    size = np.where(alike.any(axis=0), alike, size)
    total = size.sum(axis=0)
    return parts + size * np.divide(rest, total, out=np.zeros_like(total), where=total > 0)


def settled(parts, base, response):
    """Parts and base that add up to `response`: parts take the rest, or the base without any."""
    parts = with_rest(parts, response - base - parts.sum(axis=0))
    return parts, response - parts.sum(axis=0)
