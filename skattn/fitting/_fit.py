"""One fit: from checked data and a network's configuration to a `FittedNetwork`."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from skattn.engine._epochs import FitSettings
from skattn.engine._optimizers import has_own_rate
from skattn.engine._stages import stage
from skattn.fitting import _callbacks, _checkpoint, _interruption, _scikeras
from skattn.fitting._fitted_network import FittedNetwork
from skattn.fitting._network_pool import POOL, Lease
from skattn.networks import _weights
from skattn.networks._pretrained import Pretrained
from skattn.utils._fork import refuse_after_late_fork
from skattn.utils._targets import Targets, hold_out, times_factors
from skattn.utils._warnings import warn

DEFAULT_HELD_OUT = 0.1
_NO_ROWS = np.empty(0, dtype=np.int64)


class TrainingData(NamedTuple):
    """Checked rows that count."""

    X: np.ndarray  # or a sparse array
    y: np.ndarray  # labels as the user gave them
    targets: Targets
    weights: np.ndarray  # (n_rows,) float64, above 0
    sample_weight: np.ndarray  # (n_rows,), without the weights of the classes
    factors: np.ndarray | None = None  # (n_classes,), the weights of the classes
    n_held_out: int = 0  # rows at the end that the user gave to validate with


def rows_that_count(X, y, targets, sample_weight, factors):
    """The rows whose weight, times that of their class, is above 0.

    Parameters
    ----------
    X, y : arrays of n_rows rows
    targets : Targets
    sample_weight : ndarray of shape (n_rows,)
    factors : ndarray of shape (n_classes,) or None
        As `class_factors` gives them.

    Returns
    -------
    TrainingData
    """
    weights = times_factors(sample_weight, factors, targets)
    data = TrainingData(X, y, targets, weights, sample_weight, factors)
    if np.all(weights):
        return data
    kept = np.flatnonzero(weights)
    return data._replace(
        X=X[kept],
        y=y[kept],
        targets=targets._replace(encoded=targets.encoded[kept]),
        weights=weights[kept],
        sample_weight=sample_weight[kept],
    )


def joined(data, held_out):
    """Rows to train on, and after them rows to validate with."""
    is_sparse = sparse.issparse(data.X)
    others = held_out.X
    if sparse.issparse(others) and not is_sparse:
        others = others.toarray()
    parts = [data.X, sparse.csr_array(others) if is_sparse else others]
    encoded = [data.targets.encoded, held_out.targets.encoded]
    return data._replace(
        X=sparse.vstack(parts, format="csr") if is_sparse else np.concatenate(parts),
        y=np.concatenate([data.y, held_out.y]),
        targets=data.targets._replace(encoded=np.concatenate(encoded)),
        weights=np.concatenate([data.weights, held_out.weights]),
        sample_weight=np.concatenate([data.sample_weight, held_out.sample_weight]),
        n_held_out=len(held_out.weights),
    )


class FitRequest(NamedTuple):
    """What an estimator asks for."""

    name: str  # of the estimator, for messages
    params: dict  # its parameters
    config: dict  # of the network
    build: Callable  # configuration -> compiled network
    embeddings: np.ndarray | None  # vectors to begin with
    lent_vectors: bool
    pretrained: Pretrained | None  # weights of a transformer to begin with
    as_fitted: Callable  # FittedNetwork -> the estimator as if fitted with it, for scorers
    report_epochs: Callable | None  # FittedNetwork, n_epochs -> callback, for scikit-learn's own
    partial: bool = False  # whether this is the one epoch of `partial_fit`


def train(request, data, before=None):
    """Train a network.

    Parameters
    ----------
    request : FitRequest
    data : TrainingData
    before : FittedNetwork, default=None
        The network to go on with.

    Returns
    -------
    fitted : FittedNetwork
    interruption : KeyboardInterrupt or None
        The Ctrl-C that ended the training after a whole epoch.
    """
    refuse_after_late_fork()
    params = request.params
    seed = before.seed if before else draw_seed(params["random_state"])
    first_epoch = before.n_epochs if before else 0
    store = _checkpoint.NO_CHECKPOINT
    if params["checkpoint"] is not None and not request.partial:
        store = _checkpoint.open_for(request, data, seed, before)
        seed = store.take_seed(seed)
    settings = FitSettings(
        weights=data.weights,
        held_out=_NO_ROWS if request.partial else _hold_out(params, data, seed),
        batch_size=min(params["batch_size"], len(data.weights)),
        seed=seed,
        first_epoch=first_epoch,
        n_epochs=1 if request.partial else params["epochs"],
        n_done=store.n_done,
        weights_as_given=request.partial,  # a chunk's mean says nothing of the other chunks
        schedule="constant" if request.partial else params["learning_rate_schedule"],
        max_state_bytes=int(1e6 * params.get("cache_size", 0)),
    )
    _callbacks.refuse_two_schedules(params["callbacks"], request.config["learning_rate_schedule"])
    with stage("building the network"):
        lease = _lease_to_train(request, seed, before)
    fitted = _fitted(request, data, settings, lease, before)
    callbacks = _callbacks.of_fit(request, data, settings, fitted)
    last_epoch = _interruption.LastEpoch(callbacks, store.start, store.write)
    try:
        interruption = _run(fitted, data, settings, last_epoch, request.name)
        if what := _divergence(last_epoch, fitted.model):
            store.remove()  # nothing good can come of going on
            _refuse_divergence(params, what, last_epoch, fitted.model)
        for watch in callbacks:
            if isinstance(watch, _callbacks.RateWatch):
                watch.warn()
        fitted = _with_history(fitted, last_epoch, params["early_stopping"], before)
    except BaseException:
        lease.network.exposed = True  # half trained: it is not handed on
        raise
    if interruption is None:
        store.remove()
    return fitted, interruption


def _fitted(request, data, settings, lease, before):
    """A `FittedNetwork` without a history, which callbacks and scorers read during training."""
    targets = data.targets
    wrapper = _scikeras.wrap(lease.network.model, targets.classes, targets.multilabel)
    return FittedNetwork(
        config=lease.network.config,
        build=request.build,
        classes=data.targets.classes,
        multilabel=data.targets.multilabel,
        seed=settings.seed,
        n_epochs=settings.first_epoch,
        n_iter=0,
        history={},
        best_iteration=None,
        n_features_out=lease.network.model.readout_width("representation"),
        keeps_optimizer=request.partial or request.params["warm_start"],
        lent_vectors=request.lent_vectors,
        frozen=before.frozen if before else getattr(request.pretrained, "frozen", None),
        _lease=lease,
        _keras_classifier=wrapper,
    )


def _with_history(fitted, last_epoch, early_stopping, before):
    """Add what the epochs brought."""
    history = last_epoch.history
    whole = _joined(before.history, history) if before else history
    _scikeras.end_fit(fitted.keras_classifier, whole)
    return dataclasses.replace(
        fitted,
        n_iter=len(history["loss"]),
        n_epochs=fitted.n_epochs + len(history["loss"]),
        history=whole,
        best_iteration=last_epoch.best_iteration() if early_stopping else None,
    )


def _divergence(last_epoch, model):
    """Say which numbers of a fit are no numbers: loss, predictions or weights; "" if all are."""
    losses, scores = (last_epoch.history.get(name, [])[-1:] for name in ("loss", "val_score"))
    if not np.all(np.isfinite(losses)):
        return f"the loss is {losses[0]}"
    scored = any(isinstance(each, _callbacks.HeldOutScore) for each in last_epoch.others)
    if scored and np.any(np.isnan(scores)):
        return "predictions are infinite or NaN"
    # the last steps may have spoilt the weights, whatever the loss was
    finite = all(np.all(np.isfinite(weights)) for weights in model.get_weights())
    return "" if finite else "weights are infinite or NaN"


def _refuse_divergence(params, what, last_epoch, model):
    """Refuse a fit that has diverged, and say what helps."""
    rate = f"learning_rate (it is {params['learning_rate']})"
    if has_own_rate(params["optimizer"]):
        rate = f"learning rate in optimizer (it is {float(model.optimizer.learning_rate):g})"
    raise ValueError(
        f"Training diverged: {what} after epoch {last_epoch.n_epochs}. Use a smaller {rate}, or "
        "scale the features."
    )


def _hold_out(params, data, seed):
    """The row numbers of the held-out part, maybe none."""
    n_rows = len(data.weights)
    if data.n_held_out:
        return np.arange(n_rows - data.n_held_out, n_rows)
    fraction = params["validation_fraction"]
    if fraction is None:
        if not params["early_stopping"]:
            return _NO_ROWS
        fraction = DEFAULT_HELD_OUT
    held_out, problem = hold_out(data.targets, fraction, seed)
    if problem:
        warn(f"The validation set was drawn at random, not stratified, because {problem}.")
    return held_out


def _lease_to_train(request, seed, before):
    """A network with fresh weights, or a copy of the one before, which readers may be using."""
    config = request.config
    if before is None:
        _weights.refuse_too_large(config, request.build)
        lease = Lease(POOL.acquire(config, request.build))
        _weights.initialize(lease.network.model, seed, request.embeddings, request.pretrained)
    else:
        _refuse_changes(before.config, config)
        lease = before.copied(config)
    _weights.set_learning_rate(lease.network.model, config)
    return lease


def _run(fitted, data, settings, last_epoch, name):
    """Let SciKeras run the epochs that are left; gives the Ctrl-C that ended them early."""
    fit = functools.partial(
        _scikeras.run_epochs,
        fitted.keras_classifier,
        data.X,
        data.targets.encoded,
        callbacks=[*last_epoch.others, last_epoch],
        settings=settings,
        epochs=last_epoch.n_left(settings.n_epochs),
        initial_epoch=settings.first_epoch + settings.n_done,
    )
    return _interruption.run(fit, last_epoch, settings.n_epochs, name)


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
        # nothing else of a transformer can change
        changed = ["precision" if name == "backbone" else name for name in changed]
        raise ValueError(
            f"warm_start and partial_fit go on with the network as it is, but {changed} changed "
            "since. Set warm_start=False and fit again, or set the parameters back."
        )
