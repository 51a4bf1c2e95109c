"""Whatever comes in: the right answer, or an error of ours that says what was wrong."""

import traceback

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.pipeline import Pipeline

from skattn import (
    AttentionDisplay,
    AttentionPooling,
    AttentionTextClassifier,
    GatedDenseClassifier,
    GateDisplay,
    SequenceVectorizer,
    TrainingDisplay,
    explain_texts,
    export_onnx,
    faithfulness_report,
    make_text_classifier,
)

IDS = np.array([[2, 3, 0], [4, 5, 6], [2, 7, 0], [4, 0, 0]] * 3)
ROWS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
LABELS = np.array(["a", "b", "a", "b"] * 3)
NAN, INF = float("nan"), float("inf")
TEXT = AttentionTextClassifier(encoder="none", units=2, embedding_dim=2, epochs=1, random_state=0)
GATED = GatedDenseClassifier(units=2, epochs=1, random_state=0)
EXAMPLES = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def refused(call, *arguments, match, **named):
    """The call ends in an error for users: of ours or scikit-learn's, before Keras saw the data."""
    with pytest.raises((ValueError, TypeError), match=match) as caught:
        call(*arguments, **named)
    files = [frame.filename.replace("\\", "/") for frame in traceback.extract_tb(caught.tb)]
    assert not [f for f in files if "/keras/" in f or "/tensorflow/" in f], str(caught.value)
    assert len(str(caught.value)) > 10


def a(values, **changes):
    """A copy of an array with some entries replaced: ``row_column=value`` by position."""
    values = np.array(values, dtype=float if values.dtype.kind == "f" else object)
    for place, value in changes.items():
        values[tuple(map(int, place.strip("_").split("_")))] = value
    return values


# -- X -------------------------------------------------------------------------------------------

NO_ROWS = "Expected sequence or array-like|Expected 2D array"
BAD_X = {
    "NaN": (lambda X: a(X, _0_0=NAN).astype(float), "NaN"),
    "infinity": (lambda X: a(X, _0_0=INF).astype(float), "infinity"),
    "negative infinity": (lambda X: a(X, _0_0=-INF).astype(float), "infinity"),
    "one dimension": (lambda X: X[:, 0], "Expected 2D"),
    "three dimensions": (lambda X: X[:, :, None], "Found array with dim 3"),
    "no rows": (lambda X: X[:0], "0 sample|inconsistent"),
    "no columns": (lambda X: X[:, :0], "0 feature"),
    "more rows than labels": (lambda X: np.repeat(X, 2, axis=0), "inconsistent numbers"),
    "a number": (lambda X: 3, NO_ROWS),
    "nothing": (lambda X: None, NO_ROWS),
    "a text": (lambda X: "text", "inconsistent numbers|X must be (token ids|rows of numbers)"),
    "texts": (lambda X: ["one", "two"] * 6, "X must be (token ids|rows of numbers)"),
    "ragged": (lambda X: [[1], [2, 3]] * 6, "inhomogeneous shape"),
    "objects": (lambda X: a(X.astype(object), _0_0={"a": 1}), "a real number, not 'dict'"),
    "words": (
        lambda X: np.array([["one", "two", "three"]] * 12),
        "X must be (token ids|rows of numbers)",
    ),
    "complex": (lambda X: X + 1j, "Complex"),
}


@pytest.mark.parametrize(("clf", "X"), [(TEXT, IDS), (GATED, ROWS)], ids=["text", "gated"])
@pytest.mark.parametrize("case", BAD_X)
def test_bad_rows(case, clf, X):
    change, message = BAD_X[case]
    clf = type(clf)(**clf.get_params())
    refused(clf.fit, change(X), LABELS, match=message)
    assert not clf.__sklearn_is_fitted__()


@pytest.fixture(scope="module")
def fitted():
    return {"text": TEXT.fit(IDS, LABELS), "gated": GATED.fit(ROWS, LABELS)}


@pytest.mark.parametrize(("kind", "X"), [("text", IDS), ("gated", ROWS)])
@pytest.mark.parametrize("case", [case for case in BAD_X if "labels" not in case])
def test_bad_rows_at_prediction(case, kind, X, fitted):
    change, message = BAD_X[case]
    bad, clf = change(X), fitted[kind]
    own = clf.attention_weights if kind == "text" else clf.gate_values
    for method in (clf.predict, clf.predict_proba, clf.predict_log_proba, clf.transform, own):
        refused(method, bad, match=message)


@pytest.mark.parametrize(
    "X",
    [IDS + 0.5, IDS - 5, np.where(IDS == 0, 2**31, IDS), np.where(IDS == 0, 1e300, IDS)],
    ids=["fractions", "negative", "beyond 32 bits", "huge"],
)
def test_what_is_no_token_id(X, fitted):
    refused(TEXT.fit, X, LABELS, match="SequenceVectorizer")
    refused(fitted["text"].predict, X, match="SequenceVectorizer")


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((12, 3), dtype="M8[s]"),
        np.ones((12, 3), dtype="m8[s]"),
        [[None, 1]] * 12,
        [[10**400, 1]] * 12,
    ],
    ids=["dates", "times", "None", "huge"],
)
def test_what_is_no_number(X):
    refused(TEXT.fit, X, LABELS, match="SequenceVectorizer")


def test_sparse_ids_are_refused(fitted):
    refused(fitted["text"].predict, sparse.csr_array(IDS), match="SequenceVectorizer")


def test_ids_beyond_the_table_count_as_out_of_vocabulary(fitted):
    far = np.where(IDS == 7, 2**31 - 1, IDS)
    known = np.where(IDS == 7, 1, IDS)
    clf = fitted["text"]
    np.testing.assert_array_equal(clf.predict_proba(far), clf.predict_proba(known))


def test_another_number_of_columns(fitted):
    refused(fitted["text"].predict, IDS[:, :2], match="features")
    refused(fitted["gated"].predict, ROWS[:, :2], match="features")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, on the way to the error
def test_features_too_large_for_float32():
    refused(GATED.fit, ROWS.astype(np.float64) * 1e300, LABELS, match="infinity|too large")


# -- y and weights -------------------------------------------------------------------------------

BAD_Y = {
    "none": (None, "requires y to be passed"),
    "one class": (["a"] * 12, "one class"),
    "NaN": ([NAN, 1.0] * 6, "NaN"),
    "continuous": (np.linspace(0, 1, 12), "Unknown label type"),
    "mixed types": (["a", 1] * 6, "mixes"),
    "mixed objects": (np.array(["a", 1] * 6, dtype=object), "labels of different types"),
    "None among them": ([None, "a"] * 6, "labels are missing"),
    "pandas texts with NA": (pd.Series(["a", None] * 6, dtype="string"), "missing"),
    "too few": (LABELS[:5], "inconsistent"),
    "two columns of classes": (np.stack([LABELS, LABELS], axis=1), "not a matrix of 0 and 1"),
    "empty": ([], "0 sample"),
    "a text": ("abababababab", "y must be a list or an array of labels"),
}


@pytest.mark.parametrize(("clf", "X"), [(TEXT, IDS), (GATED, ROWS)], ids=["text", "gated"])
@pytest.mark.parametrize("case", BAD_Y)
def test_bad_labels(case, clf, X):
    y, message = BAD_Y[case]
    refused(type(clf)(**clf.get_params()).fit, X, y, match=message)


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy has it from 2.0 on")
def test_labels_in_numpys_new_type_of_texts():
    y = LABELS.astype(np.dtypes.StringDType())
    clf = GatedDenseClassifier(units=2, epochs=1, random_state=0).fit(ROWS, y)
    assert clf.classes_.tolist() == ["a", "b"]
    old = GatedDenseClassifier(units=2, epochs=1, random_state=0).fit(ROWS, LABELS)
    np.testing.assert_array_equal(clf.predict(ROWS), old.predict(ROWS))
    chunks = GatedDenseClassifier(units=2).partial_fit(ROWS, y, classes=np.unique(y))
    assert chunks.partial_fit(ROWS, y, classes=np.unique(y)).classes_.tolist() == ["a", "b"]
    missing = np.array(["a", NAN] * 6, dtype=np.dtypes.StringDType(na_object=NAN))
    refused(clf.fit, ROWS, missing, match="missing")


BAD_WEIGHTS = {
    "zero": (np.zeros(12), "zero"),
    "negative": (np.r_[-1.0, np.ones(11)], "[Nn]egative"),
    "NaN": (np.r_[NAN, np.ones(11)], "NaN"),
    "the number NaN": (NAN, "sample_weight is nan"),
    "the number infinity": (INF, "sample_weight is inf"),
    "infinite": (np.r_[INF, np.ones(11)], "infinity"),
    "too few": (np.ones(11), "inconsistent numbers"),
    "two columns": (np.ones((12, 2)), "sample_weight has the shape"),
    "words": (["heavy"] * 12, "sample_weight must hold a number for each row: .*'heavy'"),
    "zero for one class": ((LABELS == "a").astype(float), "one class"),
}


@pytest.mark.parametrize(("clf", "X"), [(TEXT, IDS), (GATED, ROWS)], ids=["text", "gated"])
@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights(case, clf, X):
    weights, message = BAD_WEIGHTS[case]
    refused(type(clf)(**clf.get_params()).fit, X, LABELS, weights, match=message)


def test_one_row_of_each_class_is_enough():
    clf = GatedDenseClassifier(units=2, epochs=1).fit(ROWS[:2], LABELS[:2])
    assert clf.predict(ROWS[:1]).shape == (1,)
    clf.set_params(early_stopping=True, validation_fraction=0.9)
    refused(clf.fit, ROWS[:2], LABELS[:2], match="validation_fraction=0.9 leaves 0 of 2 rows")


def test_bad_classes_of_partial_fit():
    refused(GatedDenseClassifier().partial_fit, ROWS, LABELS, classes=["a"], match="class")
    refused(
        GatedDenseClassifier().partial_fit, ROWS, LABELS, classes=["a", "c"], match="new classes"
    )
    refused(GatedDenseClassifier().partial_fit, ROWS[:1], ["a"], match="one class")
    for classes in ([], "ab", 5, {"a": 1, "b": 2}, [None, "a", "b"], ["a", 1], object(), ["a"]):
        refused(GATED.partial_fit, ROWS, LABELS, classes=classes, match="^classes ")


def test_classes_of_partial_fit_may_be_a_set():
    clf = GatedDenseClassifier(units=2).partial_fit(ROWS, LABELS, classes={"c", "b", "a"})
    assert clf.classes_.tolist() == ["a", "b", "c"]


# -- parameters ----------------------------------------------------------------------------------

BAD_VALUES = [-1, 0, 1.5, NAN, INF, "no such thing", [1], None, object(), 2**70, b"x", True]
GOOD_VALUES = {  # of those above
    "epochs": [None, True],
    "batch_size": [True, 2**70],
    "learning_rate": [1.5, True, 2**70],
    "l2": [0, 1.5, True, 2**70],
    "weight_decay": [None, 0, 1.5, True, 2**70],
    "tol": [0, 1.5, True, 2**70],
    "n_iter_no_change": [True, 2**70],
    "head_penalty": [0, 1.5, True, 2**70],
    "units": [True],
    "embedding_dim": [True],
    "n_layers": [True],
    "n_heads": [True, 2**70],
    "segment_length": [None, True],
    "vocabulary_size": [None],
    "validation_fraction": [None],
    "class_weight": [None],
    "callbacks": [None],
    "extra_pooling": [None],
    "embeddings": [None],
    "checkpoint": [None, "no such thing"],
    "pretrained": [None, "no such thing"],  # tested with the other folders that are none
    "attention": [None],
    "encoder": [None],
    "learning_rate_schedule": [None],
    "cache_size": [0, 1.5, 2**70, True],
    "tuned_layers": [0, 2**70, True],  # of no pretrained model
    "tuned_rate": [1.5, 2**70, True],
    "conv_widths": [[1]],
    "random_state": [0, None, True],
    "verbose": [0, True, 2**70],
    "scoring": [],
    "optimizer": [],
    "dropout": [0],
    "word_dropout": [0],
    "embedding_dropout": [0],
    "label_smoothing": [0],
}
OTHER_MESSAGES = {  # that do not begin with the name
    "scoring": "'no such thing' is not a valid scoring value",
    **dict.fromkeys(["units", "embedding_dim", "vocabulary_size"], "This network does not fit"),
}
BOOLEAN = {"early_stopping", "weight_averaging", "warm_start", "save_optimizer"}
BOOLEAN |= {"embedding_trainable"}
HUGE = {"epochs", "segment_length"}


def _bad_parameters():
    for clf in (TEXT, GATED):
        for name in clf.get_params():
            good = GOOD_VALUES.get(name, [])
            for value in BAD_VALUES:
                fine = any(value is g or (value == g and type(value) is type(g)) for g in good)
                fine |= name in BOOLEAN and value is True
                fine |= name in HUGE and value == 2**70  # a size that no machine has
                if not fine:
                    shown = type(value).__name__ if type(value) is object else value
                    yield pytest.param(clf, name, value, id=f"{type(clf).__name__}-{name}-{shown}")


@pytest.mark.parametrize(("clf", "name", "value"), list(_bad_parameters()))
def test_bad_parameters(clf, name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clf = type(clf)(**clf.get_params() | {name: value})
    if name in ("tol", "n_iter_no_change", "scoring"):
        clf.set_params(early_stopping=True, validation_fraction=0.5)
    X = IDS if isinstance(clf, AttentionTextClassifier) else ROWS
    messages = [rf"The '{name}' parameter of {type(clf).__name__} must", rf"{name}\b"]
    messages += [OTHER_MESSAGES[name]] if name in OTHER_MESSAGES else []
    refused(clf.fit, X, LABELS, match=rf"^({'|'.join(messages)})")


def test_a_schedule_as_learning_rate_belongs_into_an_optimizer():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    clf = GatedDenseClassifier(units=2, epochs=1, learning_rate=schedule)
    refused(clf.fit, ROWS, LABELS, match="got a ExponentialDecay. Give the schedule")
    clf.set_params(learning_rate=0.1, optimizer=keras.optimizers.Adam(schedule)).fit(ROWS, LABELS)


@pytest.mark.parametrize("name", ["half a character \ud800", "a NUL \0"])
def test_what_cannot_name_a_folder(name, tmp_path):
    clf = GatedDenseClassifier(units=2, checkpoint=f"{tmp_path}/{name}")
    refused(clf.fit, ROWS, LABELS, match="checkpoint='.*' cannot name a folder")


@pytest.mark.parametrize(
    "weights", [{"c": 1}, {"a": 1, "c": 1}, {"a": NAN}, {"a": -1}, {"a": "x"}, {"a": 0, "b": 0}]
)
def test_bad_class_weights(weights):
    clf = GatedDenseClassifier(units=2, class_weight=weights)
    refused(clf.fit, ROWS, LABELS, match="^class_weight (names classes|must hold|gives every row)")


@pytest.mark.parametrize("class_weight", [{"a": 1e308, "b": 1e308}, {"a": 1e200, "b": 1e200}])
def test_huge_class_weights_do_not_overflow(class_weight):
    clf = GatedDenseClassifier(units=2, epochs=1, random_state=0, class_weight=class_weight)
    clf.fit(ROWS, LABELS, sample_weight=np.full(12, 1e200))
    plain = GatedDenseClassifier(units=2, epochs=1, random_state=0).fit(ROWS, LABELS)
    np.testing.assert_allclose(clf.predict_proba(ROWS), plain.predict_proba(ROWS), rtol=1e-5)


# -- parameters that were changed after fit ------------------------------------------------------


def test_the_network_that_was_fitted_says_how_long_its_segments_are():
    flat = AttentionTextClassifier(**TEXT.get_params()).fit(IDS, LABELS)
    refused(flat.set_params(segment_length=2).segment_attention_weights, IDS, match="use attention")
    params = TEXT.get_params() | {"segment_length": 2}
    clf = AttentionTextClassifier(**params).fit(IDS, LABELS)
    before = clf.segment_attention_weights(IDS)
    for changed in (None, 3):
        clf.set_params(segment_length=changed)
        np.testing.assert_array_equal(clf.segment_attention_weights(IDS), before)


def test_many_features_are_refused_by_fit_alone():
    X = np.zeros((12, 5000), dtype=np.float32)
    clf = GatedDenseClassifier(units=2, epochs=1).fit(X, LABELS)
    clf.set_params(gate="inputs").predict(X)  # by the network that was fitted
    refused(clf.fit, X, LABELS, match="at most")


# -- texts ---------------------------------------------------------------------------------------

STRANGE = {
    "surrogate": "a lone \ud800 surrogate",
    "NUL": "nul \x00 in the middle",
    "right to left": "שלום עולם \u202eabc\u202c مرحبا",
    "emoji": "👩‍👩‍👧‍👦 family 🏳️‍🌈 flag",
    "combining": "e\u0301\u0327" * 50,
    "empty": "",
    "spaces": " \t\r\n\u2028\u00a0",
    "control": "".join(map(chr, range(32))),
    "astral": "𝕳𝖊𝖑𝖑𝖔 𠜎𠜱",
    "one long word": "x" * 100_000,
    "markup": "<script>alert(1)</script>&amp;",
}


@pytest.fixture(scope="module")
def pipeline():
    texts = ["good film story", "bad film story"] * 6
    classifier = AttentionTextClassifier(
        encoder="none", units=2, embedding_dim=2, epochs=1, random_state=0
    )
    steps = [("vectorizer", SequenceVectorizer()), ("classifier", classifier)]
    return Pipeline(steps).fit(texts, ["good", "bad"] * 6)


@pytest.mark.parametrize("name", STRANGE)
def test_strange_texts_are_read(name, pipeline):
    text = STRANGE[name]
    probabilities = pipeline.predict_proba([text, "good film"])
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    explanation = explain_texts(pipeline, [text])[0]
    assert explanation.text == text


def test_strange_texts_are_learned(tmp_path):
    texts = [*STRANGE.values(), "good film"]
    model = make_text_classifier(units=2, embedding_dim=2, epochs=1, random_state=0)
    model.fit(texts, ["a", "b"] * (len(texts) // 2))
    assert np.isfinite(model.predict_proba(texts)).all()


@pytest.mark.slow
def test_a_text_of_a_million_tokens():
    long = "good film " * 500_000
    classifier = AttentionTextClassifier(encoder="none", units=2, embedding_dim=2, epochs=1)
    model = Pipeline([("v", SequenceVectorizer(max_length=1_000_000)), ("c", classifier)])
    model.fit([long, "bad story"], ["good", "bad"])
    assert np.isfinite(model.predict_proba([long])).all()


BAD_TEXTS = {
    "one text": ("just one text", "got one bare string"),
    "bytes": ([b"bytes", b"more"] * 6, "not a text but b'bytes'"),
    "a missing text": (["text", None] * 6, "not a text but None|6 of 12 texts are missing"),
    "NaN": (["text", NAN] * 6, "not a text but nan|6 of 12 texts are missing"),
    "numbers": ([1, 2] * 6, r"not a text but 1 \(int\)"),
    "none": (None, "Expected a list, .* got NoneType"),
    "a number": (3, "Expected a list, .* got int"),
    "tokens": ([["a", "b"], ["c"]] * 6, "join its words first"),
    "ids": (IDS, "Expected one column of texts"),
}


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_what_is_no_text(case, pipeline):
    texts, message = BAD_TEXTS[case]
    refused(SequenceVectorizer().fit, texts, match=message)
    refused(SequenceVectorizer().fit_transform, texts, match=message)
    for method in (pipeline[0].transform, pipeline.predict):
        refused(method, texts, match=message)
    if case != "one text":  # which is a list of one there
        refused(explain_texts, pipeline, texts, match=message)
        refused(AttentionDisplay.from_estimator, pipeline, texts, match=message)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
@EXAMPLES
def test_any_texts_get_probabilities(pipeline, texts):
    probabilities = pipeline.predict_proba(texts)
    assert probabilities.shape == (len(texts), 2)
    assert np.isfinite(probabilities).all()
    spans = pipeline[0].token_spans(texts)
    for text, span, row in zip(texts, spans, pipeline[0].transform(texts), strict=True):
        assert len(span) == np.count_nonzero(row)
        assert all(0 <= start <= end <= len(text) for start, end in span)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
@EXAMPLES
def test_any_texts_are_explained(pipeline, texts):
    for text, explanation in zip(texts, explain_texts(pipeline, texts), strict=True):
        assert explanation.text == text
        cut = tuple(text[start:end] for start, end in explanation.spans)
        assert cut == tuple(explanation.tokens)
        assert explanation.weights.sum() == pytest.approx(1.0 if cut else 0.0, abs=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.lists(st.text(max_size=30), max_size=5))
@example(["good film", "bad film story"])
@settings(EXAMPLES, max_examples=10)
def test_any_texts_are_reported_on_or_refused(pipeline, texts):
    try:
        report = faithfulness_report(pipeline, texts, random_state=0)
    except (ValueError, TypeError) as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        assert not [f for f in files if "/keras/" in f or "/tensorflow/" in f]
    else:
        assert report.verdict.startswith("Attention is ")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
# by scikit-learn's own cast to float32, which then refuses the infinite number
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@given(ANYTHING)
@EXAMPLES
def test_anything_as_rows_is_answered_or_refused(fitted, X):
    for clf in fitted.values():
        try:
            probabilities = clf.predict_proba(X)
        except (ValueError, TypeError, OverflowError) as error:
            files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
            assert not [f for f in files if "/keras/" in f or "/tensorflow/" in f]
        else:
            assert probabilities.shape == (len(X), 2)
            assert np.isfinite(probabilities).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@given(
    y=st.lists(st.sampled_from(["a", "b", "", 0, 1, 1.5, NAN, None, True, b"a"]), max_size=12)
    | st.lists(st.sampled_from(["a", "b"]), min_size=12, max_size=12)
    | ANYTHING,
    weights=st.none() | st.lists(st.floats(0, 5), min_size=12, max_size=12) | ANYTHING,
)
@settings(EXAMPLES, max_examples=60)
def test_any_labels_and_weights_are_learned_or_refused(y, weights):
    clf = GatedDenseClassifier(**GATED.get_params())
    try:
        clf.fit(ROWS, y, weights)
    except (ValueError, TypeError, OverflowError) as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        assert not [f for f in files if "/keras/" in f or "/tensorflow/" in f]
        assert not clf.__sklearn_is_fitted__()
    else:
        assert set(clf.predict(ROWS)) <= set(y)


@given(given=st.fixed_dictionaries({"heads": ANYTHING, "units": ANYTHING, "penalty": ANYTHING}))
@EXAMPLES
def test_any_settings_of_the_layer_are_taken_or_refused(given):
    good = isinstance(given["heads"], int) and given["heads"] >= 1
    good &= given["units"] is None or (isinstance(given["units"], int) and given["units"] >= 1)
    good &= isinstance(given["penalty"], (int, float)) and given["penalty"] >= 0
    if good:
        assert AttentionPooling("multihead", **given).heads == given["heads"]
    else:
        refused(AttentionPooling, "multihead", **given, match="parameter of AttentionPooling")


@pytest.mark.parametrize(
    "given",
    [
        {"score": "no such thing"},
        {"heads": 0},
        {"heads": 1.5},
        {"heads": "x"},
        {"units": -1},
        {"penalty": NAN},
        {"penalty": -1.0},
        {"penalty": "x"},
    ],
    ids=str,
)
def test_bad_settings_of_the_layer(given):
    refused(AttentionPooling, **given, match=f"The '{next(iter(given))}' parameter")


def test_the_layer_reads_three_dimensions():
    with pytest.raises(ValueError, match=r"shape \(batch, time, units\), got \(3, 5\)"):
        AttentionPooling()(np.zeros((3, 5), dtype=np.float32))


@pytest.mark.parametrize("linear", ["x", None, 1, [True]])
def test_what_is_no_choice_of_parts(linear):
    classifier = make_text_classifier(linear=linear)
    refused(classifier.fit, ["good", "bad"], [0, 1], match="'linear' parameter of TextClassifier")


@pytest.mark.parametrize("thing", [None, "model", ROWS, make_text_classifier()])
def test_what_cannot_be_exported(thing, tmp_path):
    refused(export_onnx, thing, tmp_path / "x.onnx", match="estimator must be")
    assert not (tmp_path / "x.onnx").exists()


BAD_READING = [
    {"token_pattern": "("},
    {"token_pattern": None},
    {"ngram_range": (1,)},
    {"ngram_range": ("a", 2)},
    {"ngram_range": (1.0, 2.0)},
    {"ngram_range": (2, 1)},
    {"stop_words": [1, 2]},
    {"stop_words": [["a"]]},
]


@pytest.mark.parametrize("params", BAD_READING, ids=str)
def test_bad_parameters_of_reading(params):
    name = next(iter(params))
    refused(SequenceVectorizer(**params).fit, ["good film", "bad film"], match=name)


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_ngrams_longer_than_any_text(analyzer):
    text = "good film"
    many = SequenceVectorizer(analyzer=analyzer, ngram_range=(1, 10**9)).fit([text])
    enough = SequenceVectorizer(analyzer=analyzer, ngram_range=(1, 20)).fit([text])
    assert many.vocabulary_ == enough.vocabulary_
    np.testing.assert_array_equal(many.token_spans([text])[0], enough.token_spans([text])[0])


# -- explanations and displays -------------------------------------------------------------------


@pytest.mark.parametrize("thing", [None, 3, "model"])
def test_explanations_of_what_is_no_estimator(thing):
    refused(explain_texts, thing, ["text"], match="not an estimator")
    refused(AttentionDisplay.from_estimator, thing, ["text"], match="not an estimator")
    refused(faithfulness_report, thing, ["text", "more"], ["a", "b"], match="not an estimator")


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_explanations_of_what_reads_no_texts(in_pipeline, fitted):
    thing = Pipeline([("gated", fitted["gated"])]) if in_pipeline else fitted["gated"]
    message = "Nothing to explain in .*GatedDenseClassifier: Evidence can be computed for"
    refused(explain_texts, thing, ["text"], match=message)
    refused(AttentionDisplay.from_estimator, thing, ["text"], match=message)
    refused(faithfulness_report, thing, ["text", "more"], ["a", "b"], match=message)


def test_displays_of_what_has_no_gates_or_history():
    for thing in (None, 3, "model"):
        refused(GateDisplay.from_estimator, thing, ROWS, match="is not an estimator instance")
        refused(TrainingDisplay.from_estimator, thing, match="TrainingDisplay needs a fitted")


def test_what_is_no_number_of_things_to_show(pipeline, fitted):
    display = AttentionDisplay.from_estimator(pipeline, ["good film"])
    gates = GateDisplay.from_estimator(fitted["gated"], ROWS, LABELS)
    for number in (-1, 1.5, "x"):
        refused(display.plot, n_texts=number, match="n_texts")
        refused(gates.plot, max_gates=number, match="max_gates")
    refused(gates.plot, order=[1], match="order")
    refused(display.explanations[0].top_tokens, -1, match="from 0 on")


def test_what_is_no_explanation():
    for things in ([3], "ab", ["text"]):
        refused(AttentionDisplay.from_explanations, things, match="explain_texts")


def test_what_is_no_axes(pipeline, fitted):
    displays = [
        AttentionDisplay.from_estimator(pipeline, ["good film"]),
        GateDisplay.from_estimator(fitted["gated"], ROWS, LABELS),
        TrainingDisplay.from_estimator(fitted["gated"]),
    ]
    for display in displays:
        for ax in ("x", 3, [1, 2], {}):
            refused(display.plot, ax=ax, match="ax must be a matplotlib Axes, got a")
    refused(displays[2].plot, ax=[], match="one Axes")


def test_what_is_no_report_and_no_list_of_classifiers(pipeline, fitted):
    display = AttentionDisplay.from_estimator(pipeline, ["good film"])
    for thing in ("x", 3, pipeline, display):
        refused(display.to_html, report=thing, match="what faithfulness_report gives")
    for thing in (None, 3, fitted["gated"]):
        refused(TrainingDisplay.from_estimators, thing, match="a list or a dict of fitted")
        refused(AttentionDisplay.from_explanations, thing, match="explain_texts gives")
    refused(TrainingDisplay.from_estimators, [], match="estimators is empty")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([None, "a"] * 6, "missing"),
        ([NAN, 1.0] * 6, "missing"),
        (np.array(["a", 1] * 6, object), "different types"),
    ],
    ids=["None", "NaN", "mixed"],
)
def test_gates_by_labels_without_an_order(y, message, fitted):
    refused(GateDisplay.from_estimator, fitted["gated"], ROWS, y, match=message)


@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_a_column_of_true_classes_gives_the_same_accuracy(pipeline):
    texts, y = ["good film", "bad story", "good story"], np.array(["good", "good", "bad"])
    options = {"n_bootstrap": 10, "n_random": 1, "random_state": 0}
    flat = faithfulness_report(pipeline, texts, y, **options)
    column = faithfulness_report(pipeline, texts, y[:, None], **options)
    assert flat.accuracy == column.accuracy
    wide = np.zeros((3, 2))
    refused(faithfulness_report, pipeline, texts, wide, match="y should be a 1d array", **options)
