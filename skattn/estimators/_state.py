"""An estimator's state in a file: parameters, plain values and NumPy arrays, never an object.

A state may come out of a file that a stranger wrote. It is checked before any of it reaches
Keras, and no name in it is ever imported.
"""

import threading
import warnings
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from skattn.engine._optimizers import build_optimizer, optimizer_config
from skattn.networks import _weights
from skattn.networks._weights import outline
from skattn.utils._saved_state import defaults, paths_as_texts, refuse_hiding, refuse_other_formats

FORMAT = 1
RESTORE_LOCK = threading.RLock()

_MAX_EXTRA_LAYERS = 64  # encoders without weights that a file may ask for
_FITTED = {
    "classes_": np.ndarray,
    "n_features_in_": Integral,
    "n_iter_": Integral,
    "history_": dict,
    "_multilabel": (bool, np.bool_),
    "_seed": Integral,
    "_epochs_seen": Integral,
    "_n_features_out": Integral,
    "_keeps_optimizer": (bool, np.bool_),
    "_saved": dict,
}
_SIZES = ("n_outputs", "n_features")


def to_state(estimator, state):
    """The state of an estimator as plain values and arrays, callbacks left as they are.

    Parameters
    ----------
    estimator : BaseNetworkClassifier
    state : dict
        Its attributes; not changed.
    """
    state = dict(state, _format=FORMAT)
    state["optimizer"] = optimizer_config(state["optimizer"])
    if "_network" not in state:
        return state
    network = state["_network"]
    keeps_optimizer = bool(state["_keeps_optimizer"] and state["save_optimizer"])
    if network is not None:
        state["_saved"] = _weights.snapshot(network.model, network.config, keeps_optimizer)
    elif not keeps_optimizer:
        state["_saved"] = state["_saved"] | {"optimizer": None}
    state["_network"] = state["_wrapper"] = None
    state["_keeps_optimizer"] = keeps_optimizer
    return state


def without_objects(state):
    """The state without the user's callbacks, which are code (it says so), and paths as texts."""
    if state.get("callbacks"):
        warnings.warn(
            "The callbacks are not in this file, because they are code. Set them again after "
            "loading: estimator.set_params(callbacks=...).",
            UserWarning,
            stacklevel=4,
        )
    return paths_as_texts(state) | {"callbacks": None}


def from_state(estimator, state):
    """The attributes from a state, or an error that says what is wrong with it."""
    name = type(estimator).__name__
    if not isinstance(state, dict):
        raise ValueError(f"This file holds no state of a {name}.")
    state = dict(state)
    refuse_other_formats(type(estimator), state.pop("_format", FORMAT), FORMAT)
    refuse_hiding(type(estimator), state)
    newer = {k: v for k, v in defaults(type(estimator)).items() if k not in state}
    state |= newer  # parameters that are newer than the file
    try:
        if isinstance(state["optimizer"], dict):
            _check_optimizer(state["optimizer"])
        if "_network" in state or "_saved" in state:
            _check_fitted(estimator, state, newer)
    except (ValueError, TypeError) as error:
        raise ValueError(f"This file holds no sound {name}: {error}") from error
    return state


def restore(saved, acquire, build):
    """A network with the weights of a snapshot.

    The shapes are compared with those of an outline first, which takes no memory for weights: a
    small file cannot make this process ask for a huge network.

    Parameters
    ----------
    saved : dict
        As `_weights.snapshot` gives it.
    acquire : callable
        Gives a network for a configuration and a function that builds it.
    build : callable
    """
    config = dict(saved["config"])
    try:
        _compare(outline(config, build), saved["weights"])
        network = acquire(config, build)
        _weights.restore(network.model, saved)
    except Exception as error:
        raise ValueError(f"The network of this file cannot be built: {error}") from error
    return network


def _compare(model, weights):
    wanted = [(tuple(v.shape), v.dtype) for v in model.weights]
    found = [(value.shape, value.dtype.name) for value in weights]
    if wanted != found:
        raise ValueError(f"its weights are {found}, but its configuration needs {wanted}")


def _check_fitted(estimator, state, newer):
    for attribute, kind in _FITTED.items():
        if not isinstance(state.get(attribute), kind):
            raise ValueError(f"{attribute!r} is missing or of the wrong type")
    if state.get("_network") is not None or state.get("_wrapper") is not None:
        raise ValueError("it holds a network object")
    saved = state["_saved"]
    if set(saved) != {"config", "weights", "optimizer"} or not isinstance(saved["config"], dict):
        raise ValueError("it holds no configuration and weights")
    for arrays in (saved["weights"], saved["optimizer"] or []):
        if not isinstance(arrays, list) or not all(_is_numbers(array) for array in arrays):
            raise ValueError("its weights are not a list of arrays of numbers")
    if not all(np.all(np.isfinite(array)) for array in saved["weights"]):
        raise ValueError("its weights are infinite or no numbers")
    saved["config"] = newer | saved["config"]
    _check_config(estimator, saved["config"], len(saved["weights"]))
    _check_agreement(state, saved["config"])


def _is_numbers(array):
    return isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind in "fiu"


def _check_config(estimator, config, n_weights):
    """Every entry is plain, and in the range that the parameter of its name allows."""
    constraints = estimator._parameter_constraints
    for name, value in config.items():
        if name == "optimizer":
            _check_optimizer(value)
        elif name in constraints:
            allowed = constraints[name]
            value = None if not value and None in allowed else value  # 0 may stand for None
            try:
                validate_parameter_constraints({name: allowed}, {name: value}, "it")
            except InvalidParameterError as error:
                raise ValueError(str(error)) from error
    for name in _SIZES:
        if name in config and not (isinstance(config[name], Integral) and config[name] > 0):
            raise ValueError(f"{name}={config[name]!r} is not a number of columns")
    if config.get("n_layers", 1) > n_weights + _MAX_EXTRA_LAYERS:
        raise ValueError(f"n_layers={config['n_layers']}, but it has {n_weights} weights")


def _check_optimizer(given):
    """Build it as a fit would: by name, from plain values, without an import."""
    if not isinstance(given, (str, dict)):
        raise ValueError("it names no optimizer")
    build_optimizer(given, learning_rate=1e-3)


def _check_agreement(state, config):
    """What the estimator says about its columns is what the network was built for."""
    pairs = [("_multilabel", "multilabel"), ("vocabulary_size_", "vocabulary_size")]
    pairs += [("_sparse", "sparse")]
    found = [(state[own], config.get(other)) for own, other in pairs if own in state]
    found += [(len(state["classes_"]), config.get("n_outputs"))]
    if "n_features" in config:
        found += [(state["n_features_in_"], config["n_features"])]
    if any(one != other for one, other in found) or state["classes_"].ndim != 1:
        raise ValueError("its classes or its columns are not those of its network")
