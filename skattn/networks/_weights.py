"""The weights of a network: drawn from a seed, kept and given back, and whether they fit."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from numbers import Real

import keras
import numpy as np

from skattn.networks._transformer import TunedLayer

SURELY_FITS = 100_000_000  # weights; with fewer, the check of the memory is skipped
_ASSUMED_MEMORY = 2**36  # bytes, if the system does not report its memory
_COLUMNS = ("n_features", "vocabulary_size", "embedding_dim")


def initialize(model, seed, embeddings=None, pretrained=None):
    """Set new initial weights and a new optimizer state, which depend only on the arguments.

    Every weight is drawn by its own layer's initializer with a seed of ours: an unseeded one
    would draw from Python's global generator.
    """
    seeds = np.random.SeedSequence(seed)
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, TunedLayer):
            continue
        own = [*layer._trainable_variables, *layer._non_trainable_variables]
        for variable in own:
            if "seed_generator" not in variable.path:
                variable.assign(_draw(layer, variable, int(seeds.spawn(1)[0].generate_state(1)[0])))
    if embeddings is not None:
        model.get_layer("embedding").embeddings.assign(embeddings)
    if pretrained is not None:
        model.frozen.hold(pretrained.frozen)
        for place, weights in enumerate(pretrained.tuned):
            model.get_layer(f"tuned_{place + 1}").set_weights(weights)
    reset_optimizer(model)


def _draw(layer, variable, seed):
    """A fresh value of one variable of a layer."""
    name = variable.name.removesuffix("_kernel") if "recurrent" in variable.name else variable.name
    initializer = getattr(layer, f"{name}_initializer")
    config = initializer.get_config()
    if "seed" in config:
        initializer = type(initializer).from_config(config | {"seed": seed})
    value = np.array(initializer(variable.shape, dtype=variable.dtype))
    if variable.name == "bias" and getattr(layer, "unit_forget_bias", False):
        value[layer.units : 2 * layer.units] = 1.0
    return value


def set_learning_rate(model, config):
    """Set the learning rate of the parameters; a callback of an earlier fit may have changed it."""
    rate, optimizer = config["learning_rate"], config["optimizer"]
    if isinstance(optimizer, dict):  # its own learning rate takes precedence
        rate = (optimizer.get("config") or {}).get("learning_rate", rate)
    if isinstance(rate, Real):
        model.optimizer.learning_rate = rate


def reset_optimizer(model):
    """Set moments and steps back to what Keras begins with, keep the learning rate."""
    model.reset_optimizer()


def snapshot(model, with_optimizer):
    """The weights, and what the optimizer holds, as NumPy arrays."""
    optimizer = [v.numpy() for v in model.optimizer.variables] if with_optimizer else None
    return {"weights": model.get_weights(), "optimizer": optimizer}


def restore(model, saved):
    """Give a model the weights of a snapshot."""
    model.set_weights(saved["weights"])
    if saved["optimizer"] is None:
        reset_optimizer(model)
        return
    for variable, value in zip(model.optimizer.variables, saved["optimizer"], strict=True):
        variable.assign(value)


def outline(config, build):
    """The network without memory for its weights, to read their shapes.

    It is built in a thread of its own: Keras notes variables that wait for their values in a list
    of the thread, and gives them memory when that thread builds its next layer.
    """

    def build_outline():
        with keras.StatelessScope(initialize_variables=False):
            return build(config | {"optimizer": None})

    with ThreadPoolExecutor(1) as own_thread:
        return own_thread.submit(build_outline).result()


def refuse_too_large(config, build):
    """Raise an error if the memory is too small to train the network.

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
