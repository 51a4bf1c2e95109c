"""Attention on a convolution's windows, shared among the tokens that the windows read."""

import numpy as np
import pytest

from skattn import AttentionTextClassifier, explain_texts, make_text_classifier
from skattn._windows import share_windows


def test_a_window_is_shared_among_its_tokens():
    weights = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(
        share_windows(weights, np.array([5]), (3,)), [[1 / 3, 1 / 3, 1 / 3, 0, 0]], rtol=1e-6
    )
    np.testing.assert_allclose(
        share_windows(weights, np.array([5]), (1, 4)), [[1 / 8, 5 / 8, 1 / 8, 1 / 8, 0]], rtol=1e-6
    )


def test_padding_gets_nothing_and_the_sums_stay():
    rng = np.random.default_rng(0)
    lengths = np.array([6, 1, 3, 0])
    weights = rng.random((4, 6)).astype(np.float32) * (np.arange(6) < lengths[:, None])
    shared = share_windows(weights, lengths, (2, 3, 4))
    assert np.all(shared[np.arange(6) >= lengths[:, None]] == 0)
    np.testing.assert_allclose(shared.sum(axis=1), weights.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_the_window_is_what_keras_reads(width):
    import keras

    layer = keras.layers.Conv1D(1, width, padding="same", kernel_initializer="ones")
    spikes = np.eye(9, dtype=np.float32)[:, :, None]  # one token each
    reads = layer(spikes).numpy()[:, :, 0].T > 0  # (step, token)
    for step in range(9):
        weights = np.eye(9, dtype=np.float32)[step : step + 1]
        shared = share_windows(weights, np.array([9]), (width,))[0]
        np.testing.assert_array_equal(shared > 0, reads[step])


def test_the_shares_are_those_of_the_network_that_was_fitted(texts_as_ids):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(encoder="conv", units=4, embedding_dim=4, epochs=1).fit(X, y)
    shared = clf._attention_on_tokens(X)
    assert np.any(shared != clf.attention_weights(X))
    clf.set_params(encoder="none", conv_widths=(1,), n_layers=2)  # for the next fit
    np.testing.assert_array_equal(clf._attention_on_tokens(X), shared)


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
    assert "windows shared among their words" in explanations[0].aggregate
    np.testing.assert_allclose([e.weights.sum() for e in explanations], 1, atol=1e-5)
