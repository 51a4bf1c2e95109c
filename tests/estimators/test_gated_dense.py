"""`GatedDenseClassifier`: gates, sparse rows, frames."""

import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skattn import GatedDenseClassifier
from skattn.estimators import _gated_dense

pytestmark = pytest.mark.usefixtures("graphs_as_traced")


def classifier(**parameters):
    return GatedDenseClassifier(**{"units": 6, "epochs": 3, "random_state": 0} | parameters)


@pytest.fixture(scope="module")
def many_columns():
    """1000 rows as TF-IDF makes them: 100 000 columns, 40 numbers a row, two classes."""
    rng = np.random.default_rng(0)
    columns = rng.integers(10, 100_000, size=(1000, 40))
    y = np.arange(1000) % 2
    columns[:, 0] = y
    values = rng.random((1000, 40), dtype=np.float32)
    values[:, 0] = 1
    indptr = np.arange(0, 40_001, 40)
    X = sparse.csr_array((values.ravel(), columns.ravel(), indptr), shape=(1000, 100_000))
    X.sum_duplicates()
    return X, np.where(y, "one", "zero")


# -- sparse rows -----------------------------------------------------------------------------------


PROCESS = Path("/proc/self")


def peak_memory():
    """In bytes, of this process since it forgot its peak.

    getrusage would not do: what other tests once took counts for ever, in a child process too.
    """
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", (PROCESS / "status").read_text())[1])


@pytest.mark.skipif(
    not (PROCESS / "clear_refs").exists(), reason="only on Linux can a process forget its peak"
)
def test_many_sparse_columns_are_never_dense_as_a_whole(many_columns, monkeypatch):
    X, y = many_columns
    classifier(epochs=1).fit(X[:50], y[:50]).predict(X[:50])  # what the graph itself takes
    for name in ("toarray", "todense"):
        monkeypatch.setattr(sparse.csr_array, name, forbidden)
    (PROCESS / "clear_refs").write_text("5")
    before = peak_memory()
    clf = classifier(epochs=5, learning_rate=0.01).fit(X, y)
    assert clf.score(X, y) > 0.95
    assert clf.gate_values(X).shape == (1000, 6)
    assert clf.transform(X).shape == (1000, 6)
    dense = 4 * X.shape[0] * X.shape[1]
    assert peak_memory() - before < dense / 4


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["hidden", "inputs"])
def test_sparse_rows_become_dense_a_batch_at_a_time(gate, monkeypatch):
    rng = np.random.default_rng(0)
    columns = rng.permuted(np.tile(np.arange(5), (1200, 1)), axis=1)[:, :3]
    X = np.zeros((1200, 5), dtype=np.float32)  # three numbers a row: batches as of dense rows
    np.put_along_axis(X, columns, rng.normal(size=(1200, 3)).astype(np.float32), axis=1)
    y = X[:, 0] > 0.1
    settings = {"gate": gate, "epochs": 5, "learning_rate": 0.01}
    on_dense = classifier(**settings).fit(X, y)
    expected = on_dense.predict_proba(X)
    plain, widest = sparse.csr_array.toarray, []

    def watched(self, *args, **kwargs):
        widest.append(self.shape[0])
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(sparse.csr_array, "toarray", watched)
    np.testing.assert_array_equal(on_dense.predict_proba(sparse.csr_array(X)), expected)
    assert max(widest) < len(X)
    widest.clear()
    on_sparse = classifier(**settings).fit(sparse.csr_array(X), y)
    assert not widest
    for found, wanted in zip(
        on_sparse.model_.get_weights(), on_dense.model_.get_weights(), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(on_sparse.predict_proba(sparse.csr_array(X)), expected, atol=1e-4)
    np.testing.assert_array_equal(
        on_sparse.gate_values(sparse.csr_array(X)), on_sparse.gate_values(X)
    )


def forbidden(*args, **kwargs):
    raise AssertionError("the rows were made dense")


@pytest.mark.parametrize(
    "container",
    [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix, sparse.lil_array],
)
def test_every_sparse_format_gives_the_same(container, dense_rows):
    X, y = dense_rows
    X = X * (X > 0)
    clf = classifier().fit(sparse.csr_array(X), y)
    again = classifier().fit(container(X), y)
    np.testing.assert_array_equal(again.predict_proba(container(X)), clf.predict_proba(X))
    np.testing.assert_array_equal(clf.predict_proba(container(X)), clf.predict_proba(X))


def test_sparse_and_dense_rows_are_the_same_to_a_trained_network(dense_rows):
    X, y = dense_rows
    X = X * (X > 0)
    on_dense, on_sparse = classifier().fit(X, y), classifier().fit(sparse.csr_array(X), y)
    for clf in (on_dense, on_sparse):
        np.testing.assert_array_equal(clf.predict_proba(sparse.csr_array(X)), clf.predict_proba(X))
        np.testing.assert_array_equal(clf.gate_values(sparse.csr_array(X)), clf.gate_values(X))


def test_sparse_rows_are_left_as_they_are(dense_rows):
    _, y = dense_rows
    ones = np.ones(180, dtype=np.float32)
    twice = sparse.csr_array((ones, np.tile([2, 2], 90), np.arange(0, 181, 2)), shape=(90, 5))
    clf = classifier().fit(twice, y)
    clf.predict(twice)
    assert twice.nnz == 180
    np.testing.assert_array_equal(clf.predict_proba(twice), clf.predict_proba(twice.toarray()))


def test_empty_sparse_rows_are_answered(dense_rows):
    X, y = dense_rows
    X = sparse.csr_array(X * (np.arange(90) % 3 > 0)[:, None])
    clf = classifier().fit(X, y)
    assert np.all(np.isfinite(clf.predict_proba(sparse.csr_array((4, 5)))))
    assert np.all(np.isfinite(classifier().fit(sparse.csr_array((90, 5)), y).predict_proba(X)))


def test_sparse_weights_are_repeated_rows_bit_for_bit_in_one_batch(dense_rows):
    X, y = dense_rows
    X = sparse.csr_array(X * (X > 0))
    weights = np.random.default_rng(0).integers(0, 4, size=90)
    repeated = np.repeat(np.arange(90), weights)
    weighted = classifier(batch_size=1000).fit(X, y, sample_weight=weights)
    again = classifier(batch_size=1000).fit(X[repeated], y[repeated])
    np.testing.assert_array_equal(weighted.predict_proba(X), again.predict_proba(X))


@pytest.mark.slow
def test_rows_with_swapped_counts_are_two_rows():
    # equal rows of a batch are merged: rows that only look alike must not be
    X = sparse.csr_array(np.array([[1.0, 2.0], [2.0, 1.0]] * 20))
    y = [0, 1] * 20
    clf = classifier(epochs=300, learning_rate=0.05).fit(X, y)
    assert clf.score(X, y) == 1.0


def test_integer_and_wide_sparse_numbers_are_taken(dense_rows):
    _, y = dense_rows
    X = np.random.default_rng(0).integers(0, 3, size=(90, 5))
    clf = classifier().fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(
        clf.predict_proba(sparse.csr_array(X.astype(np.int8))), clf.predict_proba(X.astype(float))
    )
    long_indices = sparse.csr_array(X)
    long_indices.indices = long_indices.indices.astype(np.int64)
    long_indices.indptr = long_indices.indptr.astype(np.int64)
    np.testing.assert_array_equal(clf.predict_proba(long_indices), clf.predict_proba(X))


# -- gates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["hidden", "inputs"])
@pytest.mark.parametrize("gate_activation", ["sigmoid", "softmax"])
def test_gates_are_open_between_0_and_1(gate, gate_activation, dense_rows):
    X, y = dense_rows
    clf = classifier(gate=gate, gate_activation=gate_activation).fit(X, y)
    gates = clf.gate_values(X)
    assert gates.shape == (90, 6 if gate == "hidden" else 5)
    assert gates.dtype == np.float32
    assert np.all((gates > 0) & (gates < 1))
    if gate_activation == "softmax":
        np.testing.assert_allclose(gates.sum(axis=1), 1, atol=1e-5)
    assert clf.transform(X).shape == (90, 6)


def test_a_gate_on_the_inputs_shows_which_feature_counts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6)).astype(np.float32)
    y = (X[:, 2] > 0).astype(int)
    clf = GatedDenseClassifier(
        units=16,
        gate="inputs",
        gate_activation="softmax",
        epochs=40,
        learning_rate=0.01,
        random_state=0,
    )
    assert clf.fit(X, y).score(X, y) > 0.95
    assert clf.gate_values(X).mean(axis=0).argmax() == 2


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_a_gate_on_too_many_inputs_is_refused(container, dense_rows, monkeypatch):
    X, y = dense_rows
    monkeypatch.setattr(_gated_dense, "MAX_GATED_FEATURES", 4)
    with pytest.raises(
        ValueError, match=r"gate='inputs'.*5 features.*at most 4.*Use gate='hidden'"
    ):
        classifier(gate="inputs").fit(container(X), y)
    classifier(gate="hidden").fit(container(X), y)


def test_the_stated_width_of_a_gate_on_the_inputs_is_the_real_one():
    assert f"at most {_gated_dense.MAX_GATED_FEATURES} features" in GatedDenseClassifier.__doc__


@pytest.mark.parametrize(
    ("name", "value"), [("gate", "outputs"), ("gate", None), ("gate_activation", "relu")]
)
def test_a_parameter_that_makes_no_sense_is_named(name, value, dense_rows):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GatedDenseClassifier must be"):
        classifier(**{name: value}).fit(*dense_rows)


# -- rows of any container -------------------------------------------------------------------------


@pytest.mark.slow
def test_frames_and_lists_and_arrays_give_the_same(dense_rows):
    X, y = dense_rows
    expected = classifier().fit(X, y).predict_proba(X)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(5)])
    clf = classifier().fit(frame, pd.Series(y, index=range(200, 290)))
    np.testing.assert_array_equal(clf.predict_proba(frame), expected)
    assert clf.feature_names_in_.tolist() == frame.columns.tolist()
    polars = pytest.importorskip("polars")
    clf = classifier().fit(polars.DataFrame(X), polars.Series(y))
    np.testing.assert_array_equal(clf.predict_proba(polars.DataFrame(X)), expected)
    clf = classifier().fit(X.tolist(), y.tolist())
    np.testing.assert_array_equal(clf.predict_proba(X.tolist()), expected)
    np.testing.assert_array_equal(
        classifier().fit(np.asfortranarray(X), y).predict_proba(X[:, ::-1][:, ::-1]), expected
    )


def test_numbers_beyond_float32_are_refused(dense_rows):
    X, y = dense_rows
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="too large for dtype"):
        classifier().fit(X.astype(np.float64) * 1e300, y)


@pytest.mark.parametrize("X", [["a good film", "a dull film"], [["red", 1.0], ["blue", 2.0]]])
def test_texts_and_categories_are_refused_with_what_to_do(X):
    with pytest.raises(ValueError, match=r"'(a good film|red)'.*encode.*TextClassifier"):
        classifier().fit(X, ["good", "bad"])


def test_the_validation_part_of_the_original_configuration(dense_rows):
    X, y = dense_rows
    clf = classifier(validation_fraction=0.2, batch_size=600, l2=0.01, epochs=20).fit(X, y)
    assert {name: len(values) for name, values in clf.history_.items()} == {
        "loss": 20,
        "val_loss": 20,
        "val_accuracy": 20,
    }
    assert clf.history_["loss"][-1] < clf.history_["loss"][0]


def test_spare_room_in_a_sparse_matrix_is_left_alone():
    X = sparse.csr_matrix(np.eye(6))
    X = sparse.csr_matrix((np.r_[X.data, 0, 0], np.r_[X.indices, 0, 0], X.indptr), shape=X.shape)
    X.data, X.indices = np.r_[X.data, 0, 0], np.r_[X.indices, 0, 0]
    clf = GatedDenseClassifier(units=2, epochs=1).fit(X, [0, 1] * 3)
    clf.predict(X)
    assert len(X.data) == len(X.indices) == 8


def test_parameters_that_change_between_chunks_are_checked():
    X, y = np.eye(6), [0, 1] * 3
    clf = GatedDenseClassifier(units=2).partial_fit(X, y)
    for params in ({"learning_rate": 0.0}, {"batch_size": 0}):
        with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter"):
            pickle.loads(pickle.dumps(clf)).set_params(**params).partial_fit(X, y)


def test_an_optimizer_may_hold_the_numbers_of_numpy():
    optimizer = {"class_name": "SGD", "config": {"momentum": np.float32(0.5), "nesterov": np.True_}}
    clf = GatedDenseClassifier(units=2, epochs=1, optimizer=optimizer).fit(np.eye(6), [0, 1] * 3)
    assert float(clf.model_.optimizer.momentum) == 0.5
    assert optimizer["config"]["nesterov"] is np.True_
