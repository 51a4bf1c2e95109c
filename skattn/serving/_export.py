"""`export`: a fitted text classifier as a folder of plain data."""

from os import PathLike
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skattn.estimators._attention_text import AttentionTextClassifier
from skattn.estimators._export_onnx import check_weights_name, network_as_onnx
from skattn.recipe._linear import SHARPNESS
from skattn.recipe._text_classifier import TextClassifier
from skattn.serving._folder import write_folder
from skattn.serving._reader import PRETRAINED, SUBWORDS
from skattn.utils._targets import as_plain_labels
from skattn.vectorizer._ids import HashedIds, pack_words
from skattn.vectorizer._sequence_vectorizer import SequenceVectorizer
from skattn.vectorizer._subwords import is_subword_tokenizer

_FUNCTIONS = ("preprocessor", "tokenizer", "strip_accents", "analyzer")


def export(
    model: TextClassifier | Pipeline,
    folder: str | PathLike[str],
    *,
    weights: str = "float32",
) -> None:
    """Export a fitted text classifier as a folder, for a service without TensorFlow.

    Parameters
    ----------
    model : TextClassifier or Pipeline
        The fitted classifier. A pipeline must consist of a `SequenceVectorizer` and an
        `AttentionTextClassifier`.
    folder : str or os.PathLike
        Where to write the files. The folder is created if it does not exist, and an earlier export
        in it is replaced. Other files are neither changed nor deleted.
    weights : {"float32", "int8"}, default="float32"
        How the weights of the network are stored; see `skattn.export_onnx`.

    Raises
    ------
    TypeError
        If `model` is not such a classifier.
    ValueError
        If the classifier uses a function of your own, such as a tokenizer, which cannot be stored
        as plain data.
    FileExistsError
        If the folder has a file of another origin with the name of one that would be written.
    ImportError
        If the package onnx is not installed: ``pip install "skattn[onnx]"``.
    NotFittedError
        If `model` is not fitted.

    See Also
    --------
    load : Opens the folder.
    skattn.export_onnx : Exports only the network as an ONNX file, for any ONNX runtime.

    Notes
    -----
    The folder contains ``settings.json``, ``model.onnx`` (the network), ``words.npz`` or
    ``tokenizer.json`` (its vocabulary) and ``linear.npz`` (the TF-IDF vocabulary and weights, and
    the coefficients of the linear model). The probabilities of the loaded classifier agree with
    those of `model` within 1e-5. With a pretrained transformer they agree within 1e-4, because both
    round the hidden states of the lower layers to half precision, where a tiny difference may
    become a larger one; with ``precision="bfloat16"`` they agree within about 0.01.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.pipeline import make_pipeline
    >>> from skattn import AttentionTextClassifier, SequenceVectorizer
    >>> from skattn.serving import export, load
    >>> model = make_pipeline(
    ...     SequenceVectorizer(), AttentionTextClassifier(encoder="none", epochs=2, random_state=0))
    >>> _ = model.fit(["a good film", "a bad film"] * 8, ["good", "bad"] * 8)
    >>> folder = Path(tempfile.mkdtemp())
    >>> export(model, folder)
    >>> sorted(file.name for file in folder.iterdir())
    ['model.onnx', 'settings.json', 'words.npz']
    >>> load(folder).classes_.tolist()
    ['bad', 'good']
    """
    check_weights_name(weights)
    while isinstance(model, Pipeline) and len(model.steps) == 1:
        model = model.steps[0][1]
    if isinstance(model, TextClassifier):
        check_is_fitted(model)
        _refuse_own_code(model, TextClassifier)
        shares, multilabel = model.weights_, model._multilabel
        columns = getattr(model, "feature_names_in_", None)
        steps = [step for _, step in model.network_.steps] if "network" in shares else None
    else:
        steps = _steps_of(model)
        shares, multilabel, columns = {"network": 1.0}, steps[-1]._fitted.multilabel, None
    classes = model.classes_
    parts, files = {}, {}
    if "network" in shares:
        parts["network"] = _network(*steps, files, weights)
    if "linear" in shares:
        parts["linear"] = _linear(model.linear_, bool(multilabel), files)
    known = {"network": steps and steps[-1], "linear": getattr(model, "linear_", None)}
    for name, part in parts.items():
        places = np.searchsorted(classes, known[name].classes_)
        part |= {"weight": float(shares[name]), "places": places.tolist()}
    settings = {
        "classes": _plain_classes(classes),
        "type_of_classes": classes.dtype.str,
        "multilabel": bool(multilabel),
        "columns": None if columns is None else columns.tolist(),
        "parts": parts,
    }
    write_folder(Path(folder), settings, files)


def _steps_of(model):
    """The vectorizer and the classifier of a pipeline."""
    steps = [step for _, step in getattr(model, "steps", ())]
    kinds = (SequenceVectorizer, AttentionTextClassifier)
    if len(steps) != 2 or not all(map(isinstance, steps, kinds)):
        found = " -> ".join(type(step).__name__ for step in steps) or type(model).__name__
        raise TypeError(
            f"model must be a TextClassifier or a pipeline of SequenceVectorizer and "
            f"AttentionTextClassifier, got {found}. For a search, export its best_estimator_. For "
            "a threshold or a calibration, export the classifier inside it, and apply the "
            "threshold or the calibration in the service."
        )
    check_is_fitted(steps[1])
    for step, kind in zip(steps, kinds, strict=True):
        _refuse_own_code(step, kind)
    return steps


def _refuse_own_code(step, kind):
    """Refuse a subclass that gives other answers than the class that is exported."""
    for name in ("predict", "predict_proba", "transform"):
        owner = next((each for each in type(step).__mro__ if name in vars(each)), kind)
        if not issubclass(kind, owner):
            raise TypeError(
                f"{type(step).__name__} has its own {name}, which cannot be exported. Export a "
                f"{kind.__name__}, and do the rest in the service."
            )


def _plain_classes(classes):
    labels = as_plain_labels(classes)
    strange = [label for label in labels if not isinstance(label, (str, int, float))]
    if strange:
        raise ValueError(
            f"The label {strange[0]!r} is a {type(strange[0]).__name__}, which plain files cannot "
            "hold. Fit on labels that are texts or numbers."
        )
    return labels


def _network(vectorizer, classifier, files, weights):
    """The settings of the network's part; its files are added to `files`."""
    vectorizer._check_ready()
    files["model.onnx"] = network_as_onnx(classifier, "skattn.serving.export", weights)
    settings = _reading(vectorizer._reader())
    hashes = isinstance(vectorizer._ids_of_tokens(), HashedIds)
    if "_tokenizer" in vars(vectorizer):
        settings["analyzer"] = PRETRAINED
        files["tokenizer.json"] = vectorizer._tokenizer.to_str()  # it has the words too
    elif settings["analyzer"] == SUBWORDS:
        files["tokenizer.json"] = vectorizer.analyzer.to_str()
    if not hashes and settings["analyzer"] != PRETRAINED:
        packed, ends = pack_words(list(vectorizer.vocabulary_))
        files["words.npz"] = {"packed": packed, "ends": ends}
    return {
        "reader": settings,
        "max_length": vectorizer._n_columns(),
        "truncation": vectorizer.truncation,
        "unknown": vectorizer.unknown,
        "n_features": vectorizer.n_features if hashes else None,
        "n_outputs": len(classifier.classes_),
    }


def _reading(reader):
    """The text analysis of a `CountVectorizer` as plain values."""
    for name in _FUNCTIONS:
        value = getattr(reader, name)
        if callable(value):
            raise ValueError(
                f"{name}={value!r} is your own function, which cannot be exported. Serve this "
                "classifier from a joblib file, in a process that can import the function."
            )
    words = reader.get_stop_words()
    return {
        "analyzer": SUBWORDS if is_subword_tokenizer(reader.analyzer) else reader.analyzer,
        "lowercase": bool(reader.lowercase),
        "strip_accents": reader.strip_accents,
        "stop_words": words if words is None else sorted(words),
        "token_pattern": reader.token_pattern,
        "ngram_range": list(map(int, reader.ngram_range)),
    }


def _linear(pipeline, several, files):
    """The settings of the linear part; its arrays are added to `files`."""
    vectorizers = [vectorizer for _, vectorizer in pipeline["features"].transformer_list]
    classifier = pipeline["classifier"]
    models = classifier.estimators_ if several else [classifier]
    n_features = sum(len(vectorizer.vocabulary_) for vectorizer in vectorizers)
    coefficients, intercepts = zip(*(_hyperplane(m, n_features) for m in models), strict=True)
    coefficients = np.concatenate(coefficients)
    if not several:
        coefficients = coefficients * pipeline["ratios"].ratios_
    arrays = {
        "coefficients": np.ascontiguousarray(coefficients.T, dtype=np.float32),
        "intercepts": np.concatenate(intercepts),
    }
    for number, vectorizer in enumerate(vectorizers):
        words = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
        arrays[f"packed_{number}"], arrays[f"ends_{number}"] = pack_words(words)
        arrays[f"idf_{number}"] = vectorizer.idf_
    files["linear.npz"] = arrays
    readers = [_reading(vectorizer) for vectorizer in vectorizers]
    return {"readers": readers, "several": several, "sharpness": SHARPNESS}


def _hyperplane(model, n_features):
    """Coefficients (n_outputs, n_features) and intercepts of one linear model."""
    if hasattr(model, "coef_"):
        return model.coef_, np.atleast_1d(model.intercept_)
    certain = model.predict([[0.0]])[0]  # a label that all texts had, or none
    return np.zeros((1, n_features)), np.array([np.inf if certain else -np.inf])
