"""`AttentionPooling` by itself: weights, gradients, shapes, files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skattn import AttentionPooling
from skattn.networks._attention_pooling import SCORES, masked_softmax

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
    with pytest.raises(ValueError, match=r"'score' parameter .*'feedforward'.* Got 'cosine'"):
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


@pytest.mark.parametrize("score", ["feedforward", "additive", "dot", "multihead"])
def test_the_initializer_sets_every_kernel(score):
    layer = AttentionPooling(score, kernel_initializer=keras.initializers.Constant(0.25))
    again = AttentionPooling.from_config(layer.get_config())
    for each in (layer, again):
        each(HIDDEN)
        for weights in each.get_weights():
            assert np.all(weights == (0.25 if weights.ndim == 2 else 0))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("score", SCORES)
def test_a_model_with_the_layer_comes_back_from_a_file(score, ending, tmp_path):
    inputs = keras.Input((None, 4))
    pooling = AttentionPooling(score, heads=2, units=3, penalty=0.1, kernel_regularizer="l2")
    model = keras.Model(inputs, pooling(inputs))
    model.save(path := tmp_path / f"model.{ending}")
    loaded = keras.saving.load_model(path, safe_mode=True)
    for here, there in zip(model(HIDDEN), loaded(HIDDEN), strict=True):
        np.testing.assert_array_equal(here, there)
    assert loaded.layers[-1].get_config() == pooling.get_config()


def test_what_a_configuration_lacks_has_its_default():
    assert AttentionPooling.from_config({"units": 3}).get_config()["score"] == "feedforward"
