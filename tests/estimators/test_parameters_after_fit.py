"""Whatever parameter is changed after a fit, every answer is that of what was fitted."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skattn import (
    AttentionDisplay,
    AttentionTextClassifier,
    GatedDenseClassifier,
    GateDisplay,
    SequenceVectorizer,
    TrainingDisplay,
    explain_texts,
    export_onnx,
)

# a value that differs from the default and from those of the fits below
OTHERS = {
    "encoder": "gru",
    "attention": "multihead",
    "units": 7,
    "conv_widths": (2,),
    "n_layers": 3,
    "n_heads": 9,
    "head_penalty": 0.5,
    "segment_length": 2,
    "extra_pooling": "mean",
    "embedding_dim": 9,
    "embeddings": np.ones((40, 3)),
    "embedding_trainable": False,
    "vocabulary_size": 3,
    "pretrained": "elsewhere",
    "tuned_layers": 1,
    "tuned_rate": 0.5,
    "cache_size": 1,
    "precision": "bfloat16",
    "gate": "inputs",
    "gate_activation": "softmax",
    "epochs": 77,
    "batch_size": 5,
    "optimizer": "sgd",
    "learning_rate": 0.5,
    "weight_decay": 0.5,
    "l2": 0.5,
    "dropout": 0.5,
    "embedding_dropout": 0.5,
    "word_dropout": 0.5,
    "label_smoothing": 0.5,
    "learning_rate_schedule": "cosine",
    "weight_averaging": True,
    "class_weight": "balanced",
    "early_stopping": True,
    "validation_fraction": 0.4,
    "n_iter_no_change": 9,
    "tol": 0.5,
    "scoring": "accuracy",
    "callbacks": [],
    "checkpoint": "elsewhere",
    "warm_start": True,
    "save_optimizer": False,
    "random_state": 9,
    "verbose": 1,
}
TEXTS = ["a fine film of a fine story", "a dull film", "fine acting", "dull dull story"] * 3
LABELS = ["good", "bad", "good", "bad"] * 3
SMALL = {"units": 4, "epochs": 1, "random_state": 0}
CONFIGURATIONS = {
    "segments": {"encoder": "none", "segment_length": 4},
    "conv": {"encoder": "conv", "conv_widths": (1, 3), "extra_pooling": "max"},
    "multihead": {"encoder": "none", "attention": "multihead", "n_heads": 2},
}


def text_pipeline(parameters):
    classifier = AttentionTextClassifier(embedding_dim=3, **SMALL | parameters)
    return make_pipeline(SequenceVectorizer(), classifier).fit(TEXTS, LABELS)


def answers_of_text(pipeline, tmp_path):
    """All that can be asked of a fitted text pipeline, as plain values."""
    vectorizer, classifier = pipeline[0], pipeline[-1]
    ids = vectorizer.transform(TEXTS)
    explanations = explain_texts(pipeline, TEXTS)
    export_onnx(classifier, tmp_path / "text.onnx")
    return [
        pipeline.predict(TEXTS),
        pipeline.predict_proba(TEXTS),
        pipeline.transform(TEXTS),
        classifier.get_feature_names_out(),
        classifier.attention_weights(ids),
        classifier.vocabulary_size_,
        classifier.classes_,
        classifier.history_,
        [e.weights for e in explanations],
        [e.aggregate for e in explanations],
        [e.segment_spans for e in explanations],
        [e.segment_weights for e in explanations],
        AttentionDisplay.from_explanations(explanations).to_html(),
        TrainingDisplay.from_estimator(pipeline).histories,
        (tmp_path / "text.onnx").read_bytes(),
        classifier.__getstate__()["_fitted"]["config"],
    ]


def answers_of_gated(clf, X, tmp_path):
    """All that can be asked of a fitted gated classifier, as plain values."""
    display = GateDisplay.from_estimator(clf, X)
    export_onnx(clf, tmp_path / "gated.onnx")
    return [
        clf.predict(X),
        clf.predict_proba(X),
        clf.transform(X),
        clf.get_feature_names_out(),
        clf.gate_values(X),
        clf.classes_,
        clf.history_,
        display.names,
        display.means,
        (tmp_path / "gated.onnx").read_bytes(),
        clf.__getstate__()["_fitted"]["config"],
    ]


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_equal(one, other)


def test_every_parameter_is_tried():
    names = {*AttentionTextClassifier().get_params(), *GatedDenseClassifier().get_params()}
    assert names == set(OTHERS)


@pytest.mark.slow
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_text_classifier(configuration, tmp_path):
    pipeline = text_pipeline(CONFIGURATIONS[configuration])
    wanted = answers_of_text(pipeline, tmp_path)
    for name in pipeline[-1].get_params():
        before = pipeline[-1].get_params()[name]
        pipeline[-1].set_params(**{name: OTHERS[name]})
        assert_same(answers_of_text(pipeline, tmp_path), wanted)
        pipeline[-1].set_params(**{name: before})


@pytest.mark.parametrize("gate", ["hidden", "inputs"])
def test_a_gated_classifier(gate, dense_rows, tmp_path):
    X, y = dense_rows
    clf = GatedDenseClassifier(gate=gate, **SMALL).fit(X, y)
    wanted = answers_of_gated(clf, X, tmp_path)
    for name in clf.get_params():
        others = OTHERS | {"gate": "hidden" if gate == "inputs" else "inputs"}
        before = clf.get_params()[name]
        clf.set_params(**{name: others[name]})
        assert_same(answers_of_gated(clf, X, tmp_path), wanted)
        clf.set_params(**{name: before})


def test_changed_parameters_reach_the_next_fit(dense_rows):
    clf = GatedDenseClassifier(**SMALL).fit(*dense_rows).set_params(units=7)
    np.testing.assert_array_equal(
        clf.fit(*dense_rows).predict_proba(dense_rows[0]),
        clone(clf).fit(*dense_rows).predict_proba(dense_rows[0]),
    )
    assert clf.transform(dense_rows[0]).shape[1] == 7
