"""The linear member of the recipe: its weights from the equation, its margins as probabilities."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.datasets import load_iris
from sklearn.svm import LinearSVC

from skattn import TextClassifier
from skattn.recipe import _parts
from skattn.recipe._linear import SHARPNESS, LogCountRatio, MarginClassifier

X = np.array([[2.0, 0.0, 1.0], [0.5, 0.0, 0.0], [0.0, 3.0, 1.0]])
Y = ["a", "a", "b"]


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("labels", [["a", "a", "b"], ["a", "b", "c"]])
def test_ratios_are_those_of_the_equation(container, labels):
    ratio = LogCountRatio(alpha=0.5).fit(container(X), labels)
    each = []
    for label in set(labels):
        of_class = np.array([known == label for known in labels])
        n, m = (X[of_class] > 0).sum(axis=0), (X[~of_class] > 0).sum(axis=0)
        share = of_class.mean()
        n_0, m_0 = share * (n + m), (1 - share) * (n + m)
        each.append(np.log((n + 0.5) / (n_0 + 0.5)) - np.log((m + 0.5) / (m_0 + 0.5)))
    expected = np.sqrt(np.abs(each).max(axis=0))
    assert (expected > 0.3).any()
    # a factor of 0 may be the root of a rounding error
    np.testing.assert_allclose(ratio.ratios_, expected, atol=1e-7)
    weighed = ratio.transform(container(X))
    weighed = weighed.toarray() if sparse.issparse(weighed) else weighed
    np.testing.assert_allclose(weighed, X * expected, atol=1e-7)


def test_one_class_changes_nothing():
    np.testing.assert_array_equal(LogCountRatio().fit_transform(X, [2, 2, 2]), X)
    np.testing.assert_array_equal(LogCountRatio().fit(X, Y, [1, 2, 0]).ratios_, 1)


def test_a_rare_feature_that_a_small_class_lacks_counts_little():
    y = np.r_[np.zeros(2), np.ones(98)]
    in_large, in_small, marks_small = np.zeros((3, 100))
    in_large[50], in_small[0], marks_small[:2] = 1, 1, 1
    features = np.stack([in_large, in_small, marks_small], axis=1)
    ratios = LogCountRatio().fit(features, y).ratios_
    assert ratios[0] < 0.2 < 1 < ratios[1] < ratios[2]
    assert ratios[1] ** 2 < 2 * np.log(2)


def test_ratios_leave_the_rows_as_they_are():
    twice = sparse.csr_array((np.ones(4), np.array([0, 0, 1, 1]), np.array([0, 2, 4])))
    LogCountRatio().fit(twice, ["a", "b"])
    assert twice.nnz == 4


def test_probabilities_follow_the_margins():
    X, y = load_iris(return_X_y=True)
    classifier = MarginClassifier(C=0.5, random_state=0).fit(X, y)
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), classifier.predict(X))
    same = LinearSVC(C=0.5, random_state=0).fit(X, y)
    np.testing.assert_array_equal(classifier.decision_function(X), same.decision_function(X))


def test_two_classes_have_the_sigmoid_of_twice_the_margin():
    X, y = load_iris(return_X_y=True)
    classifier = MarginClassifier(random_state=0).fit(X, y == 1)
    expected = expit(2 * SHARPNESS * classifier.decision_function(X))
    np.testing.assert_allclose(classifier.predict_proba(X)[:, 1], expected)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_a_weight_counts_as_so_many_rows_in_the_ratios(container):
    rows, labels = np.r_[X, X + 1, X[:1]], np.array([*Y, "b", "c", "c", "a"])
    weights = np.array([1, 2, 1, 1, 2, 0, 0], dtype=np.float32)
    weighed = LogCountRatio().fit(container(rows), labels, weights)
    repeats = np.repeat(np.arange(len(rows)), weights.astype(int))
    repeated = LogCountRatio().fit(container(rows[repeats]), labels[repeats])
    np.testing.assert_allclose(weighed.ratios_, repeated.ratios_)


def test_texts_that_hardly_count_change_hardly_anything():
    """Flipped labels of weight nearly 0 once hid which words tell the classes apart."""
    words, texts, labels = {"yes": "goal", "no": "film"}, [], []
    for number in range(30):
        for label, word in words.items():
            texts.append(f"the {word} {number % 7} again")
            labels.append(label)
    flipped = ["no" if label == "yes" else "yes" for label in labels]
    weights = [1.0] * len(texts) + [1e-6] * len(texts)
    model = TextClassifier(network=False, random_state=0)
    alone = model.fit(texts, labels).predict_proba(texts)
    both = model.fit(texts * 2, labels + flipped, weights).predict_proba(texts)
    np.testing.assert_allclose(both, alone, atol=0.05)


def test_the_features_side_by_side_are_those_of_the_union(monkeypatch):
    texts, y = ["red apple", "green pear", "", "red pear", "apple green"], [0, 1, 0, 1, 0]
    monkeypatch.setattr(_parts, "N_ROWS_AT_ONCE", 2)
    features = TextClassifier(network=False).fit(texts, y).linear_["features"]
    parts = [part.transform(texts) for _, part in features.transformer_list]
    found, expected = _parts._beside(parts), features.transform(texts)
    assert found.shape == expected.shape
    assert (found != expected).nnz == 0
    assert found.has_canonical_format
