"""Attention of a fitted network: on the tokens of its input, and in words what it is."""

import numpy as np

from skattn.engine._rows import TokenRows
from skattn.networks._window_attention import ROWS, share_windows


def attention_aggregate(config):
    """Say in words which attention the weights of a network on its tokens are."""
    words = "attention weights"
    if config["attention"] == "multihead":
        words = f"mean over {config['n_heads']} heads of {words}"
    if config["segment_length"]:
        words += " within segments times the weights of the segments"
    elif config["encoder"] == "conv":
        words += "; the weight of each window of words is divided among its words"
    return words


def weights_on_tokens(X, weights, fitted):
    """Attention on the states of the encoder as attention on the tokens.

    A convolution's state covers several tokens, so its weight is shared among them; with any
    other encoder each state has its token.

    Parameters
    ----------
    X : int array of shape (n_rows, n_columns)
    weights : ndarray of shape (n_rows, n_steps)
    fitted : FittedNetwork
    """
    config, model = fitted.config, fitted.model
    if config["encoder"] != "conv" or config["segment_length"]:
        return weights
    layers = [
        [
            model.get_layer(f"encoder_{layer + 1}_width_{width}").get_weights()
            for width in config["conv_widths"]
        ]
        for layer in range(config["n_layers"])
    ]
    if config.get("backbone"):
        return _share_windows_of_states(X, weights, fitted, layers)
    table = model.get_layer("embedding").get_weights()[0]
    ids = TokenRows.from_ids(X).batch(np.arange(len(X)))  # as wide as the weights
    return share_windows(weights, ids, table, layers)


def _share_windows_of_states(X, weights, fitted, layers):
    """The same over a pretrained transformer, whose states stand in for a table of vectors."""
    shared = np.zeros_like(weights)
    for first in range(0, len(X), ROWS):
        rows = slice(first, first + ROWS)
        states = fitted.read("states", X[rows])
        n_rows, n_steps, width = states.shape
        n_steps = min(n_steps, weights.shape[1])
        numbers = 1 + np.arange(n_rows * n_steps).reshape(n_rows, n_steps)
        ids = numbers * (np.arange(n_steps) < (X[rows] != 0).sum(axis=1)[:, None])
        table = np.concatenate([np.zeros((1, width)), states[:, :n_steps].reshape(-1, width)])
        shared[rows, :n_steps] = share_windows(weights[rows, :n_steps], ids, table, layers)
    return shared


def in_place(X, values):
    """Put the values of the tokens into the columns where the tokens are in X."""
    kept = X != 0
    placed = np.zeros(X.shape, dtype=np.float32)
    inside = np.arange(values.shape[1]) < kept.sum(axis=1)[:, None]
    placed[kept] = values[inside]
    return placed
