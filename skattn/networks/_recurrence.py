"""An LSTM that predicts a single row fast."""

import contextlib
import contextvars

import keras
import tensorflow as tf

from skattn.networks._layers import PACKAGE

_LOOP_ONLY = contextvars.ContextVar("whether the kernel stays out of the graph", default=False)


@contextlib.contextmanager
def loop_only():
    """Do not use the fused kernel in graphs traced inside; TensorFlow warns about its gradient."""
    token = _LOOP_ONLY.set(True)
    try:
        yield
    finally:
        _LOOP_ONLY.reset(token)


@keras.saving.register_keras_serializable(package=PACKAGE)
class LSTM(keras.layers.LSTM):
    """Keras's LSTM, which uses TensorFlow's fused kernel to predict a single row.

    For one row, the operations of Keras's loop take longer to start than to compute. For four or
    more rows, and in training, the loop was at least as fast as the kernel. A GPU uses cuDNN.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        def loop():
            return super(LSTM, self).call(sequences, initial_state, mask, training)

        if training or initial_state is not None or mask is not None or not self._fits(sequences):
            return loop()
        return tf.cond(tf.equal(tf.shape(sequences)[0], 1), lambda: self._kernel(sequences), loop)

    def _fits(self, sequences):
        """Whether the kernel supports these inputs; for odd sizes it warns at each call."""
        if _LOOP_ONLY.get():
            return False
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
