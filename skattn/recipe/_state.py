"""The state of a `TextClassifier`: parameters, plain values and its two fitted pipelines."""

from numbers import Real

import numpy as np
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from skattn.estimators._attention_text import AttentionTextClassifier
from skattn.estimators._state import FORMAT, check_optimizer_state, plain_parameters
from skattn.recipe._linear import LogCountRatio, MarginClassifier, UnicodeTfidf
from skattn.recipe._rules import from_plain
from skattn.utils._saved_state import (
    Pickled,
    as_given,
    defaults,
    refuse_other_formats,
)
from skattn.vectorizer._sequence_vectorizer import SequenceVectorizer
from skattn.vectorizer._subwords import is_subword_tokenizer, subword_tokenizer_from_json
from skattn.vectorizer._tokens import check_analysis

_FITTED = {
    "classes_": np.ndarray,
    "weights_": dict,
    "settings_": dict,
    "_multilabel": (bool, np.bool_),
}


def to_state(attributes):
    """The state to save: an optimizer as its configuration, a subword tokenizer as JSON."""
    state = plain_parameters(attributes)
    if is_subword_tokenizer(state["analyzer"]):
        state["_analyzer_json"] = state.pop("analyzer").to_str()
    return state


def from_state(kind, state):
    """The attributes from a saved state, or an error that says what is wrong with it."""
    name = kind.__name__
    if not isinstance(state, dict):
        raise ValueError(f"This file does not hold the state of a {name}.")
    trusted = state.get(Pickled.KEY) is Pickled  # and perhaps changed by its owner since `fit`
    state = as_given(kind, state, check_analysis)
    refuse_other_formats(kind, state.pop("_format", FORMAT), FORMAT)
    try:
        if "_analyzer_json" in state:
            state["analyzer"] = subword_tokenizer_from_json(state.pop("_analyzer_json"))
        state = defaults(kind) | state
        if isinstance(state["optimizer"], dict):
            check_optimizer_state(state["optimizer"])
        if "weights_" in state and not trusted:
            _check_fitted(state)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"This file does not hold a valid {name}: {error}") from error
    return state


def _check_fitted(state):
    for name, kind in _FITTED.items():
        if not isinstance(state.get(name), kind):
            raise ValueError(f"{name!r} is missing or of the wrong type")
    weights = state["weights_"]
    if not weights or not set(weights) <= {"network", "linear"}:
        raise ValueError("its weights are not those of a network and a linear model")
    if not all(isinstance(value, Real) and 0 <= value <= 1 for value in weights.values()):
        raise ValueError("its weights are not between 0 and 1")
    classes = state["classes_"]
    if classes.ndim != 1 or len(classes) < 2 or len(np.unique(classes)) < len(classes):
        raise ValueError("its classes_ are not two or more different labels")
    from_plain(state["settings_"])
    names = state.get("feature_names_in_", np.array([], dtype=str))
    if not isinstance(names, np.ndarray) or not all(isinstance(n, str) for n in names.tolist()):
        raise ValueError("its feature_names_in_ are not the names of columns")
    if "network" in weights:
        _check_network(state)
    if "linear" in weights:
        _check_linear(state)


def _steps(state, name, *kinds):
    """The steps of one part, which are of these very types, as `fit` makes them."""
    part = state.get(f"{name}_")
    if type(part) is not Pipeline or part.memory is not None:
        raise ValueError(f"{name}_ is missing, or not a pipeline that `fit` makes")
    steps = [step for _, step in part.steps]
    if [type(step) for step in steps] != list(kinds):
        names = ", ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"the steps of {name}_ are not {names}")
    return steps


def _check_classes(name, found, state):
    """A part knows some of the classes, or with several labels all of them."""
    classes = state["classes_"]
    several = state["_multilabel"]
    if len(found) != len(classes) if several else not np.all(np.isin(found, classes)):
        raise ValueError(f"the classes of {name}_ are not among its classes_")


def _check_network(state):
    vectorizer, classifier = _steps(state, "network", SequenceVectorizer, AttentionTextClassifier)
    check_is_fitted(vectorizer)
    _check_classes("network", classifier.classes_, state)


def _check_linear(state):
    if state["_multilabel"]:
        features, classifier = _steps(state, "linear", FeatureUnion, OneVsRestClassifier)
        classifiers = classifier.estimators_
        if not classifier.multilabel_ or len(classifiers) != len(state["classes_"]):
            raise ValueError("linear_ has not one classifier for each label")
    else:
        kinds = (FeatureUnion, LogCountRatio, MarginClassifier)
        features, ratios, classifier = _steps(state, "linear", *kinds)
        classifiers = [classifier]
    _check_classes("linear", classifier.classes_, state)
    if features.n_jobs is not None or features.transformer_weights is not None:
        raise ValueError("the features of linear_ have parameters that `fit` does not set")
    n_features = sum(_n_features(part) for _, part in features.transformer_list)
    if not state["_multilabel"]:
        _check_numbers(ratios, n_features, ratios_=(n_features,))
    for each in classifiers:
        _check_margins(each, n_features, state["_multilabel"])


def _n_features(part):
    """The number of columns that a part of the features makes."""
    if type(part) is not UnicodeTfidf or type(part._tfidf) is not TfidfTransformer:
        raise ValueError("the features of linear_ are not all of the type UnicodeTfidf")
    columns = part.vocabulary_.values()
    if set(map(type, columns)) != {int} or set(columns) != set(range(len(columns))):
        raise ValueError("a vocabulary_ of linear_ does not number its words from 0 on")
    _check_numbers(part._tfidf, len(columns), idf_=(len(columns),))
    return len(columns)


def _check_margins(classifier, n_features, multilabel):
    if multilabel and type(classifier) is _ConstantPredictor:
        _check_numbers(classifier, n_features, y_=(1,))
        return
    if type(classifier) is not MarginClassifier:
        raise ValueError("a classifier of linear_ is not of the type MarginClassifier")
    n_classes = len(classifier.classes_)
    if n_classes < 2 or (multilabel and n_classes > 2):
        raise ValueError(f"a classifier of linear_ has {n_classes} classes")
    n_rows = 1 if n_classes == 2 else n_classes
    _check_numbers(classifier, n_features, coef_=(n_rows, n_features), intercept_=(n_rows,))


def _check_numbers(step, n_features, **shapes):
    """A step reads all features, and its learned numbers are finite and of these shapes."""
    kind = type(step).__name__
    if step.n_features_in_ != n_features:
        raise ValueError(f"{kind} reads {step.n_features_in_} features of {n_features}")
    for name, shape in shapes.items():
        numbers = getattr(step, name)
        if not isinstance(numbers, np.ndarray) or numbers.dtype.kind not in "fiu":
            raise ValueError(f"{name} of {kind} is not an array of numbers")
        if numbers.shape != shape:
            raise ValueError(f"{name} of {kind} has the shape {numbers.shape}, not {shape}")
        if not np.all(np.isfinite(numbers)):
            raise ValueError(f"{name} of {kind} is infinite or NaN")
