"""The state of the small estimators: a format number, and defaults for newer parameters."""

import inspect
import os
from numbers import Integral

FORMAT = 1  # raise it when older versions of the package cannot read what this one writes


class Stored:
    """Mixin of an estimator whose state is its attributes, checked when it is set."""

    def __getstate__(self):
        return super().__getstate__() | {"_format": FORMAT}

    def __setstate__(self, state):
        kind = type(self)
        if not isinstance(state, dict):
            raise ValueError(f"This file does not hold the state of a {kind.__name__}.")
        state = dict(state)
        refuse_other_formats(kind, state.pop("_format", FORMAT), FORMAT)
        refuse_hiding(kind, state)
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
