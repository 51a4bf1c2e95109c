"""The recommended classifier: its rules, its parameters, and its place in scikit-learn."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skattn import explain_texts, make_text_classifier
from skattn.fitting import _checkpoint

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


@pytest.fixture(scope="module")
def fitted():
    texts, y = texts_of(6, 3)
    return make_text_classifier(**(SMALL | {"epochs": 8})).fit(texts, np.array(["a", "b", "c"])[y])


@pytest.mark.parametrize(
    ("n_words", "n_classes", "choice"),
    [(6, 3, "short"), (6, 2, "short"), (6, 24, "many"), (70, 3, "long"), (70, 2, "long_binary")],
)
def test_the_network_is_chosen_by_length_and_number_of_classes(n_words, n_classes, choice):
    network = make_text_classifier(**SMALL).estimators[0][1]
    network.fit(*texts_of(n_words, n_classes))
    assert network.choice_ == choice
    encoder = network.estimator_["classifier"].encoder
    assert encoder == ("none" if choice.startswith("long") else "conv")


def test_probabilities_are_the_mean_of_both_members(fitted):
    texts, _ = texts_of(6, 3, seed=1)
    members = [member.predict_proba(texts) for member in fitted.estimators_]
    np.testing.assert_allclose(fitted.predict_proba(texts), np.mean(members, axis=0), rtol=1e-6)
    assert fitted.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_beyond_sixty_words_the_linear_member_counts_twice(n_classes):
    texts, y = texts_of(70, n_classes)
    model = make_text_classifier(**SMALL).fit(texts, y)
    attention, linear = (member.predict_proba(texts[:4]) for member in model.estimators_)
    np.testing.assert_allclose(
        model.predict_proba(texts[:4]), (attention + 2 * linear) / 3, rtol=1e-6
    )
    label = np.arange(4), model.predict(texts[:4])
    for explanation, own, other in zip(
        explain_texts(model, texts[:4]), attention[label], 2 * linear[label], strict=True
    ):
        np.testing.assert_allclose(explanation.share, own / (own + other), rtol=1e-5)
    expected = model.predict_proba(texts[:4])
    model.set_params(weights=(1, 1))  # for the next fit
    np.testing.assert_array_equal(model.predict_proba(texts[:4]), expected)


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
        lambda model: GridSearchCV(model, {"weights": [None, (2, 1)]}, cv=2),
    ],
    ids=["calibrated", "calibrated, one", "vote", "search"],
)
def test_it_is_explained_inside_other_estimators(wrap):
    texts, y = texts_of(6, 3)
    labels = np.array(["a", "b", "c"])[y]
    model = wrap(make_text_classifier(**(SMALL | {"epochs": 8}))).fit(texts, labels)
    explanations = explain_texts(model, texts[:6])
    assert [e.prediction for e in explanations] == model.predict(texts[:6]).tolist()
    np.testing.assert_allclose([e.weights.sum() for e in explanations], 1, rtol=1e-6)
    assert all(0 < e.share < 1 for e in explanations)


def test_it_pickles_and_repeats_itself(fitted):
    texts, y = texts_of(6, 3)
    expected = fitted.predict_proba(texts)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(texts), expected)
    again = clone(fitted).fit(texts, np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(again.predict_proba(texts), expected)


def test_without_the_linear_member_it_is_the_plain_pipeline():
    pipeline = make_text_classifier(linear=False, units=7, max_length=9, random_state=3)
    assert isinstance(pipeline, Pipeline)
    assert [name for name, _ in pipeline.steps] == ["vectorizer", "classifier"]
    assert pipeline["vectorizer"].max_length == 9
    assert pipeline["classifier"].get_params()["units"] == 7
    assert pipeline["classifier"].encoder == "lstm"


def test_parameters_replace_the_recommended_ones_in_every_network():
    voting = make_text_classifier(units=7, max_length=9, class_weight="balanced")
    assert isinstance(voting, VotingClassifier)
    for name in ("short", "many", "long", "long_binary"):
        pipeline = voting.get_params()[f"attention__{name}"]
        assert (pipeline["classifier"].units, pipeline["vectorizer"].max_length) == (7, 9)
        assert pipeline["classifier"].class_weight == "balanced"
    assert voting.get_params()["linear__classifier__class_weight"] == "balanced"


@pytest.mark.parametrize(
    ("full_epochs_to", "epochs"),
    [(None, 12), (48, 12), (47, 12), (24, 6), (17, 5), (16, 4), (1, 4)],
)
def test_many_texts_are_passed_fewer_times(full_epochs_to, epochs):
    network = make_text_classifier(embedding_dim=4, units=4).estimators[0][1]
    network.set_params(full_epochs_to=full_epochs_to).fit(*texts_of(6, 2))
    assert network.estimator_["classifier"].epochs == epochs
    assert len(network.estimator_["classifier"].history_["loss"]) == epochs
    assert network.short["classifier"].epochs == 12


def test_given_epochs_are_not_cut():
    assert make_text_classifier().get_params()["attention__full_epochs_to"] == 25_000
    assert make_text_classifier(epochs=9).get_params()["attention__full_epochs_to"] is None


def test_early_stopping_takes_the_place_of_averaged_weights():
    texts, y = texts_of(6, 2)
    make_text_classifier(early_stopping=True, **SMALL).fit(texts, y)


def test_an_unknown_parameter_is_named():
    with pytest.raises(TypeError, match=r"'unit'.*neither SequenceVectorizer nor"):
        make_text_classifier(unit=3)


@pytest.mark.slow
def test_it_can_be_searched():
    texts, y = texts_of(6, 2)
    grid = {"attention__short__classifier__units": [4, 8]}
    search = GridSearchCV(make_text_classifier(**SMALL), grid, cv=2).fit(texts, y)
    assert search.best_params_.keys() == grid.keys()


@pytest.mark.slow
@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("frozen", [{"embedding_trainable": False}, {}])
def test_pretrained_vectors_reach_the_network(linear, frozen):
    texts, y = texts_of(6, 2)
    words = [*sorted({word for text in texts for word in text.split()}), "unseen"]
    vectors = dict(zip(words, np.random.default_rng(0).normal(size=(len(words), 8)), strict=True))
    model = make_text_classifier(
        embeddings=vectors, linear=linear, min_df=1, **(SMALL | frozen)
    ).fit(texts, y)
    pipeline = model.estimators_[0].estimator_ if linear else model
    table = pipeline["classifier"].model_.get_layer("embedding").get_weights()[0]
    given = pipeline["vectorizer"].embeddings_
    assert table.shape == given.shape
    place = pipeline["vectorizer"].vocabulary_["unseen"]
    np.testing.assert_array_equal(table[place], vectors["unseen"].astype(np.float32))
    np.testing.assert_allclose(table, given, atol=0 if frozen else 0.1)
    assert np.array_equal(table, given) == bool(frozen)
    assert clone(model).get_params().keys() == model.get_params().keys()
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict_proba(texts), model.predict_proba(texts)
    )


def test_class_weights_find_the_users_own_labels():
    texts, y = texts_of(6, 2)
    labels = np.array([1, 2])[y]
    heavy = make_text_classifier(class_weight={1: 1e6, 2: 1e-6}, **SMALL).fit(texts, labels)
    assert np.all(heavy.predict(texts) == 1)


def test_sample_weights_reach_every_member():
    texts, y = texts_of(6, 2)
    weights = np.where(y == 1, 1e6, 1e-6)
    model = make_text_classifier(**SMALL).fit(texts, y, sample_weight=weights)
    assert all(np.all(member.predict(texts) == 1) for member in model.estimators_)


def test_few_texts_of_words_that_stand_once():
    texts = ["alpha beta", "gamma", "delta", "mu nu"]
    model = make_text_classifier(**SMALL).fit(texts, [0, 1, 0, 1])
    assert len(model.predict(["alpha"])) == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["x"] * 48, "one class only, 'x'"),
        ([*"ab" * 23, "a", float("nan")], "mixes texts and other labels"),
        (np.eye(48, 2, dtype=int), "linear=False"),
    ],
)
def test_labels_that_cannot_be_learned_are_named(labels, message):
    texts, _ = texts_of(6, 2)
    with pytest.raises((ValueError, TypeError), match=message):
        make_text_classifier(**SMALL).fit(texts, labels)


def test_texts_come_in_any_container():
    pandas = pytest.importorskip("pandas")
    texts, y = texts_of(6, 2)
    expected = make_text_classifier(**SMALL).fit(texts, y).predict_proba(texts)
    for container in (pandas.DataFrame({"text": texts}), (text for text in texts)):
        model = make_text_classifier(**SMALL).fit(container, y)
        np.testing.assert_array_equal(model.predict_proba(np.array(texts)), expected)


def with_vectors(**parameters):
    texts, y = texts_of(6, 2)
    words = sorted({word for text in texts for word in text.split()})
    vectors = {word: np.full(5, 0.1) for word in words}  # embedding_dim is another number
    settings = {"embeddings": vectors, "embedding_trainable": False, "encoder": "none", "min_df": 1}
    return make_text_classifier(linear=False, **(SMALL | settings | parameters)), texts, y


def test_vectors_reach_the_network_by_every_way_to_fit(tmp_path):
    model, texts, y = with_vectors()
    expected = model.fit(texts, y).transform(texts)
    np.testing.assert_array_equal(clone(model).fit_transform(texts, y), expected)
    for _ in range(2):  # the second time the vectorizer comes out of the memory
        kept = clone(model).set_params(memory=str(tmp_path)).fit(texts, y)
        np.testing.assert_array_equal(kept.transform(texts), expected)
    for copied in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        np.testing.assert_array_equal(copied.transform(texts), expected)
        assert not hasattr(copied["classifier"], "_lent_embeddings")


def test_a_part_of_a_pipeline_with_vectors_can_be_fitted():
    model, texts, y = with_vectors()
    ids = model[:-1].fit_transform(texts, y)
    np.testing.assert_array_equal(ids, model.fit(texts, y)[:-1].transform(texts))


def test_the_classifier_of_a_pipeline_with_vectors_can_go_on():
    model, texts, y = with_vectors(warm_start=True)
    model.fit(texts, y)
    ids = model[:-1].transform(texts)
    classifier = pickle.loads(pickle.dumps(model["classifier"]))
    before = classifier.predict_proba(ids)
    classifier.partial_fit(ids, y)
    assert np.any(classifier.predict_proba(ids) != before)
    embedding = classifier.model_.get_layer("embedding").get_weights()[0]
    np.testing.assert_array_equal(embedding, model["vectorizer"].embeddings_)
    assert classifier.fit(ids, y).n_iter_ == model.fit(texts, y)["classifier"].n_iter_
    with pytest.raises(ValueError, match=r"\['units'\] changed"):
        classifier.set_params(units=9).partial_fit(ids, y)
    alone = classifier.set_params(warm_start=False).fit(ids, y)  # nothing is lent any more
    assert alone.model_.get_layer("embedding").output.shape[-1] == SMALL["embedding_dim"]


def test_a_checkpoint_is_that_of_the_vectors_too(tmp_path, monkeypatch):
    names, plain = [], _checkpoint.fingerprint
    monkeypatch.setattr(
        _checkpoint, "fingerprint", lambda *given: names.append(plain(*given)) or names[-1]
    )
    for number in (0.1, 0.1, 0.2):
        model, texts, y = with_vectors(checkpoint=tmp_path)
        vectors = {word: np.full(5, number) for word in model["vectorizer"].embeddings}
        model.set_params(vectorizer__embeddings=vectors).fit(texts, y)
    assert names[0] == names[1] != names[2]
