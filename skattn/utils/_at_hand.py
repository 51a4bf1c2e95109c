"""What one part of a computation leaves at hand for another."""

import contextlib
import contextvars
import weakref

import numpy as np

WORD_VECTORS, TOKENIZER = "word vectors", "tokenizer"  # what can be noted of token ids
OWN_WORDS = "own words"  # instead of a pretrained model's tokenizer
_NOTED = {}  # (id of the array, since arrays cannot be keys; what) -> (the array, the value)
_RESULTS = contextvars.ContextVar("results of `once`", default=None)


def note(ids, what, value=True):
    """Note of these ids that they have word vectors, or which tokenizer made them."""
    owner = _owner(ids)
    key = id(owner), what
    _NOTED[key] = weakref.ref(owner, lambda _: _NOTED.pop(key, None)), value


def noted(ids, what):
    """What was noted of this very array, of what it is part of, or of a frame's array; or None."""
    owner = _owner(np.asarray(ids) if hasattr(ids, "iloc") else ids)
    array, value = _NOTED.get((id(owner), what), (lambda: None, None))
    return value if owner is not None and array() is owner else None


def _owner(array):
    """The array whose memory an array shows."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


@contextlib.contextmanager
def results_at_hand():
    """Inside, `once` computes nothing twice; the results are dropped at the end."""
    token = _RESULTS.set({} if _RESULTS.get() is None else _RESULTS.get())
    try:
        yield
    finally:
        _RESULTS.reset(token)


def is_remembered():
    """Whether `once` keeps results."""
    return _RESULTS.get() is not None


def once(owner, name, X, compute):
    """The result of ``compute()``, or an earlier one of the same owner, name and input.

    Parameters
    ----------
    owner : object
        What computes; it must not change in the meantime.
    name : str
    X : list of str or ndarray
    compute : callable

    Returns
    -------
    result : object
        Do not change it in place.
    """
    results = _RESULTS.get()
    if results is None:
        return compute()
    key = (id(owner), name, _key(X))
    if key not in results:
        results[key] = owner, X, compute()  # held, so that no other object gets their ids
    return results[key][2]


def _key(X):
    if isinstance(X, list) and all(isinstance(text, str) for text in X):
        return tuple(X)
    if isinstance(X, np.ndarray) and not X.dtype.hasobject:
        return X.shape, X.dtype.str, X.tobytes()
    return id(X)
