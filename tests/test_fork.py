"""Forked processes: a loaded model answers there; where TensorFlow ran before, an error says so."""

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

MAKE = """
import sys, joblib, numpy as np, keras
from sklearn.pipeline import make_pipeline
from skattn import AttentionTextClassifier, GatedDenseClassifier, SequenceVectorizer
X, y = np.eye(6, dtype="float32"), [0, 1] * 3
texts = ["good film", "bad film"] * 3
gated = dict(units=4, epochs=1, random_state=0)
models = {
    "gated": GatedDenseClassifier(**gated).fit(X, y),
    "schedule": GatedDenseClassifier(
        optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 9)), **gated
    ).fit(X, y),
    "goes on": GatedDenseClassifier(warm_start=True, optimizer="rmsprop", **gated).fit(X, y),
    "text": make_pipeline(
        SequenceVectorizer(), AttentionTextClassifier(encoder="lstm", units=4, epochs=1)
    ).fit(texts, y),
}
for name, model in models.items():
    joblib.dump(model, f"{name}.joblib")
"""
FORK = """
import os, sys, time, joblib, numpy as np

def in_child(work, limit=60):
    # what a forked child answers, "for ever" where it does not
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = str(work())
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writes, answer.encode())
        os._exit(0)
    start = time.monotonic()
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() - start > limit:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return "for ever"
        time.sleep(0.005)
    in_child.seconds = time.monotonic() - start
    return os.read(reads, 100_000).decode()

X, texts, y = np.eye(6, dtype="float32"), ["good film", "bad film"] * 3, [0, 1] * 3
"""
LOADED = (
    FORK
    + """
for name in ("gated", "schedule", "goes on", "text"):
    model = joblib.load(f"{name}.joblib")
    repr(model), model.get_params()
    answer = in_child(lambda: model.predict_proba(texts if name == "text" else X).shape)
    assert answer == "(6, 2)", (name, answer)
from sklearn.base import clone
assert in_child(lambda: clone(model).fit(texts, y).score(texts, y)) != "for ever"
"""
)
STARTED = (
    FORK
    + """
from sklearn.base import clone
for name in ("gated", "text"):
    model = joblib.load(f"{name}.joblib")
    rows = texts if name == "text" else X
    model.predict(rows)  # TensorFlow starts
    other = joblib.load(f"{name}.joblib")
    for work in (
        lambda: model.predict(rows), lambda: other.predict(rows), lambda: model.transform(rows),
        lambda: clone(model).fit(rows, y), lambda: in_child(lambda: model.predict(rows)),
        lambda: (model[-1] if name == "text" else model).model_,
    ):
        answer = in_child(work)
        assert answer.startswith("RuntimeError") and "fork" in answer and "spawn" in answer, answer
        assert in_child.seconds < 10, in_child.seconds  # or it would wait for ever
"""
)
POOLS = """
import joblib, numpy as np
from skattn import GatedDenseClassifier
from sklearn.model_selection import cross_val_score
X, y = np.eye(6, dtype="float32"), [0, 1] * 3
clf = GatedDenseClassifier(units=4, epochs=1, random_state=0)
clf.fit(X, y)
try:
    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        cross_val_score(clf, X, y, cv=2, error_score="raise")
except RuntimeError as error:
    print("fork" in str(error))
with joblib.parallel_config(backend="loky", n_jobs=2):
    print(cross_val_score(clf, X, y, cv=2, error_score="raise").shape)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory, run_python_in):
    """A folder with saved models."""
    folder = tmp_path_factory.mktemp("saved")
    run_python_in(folder, MAKE)
    return folder


@pytest.mark.slow
def test_a_model_that_was_only_loaded_answers_in_a_forked_child(saved, run_python_in):
    run_python_in(saved, LOADED)


@pytest.mark.slow
def test_after_tensorflow_has_started_a_forked_child_gets_an_error_at_once(saved, run_python_in):
    run_python_in(saved, STARTED)


@pytest.mark.slow
def test_worker_pools(run_python):
    assert run_python(POOLS).stdout.split("\n")[:2] == ["True", "(2,)"]


@pytest.mark.slow
def test_a_fork_before_tensorflow_changes_nothing(run_python):
    code = FORK + "import skattn, tensorflow as tf\n"
    code += "work = tf.config.threading.get_inter_op_parallelism_threads\n"
    code += "assert in_child(work) == str(work()) == '0'"
    run_python(code)
