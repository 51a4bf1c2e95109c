"""The vote of the recommended classifier, and the choice by rules within it; both on raw texts."""

import math
import re
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context, clone
from sklearn.ensemble import VotingClassifier
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from skattn._pilot import last_is_better_alone
from skattn.utils._saved_state import Stored
from skattn.utils._targets import check_targets, encode_targets
from skattn.utils._texts import as_texts, checked_texts

FEW = 100  # texts
LEAST_EPOCHS = 1 / 3  # of those of a classifier, however many texts there are


class ChoiceByData(Stored, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """One of four classifiers of raw texts; `fit` chooses by rules that look at the data alone.

    Parameters
    ----------
    short, many, long, long_binary : classifier of raw texts
        Where the training texts have more than `long_from` words on average, `long_binary` is
        fitted with two classes and `long` with more; of the others `many` where there are more
        than `many_from` classes, else `short`.
    long_from : float, default=60.0
        In words.
    many_from : int, default=20
        In classes.
    full_epochs_to : int or None, default=None
        With more texts than this, the choice is fitted for fewer epochs in proportion (half of
        them with twice as many texts), but for at least a third of its own. None: never.

    Attributes
    ----------
    estimator_ : classifier
        The one that was fitted.
    choice_ : {"short", "many", "long", "long_binary"}
        Which one it is.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    """

    _parameter_constraints = {
        "short": [HasMethods(["fit", "predict_proba"])],
        "many": [HasMethods(["fit", "predict_proba"])],
        "long": [HasMethods(["fit", "predict_proba"])],
        "long_binary": [HasMethods(["fit", "predict_proba"])],
        "long_from": [Interval(Real, 0, None, closed="left")],
        "many_from": [Interval(Integral, 2, None, closed="left")],
        "full_epochs_to": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        short,
        many,
        long,
        long_binary,
        *,
        long_from=60.0,
        many_from=20,
        full_epochs_to=None,
    ):
        self.short = short
        self.many = many
        self.long = long
        self.long_binary = long_binary
        self.long_from = long_from
        self.many_from = many_from
        self.full_epochs_to = full_epochs_to

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """Choose, and fit the choice.

        Parameters
        ----------
        X : iterable of str
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        **params
            Handed on.

        Returns
        -------
        self : object
        """
        texts = list(checked_texts(as_texts(X)))
        self.choice_ = self._choose(texts, y)
        chosen = clone(getattr(self, self.choice_))
        if self.full_epochs_to is not None and len(texts) > self.full_epochs_to:
            _cut_epochs(chosen, max(self.full_epochs_to / len(texts), LEAST_EPOCHS))
        self.estimator_ = chosen.fit(texts, y, **params)
        self.classes_ = self.estimator_.classes_
        return self

    def _choose(self, texts, y):
        n_words = sum(len(re.findall(r"\w+", text)) for text in texts)
        n_classes = len(np.unique(y))
        if n_words > self.long_from * len(texts):
            return "long" if n_classes > 2 else "long_binary"
        return "many" if n_classes > self.many_from else "short"

    def predict(self, X):
        """Labels of the texts.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags


class TextVote(Stored, VotingClassifier):
    """A soft vote of pipelines from raw texts, fitted on the labels as they are.

    Other than `sklearn.ensemble.VotingClassifier` it hands its members the user's own labels, so
    that a `class_weight` finds them, hands `sample_weight` on to each pipeline's classifier, and
    reads the texts once. With fewer than 100 texts words that stand in one text only count too.
    From 500 texts on a pilot, fitted on 4,000 of the texts (or a quarter, if that is more) and
    judged on others, shows whether the vote is worse than its last member alone.

    Parameters
    ----------
    estimators, voting, weights, n_jobs, flatten_transform, verbose
        As for `sklearn.ensemble.VotingClassifier`; ``voting="soft"``.
    long_weights : sequence of float, default=None
        The weights where `weights` is None and a member has chosen its classifier of long texts.
    doubtful_weights : sequence of float, default=None
        The weights where `weights` is None and the pilot's last member alone is right more often
        than the pilot, by more than two standard errors. None: there is no pilot.

    Attributes
    ----------
    doubtful_ : bool
        Whether that was so.
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
        """Fit every member.

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

    @property
    def _weights_not_none(self):
        """Weights of the fitted members, or None where all count the same."""
        long = any(getattr(m, "choice_", "").startswith("long") for m in self.estimators_)
        chosen = self.long_weights if long else None
        if self.doubtful_weights is not None and getattr(self, "doubtful_", False):
            chosen = self.doubtful_weights
        weights = chosen if self.weights is None else self.weights
        if weights is None:
            return None
        pairs = zip(self.estimators, weights, strict=True)
        return [weight for (_, member), weight in pairs if member != "drop"]


def _cut_epochs(member, share):
    """Leave that share of the epochs, rounded up."""
    epochs = {n: v for n, v in member.get_params().items() if n.split("__")[-1] == "epochs"}
    member.set_params(**{name: math.ceil(value * share) for name, value in epochs.items()})


def _for_few_texts(member, n_texts):
    """Count words of a single text too, where there are few texts."""
    if n_texts < FEW:
        params = member.get_params()
        rare = {name: 1 for name in params if name.endswith("__min_df") and params[name] == 2}
        member.set_params(**rare)
    return member
