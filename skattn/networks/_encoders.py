"""Encoders: embedded tokens -> hidden states, both (batch, time, units); padding is ignored.

Each is a function ``(hidden, mask, config, name) -> hidden`` in `ENCODERS`.
"""

import keras

from skattn.networks._layers import AddPositions, ExpandMask, ReverseByLength, ZeroPadding, glorot
from skattn.networks._recurrence import LSTM

TRANSFORMER_HEADS = 4
CONV_WIDTHS = (3, 4, 5)


def _recurrent(kind, bidirectional):
    def encoder(hidden, mask, config, name):
        def layer(suffix=""):
            return kind(
                config["units"],
                return_sequences=True,
                kernel_initializer=glorot(),
                recurrent_initializer=keras.initializers.Orthogonal(seed=0),
                seed=0,
                name=name + suffix,
            )

        if not bidirectional:
            return layer()(hidden)  # padding on the right comes after the last token
        forward = layer("_forward")(hidden)
        backward = ReverseByLength(name=f"{name}_reverse")(hidden, mask)
        backward = ReverseByLength(name=f"{name}_restore")(layer("_backward")(backward), mask)
        return keras.layers.Concatenate(name=name)([forward, backward])

    return encoder


def _convolution(hidden, mask, config, name):
    """Kim, "Convolutional neural networks for sentence classification", 2014, without pooling."""
    hidden = ZeroPadding(name=f"{name}_input")(hidden, mask)
    outputs = [
        keras.layers.Conv1D(
            config["units"],
            width,
            padding="same",
            data_format="channels_last",
            activation="relu",
            kernel_initializer=glorot(),
            name=f"{name}_width_{width}",
        )(hidden)
        for width in config["conv_widths"]
    ]
    return keras.layers.Concatenate(name=name)(outputs)


def _transformer(hidden, mask, config, name):
    """One block with the normalization first (Xiong et al. 2020, figure 1b)."""

    def dense(units, part, activation=None):
        return keras.layers.Dense(
            units, activation, kernel_initializer=glorot(), name=f"{name}_{part}"
        )

    units = config["units"]
    if hidden.shape[-1] != units:
        hidden = dense(units, "input")(hidden)
    hidden = AddPositions(name=f"{name}_positions")(hidden)
    normal = keras.layers.LayerNormalization(name=f"{name}_attention_norm")(hidden)
    heads = keras.layers.MultiHeadAttention(
        TRANSFORMER_HEADS,
        max(1, units // TRANSFORMER_HEADS),
        kernel_initializer=glorot(),
        seed=0,
        name=f"{name}_self_attention",
    )
    seen = ExpandMask(name=f"{name}_seen")(mask)  # (batch, 1, time)
    hidden = keras.layers.Add(name=f"{name}_attended")(
        [hidden, heads(normal, normal, attention_mask=seen)]
    )
    normal = keras.layers.LayerNormalization(name=f"{name}_dense_norm")(hidden)
    narrow = dense(units, "narrow")(dense(2 * units, "wide", "relu")(normal))
    return keras.layers.Add(name=name)([hidden, narrow])


def _none(hidden, mask, config, name):
    return hidden


ENCODERS = {
    "lstm": _recurrent(LSTM, bidirectional=False),
    "bilstm": _recurrent(LSTM, bidirectional=True),
    "gru": _recurrent(keras.layers.GRU, bidirectional=False),
    "bigru": _recurrent(keras.layers.GRU, bidirectional=True),
    "conv": _convolution,
    "transformer": _transformer,
    "none": _none,
}
