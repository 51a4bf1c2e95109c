"""`TextClassifier`: its parts, its parameters, and its place in scikit-learn."""

import copy
import io
import pickle

import joblib
import keras
import numpy as np
import pytest
import sklearn
from keras.callbacks import LambdaCallback
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import (
    AttentionDisplay,
    AttentionTextClassifier,
    EvidenceDisplay,
    SequenceVectorizer,
    TextClassifier,
    TrainingDisplay,
    explain_texts,
    make_text_classifier,
)
from skattn.fitting import _checkpoint
from skattn.recipe import _parts

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

SMALL = {"epochs": 2, "embedding_dim": 8, "random_state": 0}


def texts_of(n_words, n_classes, n_rows=48, seed=0):
    """Generated texts in which one word marks the class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    filler = rng.integers(0, 30, (n_rows, n_words - 1))
    return [
        " ".join([*(f"word{w}" for w in row), f"mark{label}"])
        for row, label in zip(filler, y, strict=True)
    ], y


TEXTS, Y = texts_of(6, 3)
LABELS = np.array(["a", "b", "c"])[Y]
SEVERAL = np.stack([Y == 0, Y <= 1], axis=1).astype(int)


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(**(SMALL | {"epochs": 8})).fit(TEXTS, LABELS)


def test_make_text_classifier_makes_one():
    made = make_text_classifier(units=7, linear=False)
    assert isinstance(made, TextClassifier)
    assert made.get_params() == TextClassifier(units=7, linear=False).get_params()
    with pytest.raises(TypeError, match="unit"):
        make_text_classifier(unit=7)


@pytest.mark.slow
def test_probabilities_are_the_weighted_mean_of_both_parts(fitted):
    texts, _ = texts_of(6, 3, seed=1)
    fitted = copy.deepcopy(fitted)
    fitted.weights_ = {"network": 0.25, "linear": 0.75}
    network, linear = (m.predict_proba(texts) for m in (fitted.network_, fitted.linear_))
    found = fitted.predict_proba(texts)
    np.testing.assert_allclose(found, 0.25 * network + 0.75 * linear, rtol=1e-6)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(fitted.predict_log_proba(texts), np.log(found))


def test_its_parts_are_fitted_public_estimators(fitted):
    vectorizer, classifier = (step for _, step in fitted.network_.steps)
    assert isinstance(vectorizer, SequenceVectorizer)
    assert isinstance(classifier, AttentionTextClassifier)
    assert fitted.history_ == classifier.history_
    assert fitted.classes_.tolist() == classifier.classes_.tolist() == ["a", "b", "c"]
    assert fitted.linear_.predict(TEXTS[:3]).tolist() == ["a", "b", "c"]
    representation = fitted.transform(TEXTS[:2])
    np.testing.assert_array_equal(representation, fitted.network_.transform(TEXTS[:2]))
    assert len(fitted.get_feature_names_out()) == representation.shape[1]


def test_it_learns_and_explains_the_marks(fitted):
    texts, y = texts_of(6, 3, seed=1)
    assert fitted.score(texts, np.array(["a", "b", "c"])[y]) > 0.9
    explanation = explain_texts(fitted, texts[:1])[0]
    assert 0 < explanation.share < 1


@pytest.mark.slow
@pytest.mark.parametrize(("n_words", "seed"), [(12, 0), (50, 3), (80, 0)])
def test_planted_words_come_first(n_words, seed):
    """The mark of the class stands anywhere."""
    rng = np.random.default_rng(seed)
    texts, y = texts_of(n_words, 3, n_rows=360, seed=seed)
    texts = [" ".join(rng.permutation(text.split())) for text in texts]
    model = make_text_classifier(random_state=seed).fit(texts[:240], y[:240])
    explanations = explain_texts(model, texts[240:])
    first = [explanation.top_tokens(1)[0][0] for explanation in explanations]
    found = [token == f"mark{label}" for token, label in zip(first, y[240:], strict=True)]
    assert np.mean(found) >= 0.9
    np.testing.assert_allclose([e.weights.sum() for e in explanations], 1, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: CalibratedClassifierCV(model, cv=2, ensemble=False),
        lambda model: VotingClassifier([("a", model), ("b", clone(model))], voting="soft"),
        lambda model: GridSearchCV(model, {"learning_rate": [1e-3, 3e-3]}, cv=2),
    ],
    ids=["calibrated", "calibrated, one", "vote", "search"],
)
def test_it_is_explained_inside_other_estimators(wrap):
    model = wrap(TextClassifier(**(SMALL | {"epochs": 8}))).fit(TEXTS, LABELS)
    explanations = explain_texts(model, TEXTS[:6])
    assert [e.prediction for e in explanations] == model.predict(TEXTS[:6]).tolist()
    np.testing.assert_allclose([e.weights.sum() for e in explanations], 1, rtol=1e-6)
    assert all(0 < e.share < 1 for e in explanations)


# -- parameters ------------------------------------------------------------------------------------


def test_parameters_have_the_names_of_both_classes_and_are_stored_only():
    names = set(TextClassifier().get_params())
    assert set(SequenceVectorizer().get_params()) <= names
    not_its_own = {"vocabulary_size"}
    assert set(AttentionTextClassifier().get_params()) - names == not_its_own
    assert vars(TextClassifier()).keys() == names
    assert set(TextClassifier._parameter_constraints) == names
    assert repr(TextClassifier(units=7)) == "TextClassifier(units=7)"


def test_a_validation_set_without_a_network_is_not_used():
    with pytest.warns(UserWarning, match="validation_data has no effect with network=False"):
        TextClassifier(network=False).fit(TEXTS, Y, validation_data=(TEXTS, Y))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"units": 0}, "'units' parameter of TextClassifier"),
        ({"linear": "no"}, "'linear' parameter of TextClassifier"),
        ({"extra_pooling": "sum"}, "'extra_pooling' parameter of TextClassifier"),
        ({"linear": False, "network": False}, "leave nothing to fit"),
        ({"columns": [1]}, "columns must be a name or a list of names"),
        ({"columns": ["a", "b", "a"]}, "names a column twice"),
        ({"columns": "text"}, "no frame with named columns"),
    ],
)
def test_parameters_are_checked_by_name(params, message):
    with pytest.raises(ValueError, match=message):
        TextClassifier(**params).fit(TEXTS, Y)


def test_given_parameters_reach_the_network(fitted):
    given = {"units": 7, "max_length": 9, "attention": "dot", "extra_pooling": "none"}
    model = TextClassifier(**given, **SMALL).fit(TEXTS, LABELS)
    vectorizer, classifier = (step for _, step in model.network_.steps)
    assert (classifier.units, vectorizer.max_length, classifier.attention) == (7, 9, "dot")
    assert classifier.extra_pooling is None
    assert not set(given) & set(model.settings_)
    assert set(given) <= set(fitted.settings_)
    for name, setting in fitted.settings_.items():
        assert setting["reason"], name


def test_reading_reaches_both_parts():
    texts = ["Der Hund", "die Katze", "der hund", "Die katze"] * 5
    model = TextClassifier(lowercase=False, stop_words=["der"], **SMALL).fit(texts, [0, 1] * 10)
    assert "hund" in model.network_[0].vocabulary_
    assert "Hund" in model.network_[0].vocabulary_
    assert "der" not in model.network_[0].vocabulary_
    words = model.linear_["features"].transformer_list[0][1].vocabulary_
    assert {"hund", "Hund"} <= set(words)
    assert "der" not in words


@pytest.mark.slow
@pytest.mark.parametrize(
    "reading",
    [
        {"analyzer": "char"},
        {"analyzer": "char_wb"},
        {"analyzer": str.split},
        {"tokenizer": str.split},
        {"n_features": 64},
        {"vocabulary": ["mark0", "mark1", "mark2"]},
        {"ngram_range": (1, 2)},
        {"min_df": 1, "max_df": 0.9},
    ],
    ids=str,
)
def test_every_reading_fits_without_a_warning(reading):
    model = TextClassifier(**SMALL, **reading).fit(TEXTS, LABELS)
    assert model.predict(TEXTS[:2]).shape == (2,)


@pytest.mark.slow
def test_it_is_searched_by_flat_names():
    grid = {"learning_rate": [1e-9, 1e-2]}
    search = GridSearchCV(TextClassifier(**SMALL | {"epochs": 8}, linear=False), grid, cv=2)
    search.fit(TEXTS, LABELS)
    assert search.best_params_ == {"learning_rate": 1e-2}
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0.2


# -- one part alone --------------------------------------------------------------------------------


def test_the_linear_model_alone():
    model = TextClassifier(network=False, random_state=0).fit(TEXTS, LABELS)
    assert model.weights_ == {"linear": 1.0}
    np.testing.assert_allclose(model.predict_proba(TEXTS), model.linear_.predict_proba(TEXTS))
    with pytest.raises(AttributeError) as raised:
        model.transform(TEXTS)
    assert "set network=True" in str(raised.value.__cause__)
    assert not hasattr(model, "network_")
    assert not hasattr(model, "history_")
    assert pickle.loads(pickle.dumps(model)).predict(TEXTS[:3]).tolist() == ["a", "b", "c"]


@pytest.mark.slow
def test_the_network_alone():
    model = TextClassifier(linear=False, **SMALL).fit(TEXTS, LABELS)
    assert model.weights_ == {"network": 1.0}
    assert not hasattr(model, "linear_")
    np.testing.assert_allclose(
        model.predict_proba(TEXTS), model.network_.predict_proba(TEXTS), rtol=1e-6
    )
    assert explain_texts(model, TEXTS[:1])[0].share == pytest.approx(1)


def test_another_fit_leaves_nothing_of_the_part_that_was_taken_out():
    model = TextClassifier(**SMALL).fit(TEXTS, LABELS)
    model.set_params(network=False).fit(TEXTS, LABELS)
    assert not hasattr(model, "network_")


@pytest.mark.slow
def test_chunks_train_the_network_alone():
    model = TextClassifier(linear=False, learning_rate=0.02, **SMALL)
    for start in [0, 24] * 10:
        rows = slice(start, start + 24)
        model.partial_fit(TEXTS[rows], LABELS[rows], classes=["a", "b", "c"])
    assert model.score(TEXTS, LABELS) > 0.9
    assert len(model.history_["loss"]) == 20
    assert model.settings_["encoder"]["value"] == "conv"
    again = pickle.loads(pickle.dumps(model)).partial_fit(TEXTS, LABELS)
    assert len(again.history_["loss"]) == 21
    assert again.n_iter_ == 1
    with pytest.raises(AttributeError, match="partial_fit") as refusal:
        TextClassifier().partial_fit(TEXTS, LABELS)
    assert "set linear=False" in str(refusal.value.__cause__)
    with pytest.raises(AttributeError, match="partial_fit") as refusal:
        TextClassifier(network=False, linear=False).partial_fit(TEXTS, LABELS)
    assert "set network=True" in str(refusal.value.__cause__)
    with pytest.raises(TypeError, match="network=False: there is no history"):
        TrainingDisplay.from_estimator(TextClassifier(network=False).fit(TEXTS, LABELS))


@pytest.mark.parametrize(
    "optimizer", [{"class_name": "SGD"}, {"class_name": "AdamW", "config": {}}]
)
def test_an_optimizer_without_a_rate_has_that_of_the_rules(optimizer):
    model = TextClassifier(optimizer=optimizer, linear=False, **SMALL).fit(TEXTS, LABELS)
    keras_optimizer = model.network_[-1].model_.optimizer
    assert model.network_[-1].learning_rate == model.settings_["learning_rate"]["value"]
    assert keras_optimizer.weight_decay == model.settings_["weight_decay"]["value"] == 0.01


def test_an_optimizer_class_is_refused():
    with pytest.raises(TypeError, match=r"optimizer is the class Adam. Pass an object"):
        TextClassifier(optimizer=keras.optimizers.Adam, **SMALL).fit(TEXTS, LABELS)


def test_the_width_of_given_vectors_is_no_setting():
    model = TextClassifier(embeddings=vectors_for(TEXTS, 5), epochs=1, random_state=0)
    assert "embedding_dim" not in model.fit(TEXTS, LABELS).settings_


@pytest.mark.parametrize("bounds", [{"min_df": 2}, {"max_df": 0.9}])
def test_the_linear_model_prunes_words_that_the_network_hashes(bounds):
    model = TextClassifier(n_features=64, **bounds, **SMALL).fit(TEXTS, LABELS)
    words = dict(model.linear_[0].transformer_list)["words"]
    assert words.get_params().items() >= bounds.items()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_a_callback_that_sets_the_rate_takes_the_place_of_the_schedule():
    falling = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-12)
    model = TextClassifier(linear=False, callbacks=[falling], **SMALL).fit(TEXTS, LABELS)
    assert model.settings_["learning_rate_schedule"]["value"] == "constant"
    assert "LearningRateScheduler" in model.settings_["learning_rate_schedule"]["reason"]
    assert float(model.network_[-1].model_.optimizer.learning_rate) == pytest.approx(1e-12)


def test_early_stopping_tells_its_best_epoch():
    params = SMALL | {"linear": False, "epochs": 3, "early_stopping": True}
    model = TextClassifier(**params).fit(TEXTS, LABELS)
    losses = model.history_["val_loss"]
    assert model.n_iter_ == len(losses)
    assert model.best_iteration_ == np.argmin(losses) + 1
    marked = TrainingDisplay.from_estimator(model).best_epochs
    assert marked == {"TextClassifier": model.best_iteration_}
    without = TextClassifier(**(params | {"early_stopping": False})).fit(TEXTS, LABELS)
    assert not hasattr(without, "best_iteration_")


@pytest.mark.slow
def test_a_warm_start_goes_on_with_the_same_words():
    model = TextClassifier(warm_start=True, **SMALL).fit(TEXTS, LABELS)
    words = model.network_[0].vocabulary_
    model.set_params(epochs=3).fit([*TEXTS, "new words here"], [*LABELS, "a"])
    assert model.network_[0].vocabulary_ == words
    assert len(model.history_["loss"]) == 5


def test_a_warm_start_follows_what_is_set_since_and_keeps_what_was_learned():
    model = TextClassifier(warm_start=True, embedding_dim=8, random_state=0)
    model.fit(TEXTS, LABELS)
    assert model.settings_["epochs"]["value"] == 12
    model.weights_ = {"network": 0.5, "linear": 0.5}
    model.set_params(epochs=2).fit(TEXTS, LABELS)
    assert len(model.history_["loss"]) == 14
    assert "epochs" not in model.settings_
    assert model.weights_ == {"network": 0.5, "linear": 0.5}
    assert model.set_params(linear=False).fit(TEXTS, LABELS).weights_ == {"network": 1.0}


# -- labels and weights ----------------------------------------------------------------------------


@pytest.mark.slow
def test_several_labels():
    model = TextClassifier(**SMALL | {"epochs": 20}).fit(TEXTS, SEVERAL)
    found = model.predict_proba(TEXTS)
    assert found.shape == SEVERAL.shape
    assert np.all((found >= 0) & (found <= 1))
    np.testing.assert_array_equal(model.predict(TEXTS), found > 0.5)
    assert model.score(TEXTS, SEVERAL) > 0.9
    weighed = TextClassifier(**SMALL).fit(TEXTS, SEVERAL, sample_weight=1.0 + np.arange(48))
    assert np.any(weighed.linear_.predict_proba(TEXTS) != model.linear_.predict_proba(TEXTS))


def test_class_weights_find_the_users_own_labels():
    labels = np.array([1, 2, 3])[Y]
    heavy = TextClassifier(class_weight={1: 1e6, 2: 1e-6, 3: 1e-6}, **SMALL).fit(TEXTS, labels)
    assert np.all(heavy.predict(TEXTS) == 1)


@pytest.mark.parametrize("part", [{"network": False}, {"linear": False}])
def test_class_weights_that_leave_one_class(part):
    with pytest.raises(ValueError, match="class_weight leaves one class only, 'c'"):
        TextClassifier(class_weight={"a": 0, "b": 0}, **part, **SMALL).fit(TEXTS, LABELS)


def test_sample_weights_reach_both_parts():
    weights = np.where(Y == 1, 1e6, 1e-6)
    model = TextClassifier(**SMALL).fit(TEXTS, Y, sample_weight=weights)
    assert all(np.all(part.predict(TEXTS) == 1) for part in (model.network_, model.linear_))


def test_only_the_ratios_of_weights_matter():
    weights = 1.0 + np.arange(48) % 5

    def linear(**params):
        return TextClassifier(network=False, random_state=0, **params)

    expected = linear().fit(TEXTS, Y, sample_weight=weights).predict_proba(TEXTS)
    for factor in (1e-4, 1e4):
        found = linear().fit(TEXTS, Y, sample_weight=factor * weights).predict_proba(TEXTS)
        np.testing.assert_allclose(found, expected, atol=1e-3)
    alike = np.linspace(0.999, 1.001, 48) / 48
    found = linear().fit(TEXTS, Y, sample_weight=alike).predict_proba(TEXTS)
    np.testing.assert_allclose(found, linear().fit(TEXTS, Y).predict_proba(TEXTS), atol=0.01)
    classes = [linear(class_weight={0: w, 1: 9 * w, 2: w}).fit(TEXTS, Y) for w in (1.0, 1e-3)]
    few, many = (model.predict_proba(TEXTS) for model in classes)
    np.testing.assert_allclose(few, many, atol=1e-3)


@pytest.mark.slow
def test_validation_texts_of_ones_own():
    texts, y = texts_of(6, 3, n_rows=9, seed=1)
    labels = np.array(["a", "b", "c"])[y]
    model = TextClassifier(**SMALL).fit(TEXTS, LABELS, validation_data=(texts, labels))
    true = TextClassifier(**SMALL | {"label_smoothing": 0.0, "weight_averaging": False})
    true.fit(TEXTS, LABELS, validation_data=(texts, labels))
    found = true.network_.predict_proba(texts)
    assert len(model.history_["val_loss"]) == 2
    assert true.history_["val_loss"][-1] == pytest.approx(log_loss(labels, found), abs=1e-5)
    accuracy = np.mean(true.network_.predict(texts) == labels)
    assert true.history_["val_accuracy"][-1] == pytest.approx(accuracy)
    with pytest.raises(TypeError, match=r"validation_data must be a tuple"):
        TextClassifier(**SMALL).fit(TEXTS, LABELS, validation_data=texts)
    with pytest.raises(ValueError, match="validation_data: 1 of 1 texts are missing"):
        TextClassifier(**SMALL).fit(TEXTS, LABELS, validation_data=([None], ["a"]))


def test_few_texts_of_words_that_stand_once():
    texts = ["alpha beta", "gamma", "delta", "mu nu"]
    model = TextClassifier(**SMALL).fit(texts, [0, 1, 0, 1])
    assert len(model.predict(["alpha"])) == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["x"] * 48, "one class only, 'x'"),
        ([*"ab" * 23, "a", float("nan")], "contains NaN"),
        (None, "requires y to be passed"),
        (["x", "y"], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_cannot_be_learned_are_named(labels, message):
    with pytest.raises((ValueError, TypeError), match=message):
        TextClassifier(**SMALL).fit(TEXTS, labels)


# -- texts -----------------------------------------------------------------------------------------


def test_texts_come_in_any_container(fitted):
    pandas = pytest.importorskip("pandas")
    expected = fitted.predict_proba(TEXTS)
    containers = [
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pandas.Series(TEXTS),
        pandas.DataFrame({"text": TEXTS}),
        (text for text in TEXTS),
    ]
    for container in containers:
        np.testing.assert_array_equal(fitted.predict_proba(container), expected)


def test_missing_texts_are_counted_and_named(fitted):
    texts = ["fine", None, "film", float("nan")]
    with pytest.raises(ValueError, match=r"2 of 4 texts are missing, in the rows 1, 3 \("):
        fitted.predict(texts)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_several_text_columns_of_a_frame(library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make({"title": TEXTS, "number": list(range(48)), "body": TEXTS[::-1]})
    joined = [f"{a}\n{b}" for a, b in zip(TEXTS, TEXTS[::-1], strict=True)]
    model = TextClassifier(columns=["title", "body"], **SMALL).fit(frame, LABELS)
    alone = TextClassifier(**SMALL).fit(joined, LABELS)
    np.testing.assert_array_equal(model.predict_proba(frame), alone.predict_proba(joined))
    assert model.feature_names_in_.tolist() == ["title", "body"]
    assert model.n_features_in_ == 2
    model.set_params(columns=None)  # for the next fit
    np.testing.assert_array_equal(model.predict_proba(frame), alone.predict_proba(joined))
    with pytest.raises(ValueError, match="no column 'body'; it has"):
        model.predict(make({"title": TEXTS}))


def test_explanations_of_a_frame_name_the_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"title": TEXTS, "body": TEXTS[::-1]})
    columns = TextClassifier(columns=["title", "body"], **SMALL).fit(frame, LABELS)
    selecting = make_pipeline(FunctionTransformer(lambda X: X["body"]), TextClassifier(**SMALL))
    explanation = explain_texts(columns, frame[:2])[1]
    assert explanation.text == f"{TEXTS[1]}\n{TEXTS[-2]}"
    for name, (start, end) in explanation.columns.items():
        assert explanation.text[start:end] == frame[name][1]
    for display in (AttentionDisplay, EvidenceDisplay):
        shown = display.from_estimator(columns, frame[:2], LABELS[:2]).explanations
        assert [each.text for each in shown] == [f"{TEXTS[i]}\n{TEXTS[-1 - i]}" for i in (0, 1)]
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            display.from_estimator(columns, frame[:2], LABELS)
    table = explanation.to_frame()
    assert table["column"].tolist() == ["title"] * 6 + ["body"] * 6
    for row in table.itertuples():
        assert frame[row.column][1][row.start : row.end] == row.token
    total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
    np.testing.assert_allclose(total, explanation.probabilities, atol=1e-3)
    plain = explain_texts(selecting.fit(frame, LABELS), frame[:1])[0]
    assert plain.text == TEXTS[-1]
    assert plain.columns is None
    assert "column" not in plain.to_frame()


def test_one_text_is_a_list_of_one(fitted):
    assert [e.text for e in explain_texts(fitted, TEXTS[0])] == [TEXTS[0]]


def test_a_frame_of_several_columns_needs_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"title": TEXTS, "number": range(48)})
    with pytest.raises(ValueError, match=r"TextClassifier\(columns="):
        TextClassifier(**SMALL).fit(frame, LABELS)
    frame.loc[3, "title"] = None
    with pytest.raises(ValueError, match="Column 'title': 1 of 48 texts are missing"):
        TextClassifier(columns="title", **SMALL).fit(frame, LABELS)
    numbered = pandas.DataFrame(np.array(TEXTS).reshape(-1, 1))  # as of a file without a header
    with pytest.raises(ValueError, match=r"got \[0\]. Names of columns must be strings: rename"):
        TextClassifier(columns=[0], **SMALL).fit(numbered, LABELS)
    with pytest.raises(ValueError, match=r"no column '0'; it has \[0\]. Names .* rename"):
        TextClassifier(columns="0", **SMALL).fit(numbered, LABELS)


def test_bounds_that_leave_no_word():
    for part in ({"network": False}, {"linear": False}):
        with pytest.raises(ValueError, match=r"max_df=1.0 .*min_df=100 \(48.0 < 100 of 48\)"):
            TextClassifier(min_df=100, **SMALL, **part).fit(TEXTS, LABELS)


# -- files and scikit-learn ------------------------------------------------------------------------


def test_it_pickles_and_repeats_itself(fitted):
    expected = fitted.predict_proba(TEXTS)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(TEXTS), expected)
    again = clone(fitted).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), expected)


def test_parameters_changed_after_a_fit_change_no_answer(fitted):
    model = copy.deepcopy(fitted)
    expected = model.predict_proba(TEXTS)
    model.set_params(linear=False, attention="dot", lowercase=False, epochs=1, columns=["a"])
    np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)


def test_a_fit_that_fails_leaves_the_earlier_one(fitted):
    model = copy.deepcopy(fitted)
    expected = model.predict_proba(TEXTS)
    for bad in ({"y": ["x"] * 48}, {"y": LABELS, "sample_weight": np.zeros(48)}):
        with pytest.raises(ValueError, match=r"one class only|is zero for every row"):
            model.fit(TEXTS, **bad)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)


def test_an_unfitted_one_says_so():
    with pytest.raises(NotFittedError):
        TextClassifier().predict(TEXTS)
    assert not hasattr(TextClassifier(), "history_")


def test_a_random_state_object_seeds_both(fitted):
    one, other = (
        TextClassifier(**SMALL | {"random_state": np.random.RandomState(3)}).fit(TEXTS, LABELS)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.predict_proba(TEXTS), other.predict_proba(TEXTS))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_the_global_output_format_changes_nothing_inside(fitted, container):
    pytest.importorskip(container)
    expected = fitted.predict_proba(TEXTS)
    with sklearn.config_context(transform_output=container):
        model = clone(fitted).fit(TEXTS, LABELS)
        np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)
        assert len(explain_texts(model, TEXTS[:2])) == 2
        assert hasattr(model.transform(TEXTS[:2]), "columns")


@pytest.mark.slow
def test_sample_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = TextClassifier(**SMALL).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)
        weights = np.where(Y == 1, 1e6, 1e-6)
        search = GridSearchCV(model, {"units": [4]}, cv=2).fit(TEXTS, Y, sample_weight=weights)
        assert np.all(search.predict(TEXTS) == 1)
        TextClassifier(**SMALL).fit(TEXTS, SEVERAL, sample_weight=weights)


def test_log_loss_can_be_its_score():
    model = TextClassifier(**SMALL)
    scores = cross_val_score(model, TEXTS, LABELS, cv=2, scoring="neg_log_loss")
    assert np.all(np.isfinite(scores))


@pytest.mark.slow
def test_callbacks_and_the_bar_are_for_the_whole_fit(capsys):
    texts, y = texts_of(6, 2, n_rows=200)
    begun = []
    callbacks = [LambdaCallback(on_train_begin=begun.append)]
    settings = SMALL | {"units": 4}
    model = TextClassifier(callbacks=callbacks, verbose=1, **settings).fit(texts, y)
    assert len(begun) == 1
    assert "4/4" in capsys.readouterr().out  # epochs of the trial and of the fit
    classifier = model.network_[-1]
    assert (classifier.callbacks, classifier.verbose) == (callbacks, 1)


def test_a_file_that_was_tampered_with_is_refused(fitted):
    def damaged(**changes):
        state = fitted.__getstate__() | changes
        TextClassifier().__setstate__({k: v for k, v in state.items() if v is not ...})

    for changes in (
        {"weights_": {"network": 2.0, "linear": -1.0}},
        {"weights_": {"other": 1.0}},
        {"linear_": ...},
        {"settings_": None},
        {"units": -1},
        {"predict": print},
        {"optimizer": {"class_name": "os>system", "config": {}}},
    ):
        with pytest.raises(ValueError, match="TextClassifier"):
            damaged(**changes)


def test_probabilities_that_are_not_finite_are_an_error(fitted):
    model = pickle.loads(pickle.dumps(fitted))
    model.linear_["classifier"].coef_[:] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        model.predict(TEXTS)


def test_joblib_keeps_it(fitted):
    buffer = io.BytesIO()
    joblib.dump(fitted, buffer)
    buffer.seek(0)
    np.testing.assert_array_equal(
        joblib.load(buffer).predict_proba(TEXTS), fitted.predict_proba(TEXTS)
    )


def vectors_for(texts, n_dimensions):
    words = [*sorted({word for text in texts for word in text.split()}), "unseen"]
    rng = np.random.default_rng(0)
    return dict(zip(words, rng.normal(size=(len(words), n_dimensions)), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("trainable", [True, False])
def test_word_vectors_reach_the_network(trainable):
    vectors = vectors_for(TEXTS, 5)  # embedding_dim is another number
    model = TextClassifier(
        embeddings=vectors, embedding_trainable=trainable, min_df=1, encoder="none", **SMALL
    ).fit(TEXTS, LABELS)
    table = model.network_[-1].model_.get_layer("embedding").get_weights()[0]
    given = model.network_[0].embeddings_
    assert table.shape == given.shape
    np.testing.assert_allclose(table, given, atol=0.1 if trainable else 0)
    assert np.array_equal(table, given) != trainable
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict_proba(TEXTS), model.predict_proba(TEXTS)
    )
    chunks = TextClassifier(
        embeddings=vectors, embedding_trainable=False, linear=False, encoder="none", **SMALL
    ).partial_fit(TEXTS, LABELS)
    table = chunks.network_[-1].model_.get_layer("embedding").get_weights()[0]
    np.testing.assert_array_equal(table, chunks.network_[0].embeddings_)


@pytest.mark.slow
def test_the_classifier_of_a_network_with_word_vectors_can_go_on():
    vectors = vectors_for(TEXTS, 5)
    frozen = {"embeddings": vectors, "embedding_trainable": False, "encoder": "none", "min_df": 1}
    model = TextClassifier(linear=False, warm_start=True, **frozen, **SMALL).fit(TEXTS, LABELS)
    ids = model.network_[0].transform(TEXTS)
    classifier = pickle.loads(pickle.dumps(model.network_[-1]))
    before = classifier.predict_proba(ids)
    classifier.partial_fit(ids, LABELS)
    assert np.any(classifier.predict_proba(ids) != before)
    table = classifier.model_.get_layer("embedding").get_weights()[0]
    np.testing.assert_array_equal(table, model.network_[0].embeddings_)
    with pytest.raises(ValueError, match=r"\['units'\] changed"):
        classifier.set_params(units=9).partial_fit(ids, LABELS)
    with pytest.warns(UserWarning, match="does not pass them on"):  # nothing is lent any more
        alone = classifier.set_params(warm_start=False).fit(ids, LABELS)
    assert alone.model_.get_layer("embedding").output.shape[-1] == SMALL["embedding_dim"]


@pytest.mark.slow
def test_a_checkpoint_is_that_of_the_vectors_too(tmp_path, monkeypatch):
    names, plain = [], _checkpoint.fingerprint
    monkeypatch.setattr(
        _checkpoint, "fingerprint", lambda *given: names.append(plain(*given)) or names[-1]
    )
    for number in (0.1, 0.1, 0.2):
        vectors = {word: np.full(5, number) for word in vectors_for(TEXTS, 1)}
        settings = {"embeddings": vectors, "checkpoint": tmp_path, "min_df": 1}
        TextClassifier(linear=False, **settings, **SMALL).fit(TEXTS, LABELS)
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tokenizer": lambda text: None}, "tokenizer must return a list of tokens, got None"),
        ({"tokenizer": lambda text: [1]}, "The tokens of tokenizer must be strings, got 1"),
        ({"analyzer": lambda text: 3}, "analyzer must return a list of tokens, got 3"),
        ({"tokenizer": str.lower}, "tokenizer must return a list of tokens, got 'word"),
        ({"tokenizer": lambda text: {"input_ids": [1]}}, "must return a list of tokens, got {'in"),
        ({"strip_accents": lambda text: None}, "strip_accents must return a text, got None"),
        ({"preprocessor": lambda text: 1}, "preprocessor must return a text, got 1"),
    ],
)
@pytest.mark.parametrize("linear", [True, False])
def test_a_function_that_returns_something_else_is_named(given, message, linear):
    with pytest.raises((TypeError, ValueError), match=message):
        TextClassifier(linear=linear, **SMALL | given).fit(TEXTS, LABELS)


def test_a_tokenizer_may_return_an_iterator():
    model = TextClassifier(tokenizer=lambda text: iter(text.split()), **SMALL).fit(TEXTS, LABELS)
    plain = TextClassifier(tokenizer=str.split, **SMALL).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), plain.predict_proba(TEXTS))


def test_a_bound_that_is_a_whole_number_by_mistake_is_explained():
    with pytest.raises(ValueError, match=r"max_df=1 means one document; use max_df=1.0"):
        TextClassifier(max_df=1, **SMALL).fit([f"w{i} x" for i in range(300)], ["a", "b"] * 150)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_the_trial_for_the_weights_has_no_callbacks_and_a_schedule_of_its_own(monkeypatch):
    trained = []
    fit_network = _parts.fit_network
    monkeypatch.setattr(
        _parts,
        "fit_network",
        lambda data, params, *rest, **more: (
            trained.append(params) or fit_network(data, params, *rest, **more)
        ),
    )
    falling = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3)
    model = TextClassifier(callbacks=[falling], **SMALL)
    model.fit(list(TEXTS) * 6, list(LABELS) * 6)
    trial, real = trained
    assert (trial["callbacks"], trial["learning_rate_schedule"]) == (None, "cosine")
    assert (real["callbacks"], real["learning_rate_schedule"]) == ([falling], "constant")


def test_the_bar_does_not_keep_the_network_from_the_next_fit():
    model = TextClassifier(verbose=1, linear=False, **SMALL).fit(TEXTS, LABELS)
    assert not model.network_[-1]._fitted.network.exposed


@pytest.mark.parametrize("network", [True, False])
def test_texts_without_any_token_say_so(network):
    with pytest.raises(ValueError, match="empty vocabulary; the 2 texts have no token"):
        TextClassifier(network=network, epochs=1).fit(["", ""], ["a", "b"])
