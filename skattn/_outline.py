"""A network's outline, without memory for its weights: their shapes, and whether they fit."""

import math
import os

import keras

SURELY_FITS = 100_000_000  # weights; fewer are not worth the time of an outline
_ASSUMED_MEMORY = 2**36  # bytes, where the system does not tell


def outline(config, build):
    """The network without memory for its weights, to read their shapes."""
    with keras.StatelessScope(initialize_variables=False):
        return build(config | {"optimizer": None})


def refuse_too_large(config, build):
    """A clear error for a network whose training would end the process for want of memory.

    Counted are the weights, and for those that are trained the two moments that Adam keeps.

    Raises
    ------
    ValueError
        If they are more than the memory of this machine.
    """
    if _roughly(config) < SURELY_FITS:
        return
    needed, memory = _bytes_to_train(config, build), _memory()
    if needed > memory:
        sizes = {k: config[k] for k in ("units", *_COLUMNS) if k in config}
        raise ValueError(
            f"This network does not fit into memory: its weights and their moments take "
            f"{needed / 2**30:,.0f} GiB, this machine has {memory / 2**30:,.0f} GiB. Its sizes "
            f"are {sizes}; make them smaller."
        )


_COLUMNS = ("n_features", "vocabulary_size", "embedding_dim")


def _roughly(config):
    """About as many weights as the largest kernel and the table of vectors have."""
    width = config.get("n_features") or config["embedding_dim"]
    widths = max(config.get("conv_widths", [1]))
    kernel = config["units"] * widths * max(width, config["units"], config.get("n_heads", 1))
    return kernel + config.get("vocabulary_size", 0) * width


def _bytes_to_train(config, build):
    if max(config["units"], *(config.get(name, 0) for name in _COLUMNS)) >= 2**31:
        return math.inf  # more than Keras can count
    model = outline(config, build)
    trained = sum(math.prod(v.shape) for v in model.trainable_weights)
    return 4 * (2 * trained + sum(math.prod(v.shape) for v in model.weights))


def _memory():
    """Bytes of memory in this machine."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on every system
        return _ASSUMED_MEMORY
