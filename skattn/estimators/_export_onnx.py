"""`export_onnx`: a fitted network as an ONNX file, for runtimes without Python or TensorFlow."""

import json
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

from sklearn.utils.validation import check_is_fitted

from skattn.estimators._base import BaseNetworkClassifier
from skattn.networks._onnx._networks import onnx_model
from skattn.utils._files import replacing
from skattn.utils._targets import as_plain_labels

WEIGHTS = ("float32", "int8")


def export_onnx(
    estimator: BaseNetworkClassifier, path: str | PathLike[str], *, weights: str = "float32"
) -> None:
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
    weights : {"float32", "int8"}, default="float32"
        ``"int8"`` rounds the kernels and embeddings to 8 bits, by dynamic quantization of ONNX
        Runtime, which makes the file smaller, and predictions of a pretrained transformer faster.
        The probabilities change a little, and depend a little on the other rows of a batch. Compare
        the accuracy of both on texts that are not among the training texts.

    Notes
    -----
    The input of a text classifier is ``token_ids``, int64 of shape (batch, tokens), padded with 0
    on the right, as returned by `SequenceVectorizer`; its outputs are ``probabilities`` (batch,
    classes) and ``attention`` (batch, tokens). The input of a gated classifier is ``features``,
    float32 of shape (batch, features); its outputs are ``probabilities`` and ``gate``. All outputs
    are float32 and agree with the estimator within 1e-5, or within 1e-4 with a pretrained
    transformer (about 0.01 if it was fitted with ``precision="bfloat16"``). The entry ``classes``
    of the file's metadata is a JSON list of the labels in the order of the probabilities. Pass at
    least one row: ONNX Runtime crashes if a recurrent network gets none.

    Raises
    ------
    ImportError
        If the package onnx is not installed: ``pip install "skattn[onnx]"``. ``weights="int8"``
        needs onnxruntime too, which comes with it.
    ValueError
        If `weights` is none of the two.
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
            f"{type(estimator).__name__}. For a pipeline, pass its last step, pipeline[-1]; for a "
            "TextClassifier(linear=False), pass classifier.network_[-1]. To export a whole text "
            "classifier, which reads raw texts, use skattn.serving.export."
        )
    written = network_as_onnx(estimator, "export_onnx", weights)
    with replacing(path) as file:
        file.write(written)


def network_as_onnx(estimator, caller, weights="float32"):
    """The content of an ONNX file with the network of a fitted classifier.

    Parameters
    ----------
    estimator : AttentionTextClassifier or GatedDenseClassifier
    caller : str
        For the message where the package onnx is missing.
    weights : {"float32", "int8"}, default="float32"

    Returns
    -------
    bytes
    """
    check_weights_name(weights)
    check_is_fitted(estimator)
    try:
        import onnx
        from onnx import helper
    except ImportError as error:
        raise ImportError(f'{caller} needs the package onnx: pip install "skattn[onnx]"') from error
    fitted = estimator._fitted  # held, since another thread may fit the estimator meanwhile
    network = fitted.network
    classes = json.dumps(as_plain_labels(fitted.classes), default=str)
    halves = weights == "float32"  # onnxruntime cannot quantize them
    written = onnx_model(helper, network.model, network.config, classes, halves)
    onnx.checker.check_model(written)
    return _in_int8(written, caller) if weights == "int8" else written.SerializeToString()


def check_weights_name(weights):
    """Refuse what is none of the kinds of weights."""
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be 'float32' or 'int8', got {weights!r}.")


def _in_int8(model, caller):
    """The content of the file with kernels and embeddings of 8 bits."""
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise ImportError(
            f'{caller} with weights="int8" needs the package onnxruntime: '
            'pip install "skattn[onnx]"'
        ) from error
    # the shapes that its preprocessing would infer are not needed here; without this it warns
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        quantize_dynamic(model, path, weight_type=QuantType.QInt8, per_channel=True)
        return path.read_bytes()
