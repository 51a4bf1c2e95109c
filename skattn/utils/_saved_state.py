"""The state of the small estimators: a format number, and defaults for newer parameters."""

import copyreg
import inspect
import os
from numbers import Integral

from sklearn.utils._param_validation import validate_parameter_constraints

from skattn.utils._warnings import warn

FORMAT = 1  # raise it when older versions of the package cannot read what this one writes
_PATHS = ("checkpoint", "embeddings", "pretrained")  # parameters that may name files


class Pickled:
    """Marks a state that pickle or copy made: whoever loads a pickle trusts it with more.

    skops loads this class from no file, so that no file can claim to be trusted.
    """

    KEY = "_pickled"


def pickled(state):
    """The state as pickle and copy get it."""
    return state | {Pickled.KEY: Pickled}


def as_given(kind, state, check=None):
    """The state without the mark; if it has none, without paths and with valid parameters.

    A path in a stranger's file would choose what the next `fit` reads or where it writes.

    Parameters
    ----------
    kind : type
    state : dict
    check : callable, default=None
        Gets the state, and raises a ValueError if a parameter is wrong that no constraint refuses.
    """
    state = dict(state)
    if state.pop(Pickled.KEY, None) is Pickled:
        return state
    paths = [name for name in _PATHS if isinstance(state.get(name), (str, os.PathLike))]
    if paths:
        warn(
            f"This file of a {kind.__name__} names paths, which are not taken over: "
            f"{', '.join(f'{name}={str(state[name])!r:.80}' for name in paths)}. If you trust the "
            f"file, set them again: set_params({', '.join(f'{name}=...' for name in paths)})."
        )
    state |= dict.fromkeys(paths)
    refuse_hiding(kind, state)
    constraints = {
        name: allowed
        for name, allowed in getattr(kind, "_parameter_constraints", {}).items()
        if name in state and name in inspect.signature(kind).parameters
    }
    try:
        validate_parameter_constraints(constraints, state, kind.__name__)
        if check is not None:
            check(state)
    except ValueError as error:
        raise ValueError(f"This file does not hold a valid {kind.__name__}: {error}") from error
    return state


class PickledState:
    """Mixin of an estimator that tells pickle and copy, which take `__getstate__`, from skops."""

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (type(self),), pickled(self.__getstate__())


class Stored(PickledState):
    """Mixin of an estimator whose state is its attributes, checked when it is set."""

    def __getstate__(self):
        return super().__getstate__() | {"_format": FORMAT}

    def __setstate__(self, state):
        kind = type(self)
        if not isinstance(state, dict):
            raise ValueError(f"This file does not hold the state of a {kind.__name__}.")
        state = as_given(kind, state, getattr(kind, "_check_parameters", None))
        refuse_other_formats(kind, state.pop("_format", FORMAT), FORMAT)
        super().__setstate__(defaults(kind) | state)


def defaults(kind):
    """The parameters of a class that have a default, with it."""
    parameters = inspect.signature(kind).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def refuse_other_formats(kind, found, known):
    """Refuse a state that a newer version of the package wrote, or whose format is no number."""
    if not isinstance(found, Integral):
        raise ValueError(
            f"This file does not hold a valid {kind.__name__}: its format is {found!r}."
        )
    if found > known:
        raise ValueError(
            f"This {kind.__name__} was saved by a newer skattn (format {found}, this one reads up "
            f"to {known}). Install the newer version to load it."
        )


def paths_as_texts(state):
    """The state with the paths in it as texts, which is what a file may hold."""
    return {k: os.fspath(v) if isinstance(v, os.PathLike) else v for k, v in state.items()}


def refuse_hiding(kind, state):
    """Refuse a state that would replace an attribute of the class, or has keys that are no
    names."""
    hidden = [name for name in state if not isinstance(name, str) or hasattr(kind, name)]
    if hidden:
        names = ", ".join(map(str, hidden))
        raise ValueError(f"This file does not hold a valid {kind.__name__}: it replaces {names}")
