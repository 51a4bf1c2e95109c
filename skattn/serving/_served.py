"""`load`: an exported text classifier that predicts without TensorFlow and scikit-learn."""

from numbers import Integral
from os import PathLike
from os.path import abspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skattn.serving._folder import read_folder
from skattn.serving._parts import ServedLinear, ServedNetwork
from skattn.utils._frames import texts_of_columns
from skattn.utils._texts import text_list
from skattn.utils._typing import Texts


class ServedClassifier:
    """An exported text classifier, which predicts without TensorFlow; `load` returns it.

    Several threads may use it at the same time. It can be sent to other processes, which open its
    folder again.

    Parameters
    ----------
    folder : str or os.PathLike
        A folder that `export` has written.
    n_threads : int, default=1
        Number of threads that ONNX Runtime uses for one call. The last digits of the probabilities
        may depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    Examples
    --------
    >>> import tempfile
    >>> from skattn import TextClassifier, serving
    >>> texts, labels = ["a good film", "a bad film"] * 8, ["good", "bad"] * 8
    >>> clf = TextClassifier(epochs=2, random_state=0).fit(texts, labels)
    >>> folder = tempfile.mkdtemp()
    >>> serving.export(clf, folder)
    >>> served = serving.load(folder)
    >>> bool(abs(served.predict_proba(texts) - clf.predict_proba(texts)).max() < 1e-5)
    True
    """

    def __init__(self, folder: str | PathLike[str], n_threads: int = 1) -> None:
        if not isinstance(n_threads, Integral) or isinstance(n_threads, bool) or n_threads < 1:
            raise ValueError(f"n_threads must be a whole number of 1 or more, got {n_threads!r}.")
        settings, files = read_folder(Path(folder))
        self._folder, self._n_threads = abspath(folder), int(n_threads)
        self._multilabel, self._columns = settings["multilabel"], settings["columns"]
        self.classes_ = np.array(settings["classes"], dtype=settings["type_of_classes"])
        self._parts = []
        for name, given in settings["parts"].items():
            if name == "network":
                part = ServedNetwork(given, files, n_threads)
            else:
                part = ServedLinear(given, files["linear.npz"])
            self._parts.append((given["weight"], given["places"], part))

    def predict_proba(self, texts: Texts) -> NDArray[np.float64]:
        """Probability of each class, or of each label.

        Parameters
        ----------
        texts : iterable of str, or a data frame (or dict of lists) with the fitted columns

        Returns
        -------
        probabilities : ndarray of shape (n_texts, n_classes) or (n_texts, n_labels)
            In the order of `classes_`. The probabilities of the classes sum to 1.
        """
        found = (
            text_list(texts) if self._columns is None else texts_of_columns(texts, self._columns)
        )
        if not found:
            raise ValueError("There are no texts to predict: pass one or more.")
        total = np.zeros((len(found), len(self.classes_)))
        for weight, places, part in self._parts:
            total[:, places] += weight * part.probabilities(found)
        if not np.all(np.isfinite(total)):
            raise ValueError(
                f"The classifier in {self._folder} gives probabilities that are not finite: its "
                "files are damaged. Export it again."
            )
        if self._multilabel:
            return np.clip(total, 0.0, 1.0)
        return total / total.sum(axis=1, keepdims=True)

    def predict(self, texts: Texts) -> NDArray[Any]:
        """The most probable class of each text, or all its labels with a probability above 0.5.

        Parameters
        ----------
        texts : iterable of str, or a data frame (or dict of lists) with the fitted columns

        Returns
        -------
        y : ndarray of shape (n_texts,) or (n_texts, n_labels)
        """
        probabilities = self.predict_proba(texts)
        if self._multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    def __repr__(self):
        return f"{type(self).__name__}({self._folder!r})"

    def __reduce__(self):
        return type(self), (self._folder, self._n_threads)


def load(folder: str | PathLike[str], n_threads: int = 1) -> ServedClassifier:
    """Open the folder of an exported text classifier.

    This imports NumPy and ONNX Runtime, and the package tokenizers if the classifier uses subwords.
    No code from the folder is executed.

    Parameters
    ----------
    folder : str or os.PathLike
        A folder that `export` has written.
    n_threads : int, default=1
        Number of threads that ONNX Runtime uses for one call. If several calls run at the same
        time, 1 is fastest.

    Returns
    -------
    served : ServedClassifier
        An object with `predict`, `predict_proba` and `classes_`.

    Raises
    ------
    FileNotFoundError
        If the folder or a file in it does not exist.
    ValueError
        If the folder was written in another format by another version of skattn, or is damaged.
    ImportError
        If a package is missing; the message names it.

    See Also
    --------
    export : Writes the folder.

    Examples
    --------
    >>> from skattn.serving import load
    >>> served = load("spam-filter")  # doctest: +SKIP
    >>> served.predict(["You have won!"])  # doctest: +SKIP
    array(['spam'], dtype='<U4')
    """
    return ServedClassifier(folder, n_threads)
