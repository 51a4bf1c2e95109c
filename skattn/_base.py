"""What both classifiers share: check -> encode -> train -> predict, and the state in files."""

import copyreg
import functools
import os
import warnings
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
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skattn import (
    _callbacks,
    _checkpoint,
    _networks,
    _rescue,
    _scikeras,
    _state,
    _threads,
    _validation,
)
from skattn._compat import CallbackSupportMixin
from skattn._pool import POOL
from skattn._schedule import FitSettings

_threads.limit_in_worker()  # before anything below starts TensorFlow

DEFAULT_HELD_OUT = 0.1


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
            classes = _validation.announced_classes(classes)
            if go_on and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"classes={classes.tolist()} are not those of the first call: "
                    f"{self.classes_.tolist()}."
                )
        return self._train(X, y, sample_weight, go_on, partial=True, classes=classes)

    def _train(self, *data, **options):
        """Train, and be as before if that fails; a Ctrl-C is raised once whole epochs are kept."""
        with _rescue.all_or_nothing(self):
            interruption = self._train_and_keep(*data, **options)
        if interruption is not None:
            raise interruption
        return self

    def _train_and_keep(self, X, y, sample_weight, go_on, partial=False, classes=None):
        known = self.classes_ if go_on else classes
        X, y, targets, weights = self._check_training_data(X, y, sample_weight, known, not go_on)
        seed = self._seed if go_on else draw_seed(self.random_state)
        first_epoch = self._epochs_seen if go_on else 0
        store = _checkpoint.NO_CHECKPOINT
        if self.checkpoint is not None and not partial:
            store = _checkpoint.open_for(self, X, targets, weights, first_epoch)
            seed = store.take_seed(seed)
        settings = FitSettings(
            weights=weights,
            held_out=np.empty(0, dtype=np.int64) if partial else self._hold_out(targets, seed),
            batch_size=self.batch_size,
            seed=seed,
            first_epoch=first_epoch,
            n_epochs=1 if partial else self.epochs,
            n_done=store.n_done,
            cosine=self.learning_rate_schedule == "cosine" and not partial,
        )
        network = self._network_to_train(X, targets, seed, go_on)
        callbacks = self._callbacks(network, X, y, settings, targets)
        last_epoch = _rescue.LastEpoch(callbacks, store.start, store.write, undoable=go_on)
        wrapper = _scikeras.wrap(network.model, targets.classes, targets.multilabel)
        interruption = _run(wrapper, X, targets.encoded, settings, last_epoch)
        self._refuse_divergence(last_epoch, network.model)
        self._keep(network, wrapper, last_epoch.history, targets, settings, go_on)
        self._keeps_optimizer = partial or self.warm_start
        if interruption is None:
            store.remove()
        return interruption

    def _refuse_divergence(self, last_epoch, model):
        losses = last_epoch.history.get("loss", [])
        what = f"the loss is {losses[-1]}" if losses else ""
        if np.all(np.isfinite(losses[-1:])):  # the last steps may still have spoilt the weights
            if all(np.all(np.isfinite(weights)) for weights in model.get_weights()):
                return
            what = "weights are infinite or no numbers"
        last_epoch.undo()
        raise ValueError(
            f"Training diverged: {what} after epoch {len(losses)}. Use a smaller learning_rate "
            f"(it is {self.learning_rate}), or scale the features."
        )

    def _check_training_data(self, X, y, sample_weight, classes, reset):
        """The rows that count: X, labels, encoded targets and weights above 0."""
        if self.weight_averaging and self.early_stopping:
            raise ValueError(
                "weight_averaging=True and early_stopping=True exclude each other: the one keeps "
                "the mean of the epochs, the other the best of them. Choose one."
            )
        y, multilabel = _validation.check_targets(y, type(self).__name__)
        kept, weights = _validation.check_weights(sample_weight, X, y)
        targets = _validation.encode_targets(y[kept], multilabel, classes)
        weights = _validation.weigh_classes(self.class_weight, targets, weights)
        X, y = self._check_X(X, reset=reset), y[kept]
        X = X if len(kept) == X.shape[0] else X[kept]
        if not np.all(weights):  # of classes of weight 0
            X, y, weights, targets = _validation.drop_weightless(X, y, weights, targets)
        return X, y, targets, weights

    def _hold_out(self, targets, seed):
        fraction = self.validation_fraction
        if fraction is None:
            if not self.early_stopping:
                return np.empty(0, dtype=np.int64)
            fraction = DEFAULT_HELD_OUT
        held_out, stratified = _validation.hold_out(targets, fraction, seed)
        if not stratified:
            warnings.warn(
                "The held-out part could not be stratified, because a class has too few rows; it "
                "was drawn at random.",
                UserWarning,
                stacklevel=6,
            )
        return held_out

    def _network_to_train(self, X, targets, seed, go_on):
        config = self._network_config(X, targets)
        config |= {
            "n_outputs": targets.n_outputs,
            "multilabel": targets.multilabel,
            "optimizer": _networks.optimizer_config(self.optimizer),
            "learning_rate": float(self.learning_rate),
            "weight_decay": float(self.weight_decay),
            "l2": float(self.l2),
            "dropout": float(self.dropout),
            "label_smoothing": float(self.label_smoothing),
            "learning_rate_schedule": self.learning_rate_schedule,
        }
        if not go_on:
            network = POOL.acquire(config, self._build)
            _networks.initialize(network.model, seed, self._initial_embeddings())
        else:
            network = self._live_network()
            _refuse_changes(network.config, config)
            if not self._keeps_optimizer:
                _networks.reset_optimizer(network.model)
        _networks.set_learning_rate(network.model, config)
        return network

    def _callbacks(self, network, X, y, settings, targets):
        callbacks, epochs = [], settings.n_epochs
        if self.callbacks or callable(self.scoring) or getattr(self, "_skl_callbacks", None):
            network.exposed = True  # they may keep the model
        by_loss = isinstance(self.scoring, str) and self.scoring == "loss"
        if len(settings.held_out) and not by_loss:
            callbacks.append(self._score_callback(network, X, y, settings, targets))
        if self.early_stopping and len(settings.held_out):
            monitor = "val_loss" if by_loss else "val_score"
            callbacks.append(_callbacks.early_stopping(monitor, self.n_iter_no_change, self.tol))
        if self.weight_averaging and epochs > 1:
            callbacks.append(_callbacks.WeightAveraging(settings.first_epoch + epochs // 2))
        if getattr(self, "_skl_callbacks", None):
            callbacks.append(self._epoch_tasks(network, X, y, settings, targets))
        if self.verbose:
            callbacks.append(_callbacks.ProgressBar(epochs, type(self).__name__))
        return callbacks + _callbacks.copies(self.callbacks)

    def _epoch_tasks(self, network, X, y, settings, targets):
        """The bridge to callbacks that were set by scikit-learn's `set_callbacks`."""
        context = self._init_callback_context(max_subtasks=settings.n_epochs)
        weighted = np.ptp(settings.weights) > 0
        report = {
            "estimator": self,
            "X": X,
            "y": y,
            "metadata": {"sample_weight": settings.weights} if weighted else None,
            "reconstruction_attributes": {
                "classes_": targets.classes,
                "_multilabel": targets.multilabel,
                "_network": network,
            },
        }
        context.call_on_fit_task_begin(**report)
        return _callbacks.EpochTasks(context, report)

    def _score_callback(self, network, X, y, settings, targets):
        view = object.__new__(type(self))
        vars(view).update(vars(self))
        view.classes_, view._multilabel = targets.classes, targets.multilabel
        view._network, view._wrapper, view._saved = network, None, None
        vars(view).pop("feature_names_in_", None)  # it gets rows that are checked already
        scorer = check_scoring(view, scoring=self.scoring)
        held_out, weights = settings.held_out, settings.weights[settings.held_out]
        weighted = isinstance(self.scoring, str) and np.ptp(weights) > 0
        options = {"sample_weight": weights} if weighted else {}
        return _callbacks.HeldOutScore(lambda: scorer(view, X[held_out], y[held_out], **options))

    def _keep(self, network, wrapper, history, targets, settings, go_on):
        """Take over what was trained; until here the estimator is as it was before."""
        wrapper.history_ = {name: list(values) for name, values in history.items()}
        n_epochs = len(history["loss"])
        self.n_iter_ = n_epochs
        stopping = [c for c in wrapper._fit_callbacks if hasattr(c, "best_epoch")]
        if self.early_stopping and stopping:
            self.best_iteration_ = int(stopping[0].best_epoch) + 1
        elif hasattr(self, "best_iteration_"):
            del self.best_iteration_
        if go_on:
            history = _joined(self.history_, history)
        wrapper._fit_callbacks = wrapper._predict_callbacks = []
        self.history_ = history
        self.classes_, self._multilabel = targets.classes, targets.multilabel
        self._seed, self._epochs_seen = settings.seed, settings.first_epoch + n_epochs
        self._n_features_out = network.model._readouts["representation"].shape[-1]
        self._own(network)
        self._wrapper = wrapper

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
        return _state.without_callbacks(_state.to_state(self, super().__getstate__()))

    def __reduce_ex__(self, protocol):
        """What pickle and copy take: the same, and the callbacks."""
        state = _state.to_state(self, super().__getstate__())
        return copyreg.__newobj__, (type(self),), state

    def __setstate__(self, state):
        super().__setstate__(_state.from_state(self, state))

    def _initial_embeddings(self):
        return None


def _run(wrapper, X, y, settings, last_epoch):
    """Let SciKeras run the epochs that are left; gives the Ctrl-C that ended them early."""
    wrapper.set_params(callbacks=[*last_epoch.others, last_epoch], batch_size=settings.batch_size)
    fit = functools.partial(
        wrapper.fit,
        X,
        y,
        settings=settings,
        epochs=last_epoch.n_left(settings.n_epochs),
        initial_epoch=settings.first_epoch + settings.n_done,
    )
    try:
        return _rescue.run(fit, last_epoch, settings.n_epochs)
    finally:
        wrapper.set_params(callbacks=None)


def _joined(before, after):
    """Both histories in a row, each list as long as all epochs."""
    blank = {id(part): [np.nan] * len(part["loss"]) for part in (before, after)}
    return {
        name: [value for part in (before, after) for value in part.get(name, blank[id(part)])]
        for name in before | after
    }


def draw_seed(random_state):
    """A seed for one fit; None draws from the operating system and touches no global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _refuse_changes(old, new):
    """A network that is trained on cannot change its form."""
    changed = [k for k in new if k != "learning_rate" and old.get(k) != new[k]]
    if changed:
        raise ValueError(
            f"warm_start and partial_fit go on with the network as it is, but {changed} changed "
            "since. Set warm_start=False and fit again, or set the parameters back."
        )
