"""Adam with one kernel per variable, exact where a token occurs twice in a batch."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="skattn")
class RowAdam(keras.optimizers.Adam):
    """Keras's Adam, computed by TensorFlow's fused kernel, and right on the rows of a table.

    The gradient of a table (an embedding, or the first layer over sparse rows) is first summed by
    row, because Keras on TensorFlow would apply its parts one after the other. Then every weight
    takes the same step as with `keras.optimizers.Adam`.

    Parameters
    ----------
    *args, **settings
        As for `keras.optimizers.Adam`.
    lazy : bool, default=False
        Whether to update only those rows of a table that occur in the batch, with moments of their
        own. Other rows would otherwise keep moving with their old momentum.

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


def sum_per_row(gradient):
    """The same gradient with each row of the table named once."""
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
