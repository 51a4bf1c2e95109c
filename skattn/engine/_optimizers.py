"""Optimizers from names and plain values, built without importing what a configuration names.

Keras's own deserialization imports whatever module a configuration names. A configuration may
come out of a file, so classes are looked up by name here and nothing is imported.
"""

import inspect
from numbers import Real

import keras
import numpy as np

from skattn.engine._row_adam import RowAdam

_WRAPPERS = {"lossscaleoptimizer", "multioptimizer", "optimizer", "optimizermap"}
# regular expressions, which Keras searches for in the name or path of a variable
_NO_DECAY = ["bias", "beta", "gamma", "embedding/", "embeddings"]
_WHOLE = (  # settings of Adam that do more than the step of each row
    "amsgrad",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "gradient_accumulation_steps",
    "loss_scale_factor",
    "use_ema",
)


def optimizer_config(optimizer):
    """An optimizer as plain values: its name, or class name and configuration.

    Of an optimizer object only the configuration is used, never its state.
    """
    if isinstance(optimizer, type):
        raise TypeError(
            f"optimizer is the class {optimizer.__name__}. Pass an object of it, such as "
            f"{optimizer.__name__}(), or its name."
        )
    if isinstance(optimizer, dict):
        return _with_own_numbers(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    config = keras.optimizers.serialize(optimizer)["config"]
    config.pop("name", None)  # Keras numbers the objects: adam, adam_1
    return {"class_name": keras.saving.get_registered_name(type(optimizer)), "config": config}


def _with_own_numbers(value):
    """A configuration with Python's numbers in place of NumPy's, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _with_own_numbers(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_own_numbers(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def has_own_rate(optimizer):
    """Whether an optimizer, as the user gave it, brings its own learning rate."""
    optimizer = optimizer_config(optimizer)
    return isinstance(optimizer, dict) and "learning_rate" in (optimizer.get("config") or {})


def refuse_schedule(learning_rate):
    """Say where a schedule of Keras's belongs, which a number is asked for."""
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise TypeError(
            f"learning_rate must be a number, got a {type(learning_rate).__name__}. Give the "
            "schedule to an optimizer, such as optimizer=keras.optimizers.Adam(schedule), whose "
            "own learning rate wins; or use learning_rate_schedule='cosine'."
        )


def build_optimizer(optimizer, learning_rate, weight_decay=None, lazy=False):
    """A fresh Keras optimizer.

    Parameters
    ----------
    optimizer : str or dict
        A name that Keras knows, ``"lazyadam"``, or what `optimizer_config` gives, whose own
        learning rate and decay win.
    learning_rate : float
    weight_decay : float, default=None
        Decoupled decay of the kernels; tables of vectors and biases do not decay (Loshchilov &
        Hutter 2019). None: the optimizer's own, which is 0 but for AdamW.
    lazy : bool, default=False
        Whether Adam updates only those rows of a table that occur in the batch.

    Raises
    ------
    ValueError
        If Keras knows no optimizer of that name.
    """
    named = isinstance(optimizer, str)
    lazy = lazy or optimizer == "lazyadam"
    name = "adam" if optimizer == "lazyadam" else optimizer
    given = {"class_name": name, "config": {}} if named else optimizer
    try:
        built = optimizer_from(given)
    except (ValueError, TypeError) as error:
        name = given.get("class_name", given)
        raise ValueError(
            f"optimizer={name!r} cannot be built: {error}. Use a name such as 'adam', 'adamw', "
            "'sgd' or 'rmsprop', or a keras.optimizers.Optimizer object."
        ) from error
    config = built.get_config()
    if isinstance(config.get("learning_rate"), dict):  # a schedule, that is built already
        config["learning_rate"] = built._learning_rate
    own = given.get("config") or {}
    if "learning_rate" not in own:
        config["learning_rate"] = learning_rate
    own_decay = "weight_decay" in own
    decay = config.get("weight_decay") or 0.0
    if not own_decay and weight_decay is not None and weight_decay != decay:
        config["weight_decay"] = weight_decay
    plain_adam = type(built) is keras.optimizers.Adam and not any(map(config.get, _WHOLE))
    built = RowAdam(**config, lazy=lazy) if plain_adam else type(built).from_config(config)
    if not own_decay and config.get("weight_decay"):  # "adamw" decays by default
        built.exclude_from_weight_decay(var_names=_NO_DECAY)
    built._all_reduce_sum_gradients = _of_one_device
    return built


def slow_down(optimizer, variables, factor):
    """Train some variables, and let them decay, at a share of the learning rate.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
    variables : list of keras.Variable
    factor : float
    """
    slow = {optimizer._var_key(variable) for variable in variables}
    update_step = optimizer.update_step

    def share(variable):
        return factor if optimizer._var_key(variable) in slow else 1.0

    def update_at_own_rate(gradient, variable, learning_rate):
        update_step(gradient, variable, learning_rate * share(variable))

    def decay_at_own_rate(variables):
        if optimizer.weight_decay is not None:
            for variable in variables:
                if optimizer._use_weight_decay(variable):
                    rate = optimizer.learning_rate * optimizer.weight_decay * share(variable)
                    variable.assign_sub(variable * rate)

    optimizer.update_step = update_at_own_rate
    optimizer._apply_weight_decay = decay_at_own_rate


def _of_one_device(gradients_and_variables):
    """The gradients summed over all devices: there is one.

    Keras's own function defines a gradient of that sum, and TensorFlow never lets go of a graph
    in which a gradient was defined: each fit of another shape would leave its graph behind.
    """
    return [(gradient, v) for gradient, v in gradients_and_variables if gradient is not None]


def optimizer_from(given):
    """An optimizer from its class name and configuration.

    Parameters
    ----------
    given : dict
        ``class_name`` and ``config``; other keys are not read.

    Raises
    ------
    ValueError
        If Keras has no such optimizer and this process has registered none, or if the
        configuration holds more than plain values.
    """
    found, config = _class_and_config(given)
    return found.from_config(config)


def check_optimizer(given):
    """Refuse what `build_optimizer` would refuse, without building anything.

    An optimizer of Keras's is made of variables, and the first variable starts TensorFlow, whose
    threads do not survive a fork: a file is checked before that.

    Parameters
    ----------
    given : str or dict
        As for `build_optimizer`.

    Raises
    ------
    ValueError
    """
    if isinstance(given, str):
        given = {"class_name": "adam" if given == "lazyadam" else given, "config": {}}
    found, config = _class_and_config(given)
    parameters = inspect.signature(found).parameters.values()
    known = {p.name for p in parameters}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        known |= set(inspect.signature(keras.optimizers.Optimizer).parameters)
        known |= set(config) if found.__module__.partition(".")[0] != "keras" else set()
    if unknown := set(config) - known:
        raise ValueError(f"{found.__name__} has no parameters {sorted(unknown)}")


def _class_and_config(given):
    """The class of an optimizer and its checked configuration, its schedule built."""
    if not isinstance(given, dict) or not isinstance(given.get("class_name"), str):
        raise ValueError("an optimizer needs a 'class_name', and may have a 'config'")
    config = _plain(given.get("config") or {}, but="learning_rate")
    if isinstance(config.get("learning_rate"), dict):
        config["learning_rate"] = _schedule_from(config["learning_rate"])
    shipped = _classes(keras.optimizers, keras.optimizers.Optimizer)
    return _find(given["class_name"], shipped, keras.optimizers.Optimizer), config


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
        raise ValueError(f"Keras has no {base.__name__} named {name!r}")
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
