"""Attention on a convolution's windows, shared among the tokens that the windows read."""

import functools

import numpy as np
import pytest

from skattn import AttentionTextClassifier, explain_texts, make_text_classifier
from skattn.networks._window_attention import share_windows

IDS = np.array([[1, 2, 3, 4, 5]])
LENGTHS = [6, 1, 3, 0]


def layer(*widths, n_inputs=5, units=1, values=1.0):
    return [(np.full((w, n_inputs, units), values), np.zeros(units)) for w in widths]


def test_a_window_is_shared_by_what_its_tokens_add():
    table = np.diag([0.0, 1.0, 2.0, 5.0, 3.0, 1.0])[:, 1:]  # the norms of the tokens
    weights = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]])

    def shared(*layers):
        return share_windows(weights, IDS, table, layers)[0]

    np.testing.assert_allclose(shared(layer(3)), [1 / 8, 2 / 8, 5 / 8, 0, 0])
    np.testing.assert_allclose(shared(layer(2)), [0, 2 / 7, 5 / 7, 0, 0])
    root = np.sqrt(2)  # the middle token is in the states of both widths
    np.testing.assert_allclose(
        shared(layer(1, 3)), np.array([1, 2 * root, 5, 0, 0]) / (6 + 2 * root)
    )


def test_units_that_are_off_and_words_that_add_nothing_do_not_count():
    table = np.array([[0.0], [1.0], [-1.0], [3.0], [0.0], [0.0]])
    kernel = np.array([[[1.0, 1.0]], [[-1.0, 0.0]], [[1.0, -3.0]]])  # (width, input, units)
    weights = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]])
    # the tokens 1, 2, 3 add 1, 1, 3 to the first unit; the second is 1 - 9 < 0
    found = share_windows(weights, IDS, table, [[(kernel, np.zeros(2))]])
    np.testing.assert_allclose(found, [[1 / 5, 1 / 5, 3 / 5, 0, 0]])
    nothing = share_windows(weights, IDS, np.zeros((6, 1)), [[(kernel, np.zeros(2))]])
    np.testing.assert_allclose(nothing, [[1 / 3, 1 / 3, 1 / 3, 0, 0]])


@pytest.mark.parametrize("widths", [(2, 3, 4), (1,)])
def test_padding_gets_nothing_and_the_sums_stay(widths):
    rng = np.random.default_rng(0)
    kept = np.arange(6) < np.array(LENGTHS)[:, None]
    weights = rng.random((4, 6)).astype(np.float32) * kept
    ids = rng.integers(1, 9, (4, 6)) * kept
    layers = [
        [(rng.normal(size=(w, n, 4)), rng.normal(size=4)) for w in widths]
        for n in (5, 4 * len(widths))
    ]
    shared = share_windows(weights, ids, rng.normal(size=(9, 5)), layers)
    assert np.all(shared[~kept] == 0)
    assert np.all(shared >= 0)
    np.testing.assert_allclose(shared.sum(axis=1), weights.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_the_window_is_what_keras_reads(width):
    import keras

    convolution = keras.layers.Conv1D(1, width, padding="same", kernel_initializer="ones")
    spikes = np.eye(9, dtype=np.float32)[:, :, None]  # one token each
    reads = convolution(spikes).numpy()[:, :, 0].T > 0  # (step, token)
    ids = np.ones((1, 9), dtype=int)
    for step in range(9):
        weights = np.eye(9)[step : step + 1]
        shared = share_windows(weights, ids, np.ones((2, 1)), [layer(width, n_inputs=1)])[0]
        np.testing.assert_array_equal(shared > 0, reads[step])


def test_the_states_on_the_way_are_those_of_keras():
    """All attention on one step of the second layer: its states decide what each token gets."""
    import keras

    rng = np.random.default_rng(0)
    convolution = functools.partial(keras.layers.Conv1D, 4, 3, padding="same", activation="relu")
    biases = (keras.initializers.RandomNormal(seed=seed) for seed in (0, 1))
    first, second = (convolution(bias_initializer=bias) for bias in biases)
    vectors = rng.normal(size=(7, 5)).astype(np.float32)
    states = first(vectors[None]).numpy()[0]
    second(states[None])
    weights = np.eye(7, dtype=np.float32)[3:4]

    def shared(weights, vectors, *layers):
        table = np.concatenate([np.zeros_like(vectors[:1]), vectors])
        layers = [[layer.get_weights()] for layer in layers]
        return share_windows(weights, np.arange(1, 8)[None], table, layers)

    step_by_step = shared(shared(weights, states, second), vectors, first)
    np.testing.assert_allclose(shared(weights, vectors, first, second), step_by_step, rtol=1e-5)


def test_the_shares_are_those_of_the_network_that_was_fitted(texts_as_ids):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(encoder="conv", units=4, embedding_dim=4, epochs=1).fit(X, y)
    shared = clf._attention_on_tokens(X)
    assert np.any(shared != clf.attention_weights(X))
    clf.set_params(encoder="none", conv_widths=(1,), n_layers=2)  # for the next fit
    np.testing.assert_array_equal(clf._attention_on_tokens(X), shared)


def test_padding_between_the_tokens_changes_no_share(texts_as_ids):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(encoder="conv", units=4, embedding_dim=4, epochs=1)
    spread = np.zeros((len(X), 2 * X.shape[1]), dtype=X.dtype)
    spread[:, 1::2] = X
    clf.fit(spread, y)
    at_odd = clf._attention_on_tokens(spread)
    assert np.all(at_odd[:, ::2] == 0)
    left = np.concatenate([X, np.zeros_like(X)], axis=1)
    np.testing.assert_allclose(at_odd[:, 1::2], clf._attention_on_tokens(left)[:, : X.shape[1]])


@pytest.mark.slow
def test_the_recipe_puts_planted_words_first():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1200)
    texts = []
    for label in y:
        words = [f"word{i}" for i in rng.integers(0, 200, 10)]
        words[rng.integers(10)] = f"mark{label}{rng.integers(3)}"
        texts.append(" ".join(words))
    model = make_text_classifier(random_state=0).fit(texts[:1000], y[:1000])
    explanations = explain_texts(model, texts[1000:])
    first = [e.top_tokens(1)[0][0].startswith("mark") for e in explanations]
    assert np.mean(first) >= 0.9
    assert "window of words is divided among its words" in explanations[0].aggregate
    np.testing.assert_allclose([e.weights.sum() for e in explanations], 1, atol=1e-5)
