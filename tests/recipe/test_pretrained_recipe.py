"""The recommended classifier from a pretrained model, on tiny folders."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("safetensors")

from tiny_models import TEXTS, build_model, build_static_model

from skattn import TextClassifier, explain_texts, make_text_classifier, trusted_types

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

MANY = [f"{text} {'fine' if i % 2 else 'dull'}" for i, text in enumerate(TEXTS * 12)]
LABELS = np.array(["dull", "fine"] * 24)
SMALL = {"epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_model(tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def fitted(folder):
    return make_text_classifier(pretrained=folder, **SMALL).fit(MANY, LABELS)


@pytest.mark.slow
def test_the_network_begins_with_the_model_and_the_linear_one_reads_as_ever(fitted, folder):
    vectorizer, classifier = (step for _, step in fitted.network_.steps)
    assert vectorizer.pretrained == classifier.pretrained == folder
    assert classifier.tuned_layers == fitted.settings_["tuned_layers"]["value"] == 2
    words = fitted.linear_["features"].transformer_list[0][1].vocabulary_
    assert {"dull", "!", "the film"} <= set(words)
    assert fitted.settings_["attention"]["value"] == "uniform"
    assert classifier.tuned_rate == fitted.settings_["tuned_rate"]["value"] == 0.05
    assert fitted.weights_ == {"network": 0.6, "linear": 0.4}
    assert fitted.settings_["analyzer"]["value"] == "word"


@pytest.mark.slow
def test_it_answers_without_the_folder(fitted, folder, tmp_path):
    expected = fitted.predict_proba(MANY)
    moved = tmp_path / "elsewhere"
    shutil.move(folder, moved)
    try:
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict_proba(MANY), expected)
    finally:
        shutil.move(moved, folder)


def test_explanations_stand_on_whole_words_and_add_up(fitted):
    for explanation in explain_texts(fitted, MANY[:3]):
        assert all(" " not in token for token in explanation.tokens)
        total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
        np.testing.assert_allclose(total, explanation.probabilities, atol=1e-3)


def test_given_parameters_win(folder):
    model = TextClassifier(
        pretrained=folder,
        tuned_layers=0,
        attention="additive",
        encoder="conv",
        units=4,
        max_length=6,
        lowercase=False,
        **SMALL,
    ).fit(MANY, LABELS)
    vectorizer, classifier = (step for _, step in model.network_.steps)
    assert (classifier.tuned_layers, classifier.attention) == (0, "additive")
    assert vectorizer.max_length == 6
    assert not {"tuned_layers", "attention", "max_length"} & set(model.settings_)


@pytest.mark.slow
def test_several_labels_and_the_network_alone(folder):
    targets = np.stack([LABELS == "dull", np.arange(48) < 20], axis=1).astype(int)
    model = TextClassifier(pretrained=folder, linear=False, **SMALL).fit(MANY, targets)
    assert model.predict_proba(MANY[:2]).shape == (2, 2)


@pytest.mark.slow
def test_chunks(folder):
    model = TextClassifier(pretrained=folder, linear=False, **SMALL)
    for _ in range(2):
        model.partial_fit(MANY, LABELS)
    assert len(model.history_["loss"]) == 2


def test_a_static_model(tmp_path):
    folder = build_static_model(tmp_path / "static")
    model = TextClassifier(pretrained=folder, **SMALL).fit(MANY, LABELS)
    assert model.network_[-1].encoder == "conv"
    assert not {"ngram_range", "unknown", "embedding_dim"} & set(model.settings_)
    assert model.predict(MANY[:2]).shape == (2,)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), FileNotFoundError, "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), FileNotFoundError, "safetensors"),
        (lambda folder: (folder / "tokenizer.json").unlink(), FileNotFoundError, "tokenizer.json"),
        (lambda folder: shutil.rmtree(folder), FileNotFoundError, "is no folder"),
    ],
)
def test_a_folder_that_lacks_something_is_an_error(tmp_path, change, error, message):
    folder = build_model(tmp_path / "bert")
    change(folder)
    with pytest.raises(error, match=message):
        TextClassifier(pretrained=str(folder), **SMALL).fit(MANY, LABELS)


def test_word_vectors_beside_a_pretrained_model_are_refused(folder):
    with pytest.raises(ValueError, match=r"embeddings cannot be set beside pretrained"):
        TextClassifier(pretrained=folder, embeddings={"a": [1.0]}, **SMALL).fit(MANY, LABELS)


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["warm_start", "partial_fit"])
def test_training_goes_on_with_the_same_model_in_another_folder(folder, kept, tmp_path):
    model = TextClassifier(pretrained=str(folder), linear=False, tuned_layers=1, **SMALL)
    model.set_params(warm_start=kept == "warm_start").fit(MANY, LABELS)
    n_epochs = len(model.history_["loss"])
    other = shutil.copytree(folder, tmp_path / "other")
    for same in (Path(folder), other):
        train_with(model, kept, same)
        assert len(model.history_["loss"]) > n_epochs
        n_epochs = len(model.history_["loss"])
    changed = build_model(tmp_path / "changed", seed=1)
    with pytest.raises(ValueError, match=r"pretrained.* changed since|another vocabulary"):
        train_with(model, kept, changed)


def train_with(model, kept, folder):
    model.set_params(pretrained=folder)
    (model.fit if kept == "warm_start" else model.partial_fit)(MANY, LABELS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
def test_the_path_that_a_file_lacks_is_asked_for_before_any_work(folder):
    io = pytest.importorskip("skops.io")
    model = TextClassifier(pretrained=folder, warm_start=True, tuned_layers=0, **SMALL)
    texts, labels = MANY * 3, np.tile(LABELS, 3)  # enough for the rules to look at tokens
    loaded = io.loads(io.dumps(model.fit(texts, labels)), trusted=trusted_types())
    with pytest.raises(
        ValueError, match=r"path of the pretrained model was not taken from the file"
    ):
        loaded.fit(texts, labels)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
@pytest.mark.parametrize("kept", ["warm_start", "partial_fit"])
def test_training_goes_on_after_skops_when_the_folder_is_named_again(folder, kept, tmp_path):
    io = pytest.importorskip("skops.io")
    model = TextClassifier(pretrained=folder, linear=False, tuned_layers=1, **SMALL)
    model.set_params(warm_start=kept == "warm_start").fit(MANY, LABELS)
    loaded = io.loads(io.dumps(model), trusted=trusted_types())
    train = loaded.fit if kept == "warm_start" else loaded.partial_fit
    with pytest.raises(
        ValueError, match=r"path of the pretrained model was not taken from the file"
    ):
        train(MANY, LABELS)
    other = build_model(tmp_path / "other", "roberta")
    with pytest.raises(ValueError, match="another vocabulary than the model with which"):
        train_with(loaded, kept, other)
    loaded.set_params(pretrained=folder)
    before = len(loaded.history_["loss"])
    train(MANY, LABELS)
    assert len(loaded.history_["loss"]) > before
    train(MANY, LABELS)


@pytest.mark.slow
def test_a_warm_start_of_a_transformer_averages_no_more_than_its_first_fit(folder):
    model = TextClassifier(pretrained=folder, warm_start=True, **SMALL).fit(MANY, LABELS)
    first = model.settings_["weight_averaging"]["value"]
    assert model.fit(MANY, LABELS).settings_["weight_averaging"]["value"] is first is False
