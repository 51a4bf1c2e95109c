"""What both classifiers share: check -> encode -> train -> predict, and the state in files."""

import copyreg
import os
import weakref
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skattn.engine import _threads
from skattn.engine._optimizers import refuse_schedule
from skattn.estimators import _state
from skattn.fitting import _fit, _interruption, _scikeras
from skattn.fitting._network_pool import POOL
from skattn.utils import _targets
from skattn.utils._sklearn_compat import CallbackSupportMixin

_threads.limit_in_worker()  # before anything below starts TensorFlow


class BaseNetworkClassifier(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A scikit-learn classifier around one of the networks.

    A subclass checks its X (`_check_X`), names its network (`_network_config`, `_build`) and may
    give it vectors to begin with (`_initial_embeddings`).
    """

    _parameter_constraints = {
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [str, dict, HasMethods(["get_config", "apply_gradients"])],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "learning_rate_schedule": [StrOptions({"constant", "cosine"})],
        "weight_averaging": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "scoring": [str, callable],
        "callbacks": [list, tuple, HasMethods(["set_model"]), None],
        "checkpoint": [str, os.PathLike, None],
        "warm_start": ["boolean"],
        "save_optimizer": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _validate_params(self):
        refuse_schedule(self.learning_rate)
        super()._validate_params()

    # -- training ------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the class describes it.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels of any kind, or a label indicator matrix for several labels a row.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            What each row counts, only in proportion to the others. A row of weight 0 is as if it
            were not there.

        Returns
        -------
        self : object
        """
        go_on = self.warm_start and self.__sklearn_is_fitted__()
        return self._train(X, y, sample_weight, go_on)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on a chunk of the data, going on from what was learned before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes that any chunk will hold. Needed at the first call unless `y` holds them
            all; may be left out later.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        go_on = self.__sklearn_is_fitted__()
        if classes is not None:
            classes = _targets.announced_classes(classes)
            if go_on and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"classes={classes.tolist()} are not those of the first call: "
                    f"{self.classes_.tolist()}."
                )
        return self._train(X, y, sample_weight, go_on, partial=True, classes=classes)

    def _train(self, *data, **options):
        """Train, and be as before if that fails; a Ctrl-C is raised once whole epochs are kept."""
        with _interruption.all_or_nothing(self):
            interruption = _fit.train(self, *data, **options)
        if interruption is not None:
            raise interruption
        return self

    # -- the network ---------------------------------------------------------------------------

    def _own(self, network):
        """Hold a network until this estimator is gone, then leave it to the next fit."""
        held = vars(self).get("_network")
        if held is network:
            return
        if held is not None:
            held.finalizer()
        network.finalizer = weakref.finalize(self, POOL.release, network)
        network.finalizer.atexit = False
        self._network, self._wrapper, self._saved = network, None, None

    def _live_network(self):
        """The network, built anew from the state if this estimator comes out of a file."""
        with _state.RESTORE_LOCK:
            if self._network is None:
                self._own(_state.restore(self._saved, POOL.acquire, self._build))
        return self._network

    @property
    def model_(self):
        """The Keras model, a `keras.Model`."""
        return self.keras_classifier_.model_

    @property
    def keras_classifier_(self):
        """The SciKeras `KerasClassifier` around the Keras model.

        Its `predict_proba` gives this estimator's probabilities. Its `fit` would take the
        position of each label in `classes_`: train by this estimator instead.
        """
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        network = self._live_network()
        network.exposed = True
        if self._wrapper is None:
            self._wrapper = _scikeras.wrap_trained(network.model, self.classes_, self._multilabel)
        return self._wrapper

    def _read(self, name, X):
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        return X, self._live_network().model.read(name, X)

    # -- prediction ----------------------------------------------------------------------------

    def predict_proba(self, X):
        """Probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float32
            In the order of `classes_`. The probabilities of the classes sum to 1.
        """
        return self._read("probabilities", X)[1]

    def predict_log_proba(self, X):
        """Natural logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        probabilities = self.predict_proba(X)
        return np.log(np.maximum(probabilities, np.finfo(probabilities.dtype).tiny))

    def predict(self, X):
        """The most probable class of each row, or the labels more probable than not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        probabilities = self.predict_proba(X)
        if self._multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    def transform(self, X):
        """What the network makes of each row before its last layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        representation : ndarray of shape (n_samples, n_features_out), float32
        """
        return self._read("representation", X)[1]

    # -- the contract --------------------------------------------------------------------------

    def __dir__(self):
        # to look at these two would build the network, and keep it from the next fit
        lazy = ("model_", "keras_classifier_")
        return [n for n in object.__dir__(self) if n not in lazy and hasattr(self, n)]

    def __sklearn_is_fitted__(self):
        return "_network" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self):
        """The state that skops writes: nothing in it is code."""
        return _state.without_objects(_state.to_state(self, super().__getstate__()))

    def __reduce_ex__(self, protocol):
        """What pickle and copy take: the same, and the callbacks."""
        state = _state.to_state(self, super().__getstate__())
        return copyreg.__newobj__, (type(self),), state

    def __setstate__(self, state):
        super().__setstate__(_state.from_state(self, state))

    def _initial_embeddings(self):
        return None
