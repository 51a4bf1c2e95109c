"""Erase words and watch the prediction: the arithmetic of faithfulness; pure."""

import math

import numpy as np
from scipy.stats import kendalltau

from skattn.inspection._parts._readings import is_one_letter

UNKNOWN_WORD = "\ua66e\ua66e"  # letters, so that it is a word, which texts do not have
FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.5)  # of a text's tokens, after ERASER


def without_tokens(text, spans, tokens):
    """The text with a space in place of each of `tokens` (row numbers of `spans`)."""
    characters = list(text)
    for start, end in spans[tokens]:
        if start < end:
            characters[start:end] = [""] * (end - start)
            characters[start] = " "
    return "".join(characters)


def with_unknown(text, spans, tokens):
    """The text with an unknown word in place of each of `tokens`.

    Where each character is a token, it is an unknown character for each, so that the other tokens
    keep their positions.
    """
    characters = list(text)
    if _are_characters(text, spans):
        for start, end in spans[tokens]:
            characters[start:end] = UNKNOWN_WORD[0] * (end - start)
        return "".join(characters)
    for start, end in spans[tokens]:
        characters[start:end] = [UNKNOWN_WORD, *[""] * (end - start - 1)] if start < end else []
    pieces = []
    for piece in filter(None, characters):
        if pieces and UNKNOWN_WORD in (piece, pieces[-1]):
            together = _in_word(pieces[-1][-1]) and _in_word(piece[0])
            pieces += [" "] if together else []  # or the two would be one word
        pieces.append(piece)
    return "".join(pieces)


def _are_characters(text, spans):
    """Whether each token is a character with its marks, and some letters stand side by side."""
    tokens = [text[start:end] for start, end in spans.tolist()]
    if not all(map(is_one_letter, tokens)):
        return False
    ends, starts = spans[:-1, 1], spans[1:, 0]
    return any(
        _in_word(text[end - 1 : end]) and _in_word(text[end : end + 1])
        for end in ends[ends == starts].tolist()
    )


def _in_word(character):
    return character.isalnum() or character == "_"


def only_tokens(text, spans, tokens):
    """`tokens` alone, in reading order, a space between two; those that overlap as one."""
    merged = []
    for start, end in spans[np.sort(tokens)].tolist():
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    return " ".join(text[start:end] for start, end in merged)


def n_erased(n_tokens, fractions=FRACTIONS):
    """How many tokens each fraction stands for: rounded up, at least one."""
    return [max(1, math.ceil(round(fraction * n_tokens, 9))) for fraction in fractions]


def ranked(scores):
    """Token numbers, highest score first; equal scores in reading order."""
    return np.argsort(-np.asarray(scores), kind="stable")


def erased_texts(text, spans, scores):
    """For each fraction the text without its highest tokens, and with these only.

    Returns
    -------
    without, only, without_known, only_known : lists of str, one a fraction
        The last two with an unknown word in the place of each token that is erased.
    """
    order = ranked(scores)
    chosen = [order[:count] for count in n_erased(len(spans))]
    others = [order[count:] for count in n_erased(len(spans))]
    return (
        [without_tokens(text, spans, tokens) for tokens in chosen],
        [only_tokens(text, spans, tokens) for tokens in chosen],
        [with_unknown(text, spans, tokens) for tokens in chosen],
        [with_unknown(text, spans, tokens) for tokens in others],
    )


def one_left_out(text, spans):
    """The text without each of its tokens in turn."""
    return [without_tokens(text, spans, [token]) for token in range(len(spans))]


def agreement(scores, others):
    """Kendall's tau-b of two rankings of the same tokens; 0 where one of them is constant."""
    if np.ptp(scores) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(kendalltau(scores, others).statistic)


def is_constant(weights, tolerance=1e-3):
    """Whether all weights are equal, but for `tolerance` of the largest."""
    return bool(np.ptp(weights) <= tolerance * np.max(np.abs(weights)))


class Bootstrap:
    """Intervals for means over texts; the same draws for every quantity, so pairs stay pairs.

    Percentile intervals, after B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """

    def __init__(self, n_texts, n_draws, random_state, level=0.95):
        draws = random_state.randint(n_texts, size=(n_draws, n_texts))
        counts = np.stack([np.bincount(draw, minlength=n_texts) for draw in draws])
        self._parts = counts / n_texts  # (n_draws, n_texts)
        self._limits = [50 * (1 - level), 50 * (1 + level)]

    def interval(self, values):
        """(mean, low, high) of one value per text."""
        low, high = np.percentile(self._parts @ values, self._limits)
        return float(np.mean(values)), float(low), float(high)
