"""A fitted text classifier as a folder of plain data, and its predictions without TensorFlow.

`export` writes the folder, where the classifier was fitted; `load` opens it in a service, and
imports NumPy and ONNX Runtime only.
"""

from typing import TYPE_CHECKING, Any

from skattn.serving._served import ServedClassifier, load

if TYPE_CHECKING:
    from skattn.serving._export import export

__all__ = ["ServedClassifier", "export", "load"]


def __getattr__(name: str) -> Any:
    if name != "export":  # it needs what was fitted, and with it TensorFlow
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from skattn.serving._export import export

    return export
