"""Types of what users pass in."""

from collections.abc import Iterable
from typing import Any, Protocol

from numpy.typing import ArrayLike


class SparseMatrix(Protocol):
    """A SciPy sparse matrix or array."""

    def tocsr(self) -> Any:
        """The same in compressed rows."""


MatrixLike = ArrayLike | SparseMatrix
Texts = Iterable[str] | ArrayLike  # a list, an array, a column of a frame
