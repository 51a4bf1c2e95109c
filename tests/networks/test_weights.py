"""Networks that do not fit into memory are refused before they take any."""

import contextlib
import gc
import weakref

import keras
import numpy as np
import pytest
from scipy import sparse

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.networks import _weights
from skattn.networks._networks import build_gated_network

IDS = np.array([[2, 3, 0], [4, 5, 6]] * 6)
ROWS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
LABELS = ["a", "b"] * 6
WIDE = sparse.coo_array((np.ones(12), (range(12), np.arange(12) * 200_000_000)), (12, 3 * 10**9))


@pytest.mark.parametrize(
    "sizes",
    [
        {"units": 10**9},
        {"encoder": "conv", "units": 10, "conv_widths": (10**9,)},
        {"encoder": "transformer", "units": 10**6},
        {"segment_length": 2, "units": 10**6},
        {"attention": "multihead", "n_heads": 10**9, "units": 100},
        {"encoder": "none", "embedding_dim": 10**9},
        {"encoder": "none", "vocabulary_size": 10**9, "embedding_dim": 100},
        {"encoder": "none", "vocabulary_size": 2**70},
    ],
    ids=str,
)
def test_a_network_of_texts_that_no_machine_holds(sizes):
    clf = AttentionTextClassifier(embedding_dim=2).set_params(**sizes)
    with pytest.raises(ValueError, match=r"does not fit into memory: .* make them smaller"):
        clf.fit(IDS, LABELS)
    assert not clf.__sklearn_is_fitted__()


@pytest.mark.parametrize(("units", "X"), [(10**9, ROWS), (2**70, ROWS), (2, WIDE)])
def test_a_network_of_features_that_no_machine_holds(units, X):
    with pytest.raises(ValueError, match="does not fit into memory"):
        GatedDenseClassifier(units=units).fit(X, LABELS)


def test_a_tower_of_layers_is_refused_before_it_is_built():
    with pytest.raises(ValueError, match="n_layers"):
        AttentionTextClassifier(n_layers=2**40).fit(IDS, LABELS)


def test_what_fits_is_trained(monkeypatch):
    monkeypatch.setattr(_weights, "SURELY_FITS", 0)
    clf = GatedDenseClassifier(units=2, epochs=1).fit(ROWS, LABELS)
    n_weights = sum(weights.size for weights in clf.model_.get_weights())
    monkeypatch.setattr(_weights, "_memory", lambda: 3 * 4 * n_weights)  # weights, two moments
    GatedDenseClassifier(units=2, epochs=1).fit(ROWS, LABELS)
    monkeypatch.setattr(_weights, "_memory", lambda: 3 * 4 * n_weights - 1)
    with pytest.raises(ValueError, match="does not fit"):
        GatedDenseClassifier(units=2, epochs=1).fit(ROWS, LABELS)


def test_a_table_that_is_not_trained_has_no_moments(monkeypatch):
    monkeypatch.setattr(_weights, "SURELY_FITS", 0)
    sizes = {"encoder": "none", "embedding_dim": 50, "epochs": 1, "embedding_trainable": False}
    monkeypatch.setattr(_weights, "_memory", lambda: 2 * 4 * 7 * 50 + 4 * 200)
    AttentionTextClassifier(**sizes).fit(IDS, LABELS)


def test_the_memory_of_this_machine_is_known_or_assumed(monkeypatch):
    assert 2**28 < _weights._memory() < 2**50
    monkeypatch.delattr(_weights.os, "sysconf", raising=False)
    assert _weights._memory() == 2**36


@pytest.mark.parametrize("refused", [False, True])
def test_an_outline_leaves_nothing_behind(refused):
    kept = []

    def build(config):
        model = build_gated_network(config)
        kept.extend(map(weakref.ref, model.weights))
        if refused:
            raise ValueError("refused")
        return model

    config = GatedDenseClassifier(units=2, epochs=1).fit(ROWS, LABELS)._fitted.config
    with pytest.raises(ValueError, match="refused") if refused else contextlib.nullcontext():
        _weights.outline(config, build)
    keras.layers.Lambda(lambda x: x * 2)(keras.Input((3,)))  # gives memory to what still waits
    gc.collect()
    assert kept
    assert not any(weight() for weight in kept)
