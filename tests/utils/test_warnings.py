"""A warning names the user's own line, however deep in pipelines and searches it comes from."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skattn import GatedDenseClassifier

X, Y = np.eye(12, 3), ["a", "b"] * 5 + ["c", "b"]  # "c" has too few rows to be stratified


def classifier():
    return GatedDenseClassifier(units=2, epochs=1, validation_fraction=0.25)


@pytest.mark.parametrize(
    "model",
    [
        classifier(),
        make_pipeline("passthrough", classifier()),
        make_pipeline(make_pipeline(classifier())),
        GridSearchCV(classifier(), {"units": [2]}, cv=[(np.arange(12), np.arange(12))]),
    ],
    ids=["alone", "pipeline", "nested", "search"],
)
def test_the_line_of_the_call(model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, Y)
    ours = [warning for warning in caught if "stratified" in str(warning.message)]
    assert ours
    if not isinstance(model, GridSearchCV):  # whose fits run in joblib's frames
        assert {warning.filename for warning in ours} == {__file__}
