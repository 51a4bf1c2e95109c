"""The network of the recommended classifier, chosen by rules about the texts."""

import math
import re
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from skattn.utils._saved_state import Stored
from skattn.utils._texts import as_texts, checked_texts

LEAST_EPOCHS = 1 / 3  # of those of a classifier, however many texts there are


class ChoiceByData(Stored, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """One of four classifiers of raw texts, chosen in `fit` by the length of the texts and the
    number of classes.

    Parameters
    ----------
    short, many, long, long_binary : classifier of raw texts
        If the training texts have more than `long_from` words on average, `long_binary` is fitted
        for two classes and `long` for more. Otherwise `many` is fitted for more than `many_from`
        classes, and `short` for up to as many.
    long_from : float, default=60.0
        In words.
    many_from : int, default=20
        In classes.
    full_epochs_to : int or None, default=None
        With more texts than this, the number of epochs falls in proportion (half of the epochs with
        twice as many texts), to no less than a third. None: it does not.

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


def _cut_epochs(member, share):
    """Leave that share of the epochs, rounded up."""
    epochs = {n: v for n, v in member.get_params().items() if n.split("__")[-1] == "epochs"}
    member.set_params(**{name: math.ceil(value * share) for name, value in epochs.items()})
