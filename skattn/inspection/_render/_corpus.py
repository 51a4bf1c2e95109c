"""The words that push toward and away from each class over many texts; pure."""

import unicodedata
from typing import NamedTuple

import numpy as np

_INVISIBLE = {"Cc", "Cf", "Cs", "Mn", "Me", "Zs", "Zl", "Zp"}  # alone, categories of Unicode


class WordEvidence(NamedTuple):
    """One word's evidence for one class, over the texts that hold it."""

    word: str  # as it was first written
    mean: float  # of its sums over each text
    spread: float  # their standard deviation
    n_texts: int


def named(token):
    """A token as it is listed: if no character of it can be seen, their numbers."""
    if any(unicodedata.category(character) not in _INVISIBLE for character in token):
        return token
    return "".join(f"[U+{ord(character):04X}]" for character in token)


def words_of_classes(explanations, min_texts=1):
    """Every word's evidence for each class.

    Parameters
    ----------
    explanations : list of TextExplanation
        With evidence.
    min_texts : int
        Words of fewer texts are left out.

    Returns
    -------
    words : dict of label to list of WordEvidence
        The strongest first, toward or away from the class.

    Raises
    ------
    ValueError
        If the explanations have different classes.
    """
    if not explanations:
        return {}
    if any(not np.array_equal(e.classes, explanations[0].classes) for e in explanations):
        raise ValueError(
            "The explanations are of models with different classes. Show those of each model apart."
        )
    sums, names = {}, {}
    for explanation in explanations:
        for word, total in _sums(explanation, names).items():
            sums.setdefault(word, []).append(total)
    kept = {w: np.array(rows) for w, rows in sums.items() if len(rows) >= min_texts}
    figures = {w: (rows.mean(axis=0), rows.std(axis=0), len(rows)) for w, rows in kept.items()}
    words = {}
    for place, label in enumerate(explanations[0]._labels):
        found = [
            WordEvidence(names[word], float(mean[place]), float(spread[place]), n_texts)
            for word, (mean, spread, n_texts) in figures.items()
        ]
        words[label] = sorted(found, key=lambda each: -abs(each.mean))
    return words


def _sums(explanation, names):
    """{word: its evidence (n_classes,) in this text}; notes how words are written."""
    sums = {}
    rows = zip(explanation._words(), explanation.tokens, explanation.evidence, strict=True)
    for key, token, row in rows:
        names.setdefault(key, token)
        sums[key] = sums[key] + row if key in sums else row
    return sums


def strongest(words, n_words, sign):
    """The `n_words` of one sign (1 or -1), the strongest first."""
    return [word for word in words if word.mean * sign > 0][:n_words]


def summed_words(explanation, values):
    """[(word, sum of its values, places)] with the places of a word together, as first written."""
    sums = {}
    for key, token, value in zip(explanation._words(), explanation.tokens, values, strict=True):
        sums.setdefault(key, (token, []))[1].append(float(value))
    return [(word, sum(each), len(each)) for word, each in sums.values()]
