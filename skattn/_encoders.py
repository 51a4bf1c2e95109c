"""Encoders: embedded tokens -> hidden states, both (batch, time, units); padding stays unseen.

Each is a function ``(hidden, mask, config, name) -> hidden`` in `ENCODERS`.
"""

import keras

from skattn._layers import ReverseByLength, ZeroPadding

CONV_WIDTHS = (3, 4, 5)  # Kim, "Convolutional neural networks for sentence classification", 2014


def _recurrent(kind, bidirectional):
    def encoder(hidden, mask, config, name):
        def layer(suffix=""):
            return kind(config["units"], return_sequences=True, name=name + suffix)

        if not bidirectional:
            return layer()(hidden)  # padding on the right comes after the last token
        forward = layer("_forward")(hidden)
        backward = ReverseByLength(name=f"{name}_reverse")(hidden, mask)
        backward = ReverseByLength(name=f"{name}_restore")(layer("_backward")(backward), mask)
        return keras.layers.Concatenate(name=name)([forward, backward])

    return encoder


def _convolution(hidden, mask, config, name):
    hidden = ZeroPadding(name=f"{name}_input")(hidden, mask)
    outputs = [
        keras.layers.Conv1D(
            config["units"], width, padding="same", activation="relu", name=f"{name}_width_{width}"
        )(hidden)
        for width in CONV_WIDTHS
    ]
    return keras.layers.Concatenate(name=name)(outputs)


def _none(hidden, mask, config, name):
    return hidden


ENCODERS = {
    "lstm": _recurrent(keras.layers.LSTM, bidirectional=False),
    "bilstm": _recurrent(keras.layers.LSTM, bidirectional=True),
    "gru": _recurrent(keras.layers.GRU, bidirectional=False),
    "bigru": _recurrent(keras.layers.GRU, bidirectional=True),
    "conv": _convolution,
    "none": _none,
}
