"""An estimator's state in a file: parameters, plain values and NumPy arrays, never an object.

A state may come out of a file that a stranger wrote. It is checked before any of it reaches
Keras, and no name in it is ever imported.
"""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from skattn.engine._optimizers import check_optimizer, optimizer_config
from skattn.fitting._fitted_network import FittedNetwork
from skattn.networks._pretrained import check_backbone
from skattn.utils._saved_state import (
    as_given,
    defaults,
    paths_as_texts,
    refuse_other_formats,
)
from skattn.utils._warnings import warn

FORMAT = 1

_MAX_EXTRA_LAYERS = 1000  # encoders without weights that a file may ask for
_FACTS = {
    "config": dict,
    "classes": np.ndarray,
    "multilabel": (bool, np.bool_),
    "seed": Integral,
    "n_epochs": Integral,
    "n_iter": Integral,
    "history": dict,
    "best_iteration": (Integral, type(None)),
    "n_features_out": Integral,
    "keeps_optimizer": (bool, np.bool_),
    "lent_vectors": (bool, np.bool_),
    "frozen": (list, type(None)),
    "weights": list,
    "optimizer": (list, type(None)),
}
_SIZES = ("n_outputs", "n_features")


def to_state(state):
    """The state of an estimator as plain values and arrays, callbacks left as they are.

    Parameters
    ----------
    state : dict
        The attributes of an estimator; not changed.
    """
    state = plain_parameters(state)
    if "_fitted" in state:
        state["_fitted"] = state["_fitted"].to_state(state["save_optimizer"])
    return state


def plain_parameters(state):
    """The state with its format, and with the configuration in place of an optimizer object."""
    optimizer = state["optimizer"]
    return dict(
        state,
        _format=FORMAT,
        optimizer=None if optimizer is None else optimizer_config(optimizer),
    )


def without_objects(state):
    """The state without the user's callbacks, which are code (it says so), and paths as texts."""
    ways = {"callbacks": "set_params(callbacks=...)", "_skl_callbacks": "set_callbacks(...)"}
    used = [f"estimator.{way}" for name, way in ways.items() if state.get(name)]
    if used:
        warn(
            "The callbacks are not in this file, because they are code. Set them again after "
            f"loading: {' and '.join(used)}."
        )
    kept = {k: v for k, v in state.items() if not k.startswith("_skl_callbacks")}
    return paths_as_texts(kept) | {"callbacks": None}


def from_state(estimator, state):
    """The attributes from a state, or an error that says what is wrong with it."""
    name = type(estimator).__name__
    if not isinstance(state, dict):
        raise ValueError(f"This file does not hold the state of a {name}.")
    state = as_given(type(estimator), state)
    refuse_other_formats(type(estimator), state.pop("_format", FORMAT), FORMAT)
    newer = {k: v for k, v in defaults(type(estimator)).items() if k not in state}
    state |= newer  # parameters that are newer than the file
    try:
        if isinstance(state["optimizer"], dict):
            check_optimizer_state(state["optimizer"])
        if "_fitted" in state:
            _check_fitted(estimator, state, newer)
            state["_fitted"] = FittedNetwork.from_state(state["_fitted"], estimator._build)
    except (ValueError, TypeError) as error:
        raise ValueError(f"This file does not hold a valid {name}: {error}") from error
    return state


def _check_fitted(estimator, state, newer):
    facts = state["_fitted"]
    if not isinstance(facts, dict):
        raise ValueError("it does not hold a fitted network")
    unknown = set(facts) - set(_FACTS)
    if unknown:
        raise ValueError(f"it holds {sorted(map(str, unknown))}, which no fitted network has")
    for name, kind in _FACTS.items():
        if name not in facts or not isinstance(facts[name], kind):
            raise ValueError(f"{name!r} is missing or of the wrong type")
    for arrays in (facts["weights"], facts["optimizer"] or [], facts["frozen"] or []):
        if not all(_is_numbers(array) for array in arrays):
            raise ValueError("its weights are not arrays of numbers")
    if not all(np.all(np.isfinite(a)) for a in [*facts["weights"], *(facts["frozen"] or [])]):
        raise ValueError("its weights are infinite or NaN")
    facts["config"] = newer | facts["config"]
    _check_config(estimator, facts["config"], len(facts["weights"]))
    _check_agreement(state, facts)


def _is_numbers(array):
    return isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind in "fiu"


def _check_config(estimator, config, n_weights):
    """Every entry is plain, and in the range that the parameter of its name allows."""
    constraints = estimator._parameter_constraints
    for name, value in config.items():
        if name == "optimizer":
            check_optimizer_state(value)
        elif name in constraints:
            allowed = constraints[name]
            value = None if not value and None in allowed else value  # 0 may stand for None
            try:
                validate_parameter_constraints({name: allowed}, {name: value}, "it")
            except InvalidParameterError as error:
                raise ValueError(str(error)) from error
    if "backbone" in config:
        check_backbone(config["backbone"], config.get("tuned_layers"))
    if not isinstance(config.get("sparse", False), (bool, np.bool_)):
        raise ValueError(f"sparse={config['sparse']!r} is neither True nor False")
    for name in _SIZES:
        if name in config and not (isinstance(config[name], Integral) and config[name] > 0):
            raise ValueError(f"{name}={config[name]!r} is not a number of columns")
    if config.get("n_layers", 1) > n_weights + _MAX_EXTRA_LAYERS:
        raise ValueError(f"n_layers={config['n_layers']}, but it has {n_weights} weights")


def check_optimizer_state(given):
    """Its name is known and its values are plain; it is built at first use, not at load."""
    if not isinstance(given, (str, dict)):
        raise ValueError("it does not name an optimizer")
    check_optimizer(given)


def _check_agreement(state, facts):
    """What the estimator says about its columns is what the network was built for."""
    config = facts["config"]
    found = [(facts["multilabel"], config.get("multilabel"))]
    found += [(len(facts["classes"]), config.get("n_outputs"))]
    if "n_features" in config:
        found += [(state.get("n_features_in_"), config["n_features"])]
    if any(one != other for one, other in found) or facts["classes"].ndim != 1:
        raise ValueError("its classes or its columns are not those of its network")
