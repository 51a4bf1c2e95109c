"""Adam in one kernel a variable, exact where a token stands twice in a batch."""

import keras
import tensorflow as tf

from skattn._layers import PACKAGE
from skattn._optimizer_configs import optimizer_from


@keras.saving.register_keras_serializable(package=PACKAGE)
class RowAdam(keras.optimizers.Adam):
    """Keras's Adam, computed by TensorFlow's fused kernel, and right on the rows of a table.

    The gradient of a table (an embedding, or the first layer over sparse rows) is summed per row
    first, since Keras on TensorFlow would apply its parts one by one. Then every weight takes the
    step of `keras.optimizers.Adam`.

    Parameters
    ----------
    *args, **settings
        As for `keras.optimizers.Adam`.
    lazy : bool, default=False
        Whether only those rows of a table move that stand in the batch, with their own moments;
        a row that does not would otherwise drift on with its old momentum.

    References
    ----------
    Kingma & Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.
    """

    def __init__(self, *args, lazy=False, **settings):
        super().__init__(*args, **settings)
        self.lazy = lazy

    def get_config(self):
        return super().get_config() | {"lazy": self.lazy}

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        step = tf.cast(self.iterations.value + 1, tf.float32)  # once for all variables
        self._powers = [tf.pow(beta, step) for beta in (self.beta_1, self.beta_2)]
        super()._backend_update_step(grads, trainable_variables, learning_rate)
        del self._powers

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        moments = [self._momentums[index].value, self._velocities[index].value]
        powers = [tf.cast(power, variable.dtype) for power in self._powers]
        rate = tf.cast(learning_rate, variable.dtype)
        if self.lazy and isinstance(gradient, tf.IndexedSlices):
            self._update_rows(gradient, variable, moments, powers, rate)
        else:  # a dense gradient of slices sums them per row
            gradient = tf.convert_to_tensor(gradient)
            self._update_all(gradient, variable, moments, powers, rate)

    def _update_all(self, gradient, variable, moments, powers, rate):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=rate,
            beta1=tf.cast(self.beta_1, variable.dtype),
            beta2=tf.cast(self.beta_2, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )

    def _update_rows(self, gradient, variable, moments, powers, rate):
        gradient = sum_per_row(gradient)
        rows, values = gradient.indices, gradient.values
        m, v = (tf.gather(moment, rows) for moment in moments)
        m += (values - m) * (1 - self.beta_1)
        v += (tf.square(values) - v) * (1 - self.beta_2)
        alpha = rate * tf.sqrt(1 - powers[1]) / (1 - powers[0])
        moments[0].scatter_update(tf.IndexedSlices(m, rows))
        moments[1].scatter_update(tf.IndexedSlices(v, rows))
        variable.scatter_sub(tf.IndexedSlices(m * alpha / (tf.sqrt(v) + self.epsilon), rows))


_WHOLE = (  # settings of Adam that look at whole gradients or variables before the step
    "amsgrad",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "gradient_accumulation_steps",
    "loss_scale_factor",
    "use_ema",
)


_TABLE = ["embedding/", "embeddings"]  # of the vectors: by path, and by name
_RESTLESS = ("Ftrl", "ScheduleFreeAdamW")  # move variables whose gradient is 0


def sum_per_row(gradient):
    """The same gradient with each row of the table named once."""
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def optimizer_config(optimizer):
    """An optimizer as plain values: its name, or class name and configuration.

    Of an optimizer object only the configuration is used, never its state.
    """
    if isinstance(optimizer, type):
        raise TypeError(
            f"optimizer is the class {optimizer.__name__}. Pass an object of it, such as "
            f"{optimizer.__name__}(), or its name."
        )
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    return {
        "class_name": keras.saving.get_registered_name(type(optimizer)),
        "config": keras.optimizers.serialize(optimizer)["config"],
    }


def refuse_schedule(learning_rate):
    """Say where a schedule of Keras's belongs, which a number is asked for."""
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise TypeError(
            f"learning_rate must be a number, got a {type(learning_rate).__name__}. Give the "
            "schedule to an optimizer, such as optimizer=keras.optimizers.Adam(schedule), whose "
            "own learning rate wins; or use learning_rate_schedule='cosine'."
        )


def build_optimizer(optimizer, learning_rate, weight_decay=0.0, lazy=False, frozen_epochs=0):
    """A fresh Keras optimizer.

    Parameters
    ----------
    optimizer : str or dict
        A name that Keras knows, ``"lazyadam"``, or what `optimizer_config` gives, whose own
        learning rate wins.
    learning_rate : float
        For an optimizer given by name.
    weight_decay : float, default=0.0
        Decoupled decay of the kernels, for an optimizer given by name; tables of vectors and
        biases do not decay (Loshchilov & Hutter 2019).
    lazy : bool, default=False
        Whether Adam moves only the rows of a table that stand in the batch.
    frozen_epochs : int, default=0
        Above 0 the table of vectors does not decay under an optimizer object either.

    Raises
    ------
    ValueError
        If Keras knows no optimizer of that name, or if it cannot leave a table frozen.
    """
    named = isinstance(optimizer, str)
    lazy = lazy or optimizer == "lazyadam"
    name = "adam" if optimizer == "lazyadam" else optimizer
    given = {"class_name": name, "config": {}} if named else optimizer
    try:
        built = optimizer_from(given)
    except (ValueError, TypeError) as error:
        name = given.get("class_name")
        raise ValueError(
            f"optimizer={name!r} cannot be built: {error}. Use a name such as 'adam', 'adamw', "
            "'sgd' or 'rmsprop', or a keras.optimizers.Optimizer object."
        ) from error
    config = built.get_config()
    if isinstance(config.get("learning_rate"), dict):  # a schedule, that is built already
        config["learning_rate"] = built._learning_rate
    if named:
        config["learning_rate"] = learning_rate
        if weight_decay:
            config["weight_decay"] = weight_decay
    if frozen_epochs and type(built).__name__ in _RESTLESS:
        raise ValueError(
            f"optimizer={type(built).__name__!r} moves vectors whose gradient is 0, so that "
            "frozen_epochs cannot keep them. Use another optimizer, such as 'adam', or "
            "frozen_epochs=0."
        )
    plain_adam = type(built) is keras.optimizers.Adam and not any(map(config.get, _WHOLE))
    built = RowAdam(**config, lazy=lazy) if plain_adam else type(built).from_config(config)
    if named and config.get("weight_decay"):  # "adamw" decays by default
        built.exclude_from_weight_decay(var_names=["bias", "beta", "gamma", *_TABLE])
    elif frozen_epochs:
        built.exclude_from_weight_decay(var_names=_TABLE)
    return built
