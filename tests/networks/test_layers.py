"""The small Keras layers by themselves."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from skattn import AttentionPooling
from skattn.networks import _layers
from skattn.networks._layers import (
    AddPositions,
    AnyToken,
    CutSegments,
    JoinSegments,
    ReverseByLength,
    SparseDense,
    SpreadWeights,
    TokenMask,
    WordDropout,
    ZeroPadding,
)

HIDDEN = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=bool)

LAYERS = [AttentionPooling] + [
    value
    for value in vars(_layers).values()
    if inspect.isclass(value) and issubclass(value, keras.layers.Layer)
]
ARGUMENTS = {WordDropout: {"rate": 0.25}, CutSegments: {"length": 3}, SparseDense: {"units": 2}}


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_every_layer_is_registered_and_comes_back_from_its_configuration(layer):
    made = layer(**ARGUMENTS.get(layer, {}))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is layer
    assert again.get_config() == made.get_config()
    assert keras.saving.get_registered_name(layer) == f"skattn>{layer.__name__}"


def test_padding_is_masked_wherever_it_stands():
    assert TokenMask()(np.array([[0, 3, 1, 0]])).numpy().tolist() == [[False, True, True, False]]


def test_rows_are_turned_round_and_their_padding_stays():
    turned = ReverseByLength()(HIDDEN, MASK).numpy()
    np.testing.assert_array_equal(turned[0], HIDDEN[0, ::-1])
    np.testing.assert_array_equal(turned[1, :2], HIDDEN[1, 1::-1])
    np.testing.assert_array_equal(turned[1, 2:], HIDDEN[1, 2:])
    np.testing.assert_array_equal(ReverseByLength()(turned, MASK), HIDDEN)


def test_steps_outside_the_mask_become_zero():
    zeroed = ZeroPadding()(HIDDEN, MASK).numpy()
    assert not np.any(zeroed[~MASK])
    np.testing.assert_array_equal(zeroed[MASK], HIDDEN[MASK])


@pytest.mark.parametrize("width", [4, 5])
def test_positions_are_sines_and_cosines(width):
    added = AddPositions()(np.zeros((1, 6, width), dtype=np.float32)).numpy()[0]
    rates = 10_000.0 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(6)[:, None] * rates
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width]
    np.testing.assert_allclose(added, waves, atol=1e-5)


def test_words_are_dropped_in_training_only():
    ids = np.tile(np.array([[0, 5, 6, 7]]), (500, 1))
    layer = WordDropout(0.25)
    np.testing.assert_array_equal(layer(ids, training=False), ids)
    dropped = layer(ids, training=True).numpy()
    assert not np.any(dropped[:, 0])
    changed = dropped[:, 1:] != ids[:, 1:]
    assert np.all(dropped[:, 1:][changed] == 1)
    assert 0.2 < changed.mean() < 0.3


def test_segments_are_cut_and_joined_again():
    ids = np.array([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]])
    segments = CutSegments(2)(ids)
    assert segments.numpy().tolist() == [[1, 2], [3, 4], [5, 0], [6, 7], [0, 0], [0, 0]]
    joined = JoinSegments()(segments, ids)
    assert joined.shape == (2, 3, 2)
    assert AnyToken()(joined).numpy().tolist() == [[True, True, True], [True, False, False]]


def test_a_tokens_weight_is_its_own_times_its_segments():
    ids = np.ones((1, 3), dtype=np.int32)
    token_weights = np.array([[[0.25, 0.75], [1.0, 0.0]]], dtype=np.float32)
    weights = SpreadWeights()(token_weights, np.array([[0.5, 0.5]], dtype=np.float32), ids)
    np.testing.assert_allclose(weights, [[0.125, 0.375, 0.5]])


# -- sparse rows -----------------------------------------------------------------------------------


def sparse_and_dense():
    """Three rows of six features, the second empty, as a sparse tensor and as an array."""
    X = np.zeros((3, 6), dtype=np.float32)
    X[0, [1, 4]], X[2, [1, 2, 5]] = [2.0, -1.0], [0.5, 3.0, 1.0]
    return tf.sparse.from_dense(X), X


def test_the_sparse_layer_is_a_dense_layer():
    thin, X = sparse_and_dense()
    layer = SparseDense(4, activation="relu")
    layer.build((None, 6))
    layer.bias.assign(np.arange(4.0) - 1)
    kernel, bias = layer.get_weights()
    expected = np.maximum(X @ kernel + bias, 0)
    np.testing.assert_allclose(layer(thin), expected, atol=1e-6)
    np.testing.assert_allclose(layer(X), expected, atol=1e-6)


def test_the_sparse_layer_has_a_gradient_for_the_columns_it_read_only():
    thin, X = sparse_and_dense()
    layer = SparseDense(4)
    layer.build((None, 6))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(thin) ** 2)
    gradient = tape.gradient(loss, layer.kernel.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert sorted(gradient.indices.numpy().tolist()) == [1, 1, 2, 4, 5]
    outputs = X @ layer.get_weights()[0]
    np.testing.assert_allclose(tf.convert_to_tensor(gradient), X.T @ (2 * outputs), atol=1e-4)
