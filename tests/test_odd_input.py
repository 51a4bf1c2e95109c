"""Input that an adversary tried: each is taken as it is meant, or refused by name."""

import json
import os

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import (
    AttentionDisplay,
    AttentionTextClassifier,
    EvidenceDisplay,
    GatedDenseClassifier,
    SequenceVectorizer,
    TextClassifier,
    explain_texts,
    faithfulness_report,
    serving,
)

TEXTS = ["a late goal won the match", "the bank cut its profit forecast"] * 20
LABELS = ["sport", "business"] * 20
SMALL = {"units": 4, "embedding_dim": 4, "epochs": 1, "random_state": 0}


def linear(**params):
    return TextClassifier(network=False, random_state=0, **params)


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_dates_as_labels_are_explained(unit):
    y = np.array(["2020-01-01", "2021-01-01"] * 20, dtype=f"M8[{unit}]")
    explanation = explain_texts(linear().fit(TEXTS, y), TEXTS[:1], target=y[1])[0]
    assert explanation.target == y[1]
    assert explanation.top_evidence(y[0], n=1)[0]


def test_large_nullable_numbers_stay_themselves():
    labels = [2**60, 2**60 + 1, 2**60 + 2048, 5] * 10
    model = linear().fit(TEXTS, pd.Series(labels, dtype="Int64"))
    assert model.classes_.tolist() == sorted(set(labels))
    flags = linear().fit(TEXTS, pd.Series([True, False] * 20, dtype="boolean"))
    assert flags.classes_.dtype == bool
    with pytest.raises(ValueError, match="y contains NaN"):
        linear().fit(TEXTS, pd.Series([1, None] * 20, dtype="Int64"))


@pytest.mark.slow
def test_a_score_that_is_not_a_number_is_an_error():
    model = TextClassifier(early_stopping=True, scoring="roc_auc", linear=False, **SMALL)
    with (
        pytest.warns(UserWarning, match="Only one class"),
        pytest.raises(ValueError, match="scoring gave NaN for the validation set"),
    ):
        model.fit(TEXTS, LABELS, validation_data=(TEXTS[:1], LABELS[:1]))
    with pytest.raises(ValueError, match="scoring cannot judge the validation set: y_true"):
        model.set_params(scoring="neg_log_loss").fit(
            TEXTS, LABELS, validation_data=(TEXTS[:1], LABELS[:1])
        )


@pytest.mark.slow
def test_a_scorer_that_takes_two_labels_for_two_classes_says_what_to_use():
    Y = np.tile([[0, 1], [1, 0], [1, 1], [0, 0]], (10, 1))
    model = TextClassifier(early_stopping=True, scoring="roc_auc", linear=False, **SMALL)
    with pytest.raises(ValueError, match=r"got 1D array instead\. Use .* function of") as caught:
        model.fit(TEXTS, Y)
    assert "\n" not in str(caught.value)
    model.set_params(scoring=lambda fitted, X, y: roc_auc_score(y, fitted.predict_proba(X)))
    assert 0 <= max(model.fit(TEXTS, Y).history_["val_score"]) <= 1


def test_what_is_no_column_of_texts():
    with pytest.raises(ValueError, match="Pass the texts themselves: no vectorizer"):
        linear().fit(CountVectorizer().fit_transform(TEXTS), LABELS)
    with pytest.raises(ValueError, match="Expected one column of texts, got Table of shape"):
        linear().fit(pa.table({"a": TEXTS, "b": TEXTS}), LABELS)
    twice = pd.DataFrame([TEXTS[:2]] * 40, columns=["text", "text"])
    with pytest.raises(ValueError, match="2 columns named 'text': rename them"):
        linear().set_params(columns="text").fit(twice, LABELS)


def test_what_cannot_be_shown():
    model = linear().fit(TEXTS, LABELS)
    for display in (EvidenceDisplay, AttentionDisplay):
        nothing = display.from_estimator(model, [], [])
        assert "<dd>0</dd>" in nothing.to_html()  # a page of no mistakes, say
        with pytest.raises(ValueError, match=r"nothing to (draw|show)"):
            nothing.plot()
    with pytest.raises(ValueError, match="None of the explained texts has a word"):
        EvidenceDisplay.from_estimator(model, ["", " "]).plot()
    with pytest.warns(UserWarning, match="None of the true labels, such as 'x', is a class"):
        EvidenceDisplay.from_estimator(model, TEXTS[:2], ["x", "y"])
    with pytest.warns(UserWarning, match="None of the true labels, such as 'x',") as found:
        faithfulness_report(model, TEXTS[:2], ["x", "y"], random_state=0)
    assert len(found) == 1


def test_a_sign_is_quoted_where_an_explanation_is_printed():
    model = linear().fit(["good , film", "bad . film"] * 20, LABELS)
    shown = repr(explain_texts(model, ["good ,"])[0])
    assert '","' in shown
    assert '"good' not in shown


def test_a_column_of_dates_among_numbers_is_named():
    frame = pd.DataFrame({"x": np.arange(40.0), "day": pd.date_range("2020", periods=40)})
    with pytest.raises(TypeError, match=r"X must be rows of numbers .* such as dates"):
        GatedDenseClassifier(epochs=1).fit(frame, LABELS)
    frame = pd.DataFrame({"x": np.arange(40.0), 0: np.arange(40.0)})
    with pytest.raises(TypeError, match=r"^Feature names are only supported"):
        GatedDenseClassifier(epochs=1).fit(frame, LABELS)


def test_files_that_are_missing(tmp_path):
    model = make_pipeline(SequenceVectorizer(), AttentionTextClassifier(encoder="none", **SMALL))
    serving.export(model.fit(TEXTS, LABELS), tmp_path)
    (tmp_path / "words.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"words.npz is missing. Export"):
        serving.load(tmp_path)
    for kind in (TextClassifier, SequenceVectorizer):
        with pytest.raises(FileNotFoundError, match=r"embeddings='no\.txt' is no file"):
            kind(embeddings="no.txt").fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([{"a"}, {"a", "b"}] * 20, "MultiLabelBinarizer"),
        ([["a"], ["a", "b"]] * 20, "MultiLabelBinarizer"),
        (["a", np.nan] * 20, "y contains NaN"),
        (["a", 1] * 20, "mixes texts and other labels"),
    ],
)
def test_labels_that_are_none(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        linear().fit(TEXTS, y)


def test_one_hot_targets_are_noticed_without_the_network():
    with pytest.warns(UserWarning, match=r"one-hot.*y\.argmax\(axis=1\)") as found:
        linear().fit(TEXTS, np.eye(2)[[0, 1] * 20])
    assert len(found) == 1


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1j] * 40, "complex"), ([None] * 40, "missing or complex"), ([0] * 40, "zero for every")],
)
def test_weights_that_are_none(weights, message):
    with pytest.raises(ValueError, match=f"sample_weight.*{message}"):
        linear().fit(TEXTS, LABELS, sample_weight=weights)
    assert linear().fit(TEXTS, LABELS, sample_weight=np.array(2.0)).score(TEXTS, LABELS) == 1


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([["a", "film"]] * 40, r'join its words first, for example with " ".join'),
        ([1.5] * 40, "features of their own"),
        (np.ma.array(TEXTS, mask=[True] * 40), "Some texts are masked"),
        ([], "Found no texts in X"),
    ],
)
def test_texts_that_are_none(texts, message):
    with pytest.raises(ValueError, match=message):
        linear().fit(texts, LABELS)


def test_frames_that_are_none():
    with pytest.raises(ValueError, match=r"differ in length: \{'a': 40, 'b': 3\}"):
        linear(columns=["a", "b"]).fit({"a": TEXTS, "b": TEXTS[:3]}, LABELS)
    with pytest.raises(ValueError, match="collect it first"):
        linear(columns="a").fit(pl.DataFrame({"a": TEXTS}).lazy(), LABELS)


def test_no_texts_have_no_answer(tmp_path):
    model = linear().fit(TEXTS, LABELS)
    assert explain_texts(model, []) == []
    with pytest.raises(ValueError, match="no texts"):
        model.predict([])
    serving.export(model, tmp_path)
    with pytest.raises(ValueError, match="no texts"):
        serving.load(tmp_path).predict([])


def test_faithfulness_of_columns_in_a_calibration():
    frame = pd.DataFrame({"a": TEXTS, "b": TEXTS})
    model = CalibratedClassifierCV(linear(columns=["a", "b"]), cv=2).fit(frame, LABELS)
    assert explain_texts(model, frame[:1])[0].tokens
    with pytest.raises(TypeError, match="in a CalibratedClassifierCV read"):
        faithfulness_report(model, frame[:8], n_bootstrap=5)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"token_pattern": "("}, "token_pattern='\\('"), ({"n_jobs": 0}, "'n_jobs' parameter")],
)
def test_parameters_that_are_none(params, message):
    with pytest.raises(ValueError, match=message):
        linear(**params).fit(TEXTS, LABELS)


def test_weights_that_leave_one_class():
    model = GatedDenseClassifier(units=4, epochs=1, class_weight={"sport": 0})
    with pytest.raises(ValueError, match="class_weight leaves one class only, 'business'"):
        model.fit(np.arange(40.0)[:, None], LABELS)


def test_faithfulness_of_a_step_that_picks_a_column():
    frame = pd.DataFrame({"a": TEXTS, "b": TEXTS})
    model = make_pipeline(FunctionTransformer(lambda frame: frame["a"]), linear())
    with pytest.raises(ValueError, match="the part of the pipeline that does"):
        faithfulness_report(model.fit(frame, LABELS), frame[:8], n_bootstrap=5)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.update(parts={}),
        lambda settings: settings["classes"].reverse(),
        lambda settings: settings.pop("classes"),
        lambda settings: settings["parts"]["linear"].update(weight=-5),
        lambda settings: settings.update(files=[]),
    ],
)
def test_settings_that_were_changed_are_refused(change, tmp_path):
    serving.export(linear().fit(TEXTS, LABELS), tmp_path)
    path = tmp_path / "settings.json"
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"damaged.*Export the classifier again, to a new"):
        serving.load(tmp_path)


@pytest.mark.parametrize("call", [1, 2])  # for each of the two files
def test_a_full_disk_leaves_the_export_before(call, tmp_path, monkeypatch):
    serving.export(linear().fit(TEXTS, LABELS), tmp_path)
    expected = serving.load(tmp_path).predict_proba(TEXTS[:2])
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == call:
            raise OSError(28, "No space left on device")
        return real(handle)

    monkeypatch.setattr(os, "fsync", full)
    other = linear().fit(TEXTS[::-1], ["z", *LABELS[1:]])
    with pytest.raises(OSError, match="No space left"):
        serving.export(other, tmp_path)
    np.testing.assert_array_equal(serving.load(tmp_path).predict_proba(TEXTS[:2]), expected)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".unfinished")]


def test_arguments_are_checked_although_nothing_needs_them(tmp_path):
    model = linear()
    with pytest.raises(TypeError, match="validation_data"):
        model.fit(TEXTS, LABELS, validation_data="garbage")
    with pytest.raises(ValueError, match="weights must be"):
        serving.export(model.fit(TEXTS, LABELS), tmp_path, weights="zzz")


def test_a_missing_folder_is_named(tmp_path):
    model = GatedDenseClassifier(units=2, epochs=1).fit([[0.0], [1.0]], [0, 1])
    from skattn import export_onnx

    with pytest.raises(FileNotFoundError, match=r"no-folder does not exist"):
        export_onnx(model, tmp_path / "no-folder" / "model.onnx")
