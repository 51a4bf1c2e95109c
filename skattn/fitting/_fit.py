"""One fit: check the data, take a network, run the epochs, keep what was learned."""

import functools
import warnings

import numpy as np
from sklearn.utils import check_random_state

from skattn.engine._epochs import FitSettings
from skattn.engine._optimizers import optimizer_config
from skattn.fitting import _callbacks, _checkpoint, _interruption, _scikeras
from skattn.fitting._network_pool import POOL
from skattn.networks import _weights
from skattn.utils import _targets

DEFAULT_HELD_OUT = 0.1


def train(estimator, X, y, sample_weight, go_on, partial=False, classes=None):
    """Train an estimator's network; gives the Ctrl-C that ended it after a whole epoch, or None.

    Parameters
    ----------
    estimator : BaseNetworkClassifier
    X, y, sample_weight
        As they were handed in.
    go_on : bool
        Whether training goes on with the network that is there.
    partial : bool, default=False
        Whether this is the one epoch of `partial_fit`.
    classes : ndarray, default=None
        All classes, where `y` may lack some.
    """
    known = estimator.classes_ if go_on else classes
    X, y, targets, weights = _check_training_data(estimator, X, y, sample_weight, known, not go_on)
    seed = estimator._seed if go_on else draw_seed(estimator.random_state)
    first_epoch = estimator._epochs_seen if go_on else 0
    store = _checkpoint.NO_CHECKPOINT
    if estimator.checkpoint is not None and not partial:
        store = _checkpoint.open_for(estimator, X, targets, weights, first_epoch)
        seed = store.take_seed(seed)
    settings = FitSettings(
        weights=weights,
        held_out=np.empty(0, dtype=np.int64) if partial else _hold_out(estimator, targets, seed),
        batch_size=estimator.batch_size,
        seed=seed,
        first_epoch=first_epoch,
        n_epochs=1 if partial else estimator.epochs,
        n_done=store.n_done,
        cosine=estimator.learning_rate_schedule == "cosine" and not partial,
    )
    network = _network_to_train(estimator, X, targets, seed, go_on)
    callbacks = _callbacks.of_fit(estimator, network, X, y, settings, targets)
    last_epoch = _interruption.LastEpoch(callbacks, store.start, store.write, undoable=go_on)
    wrapper = _scikeras.wrap(network.model, targets.classes, targets.multilabel)
    name = type(estimator).__name__
    try:
        interruption = _run(wrapper, X, targets.encoded, settings, last_epoch, name)
        _refuse_divergence(estimator, last_epoch.history, network.model)
        _keep(estimator, network, wrapper, last_epoch.history, targets, settings, go_on)
    except BaseException:
        last_epoch.undo()
        raise
    estimator._keeps_optimizer = partial or estimator.warm_start
    if interruption is None:
        store.remove()
    return interruption


def _refuse_divergence(estimator, history, model):
    """Refuse a fit whose loss or weights are no numbers, and say what helps."""
    losses = history.get("loss", [])
    what = f"the loss is {losses[-1]}" if losses else ""
    if np.all(np.isfinite(losses[-1:])):  # the last steps may still have spoilt the weights
        if all(np.all(np.isfinite(weights)) for weights in model.get_weights()):
            return
        what = "weights are infinite or no numbers"
    raise ValueError(
        f"Training diverged: {what} after epoch {len(losses)}. Use a smaller learning_rate "
        f"(it is {estimator.learning_rate}), or scale the features."
    )


def _check_training_data(estimator, X, y, sample_weight, classes, reset):
    """The rows that count: X, labels, encoded targets and weights above 0."""
    if estimator.weight_averaging and estimator.early_stopping:
        raise ValueError(
            "weight_averaging=True and early_stopping=True exclude each other: the one keeps "
            "the mean of the epochs, the other the best of them. Choose one."
        )
    y, multilabel = _targets.check_targets(y, type(estimator).__name__)
    kept, weights = _targets.check_weights(sample_weight, X, y)
    targets = _targets.encode_targets(y[kept], multilabel, classes)
    weights = _targets.weigh_classes(estimator.class_weight, targets, weights)
    X, y = estimator._check_X(X, reset=reset), y[kept]
    X = X if len(kept) == X.shape[0] else X[kept]
    if not np.all(weights):  # of classes of weight 0
        X, y, weights, targets = _targets.drop_weightless(X, y, weights, targets)
    return X, y, targets, weights


def _hold_out(estimator, targets, seed):
    """The row numbers of the held-out part, maybe none."""
    fraction = estimator.validation_fraction
    if fraction is None:
        if not estimator.early_stopping:
            return np.empty(0, dtype=np.int64)
        fraction = DEFAULT_HELD_OUT
    held_out, stratified = _targets.hold_out(targets, fraction, seed)
    if not stratified:
        warnings.warn(
            "The held-out part could not be stratified, because a class has too few rows; it "
            "was drawn at random.",
            UserWarning,
            stacklevel=6,
        )
    return held_out


def _network_to_train(estimator, X, targets, seed, go_on):
    """A network with fresh weights, or the estimator's own if it goes on with it."""
    config = estimator._network_config(X) | {
        "n_outputs": targets.n_outputs,
        "multilabel": targets.multilabel,
        "optimizer": optimizer_config(estimator.optimizer),
        "learning_rate": float(estimator.learning_rate),
        "weight_decay": float(estimator.weight_decay),
        "l2": float(estimator.l2),
        "dropout": float(estimator.dropout),
        "label_smoothing": float(estimator.label_smoothing),
        "learning_rate_schedule": estimator.learning_rate_schedule,
    }
    if not go_on:
        _weights.refuse_too_large(config, estimator._build)
        network = POOL.acquire(config, estimator._build)
        _weights.initialize(network.model, seed, estimator._initial_embeddings())
    else:
        network = estimator._live_network()
        _refuse_changes(network.config, config)
        if not estimator._keeps_optimizer:
            _weights.reset_optimizer(network.model)
    _weights.set_learning_rate(network.model, config)
    return network


def _keep(estimator, network, wrapper, history, targets, settings, go_on):
    """Take over what was trained; until here the estimator is as it was before."""
    wrapper.history_ = {name: list(values) for name, values in history.items()}
    n_epochs = len(history["loss"])
    estimator.n_iter_ = n_epochs
    stopping = [c for c in wrapper._fit_callbacks if hasattr(c, "best_epoch")]
    if estimator.early_stopping and stopping:
        estimator.best_iteration_ = int(stopping[0].best_epoch) + 1
    elif hasattr(estimator, "best_iteration_"):
        del estimator.best_iteration_
    if go_on:
        history = _joined(estimator.history_, history)
    wrapper._fit_callbacks = wrapper._predict_callbacks = []
    estimator.history_ = history
    estimator.classes_, estimator._multilabel = targets.classes, targets.multilabel
    estimator._seed, estimator._epochs_seen = settings.seed, settings.first_epoch + n_epochs
    estimator._n_features_out = network.model._readouts["representation"].shape[-1]
    estimator._own(network)
    estimator._wrapper = wrapper


def _run(wrapper, X, y, settings, last_epoch, name):
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
        return _interruption.run(fit, last_epoch, settings.n_epochs, name)
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
