"""The vote of the recommended classifier: its network and its linear model, on raw texts."""

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from skattn.utils._saved_state import Stored
from skattn.utils._targets import check_targets, check_weights, encode_targets
from skattn.utils._texts import as_texts, checked_texts

FEW = 100  # texts
LEAST_TEXTS = 500  # with fewer, a few texts more or less decide
TRAINING_TEXTS = 4000  # at most, or a quarter of the texts if that is more
JUDGED_TEXTS = 2000  # at most
JUDGED_SHARE = 0.15
STANDARD_ERRORS = 2.0
_QUIET = {"checkpoint": None, "callbacks": None, "verbose": False}  # these are for the real fit


class TextVote(Stored, VotingClassifier):
    """A soft vote of pipelines from raw texts, fitted on the labels as they are.

    Unlike `sklearn.ensemble.VotingClassifier` it passes the original labels to its estimators, so
    that `class_weight` can name them, and `sample_weight` to the classifier of each pipeline. With
    fewer than 100 texts, words that occur in a single text are used too. With 500 texts or more, a
    trial fit on 4,000 of the texts (or a quarter, if that is more) shows on other texts whether the
    vote is less accurate than its last estimator alone.

    Parameters
    ----------
    estimators, voting, weights, n_jobs, flatten_transform, verbose
        As for `sklearn.ensemble.VotingClassifier`; ``voting="soft"``.
    long_weights : sequence of float, default=None
        Weights to use if `weights` is None and the texts are long.
    doubtful_weights : sequence of float, default=None
        Weights to use if `weights` is None and the last estimator of the trial fit alone is more
        accurate than the vote, by more than two standard errors. None: no trial fit.

    Attributes
    ----------
    doubtful_ : bool
        Whether the last estimator was clearly more accurate in the trial fit.
    weights_ : list of float
        The weights of the fitted estimators.
    """

    _parameter_constraints = VotingClassifier._parameter_constraints | {
        "long_weights": ["array-like", None],
        "doubtful_weights": ["array-like", None],
    }

    def __init__(
        self,
        estimators,
        *,
        voting="hard",
        weights=None,
        n_jobs=None,
        flatten_transform=True,
        verbose=False,
        long_weights=None,
        doubtful_weights=None,
    ):
        super().__init__(
            estimators,
            voting=voting,
            weights=weights,
            n_jobs=n_jobs,
            flatten_transform=flatten_transform,
            verbose=verbose,
        )
        self.long_weights = long_weights
        self.doubtful_weights = doubtful_weights

    def fit(self, X, y, sample_weight=None):
        """Fit every estimator.

        Parameters
        ----------
        X : iterable of str
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        self._validate_params()
        texts = list(checked_texts(as_texts(X)))
        y, multilabel = check_targets(y, "make_text_classifier")
        if multilabel:
            raise ValueError(
                "The recommended classifier takes one label a text. For several labels use "
                "make_text_classifier(linear=False)."
            )
        encode_targets(y, multilabel)  # an error that names the only class
        names, members = self._validate_estimators()
        self._check_weights()
        params = {} if sample_weight is None else {"classifier__sample_weight": sample_weight}
        kept = [(n, m) for n, m in zip(names, members, strict=True) if m != "drop"]
        doubtful = self._is_doubtful(texts, y, sample_weight)
        self.estimators_ = [
            _for_few_texts(clone(member), len(texts)).fit(texts, y, **params) for _, member in kept
        ]
        self.doubtful_ = doubtful
        self.weights_ = self._chosen_weights()
        self.named_estimators_ = Bunch(
            **{name: m for (name, _), m in zip(kept, self.estimators_, strict=True)}
        )
        self.le_ = LabelEncoder().fit(y)
        self.classes_ = self.le_.classes_
        return self

    def _is_doubtful(self, texts, y, sample_weight):
        dropped = any(member == "drop" for _, member in self.estimators)
        alone = dropped or len(self.estimators) < 2
        if alone or self.weights is not None or self.doubtful_weights is None:
            return False
        return last_is_better_alone(self, texts, y, sample_weight)

    def _check_weights(self):
        for name in ("weights", "long_weights", "doubtful_weights"):
            weights = getattr(self, name)
            if weights is not None and len(weights) != len(self.estimators):
                raise ValueError(
                    f"Number of estimators and {name} must be equal: got {len(weights)} {name} "
                    f"for {len(self.estimators)} estimators."
                )

    def _collect_probas(self, X):
        return super()._collect_probas(list(checked_texts(as_texts(X))))

    def _chosen_weights(self):
        """Weights of the fitted members."""
        long = any(getattr(m, "choice_", "").startswith("long") for m in self.estimators_)
        chosen = self.long_weights if long else None
        if self.doubtful_:
            chosen = self.doubtful_weights
        weights = chosen if self.weights is None else self.weights
        if weights is None:
            return [1.0] * len(self.estimators_)
        pairs = zip(self.estimators, weights, strict=True)
        return [float(weight) for (_, member), weight in pairs if member != "drop"]

    @property
    def _weights_not_none(self):  # what VotingClassifier averages by
        return self.weights_

    def _refit_params(self):
        """Parameters with which a clone gets the same weights, without a trial fit."""
        as_learned = {"weights": self.doubtful_weights} if self.doubtful_ else {}
        return {"doubtful_weights": None} | as_learned


def _for_few_texts(member, n_texts):
    """Count words of a single text too, where there are few texts."""
    if n_texts < FEW:
        params = member.get_params()
        rare = {name: 1 for name in params if name.endswith("__min_df") and params[name] == 2}
        member.set_params(**rare)
    return member


def last_is_better_alone(vote, texts, y, sample_weight=None):
    """Whether the last estimator of a vote is clearly more accurate than the vote.

    Clearly means by more than two standard errors of the difference. As in McNemar's test, the
    standard error is the square root of the number of texts on which only one of them is right;
    with weights, of the sum of their squares.

    Parameters
    ----------
    vote : skattn.recipe._vote.TextVote
        A clone of it is fitted, without callbacks and checkpoints.
    texts : list of str
    y : ndarray of shape (n_texts,)
    sample_weight : array-like of shape (n_texts,), default=None
        Texts of weight 0 are left out.

    Returns
    -------
    bool
        False with fewer than 500 texts.
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
