"""ONNX files give the estimators' probabilities and weights."""

import json
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny_models import build_model

from skattn import AttentionTextClassifier, GatedDenseClassifier, export_onnx
from skattn.networks._attention_pooling import SCORES
from skattn.networks._encoders import ENCODERS

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")


def run(clf, tmp_path, X):
    """The outputs of the exported network, by name, and the labels in the file."""
    export_onnx(clf, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {session.get_inputs()[0].name: X})
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    return dict(zip(names, values, strict=True)), classes


def check_text(clf, tmp_path, X, y):
    clf.fit(X, y)
    far = X.astype(np.int64)
    far[0, 0] = 1_000_000  # beyond the table: out of vocabulary
    far[1] = 0  # padding only
    outputs, classes = run(clf, tmp_path, far)
    expected = clf.predict_proba(far)
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["attention"], clf.attention_weights(far), rtol=0, atol=1e-5)
    assert classes == clf.classes_.tolist()
    assert np.all(outputs["attention"][far == 0] == 0)


SMALL = {"units": 8, "embedding_dim": 6, "epochs": 1, "random_state": 0, "learning_rate": 0.05}
FAST = ("lstm", "gru", "conv", "transformer")  # each kind of layer once
SOME_SLOW = [
    pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in sorted(ENCODERS)
]


@pytest.mark.parametrize("encoder", SOME_SLOW)
def test_every_encoder(encoder, texts_as_ids, tmp_path):
    clf = AttentionTextClassifier(encoder=encoder, n_layers=2, dropout=0.1, **SMALL)
    check_text(clf, tmp_path, *texts_as_ids)


@pytest.mark.parametrize("score", SCORES)
def test_every_attention(score, texts_as_ids, tmp_path):
    clf = AttentionTextClassifier(
        encoder="none", attention=score, n_heads=3, extra_pooling="max", **SMALL
    )
    check_text(clf, tmp_path, *texts_as_ids)


def test_segments(texts_as_ids, tmp_path):
    clf = AttentionTextClassifier(encoder="none", segment_length=3, **SMALL)
    check_text(clf, tmp_path, *texts_as_ids)


@pytest.mark.parametrize("gate", ["hidden", "inputs"])
@pytest.mark.parametrize("gate_activation", ["sigmoid", "softmax"])
def test_gated(gate, gate_activation, dense_rows, tmp_path):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=8, gate=gate, gate_activation=gate_activation, epochs=2)
    outputs, _ = run(clf.fit(X, y), tmp_path, X)
    expected = clf.predict_proba(X)
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["gate"], clf.gate_values(X), rtol=0, atol=1e-5)


def test_several_labels_a_row(dense_rows, tmp_path):
    X, y = dense_rows
    labels = np.stack([y == 1, y > 0], axis=1).astype(int)
    clf = GatedDenseClassifier(units=8, epochs=2).fit(X, labels)
    outputs, _ = run(clf, tmp_path, X)
    expected = clf.predict_proba(X)
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "conv", "pretrained", "gated"])
def test_weights_of_8_bits(kind, texts_as_ids, dense_rows, tmp_path, caplog):
    X, y = dense_rows if kind == "gated" else texts_as_ids
    if kind == "gated":
        clf = GatedDenseClassifier(units=64, epochs=2, random_state=0)
    elif kind == "pretrained":
        clf = AttentionTextClassifier(
            pretrained=build_model(tmp_path / "m"), tuned_layers=1, random_state=0
        )
        X = np.minimum(X, 30)
    else:
        clf = AttentionTextClassifier(encoder=kind, epochs=2, random_state=0)
    clf.fit(X, y)
    sizes = {}
    for weights in ("float32", "int8"):
        path = tmp_path / f"{weights}.onnx"
        export_onnx(clf, path, weights=weights)
        sizes[weights] = path.stat().st_size
        session = onnxruntime.InferenceSession(str(path))
        rows = X.astype(np.float32 if kind == "gated" else np.int64)
        (found,) = session.run(["probabilities"], {session.get_inputs()[0].name: rows})
        tolerance = 1e-4 if weights == "float32" else 0.1  # the networks are tiny
        np.testing.assert_allclose(found, clf.predict_proba(X), rtol=0, atol=tolerance)
    kinds = {one.data_type for one in onnx.load(path).graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    assert onnx.TensorProto.FLOAT16 not in kinds  # onnxruntime would leave it as it is
    share = 0.7 if kind == "pretrained" else 0.6  # of which one half is in 16 bits
    assert sizes["int8"] < share * sizes["float32"]
    assert "pre-processing" not in caplog.text


def test_errors_say_what_to_do(tmp_path, monkeypatch, dense_rows):
    with pytest.raises(NotFittedError):
        export_onnx(GatedDenseClassifier(), tmp_path / "model.onnx")
    for other in (LogisticRegression(), make_pipeline(GatedDenseClassifier()), None):
        with pytest.raises(TypeError, match=r"pipeline\[-1\].*linear=False"):
            export_onnx(other, tmp_path / "model.onnx")
    clf = GatedDenseClassifier(units=4, epochs=1).fit(*dense_rows)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "onnx", None)
        with pytest.raises(ImportError, match=r"skattn\[onnx\]"):
            export_onnx(clf, tmp_path / "model.onnx")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "onnxruntime.quantization", None)
        with pytest.raises(ImportError, match=r'^export_onnx with weights="int8" .*skattn\[onnx\]'):
            export_onnx(clf, tmp_path / "model.onnx", weights="int8")
    with pytest.raises(ValueError, match="weights must be 'float32' or 'int8', got 'int4'"):
        export_onnx(clf, tmp_path / "model.onnx", weights="int4")
    assert list(tmp_path.iterdir()) == []
