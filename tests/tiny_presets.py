"""Tiny presets of KerasHub, saved by Keras: layers of the same names as those of KerasHub 0.32."""

import functools
import json
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from tiny_models import HEADS, INNER, LAYERS, POSITIONS, WIDTH, _tokenizer

KINDS = {"bert": "Bert", "distilbert": "DistilBert", "roberta": "Roberta"}


class ReversibleEmbedding(layers.Embedding):
    """A table of the vectors of tokens; KerasHub's has a method more."""


class PositionEmbedding(layers.Layer):
    """The vectors of the first positions."""

    def __init__(self, n_positions, **kwargs):
        super().__init__(**kwargs)
        self.n_positions = n_positions

    def build(self, shape):
        self.position_embeddings = self.add_weight(shape=(self.n_positions, shape[-1]))

    def call(self, inputs):
        return ops.broadcast_to(self.position_embeddings[: inputs.shape[1]], ops.shape(inputs))


class TokenAndPositionEmbedding(layers.Layer):
    """Both, added."""

    def __init__(self, n_words, n_positions, **kwargs):
        super().__init__(**kwargs)
        self.token_embedding = ReversibleEmbedding(n_words, WIDTH)
        self.position_embedding = PositionEmbedding(n_positions)

    def call(self, ids):
        found = self.token_embedding(ids)
        return found + self.position_embedding(found)


class TransformerEncoder(layers.Layer):
    """Self-attention and two dense layers, each with a sum and a normalization."""

    def __init__(self, activation, epsilon, **kwargs):
        super().__init__(**kwargs)
        self._self_attention_layer = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
        self._self_attention_layer_norm = layers.LayerNormalization(epsilon=epsilon)
        self._feedforward_intermediate_dense = layers.Dense(INNER, activation=activation)
        self._feedforward_output_dense = layers.Dense(WIDTH)
        self._feedforward_layer_norm = layers.LayerNormalization(epsilon=epsilon)

    def call(self, x):
        x = self._self_attention_layer_norm(x + self._self_attention_layer(x, x))
        inner = self._feedforward_intermediate_dense(x)
        return self._feedforward_layer_norm(x + self._feedforward_output_dense(inner))


def build_preset(folder, kind="bert", lowercase=True, strip_accents=False):
    """Write a tiny preset into a folder; the folder, and the Keras model: ids -> its states."""
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    tokenizer = json.loads(_tokenizer(kind).to_str())["model"]
    n_words = len(tokenizer["vocab"])
    model, saved = _build(kind, n_words)
    (folder / "model.weights.h5").write_bytes(saved)
    sizes = {
        "vocabulary_size": n_words,
        "num_layers": LAYERS,
        "num_heads": HEADS,
        "hidden_dim": WIDTH,
        "intermediate_dim": INNER,
        "dropout": 0.1,
        "max_sequence_length": POSITIONS,
    }
    options = {"lowercase": lowercase, "strip_accents": strip_accents}
    for file, what, values in (
        ("config.json", "Backbone", sizes),
        ("tokenizer.json", "Tokenizer", options),
    ):
        told = {"module": "keras_hub.src.models.x", "class_name": KINDS[kind] + what}
        (folder / file).write_text(json.dumps(told | {"config": values}))
    if kind == "roberta":
        (assets / "vocabulary.json").write_text(json.dumps(tokenizer["vocab"]), "utf-8")
        (assets / "merges.txt").write_text("\n".join(map(" ".join, tokenizer["merges"])), "utf-8")
    else:
        words = sorted(tokenizer["vocab"], key=tokenizer["vocab"].get)
        (assets / "vocabulary.txt").write_text("\n".join(words) + "\n", "utf-8")
    return folder, lambda ids: np.asarray(model(ids)["states"])


@functools.cache
def _build(kind, n_words):
    """The model, with random weights that half precision holds exactly, and its file's content."""
    rng = np.random.default_rng(0)
    ids = layers.Input((6,), dtype="int32")
    if kind == "bert":
        words = ReversibleEmbedding(n_words, WIDTH)(ids)
        segments = layers.Embedding(2, WIDTH)(ops.zeros_like(ids))
        x = layers.Add()([words, PositionEmbedding(POSITIONS)(words), segments])
    else:
        x = TokenAndPositionEmbedding(n_words, POSITIONS)(ids)
    epsilon = 1e-5 if kind == "roberta" else 1e-12
    x = layers.Dropout(0.1)(layers.LayerNormalization(epsilon=epsilon)(x))
    for _ in range(LAYERS):
        x = TransformerEncoder(_gelu if kind == "bert" else "gelu", epsilon)(x)
    pooled = {"pooled": layers.Dense(WIDTH)(x[:, 0])} if kind == "bert" else {}
    model = keras.Model(ids, {"states": x} | pooled)
    for weight in model.weights:
        scale = 0.5 if "embedding" in weight.path else 1.5 / np.sqrt(WIDTH)
        value = scale * rng.normal(size=weight.shape) + weight.path.endswith("gamma")
        weight.assign(value.astype(np.float16).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras's own
        model.save_weights(Path(folder, "model.weights.h5"))
        return model, Path(folder, "model.weights.h5").read_bytes()


def _gelu(x):
    return keras.activations.gelu(x, approximate=True)
