"""What a file of a `TextClassifier` may hold: nothing that `fit` could not have made."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skattn import AttentionTextClassifier, SequenceVectorizer, TextClassifier, trusted_types
from skattn.recipe._linear import UnicodeTfidf

TEXTS = ["a good film", "bad film this"] * 12
SMALL = {"epochs": 1, "units": 4, "embedding_dim": 4, "random_state": 0}
LABELS = {
    "classes": [0, 1] * 12,
    "names": ["x", "y", "z"] * 8,
    "labels": np.array([[0, 1], [1, 1], [1, 0]] * 8),
    "labels of all and none": np.array([[0, 1, 0, 1], [1, 1, 0, 0]] * 12),
}


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(**SMALL).fit(TEXTS, LABELS["classes"])


@pytest.fixture(scope="module")
def multilabel():
    return TextClassifier(network=False, **SMALL).fit(TEXTS, LABELS["labels"])


@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
@pytest.mark.parametrize("labels", LABELS)
def test_every_linear_model_comes_back_from_a_file(labels):
    skops_io = pytest.importorskip("skops.io")
    model = TextClassifier(network=False).fit(TEXTS, LABELS[labels])
    back = skops_io.loads(skops_io.dumps(model), trusted=trusted_types())
    np.testing.assert_array_equal(back.predict_proba(TEXTS), model.predict_proba(TEXTS))


@pytest.mark.parametrize("name", ["filename", "file"])
def test_a_file_cannot_make_predict_open_what_a_text_names(fitted, name):
    skops_io = pytest.importorskip("skops.io")
    model = copy.deepcopy(fitted)
    model.linear_[0].transformer_list[0][1].input = name
    with pytest.raises(ValueError, match="valid UnicodeTfidf: The 'input' parameter"):
        skops_io.loads(skops_io.dumps(model), trusted=trusted_types())
    with pytest.raises(ValueError, match="The 'input' parameter"):
        UnicodeTfidf(input=name).fit([__file__])


def _words(model):
    return model.linear_[0].transformer_list[0][1]


def _replace(model, place, step):
    model.linear_.steps[place] = ("other", step)


def _reader(model):
    model.linear_[0].transformer_list[1] = ("x", TfidfVectorizer(input="filename").fit([__file__]))


ATTACKS = {
    "classes_ are not two": lambda m: setattr(m, "classes_", m.classes_[:1]),
    "classes_ are not two or": lambda m: setattr(m, "classes_", np.array([1, 1])),
    "classes of network_": lambda m: setattr(m, "classes_", np.array(["x", "y"])),
    "classes of linear_": lambda m: setattr(m.linear_[-1], "classes_", np.array([0, 2])),
    "has 1 classes": lambda m: setattr(m.linear_[-1], "classes_", np.array([0])),
    r"coef_ .* shape": lambda m: setattr(m.linear_[-1], "coef_", m.linear_[-1].coef_[:, :3]),
    r"coef_ .* NaN": lambda m: m.linear_[-1].coef_.fill(np.nan),
    r"intercept_ .* shape": lambda m: setattr(m.linear_[-1], "intercept_", np.zeros(3)),
    "intercept_ .* array": lambda m: setattr(m.linear_[-1], "intercept_", 0.0),
    "ratios_ .* infinite": lambda m: m.linear_[1].ratios_.fill(np.inf),
    "ratios_ .* numbers": lambda m: setattr(m.linear_[1], "ratios_", np.array(["x"])),
    "LogCountRatio reads 3": lambda m: setattr(m.linear_[1], "n_features_in_", 3),
    "MarginClassifier reads 3": lambda m: setattr(m.linear_[-1], "n_features_in_", 3),
    "number its words": lambda m: setattr(_words(m), "vocabulary_", {"a": 10**9}),
    "number its": lambda m: setattr(_words(m), "vocabulary_", {"a": 0.0}),
    "a vocabulary_": lambda m: setattr(_words(m), "vocabulary_", {}),
    "TfidfTransformer reads": lambda m: _words(m).vocabulary_.update(new=9),
    "idf_ .* shape": lambda m: setattr(_words(m)._tfidf, "idf_", np.ones(3)),
    "not all of the type UnicodeTfidf": _reader,
    "steps of linear_": lambda m: _replace(m, 0, CountVectorizer(input="filename")),
    "steps of linear_ are": lambda m: m.linear_.steps.pop(1),
    "linear_ is missing": lambda m: setattr(m.linear_, "memory", "folder"),
    "parameters that": lambda m: setattr(m.linear_[0], "n_jobs", 10**6),
    "parameters that `fit`": lambda m: setattr(m.linear_[0], "transformer_weights", "x"),
    "steps of network_": lambda m: m.network_.steps.pop(0),
    "network_ is missing": lambda m: setattr(m, "network_", m.network_[-1]),
    "not fitted": lambda m: (
        m.network_.steps.insert(0, ("x", SequenceVectorizer())) or m.network_.steps.pop(1)
    ),
    "no attribute|not fitted": lambda m: setattr(
        m, "network_", make_pipeline(m.network_[0], AttentionTextClassifier())
    ),
    "feature_names_in_": lambda m: setattr(m, "feature_names_in_", 3),
    "Setting": lambda m: setattr(m, "settings_", {"units": {"values": 3}}),
    "1 <= min_n <= max_n": lambda m: setattr(m, "ngram_range", (3, 1)),
    "not a regular expression": lambda m: setattr(m, "token_pattern", "("),
    "stop_words": lambda m: setattr(m, "stop_words", [1]),
}


def is_refused_after(damage, fitted, message):
    model = copy.deepcopy(fitted)
    damage(model)
    with pytest.raises(ValueError, match=f"does not hold a valid TextClassifier: .*({message})"):
        TextClassifier().__setstate__(model.__getstate__())


@pytest.mark.parametrize("message", ATTACKS)
def test_a_damaged_model_is_refused_at_load(message, fitted):
    is_refused_after(ATTACKS[message], fitted, message)


OF_LABELS = {
    "one classifier for each label": lambda m: m.linear_[-1].estimators_.pop(),
    "one classifier for": lambda m: setattr(
        m.linear_[-1].label_binarizer_, "y_type_", "multiclass"
    ),
    "has 3 classes": lambda m: setattr(m.linear_[-1].estimators_[0], "classes_", np.arange(3)),
    "not of the type MarginClassifier": lambda m: m.linear_[-1].estimators_.__setitem__(0, 3),
    "classes of linear_": lambda m: setattr(m.linear_[-1], "classes_", np.arange(3)),
}


@pytest.mark.parametrize("message", OF_LABELS)
def test_a_damaged_model_of_labels_is_refused_at_load(message, multilabel):
    is_refused_after(OF_LABELS[message], multilabel, message)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ngram_range", (3, 1)),
        ("token_pattern", "("),
        ("token_pattern", "a{99999999999999999999}"),
        ("stop_words", [1]),
    ],
)
@pytest.mark.parametrize("kind", [UnicodeTfidf, SequenceVectorizer, TextClassifier])
def test_parameters_of_the_analysis_are_checked_at_load(kind, name, value):
    wrong = kind(**{name: value})
    with pytest.raises(ValueError, match=f"does not hold a valid {kind.__name__}: .*{name}"):
        kind().__setstate__(wrong.__getstate__())
    assert getattr(pickle.loads(pickle.dumps(wrong)), name) == value  # its fit says it


def test_what_its_owner_changed_since_the_fit_is_copied_and_pickled(fitted):
    model = copy.deepcopy(fitted)
    model.linear_[-1].sparsify()
    model.linear_[0].set_params(n_jobs=2)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict(TEXTS), fitted.predict(TEXTS))
