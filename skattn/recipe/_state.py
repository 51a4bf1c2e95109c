"""The state of a `TextClassifier`: parameters, plain values and its two fitted pipelines."""

from numbers import Real

import numpy as np
from sklearn.pipeline import Pipeline

from skattn.estimators._attention_text import AttentionTextClassifier
from skattn.estimators._state import FORMAT, check_optimizer_state, plain_parameters
from skattn.utils._saved_state import as_given, defaults, refuse_hiding, refuse_other_formats
from skattn.vectorizer._subwords import is_subword_tokenizer, subword_tokenizer_from_json

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
    state = as_given(kind, state)
    refuse_other_formats(kind, state.pop("_format", FORMAT), FORMAT)
    try:
        if "_analyzer_json" in state:
            state["analyzer"] = subword_tokenizer_from_json(state.pop("_analyzer_json"))
        refuse_hiding(kind, state)
        state = defaults(kind) | state
        if isinstance(state["optimizer"], dict):
            check_optimizer_state(state["optimizer"])
        if "weights_" in state:
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
    for name in weights:
        if not isinstance(state.get(f"{name}_"), Pipeline):
            raise ValueError(f"its {name} is missing")
    if "network" in weights:
        classifier = state["network_"].steps[-1][1]
        if not isinstance(classifier, AttentionTextClassifier):
            raise ValueError("its network is none")
