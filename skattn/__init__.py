"""Neural text and tabular classifiers that behave like scikit-learn's own.

The names below are imported when they are first used, so that ``import skattn`` alone costs
milliseconds and does not import TensorFlow (PEP 562).
"""

import importlib
from typing import TYPE_CHECKING, Any

from skattn.utils import _fork as _fork  # it must see every fork from the import on

if TYPE_CHECKING:  # type checkers see the names, a running program imports them when it needs them
    from skattn._trusted_types import trusted_types
    from skattn.estimators._attention_text import AttentionTextClassifier
    from skattn.estimators._export_onnx import export_onnx
    from skattn.estimators._gated_dense import GatedDenseClassifier
    from skattn.inspection._attention_display import AttentionDisplay
    from skattn.inspection._evidence_display import EvidenceDisplay
    from skattn.inspection._explain import explain_texts
    from skattn.inspection._faithfulness import faithfulness_report
    from skattn.inspection._gate_display import GateDisplay
    from skattn.inspection._text_explanation import TextExplanation
    from skattn.inspection._training_display import TrainingDisplay
    from skattn.networks._attention_pooling import AttentionPooling
    from skattn.recipe._text_classifier import TextClassifier, make_text_classifier
    from skattn.vectorizer._sequence_vectorizer import SequenceVectorizer

__version__ = "0.1.0"

_HOMES = {
    "AttentionDisplay": "inspection._attention_display",
    "AttentionPooling": "networks._attention_pooling",
    "AttentionTextClassifier": "estimators._attention_text",
    "EvidenceDisplay": "inspection._evidence_display",
    "GateDisplay": "inspection._gate_display",
    "GatedDenseClassifier": "estimators._gated_dense",
    "SequenceVectorizer": "vectorizer._sequence_vectorizer",
    "TextClassifier": "recipe._text_classifier",
    "TextExplanation": "inspection._text_explanation",
    "TrainingDisplay": "inspection._training_display",
    "explain_texts": "inspection._explain",
    "export_onnx": "estimators._export_onnx",
    "faithfulness_report": "inspection._faithfulness",
    "make_text_classifier": "recipe._text_classifier",
    "trusted_types": "_trusted_types",
}

__all__ = [
    "AttentionDisplay",
    "AttentionPooling",
    "AttentionTextClassifier",
    "EvidenceDisplay",
    "GateDisplay",
    "GatedDenseClassifier",
    "SequenceVectorizer",
    "TextClassifier",
    "TextExplanation",
    "TrainingDisplay",
    "__version__",
    "explain_texts",
    "export_onnx",
    "faithfulness_report",
    "make_text_classifier",
    "trusted_types",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
