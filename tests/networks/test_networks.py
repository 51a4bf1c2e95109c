"""The networks against their equations, written out in NumPy in float64."""

import functools
import random

import keras
import numpy as np
import pytest
from scipy import sparse

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.engine._optimizers import optimizer_config
from skattn.networks._attention_pooling import AttentionPooling
from skattn.networks._encoders import CONV_WIDTHS, ENCODERS
from skattn.networks._networks import build_gated_network, build_text_network
from skattn.networks._weights import (
    initialize,
    reset_optimizer,
    restore,
    set_learning_rate,
    snapshot,
)

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

EQUATIONS = ["lstm", "bilstm", "gru", "bigru", "conv", "transformer", "none"]

SLOW = ("bigru", "bilstm")  # "gru" and "lstm" run the same code

# -- the equations ---------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    exponents = np.exp(x - x.max(axis=axis, keepdims=True))
    return exponents / exponents.sum(axis=axis, keepdims=True)


def relu(x):
    return np.maximum(x, 0)


def lstm(x, kernel, recurrent_kernel, bias):
    """Hochreiter & Schmidhuber 1997 with forget gates; the gates stand in the order i, f, c, o."""
    units = recurrent_kernel.shape[0]
    h, c, states = np.zeros(units), np.zeros(units), []
    for x_t in x:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)  # (time, units)


def gru(x, kernel, recurrent_kernel, bias):
    """Cho et al. 2014, the reset gate after the product (Keras's `reset_after=True`): z, r, h."""
    h, states = np.zeros(recurrent_kernel.shape[0]), []
    for x_t in x:
        z, r, new = np.split(x_t @ kernel + bias[0], 3)
        z_h, r_h, new_h = np.split(h @ recurrent_kernel + bias[1], 3)
        z, r = sigmoid(z + z_h), sigmoid(r + r_h)
        h = z * h + (1 - z) * np.tanh(new + r * new_h)
        states.append(h)
    return np.array(states)


def convolve(x, kernel, bias):
    """One output a step, zeros around the text; `kernel` is (width, inputs, units)."""
    width = len(kernel)
    left = (width - 1) // 2
    x = np.pad(x, [(left, width - 1 - left), (0, 0)])
    steps = len(x) - width + 1
    return relu(
        np.array([np.einsum("wi,wiu->u", x[t : t + width], kernel) for t in range(steps)]) + bias
    )


def normalize(x, gamma, beta):
    """Layer normalization with Keras's epsilon."""
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-3) * gamma + beta


def self_attention(x, *weights):
    """Vaswani et al. 2017, equation 1; kernels are (inputs, heads, width)."""
    kernels, biases = weights[0::2], weights[1::2]
    queries, keys, values = (
        np.einsum("ti,ihk->htk", x, k) + b[:, None]
        for k, b in zip(kernels[:3], biases[:3], strict=True)
    )
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[2])
    return np.einsum("htk,hko->to", softmax(scores) @ values, kernels[3]) + biases[3]


def transform(x, weights, name):
    """A block of self-attention with the normalization first."""
    kernel, bias = weights(f"{name}_input")
    x = x @ kernel + bias
    units = x.shape[1]
    angles = np.arange(len(x))[:, None] / 10_000 ** (np.arange(0, units, 2) / units)
    x = x + np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :units]
    normal = normalize(x, *weights(f"{name}_attention_norm"))
    x = x + self_attention(normal, *weights(f"{name}_self_attention"))
    normal = normalize(x, *weights(f"{name}_dense_norm"))
    (wide, wide_bias), (narrow, narrow_bias) = weights(f"{name}_wide"), weights(f"{name}_narrow")
    return x + relu(normal @ wide + wide_bias) @ narrow + narrow_bias


def encode(encoder, x, weights, name="encoder_1"):
    """The hidden states of one text from its layers' weights, by name."""
    if encoder == "none":
        return x
    if encoder == "transformer":
        return transform(x, weights, name)
    if encoder == "conv":
        widths = [weights(f"{name}_width_{width}") for width in CONV_WIDTHS]
        return np.concatenate([convolve(x, *layer) for layer in widths], axis=1)
    cell = {"lstm": lstm, "gru": gru}[encoder.removeprefix("bi")]
    if not encoder.startswith("bi"):
        return cell(x, *weights(name))
    forward = cell(x, *weights(f"{name}_forward"))
    backward = cell(x[::-1], *weights(f"{name}_backward"))[::-1]
    return np.concatenate([forward, backward], axis=1)


def attend(attention, h, weights):
    """Weighted sum of the hidden states of one text, and the weight of each step."""
    if attention == "max":
        highest = h == h.max(axis=0)
        return h.max(axis=0), (highest / highest.sum(axis=0)).mean(axis=1)
    if attention == "uniform":
        scores = np.zeros((len(h), 1))
    elif attention == "feedforward":
        kernel, bias = weights
        scores = np.tanh(h @ kernel + bias)
    elif attention == "dot":
        scores = h @ weights[0] / np.sqrt(h.shape[1])
    else:  # additive, multihead
        kernel, bias, context_vectors = weights
        scores = np.tanh(h @ kernel + bias) @ context_vectors
    alpha = softmax(scores, axis=0)  # (time, heads)
    return (alpha.T @ h).ravel(), alpha.mean(axis=1)


def text_network(model, encoder, attention, X):
    """Probabilities, attention and representation of each row of X, one text at a time."""

    def weights(name):
        return [np.float64(w) for w in model.get_layer(name).get_weights()]

    kernel, bias = weights("probabilities")
    probabilities, attentions, contexts = [], np.zeros(X.shape), []
    for ids, placed in zip(X, attentions, strict=True):
        h = encode(encoder, weights("embedding")[0][ids[ids != 0]], weights)
        context, placed[ids != 0] = attend(attention, h, weights("attention"))
        contexts.append(context)
        probabilities.append(softmax(context @ kernel + bias))
    return np.array(probabilities), attentions, np.array(contexts)


def gated_network(model, gate, gate_activation, X):
    """Probabilities, gates and representation of each row of X."""
    hidden, attention_probs, probabilities = (
        [np.float64(w) for w in model.get_layer(name).get_weights()]
        for name in ("hidden", "attention_probs", "probabilities")
    )
    activate = {"sigmoid": sigmoid, "softmax": softmax}[gate_activation]
    if gate == "inputs":
        gates = activate(X @ attention_probs[0] + attention_probs[1])
        representation = relu((X * gates) @ hidden[0] + hidden[1])
    else:
        h = relu(X @ hidden[0] + hidden[1])
        gates = activate(h @ attention_probs[0] + attention_probs[1])
        representation = h * gates
    return softmax(representation @ probabilities[0] + probabilities[1]), gates, representation


def randomize(classifier, seed=0):
    """Weights so large that every equation counts in the answer; returns the model."""
    rng, model = np.random.default_rng(seed), classifier.model_
    model.set_weights([rng.normal(scale=0.8, size=w.shape) for w in model.get_weights()])
    return model


def fit_text(**parameters):
    """A text classifier of three classes on a few texts, padded anywhere."""
    rng = np.random.default_rng(0)
    X = rng.integers(1, 11, size=(12, 9)) * (rng.random((12, 9)) < 0.7)
    X[0], X[1:, 0] = np.arange(2, 11), 5  # one full text, none empty
    settings = {"units": 3, "embedding_dim": 4, "n_heads": 2, "epochs": 1, "random_state": 0}
    classifier = AttentionTextClassifier(**settings | parameters)
    return classifier.fit(X, np.arange(12) % 3), X


@functools.cache
def _configuration(kind):
    if kind is GatedDenseClassifier:
        X = np.random.default_rng(0).normal(size=(12, 5))
        return kind(units=4, epochs=1).fit(X, np.arange(12) % 3)._fitted.config
    return fit_text(encoder="none")[0]._fitted.config


def text_config(**changes):
    """The configuration of a small text network over 11 ids, for three classes."""
    return _configuration(AttentionTextClassifier) | changes


def gated_config(**changes):
    """The configuration of a small gated network over 5 features, for three classes."""
    return _configuration(GatedDenseClassifier) | changes


# -- the text network ------------------------------------------------------------------------------


def test_every_encoder_has_its_equations_here():
    assert set(ENCODERS) == set(EQUATIONS)


@pytest.mark.parametrize(
    "encoder",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else []) for name in EQUATIONS],
)
def test_each_encoder_computes_its_equations(encoder):
    units = 4 if "lstm" in encoder else 3  # an even number, for the LSTM's kernel
    classifier, X = fit_text(encoder=encoder, units=units)
    model = randomize(classifier)
    probabilities, attention, context = text_network(model, encoder, "feedforward", X)
    np.testing.assert_allclose(classifier.predict_proba(X), probabilities, atol=1e-4)
    np.testing.assert_allclose(classifier.attention_weights(X), attention, atol=1e-4)
    np.testing.assert_allclose(classifier.transform(X), context, atol=1e-4)
    assert np.ptp(probabilities, axis=0).max() > 0.02  # 200 times the tolerance
    assert attention.max() > 0.3
    one_by_one = np.vstack([classifier.transform(X[[row]]) for row in range(len(X))])
    np.testing.assert_allclose(one_by_one, context, atol=1e-4)


@pytest.mark.parametrize("attention", ["additive", "dot", "multihead", "uniform", "max"])
def test_each_attention_computes_its_equations(attention):
    classifier, X = fit_text(encoder="none", attention=attention)
    model = randomize(classifier)
    probabilities, weights, context = text_network(model, "none", attention, X)
    np.testing.assert_allclose(classifier.predict_proba(X), probabilities, atol=1e-4)
    np.testing.assert_allclose(classifier.attention_weights(X), weights, atol=1e-4)
    np.testing.assert_allclose(classifier.transform(X), context, atol=1e-4)


@pytest.mark.parametrize(("extra", "pool"), [("max", np.max), ("mean", np.mean)])
def test_extra_pooling_joins_another_summary_over_time(extra, pool):
    classifier, X = fit_text(encoder="none", extra_pooling=extra)
    randomize(classifier)
    representation = classifier.transform(X)
    table = classifier.model_.get_layer("embedding").get_weights()[0]
    expected = [pool(table[ids[ids != 0]], axis=0) for ids in X]
    assert representation.shape == (12, 8)
    np.testing.assert_allclose(representation[:, 4:], expected, rtol=1e-5)


@pytest.mark.slow  # two LSTMs
def test_layers_of_encoders_follow_each_other():
    classifier, X = fit_text(encoder="lstm", n_layers=2)
    model = randomize(classifier)
    ids = X[3][X[3] != 0]
    h = model.get_layer("embedding").get_weights()[0][ids]
    for layer in ("encoder_1", "encoder_2"):
        h = lstm(h, *model.get_layer(layer).get_weights())
    context = attend("feedforward", h, model.get_layer("attention").get_weights())[0]
    np.testing.assert_allclose(classifier.transform(X[3:4])[0], context, atol=1e-4)


@pytest.mark.slow  # two LSTMs
def test_segments_are_attended_to_and_then_their_tokens():
    classifier, X = fit_text(encoder="lstm", segment_length=4)
    model = randomize(classifier)

    def weights(name):
        return [np.float64(w) for w in model.get_layer(name).get_weights()]

    attention = np.zeros(X.shape)
    for row, ids in enumerate(X):
        tokens = weights("embedding")[0][ids[ids != 0]]
        segments = [tokens[start : start + 4] for start in range(0, len(tokens), 4)]
        states = [encode("lstm", s, weights, "token_encoder_1") for s in segments]
        pairs = [attend("feedforward", h, weights("token_attention")) for h in states]
        states = encode("lstm", np.array([c for c, _ in pairs]), weights, "segment_encoder_1")
        context, segment_weights = attend("feedforward", states, weights("segment_attention"))
        products = [w * s for (_, w), s in zip(pairs, segment_weights, strict=True)]
        attention[row, ids != 0] = np.concatenate(products)
        np.testing.assert_allclose(classifier.transform(X[[row]])[0], context, atol=1e-4)
        found = classifier.segment_attention_weights(X)[row]
        np.testing.assert_allclose(found[: len(segments)], segment_weights, atol=1e-4)
        assert not np.any(found[len(segments) :])
    np.testing.assert_allclose(classifier.attention_weights(X), attention, atol=1e-4)


@pytest.mark.slow
def test_the_default_is_the_reference_network():
    X, y = np.array([[2, 3], [3, 0]] * 2), [0, 1] * 2
    config = AttentionTextClassifier(units=2, epochs=1).fit(X, y)._fitted.config
    assert (config["encoder"], config["attention"]) == ("lstm", "feedforward")
    model = build_text_network(text_config(encoder="lstm"))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "InputLayer",
        "Embedding",
        "TokenMask",
        "LSTM",
        "AttentionPooling",
        "Dense",
    ] or (kinds == ["InputLayer", "Embedding", "LSTM", "TokenMask", "AttentionPooling", "Dense"])
    score = model.get_layer("attention").scorers[0]
    assert (score.units, score.activation.__name__) == (1, "tanh")
    answers = model.get_layer("probabilities")
    assert (answers.units, answers.activation.__name__) == (3, "softmax")
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model.layers)


@pytest.mark.slow
def test_a_frozen_embedding_does_not_move():
    table = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
    frozen, X = fit_text(embeddings=table, embedding_trainable=False, encoder="none", epochs=3)
    free, _ = fit_text(embeddings=table, embedding_trainable=True, encoder="none", epochs=3)
    np.testing.assert_array_equal(frozen.model_.get_layer("embedding").get_weights()[0], table)
    moved = np.abs(free.model_.get_layer("embedding").get_weights()[0] - table).max(axis=1)
    assert np.all(moved[np.unique(X[X != 0])] > 0)
    assert len(frozen.model_.trainable_variables) == 4  # score and last layer: kernel and bias
    fresh = build_text_network(text_config())
    initialize(fresh, frozen._fitted.seed)
    learned = frozen.model_.get_layer("probabilities").get_weights()[0]
    assert np.abs(learned - fresh.get_layer("probabilities").get_weights()[0]).max() > 1e-4


# -- what the askers of the question wanted to know ------------------------------------------------


def test_time_distributed_dense_equals_dense():
    hidden_states = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    dense = keras.layers.Dense(1, activation="tanh")
    plain = dense(hidden_states)
    distributed = keras.layers.TimeDistributed(dense)(hidden_states)
    assert plain.shape == (2, 5, 1)
    np.testing.assert_array_equal(plain, distributed)
    pooling = AttentionPooling("feedforward")
    pooling.build((None, 5, 4))
    pooling.scorers[0].set_weights(dense.get_weights())
    np.testing.assert_allclose(
        pooling(hidden_states)[1], softmax(np.float64(distributed)[:, :, 0]), atol=1e-6
    )


def test_the_sum_over_axis_minus_two_is_the_sum_over_time():
    hidden_states = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    context, weights = AttentionPooling()(hidden_states)
    weighted = hidden_states * np.asarray(weights)[:, :, None]  # (batch, time, units)
    over_time = sum(weighted[:, t] for t in range(5))
    np.testing.assert_allclose(keras.ops.sum(weighted, axis=-2), over_time, rtol=1e-6)
    np.testing.assert_allclose(context, over_time, atol=1e-6)


# -- the gated network -----------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["hidden", "inputs"])
@pytest.mark.parametrize("gate_activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_each_gate_computes_its_equations(gate, gate_activation, container):
    X = np.random.default_rng(0).normal(size=(12, 5)) * (np.arange(60).reshape(12, 5) % 3 > 0)
    classifier = GatedDenseClassifier(
        units=4, gate=gate, gate_activation=gate_activation, epochs=1, random_state=0
    )
    classifier.fit(container(X), np.arange(12) % 3)
    model = randomize(classifier)
    expected = gated_network(model, gate, gate_activation, X)
    readouts = (classifier.predict_proba, classifier.gate_values, classifier.transform)
    for read, values in zip(readouts, expected, strict=True):
        np.testing.assert_allclose(read(container(X)), values, atol=1e-4)
    assert np.ptp(expected[0], axis=0).max() > 0.02  # 200 times the tolerance
    assert expected[1].shape == (12, 4 if gate == "hidden" else 5)


@pytest.mark.slow
def test_the_reference_gated_configuration_is_the_original_network():
    X = np.random.default_rng(0).normal(size=(40, 16))
    classifier = GatedDenseClassifier(
        units=1800, l2=0.01, epochs=20, batch_size=600, validation_fraction=0.2, random_state=0
    )
    classifier.fit(X, np.arange(40) % 7)
    model = classifier.model_
    gate, product = model.get_layer("attention_probs"), model.get_layer("attention_mul")
    assert isinstance(product, keras.layers.Multiply)
    assert (gate.units, gate.activation.__name__) == (1800, "sigmoid")
    assert model.get_layer("hidden").activation.__name__ == "relu"
    penalties = [getattr(layer, "kernel_regularizer", None) for layer in model.layers]
    assert [float(p.l2) for p in penalties if p is not None] == pytest.approx([0.01, 0.01])
    assert gate.kernel_regularizer is None
    assert model.count_params() == 16 * 1800 + 1800 + 1800**2 + 1800 + 1800 * 7 + 7
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert len(classifier.history_["val_loss"]) == classifier.n_iter_ == 20


# -- what the hyperparameters touch ----------------------------------------------------------------


def penalized(model):
    """The layers, and layers in layers, whose kernel is penalized."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    return sorted(x.name for x in layers if getattr(x, "kernel_regularizer", None) is not None)


def test_l2_touches_the_layers_that_the_docs_name():
    text = build_text_network(text_config(l2=0.5, encoder="lstm"))
    assert penalized(text) == ["attention", "probabilities", "score"]
    assert len(text.losses) == 2  # each kernel once
    gated = build_gated_network(gated_config(l2=0.5))
    assert penalized(gated) == ["hidden", "probabilities"]
    kernels = [gated.get_layer(name).get_weights()[0] for name in ("hidden", "probabilities")]
    total = sum(float(loss) for loss in gated.losses)
    assert total == pytest.approx(0.5 * sum((k**2).sum() for k in kernels), rel=1e-5)
    assert not build_gated_network(gated_config()).losses


def test_dropout_stands_where_the_docs_say():
    def places(model):
        drops = [x for x in model.layers if isinstance(x, keras.layers.Dropout)]
        return [(x.rate, x.input._keras_history.operation.name) for x in drops]

    text = build_text_network(text_config(dropout=0.25, embedding_dropout=0.5))
    assert places(text) == [(0.5, "embedding"), (0.25, "attention")]
    assert places(build_gated_network(gated_config(dropout=0.25))) == [(0.25, "attention_mul")]
    assert places(build_text_network(text_config())) == []


def test_words_are_dropped_before_the_embedding():
    model = build_text_network(text_config(word_dropout=0.25))
    layer = model.get_layer("word_dropout")
    assert layer.rate == 0.25
    assert layer.output is model.get_layer("embedding").input
    assert "word_dropout" not in [x.name for x in build_text_network(text_config()).layers]


def test_heads_are_penalized_as_much_as_the_parameter_says():
    X = np.array([[2, 3, 4], [5, 6, 0]])
    losses = []
    for penalty in (0.25, 0.5):
        config = text_config(attention="multihead", n_heads=2, head_penalty=penalty)
        model = build_text_network(config)
        initialize(model, seed=0)
        model(X)
        assert model.get_layer("attention").penalty == penalty
        losses.append(sum(map(float, model.losses)))
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-5)
    assert losses[0] > 0.01
    assert not build_text_network(text_config(attention="multihead")).losses


def test_several_labels_have_their_own_sigmoid_each():
    model = build_gated_network(gated_config(multilabel=True))
    assert model.get_layer("probabilities").activation.__name__ == "sigmoid"
    assert model.loss == "binary_crossentropy"


# -- fresh weights ---------------------------------------------------------------------------------


def test_fresh_weights_depend_on_the_seed_alone():
    model = build_text_network(text_config(encoder="bilstm", dropout=0.1))
    drawn = []
    for seed in (1, 2, 1):
        random.seed(len(drawn))
        keras.utils.get_custom_objects()
        initialize(model, seed)
        drawn.append(model.get_weights())
        model.set_weights([w + 1 for w in model.get_weights()])
    one, two, again = ([w.tobytes() for w in weights] for weights in drawn)
    assert one == again
    different = [w for w, v in zip(one, two, strict=True) if w != v]
    kernels = [w for w in drawn[0] if w.ndim == 2 and w.dtype == np.float32]
    assert len(different) == len(kernels)  # biases begin at 0, or at 1 in the forget gate
    assert len({w.tobytes() for w in kernels}) == len(kernels)


def test_fresh_weights_are_drawn_as_keras_draws_them():
    sizes = {"units": 64, "embedding_dim": 64, "vocabulary_size": 100}
    model = build_text_network(text_config(encoder="lstm", **sizes))
    own = {w.path: w.numpy() for w in model.weights}
    initialize(model, 0)
    ours = {w.path: w.numpy() for w in model.weights}
    for path, theirs in own.items():
        assert abs(ours[path].std() - theirs.std()) < 0.15 * theirs.std() + 1e-9, path
        assert abs(ours[path].mean() - theirs.mean()) < 0.05, path
    bias = ours["encoder_1/lstm_cell/bias"]
    assert bias[64:128].tolist() == [1.0] * 64  # the forget gate begins open
    recurrent = ours["encoder_1/lstm_cell/recurrent_kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-5)


def test_initializing_touches_no_global_generator():
    model = build_gated_network(gated_config())
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    initialize(model, 0)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_given_embeddings_are_the_table():
    table = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
    model = build_text_network(text_config())
    initialize(model, 0, table)
    np.testing.assert_array_equal(model.get_layer("embedding").get_weights()[0], table)


# -- the optimizer's state -------------------------------------------------------------------------


def trained():
    """A network after two epochs."""
    model = build_gated_network(gated_config())
    initialize(model, 0)
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(20, 5)).astype(np.float32), np.arange(20) % 3, epochs=2)
    return model


def optimizer_values(model):
    return [v.numpy().tolist() for v in model.optimizer.variables]


def test_a_reset_optimizer_is_as_new_but_for_its_rate():
    model = trained()
    assert int(model.optimizer.iterations) == 2
    model.optimizer.learning_rate = 0.25
    reset_optimizer(model)
    assert int(model.optimizer.iterations) == 0
    assert float(model.optimizer.learning_rate) == 0.25
    others = [v for v in model.optimizer.variables if v is not model.optimizer._learning_rate]
    assert not any(np.any(v.numpy()) for v in others)


def test_a_rate_that_a_callback_changed_is_set_back():
    for optimizer, rate in (("sgd", 0.5), (keras.optimizers.SGD(0.125), 0.125)):
        config = gated_config(optimizer=optimizer_config(optimizer), learning_rate=0.5)
        model = build_gated_network(config)
        assert float(model.optimizer.learning_rate) == rate
        model.optimizer.learning_rate = 0.0625
        set_learning_rate(model, config)
        assert float(model.optimizer.learning_rate) == rate


def test_a_restored_network_is_the_same_with_its_optimizer():
    config = gated_config()
    model, other = trained(), build_gated_network(config)
    restore(other, snapshot(model, with_optimizer=True))
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert optimizer_values(model) == optimizer_values(other)


def test_a_network_restored_without_its_optimizer_has_a_fresh_one():
    model, other = trained(), trained()
    restore(other, snapshot(model, with_optimizer=False))
    assert int(other.optimizer.iterations) == 0


def test_a_snapshot_holds_arrays():
    saved = snapshot(trained(), with_optimizer=True)
    assert all(isinstance(w, np.ndarray | np.generic) for w in saved["weights"])
    assert all(isinstance(w, np.ndarray | np.generic) for w in saved["optimizer"])
