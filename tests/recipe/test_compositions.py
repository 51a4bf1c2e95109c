"""`TextClassifier` inside scikit-learn's searches, votes and calibrations, in a moment each."""

import numpy as np
import polars as pl
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import TextClassifier

LABELS = np.array(["a", "b", "c"] * 16)
TEXTS = [f"word{row % 7} word{row % 5} mark{label}" for row, label in enumerate(LABELS)]


def linear(**params):
    return TextClassifier(network=False, random_state=0, **params)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GridSearchCV(linear(), {"min_df": [1, 2], "lowercase": [True, False]}, cv=2),
        lambda: VotingClassifier([("a", linear()), ("b", linear(min_df=1))], voting="soft"),
        lambda: CalibratedClassifierCV(linear(), cv=2),
        lambda: CalibratedClassifierCV(FrozenEstimator(linear().fit(TEXTS, LABELS))),
        lambda: StackingClassifier([("a", linear())], LogisticRegression(), cv=2),
        lambda: make_pipeline(FunctionTransformer(), linear()),
    ],
    ids=["search", "vote", "calibration", "frozen", "stack", "pipeline"],
)
def test_inside_what_scikit_learn_has(make):
    fitted = make().fit(TEXTS, LABELS)
    assert fitted.predict_proba(TEXTS[:5]).shape == (5, 3)
    assert fitted.score(TEXTS, LABELS) == 1.0


def test_predictions_across_folds():
    found = cross_val_predict(linear(), TEXTS, LABELS, cv=3, method="predict_proba")
    assert np.mean(np.array(["a", "b", "c"])[found.argmax(axis=1)] == LABELS) == 1.0


def test_a_column_of_polars():
    assert linear().fit(pl.Series(TEXTS), pl.Series(LABELS)).score(pl.Series(TEXTS), LABELS) == 1.0


@pytest.mark.parametrize("name", ["head_penalty", "max_df", "n_layers", "tol", "cache_size"])
def test_none_is_refused_where_no_rule_takes_its_place(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        TextClassifier(**{name: None}).fit(TEXTS, LABELS)
