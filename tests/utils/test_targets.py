"""Checks at the door: what passes, and errors that say what was wrong and what to do."""

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skattn.utils import _targets as validation
from skattn.utils._targets import Targets

# -- targets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "b"],
        np.array(["b", "a", "b"], dtype=object),
        [True, False, True],
        [7, -3, 7],
        [2.0, 1.0, 2.0],
        pd.Series(["b", "a", "b"], index=[5, 6, 7]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series([True, False, True], dtype="boolean"),
        pd.Series([7, -3, 7], dtype="Int64"),
        pd.Series(["b", "a", "b"], dtype="string"),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', type(next(iter(y))).__name__)}",
)
def test_labels_of_any_kind_are_numbered_in_sorted_order(y):
    checked, multilabel = validation.check_targets(y, "Classifier")
    targets = validation.encode_targets(checked, multilabel)
    assert not multilabel
    assert targets.encoded.tolist() == [1, 0, 1]
    assert targets.encoded.dtype == np.int32
    assert targets.classes.tolist() == sorted(set(np.asarray(y).tolist()))
    assert targets.n_outputs == 2


@pytest.mark.parametrize("container", [np.array, sparse.csr_array, pd.DataFrame])
def test_an_indicator_matrix_means_several_labels_a_row(container):
    y, multilabel = validation.check_targets(container([[1, 0, 1], [0, 0, 0]]), "Classifier")
    targets = validation.encode_targets(y, multilabel)
    assert multilabel
    assert targets.encoded.tolist() == [[1, 0, 1], [0, 0, 0]]
    assert targets.classes.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "dtype"), [([2**60, 2**60 + 1], "Int64"), ([True, False], "boolean")]
)
def test_a_frame_of_nullable_labels_keeps_their_kind(labels, dtype):
    frame = pd.DataFrame({"label": pd.array(labels, dtype=dtype)})
    with pytest.warns(DataConversionWarning):
        y, _ = validation.check_targets(frame, "Classifier")
    assert y.tolist() == labels
    frame.loc[0, "label"] = pd.NA
    with pytest.raises(ValueError, match="labels are missing"):
        validation.check_targets(frame, "Classifier")


def test_a_frame_of_nullable_indicators_means_several_labels_a_row():
    frame = pd.DataFrame({"a": [1, 0], "b": [1, 1]}, dtype="Int64")
    y, multilabel = validation.check_targets(frame, "Classifier")
    assert multilabel
    assert y.tolist() == [[1, 1], [0, 1]]


def test_announced_classes_of_dtype_object_are_texts():
    assert validation.announced_classes(np.array(["b", "a"], object)).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"classes has dtype object and holds int"):
        validation.announced_classes(np.array([0, 1], object))


def test_one_column_of_labels_is_taken_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        y, _ = validation.check_targets([["a"], ["b"]], "Classifier")
    assert y.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (None, ValueError, "Classifier requires y to be passed.*Pass one label per row"),
        ([0.5, 1.25, 3.0], ValueError, "Unknown label type: continuous"),
        ([[1, 2], [3, 1]], ValueError, r"shape \(2, 2\) is not a matrix.*MultiLabelBinarizer"),
        ([["a", "b"], ["a", "c"]], ValueError, r"one label per row.*MultiLabelBinarizer"),
        ([["a"], ["a", "c"]], ValueError, r"in each row.*MultiLabelBinarizer"),
        ([[0.5, 0.5], [0.1, 0.9]], ValueError, r"one label per row.*MultiLabelBinarizer"),
        ([0.0, np.nan, 1.0], ValueError, "y contains NaN"),
        ([], ValueError, "0 sample"),
        (np.array([True, False], object), ValueError, r"y has dtype object.*bool.*astype\(bool\)"),
        (pd.Series([1, 0], dtype=object), ValueError, r"Unknown label type: y has dtype object"),
        (pd.Series([["a"], ["a", "b"]]), ValueError, "several labels in each row.*MultiLabelBin"),
        (np.array([[0, 1], [1, 0]], object), ValueError, r"dtype object.*int.*astype\(int\)"),
        (np.array([b"a", b"b"], object), TypeError, "string or integer format"),
    ],
)
def test_targets_that_are_no_labels_are_refused(y, error, message):
    with pytest.raises(error, match=message):
        validation.check_targets(y, "Classifier")


@pytest.mark.parametrize("label", ["spam", 3, True])
def test_one_class_is_an_error_that_names_it(label):
    with pytest.raises(ValueError, match=f"one class only, .*{label!r}.*at least two"):
        validation.encode_targets(np.array([label, label]), False)


def test_classes_known_before_number_a_chunk():
    known = np.array(["a", "b", "c"])
    targets = validation.encode_targets(np.array(["c", "a"]), False, known)
    assert targets.encoded.tolist() == [2, 0]
    assert targets.classes is known


@pytest.mark.parametrize(
    ("y", "known"),
    [(["d", "a"], ["a", "b"]), ([-1, 7], [1, 7]), (["a", "b"], [0, 1]), ([0, 1], ["a", "b"])],
)
def test_a_class_not_announced_is_an_error_that_names_it(y, known):
    with pytest.raises(
        ValueError, match=r"new classes: \[.*\]. The classes so far are .* first call"
    ):
        validation.encode_targets(np.array(y), False, np.array(known))


def test_another_number_of_labels_than_before_is_an_error():
    with pytest.raises(ValueError, match="2 labels per row, but 3 were seen before"):
        validation.encode_targets(np.array([[1, 0]]), True, np.arange(3))


# -- weights ---------------------------------------------------------------------------------------


def test_rows_of_weight_zero_are_dropped():
    kept, weights = validation.check_weights([0, 2, 0.5, 0], np.zeros((4, 1)), np.zeros(4))
    assert kept.tolist() == [1, 2]
    assert weights.tolist() == [2.0, 0.5]
    assert weights.dtype == np.float64


@pytest.mark.parametrize("number", [2, 0.5, np.float32(3)])
def test_one_number_weighs_every_row(number):
    kept, weights = validation.check_weights(number, np.zeros((3, 1)), np.zeros(3))
    assert kept.tolist() == [0, 1, 2]
    assert weights.tolist() == [number] * 3


def test_no_weights_are_ones():
    kept, weights = validation.check_weights(None, np.zeros((3, 1)), np.zeros(3))
    assert kept.tolist() == [0, 1, 2]
    assert weights.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (0, "sample_weight is zero for every row"),
        (-1.0, "Negative values in data passed to `sample_weight`"),
        ([0, 0, 0], "sample_weight is zero for every row.*Give at least two"),
        ([1, -1, 1], "Negative values in data passed to `sample_weight`"),
        ([1, np.nan, 1], "sample_weight contains NaN"),
        ([1, np.inf, 1], "sample_weight contains infinity"),
        ([1, 1], "inconsistent numbers of samples"),
        ([[1], [1], [1]], r"shape \(3, 1\): Sample weights must be 1D.*Select the column"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        validation.check_weights(weights, np.zeros((3, 1)), np.zeros(3))


@pytest.mark.parametrize("weights", ["balanced", {"a": 2.0}])
def test_weights_of_classes_are_no_weights_of_rows(weights):
    with pytest.raises(TypeError, match=r"number for each row, got .*parameter class_weight"):
        validation.check_weights(weights, np.zeros((3, 1)), np.zeros(3))


def targets_of(y):
    return validation.encode_targets(np.array(y), False)


def test_class_weights_multiply_the_rows_weights():
    weights = validation.weigh_classes(
        {"a": 3, "c": 0.5}, targets_of(list("aabc")), np.arange(1.0, 5)
    )
    assert weights.tolist() == [3, 6, 3, 2]
    unchanged = np.ones(4)
    assert validation.weigh_classes(None, targets_of(list("aabc")), unchanged) is unchanged


@pytest.mark.parametrize(
    ("unit", "day"),
    [
        ("D", datetime.date(2020, 1, 1)),
        ("s", datetime.datetime(2020, 1, 1)),
        ("ns", pd.Timestamp(2020, 1, 1)),
        ("ns", np.datetime64("2020-01-01", "ns")),
    ],
)
def test_class_weights_of_dates(unit, day):
    days = np.array(["2020-01-01", "2021-01-01", "2020-01-01"], dtype=f"M8[{unit}]")
    weights = validation.weigh_classes({day: 3}, targets_of(days), np.ones(3))
    assert weights.tolist() == [3, 1, 3]


def test_class_weights_may_name_a_class_that_a_fold_lacks():
    weights = validation.weigh_classes({"a": 3, "b": 2, "z": 5}, targets_of(list("ab")), np.ones(2))
    assert weights.tolist() == [3, 2]


def test_balanced_gives_every_class_the_same_total_weight():
    given = np.array([1.0, 3.0, 2.0, 4.0])
    targets = targets_of(list("aabc"))
    weights = validation.weigh_classes("balanced", targets, given)
    np.testing.assert_allclose(np.bincount(targets.encoded, weights), given.sum() / 3)
    np.testing.assert_allclose(weights[1] / weights[0], 3)


def test_balanced_is_scikit_learns_without_weights():
    from sklearn.utils.class_weight import compute_sample_weight

    y = list("aaaabbc")
    weights = validation.weigh_classes("balanced", targets_of(y), np.ones(7))
    np.testing.assert_allclose(weights, compute_sample_weight("balanced", y))


def test_balanced_leaves_out_a_class_that_a_chunk_lacks():
    targets = Targets(np.array([0, 0, 2], dtype=np.int32), np.array(["a", "b", "c"]), False)
    assert validation.weigh_classes("balanced", targets, np.ones(3)).tolist() == [0.75, 0.75, 1.5]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"z": 1}, r"classes that y does not hold, \['z'\], and leaves out \['a', 'b'\]"),
        ({"z": 1, "b": 1}, r"classes that y does not hold, \['z'\], and leaves out \['a'\]"),
        ({"a": -1}, "class_weight must hold finite numbers >= 0"),
        ({"a": np.nan}, "class_weight must hold finite numbers >= 0"),
        ({"a": "much"}, "class_weight must hold finite numbers >= 0"),
        ({"a": None}, "class_weight must hold finite numbers >= 0"),
    ],
)
def test_class_weights_that_make_no_sense_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=message):
        validation.weigh_classes(class_weight, targets_of(list("ab")), np.ones(2))


def test_class_weights_are_refused_for_several_labels_a_row():
    targets = Targets(np.zeros((2, 3), dtype=np.float32), np.arange(3), True)
    with pytest.raises(ValueError, match=r"class_weight cannot be used.*sample_weight instead"):
        validation.weigh_classes("balanced", targets, np.ones(2))


def test_class_weights_must_leave_two_classes():
    targets = targets_of(list("abc"))
    validation.check_classes_left(targets._replace(encoded=targets.encoded[[0, 2]]))
    with pytest.raises(ValueError, match="class_weight leaves one class only, 'c'"):
        validation.check_classes_left(targets._replace(encoded=targets.encoded[2:]))
    with pytest.raises(ValueError, match="class_weight gives every row the weight 0"):
        validation.check_classes_left(targets._replace(encoded=targets.encoded[:0]))


@pytest.mark.parametrize(("given", "told"), [([1], "list of length 1"), (("a",) * 4, "length 4")])
def test_a_validation_set_of_another_length_is_refused(given, told):
    with pytest.raises(TypeError, match=rf"validation_data must be a tuple \(X, y\).*{told}"):
        validation.checked_tuple(given)


# -- the held-out part -----------------------------------------------------------------------------


def test_the_held_out_part_is_stratified_and_follows_the_seed():
    targets = targets_of([0] * 80 + [1] * 20)
    held_out, problem = validation.hold_out(targets, 0.2, 0)
    assert problem is None
    assert np.bincount(targets.encoded[held_out]).tolist() == [16, 4]
    assert np.all(np.diff(held_out) > 0)
    again, other = (validation.hold_out(targets, 0.2, seed)[0].tolist() for seed in (0, 1))
    assert held_out.tolist() == again != other


@pytest.mark.parametrize(
    ("y", "fraction", "expected"),
    [
        ([0] * 10 + [1], 0.1, "a class has only one row"),
        ([0, 1, 2, 3] * 3, 0.1, "with validation_fraction=0.1 it has fewer rows than there are"),
        ([0, 1, 2, 3] * 3, 0.8, "with validation_fraction=0.8 the rest of the rows has fewer"),
    ],
)
def test_a_part_that_cannot_be_stratified_is_drawn_at_random(y, fraction, expected):
    held_out, problem = validation.hold_out(targets_of(y), fraction, 0)
    assert problem.startswith(expected)
    assert len(held_out) == np.ceil(fraction * len(y))


def test_several_labels_a_row_are_held_out_at_random_without_a_complaint():
    targets = Targets(np.zeros((10, 3), dtype=np.float32), np.arange(3), True)
    held_out, problem = validation.hold_out(targets, 0.25, 0)
    assert len(held_out) == 3
    assert problem is None


@pytest.mark.parametrize("fraction", [0.999, 0.9])
def test_a_held_out_part_that_leaves_nothing_is_refused(fraction):
    with pytest.raises(ValueError, match=f"validation_fraction={fraction} leaves 0 of 3 rows"):
        validation.hold_out(targets_of([0, 1, 1]), fraction, 0)


# -- token ids -------------------------------------------------------------------------------------


def test_several_labels_are_coded_as_zero_and_one():
    with pytest.raises(ValueError, match=r"\[-1, 1\].*0 and 1"):
        validation.encode_targets(np.array([[1, -1], [-1, 1]]), multilabel=True)


@pytest.mark.parametrize("labels", [["a", None], ["a", 1]])
def test_labels_without_an_order_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels are missing|different types"):
        validation.check_targets(np.array(labels * 3, dtype=object), "Name")


def test_weights_whose_sum_would_overflow_are_scaled():
    _, weights = validation.check_weights(np.full(4, 1e308), np.zeros((4, 1)), np.zeros(4))
    assert weights.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "classes", [[0.0, 1.0, np.nan], np.array(["2020-01-01", "NaT", "2020-01-02"], "datetime64[D]")]
)
def test_a_missing_class_is_refused(classes):
    with pytest.raises(ValueError, match="classes contains NaN"):
        validation.announced_classes(classes)
