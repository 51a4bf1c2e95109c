"""The Keras layers by themselves: masks, shapes, files."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from skattn import AttentionPooling, _layers
from skattn._layers import (
    SCORES,
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
    masked_softmax,
)

HIDDEN = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=bool)

# -- the masked softmax ----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e4, -1e4])
def test_the_softmax_is_exactly_zero_outside_the_mask(scale):
    scores = scale * HIDDEN[:, :, :2]
    weights = masked_softmax(scores, MASK).numpy()
    assert np.all(weights[~MASK] == 0)
    np.testing.assert_allclose(weights.sum(axis=1), [[1, 1], [1, 1], [0, 0]], atol=1e-6)
    kept = np.float64(scores[1, :2])
    exponents = np.exp(kept - kept.max(axis=0))
    np.testing.assert_allclose(weights[1, :2], exponents / exponents.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_the_gradient_of_the_softmax_is_finite_also_where_nothing_is_kept(scale):
    scores = tf.constant(scale * HIDDEN)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        answers = tf.reduce_sum(masked_softmax(scores, MASK) * HIDDEN)
    gradient = tape.gradient(answers, scores).numpy()
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[2])


# -- attention pooling -----------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
def test_attention_lies_on_the_kept_steps_alone(score):
    layer = AttentionPooling(score, heads=2)
    context, weights = (x.numpy() for x in layer(HIDDEN, mask=MASK))
    assert np.all(weights[~MASK] == 0)
    np.testing.assert_allclose(weights.sum(axis=1), [1, 1, 0], atol=1e-6)
    assert not np.any(context[2])
    shortened, short_weights = layer(HIDDEN[1:2, :2])
    np.testing.assert_allclose(context[1:2], shortened, atol=1e-6)
    np.testing.assert_allclose(weights[1:2, :2], short_weights, atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_what_stands_outside_the_mask_does_not_count(score):
    layer = AttentionPooling(score, heads=2)
    moved = np.where(MASK[:, :, None], HIDDEN, 1e3)
    for here, there in zip(layer(HIDDEN, mask=MASK), layer(moved, mask=MASK), strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("score", SCORES)
def test_the_announced_shapes_are_the_real_ones(score):
    layer = AttentionPooling(score, heads=3)
    inputs = keras.Input((None, 4))
    symbolic = layer(inputs)
    real = layer(HIDDEN)
    announced = layer.compute_output_shape((3, 5, 4))
    assert announced == tuple(tuple(x.shape) for x in real)
    assert announced[0][1:] == tuple(symbolic[0].shape[1:])


def test_a_mask_of_the_embedding_arrives_by_itself():
    ids = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
    hidden = keras.layers.LSTM(3, return_sequences=True)(hidden)
    context, weights = AttentionPooling()(hidden)
    model = keras.Model(ids, [context, weights])
    _, weights = model(np.array([[3, 4, 0, 0, 0], [5, 6, 7, 8, 1]]))
    assert weights.numpy()[0, 2:].tolist() == [0, 0, 0]
    np.testing.assert_allclose(weights.numpy().sum(axis=1), 1, atol=1e-6)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match=r"score must be one of .*'feedforward'.* got 'cosine'"):
        AttentionPooling("cosine")


def test_the_penalty_keeps_the_heads_apart():
    layer = AttentionPooling("multihead", heads=2, penalty=0.5)
    layer(HIDDEN[:1])
    scores = HIDDEN[0] @ layer.scorers[0].get_weights()[0] + layer.scorers[0].get_weights()[1]
    scores = np.tanh(scores) @ layer.scorers[1].get_weights()[0]
    a = (np.exp(scores) / np.exp(scores).sum(axis=0)).T  # (heads, time)
    assert float(layer.losses[0]) == pytest.approx(
        0.5 * ((a @ a.T - np.eye(2)) ** 2).sum(), rel=1e-4
    )
    for other in (AttentionPooling("multihead"), AttentionPooling("additive", penalty=0.5)):
        other(HIDDEN)
        assert other.losses == []


def test_the_units_of_the_projection_can_be_set():
    layer = AttentionPooling("additive", units=7)
    layer(HIDDEN)
    assert [w.shape for w in layer.get_weights()] == [(4, 7), (7,), (7, 1)]


def test_the_regularizer_acts_on_every_kernel():
    layer = AttentionPooling("multihead", kernel_regularizer=keras.regularizers.L2(0.5))
    layer(HIDDEN)
    kernels = [w for w in layer.get_weights() if w.ndim == 2]
    penalty = 0.5 * sum((kernel**2).sum() for kernel in kernels)
    assert float(sum(layer.losses)) == pytest.approx(penalty, rel=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("score", SCORES)
def test_a_model_with_the_layer_comes_back_from_a_file(score, tmp_path):
    inputs = keras.Input((None, 4))
    pooling = AttentionPooling(score, heads=2, units=3, penalty=0.1, kernel_regularizer="l2")
    model = keras.Model(inputs, pooling(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for here, there in zip(model(HIDDEN), loaded(HIDDEN), strict=True):
        np.testing.assert_array_equal(here, there)
    assert loaded.layers[-1].get_config() == pooling.get_config()


# -- the others ------------------------------------------------------------------------------------

LAYERS = [
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
