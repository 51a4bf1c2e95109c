"""Calls of the public names as users write them; `mypy --strict` must accept this file."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from skattn import (
    AttentionDisplay,
    AttentionPooling,
    AttentionTextClassifier,
    EvidenceDisplay,
    GatedDenseClassifier,
    GateDisplay,
    SequenceVectorizer,
    TextExplanation,
    TrainingDisplay,
    explain_texts,
    export_onnx,
    faithfulness_report,
    make_text_classifier,
    trusted_types,
)
from skattn.serving import ServedClassifier, export, load

texts = ["a fine film", "a dull film"]
labels = ["good", "bad"]

vectorizer = SequenceVectorizer(max_length=0.9, ngram_range=(1, 2), stop_words=["a"])
ids = vectorizer.fit_transform(texts)
assert_type(ids, NDArray[np.int32])
assert_type(vectorizer.transform(np.array(texts)), NDArray[np.int32])
assert_type(vectorizer.vocabulary_, dict[str, int])
spans: list[NDArray[np.int64]] = vectorizer.token_spans(texts)
words: list[NDArray[np.object_]] = vectorizer.inverse_transform(ids)

text_classifier = AttentionTextClassifier(encoder="conv", conv_widths=(1, 2), random_state=0)
assert_type(text_classifier.fit(ids, labels, sample_weight=[1.0, 2.0]), AttentionTextClassifier)
assert_type(text_classifier.partial_fit(ids, labels, classes=labels), AttentionTextClassifier)
assert_type(text_classifier.predict_proba(ids), NDArray[np.float32])
assert_type(text_classifier.attention_weights(ids), NDArray[np.float32])
assert_type(text_classifier.segment_attention_weights(ids), NDArray[np.float32])
losses: list[float] = text_classifier.history_["loss"]

gated = GatedDenseClassifier(class_weight={"good": 2.0}, early_stopping=True, callbacks=[])
rows = np.ones((2, 3))
assert_type(gated.fit(rows, labels), GatedDenseClassifier)
assert_type(gated.predict(rows), NDArray[Any])
assert_type(gated.gate_values(rows), NDArray[np.float32])
assert_type(gated.transform(rows), NDArray[np.float32])
assert_type(gated.best_iteration_, int)
export_onnx(gated, Path("gated.onnx"))

model = make_text_classifier(linear=True, random_state=0, epochs=3, class_weight="balanced")
explanations = explain_texts(model, texts)
assert_type(explanations, list[TextExplanation])
assert_type(explanations[0].top_tokens(3), list[tuple[str, float]])
pro, contra = explanations[0].top_evidence("good", n=3)
assert_type(pro, list[tuple[str, float]])
assert_type(explanations[0].evidence_for(), NDArray[np.float64])
assert_type(explain_texts(model, "one text", target="good"), list[TextExplanation])
assert_type(EvidenceDisplay.from_estimator(model, texts).plot(min_texts=2), EvidenceDisplay)
assert_type(EvidenceDisplay.from_explanations(explanations).plot_text(0), EvidenceDisplay)
evidence, base = gated.evidence(rows)
assert_type(base, NDArray[np.float64])
report = faithfulness_report(model, texts, labels, n_texts=None, refit=(texts, labels))
verdict: str = report.verdict
verdicts: dict[str, str] = report.verdicts
page: Path = AttentionDisplay.from_estimator(model, texts, labels).save_html("page.html")
assert_type(AttentionDisplay.from_explanations(explanations).plot(n_texts=1), AttentionDisplay)
assert_type(GateDisplay.from_estimator(gated, rows).plot(order="difference"), GateDisplay)
assert_type(TrainingDisplay.from_estimators({"one": gated}).plot(), TrainingDisplay)
assert_type(trusted_types(), list[str])
pooling = AttentionPooling("multihead", heads=2)

export(model, Path("served"))
served = load("served", n_threads=2)
assert_type(served, ServedClassifier)
assert_type(served.predict_proba(texts), NDArray[np.float64])
assert_type(served.predict(texts), NDArray[Any])
