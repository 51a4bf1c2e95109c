"""States of frozen layers: kept for a fit while they fit into the limit, each text's once."""

import numpy as np
import pytest
import tensorflow as tf

from skattn import AttentionTextClassifier
from skattn.engine import _model
from skattn.engine._frozen_states import with_kept_states
from skattn.engine._resident_rows import as_rows

TEXTS = np.array([[5, 6, 7], [8, 0, 0], [5, 6, 7], [9, 4, 0]])


class Frozen:
    """Layers whose states are the ids themselves, between a special token 0 on either side."""

    n_special, width = 2, 3

    def states(self, ids):
        around = tf.cast(tf.pad(ids, [[0, 0], [1, 1]]), tf.float16)
        return tf.tile(around[:, :, None], [1, 1, self.width])


def test_states_are_kept_up_to_the_limit_and_not_beyond():
    rows = as_rows(TEXTS, "tokens")
    n_bytes = (5 + 3 + 4) * Frozen.width * 2  # of three distinct texts, in half precision
    assert with_kept_states(rows, Frozen(), n_bytes - 1) is rows
    kept = with_kept_states(rows, Frozen(), n_bytes)
    assert kept.states.nbytes == n_bytes
    assert kept.starts[0] == kept.starts[2]
    for text, start in zip(TEXTS, kept.starts, strict=True):
        expected = [0, *text[text != 0], 0]
        found = kept.states[start : start + len(expected)]
        np.testing.assert_array_equal(found, np.repeat(expected, 3).reshape(-1, 3))


@pytest.mark.slow
def test_the_limit_of_a_fit_is_cache_size_in_megabytes(tmp_path, monkeypatch):
    pytest.importorskip("safetensors")
    from tiny_models import build_model

    limits = []

    def spy(rows, frozen, max_bytes):
        limits.append(max_bytes)
        return with_kept_states(rows, frozen, max_bytes)

    monkeypatch.setattr(_model, "with_kept_states", spy)
    settings = {"pretrained": build_model(tmp_path / "model"), "epochs": 1, "cache_size": 2.5}
    AttentionTextClassifier(**settings).fit(TEXTS, [0, 1, 0, 1])
    assert limits == [2_500_000]
