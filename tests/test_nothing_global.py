"""Import, fit and predict change nothing that belongs to the whole process."""

import threading

import numpy as np
import pytest

from skattn import AttentionTextClassifier, GatedDenseClassifier

CODE = """
import logging, os, random, signal, sys, threading, warnings
import numpy as np
import tensorflow as tf
import scikeras.wrappers, keras, sklearn.pipeline, sklearn.feature_extraction.text
import pickle
from tensorflow.python.eager import context
from tensorflow.python.framework.config import is_op_determinism_enabled

def state():
    return {
        "numpy": pickle.dumps(np.random.get_state()),
        "numpy errors": np.geterr(),
        "numpy printing": str(np.get_printoptions()),
        "python": random.getstate(),
        "tensorflow seed": context.global_seed(),
        "tensorflow generator": tf.random.get_global_generator().state.numpy().tolist(),
        "determinism": is_op_determinism_enabled(),
        "threads": [tf.config.threading.get_intra_op_parallelism_threads(),
                    tf.config.threading.get_inter_op_parallelism_threads()],
        "eagerly": tf.config.functions_run_eagerly(),
        "soft placement": tf.config.get_soft_device_placement(),
        "filters": list(warnings.filters),
        "environment": dict(os.environ),
        "logging": [(name, logger.level, list(logger.handlers), logger.disabled)
                    for name in ("", "tensorflow", "absl", "keras", "sklearn")
                    for logger in [logging.getLogger(name)]],
        "signals": {s: signal.getsignal(s) for s in signal.valid_signals()},
        "keras": [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),
                  keras.config.is_traceback_filtering_enabled(),
                  keras.mixed_precision.dtype_policy().name,
                  keras.config.is_interactive_logging_enabled()],
        "hooks": [sys.excepthook, threading.excepthook, sys.unraisablehook],
        "path": list(sys.path),
        "folder": os.getcwd(),
        "recursion": sys.getrecursionlimit(),
        "threads alive": threading.active_count(),
    }

tf.random.set_seed(11)
tf.random.get_global_generator()
tf.random.normal([1])
before = state()
import skattn
rng = np.random.default_rng(0)
X = rng.integers(0, 20, size=(40, 6)); X[:, 0] = np.arange(40) % 2 + 2; y = X[:, 0]
for encoder in ("gru", "conv", "transformer"):
    clf = skattn.AttentionTextClassifier(
        encoder=encoder, epochs=1, units=4, embedding_dim=3, dropout=0.5, early_stopping=True,
        attention="multihead", extra_pooling="mean")
    clf.fit(X, y); clf.predict(X); clf.attention_weights(X)
    pickle.loads(pickle.dumps(clf)).partial_fit(X, y)
gated = skattn.GatedDenseClassifier(epochs=2, units=4, random_state=3, dropout=0.5).fit(X, y)
gated.score(X, y); gated.model_; gated.keras_classifier_
skattn.SequenceVectorizer().fit_transform(["one two", "three"])
skattn.TextClassifier(epochs=1).fit(["a good film", "a bad film"] * 8, ["good", "bad"] * 8)
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, [(name, str(before[name])[-300:], str(after[name])[-300:]) for name in changed]
"""


@pytest.mark.slow
def test_nothing_of_the_process_is_changed(run_python):
    run_python(CODE)


@pytest.mark.slow
def test_two_estimators_in_two_threads_do_not_disturb_each_other(texts_as_ids, dense_rows):
    ids, labels = texts_as_ids
    rows, classes = dense_rows

    def train(seed, answers):
        text = AttentionTextClassifier(
            encoder="conv", units=4, embedding_dim=4, epochs=3, dropout=0.3, random_state=seed
        )
        gated = GatedDenseClassifier(units=8, epochs=5, dropout=0.3, random_state=seed)
        answers[seed] = [
            text.fit(ids, labels).predict_proba(ids),
            gated.fit(rows, classes).predict_proba(rows),
        ]

    alone, together = {}, {}
    for seed in range(2):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(2):
        for one, other in zip(alone[seed], together[seed], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_threads", [4])
def test_one_estimator_answers_many_threads(n_threads, dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=8, epochs=2, random_state=0).fit(X, y)
    expected, answers = clf.predict_proba(X), []
    threads = [
        threading.Thread(target=lambda: answers.append(clf.predict_proba(X)))
        for _ in range(n_threads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == n_threads
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


CONNECTING = """
import sys
asked = []
sys.addaudithook(lambda event, _: asked.append(event)
                 if event in ("socket.connect", "socket.getaddrinfo") else None)
import skattn
texts, labels = ["a good film", "a bad film"] * 10, ["good", "bad"] * 10
model = skattn.make_text_classifier(random_state=0).fit(texts, labels)
skattn.AttentionDisplay.from_estimator(model, texts, labels).to_html()
skattn.faithfulness_report(model, texts, labels, random_state=0)
skattn.GatedDenseClassifier(epochs=2).fit([[0.0], [1.0]] * 10, labels).predict([[0.5]])
print("asked for:", asked)
"""


@pytest.mark.slow
def test_nothing_connects_to_a_network(run_python):
    assert "asked for: []" in run_python(CONNECTING).stdout
