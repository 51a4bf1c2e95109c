"""Recurrences: an LSTM that reads one row fast, and the simple recurrent unit."""

import keras
import tensorflow as tf
from keras import ops

from skattn.networks._layers import PACKAGE, glorot


@keras.saving.register_keras_serializable(package=PACKAGE)
class LSTM(keras.layers.LSTM):
    """Keras's LSTM; TensorFlow's kernel of a whole recurrence where it predicts for one row.

    For one row the operations of Keras's loop take longer to start than to compute. For four rows
    and more, and in training, the loop was as fast as the kernel or faster; a GPU has cuDNN's.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        def loop():
            return super(LSTM, self).call(sequences, initial_state, mask, training)

        if training or initial_state is not None or mask is not None or not self._fits(sequences):
            return loop()
        return tf.cond(tf.equal(tf.shape(sequences)[0], 1), lambda: self._kernel(sequences), loop)

    def _fits(self, sequences):
        """Whether the kernel takes these numbers; of odd sizes it complains at each call."""
        even = self.units % 2 == 0 and sequences.shape[-1] % 2 == 0
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        return even and self.compute_dtype == "float32" and not on_gpu

    def _kernel(self, sequences):
        no_state = tf.zeros([1, self.units])
        no_peephole = tf.zeros([self.units])
        weights = tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)
        states = tf.raw_ops.BlockLSTM(  # not BlockLSTMV2, whose gradient is wrong
            seq_len_max=tf.shape(sequences, out_type=tf.int64)[1],
            x=tf.transpose(sequences, [1, 0, 2]),
            cs_prev=no_state,
            h_prev=no_state,
            w=_gates_in_order(weights),
            wci=no_peephole,
            wcf=no_peephole,
            wco=no_peephole,
            b=_gates_in_order(self.cell.bias),
            forget_bias=0.0,
            cell_clip=-1.0,  # none
        ).h
        return tf.transpose(states, [1, 0, 2])


def _gates_in_order(weights):
    """From Keras's order of the gates (in, forget, new, out) to the kernel's."""
    gates = tf.reshape(weights, [-1, 4, weights.shape[-1] // 4])
    return tf.reshape(tf.gather(gates, [0, 2, 1, 3], axis=1), weights.shape)


@tf.custom_gradient
def linear_recurrence(forget, update):
    """Solve ``c[t] = forget[t] * c[t - 1] + update[t]`` along axis 1, with ``c[-1] = 0``.

    By doubling: after step `k` every entry holds the sum over the `2 ** k` steps up to it, so that
    the loop runs log2(time) times over whole arrays instead of `time` times over small ones.

    Parameters
    ----------
    forget, update : tensor of shape (batch, time, units)

    Returns
    -------
    tensor of shape (batch, time, units)
    """
    state = _double(forget, update)

    def gradient(upstream):
        # db[t] = dc[t] + forget[t + 1] * db[t + 1]: the same recurrence from the other end
        turned = tf.reverse(_shift(tf.reverse(forget, [1]), 1), [1])
        d_update = tf.reverse(_double(tf.reverse(turned, [1]), tf.reverse(upstream, [1])), [1])
        return d_update * _shift(state, 1), d_update

    return state, gradient


def _double(forget, update):
    def body(offset, forget, state):
        return offset * 2, forget * _shift(forget, offset), state + forget * _shift(state, offset)

    time = tf.shape(update)[1]
    shape = update.shape
    return tf.while_loop(
        lambda offset, forget, state: offset < time,
        body,
        (tf.constant(1), forget, update),
        shape_invariants=(tf.TensorShape([]), shape, shape),
    )[2]


def _shift(values, offset):
    """Move along axis 1 by `offset` steps, zeros coming in."""
    time = tf.shape(values)[1]
    moved = tf.pad(values[:, : time - offset], [[0, 0], [offset, 0], [0, 0]])
    return tf.ensure_shape(moved, values.shape)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SimpleRecurrentUnit(keras.layers.Layer):
    """Simple recurrent unit: gates from the input alone, a state without a matrix product.

    With :math:`\\tilde x_t = W x_t`, :math:`f_t = \\sigma(W_f x_t + b_f)` and
    :math:`r_t = \\sigma(W_r x_t + b_r)`: :math:`c_t = f_t c_{t-1} + (1 - f_t) \\tilde x_t` and
    :math:`h_t = r_t \\tanh(c_t) + (1 - r_t) W_h x_t`.

    Parameters
    ----------
    units : int
        Width of the state.

    References
    ----------
    Lei et al., "Simple recurrent units for highly parallelizable recurrence", 2018, section 3.1.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = glorot()
        self.bias_initializer = keras.initializers.get("zeros")

    def build(self, input_shape):
        self.kernel = self.add_weight(
            (input_shape[-1], 4 * self.units), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(
            (2 * self.units,), initializer=self.bias_initializer, name="bias"
        )

    def call(self, inputs):
        products = ops.matmul(inputs, self.kernel)  # (batch, time, 4 * units)
        proposal, highway, gates = ops.split(products, [self.units, 2 * self.units], axis=-1)
        forget, reset = ops.split(ops.sigmoid(gates + self.bias), 2, axis=-1)
        state = linear_recurrence(forget, (1.0 - forget) * proposal)
        return reset * ops.tanh(state) + (1.0 - reset) * highway

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return super().get_config() | {"units": self.units}
