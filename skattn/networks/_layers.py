"""Small Keras layers: masks, rows reversed by length, segments, sparse rows."""

import keras
import tensorflow as tf
from keras import ops

PACKAGE = "skattn"


def glorot():
    """Glorot's initializer with a seed: an unseeded one draws from Python's global generator."""
    return keras.initializers.GlorotUniform(seed=0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenMask(keras.layers.Layer):
    """True where a token id is not padding: (batch, time) -> (batch, time)."""

    def call(self, ids):
        return ops.not_equal(ids, 0)

    def compute_output_spec(self, ids):
        return keras.KerasTensor(ids.shape, dtype="bool")


@keras.saving.register_keras_serializable(package=PACKAGE)
class WordDropout(keras.layers.Layer):
    """Replace a share of the tokens by id 1 (out of vocabulary) in training."""

    def __init__(self, rate, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, ids, training=None):
        if not training:
            return ids
        drawn = keras.random.uniform(ops.shape(ids), dtype="float32", seed=self.seed_generator)
        dropped = drawn < self.rate
        return ops.where(ops.logical_and(dropped, ids != 0), ops.ones_like(ids), ids)

    def compute_output_spec(self, ids, training=None):
        return keras.KerasTensor(ids.shape, dtype=ids.dtype)

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ExpandMask(keras.layers.Layer):
    """(batch, time) -> (batch, 1, time): every step attends to the kept steps."""

    def call(self, mask):
        return mask[:, None, :]

    def compute_output_spec(self, mask):
        return keras.KerasTensor((mask.shape[0], 1, mask.shape[1]), dtype="bool")


@keras.saving.register_keras_serializable(package=PACKAGE)
class ZeroPadding(keras.layers.Layer):
    """Set the steps outside the mask to 0, so that a convolution sees nothing there."""

    def call(self, hidden_states, mask):
        return hidden_states * ops.cast(mask, hidden_states.dtype)[:, :, None]

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class ReverseByLength(keras.layers.Layer):
    """Reverse the kept steps of each row; the padding stays on the right."""

    def call(self, hidden_states, mask):
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        return tf.reverse_sequence(hidden_states, lengths, seq_axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class AddPositions(keras.layers.Layer):
    """Add sines and cosines of each step's position (Vaswani et al. 2017, section 3.5)."""

    def call(self, hidden_states):
        width = hidden_states.shape[-1]
        positions = ops.cast(ops.arange(ops.shape(hidden_states)[1]), "float32")[:, None]
        rates = ops.exp(ops.arange(0, width, 2, dtype="float32") * (-9.21034 / width))
        angles = positions * rates  # (time, width / 2)
        waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)[:, :width]
        return hidden_states + ops.cast(waves, hidden_states.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class CutSegments(keras.layers.Layer):
    """Cut each row of token ids into segments: (batch, time) -> (batch * segments, length)."""

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, ids):
        missing = -tf.shape(ids)[1] % self.length
        return tf.reshape(tf.pad(ids, [[0, 0], [0, missing]]), [-1, self.length])

    def compute_output_spec(self, ids):
        return keras.KerasTensor((None, self.length), dtype=ids.dtype)

    def get_config(self):
        return super().get_config() | {"length": self.length}


@keras.saving.register_keras_serializable(package=PACKAGE)
class JoinSegments(keras.layers.Layer):
    """Put the segments of each row side by side: (batch * segments, width) -> \
    (batch, segments, width)."""

    def call(self, segments, ids):
        return tf.reshape(segments, [tf.shape(ids)[0], -1, segments.shape[-1]])

    def compute_output_spec(self, segments, ids):
        return keras.KerasTensor((None, None, segments.shape[-1]), dtype=segments.dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class AnyToken(keras.layers.Layer):
    """True where a segment holds a token: (batch, segments, length) -> (batch, segments)."""

    def call(self, ids):
        return ops.any(ops.not_equal(ids, 0), axis=-1)

    def compute_output_spec(self, ids):
        return keras.KerasTensor(ids.shape[:2], dtype="bool")


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpreadWeights(keras.layers.Layer):
    """A token's weight: its weight in its segment times the segment's."""

    def call(self, token_weights, segment_weights, ids):
        product = token_weights * segment_weights[:, :, None]  # (batch, segments, length)
        width = tf.shape(ids)[1]
        return tf.reshape(product, [tf.shape(ids)[0], -1])[:, :width]

    def compute_output_spec(self, token_weights, segment_weights, ids):
        return keras.KerasTensor(ids.shape, dtype=token_weights.dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SparseDense(keras.layers.Dense):
    """A dense layer that reads sparse rows and has a gradient only for the columns it read."""

    def call(self, inputs, training=None):
        if not isinstance(inputs, tf.SparseTensor):
            return super().call(inputs)
        read = tf.gather(self.kernel, inputs.indices[:, 1]) * inputs.values[:, None]
        rows = tf.cast(inputs.dense_shape[0], tf.int32)
        outputs = tf.math.unsorted_segment_sum(read, tf.cast(inputs.indices[:, 0], tf.int32), rows)
        return self.activation(outputs + self.bias)


@keras.saving.register_keras_serializable(package=PACKAGE)
class ToDense(keras.layers.Layer):
    """Sparse rows as dense ones, a batch at a time."""

    def call(self, inputs):
        if not isinstance(inputs, tf.SparseTensor):
            return inputs
        rows = tf.sparse.to_dense(tf.sparse.reorder(inputs))
        return tf.ensure_shape(rows, [None, inputs.shape[-1]])

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)
