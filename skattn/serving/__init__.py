"""Export a fitted text classifier as a folder of plain data, and predict without TensorFlow.

`export` writes the folder, on the machine where the classifier was fitted. `load` opens it in a
service, and imports only NumPy and ONNX Runtime.
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
