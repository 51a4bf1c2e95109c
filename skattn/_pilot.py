"""A small fit of a vote on a part of the texts, judged on others: does the vote pay?"""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from skattn.utils._targets import check_weights

LEAST_TEXTS = 500  # with fewer, a few texts more or less decide
TRAINING_TEXTS = 4000  # at most, or a quarter of the texts if that is more
JUDGED_TEXTS = 2000  # at most
JUDGED_SHARE = 0.15
STANDARD_ERRORS = 2.0
_QUIET = {"checkpoint": None, "callbacks": None, "verbose": False}  # these are for the real fit


def last_is_better_alone(vote, texts, y, sample_weight=None):
    """Whether the last member of a vote alone is clearly more often right than the vote.

    Clearly: by more than two standard errors of the difference on texts that both are judged on.
    One is the root of the number of texts on which one is right and the other wrong, as in
    McNemar's test; with weights, of the sum of their squares.

    Parameters
    ----------
    vote : skattn._vote.TextVote
        Not changed: a clone is fitted, without callbacks and checkpoints.
    texts : list of str
    y : ndarray of shape (n_texts,)
    sample_weight : array-like of shape (n_texts,), default=None
        Texts of weight 0 are left out.

    Returns
    -------
    bool
        False where there are fewer than 500 texts.
    """
    kept, weights = check_weights(sample_weight, texts, y)
    if len(kept) < LEAST_TEXTS:
        return False
    texts, y = np.array(texts, dtype=object)[kept], y[kept]
    training, judged = _split(y)
    given = {} if sample_weight is None else {"sample_weight": weights[training]}
    pilot = _quiet(clone(vote)).set_params(doubtful_weights=None)
    try:
        pilot.fit(list(texts[training]), y[training], **given)
    except ValueError:
        return False  # one class alone is left, for one; what is wrong with all texts the fit tells
    together = pilot.predict(list(texts[judged])) == y[judged]
    alone = pilot.estimators_[-1].predict(list(texts[judged])) == y[judged]
    return _is_clear(weights[judged] * (alone.astype(int) - together))


def _is_clear(differences):
    """Whether the sum of the differences lies above 0 by more than chance explains."""
    return bool(differences.sum() > STANDARD_ERRORS * np.sqrt(np.sum(differences**2)))


def _split(y):
    """Rows to train on and rows to judge, each class with its share if all have enough texts."""
    n_judged = min(JUDGED_TEXTS, int(JUDGED_SHARE * len(y)))
    n_training = min(max(TRAINING_TEXTS, len(y) // 4), len(y) - n_judged)
    sizes = {"train_size": n_training, "test_size": n_judged}
    counts = np.unique(y, return_counts=True)[1]
    enough = counts.min() > 1 and len(counts) <= min(sizes.values())
    rows, strata = np.arange(len(y)), y if enough else None
    return train_test_split(rows, stratify=strata, random_state=0, **sizes)


def _quiet(vote):
    params = vote.get_params()
    changed = {
        name: value for name in params for end, value in _QUIET.items() if name.endswith(f"__{end}")
    }
    return vote.set_params(**changed)
