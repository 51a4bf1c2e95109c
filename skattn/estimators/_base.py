"""What both classifiers share: check -> encode -> train -> predict, and the state in files."""

import contextlib
import copyreg
import os
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skattn.engine import _threads
from skattn.engine._optimizers import optimizer_config, refuse_schedule
from skattn.engine._stages import reported, stage
from skattn.estimators import _state
from skattn.estimators._checked_rows import check_training_data, check_validation_data
from skattn.estimators._text_config import Beginning
from skattn.fitting._callbacks import EpochTasks, refuse_infinite
from skattn.fitting._fit import FitRequest, joined, train
from skattn.utils._saved_state import pickled
from skattn.utils._sklearn_compat import CallbackSupportMixin, fit_context
from skattn.utils._targets import (
    announced_classes,
    refuse_balanced_chunks,
    warn_of_one_hot,
)
from skattn.utils._typing import MatrixLike

_threads.limit_in_worker()  # before anything below starts TensorFlow

_NUMBERS = ("learning_rate", "l2", "dropout", "label_smoothing")  # as they are for the network
# with these scikit-learn tears down its callbacks after `fit`, also after one that fails
_OF_CALLBACKS = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


class BaseNetworkClassifier(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A scikit-learn classifier around one of the networks.

    A subclass checks its X (`_check_X`), names its network (`_network_config`, `_build`) and may
    give it vectors or layers to begin with (`_beginning`). Training returns one value,
    `_fitted`, from which everything is answered afterwards.
    """

    _parameter_constraints = {
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [str, dict, HasMethods(["get_config", "apply_gradients"])],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "learning_rate_schedule": [StrOptions({"constant", "cosine", "linear"})],
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

    @fit_context
    def fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, as described for the class.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a label indicator matrix if a row can have several labels.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weight of each row; only the ratios matter. Rows of weight 0 are ignored.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Your own validation set, for `early_stopping` and the validation scores, instead of a
            `validation_fraction` of X. In a pipeline, this X must already be transformed by the
            previous steps.

        Returns
        -------
        self : object
        """
        before = self._network_to_go_on_with()
        return self._train(X, y, sample_weight, before=before, validation_data=validation_data)

    @fit_context
    def partial_fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train one epoch on a chunk of the data, continuing from earlier calls.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes that occur in any chunk. Required at the first call unless `y` has them all;
            optional later.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. Unlike in `fit`, weights are not divided by their mean.

        Returns
        -------
        self : object
        """
        before = vars(self).get("_fitted")
        if before is not None:  # scikit-learn checks parameters before the first chunk only
            self._validate_params()
        refuse_balanced_chunks(self.class_weight)
        if classes is not None:
            classes = announced_classes(classes)
            if before and not np.array_equal(classes, before.classes):
                raise ValueError(
                    f"classes={classes.tolist()} are not those of the first call: "
                    f"{before.classes.tolist()}."
                )
        return self._train(X, y, sample_weight, before=before, classes=classes, partial=True)

    def _network_to_go_on_with(self):
        return vars(self).get("_fitted") if self.warm_start else None

    def _train(
        self,
        X,
        y,
        sample_weight,
        *,
        before,
        classes=None,
        partial=False,
        vectors=None,
        validation_data=None,
    ):
        """Train, and be as before if that fails; a Ctrl-C is raised once whole epochs are kept.

        Parameters
        ----------
        X, y, sample_weight
            As `fit` takes them.
        before : FittedNetwork or None
            The network to go on with.
        classes : ndarray, default=None
            All classes, where `y` may lack some.
        partial : bool, default=False
            Whether this is the one epoch of `partial_fit`.
        vectors : array-like, default=None
            The embedding to begin with, where a vectorizer has read one.
        validation_data : tuple, default=None
            Held-out rows, as `fit` takes them.
        """
        with reported(type(self).__name__, self.verbose > 1), _all_or_nothing(self):
            self._check_origin(X, before or vectors)
            known = before.classes if before else classes
            data = check_training_data(
                self, X, y, sample_weight, known, reset=before is None, partial=partial
            )
            if not len(data.weights):  # a chunk of classes of weight 0
                return self
            if before is None or not partial:
                warn_of_one_hot(data.targets)
            with stage("initial weights"):
                beginning = self._beginning(X, vectors, before)
            params = self._settings(beginning, before)
            config = self._whole_config(params, data, beginning, before)
            request = FitRequest(
                name=type(self).__name__,
                params=params,
                config=config,
                build=self._build,
                embeddings=beginning.table,
                pretrained=beginning.transformer,
                lent_vectors=beginning.table is not None
                or (before is not None and before.lent_vectors),
                as_fitted=self._as_fitted,
                report_epochs=self._report_epochs
                if getattr(self, "_skl_callbacks", None)
                else None,
                partial=partial,
            )
            data = data._replace(X=self._within(config, data.X))
            if validation_data is not None:
                data = joined(data, check_validation_data(self, config, data, validation_data))
            self._fitted, interruption = train(request, data, before)
        if interruption is not None:
            raise interruption
        return self

    def _whole_config(self, params, data, beginning, before):
        """All that decides the form of the network, as plain values."""
        decay = params["weight_decay"]
        return self._network_config(params, data.X, beginning, before) | {
            "n_outputs": data.targets.n_outputs,
            "multilabel": data.targets.multilabel,
            "optimizer": optimizer_config(self.optimizer),
            "weight_decay": None if decay is None else float(decay),
            "learning_rate_schedule": params["learning_rate_schedule"],
            **{name: float(getattr(self, name)) for name in _NUMBERS},
        }

    def _within(self, config, X):
        """Checked rows as a network of this configuration can read them."""
        return X

    def _check_origin(self, X, vectors):
        """Refuse or warn where what made the rows does not suit what will read them."""

    def _beginning(self, X, vectors, before):
        """What the network begins with besides random weights."""
        return Beginning()

    def _settings(self, beginning, before):
        """The parameters, each with a value."""
        return self.get_params(deep=False)

    # -- what was fitted -----------------------------------------------------------------------

    def _as_fitted(self, fitted):
        """This estimator as if `fitted` were its network, for rows that are checked already."""
        view = object.__new__(type(self))
        vars(view).update(vars(self), _fitted=fitted)
        vars(view).pop("feature_names_in_", None)
        return view

    def _report_epochs(self, fitted, data, n_epochs):
        """The bridge to callbacks that were set by scikit-learn's `set_callbacks`."""
        context = self._init_callback_context(max_subtasks=n_epochs)
        weights = data.sample_weight  # without those of the classes, as for `scoring`
        weighted = np.ptp(weights) > 0
        trained = slice(len(data.weights) - data.n_held_out)
        report = {
            "estimator": self,
            "X": data.X[trained],
            "y": data.y[trained],
            "metadata": {"sample_weight": weights[trained]} if weighted else None,
            "reconstruction_attributes": {"_fitted": fitted},
        }
        context.call_on_fit_task_begin(**report)
        return EpochTasks(context, report)

    def _fact(self, name):
        """One of the facts of the fit, as a fitted attribute."""
        if "_fitted" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return getattr(self._fitted, name)

    @property
    def classes_(self) -> NDArray[Any]:
        """The class labels."""
        return self._fact("classes")

    @property
    def history_(self) -> dict[str, list[float]]:
        """Loss and validation scores after each epoch."""
        return self._fact("history")

    @property
    def n_iter_(self) -> int:
        """Number of epochs of the last fit."""
        return self._fact("n_iter")

    @property
    def best_iteration_(self) -> int:
        """The epoch whose weights early stopping restored, counted from 1."""
        best = self._fact("best_iteration")
        if best is None:
            raise AttributeError("The last fit had no early stopping, so there is no best epoch.")
        return best

    @property
    def _n_features_out(self):
        return self._fact("n_features_out")

    @property
    def model_(self) -> Any:
        """The Keras model, a `keras.Model`."""
        return self.keras_classifier_.model_

    @property
    def keras_classifier_(self) -> Any:
        """The SciKeras `KerasClassifier` around the Keras model.

        Its `predict_proba` returns the same probabilities as this estimator. Do not call its `fit`,
        which expects the positions of the labels in `classes_`; call `fit` of this estimator
        instead.
        """
        check_is_fitted(self)
        fitted = self._fitted
        fitted.network.exposed = True  # the user may keep it
        return fitted.keras_classifier

    def _read(self, name, X):
        """A readout for each row, with the rows as checked and the network that was read."""
        check_is_fitted(self)
        fitted = self._fitted  # another thread may fit this estimator meanwhile
        X = self._within(fitted.config, self._check_X(X, reset=False))
        answers = fitted.read(name, X)
        refuse_infinite(answers)
        return X, answers, fitted

    # -- prediction ----------------------------------------------------------------------------

    def predict_proba(self, X: MatrixLike) -> NDArray[np.float32]:
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

    def predict_log_proba(self, X: MatrixLike) -> NDArray[np.float32]:
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

    def predict(self, X: MatrixLike) -> NDArray[Any]:
        """The most probable class of each row, or all its labels with a probability above 0.5.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        _, probabilities, fitted = self._read("probabilities", X)
        if fitted.multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return fitted.classes[probabilities.argmax(axis=1)]

    def transform(self, X: MatrixLike) -> NDArray[np.float32]:
        """The representation of each row, which is the input of the output layer.

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
        return "_fitted" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self):
        """The state that skops writes: nothing in it is code."""
        return _state.without_objects(_state.to_state(super().__getstate__()))

    def __reduce_ex__(self, protocol):
        """What pickle and copy take: the same, and the callbacks."""
        state = _state.to_state(super().__getstate__())
        return copyreg.__newobj__, (type(self),), pickled(state)

    def __setstate__(self, state):
        super().__setstate__(_state.from_state(self, state))


@contextlib.contextmanager
def _all_or_nothing(estimator):
    """Leave an estimator as it was if anything fails inside."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        hooks = {k: v for k, v in vars(estimator).items() if k in _OF_CALLBACKS}
        estimator.__dict__ = before | hooks  # at once, for readers in other threads
        raise
