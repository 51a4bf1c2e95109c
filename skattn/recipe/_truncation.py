"""Which part of long texts a pretrained transformer reads, chosen by a linear model."""

import re

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC
from sklearn.utils import check_random_state

from skattn.recipe._pretrained_rules import FEW_TEXTS, TOKENS_A_WORD
from skattn.recipe._rules import WORDS_AND_SIGNS, Setting
from skattn.vectorizer._padding import n_kept_at_each_end

CHOICES = ("both", "head", "tail")  # on a tie, the first
USUAL = "both"  # where the choices are not compared
MAX_TEXTS = 2_000  # enough to tell, and compared in a few seconds
MIN_SHARE_TOO_LONG = 0.1
N_FOLDS = 5
CHARACTERS_A_UNIT = 30  # more than words have; bounds how much of a text is looked at


def best_truncation(texts, y, weights, max_length, spaces):
    """The part of long texts from which a linear model predicts held-out texts best.

    Parameters
    ----------
    texts : list of str
    y : array of shape (n_texts,) or (n_texts, n_classes)
    weights : array of shape (n_texts,)
        Those of the classes included.
    max_length : int
        Tokens of a text that a pretrained model reads.
    spaces : bool
        Whether the texts have spaces between words.

    Returns
    -------
    Setting
    """
    if y.ndim == 2:
        return Setting(USUAL, "not compared where texts have several labels")
    counted = np.flatnonzero(weights)
    if len(counted) < FEW_TEXTS:
        return Setting(USUAL, f"fewer than {FEW_TEXTS} texts are too few for a comparison")
    rows = check_random_state(0).permutation(counted)[:MAX_TEXTS]
    _, y, counts = np.unique(y[rows], return_inverse=True, return_counts=True)
    known = counts[y] >= N_FOLDS
    rows, y = rows[known], y[known]
    if len(np.unique(y)) < 2:
        return Setting(USUAL, f"fewer than two classes have {N_FOLDS} texts")
    weights = weights / weights[rows].mean()  # only their ratios matter
    most = max(round(max_length / TOKENS_A_WORD) if spaces else max_length, 1)
    ends = [_ends(texts[row], most, spaces) for row in rows]
    lengths = np.array([length for _, _, length in ends])
    too_long = np.mean(lengths > most)
    if too_long < MIN_SHARE_TOO_LONG:
        reason = f"few texts ({too_long:.0%}) are longer than about {max_length} tokens"
        return Setting(USUAL, reason)
    scores = {}
    for choice in CHOICES:
        first, last = n_kept_at_each_end(lengths, most, choice)
        parts = zip(ends, first, last, strict=True)
        cut = [head[:n] + tail[len(tail) - m :] for (head, tail, _), n, m in parts]
        scores[choice] = _score(cut, y, weights[rows])
    found = ", ".join(f"{choice} {score:.1%}" for choice, score in scores.items())
    return Setting(
        max(scores, key=scores.get),
        "a linear model predicts held-out texts at least as well from this part as from the "
        f"others ({found})",
    )


def _ends(text, most, spaces):
    """The first and the last words (or characters) of a text, and how many there are, about."""
    longest = CHARACTERS_A_UNIT * most
    if len(text) > 2 * longest:
        text = f"{text[:longest]} {text[-longest:]}"
    units = re.findall(WORDS_AND_SIGNS if spaces else r"\S", text.lower())
    return units[:most], units[-most:], len(units)


def _score(texts, y, weights):
    """Accuracy on held-out texts; each text counts by its weight."""
    features = TfidfVectorizer(analyzer=list, sublinear_tf=True)
    right = np.zeros(len(y))
    for training, held_out in StratifiedKFold(N_FOLDS).split(y, y):
        try:
            X = features.fit_transform([texts[row] for row in training])
        except ValueError:  # the texts are empty: nothing is learned from them
            continue
        model = LinearSVC(C=0.5, random_state=0).fit(X, y[training], weights[training])
        seen = features.transform([texts[row] for row in held_out])
        right[held_out] = model.predict(seen) == y[held_out]
    return np.average(right, weights=weights)
