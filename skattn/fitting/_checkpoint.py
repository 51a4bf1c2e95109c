"""Training that survives the death of its process: the state after each epoch, in a file.

A checkpoint is a plain ``.npz`` of numbers and one JSON text; nothing in it is code. Its name is
the fingerprint of estimator and data, so that one folder serves all fits of a search, and a fit
never goes on from another one's epoch.
"""

import contextlib
import functools
import hashlib
import json
import tempfile
from numbers import Real
from pathlib import Path

import numpy as np
from scipy import sparse

from skattn.engine._optimizers import optimizer_config
from skattn.fitting._interruption import EpochEnd
from skattn.networks._transformer import without_precision
from skattn.utils._files import replacing
from skattn.utils._warnings import warn

FORMAT = 1
_NO_MATTER = {"callbacks", "checkpoint", "random_state", "save_optimizer", "verbose", "warm_start"}


class NoCheckpoint:
    """Used in place of a checkpoint where none is asked for."""

    start = write = None
    n_done = 0

    def remove(self):
        """Nothing is there."""


NO_CHECKPOINT = NoCheckpoint()


def open_for(request, data, seed, before):
    """The checkpoint of a fit, in the folder that the estimator names.

    If an earlier process has left one, a warning says from which epoch the fit goes on.
    """
    checkpoint = Checkpoint(request.params["checkpoint"], fingerprint(request, data, seed, before))
    if checkpoint.n_done:
        warn(
            f"fit goes on after epoch {checkpoint.n_done} of {request.params['epochs']}, from the "
            f"checkpoint {checkpoint.path}."
        )
    return checkpoint


class Checkpoint:
    """One fit's file in a folder.

    Parameters
    ----------
    folder : str or os.PathLike
        Made if it is not there.
    name : str
        Of the file, without its ending.

    Raises
    ------
    OSError
        If nothing can be written into the folder.
    ValueError
        If there is a file and it is damaged.
    """

    def __init__(self, folder, name):
        self.path = Path(folder) / f"{name}.npz"
        with _clear_errors(self.path):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.path.parent):
                    pass
            except ValueError as error:  # NUL, or half a character
                raise ValueError(f"checkpoint={str(folder)!r} cannot name a folder.") from error
        self.seed, self.start = self._read()
        self.n_done = self.start.n_epochs if self.start else 0

    def take_seed(self, seed):
        """The seed of the fit that goes on, or else the given one."""
        self.seed = seed if self.seed is None else self.seed
        return self.seed

    def _read(self):
        """The seed and the last whole epoch of a fit that did not end; None without a file."""
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return _unpack({name: arrays[name] for name in arrays.files})
        except FileNotFoundError:
            return None, None
        except Exception as error:  # whatever damage makes zipfile, NumPy and JSON raise
            raise ValueError(
                f"The checkpoint {self.path} cannot be read: {error}. Delete it to train anew."
            ) from error

    def write(self, state):
        """Replace the file in one step: a reader, or a later process, sees the old or the new."""
        with _clear_errors(self.path), replacing(self.path) as file:
            np.savez(file, **_pack(self.seed, state))

    def remove(self):
        """Forget the checkpoint of a fit that came to its end."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def fingerprint(request, data, seed, before):
    """A name for one fit, equal only for the same parameters, data and beginning.

    Parameters
    ----------
    request : FitRequest
    data : TrainingData
    seed : int
        Does not matter where ``random_state`` is None.
    before : FittedNetwork or None
        The network to go on with.
    """
    digest = hashlib.blake2b(digest_size=10)
    settings = {
        name: _plain(optimizer_config(value) if name == "optimizer" else value)
        for name, value in request.params.items()
        if name not in _NO_MATTER
    }
    if request.embeddings is not None:
        table = np.ascontiguousarray(request.embeddings)
        settings["embeddings"] = hashlib.blake2b(table).hexdigest()
    if request.pretrained is not None:
        settings["backbone"] = without_precision(request.pretrained.backbone)
    if before is not None or request.params["random_state"] is not None:
        settings["seed"] = seed
    X = data.X
    first_epoch = 0 if before is None else before.n_epochs
    settings |= {"format": FORMAT, "first_epoch": first_epoch, "shape": list(X.shape)}
    settings["n_held_out"] = data.n_held_out
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    parts = [X.data, X.indices, X.indptr] if sparse.issparse(X) else [X]
    parts += [] if before is None else before.model.get_weights()
    for array in [*parts, data.targets.encoded, data.weights, data.sample_weight]:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    digest.update(repr(data.targets.classes.tolist()).encode())
    return f"{request.name}-{digest.hexdigest()}"


def _plain(value):
    """A parameter as JSON can hold it; what differs in a way that matters is not equal."""
    if isinstance(value, dict):
        return {repr(_python(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, functools.partial):
        return [_plain(value.func), repr(value.args), _plain(value.keywords)]
    if not callable(value):
        return value
    names = _names(value)
    if (code := getattr(value, "__code__", None)) is not None:  # two lambdas have one name
        constants = [each for each in code.co_consts if not hasattr(each, "co_code")]
        inside = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        inside = [_names(each) if callable(each) else repr(each) for each in inside]
        return [*names, code.co_code.hex(), code.co_names, repr(constants), inside]
    return [*names, str(type(value)), _plain(getattr(value, "__dict__", {}))]


def _names(value):
    return [getattr(value, name, "") for name in ("__module__", "__qualname__")]


def _python(key):
    return key.item() if isinstance(key, np.generic) else key


# -- a state as arrays and one JSON text -----------------------------------------------------


def _pack(seed, state):
    arrays = {}
    plain = {
        "format": FORMAT,
        "seed": int(seed),
        "n_epochs": state.n_epochs,
        "stopped": state.stopped,
        "history": {name: _numbers(name, values) for name, values in state.history.items()},
        "weights": _set_aside(state.weights, arrays),
        "optimizer": _set_aside(state.optimizer, arrays),
        "memories": [
            {name: _pack_value(value, arrays) for name, value in memory.items()}
            for memory in state.memories
        ],
    }
    arrays["state"] = np.frombuffer(json.dumps(plain).encode(), dtype=np.uint8)
    return arrays


def _numbers(name, values):
    strangers = [value for value in values if not isinstance(value, Real)]
    if strangers:
        raise ValueError(
            f"The logs of an epoch hold {name}={strangers[0]!r:.60}, put there by a callback; "
            "with a checkpoint they must hold numbers only."
        )
    return [float(value) for value in values]


def _set_aside(values, arrays):
    """Put a list of arrays into the dict; their names in it."""
    names = [f"array_{len(arrays) + i}" for i in range(len(values))]
    arrays.update(zip(names, map(np.asarray, values), strict=True))
    return names


def _pack_value(value, arrays):
    if isinstance(value, list):
        return {"arrays": _set_aside(value, arrays)}
    return value if value is None or isinstance(value, int) else float(value)


def _unpack(arrays):
    plain = json.loads(arrays["state"].tobytes())
    if plain["format"] != FORMAT:
        raise ValueError(f"it is of format {plain['format']}, this skattn reads {FORMAT}")
    history = {name: _numbers(name, values) for name, values in plain["history"].items()}
    n_epochs, seed = int(plain["n_epochs"]), int(plain["seed"])
    if n_epochs != len(history["loss"]) or not n_epochs or seed < 0:
        raise ValueError(f"it holds {len(history['loss'])} losses of {n_epochs} epochs")
    state = EpochEnd(
        n_epochs=n_epochs,
        weights=[arrays[name] for name in plain["weights"]],
        optimizer=[arrays[name] for name in plain["optimizer"]],
        history=history,
        memories=[
            {name: _unpack_value(value, arrays) for name, value in memory.items()}
            for memory in plain["memories"]
        ],
        stopped=bool(plain["stopped"]),
    )
    return seed, state


def _unpack_value(value, arrays):
    return [arrays[name] for name in value["arrays"]] if isinstance(value, dict) else value


# -- the disk --------------------------------------------------------------------------------


@contextlib.contextmanager
def _clear_errors(path):
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"The checkpoint cannot be written ({error.strerror}); the estimator is as it was "
            "before fit. Free some space or give another folder as `checkpoint`",
            str(path),
        ) from error
