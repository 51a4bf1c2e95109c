"""Our pipelines in other people's tools: LIME, Optuna, MLflow and scikit-learn's inspection."""

import numpy as np
import pytest
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import cross_val_score

from skattn import GatedDenseClassifier, make_text_classifier

pytestmark = pytest.mark.filterwarnings(  # of the tools themselves
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning"
)
TEXTS = ["a good film", "a bad film", "good good story", "bad bad story"] * 6
NAMES = ["good", "bad"] * 12


@pytest.fixture(scope="module")
def pipeline():
    settings = {"units": 8, "embedding_dim": 8, "epochs": 20, "random_state": 0}
    return make_text_classifier(learning_rate=0.01, **settings).fit(TEXTS, NAMES)


@pytest.mark.slow
def test_lime_explains_a_pipeline(pipeline):
    lime_text = pytest.importorskip("lime.lime_text", reason="LIME is not installed")
    explainer = lime_text.LimeTextExplainer(
        class_names=pipeline.classes_.tolist(), random_state=0, bow=False
    )
    explanation = explainer.explain_instance(
        "a good story", pipeline.predict_proba, num_features=2, num_samples=100
    )
    weights = dict(explanation.as_list())
    assert max(weights, key=lambda word: abs(weights[word])) == "good"


@pytest.mark.slow
def test_optuna_searches(dense_rows):
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        clf = GatedDenseClassifier(
            units=trial.suggest_int("units", 4, 32, log=True),
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            epochs=5,
            random_state=0,
        )
        return cross_val_score(clf, *dense_rows, cv=3).mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=3)
    assert 0.3 < study.best_value <= 1.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow's own, at its import
@pytest.mark.parametrize("form", ["cloudpickle", "skops"])
def test_mlflow_keeps_a_pipeline(form, pipeline, tmp_path):
    pytest.importorskip("mlflow.sklearn", reason="MLflow is not installed")
    from mlflow import sklearn as mlflow_sklearn

    options = {"serialization_format": form, "pip_requirements": ["skattn"]}
    if form == "skops":
        skops_io = pytest.importorskip("skops.io", reason="skops is not installed")
        if form not in mlflow_sklearn.SUPPORTED_SERIALIZATION_FORMATS:
            pytest.skip("this MLflow writes pickles only")
        types = skops_io.get_untrusted_types(data=skops_io.dumps(pipeline))
        options["skops_trusted_types"] = types
    mlflow_sklearn.save_model(pipeline, str(tmp_path / "model"), **options)
    back = mlflow_sklearn.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(back.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))


def test_sklearn_inspection(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=16, epochs=20, learning_rate=0.01, random_state=0).fit(X, y)
    importances = permutation_importance(clf, X, y, n_repeats=10, random_state=0).importances_mean
    assert set(np.argsort(importances)[-2:]) == {0, 1}  # the two that tell the classes apart
    grid = partial_dependence(clf, X, [0], grid_resolution=5, response_method="predict_proba")
    assert grid["average"][1, -1] > grid["average"][1, 0]  # class 1: the larger values
