"""Batches gathered inside the graph: how wide they are, and that no weight depends on it."""

import numpy as np
import pytest

from skattn import AttentionTextClassifier
from skattn.engine import _resident_rows
from skattn.engine._batches import BatchPlan
from skattn.engine._resident_rows import ResidentRows
from skattn.engine._rows import TokenRows
from skattn.fitting._network_pool import POOL


def batch_widths(lengths, bounds):
    """How wide the batches of texts of these lengths are."""
    X = np.where(np.arange(max(lengths)) < np.array(lengths)[:, None], 5, 0)
    n_batches = len(bounds) - 1
    resident = ResidentRows("tokens", False, (None, None))
    resident.load(TokenRows.from_ids(X), np.zeros(len(X)))
    resident.set_plan(
        BatchPlan(np.arange(len(X)), np.array(bounds), np.ones(len(X)), np.ones(n_batches))
    )
    widths = []
    for step in range(n_batches):
        rows = range(bounds[step], bounds[step + 1])
        ids = resident.batch(step)[0].numpy()
        for row, text in zip(rows, ids, strict=True):
            assert text.tolist() == [5] * lengths[row] + [0] * (ids.shape[1] - lengths[row])
        widths.append(ids.shape[1])
    return widths


def test_a_batch_is_as_wide_as_its_longest_text_rounded_up():
    assert batch_widths([1, 8, 9, 3, 17, 0], [0, 1, 2, 4, 5, 6]) == [8, 8, 16, 24, 8]


@pytest.mark.parametrize(
    "encoder",
    [
        "conv",
        "none",
        *(pytest.param(e, marks=pytest.mark.slow) for e in ("bilstm", "transformer")),
    ],
)
def test_no_weight_depends_on_the_width_of_a_batch(encoder, texts_as_ids, monkeypatch):
    X, y = texts_as_ids
    clf = AttentionTextClassifier(
        encoder=encoder, units=8, embedding_dim=8, epochs=3, batch_size=20, random_state=0
    )
    rounded = clf.fit(X, y).model_.get_weights()  # the model is ours now, and not pooled again
    POOL.clear()
    monkeypatch.setattr(_resident_rows, "WIDTH_STEP", 1)
    assert batch_widths([3, 7], [0, 1, 2]) == [3, 7]
    for found, wanted in zip(clf.fit(X, y).model_.get_weights(), rounded, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
