"""Settings of other code in the process, Keras's and scikit-learn's, change no answer of ours."""

import numpy as np
import pytest

from skattn import AttentionPooling
from skattn.networks._attention_pooling import SCORES

# what other code may have set: before our import, or between loading and predicting
SETTINGS = {
    "half": """
keras.mixed_precision.set_global_policy("mixed_float16")
keras.config.set_floatx("float16")
keras.config.set_image_data_format("channels_first")
keras.config.set_epsilon(0.01)
sklearn.set_config(transform_output="pandas")
""",
    "mixed": """
keras.mixed_precision.set_global_policy("mixed_bfloat16")
numpy.seterr(all="raise")
numpy.set_printoptions(precision=1)
sklearn.set_config(transform_output="polars", enable_metadata_routing=True)
""",
    "double": """
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
sklearn.set_config(assume_finite=True, skip_parameter_validation=True, display="text")
keras.utils.set_random_seed(3)
tensorflow.config.experimental.enable_op_determinism()
""",
}
CODE = """
import sys, joblib, keras, numpy, pandas, sklearn, tensorflow
folder, *settings = sys.argv[1:]
for each in settings:
    exec(each)
import numpy as np
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import skattn
from skattn import AttentionTextClassifier, GatedDenseClassifier, SequenceVectorizer
rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 6)), np.arange(40) % 2
X[:, 0] += y
texts = [" ".join(rng.choice(["good", "bad", "film", "seen", "once"], 7)) for _ in y]
rest = dict(units=8, epochs=2, random_state=0)

def text(**parameters):
    return make_pipeline(
        SequenceVectorizer(), AttentionTextClassifier(embedding_dim=8, **rest, **parameters))

models = [
    (text(encoder="gru", dropout=0.2, segment_length=3, attention="multihead", head_penalty=0.1),
     texts),
    (text(encoder="conv", extra_pooling="max", weight_decay=0.01, word_dropout=0.3,
          label_smoothing=0.1, early_stopping=True), texts),
    (make_pipeline(StandardScaler(), GatedDenseClassifier(
        gate="inputs", optimizer="rmsprop", learning_rate_schedule="cosine", **rest)), X),
    (GatedDenseClassifier(**rest), sparse.csr_array(np.where(X > 0, 1e5 * X, 0.0))),
]
models = [(model.fit(rows, y), rows) for model, rows in models]
if not settings:
    joblib.dump((models, texts), f"{folder}/models.joblib")
"""
ANSWERS = """
probabilities = [model.predict_proba(rows) for model, rows in models]
assert all(p.dtype == np.float32 for p in probabilities), [p.dtype for p in probabilities]
explained = skattn.explain_texts(models[1][0], texts[:3])
weights = [one.weights for one in explained]
np.savez(f"{folder}/answers.npz", *probabilities, *map(np.asarray, weights))
"""
FITTED = f"""
import os, sys, joblib, keras, numpy, pandas, sklearn, tensorflow
import numpy as np
import skattn
origin, *rest = sys.argv[1:]
for folder, setting in zip(rest[::2], rest[1::2]):
    models, texts = joblib.load(origin + "/models.joblib")
    exec(setting)
    exec({ANSWERS!r})
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory, run_python_in):
    """The folder with the answers of a process in which nothing was set, and its models."""
    folder = tmp_path_factory.mktemp("expected")
    run_python_in(folder, CODE + ANSWERS, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_answers_of_a_fit_are_the_same(expected, run_python, tmp_path, name):
    run_python(CODE + ANSWERS, tmp_path, SETTINGS[name])
    assert_same(expected, tmp_path)


@pytest.mark.slow
def test_answers_of_loaded_models_are_the_same(expected, run_python, tmp_path):
    folders = {name: tmp_path / name for name in SETTINGS}
    for folder in folders.values():
        folder.mkdir()
    run_python(
        FITTED, expected, *[each for name in SETTINGS for each in (folders[name], SETTINGS[name])]
    )
    for folder in folders.values():
        assert_same(expected, folder)


def assert_same(expected, found):
    with np.load(expected / "answers.npz") as right, np.load(found / "answers.npz") as answers:
        assert right.files == answers.files
        for key in right.files:
            # a learning rate in float16 is not quite 0.001
            np.testing.assert_allclose(answers[key], right[key], atol=1e-4, err_msg=key)


@pytest.mark.slow
def test_another_backend_is_named(run_python, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    code = "from skattn import SequenceVectorizer\n"  # knows no Keras
    code += "try:\n    from skattn import GatedDenseClassifier\n"
    code += "except ImportError as error:\n    print(error)"
    message = run_python(code).stdout
    assert "backend 'numpy'" in message
    assert "KERAS_BACKEND=tensorflow" in message


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("score", SCORES)
def test_attention_pooling_in_other_types(policy, score):
    layer = AttentionPooling(score, dtype=policy)
    states = np.random.default_rng(0).normal(size=(3, 5, 4))
    mask = np.arange(5) < np.array([5, 2, 0])[:, None]
    context, weights = (np.asarray(part, dtype=np.float64) for part in layer(states, mask=mask))
    assert np.isfinite(context).all()
    np.testing.assert_allclose(weights.sum(axis=1), [1, 1, 0], atol=0.02)
    assert not weights[~mask].any()
