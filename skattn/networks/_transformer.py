"""Layers of pretrained transformers: those that are trained, and the frozen ones below.

A layer is the one of Vaswani et al., "Attention is all you need", 2017, with the normalization
after each sum, as BERT, DistilBERT, RoBERTa, XLM-R, ELECTRA and ALBERT have it.
"""

import weakref

import keras
import tensorflow as tf
from keras import ops

from skattn.networks._layers import PACKAGE

ACTIVATIONS = {
    "gelu": lambda x: tf.nn.gelu(x, approximate=False),
    "gelu_new": lambda x: tf.nn.gelu(x, approximate=True),
    "gelu_pytorch_tanh": lambda x: tf.nn.gelu(x, approximate=True),
    "relu": tf.nn.relu,
}
PRECISIONS = ("float32", "bfloat16")  # of the products with kernels
_SHARED = weakref.WeakValueDictionary()  # (fingerprint, tuned layers) -> _Tensors


def n_lower(backbone):
    """How many layers are below the states at which evidence begins."""
    return len(backbone["layers"]) // 3


def without_precision(backbone):
    """The configuration of a transformer itself, however it computes; None for no transformer."""
    return backbone and {name: value for name, value in backbone.items() if name != "precision"}


def layer_shapes(backbone):
    """The names and shapes of one layer's weights, in the order in which they are kept."""
    width, inner = backbone["width"], backbone["inner_width"]
    return {
        "attention_in_kernel": (width, 3 * width),  # query, key and value side by side
        "attention_in_bias": (3 * width,),
        "attention_out_kernel": (width, width),
        "attention_out_bias": (width,),
        "attention_norm_gamma": (width,),
        "attention_norm_beta": (width,),
        "dense_in_kernel": (width, inner),
        "dense_in_bias": (inner,),
        "dense_out_kernel": (inner, width),
        "dense_out_bias": (width,),
        "dense_norm_gamma": (width,),
        "dense_norm_beta": (width,),
    }


def embedding_shapes(backbone):
    """The same for the embeddings; the vectors of positions include that of the first segment."""
    width, words = backbone["width"], backbone["word_width"]
    shapes = {
        "words": (backbone["n_words"], words),
        "positions": (backbone["n_positions"], words),
        "norm_gamma": (words,),
        "norm_beta": (words,),
    }
    projected = {"projection_kernel": (words, width), "projection_bias": (width,)}
    return shapes | (projected if words != width else {})


def frozen_layers(backbone, tuned_layers):
    """The numbers of the sets of weights of the frozen layers, from the lowest layer up."""
    return backbone["layers"][: len(backbone["layers"]) - tuned_layers]


def tuned_sets(backbone, tuned_layers):
    """The same for the tuned layers; layers may share a set (ALBERT)."""
    return backbone["layers"][len(backbone["layers"]) - tuned_layers :]


def frozen_shapes(backbone, tuned_layers):
    """The shapes of all weights that stay as they are, in the order in which they are kept."""
    n_sets = len(set(frozen_layers(backbone, tuned_layers)))
    return [*embedding_shapes(backbone).values()] + n_sets * [*layer_shapes(backbone).values()]


def transformer_layer(states, mask, weights, backbone, drop, drop_attention):
    """One layer: self-attention, sum, normalization; two dense layers, sum, normalization.

    Parameters
    ----------
    states : tensor of shape (batch, time, width)
    mask : boolean tensor of shape (batch, time)
        Which states are seen.
    weights : list of tensors
        In the order of `layer_shapes`.
    backbone : dict
        The model's configuration.
    drop, drop_attention : callable
        Dropout of a sublayer's result and of the attention, or the identity.
    """
    w = dict(zip(layer_shapes(backbone), weights, strict=True))
    epsilon, precision = backbone["epsilon"], backbone["precision"]

    def dense(inputs, part):
        return _dense(inputs, w[f"{part}_kernel"], w[f"{part}_bias"], precision)

    def normalized(inputs, part):
        return _normalized(inputs, w[f"{part}_gamma"], w[f"{part}_beta"], epsilon)

    n_rows, n_steps, width = tf.shape(states)[0], tf.shape(states)[1], backbone["width"]
    flat = tf.reshape(states, [-1, width])  # (batch * time, width)
    shape = [n_rows, n_steps, 3, backbone["n_heads"], width // backbone["n_heads"]]
    mixed = _self_attention(dense(flat, "attention_in"), shape, mask, drop_attention)
    flat = normalized(flat + drop(dense(mixed, "attention_out")), "attention_norm")
    inner = ACTIVATIONS[backbone["activation"]](dense(flat, "dense_in"))
    flat = normalized(flat + drop(dense(inner, "dense_out")), "dense_norm")
    return tf.reshape(flat, [n_rows, n_steps, width])


def _self_attention(joined, shape, mask, drop):
    """Queries, keys and values (batch * time, 3 * width) -> (batch * time, width)."""
    heads = tf.transpose(tf.reshape(joined, shape), [2, 0, 3, 1, 4])
    queries, keys, values = tf.unstack(heads)  # (batch, heads, time, width of a head)
    scores = tf.matmul(queries * shape[-1] ** -0.5, keys, transpose_b=True)
    hidden = 1e9 * (1.0 - tf.cast(mask, scores.dtype))
    weights = drop(tf.nn.softmax(scores - hidden[:, None, None, :]))
    mixed = tf.transpose(tf.matmul(weights, values), [0, 2, 1, 3])
    return tf.reshape(mixed, [-1, shape[-2] * shape[-1]])


def _dense(inputs, kernel, bias, precision="float32"):
    product = tf.matmul(tf.cast(inputs, precision), tf.cast(kernel, precision))
    return tf.nn.bias_add(tf.cast(product, inputs.dtype), bias)


def _normalized(inputs, gamma, beta, epsilon):
    mean = tf.reduce_mean(inputs, axis=-1, keepdims=True)
    centred = inputs - mean
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon) * gamma + beta


def _dropout(inputs, rate, seed):
    """Dropout with 16 random bits per number, which is several times as fast as that of Keras."""
    shape, n = tf.shape(inputs), tf.size(inputs)
    drawn = tf.random.stateless_uniform(
        [(n + 1) // 2], tf.cast(seed, tf.int32), minval=None, maxval=None, dtype=tf.uint32
    )
    drawn = tf.reshape(tf.reshape(tf.bitcast(drawn, tf.uint16), [-1])[:n], shape)
    dropped = round(rate * 2**16)
    kept = tf.cast(drawn >= tf.constant(dropped, tf.uint16), inputs.dtype)
    return inputs * (kept * (2**16 / (2**16 - dropped)))


@keras.saving.register_keras_serializable(package=PACKAGE)
class TunedLayer(keras.layers.Layer):
    """One layer of a pretrained transformer, to be trained on.

    Its weights begin with those of the pretrained model; see `set_weights`.
    """

    def __init__(self, backbone, **kwargs):
        super().__init__(**kwargs)
        self.backbone = dict(backbone)
        self.seed_generator = keras.random.SeedGenerator(0)  # seeded at every epoch

    def build(self, *shapes):
        for name, shape in layer_shapes(self.backbone).items():
            self.add_weight(shape=shape, name=name, initializer="zeros")
        self.built = True

    def call(self, states, mask, training=None):
        def dropout(rate):
            if not training or not rate:
                return lambda inputs: inputs
            return lambda inputs: _dropout(inputs, rate, self.seed_generator.next())

        return transformer_layer(
            states,
            mask,
            [variable.value for variable in self.trainable_weights],
            self.backbone,
            dropout(self.backbone["dropout"]),
            dropout(self.backbone["attention_dropout"]),
        )

    def compute_output_spec(self, states, mask, training=None):
        return keras.KerasTensor(states.shape, dtype=states.dtype)

    def get_config(self):
        return super().get_config() | {"backbone": self.backbone}


@keras.saving.register_keras_serializable(package=PACKAGE)
class StatesMask(keras.layers.Layer):
    """True where there is a state: the tokens of a row and the special tokens around them."""

    def __init__(self, n_special, **kwargs):
        super().__init__(**kwargs)
        self.n_special = n_special

    def call(self, ids):
        lengths = tf.reduce_sum(tf.cast(ids != 0, tf.int32), axis=1, keepdims=True)
        return tf.range(tf.shape(ids)[1] + self.n_special) < lengths + self.n_special

    def compute_output_spec(self, ids):
        return keras.KerasTensor((ids.shape[0], None), dtype="bool")

    def get_config(self):
        return super().get_config() | {"n_special": self.n_special}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenStates(keras.layers.Layer):
    """The states of a text's own tokens, without those of the special tokens around them."""

    def __init__(self, first, **kwargs):
        super().__init__(**kwargs)
        self.first = first

    def call(self, states, ids):
        return states[:, self.first : self.first + ops.shape(ids)[1]]

    def compute_output_spec(self, states, ids):
        return keras.KerasTensor((*ids.shape, states.shape[-1]), dtype=states.dtype)

    def get_config(self):
        return super().get_config() | {"first": self.first}


class _Tensors(list):
    """A list that can be weakly referred to."""


class FrozenLayers:
    """The embeddings and the lower layers of a pretrained transformer, never trained.

    Their weights are no Keras weights but constants, which all networks of one model share.

    Parameters
    ----------
    backbone : dict
        The model's configuration.
    tuned_layers : int
        Layers above.
    """

    def __init__(self, backbone, tuned_layers):
        self.backbone, self.tuned_layers = backbone, tuned_layers
        self.n_before = len(backbone["prefix"])  # special tokens
        self.n_special = self.n_before + len(backbone["suffix"])
        self.n_layers = len(frozen_layers(backbone, tuned_layers))
        self.width = backbone["width"]
        self.tensors = None

    def hold(self, arrays):
        """Take the weights, in the order of `frozen_shapes`; all but the word table as float32."""
        if self.tensors is not None:
            return
        key = (self.backbone["fingerprint"], self.tuned_layers)
        shared = _SHARED.get(key)
        if shared is None:
            words = tf.constant(arrays[0])  # the largest: only the rows that are used are cast
            shared = _Tensors([words, *(tf.constant(a, tf.float32) for a in arrays[1:])])
            _SHARED[key] = shared
        self.tensors = shared

    def states(self, ids):
        """The states that the tuned layers read, rounded to half precision.

        A fit stores them in half precision, so predictions must use the same rounded states.

        Parameters
        ----------
        ids : int32 tensor of shape (batch, time)
            Token ids as `SequenceVectorizer` gives them, padded with 0 on the right.

        Returns
        -------
        float16 tensor of shape (batch, time + special tokens, width)
        """
        return tf.cast(self.encode(ids, self.words(ids)), tf.float16)

    def words(self, ids):
        """The vectors of the tokens and of the special tokens around them, before positions."""
        return tf.cast(tf.gather(self.tensors[0], self._model_ids(ids)), tf.float32)

    def encode(self, ids, words):
        """From the vectors of the tokens to the states below the tuned layers."""
        return self.run(ids, self.embed(ids, words))

    def embed(self, ids, words):
        """From the vectors of the tokens to the states below the first layer."""
        names = embedding_shapes(self.backbone)
        w = dict(zip(names, self.tensors, strict=False))
        places = tf.minimum(tf.range(tf.shape(words)[1]), self.backbone["n_positions"] - 1)
        states = words + tf.gather(w["positions"], places)
        states = _normalized(states, w["norm_gamma"], w["norm_beta"], self.backbone["epsilon"])
        if "projection_kernel" in names:
            flat = tf.reshape(states, [-1, self.backbone["word_width"]])
            flat = _dense(flat, w["projection_kernel"], w["projection_bias"])
            states = tf.reshape(flat, [tf.shape(ids)[0], -1, self.width])
        return states

    def run(self, ids, states, first=0, last=None):
        """From the states below layer `first` to those below layer `last`, or above all."""
        mask = StatesMask(self.n_special)(ids)
        for weights in self.weights_of_layers()[first:last]:
            states = transformer_layer(
                states, mask, weights, self.backbone, lambda x: x, lambda x: x
            )
        return states

    def weights_of_layers(self):
        """The weights of each layer, from below; layers may share theirs."""
        first, n_each = len(embedding_shapes(self.backbone)), len(layer_shapes(self.backbone))
        layers = frozen_layers(self.backbone, self.tuned_layers)
        starts = {n: first + i * n_each for i, n in enumerate(dict.fromkeys(layers))}
        return [self.tensors[starts[n] : starts[n] + n_each] for n in layers]

    def _model_ids(self, ids):
        """The model's own ids, with its special tokens around each text."""
        prefix, suffix = self.backbone["prefix"], self.backbone["suffix"]
        ends = len(prefix) + tf.reduce_sum(tf.cast(ids != 0, tf.int32), axis=1, keepdims=True)
        own = tf.where(ids > 1, ids - 2, self.backbone["unknown"])
        own = tf.pad(own, [[0, 0], [len(prefix), len(suffix)]])
        places = tf.range(tf.shape(own)[1])[None, :]
        for place, number in enumerate(prefix):
            own = tf.where(places == place, number, own)
        for place, number in enumerate(suffix):
            own = tf.where(places == ends + place, number, own)
        return own
