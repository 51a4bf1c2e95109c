"""Fit the two parts of a `TextClassifier`: its network and its linear model."""

import copy
import os
import re
from collections.abc import Mapping

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from skattn.engine._stages import stage
from skattn.estimators._attention_text import AttentionTextClassifier
from skattn.fitting._fit import draw_seed
from skattn.recipe._linear import LogCountRatio, MarginClassifier, UnicodeTfidf
from skattn.utils._pretrained_folder import find_folder, read_config, read_tokenizer
from skattn.utils._targets import encode_targets
from skattn.vectorizer._sequence_vectorizer import SequenceVectorizer
from skattn.vectorizer._subwords import is_subword_tokenizer
from skattn.vectorizer._tokens import build_tokens
from skattn.vectorizer._vocabulary import document_bounds

OF_VECTORIZER = tuple(SequenceVectorizer().get_params())
OF_NETWORK = tuple(
    name
    for name in AttentionTextClassifier().get_params()
    if name not in ("embeddings", "vocabulary_size")
)
CONSTRAINTS = SequenceVectorizer._parameter_constraints | {
    name: AttentionTextClassifier._parameter_constraints[name] for name in OF_NETWORK
}
_PREPROCESSING = ("lowercase", "strip_accents", "preprocessor")
_OF_WORDS = ("stop_words", "tokenizer")
N_ROWS_AT_ONCE = 1024  # bounds the memory of a copy
_NGRAMS = {"word": (1, 2), "char": (1, 3), "char_wb": (2, 5)}  # of the linear model


def make_network(params):
    """The vectorizer and the classifier with these parameters, not fitted."""
    names = ("pretrained", "max_length", "truncation") if params["pretrained"] else OF_VECTORIZER
    own = {name: params[name] for name in names}
    hashed_or_given = params.get("n_features") or params.get("vocabulary") is not None
    if hashed_or_given:
        for name in ("min_df", "max_df"):  # of the linear model only
            own.pop(name, None)
    if own.get("tokenizer") is not None:
        own["token_pattern"] = None
    elif own.get("analyzer") != "word":
        own.pop("token_pattern", None)
    of_network = {name: params[name] for name in OF_NETWORK if params[name] is not None}
    if of_network.get("extra_pooling") == "none":
        of_network["extra_pooling"] = None
    vectorizer = SequenceVectorizer(**own).set_output(transform="default")
    classifier = AttentionTextClassifier(**of_network).set_output(transform="default")
    return vectorizer, classifier


def tokens_repeat(texts, params, kept):
    """Whether a token occurs in two texts, however the models read them; punctuation aside.

    Parameters
    ----------
    texts : list of str
    params : dict
        Of `TextClassifier`, rules applied.
    kept : collection of {"network", "linear"}
    """
    readers = []
    if "network" in kept and not params["pretrained"]:
        readers.append(build_tokens(make_network(params)[0]._reader()))
    if "linear" in kept:
        readers += [part.build_analyzer() for _, part in _features(params).transformer_list]
    return all(_any_repeats(map(read, texts)) for read in readers)


def _any_repeats(tokens):
    seen = set()
    for of_text in tokens:
        each = {token for token in of_text if re.search(r"\w", str(token))}
        if not seen.isdisjoint(each):
            return True
        seen |= each
    return False


def fit_network(data, params, before=None, bar=None, validation_data=None):
    """Fit the network.

    Parameters
    ----------
    data : Data
    params : dict
        Of `TextClassifier`, rules applied.
    before : Pipeline or None
        The result of an earlier fit, from which training continues.
    bar : keras.callbacks.Callback or None
        Shows progress.
    validation_data : tuple or None
        Texts to validate with, their labels and perhaps their weights.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
    interruption : KeyboardInterrupt or None
        A Ctrl-C that ended the training after whole epochs.
    """
    vectorizer, classifier = make_network(params)
    settings = classifier.get_params(deep=False)
    if before is not None:
        vectorizer = kept_vectorizer(before[0], vectorizer)
        classifier = continued(before[-1], settings)
    with stage("tokens"):
        read = vectorizer.fit_transform if before is None else vectorizer.transform
        ids = read(data.texts)
    if bar is not None:
        classifier.set_params(verbose=0, callbacks=[*_listed(params["callbacks"]), bar])
    interruption, earlier = None, vars(classifier).get("_fitted")
    try:
        _fit_classifier(classifier, vectorizer, ids, data, validation_data)
    except KeyboardInterrupt as error:
        if vars(classifier).get("_fitted") is earlier:
            raise
        interruption = error
    classifier.set_params(verbose=params["verbose"], callbacks=params["callbacks"])
    return as_pipeline(vectorizer, classifier), interruption


def refuse_lost_path(before, estimator):
    """Raise an error if a file came without a path, and the user did not set it again.

    Paths are not taken from a skops file: what was read from them is there, but the parameter is
    None.

    Parameters
    ----------
    before : SequenceVectorizer
        Fitted.
    estimator : TextClassifier
        With the current parameters.
    """
    if hasattr(before, "_tokenizer") and before.pretrained is None and estimator.pretrained is None:
        raise ValueError(
            "The path of the pretrained model was not taken from the file. Before you continue "
            "training, set it again: set_params(pretrained=...)."
        )
    if (
        hasattr(before, "embeddings_")
        and before.embeddings is None
        and estimator.embeddings is not None
    ):
        raise ValueError(
            "The file of this classifier contains its word vectors, but not where they came from, "
            "so they cannot be compared with embeddings. To continue training, set embeddings=None."
        )


def kept_vectorizer(before, now):
    """The fitted vectorizer; an error if it would have to tokenize differently.

    Parameters
    ----------
    before : SequenceVectorizer
        Fitted.
    now : SequenceVectorizer
        With the current parameters.

    Returns
    -------
    vectorizer : SequenceVectorizer
        If its pretrained model is in another folder now: a copy that has the new path.
    """
    moved = now.pretrained is not None and not same(before.pretrained, now.pretrained)
    if hasattr(before, "_tokenizer") and moved:
        folder = find_folder(now.pretrained)
        found = read_tokenizer(folder, read_config(folder)).tokenizer
        if found.get_vocab() != before._tokenizer.get_vocab():
            raise ValueError(
                f"pretrained={str(now.pretrained)!r} has another vocabulary than the model with "
                "which this classifier was fitted. Set warm_start=False and fit again, or set "
                "pretrained to that model."
            )
        before = copy.copy(before).set_params(pretrained=now.pretrained)
    params, earlier = now.get_params(deep=False), before.get_params(deep=False)
    changed = [name for name in params if not same(earlier[name], params[name])]
    if changed:
        raise ValueError(
            f"warm_start and partial_fit keep the vocabulary, but {changed} changed since. Set "
            "warm_start=False and fit again, or set the parameters back."
        )
    return before


def same(one, other):
    """Tell whether two values of a parameter are equal; they may hold arrays and paths."""
    one, other = (os.fspath(v) if isinstance(v, os.PathLike) else v for v in (one, other))
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if is_subword_tokenizer(one) and is_subword_tokenizer(other):
        return one.to_str() == other.to_str()
    if hasattr(one, "shape") or hasattr(other, "shape"):
        return np.array_equal(one, other)
    return bool(one == other)


def continued(classifier, settings):
    """A copy of a fitted classifier with other parameters: nothing of it is shared.

    Parameters
    ----------
    classifier : AttentionTextClassifier
        Fitted.
    settings : dict
        Parameters.
    """
    return classifier._as_fitted(classifier._fitted).set_params(**settings)


def _fit_classifier(classifier, vectorizer, ids, data, validation_data):
    """Fit on the ids of a fitted vectorizer, beginning with its word vectors."""
    given = {"sample_weight": data.sample_weight}
    if validation_data is not None:
        texts, *labels = validation_data
        given["validation_data"] = (vectorizer.transform(texts), *labels)
    if vectorizer.embeddings is None:
        classifier.fit(ids, data.y, **given)
    else:
        classifier._fit_with_vectors(ids, data.y, vectorizer.embeddings_, **given)


def as_pipeline(vectorizer, classifier):
    """The two fitted steps as one fitted estimator."""
    return Pipeline([("vectorizer", vectorizer), ("classifier", classifier)])


def _listed(callbacks):
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def fit_linear(data, params, n_jobs=None):
    """Fit TF-IDF of words and characters with a linear support vector machine.

    Parameters
    ----------
    data : Data
    params : dict
        Of `TextClassifier`, rules applied.
    n_jobs : int or None
        Used with several labels.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
    """
    weighed = np.flatnonzero(data.weights)  # class_weight may give a class the weight 0
    part = data if len(weighed) == len(data.texts) else data.rows(weighed)
    texts, y, weights = part.texts, part.y, part.weights
    several = y.ndim == 2
    encode_targets(y, several)  # raises an error if there is only one class
    document_bounds(params["min_df"], params["max_df"], len(texts))
    features = _features(params)
    # its own output only: FeatureUnion.set_output would set that of its parts too
    super(FeatureUnion, features).set_output(transform="default")
    steps = [("features", features)]
    try:
        X = _beside([reader.fit_transform(texts, y) for _, reader in features.transformer_list])
    except ValueError as error:
        if not str(error).startswith("empty vocabulary"):
            raise
        raise ValueError(
            f"empty vocabulary; the {len(texts)} texts have no token, only stop words, or fewer "
            "words than ngram_range asks for"
        ) from error
    # only their ratios matter, as for the network
    given = {} if np.ptp(weights) == 0 else {"sample_weight": weights / weights.mean()}
    if not several:
        ratios = LogCountRatio().set_output(transform="default")
        X = ratios.fit_transform(X, y, **given)
        steps.append(("ratios", ratios))
    seed = draw_seed(None) if params["random_state"] is None else params["random_state"]
    classifier = MarginClassifier(C=0.5, random_state=seed)  # None would read NumPy's generator
    with config_context(enable_metadata_routing=several):  # so that each label's model gets them
        if several:
            classifier = OneVsRestClassifier(classifier, n_jobs=n_jobs)
        classifier.fit(X, y, **given)
    return Pipeline([*steps, ("classifier", classifier)])


def _beside(parts):
    """`scipy.sparse.hstack` of CSR matrices, without its copy of all of them."""
    if len(parts) == 1:
        return parts[0]
    ends = np.sum([part.indptr for part in parts], axis=0, dtype=np.int64)
    columns, values = np.empty(ends[-1], dtype=np.int32), np.empty(ends[-1])
    for start in range(0, len(ends) - 1, N_ROWS_AT_ONCE):
        rows = slice(start, start + N_ROWS_AT_ONCE)
        some = sparse.hstack([part[rows] for part in parts], format="csr")
        place = slice(ends[start], ends[start] + some.nnz)
        columns[place], values[place] = some.indices, some.data
    width = sum(part.shape[1] for part in parts)
    return sparse.csr_matrix((values, columns, ends), shape=(len(ends) - 1, width))


def _features(params):
    """The features of the linear model: words, pairs of words, and characters within words."""
    analyzer, ngrams = params["analyzer"], params["linear_ngram_range"]
    shared = {name: params[name] for name in _PREPROCESSING}
    shared |= {"sublinear_tf": True, "min_df": params["min_df"], "max_df": params["max_df"]}
    of_words = {name: params[name] for name in _OF_WORDS}
    of_words["token_pattern"] = None if params["tokenizer"] else params["token_pattern"]
    of_words["ngram_range"] = ngrams or _NGRAMS["word"]
    words = UnicodeTfidf(**shared | of_words)
    if analyzer == "char":
        shared["ngram_range"] = ngrams or _NGRAMS["char"]
        return FeatureUnion([("characters", UnicodeTfidf(analyzer="char", **shared))])
    of_characters = ngrams if analyzer == "char_wb" and ngrams else _NGRAMS["char_wb"]
    within_words = UnicodeTfidf(analyzer="char_wb", ngram_range=of_characters, **shared)
    if analyzer == "char_wb":
        return FeatureUnion([("characters", within_words)])
    if callable(analyzer):
        shared.pop("preprocessor")
        return FeatureUnion([("words", UnicodeTfidf(analyzer=analyzer, **shared))])
    return FeatureUnion([("words", words), ("characters", within_words)])
