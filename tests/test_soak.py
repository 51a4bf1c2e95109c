"""The soak benchmark in its short form: memory and time stay flat over many fits."""

import gc
import subprocess
import sys

import numpy as np
import pytest
from tensorflow.python.framework.func_graph import FuncGraph

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.fitting._network_pool import POOL

pytestmark = pytest.mark.usefixtures("graphs_as_traced")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
def test_forty_fits_and_fifteen_hundred_predicts_are_flat(pytestconfig):
    script = pytestconfig.rootpath / "benchmarks" / "soak.py"
    if not script.exists():
        pytest.skip("the benchmarks are not part of a source distribution")
    done = subprocess.run(
        [sys.executable, str(script), "--quick"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


SMALL = {"units": 4, "epochs": 1, "early_stopping": True, "random_state": 0}
TEXTS = {"embedding_dim": 4, **SMALL}
KINDS = {
    "adam": lambda size: GatedDenseClassifier(**SMALL),
    "adamw, smooth": lambda size: GatedDenseClassifier(
        optimizer="adamw", weight_decay=0.1, label_smoothing=0.1, l2=0.1, dropout=0.1, **SMALL
    ),
    "lstm": lambda size: AttentionTextClassifier(vocabulary_size=size, **TEXTS),
    "segments": lambda size: AttentionTextClassifier(
        encoder="transformer",
        attention="multihead",
        head_penalty=0.1,
        extra_pooling="max",
        segment_length=3,
        optimizer="lazyadam",
        vocabulary_size=size,
        **TEXTS,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_fits_of_ever_other_shapes_leave_no_graphs(make, monkeypatch):
    monkeypatch.setattr(POOL, "_max_idle", 2)
    rng = np.random.default_rng(0)

    def graphs_after(sizes):
        for size in sizes:
            clf = make(size)
            gated = isinstance(clf, GatedDenseClassifier)
            shape = (20, size) if gated else (20, 6)
            X = rng.normal(size=shape) if gated else rng.integers(2, 20, size=shape)
            clf.fit(X, np.arange(20) % 2).predict(X)
            del clf
        gc.collect()
        return sum(isinstance(each, FuncGraph) for each in gc.get_objects())

    before = graphs_after(range(30, 32))
    assert graphs_after(range(32, 34)) <= before
