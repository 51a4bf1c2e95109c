"""Find fitted models inside pipelines, searches, calibrations and votes.

Everything is found by what an object can do (``best_estimator_``, ``estimators_``, ...), so that
nothing here imports an estimator of ours.
"""

from numbers import Integral
from typing import NamedTuple

from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

_CHOSEN = ("best_estimator_", "estimator_")  # the one fitted model that answers for the whole


class FinalModel(NamedTuple):
    """The model at the end of pipelines and searches."""

    model: object
    steps: list  # the fitted transformers before it, in order


class _Texts:
    """How a classifier of raw texts reads what it is given: columns of a frame, for one."""

    def __init__(self, model):
        self.transform = model._texts


class _Column:
    """The one column of a frame that a ColumnTransformer reads."""

    def __init__(self, name):
        self.name = name

    def transform(self, X):
        if isinstance(X, list):
            raise TypeError(
                f"The model reads column {self.name!r} of a data frame: give the frame."
            )
        return _safe_indexing(X, self.name, axis=1)


class Ensemble(NamedTuple):
    """Fitted models whose probabilities are averaged."""

    names: list
    models: list
    weights: list | None  # None: the models differ in their training data only


def final_model(model, steps=(), whole_columns=False):
    """Follow pipelines, searches and frozen estimators to the model at their end.

    Parameters
    ----------
    model : fitted estimator
    steps : sequence of fitted transformers
        Before `model`.
    whole_columns : bool, default=False
        Whether a ColumnTransformer of one text column stays as it is, which knows the names of its
        features; otherwise its parts take its place, which know the words.
    """
    steps = list(steps)
    while True:
        chosen = _chosen(model)
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, Pipeline):
            steps += _transformers(model.steps[:-1], whole_columns)
            model = model.steps[-1][1]
        elif chosen is not None:
            model = chosen
        else:
            if hasattr(model, "_texts"):  # TextClassifier: its parts read one text a row
                steps.append(_Texts(model))
            return FinalModel(model, steps)


def _chosen(model):
    """The one fitted model that answers for the whole, if there is one."""
    if hasattr(model, "estimators_"):  # of bagging or boosting; its `estimator_` is not fitted
        return None
    return next((getattr(model, name) for name in _CHOSEN if hasattr(model, name)), None)


def n_searched(model):
    """The number of candidates of the search that `model` is, or ends in; 0 without a search."""
    while True:
        if hasattr(model, "cv_results_"):
            return len(model.cv_results_["params"])
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, Pipeline):
            model = model.steps[-1][1]
        else:
            return 0


def ensemble_of(model):
    """The :class:`Ensemble` that a calibration or a vote is; None for any other model."""
    if hasattr(model, "calibrated_classifiers_"):
        models = [calibrated.estimator for calibrated in model.calibrated_classifiers_]
        return Ensemble([str(number) for number in range(1, len(models) + 1)], models, None)
    weights = getattr(model, "weights_", None)
    if isinstance(weights, dict) and weights and all(hasattr(model, f"{n}_") for n in weights):
        models = [getattr(model, f"{name}_") for name in weights]
        return Ensemble(list(weights), models, list(weights.values()))
    if hasattr(model, "estimators_") and hasattr(model, "voting"):
        kept = [i for i, (_, member) in enumerate(model.estimators) if member != "drop"]
        names = [model.estimators[i][0] for i in kept]
        return Ensemble(names, list(model.estimators_), _vote_weights(model, kept))
    return None


def voters_of(model):
    """The :class:`Ensemble` that `model` is; None for any other model.

    Raises
    ------
    TypeError
        For a vote without probabilities.
    """
    ensemble = ensemble_of(model)
    if ensemble is not None and getattr(model, "voting", "soft") != "soft":
        raise TypeError(
            f"VotingClassifier(voting={model.voting!r}) has no probabilities to share out between "
            "its members: use voting='soft'."
        )
    return ensemble


def transformed(steps, texts):
    """What fitted steps make of the texts."""
    for step in steps:
        texts = step.transform(texts)
    return texts


def names_from_outside_in(model):
    """The class names on the way to the end, such as ``Pipeline > LogisticRegression``."""
    names = [type(model).__name__]
    if isinstance(model, Pipeline):
        names.append(names_from_outside_in(model.steps[-1][1]))
    elif (chosen := _chosen(model)) is not None:
        names.append(names_from_outside_in(chosen))
    elif hasattr(model, "estimators_"):
        members = [names_from_outside_in(member) for member in list(model.estimators_)[:5]]
        names.append(f"({', '.join(members)})")
    return " > ".join(names)


def _vote_weights(vote, kept):
    """The weights of the fitted members of a vote."""
    if vote.weights is None:
        return [1.0] * len(kept)
    return [vote.weights[i] for i in kept]


def _transformers(named_steps, whole_columns=False):
    """The transformers of (nested) pipelines in a row, without passthrough steps."""
    flat = []
    for _, step in named_steps:
        if isinstance(step, Pipeline):
            flat += _transformers(step.steps, whole_columns)
        elif isinstance(step, ColumnTransformer) and not whole_columns:
            flat += _of_one_column(step)
        elif step is not None and not isinstance(step, str):
            flat.append(step)
    return flat


def _of_one_column(step):
    """A ColumnTransformer of one text column as the choice of the column and what reads it."""
    parts = [(part, columns) for _, part, columns in step.transformers_ if part != "drop"]
    if len(parts) != 1 or step.transformer_weights:
        return [step]
    part, column = parts[0]
    readers = _transformers([("", part)])
    a_series = isinstance(column, (str, Integral))  # which nothing but a reader of texts takes
    if not a_series and not any(hasattr(reader, "token_spans") for reader in readers):
        return [step]
    return [_Column(column), *readers]


def reads_a_column(steps):
    """Tell whether one of the steps takes a column out of a frame."""
    return any(isinstance(step, _Column) for step in steps)


def hidden_by_columns(steps):
    """Why a ColumnTransformer among the steps hides the words; empty if none does."""
    if not any(isinstance(step, ColumnTransformer) for step in steps):
        return ""
    return (
        "A ColumnTransformer is explained only if its one transformer reads one column of texts, "
        "without transformer_weights. Fit on this column alone, or give several text columns to "
        "TextClassifier(columns=[...])."
    )
