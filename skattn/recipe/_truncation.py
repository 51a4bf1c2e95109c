"""Which part of long texts a network should read; a linear model is asked."""

import re

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import check_random_state

from skattn.recipe._rules import Setting
from skattn.vectorizer._padding import n_kept_at_each_end

CHOICES = ("head", "both", "tail")  # the first of equally good ones
USUAL = "both"  # where the choices are not compared
LEAST_TEXTS = 256
MOST_TEXTS = 2_000  # enough to tell, and read in a second or two
LEAST_SHARE = 0.1  # of texts that are too long
N_FOLDS = 5
TOKENS_A_WORD, TOKENS_A_CHARACTER = 1.3, 1.0
_WORDS_AND_SIGNS = re.compile(r"\w+|[^\w\s]")


def best_truncation(texts, y, max_length, spaces):
    """The part of long texts from which a linear model predicts held-out texts best.

    Parameters
    ----------
    texts : list of str
    y : array of shape (n_texts,) or (n_texts, n_classes)
    max_length : int
        Tokens of a text that a pretrained model reads.
    spaces : bool
        Whether the texts have spaces between words.

    Returns
    -------
    Setting
    """
    if len(texts) < LEAST_TEXTS:
        return Setting(USUAL, f"fewer than {LEAST_TEXTS} texts are too few for a comparison")
    if y.ndim == 2:
        return Setting(USUAL, "usual for several labels per text")
    rows = check_random_state(0).permutation(len(texts))[:MOST_TEXTS]
    units = [_units(texts[row].lower(), spaces) for row in rows]
    most = round(max_length / (TOKENS_A_WORD if spaces else TOKENS_A_CHARACTER))
    too_long = np.mean([len(each) > most for each in units])
    if too_long < LEAST_SHARE:
        return Setting(USUAL, f"few texts ({too_long:.0%}) are longer than {max_length} tokens")
    _, y, counts = np.unique(y[rows], return_inverse=True, return_counts=True)
    known = counts[y] >= N_FOLDS
    if np.count_nonzero(counts >= N_FOLDS) < 2:
        return Setting(USUAL, f"fewer than two classes with {N_FOLDS} texts")
    scores = {choice: _score(units, y, known, most, choice) for choice in CHOICES}
    found = ", ".join(f"{choice} {score:.1%}" for choice, score in scores.items())
    return Setting(
        max(scores, key=scores.get),
        f"the part from which a linear model predicts held-out texts best ({found})",
    )


def _units(text, spaces):
    return _WORDS_AND_SIGNS.findall(text) if spaces else re.findall(r"\S", text)


def _score(units, y, known, most, choice):
    """Accuracy on held-out texts, of classes with at least a text for each fold."""
    first, last = n_kept_at_each_end([len(each) for each in units], most, choice)
    cut = [
        each[:start] + each[len(each) - end :]
        for each, start, end, keep in zip(units, first, last, known, strict=True)
        if keep
    ]
    model = make_pipeline(TfidfVectorizer(analyzer=list, sublinear_tf=True), LinearSVC(C=0.5))
    return cross_val_score(model, cut, y[known], cv=N_FOLDS).mean()
