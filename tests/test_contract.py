"""scikit-learn's own checks of an estimator: none fails, and what does not run is listed here."""

from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from texts_for_checks import EXPECTED_TO_FAIL, ClassifierOnRows, VectorizerOnRows

from skattn import AttentionTextClassifier, GatedDenseClassifier

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

ESTIMATORS = [GatedDenseClassifier(), AttentionTextClassifier()]
SLOW = {  # checks that take a second or more with one of them
    "check_class_weight_classifiers",
    "check_classifier_data_not_an_array",
    "check_classifiers_classes",
    "check_classifiers_multilabel_output_format_decision_function",
    "check_classifiers_multilabel_representation_invariance",
    "check_classifiers_train",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimators_dtypes",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
    "check_sample_weights_pandas_series",
    "check_supervised_y_2d",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
}
PAST_ITS_TAGS = {
    "check_class_weight_classifiers": "feeds negative numbers, although the tags say that X holds "
    "whole numbers >= 0; its body runs on token ids below",
    "check_sample_weight_equivalence_on_dense_data": "feeds fractions in [0, 1), although the tags "
    "say that X holds whole numbers; its body runs on token ids below",
}
SKIPPED = {
    "check_array_api_input": "needs SCIPY_ARRAY_API and array libraries other than NumPy",
    "check_classifiers_multilabel_output_format_decision_function": "no decision_function: the "
    "networks answer with probabilities",
}


def name_of(check):
    return check.func.__name__


def checks():
    """Every check of both, for pytest; scikit-learn's own function marks no slow ones."""
    found = []
    for estimator in ESTIMATORS:
        refused = PAST_ITS_TAGS if isinstance(estimator, AttentionTextClassifier) else {}
        for instance, check in estimator_checks_generator(estimator):
            name = name_of(check)
            marks = [pytest.mark.slow] if name in SLOW else []
            if name in refused:
                marks.append(pytest.mark.xfail(reason=refused[name]))
            identity = f"{type(estimator).__name__}-{name}"
            found.append(pytest.param(instance, check, marks=marks, id=identity))
    return found


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learns_checks(estimator, check):
    run(check, estimator)


def run(check, estimator):
    """Run a check; a check that stops running must be noticed."""
    try:
        check(estimator)
    except SkipTest:
        assert name_of(check) in SKIPPED
        pytest.skip(SKIPPED[name_of(check)])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_every_listed_skip_is_one(estimator):
    found = set()
    for instance, check in estimator_checks_generator(estimator):
        if name_of(check) in SKIPPED:
            found.add(name_of(check))
            with pytest.raises(SkipTest):
                check(instance)
    # scikit-learn 1.7 runs that of array libraries only where the tags promise to take them
    assert found | {"check_array_api_input"} == set(SKIPPED)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_as_many_checks_run_as_for_mlp_classifier(estimator):
    ours = {name_of(check) for _, check in estimator_checks_generator(estimator)}
    theirs = {name_of(check) for _, check in estimator_checks_generator(MLPClassifier())}
    sparse = {"check_sample_weight_equivalence_on_sparse_data"}  # the text classifier has none
    assert theirs - ours == (set() if get_tags(estimator).input_tags.sparse else sparse)


OF_TEXTS = [ClassifierOnRows(epochs=2, units=8, embedding_dim=8), VectorizerOnRows()]


@pytest.mark.slow
@parametrize_with_checks(OF_TEXTS, expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL)
def test_scikit_learns_checks_on_texts(estimator, check):
    run(check, estimator)


@pytest.mark.slow
def test_checks_on_texts_fail_for_the_reasons_given():
    names, failed = ("check_classifiers_train", "check_transformer_general"), set()
    for estimator in OF_TEXTS:
        for instance, check in estimator_checks_generator(estimator):
            if name_of(check) in names:
                with pytest.raises(AssertionError, match="number of features"):
                    check(instance)
                failed.add((type(estimator), name_of(check)))
    of_classifier = {(ClassifierOnRows, name) for name in names}
    assert failed == of_classifier | {(VectorizerOnRows, "check_transformer_general")}


class OnTokenIds(AttentionTextClassifier):
    """The text classifier, with any numbers made valid token ids before they reach it."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(as_token_ids(X), y, sample_weight)

    def predict(self, X):
        return super().predict(as_token_ids(X))

    def predict_proba(self, X):
        return super().predict_proba(as_token_ids(X))

    def transform(self, X):
        return super().transform(as_token_ids(X))


def as_token_ids(X):
    """Whole numbers from 2 on, in the same order."""
    return np.floor(20 * np.asarray(X)).astype(int) + 1202


@pytest.mark.parametrize("name", PAST_ITS_TAGS)
@pytest.mark.parametrize("encoder", ["conv", pytest.param("lstm", marks=pytest.mark.slow)])
def test_the_body_of_each_expected_failure_holds_on_token_ids(name, encoder):
    getattr(estimator_checks, name)("OnTokenIds", OnTokenIds(encoder=encoder))


def test_the_expected_failures_fail_for_the_reason_given():
    X = np.random.default_rng(0).random((4, 3))
    with pytest.raises(ValueError, match="whole numbers >= 0"):
        AttentionTextClassifier().fit(X, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="Negative values in data"):
        AttentionTextClassifier().fit(-np.ones((4, 3)), [0, 1, 0, 1])


def test_tags_say_what_the_classifiers_take():
    text, gated = get_tags(AttentionTextClassifier()), get_tags(GatedDenseClassifier())
    assert text.input_tags.categorical
    assert text.input_tags.positive_only
    assert not text.input_tags.sparse
    assert gated.input_tags.sparse
    assert not gated.input_tags.positive_only
    for tags in (text, gated):
        assert tags.estimator_type == "classifier"
        assert tags.classifier_tags.multi_class
        assert tags.classifier_tags.multi_label
        assert not tags.classifier_tags.poor_score
        assert not tags.non_deterministic
        assert tags.target_tags.required
        assert not tags.input_tags.allow_nan


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_an_estimator_is_a_classifier_that_stores_its_parameters_and_nothing_else(estimator):
    assert is_classifier(estimator)
    assert vars(estimator).keys() == estimator.get_params().keys()
    assert set(estimator._parameter_constraints) == set(estimator.get_params())
    assert clone(estimator).get_params() == estimator.get_params()
    assert not hasattr(estimator, "decision_function")
