"""An estimator's state in a file: parameters, plain values and NumPy arrays, never an object."""

import threading

from skattn import _networks

FORMAT = 1
RESTORE_LOCK = threading.RLock()


def to_state(estimator, state):
    """The state of an estimator as plain values and arrays.

    Parameters
    ----------
    estimator : BaseNetworkClassifier
    state : dict
        Its attributes; not changed.
    """
    state = dict(state)
    state["optimizer"] = _networks.optimizer_config(state["optimizer"])
    if "_network" not in state:
        return state
    network = state["_network"]
    if network is not None:
        keeps_optimizer = state["_keeps_optimizer"] and state["save_optimizer"]
        state["_saved"] = _networks.snapshot(network.model, network.config, keeps_optimizer)
        state["_keeps_optimizer"] = keeps_optimizer
    state["_network"] = state["_wrapper"] = None
    state["_format"] = FORMAT
    return state


def from_state(estimator, state):
    """The attributes from a state, or an error if it is from another world."""
    version = state.pop("_format", FORMAT)
    if version > FORMAT:
        raise ValueError(
            f"This {type(estimator).__name__} was saved by a newer skattn (format {version}, this "
            f"one reads up to {FORMAT}). Install the newer version to load it."
        )
    return state
