"""The methods of `TextClassifier`: fit, predict, and its state in files."""

import copyreg
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skattn.estimators._state import without_objects
from skattn.recipe import _fit
from skattn.recipe._data import texts_of
from skattn.recipe._state import from_state, to_state
from skattn.utils._frames import spans_of_columns
from skattn.utils._saved_state import pickled
from skattn.utils._sklearn_compat import fit_context
from skattn.utils._typing import MatrixLike, Texts

_FITTED = (
    "classes_",
    "network_",
    "linear_",
    "weights_",
    "settings_",
    "_multilabel",
    "n_features_in_",
    "feature_names_in_",
)


def _has_network(estimator):
    """Tell whether the network is kept: in the fit, or before it by the parameter."""
    fitted = vars(estimator)
    if not ("network_" in fitted if "weights_" in fitted else estimator.network):
        raise AttributeError(
            "transform returns the network's representation of texts, and there is no network: "
            "set network=True and fit again."
        )
    return True


class BaseTextClassifier(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator
):
    """The methods of `TextClassifier`, which has the parameters."""

    @fit_context
    def fit(
        self,
        X: Texts,
        y: MatrixLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Self:
        """Fit both models.

        Parameters
        ----------
        X : iterable of str, or a data frame with `columns`
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a label indicator matrix if a text can have several labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each text. Only the ratios of the weights matter. Texts of weight 0 are
            ignored.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Your own validation set, for the network's validation scores and `early_stopping`,
            instead of a `validation_fraction` of X.

        Returns
        -------
        self : object
        """
        fitted, interruption = _fit.fit_both(self, X, y, sample_weight, validation_data)
        self._keep(fitted)
        if interruption is not None:
            raise interruption
        return self

    @available_if(_fit.learns_in_chunks)
    @fit_context
    def partial_fit(
        self,
        X: Texts,
        y: MatrixLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the network for one epoch on a chunk of texts; needs ``linear=False``.

        The first chunk determines the vocabulary and the settings that are chosen by rules.

        Parameters
        ----------
        X : iterable of str, or a data frame with `columns`
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes that occur in any chunk. Required at the first call unless `y` has them all.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each text. Unlike in `fit`, weights are not divided by their mean.

        Returns
        -------
        self : object
        """
        self._keep(_fit.fit_chunk(self, X, y, classes, sample_weight))
        return self

    def predict_proba(self, X: Texts) -> NDArray[np.float64]:
        """Probability of each class, or of each label.

        Parameters
        ----------
        X : iterable of str, or a data frame with `columns`

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`. The probabilities of the classes sum to 1.
        """
        return self._probabilities(self._snapshot(), X)

    def predict_log_proba(self, X: Texts) -> NDArray[np.float64]:
        """Natural logarithm of `predict_proba`.

        Parameters
        ----------
        X : iterable of str, or a data frame with `columns`

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        return np.log(np.maximum(self.predict_proba(X), np.finfo(np.float64).tiny))

    def predict(self, X: Texts) -> NDArray[Any]:
        """The most probable class of each text, or all its labels with a probability above 0.5.

        Parameters
        ----------
        X : iterable of str, or a data frame with `columns`

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        fitted = self._snapshot()
        probabilities = self._probabilities(fitted, X)
        if fitted["_multilabel"]:
            return (probabilities > 0.5).astype(np.int64)
        return fitted["classes_"][probabilities.argmax(axis=1)]

    def transform(self, X: Texts) -> NDArray[np.float32]:
        """The network's representation of each text, which is the input of its output layer.

        Needs the network: there is no `transform` with ``network=False``.

        Parameters
        ----------
        X : iterable of str, or a data frame with `columns`

        Returns
        -------
        representation : ndarray of shape (n_samples, n_features_out), float32
        """
        fitted = self._snapshot()
        return fitted["network_"].transform(texts_of(X, fitted.get("feature_names_in_")))

    @available_if(_has_network)
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Names of the numbers that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        names : ndarray of str of shape (n_features_out,)
        """
        return super().get_feature_names_out(input_features)

    @property
    def history_(self) -> dict[str, list[float]]:
        """Loss and validation scores of the network after each epoch."""
        return self._of_network("history_")

    @property
    def n_iter_(self) -> int:
        """Number of epochs of the network in the last fit."""
        return self._of_network("n_iter_")

    @property
    def best_iteration_(self) -> int:
        """The epoch whose weights early stopping restored, counted from 1."""
        return self._of_network("best_iteration_")

    @property
    def _n_features_out(self):
        return self._of_network("_n_features_out")

    def _predict_joined(self, texts):
        """`predict_proba` of texts whose columns are joined already."""
        return _fit.weighted_mean(self._snapshot(), texts)

    def _texts(self, X):
        """The texts as both models read them."""
        return texts_of(X, vars(self).get("feature_names_in_"))

    @property
    def _column_spans(self):
        """A function that finds the text of each column in the joined texts, or None."""
        names = vars(self).get("feature_names_in_")
        return None if names is None else partial(spans_of_columns, columns=names.tolist())

    def _of_network(self, name):
        if "network_" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} has no fitted network.")
        return getattr(self.network_[-1], name)

    def _snapshot(self):
        """All attributes of one fit, although another thread may fit this estimator meanwhile."""
        check_is_fitted(self)
        return vars(self).copy()

    @staticmethod
    def _probabilities(fitted, X):
        return _fit.weighted_mean(fitted, texts_of(X, fitted.get("feature_names_in_")))

    def _keep(self, fitted):
        kept = {name: value for name, value in vars(self).items() if name not in _FITTED}
        self.__dict__ = kept | fitted  # at once, for readers in other threads

    def __dir__(self):  # without the methods and attributes that this estimator has not
        return [name for name in object.__dir__(self) if hasattr(self, name)]

    def __sklearn_is_fitted__(self):
        return "weights_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = self.columns is None
        tags.input_tags.two_d_array = self.columns is not None
        tags.classifier_tags.multi_label = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self):
        """The state that skops writes: nothing in it is code."""
        return without_objects(to_state(super().__getstate__()))

    def __reduce_ex__(self, protocol):
        """What pickle and copy take: the same, and the callbacks."""
        return copyreg.__newobj__, (type(self),), pickled(to_state(super().__getstate__()))

    def __setstate__(self, state):
        super().__setstate__(from_state(type(self), state))


for _name in ("transform", "fit_transform"):  # set_output has wrapped them and must see functions
    _method = available_if(_has_network)(getattr(BaseTextClassifier, _name))
    setattr(BaseTextClassifier, _name, _method)
