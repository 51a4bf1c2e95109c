"""Evidence of single networks: base and parts add up, and are exact where nothing mixes."""

import numpy as np
import pytest
from scipy import sparse
from tiny_models import build_model

from skattn import AttentionTextClassifier, GatedDenseClassifier, SequenceVectorizer
from skattn.networks import _evidence
from skattn.networks._attention_pooling import SCORES
from skattn.networks._encoders import ENCODERS

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

WORDS = ("film", "plot", "awful", "splendid", "dull", "fine")
SETTINGS = {"units": 4, "embedding_dim": 4, "epochs": 2, "learning_rate": 0.05, "random_state": 0}


def fitted(texts_as_ids, multilabel=False, **settings):
    X, y = texts_as_ids
    if multilabel:
        y = np.stack([X[:, 0] % 2 == 0, X[:, 0] < 9, X.sum(axis=1) % 3 == 0], axis=1).astype(int)
    else:
        y = np.where(X[:, 0] < 9, "low", y)
    return AttentionTextClassifier(**SETTINGS | settings).fit(X, y)


def logit_parts(clf, X):
    fitted = clf._fitted
    _, parts, *both = _evidence.logit_parts(fitted.model, fitted.config, X)
    return padded(parts, X), *both


def padded(parts, X):
    """The parts of the tokens of each row where they stand, 0 on padding."""
    whole = np.zeros((*X.shape, parts[0].shape[1]))
    for row, own in enumerate(parts):
        whole[row, X[row] != 0] = own
    return whole


def assert_adds_up(clf, X):
    parts, base = clf._evidence_on_tokens(X)
    assert [len(own) for own in parts] == (X != 0).sum(axis=1).tolist()
    evidence = padded(parts, X)
    probabilities = clf.predict_proba(X)
    assert evidence.shape == (*X.shape, len(clf.classes_))
    np.testing.assert_allclose(base + evidence.sum(axis=1), probabilities, atol=1e-6)
    assert np.abs(evidence).max() > 0
    return evidence, base


CASES = [
    *({"encoder": encoder} for encoder in ENCODERS),
    *({"encoder": "none", "attention": attention} for attention in SCORES),
    {"encoder": "conv", "extra_pooling": "max", "n_layers": 2},
    {"encoder": "none", "extra_pooling": "mean"},
    {"encoder": "transformer", "segment_length": 3, "n_layers": 2},
    {"encoder": "none", "segment_length": 3},
    {"encoder": "none", "segment_length": 3, "attention": "max"},
    {"encoder": "none", "segment_length": 3, "attention": "multihead", "extra_pooling": "max"},
    {"encoder": "bigru", "attention": "multihead", "extra_pooling": "max", "segment_length": 4},
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: str(CASES[number]))
def test_base_and_parts_add_up(texts_as_ids, number):
    clf = fitted(texts_as_ids, multilabel=number % 3 == 0, **CASES[number])
    gaps = np.insert(texts_as_ids[0], 3, 0, axis=1)[:, :8]  # padding within a row
    assert_adds_up(clf, np.vstack([gaps, np.zeros((1, 8), dtype=int)]))


@pytest.mark.slow
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("case", [c for c in CASES if c["encoder"] == "none"], ids=str)
def test_without_an_encoder_the_logits_split_exactly(texts_as_ids, case, multilabel):
    clf = fitted(texts_as_ids, multilabel, **case)
    parts, logits, base = logit_parts(clf, texts_as_ids[0])
    np.testing.assert_allclose(base + parts.sum(axis=1), logits, atol=1e-5)


def test_a_word_counts_by_its_weight_and_its_state_beside_the_unknown_word(texts_as_ids):
    X, _ = texts_as_ids
    clf = fitted(texts_as_ids, encoder="none", attention="additive")
    model = clf._fitted.model
    table = model.get_layer("embedding").get_weights()[0]
    kernel, bias = model.get_layer("probabilities").get_weights()
    by_hand = clf.attention_weights(X)[:, :, None] * ((table[X] - table[1]) @ kernel)
    parts, _, base = logit_parts(clf, X)
    np.testing.assert_allclose(parts, by_hand - by_hand[:, :, :1], atol=1e-5)
    start = table[1] @ kernel + bias
    np.testing.assert_allclose(base[0], start - start[0], atol=1e-5)


@pytest.mark.slow
def test_the_base_is_what_the_network_says_of_unknown_words(texts_as_ids):
    X, _ = texts_as_ids
    clf = fitted(texts_as_ids, encoder="lstm")
    _, base = assert_adds_up(clf, X)
    np.testing.assert_allclose(base, clf.predict_proba((X != 0).astype(int)), atol=1e-6)


def relative(parts):
    """A softmax knows differences between logits only."""
    return parts - parts.mean(axis=-1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["bilstm", "conv"])
def test_logits_that_share_a_pass_have_the_parts_that_they_have_alone(
    texts_as_ids, encoder, monkeypatch
):
    X, _ = texts_as_ids
    several = AttentionTextClassifier(encoder=encoder, **SETTINGS).fit(X, X[:, 0] % 7)
    together, *_ = logit_parts(several, X)
    monkeypatch.setattr(_evidence, "N_AT_ONCE", 1)
    alone, *_ = logit_parts(several, X)
    assert np.abs(relative(alone)).max() > 1e-3
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("on_a_transformer", "encoder"),
    [(True, "none"), (True, "gru"), (False, "gru"), (False, "conv")],
)
@pytest.mark.parametrize("multilabel", [False, True])
def test_the_largest_of_many_logits_are_followed_through_all_layers(
    tmp_path, encoder, multilabel, on_a_transformer, monkeypatch
):
    folder = build_model(tmp_path) if on_a_transformer else None
    texts = [f"{word} and {other}" for word in WORDS for other in WORDS]
    X = SequenceVectorizer(pretrained=folder).fit_transform(texts)
    y = np.repeat(np.arange(len(WORDS)), len(WORDS))
    y = ((y[:, None] - np.arange(len(WORDS))) % 6 < 2).astype(int) if multilabel else y
    given = {"pretrained": folder, "tuned_layers": 1} if on_a_transformer else {}
    clf = AttentionTextClassifier(encoder=encoder, units=4, epochs=1, random_state=0, **given)
    clf.fit(X, y)
    monkeypatch.setattr(_evidence, "MANY", 4)
    assert_adds_up(clf, X)
    parts, logits, _ = logit_parts(clf, X)
    for limit in ("MANY", "MANY_IN_A_TRANSFORMER"):
        monkeypatch.setattr(_evidence, limit, len(WORDS))
    whole, *_ = logit_parts(clf, X)
    whole = whole if multilabel else relative(whole)
    order = np.argsort(-logits, axis=1)[:, None, :]
    parts, whole = (np.take_along_axis(p, order, axis=2) for p in (parts, whole))
    n_followed = 3 if multilabel else 2
    (largest, others), (whole_largest, whole_others) = (
        np.split(p, [n_followed], axis=2) for p in (parts, whole)
    )
    np.testing.assert_allclose(largest, whole_largest, atol=1e-5)
    apart = np.abs(others - whole_others).max(axis=(0, 1))
    assert (apart > 1e-5).all()  # they end at the states
    assert np.abs(others).max() > 1e-5


@pytest.mark.slow
def test_other_logits_are_split_exactly_among_the_last_states(texts_as_ids):
    X, _ = texts_as_ids
    n_classes = _evidence.MANY + 1
    clf = AttentionTextClassifier(encoder="gru", attention="additive", **SETTINGS)
    clf.fit(X, X[:, 0] % n_classes)
    parts, logits, _ = logit_parts(clf, X)
    model = clf._fitted.model
    states = model.read("states", X)[:, : X.shape[1]]
    unknown = model.read("states", np.array([[1]]))[0, 0]
    kernel, _ = model.get_layer("probabilities").get_weights()
    by_hand = relative(clf.attention_weights(X)[:, :, None] * ((states - unknown) @ kernel))
    others = np.argsort(-logits, axis=1, kind="stable")[:, None, _evidence.N_CLASSES_FOLLOWED :]
    found, expected = (np.take_along_axis(p, others, axis=2) for p in (parts, by_hand))
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_evidence_of_a_text_does_not_depend_on_the_texts_beside_it(tmp_path):
    folder = build_model(tmp_path)
    texts = [word if n % 2 else f"{word} and a film" for n, word in enumerate(WORDS)]
    X = SequenceVectorizer(pretrained=folder).fit_transform(texts)
    clf = AttentionTextClassifier(
        pretrained=folder, tuned_layers=1, units=4, epochs=1, random_state=0
    ).fit(X, np.arange(len(WORDS)))
    together, base = clf._evidence_on_tokens(X)
    for row in range(len(X)):
        alone, start = clf._evidence_on_tokens(X[[row]])
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)
        np.testing.assert_allclose(base[row], start[0], atol=1e-5)


@pytest.mark.parametrize("encoder", ["none", "conv"])
def test_answers_that_are_not_finite_are_refused_without_a_warning(texts_as_ids, encoder):
    clf = fitted(texts_as_ids, encoder=encoder)
    for name, factor in (("embedding", 1e38), ("probabilities", 1e6)):
        layer = clf.model_.get_layer(name)
        layer.set_weights([factor * np.sign(weights) for weights in layer.get_weights()])
    with pytest.raises(ValueError, match="infinite or NaN"):
        clf._evidence_on_tokens(texts_as_ids[0])


# -- features --------------------------------------------------------------------------------------


def gated(dense_rows, rows, multilabel=False, **settings):
    _, y = dense_rows
    if multilabel:
        y = np.stack([y == 0, y != 1], axis=1).astype(int)
    return GatedDenseClassifier(units=8, epochs=15, random_state=0, **settings).fit(rows, y)


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["hidden", "inputs"])
@pytest.mark.parametrize("multilabel", [False, True])
def test_features_add_up_dense_and_sparse(dense_rows, gate, multilabel):
    X = np.where(np.abs(dense_rows[0]) < 0.5, 0, dense_rows[0])
    clf = gated(dense_rows, X, multilabel, gate=gate)
    evidence, base = clf.evidence(X)
    assert evidence.shape == (90, 5, len(clf.classes_))
    probabilities = clf.predict_proba(X)
    np.testing.assert_allclose(base + evidence.sum(axis=1), probabilities, atol=1e-6)
    np.testing.assert_allclose(base[0], clf.predict_proba(np.zeros((1, 5)))[0], atol=1e-3)
    assert not evidence[X == 0].any()
    for model in (clf, gated(dense_rows, sparse.csr_array(X), multilabel, gate=gate)):
        found, start = model.evidence(sparse.csr_array(X))
        assert found.shape == evidence.shape
        assert sparse.issparse(found)
        probabilities = model.predict_proba(X)
        np.testing.assert_allclose(start + found.toarray().sum(axis=1), probabilities, atol=1e-6)
        again, _ = model.evidence(X)
        np.testing.assert_allclose(again, found.toarray(), atol=1e-5)
        for odd in (backwards(X), each_value_twice(X)):
            again, _ = model.evidence(odd)
            np.testing.assert_allclose(again.toarray(), found.toarray(), atol=1e-5)


def backwards(X):
    """The same rows; the columns of each are stored from the last to the first."""
    odd = sparse.csr_array(sparse.csr_array(X[:, ::-1])[:, np.arange(X.shape[1])[::-1]])
    assert not odd.has_sorted_indices
    return odd


def each_value_twice(X):
    """The same rows; each value is stored as two halves."""
    X = sparse.csr_array(X)
    halves = (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr)
    return sparse.csr_array(halves, shape=X.shape)


def test_the_features_that_tell_the_classes_apart_have_the_evidence(dense_rows):
    X, y = dense_rows
    evidence, _ = gated(dense_rows, X).evidence(X)
    assert np.all(evidence[y == 1, :, 1].mean(axis=0).argmax() == 0)
    assert np.all(evidence[y == 2, :, 2].mean(axis=0).argmax() == 1)
