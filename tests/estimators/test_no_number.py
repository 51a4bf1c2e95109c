"""What is missing, infinite, damaged or without order is refused by name; no answer holds a NaN."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skattn import AttentionTextClassifier, GatedDenseClassifier, SequenceVectorizer
from skattn.utils._targets import check_targets

NAN = float("nan")
DAYS = [datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 2)]
MISSING = {
    "array": np.array([1.0, NAN, 2.0]),
    "list": [1.0, NAN, 2.0],
    "texts and None": ["a", None, "b"],
    "numbers and None": [True, None, False],
    "objects": np.array(["a", NAN, "b"], dtype=object),
    "pandas numbers": pd.Series([1, None, 2], dtype="Int64"),
    "pandas array": pd.array([1, pd.NA, 2]),
    "pandas bool": pd.Series([True, None, False], dtype="boolean"),
    "pandas texts": pd.Series(["a", None, "b"]),
    "pandas strings": pd.Series(["a", None, "b"], dtype="string"),
    "categories": pd.Series(["a", None, "b"], dtype="category"),
    "frame": pd.DataFrame({"y": ["a", None, "b"]}),
    "polars texts": pl.Series(["a", None, "b"]),
    "polars numbers": pl.Series([1, None, 2]),
    "NaT": np.array(["2020-01-01", "NaT", "2020-01-02"], dtype="datetime64[D]"),
    "pandas NaT": pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-02"])),
    "time spans": np.array([1, "NaT", 2], dtype="timedelta64[D]"),
    "dates": DAYS,
    "several labels": np.array([[1.0, NAN], [0, 1], [1, 1]]),
    "sparse labels": sparse.csr_array(np.array([[1.0, NAN], [0, 1], [1, 1]])),
    "masked": np.ma.masked_array([1, 2, 3], [0, 1, 0]),
}


@pytest.mark.parametrize("y", MISSING.values(), ids=MISSING)
def test_missing_labels_are_said_to_be_those_of_y(y):
    with pytest.raises(ValueError, match=r"y contains NaN: labels are missing"):
        check_targets(y, "Classifier")


@pytest.mark.parametrize("y", [{"a", "b"}, (c for c in "ab"), {"a": 1}, 3, "ab", frozenset("ab")])
def test_labels_without_order_are_refused(y):
    with pytest.raises(TypeError, match="y must be a list or an array of labels"):
        check_targets(y, "Classifier")


@pytest.mark.parametrize("kind", [set, frozenset])
def test_texts_without_order_are_refused(kind):
    with pytest.raises(ValueError, match="a set, whose order is arbitrary"):
        SequenceVectorizer().fit(kind(["a film", "a book"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "transform", "gate_values", "score"]
)
def test_no_answer_holds_a_nan(dense_rows, method):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=1, random_state=0).fit(X, y)
    clf.model_.get_layer("hidden").set_weights([np.ones((5, 4)), np.zeros(4)])
    ask = (lambda rows: clf.score(rows, y)) if method == "score" else getattr(clf, method)
    huge = X.copy()
    huge[7] = 3e38
    with pytest.raises(ValueError, match=r"row 7 .* infinite or NaN.*Scale the features"):
        ask(huge)


@pytest.fixture(scope="module")
def fitted_on_sparse_rows(dense_rows):
    X, y = dense_rows
    return GatedDenseClassifier(units=4, epochs=1).fit(sparse.csr_array(X), y)


def set_in_dok(X, place):
    dict.__setitem__(X._dict, place, 1.0)  # past SciPy's own check


DAMAGES = {
    "negative column": ("csr_array", lambda X: X.indices.put(3, -1)),
    "large column": ("csr_matrix", lambda X: X.indices.put(3, 5)),
    "row of CSC": ("csc_array", lambda X: X.indices.put(3, 10**6)),
    "column of BSR": ("bsr_array", lambda X: X.indices.put(0, -1)),
    "column of COO": ("coo_matrix", lambda X: X.col.put(3, -1)),
    "row of COO": ("coo_array", lambda X: X.row.put(3, 10**6)),
    "column of LIL": ("lil_array", lambda X: X.rows[0].__setitem__(0, -1)),
    "value of LIL": ("lil_matrix", lambda X: X.rows[0].pop()),
    "column of DOK": ("dok_array", lambda X: set_in_dok(X, (0, -1))),
}


@pytest.mark.parametrize(("container", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_sparse_rows_are_refused(fitted_on_sparse_rows, dense_rows, container, damage):
    X, y = dense_rows
    damaged = getattr(sparse, container)(X)
    damage(damaged)
    for use in (fitted_on_sparse_rows.predict, lambda rows: GatedDenseClassifier().fit(rows, y)):
        with pytest.raises(ValueError, match="X is a damaged sparse matrix"):
            use(damaged)


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo", "lil", "dok", "dia"])
def test_all_sparse_formats_are_read_alike(fitted_on_sparse_rows, dense_rows, kind):
    X, _ = dense_rows
    for container in (sparse.csr_array(X), sparse.csr_matrix(X)):
        np.testing.assert_array_equal(
            fitted_on_sparse_rows.predict_proba(container.asformat(kind)),
            fitted_on_sparse_rows.predict_proba(container),
        )


EXTREMES = {"tol": 1e300, "n_iter_no_change": 10**30, "batch_size": 10**30}


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_parameters(dense_rows, name):
    clf = GatedDenseClassifier(units=4, epochs=3, early_stopping=True, random_state=0)
    clf.set_params(**{name: EXTREMES[name]}).fit(*dense_rows)
    assert np.isfinite(clf.predict_proba(dense_rows[0])).all()


def test_one_hot_targets_are_noticed(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=1)
    with pytest.warns(UserWarning, match=r"one-hot.*y\.argmax\(axis=1\)"):
        clf.fit(X, np.eye(3)[y])
    several = np.eye(3)[y]
    several[0] = 1
    clf.fit(X, several)
    clf.partial_fit(X[:2], several[1:3])


def test_one_hot_targets_are_noticed_in_the_first_chunk(dense_rows):
    X, y = dense_rows
    with pytest.warns(UserWarning, match=r"one-hot.*y\.argmax\(axis=1\)"):
        GatedDenseClassifier(units=4).partial_fit(X, np.eye(3)[y])
    GatedDenseClassifier(units=4).partial_fit(X[:1], np.eye(3)[y[:1]])  # one row is no evidence


def test_the_first_chunk_with_one_class_is_told_of_classes(texts_as_ids):
    with pytest.raises(ValueError, match=r"partial_fit.*classes=\["):
        AttentionTextClassifier().partial_fit(texts_as_ids[0][:3], ["a"] * 3)


def test_evidence_of_a_row_without_an_answer_is_refused(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=1, random_state=0).fit(X, y)
    X = X.copy()
    X[1] = 3e38
    for rows in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="answer for row 1"):
            clf.evidence(rows)
