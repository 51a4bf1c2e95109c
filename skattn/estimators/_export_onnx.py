"""`export_onnx`: a fitted network as an ONNX file, for runtimes without Python or TensorFlow."""

import json
from os import PathLike

from sklearn.utils.validation import check_is_fitted

from skattn.estimators._base import BaseNetworkClassifier
from skattn.networks._onnx._networks import onnx_model
from skattn.utils._files import replacing


def export_onnx(estimator: BaseNetworkClassifier, path: str | PathLike[str]) -> None:
    """Export the network of a fitted classifier as an ONNX file.

    Parameters
    ----------
    estimator : AttentionTextClassifier or GatedDenseClassifier
        The fitted classifier. If it is part of a pipeline, export its last step, ``pipeline[-1]``,
        and use the other steps, ``pipeline[:-1]``, to compute the input: ONNX has no operator that
        tokenizes texts as scikit-learn does. `skattn.serving.export` exports a whole text
        classifier.
    path : str or os.PathLike
        Where to write the file. An existing file is replaced.

    Notes
    -----
    The input of a text classifier is ``token_ids``, int64 of shape (batch, tokens), padded with 0
    on the right, as returned by `SequenceVectorizer`; its outputs are ``probabilities`` (batch,
    classes) and ``attention`` (batch, tokens). The input of a gated classifier is ``features``,
    float32 of shape (batch, features); its outputs are ``probabilities`` and ``gate``. All outputs
    are float32 and agree with the estimator within 1e-5, or within 1e-3 with a pretrained
    transformer. The entry ``classes`` of the file's metadata is a JSON list of the labels in the
    order of the probabilities.

    Raises
    ------
    ImportError
        If the package onnx is not installed: ``pip install "skattn[onnx]"``.
    TypeError
        If `estimator` is not one of the two classifiers.
    NotFittedError
        If `estimator` is not fitted.

    References
    ----------
    The ONNX operators, opset 18, https://onnx.ai/onnx/operators.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skattn import GatedDenseClassifier, export_onnx
    >>> clf = GatedDenseClassifier(units=8, epochs=2).fit(*load_iris(return_X_y=True))
    >>> export_onnx(clf, "iris.onnx")  # doctest: +SKIP
    """
    if not isinstance(estimator, BaseNetworkClassifier):
        raise TypeError(
            f"estimator must be an AttentionTextClassifier or a GatedDenseClassifier, got a "
            f"{type(estimator).__name__}. Of a pipeline export the last step, pipeline[-1]; of a "
            "TextClassifier(linear=False) that of its network, classifier.network_[-1]. "
            "skattn.serving.export writes either as a whole, which reads texts."
        )
    written = network_as_onnx(estimator, "export_onnx")
    with replacing(path) as file:
        file.write(written)


def network_as_onnx(estimator, caller):
    """The content of an ONNX file with the network of a fitted classifier.

    Parameters
    ----------
    estimator : AttentionTextClassifier or GatedDenseClassifier
    caller : str
        For the message where the package onnx is missing.

    Returns
    -------
    bytes
    """
    check_is_fitted(estimator)
    try:
        import onnx
        from onnx import helper
    except ImportError as error:
        raise ImportError(f'{caller} needs the package onnx: pip install "skattn[onnx]"') from error
    network = estimator._fitted.network
    classes = json.dumps(estimator.classes_.tolist(), default=str)
    written = onnx_model(helper, network.model, network.config, classes)
    onnx.checker.check_model(written)
    return written.SerializeToString()
