"""Optimizers as plain values: which are allowed, and how they are built again without imports.

Keras's own deserialization imports whatever module a configuration names. A configuration may
come out of a file, so classes are looked up by name here and nothing is imported.
"""

from numbers import Real

import keras

_WRAPPERS = {"lossscaleoptimizer", "multioptimizer", "optimizer", "optimizermap"}


def optimizer_from(given):
    """An optimizer from its class name and configuration.

    Parameters
    ----------
    given : dict
        ``class_name`` and ``config``; other keys are not read.

    Raises
    ------
    ValueError
        If Keras ships no such optimizer and this process has registered none, or if the
        configuration holds more than plain values.
    """
    if not isinstance(given, dict) or not isinstance(given.get("class_name"), str):
        raise ValueError("an optimizer needs a 'class_name' and a 'config'")
    config = _plain(given.get("config") or {}, but="learning_rate")
    if isinstance(config.get("learning_rate"), dict):
        config["learning_rate"] = _schedule_from(config["learning_rate"])
    shipped = _classes(keras.optimizers, keras.optimizers.Optimizer)
    return _find(given["class_name"], shipped, keras.optimizers.Optimizer).from_config(config)


def _schedule_from(given):
    base = keras.optimizers.schedules.LearningRateSchedule
    if not isinstance(given.get("class_name"), str):
        raise ValueError("a learning rate schedule needs a 'class_name' and a 'config'")
    found = _find(given["class_name"], _classes(keras.optimizers.schedules, base), base)
    return found.from_config(_plain(given.get("config") or {}))


def _classes(module, base):
    """The classes of a Keras module by lower-case name, wrappers of others left out."""
    classes = {name.lower(): value for name, value in vars(module).items() if _is_a(value, base)}
    return {name: value for name, value in classes.items() if name not in _WRAPPERS}


def _find(name, shipped, base):
    """A class that Keras ships, or one that the user's own code has registered."""
    registered = keras.saving.get_registered_object(name)
    found = registered if _is_a(registered, base) else shipped.get(name.lower())
    if found is None:
        raise ValueError(f"Keras ships no {base.__name__} named {name!r}")
    return found


def _is_a(value, base):
    return isinstance(value, type) and issubclass(value, base)


def _plain(config, but=None):
    """A copy of a configuration; an error if it holds more than numbers, texts and lists."""
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise ValueError("a configuration must be a dict with names as keys")
    for key, value in config.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        plain = all(entry is None or isinstance(entry, (Real, str)) for entry in values)
        if not plain and not (key == but and isinstance(value, dict)):
            raise ValueError(f"its {key!r} is a {type(value).__name__}, not a plain value")
    return dict(config)
