"""The estimators inside scikit-learn: searches, ensembles, calibration, routing, pictures."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    check_cv,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import AttentionTextClassifier, GatedDenseClassifier, SequenceVectorizer

WORDS = ("good", "fine", "bad", "poor")
TEXTS = [f"{word} {filler} film" for filler in "abcdefgh" for word in WORDS]
OPINIONS = np.tile(["good", "good", "bad", "bad"], 8)


def gated(**parameters):
    return GatedDenseClassifier(
        **{"units": 8, "epochs": 15, "learning_rate": 0.02, "random_state": 0} | parameters
    )


def text(**parameters):
    defaults = {"encoder": "none", "embedding_dim": 8, "epochs": 20, "learning_rate": 0.05}
    return AttentionTextClassifier(**defaults | {"random_state": 0} | parameters)


def text_pipeline(**parameters):
    return make_pipeline(SequenceVectorizer(token_pattern=r"\w+"), text(**parameters))


# -- folds and scores ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [gated, text])
def test_an_integer_cv_means_stratified_folds(make, dense_rows):
    splitter = check_cv(
        3, dense_rows[1], classifier=make().__sklearn_tags__().estimator_type == "classifier"
    )
    assert isinstance(splitter, StratifiedKFold)
    y = np.repeat([0, 1], [81, 9])
    seen = []

    def scorer(estimator, X, y):
        seen.append(np.bincount(y).tolist())
        return 0.0

    X = np.arange(180).reshape(90, 2)
    cross_val_score(make(epochs=1), X, y, cv=3, scoring=scorer)
    assert seen == [[27, 3]] * 3


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "accuracy", "neg_log_loss", "f1_macro"])
def test_every_usual_score_works(scoring, dense_rows):
    scores = cross_val_score(gated(), *dense_rows, cv=2, scoring=scoring)
    assert np.all(scores > (-0.6 if scoring == "neg_log_loss" else 0.75))


def test_roc_auc_of_two_classes_works(dense_rows):
    X, y = dense_rows
    assert cross_val_score(gated(), X, y == 1, cv=2, scoring="roc_auc").min() > 0.9


def test_probabilities_of_every_fold_can_be_put_together(dense_rows):
    X, y = dense_rows
    probabilities = cross_val_predict(gated(), X, y, cv=3, method="predict_proba")
    assert probabilities.shape == (90, 3)
    assert np.mean(probabilities.argmax(axis=1) == y) > 0.8


# -- texts -----------------------------------------------------------------------------------------


def test_a_pipeline_from_raw_texts():
    pipeline = text_pipeline().fit(TEXTS, OPINIONS)
    assert pipeline.score(TEXTS, OPINIONS) == 1.0
    assert pipeline.predict(["a good one", "such a bad one"]).tolist() == ["good", "bad"]
    assert pipeline.predict_proba(["nothing known 12345"]).shape == (1, 2)
    assert np.all(np.isfinite(pipeline.predict_proba(["", "?!"])))


@pytest.mark.slow
def test_a_search_over_both_steps():
    grid = {
        "sequencevectorizer__lowercase": [True, False],
        "attentiontextclassifier__attention": ["feedforward", "additive"],
    }
    search = GridSearchCV(text_pipeline(), grid, cv=2).fit(TEXTS, OPINIONS)
    assert search.best_score_ > 0.9
    assert not np.any(np.isnan(search.cv_results_["mean_test_score"]))
    assert search.predict(["a fine one"]).tolist() == ["good"]


def test_tfidf_goes_into_the_gated_classifier():
    pipeline = make_pipeline(TfidfVectorizer(), gated(epochs=30)).fit(TEXTS, OPINIONS)
    assert pipeline.score(TEXTS, OPINIONS) == 1.0


def test_the_representation_is_a_step_before_another_classifier():
    pipeline = make_pipeline(
        SequenceVectorizer(token_pattern=r"\w+"), text(), StandardScaler(), LogisticRegression()
    )
    pipeline.fit(TEXTS, OPINIONS)
    assert pipeline.score(TEXTS, OPINIONS) == 1.0
    assert pipeline[:-1].get_feature_names_out()[0] == "attentiontextclassifier0"


# -- searches --------------------------------------------------------------------------------------

GRID = {"learning_rate": [1e-3, 2e-2], "units": [4, 8]}


@pytest.fixture(scope="module")
def serial_search(dense_rows):
    return GridSearchCV(gated(), GRID, cv=3, n_jobs=1).fit(*dense_rows)


@pytest.mark.slow
def test_a_search_in_one_process(serial_search, dense_rows):
    X, y = dense_rows
    assert serial_search.best_params_["learning_rate"] == 2e-2
    assert serial_search.best_score_ > 0.85
    assert serial_search.score(X, y) > 0.9


@pytest.mark.slow  # starts two processes
def test_a_search_in_two_processes_gives_the_same(serial_search, dense_rows):
    search = GridSearchCV(gated(), GRID, cv=3, n_jobs=2).fit(*dense_rows)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"],
        serial_search.cv_results_["mean_test_score"],
        atol=0.02,
    )
    assert search.best_params_ == serial_search.best_params_
    assert search.score(*dense_rows) > 0.9


@pytest.mark.slow  # starts two processes
def test_a_search_over_texts_in_two_processes():
    search = GridSearchCV(
        text_pipeline(), {"attentiontextclassifier__l2": [0.0, 1e-3]}, cv=2, n_jobs=2
    )
    assert search.fit(TEXTS, OPINIONS).best_score_ > 0.9


def test_a_search_with_a_bad_parameter_tells_of_it(dense_rows):
    with pytest.raises(ValueError, match="'units' parameter of GatedDenseClassifier"):
        GridSearchCV(gated(), {"units": [0]}, cv=2, error_score="raise").fit(*dense_rows)


# -- ensembles and calibration ---------------------------------------------------------------------


def test_soft_voting_is_the_mean_of_the_probabilities(dense_rows):
    X, y = dense_rows
    members = [("ours", gated()), ("theirs", LogisticRegression())]
    vote = VotingClassifier(members, voting="soft").fit(X, y)
    expected = np.mean([member.predict_proba(X) for member in vote.estimators_], axis=0)
    np.testing.assert_allclose(vote.predict_proba(X), expected, atol=1e-6)
    assert vote.score(X, y) > 0.9


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibration(method, dense_rows):
    X, y = dense_rows
    calibrated = CalibratedClassifierCV(gated(), method=method, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.85
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1, atol=1e-5)


def test_stacking(dense_rows):
    X, y = dense_rows
    members = [("ours", gated()), ("theirs", LogisticRegression())]
    stack = StackingClassifier(members, LogisticRegression(), cv=2).fit(X, y)
    assert stack.score(X, y) > 0.9
    assert stack.stack_method_ == ["predict_proba", "predict_proba"]


@pytest.mark.slow
@pytest.mark.parametrize("make", [gated, text])
def test_one_against_the_rest(make, dense_rows):
    X, y = dense_rows
    X = X if make is gated else np.digitize(X, [-1, 0, 1, 2, 3]) + 2 + 10 * np.arange(5)
    ensemble = OneVsRestClassifier(make()).fit(X, y)
    assert len(ensemble.estimators_) == 3
    assert ensemble.predict_proba(X).shape == (90, 3)
    assert ensemble.score(X, y) > 0.8


def test_chains_of_labels(dense_rows):
    X, y = dense_rows
    Y = np.stack([y > 0, y > 1], axis=1).astype(int)
    chain = ClassifierChain(gated()).fit(X, Y)
    assert np.mean(chain.predict(X) == Y) > 0.9


# -- inspection ------------------------------------------------------------------------------------


def test_permutation_importance_finds_the_features_that_count(dense_rows):
    X, y = dense_rows
    result = permutation_importance(gated().fit(X, y), X, y, n_repeats=3, random_state=0)
    assert set(np.argsort(result.importances_mean)[-2:]) == {0, 1}


def test_roc_curve_display(dense_rows):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    X, y = dense_rows
    display = RocCurveDisplay.from_estimator(gated().fit(X, y == 1), X, y == 1)
    assert display.roc_auc > 0.9
    pyplot.close(display.figure_)


@pytest.mark.parametrize("make", [gated, text])
def test_the_html_picture_names_class_and_parameters(make, dense_rows):
    for estimator in (make(), make_pipeline(StandardScaler(), make())):
        shown = estimator._repr_html_()
        assert type(make()).__name__ in shown
        assert "learning_rate" in shown
    unfitted = make(epochs=1)
    assert "<span>Not fitted</span>" in unfitted._repr_html_()
    unfitted.fit(np.arange(8).reshape(4, 2), [0, 1, 0, 1])
    assert "<span>Fitted</span>" in unfitted._repr_html_()
    assert repr(make(epochs=3)).startswith(type(make()).__name__)


# -- metadata --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_weights_are_routed_through_pipeline_and_search(dense_rows):
    X, y = dense_rows
    weights = (np.arange(90) % 2).astype(float)
    with config_context(enable_metadata_routing=True):
        step = gated().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), step)
        pipeline.fit(X, y, sample_weight=weights)
        kept = weights > 0
        plain = make_pipeline(StandardScaler(), gated()).fit(X[kept], y[kept])
        np.testing.assert_allclose(pipeline.predict_proba(X), plain.predict_proba(X), atol=1e-4)
        search = GridSearchCV(pipeline, {"gateddenseclassifier__units": [4]}, cv=2)
        search.fit(X, y, sample_weight=weights)
        scores = cross_validate(pipeline, X, y, cv=2, params={"sample_weight": weights})
    assert scores["test_score"].min() > 0.6


def test_weights_that_nobody_asked_for_are_an_error(dense_rows):
    X, y = dense_rows
    with (
        config_context(enable_metadata_routing=True),
        pytest.raises(Exception, match=r"sample_weight.*(not explicitly set|requested or not)"),
    ):
        make_pipeline(gated()).fit(X, y, sample_weight=np.ones(90))


def test_weights_go_by_name_without_routing(dense_rows):
    X, y = dense_rows
    weights = (np.arange(90) % 2).astype(float)
    pipeline = make_pipeline(StandardScaler(), gated())
    pipeline.fit(X, y, gateddenseclassifier__sample_weight=weights)
    scaled, kept = pipeline[0].transform(X), weights > 0  # the scaler saw all rows
    plain = gated().fit(scaled[kept], y[kept])
    np.testing.assert_allclose(pipeline.predict_proba(X), plain.predict_proba(scaled), atol=1e-6)


def test_classes_are_routed_to_partial_fit(dense_rows):
    X, y = dense_rows
    clf = gated()
    for start in range(0, 90, 30):
        rows = slice(start, start + 30)
        clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert clf.score(X, y) > 0.5
