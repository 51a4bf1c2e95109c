"""`AttentionTextClassifier`: padding, the table of ids, given vectors, attention, errors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from skattn import AttentionTextClassifier, SequenceVectorizer, TextClassifier
from skattn.networks._attention_pooling import SCORES
from skattn.networks._encoders import ENCODERS

pytestmark = pytest.mark.usefixtures("graphs_as_traced")


def classifier(**parameters):
    defaults = {"encoder": "none", "units": 3, "embedding_dim": 4, "n_heads": 2, "epochs": 2}
    return AttentionTextClassifier(**defaults | {"random_state": 0} | parameters)


FAST = ("conv", "lstm", "none")
every_encoder = pytest.mark.parametrize(
    "encoder",
    [pytest.param(x, marks=[] if x in FAST else pytest.mark.slow) for x in sorted(ENCODERS)],
)


@pytest.fixture(scope="module")
def lstm(texts_as_ids):
    """The reference network in small, with weights large enough to tell every token."""
    X, y = texts_as_ids
    clf = classifier(encoder="lstm").fit(X, y)
    rng, model = np.random.default_rng(0), clf.model_
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return clf


# -- padding ---------------------------------------------------------------------------------------

texts = st.lists(st.integers(1, 29), min_size=0, max_size=8)


@st.composite
def padded_twice(draw):
    """One text of at most eight tokens, padded to eight columns in two ways."""
    tokens = draw(texts)
    rows = []
    for _ in range(2):
        places = draw(st.permutations(range(8)))[: len(tokens)]
        row = np.zeros(8, dtype=np.int32)
        row[sorted(places)] = tokens
        rows.append(row)
    return rows


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=st.lists(padded_twice(), min_size=1, max_size=6))
def test_zeros_are_padding_wherever_they_stand(lstm, pairs):
    here, there = (np.array(rows) for rows in zip(*pairs, strict=True))
    np.testing.assert_array_equal(lstm.predict_proba(here), lstm.predict_proba(there))
    np.testing.assert_array_equal(lstm.transform(here), lstm.transform(there))
    weights = [lstm.attention_weights(X) for X in (here, there)]
    for X, w in zip((here, there), weights, strict=True):
        assert np.all(w[X == 0] == 0)
        assert np.all(w[X != 0] > 0)
        np.testing.assert_allclose(w.sum(axis=1), (X != 0).any(axis=1), atol=1e-5)
    np.testing.assert_array_equal(weights[0][here != 0], weights[1][there != 0])


@pytest.mark.slow
@every_encoder
def test_every_encoder_is_blind_to_padding(encoder, texts_as_ids):
    X, y = texts_as_ids
    narrow = classifier(encoder=encoder, epochs=1).fit(X, y)
    wide = np.zeros((len(X), 40), dtype=np.int32)
    wide[:, 5:37:4] = X  # zeros on the left, on the right and between the tokens
    again = classifier(encoder=encoder, epochs=1).fit(wide, y)
    np.testing.assert_allclose(again.predict_proba(wide), narrow.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(
        again.attention_weights(wide)[:, 5:37:4], narrow.attention_weights(X), atol=1e-6
    )
    np.testing.assert_allclose(
        narrow.predict_proba(X),
        np.concatenate([narrow.predict_proba(x[None]) for x in X]),
        atol=1e-6,
    )


@pytest.mark.slow
@pytest.mark.parametrize("attention", SCORES)
def test_every_attention_is_blind_to_padding(attention, texts_as_ids):
    X, y = texts_as_ids
    narrow = classifier(attention=attention).fit(X, y)
    again = classifier(attention=attention).fit(np.pad(X, [(0, 0), (7, 4)]), y)
    moved = again.predict_proba(np.pad(X, [(0, 0), (7, 4)])) - narrow.predict_proba(X)
    assert np.abs(moved).max() <= 1e-6
    weights = narrow.attention_weights(X)
    assert np.all(weights[X == 0] == 0)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert weights.dtype == np.float32
    assert weights.shape == X.shape


def test_an_attention_is_learned_for_tokens_and_not_for_padding(texts_as_ids):
    X, y = texts_as_ids
    clf = classifier(encoder="lstm", epochs=5).fit(X, y)
    on_padding = clf.attention_weights(X)[X == 0]
    assert on_padding.size > 100
    assert not np.any(on_padding)


@every_encoder
def test_a_text_of_padding_only_has_the_probabilities_of_the_bias(encoder, texts_as_ids):
    X, y = texts_as_ids
    clf = classifier(encoder=encoder, epochs=1).fit(X, y)
    last = clf.model_.get_layer("probabilities")
    last.bias.assign([0.5, -1.0])
    empty = np.vstack([np.zeros((1, 8), dtype=int), X[:3]])
    exponents = np.exp([0.5, -1.0])
    np.testing.assert_allclose(clf.predict_proba(empty)[0], exponents / exponents.sum(), atol=1e-6)
    np.testing.assert_allclose(
        clf.predict_proba(empty[:1])[0], exponents / exponents.sum(), atol=1e-6
    )
    assert not np.any(clf.attention_weights(empty)[0])
    assert not np.any(clf.transform(empty)[0])


@pytest.mark.slow
def test_texts_of_padding_only_can_be_trained_on(texts_as_ids):
    X, y = texts_as_ids
    X = np.where(np.arange(60)[:, None] % 10 == 0, 0, X)
    clf = classifier(encoder="lstm", epochs=3).fit(X, y)
    assert np.all(np.isfinite(clf.history_["loss"]))
    assert np.all(np.isfinite(clf.predict_proba(X)))
    nothing = classifier().fit(np.zeros((4, 3), dtype=int), [0, 1, 1, 1])
    assert nothing.vocabulary_size_ == 2
    assert nothing.predict(np.zeros((1, 3))).tolist() in ([0], [1])


# -- the table of ids ------------------------------------------------------------------------------


def test_the_table_holds_the_largest_id_of_the_training_data(texts_as_ids):
    X, y = texts_as_ids
    clf = classifier().fit(X, y)
    assert clf.vocabulary_size_ == X.max() + 1
    assert clf.model_.get_layer("embedding").get_weights()[0].shape == (X.max() + 1, 4)


@pytest.mark.parametrize("stranger", [30, 31, 10_000, 2**31 - 1])
def test_ids_beyond_the_table_are_out_of_vocabulary(stranger, texts_as_ids):
    X, y = texts_as_ids
    clf = classifier().fit(X, y)
    strange, unknown = X.copy(), X.copy()
    strange[:, 0], unknown[:, 0] = stranger, 1
    np.testing.assert_array_equal(clf.predict_proba(strange), clf.predict_proba(unknown))
    np.testing.assert_array_equal(clf.attention_weights(strange), clf.attention_weights(unknown))
    known = clf.predict_proba(np.where(X == 0, 0, 29))
    assert np.abs(known - clf.predict_proba(np.where(X == 0, 0, 1))).max() > 0  # 29 has its own row


@pytest.mark.slow
def test_a_size_that_was_given_is_kept(texts_as_ids):
    X, y = texts_as_ids
    larger = classifier(vocabulary_size=50).fit(X, y)
    assert larger.vocabulary_size_ == 50
    assert (
        np.abs(
            larger.predict_proba(np.full((1, 8), 49)) - larger.predict_proba(np.full((1, 8), 48))
        ).max()
        > 0
    )
    smaller = classifier(vocabulary_size=10).fit(X, y)
    by_hand = classifier(vocabulary_size=10).fit(np.where(X < 10, X, 1), y)
    np.testing.assert_array_equal(smaller.predict_proba(X), by_hand.predict_proba(X))


@pytest.mark.slow
def test_chunks_keep_the_rows_of_ids_that_come_later():
    clf = classifier(vocabulary_size=9)
    clf.partial_fit([[2, 3], [3, 3]], ["a", "b"])
    table = clf.model_.get_layer("embedding").get_weights()[0].copy()
    clf.partial_fit([[8, 8], [7, 7]], ["a", "b"])
    after = clf.model_.get_layer("embedding").get_weights()[0]
    assert np.all(after[[7, 8]] != table[[7, 8]])
    np.testing.assert_array_equal(after[[4, 5, 6]], table[[4, 5, 6]])
    without = classifier().partial_fit([[2, 3], [3, 3]], ["a", "b"])
    without.partial_fit([[8, 8], [7, 7]], ["a", "b"])
    assert without.vocabulary_size_ == 4  # ids that come later are out of vocabulary


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.float64, object])
def test_whole_numbers_of_any_type_are_ids(dtype, texts_as_ids):
    X, y = texts_as_ids
    expected = classifier().fit(X, y).predict_proba(X)
    clf = classifier().fit(X.astype(dtype), y)
    np.testing.assert_array_equal(clf.predict_proba(X.astype(dtype)), expected)
    np.testing.assert_array_equal(clf.predict_proba(X.tolist()), expected)
    np.testing.assert_array_equal(clf.predict_proba(np.asfortranarray(X)), expected)


# -- given vectors ---------------------------------------------------------------------------------


TEXTS, LABELS = ["a good film", "bad film"] * 6, [0, 1] * 6


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize("partial", [False, True], ids=["fit", "partial_fit"])
def test_vectors_that_do_not_come_along_are_named(output, partial):
    vectorizer = SequenceVectorizer(embeddings={"good": np.ones(4)}).set_output(transform=output)
    ids = vectorizer.fit_transform(TEXTS)
    clf = classifier(epochs=1)
    train = clf.partial_fit if partial else clf.fit
    with pytest.warns(UserWarning, match="a pipeline does not pass them on"):
        train(ids, LABELS)
    clf.partial_fit(vectorizer.transform(TEXTS), LABELS)  # the network has begun


@pytest.mark.slow
def test_vectors_that_come_along_are_not_named():
    vectorizer = SequenceVectorizer(embeddings={"good": np.ones(4)}).fit(TEXTS)
    ids = vectorizer.transform(TEXTS)
    with pytest.warns(UserWarning, match="a pipeline does not pass them on"):
        classifier(epochs=1).fit(ids[:8], LABELS[:8])
    classifier(epochs=1, embeddings=vectorizer.embeddings_).fit(ids, LABELS)
    model = TextClassifier(linear=False, epochs=1, embeddings=vectorizer.embeddings, min_df=1)
    model.partial_fit(TEXTS, LABELS).partial_fit(TEXTS, LABELS)


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(30, 5))


@pytest.mark.parametrize("container", [np.asarray, np.ndarray.tolist, pd.DataFrame])
def test_given_vectors_set_the_table(container, vectors, texts_as_ids):
    X, y = texts_as_ids
    clf = classifier(embeddings=container(vectors), embedding_trainable=False).fit(X, y)
    np.testing.assert_array_equal(
        clf.model_.get_layer("embedding").get_weights()[0], vectors.astype(np.float32)
    )
    assert clf.vocabulary_size_ == 30
    assert clf.transform(X).shape == (60, 5)


def test_given_vectors_are_where_training_begins(vectors, texts_as_ids):
    X, y = texts_as_ids
    clf = classifier(embeddings=vectors, learning_rate=1e-6, epochs=1).fit(X, y)
    table = clf.model_.get_layer("embedding").get_weights()[0]
    np.testing.assert_allclose(table, vectors, atol=1e-4)
    assert np.any(table != vectors.astype(np.float32))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"embeddings": np.zeros((1, 5))}, "embeddings has 1 row; it needs row 0 for padding"),
        (
            {"embeddings": np.zeros((30, 5)), "vocabulary_size": 20},
            "vocabulary_size=20 but embeddings has 30",
        ),
        ({"embeddings": np.full((30, 5), np.nan)}, "Input embeddings contains NaN"),
        ({"embeddings": np.zeros(30)}, r"embeddings must be a table .* the shape \(30,\)"),
        ({"embeddings": np.zeros((30, 5, 2))}, r"embeddings must be a table .*\(30, 5, 2\)"),
        ({"embeddings": [["a", "b"], ["c", "d"]]}, "could not convert string to float"),
        ({"embeddings": 3}, "The 'embeddings' parameter"),
        ({"embeddings": "glove.txt"}, "The 'embeddings' parameter"),
    ],
)
def test_vectors_that_make_no_sense_are_refused(parameters, message, texts_as_ids):
    with pytest.raises(ValueError, match=message):
        classifier(**parameters).fit(*texts_as_ids)


def test_vectors_by_word_are_refused_with_what_to_do(texts_as_ids):
    clf = AttentionTextClassifier(embeddings={"film": np.ones(5)}, epochs=1)
    with pytest.raises(TypeError, match=r"this dict maps words to vectors. Use TextClassifier"):
        clf.fit(*texts_as_ids)


# -- what it can learn -----------------------------------------------------------------------------


def test_attention_finds_the_token_that_decides():
    rng = np.random.default_rng(0)
    X = rng.integers(4, 30, size=(300, 12))
    decisive = rng.integers(0, 12, size=300)
    y = rng.integers(0, 2, size=300)
    X[np.arange(300), decisive] = 2 + y
    clf = classifier(attention="additive", embedding_dim=8, epochs=40, learning_rate=0.02).fit(
        X[:200], y[:200]
    )
    assert clf.score(X[200:], y[200:]) > 0.95
    attended = clf.attention_weights(X[200:]).argmax(axis=1)
    assert np.mean(attended == decisive[200:]) > 0.9


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder", "rnn"),
        ("attention", "cosine"),
        ("n_layers", 0),
        ("n_heads", 0),
        ("head_penalty", -1.0),
        ("segment_length", 0),
        ("embedding_dim", 0),
        ("embedding_dropout", 1.0),
        ("word_dropout", -0.5),
        ("embedding_trainable", "no"),
        ("vocabulary_size", 1),
        ("vocabulary_size", 10.5),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(name, value, texts_as_ids):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of .*Classifier must be .*Got"):
        classifier(**{name: value}).fit(*texts_as_ids)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (["one text", "another"], ValueError, r"array of texts.*SequenceVectorizer"),
        (np.array(["one text", "another"]), ValueError, r"array of texts.*SequenceVectorizer"),
        (pd.Series(["one text", "b"], index=[7, 8]), ValueError, r"array of texts.*Vectorizer"),
        (pd.DataFrame({"text": ["one", "two"]}), ValueError, r"X is texts.*SequenceVectorizer"),
        ([["one", "text"], ["two", "three"]], ValueError, r"X is texts.*SequenceVectorizer"),
        (sparse.csr_array([[1, 0], [0, 2]]), TypeError, r"sparse matrix.*SequenceVectorizer"),
        (
            [[1.5, 2], [3, 4]],
            ValueError,
            r"row 0 holds 1.5.*whole numbers >= 0.*SequenceVectorizer",
        ),
        ([[1, 2], [-3, 4]], ValueError, r"row 1 holds -3.*whole numbers >= 0.*SequenceVectorizer"),
        ([[1, 2], [3, 2**40]], ValueError, "more than 32 bits can hold"),
    ],
)
def test_what_is_no_matrix_of_ids_is_refused(X, error, message, texts_as_ids):
    with pytest.raises(error, match=message):
        classifier().fit(X, [0, 1])
    clf = classifier(epochs=1).fit(np.array([[1, 2], [3, 4]]), [0, 1])
    with pytest.raises(error, match=message):
        clf.predict(X)


def test_a_table_too_large_for_any_memory_is_refused(texts_as_ids):
    X, y = texts_as_ids
    X = np.where(X == 29, 2**31 - 1, X)
    with pytest.raises(ValueError, match=r"X holds the id 2147483647.*set vocabulary_size"):
        classifier().fit(X, y)
    assert classifier(vocabulary_size=30).fit(X, y).vocabulary_size_ == 30


def test_segments_have_weights_only_with_segments(texts_as_ids):
    X, y = texts_as_ids
    with pytest.raises(ValueError, match=r"segment_length=None.*use attention_weights"):
        classifier().fit(X, y).segment_attention_weights(X)


@pytest.mark.slow
def test_segments_are_blind_to_padding(texts_as_ids):
    X, y = texts_as_ids
    narrow = classifier(segment_length=3).fit(X, y)
    wide = np.pad(X, [(0, 0), (5, 6)])
    again = classifier(segment_length=3).fit(wide, y)
    np.testing.assert_allclose(again.predict_proba(wide), narrow.predict_proba(X), atol=1e-6)
    weights = narrow.attention_weights(X)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert not np.any(weights[X == 0])


@pytest.mark.slow
def test_training_that_goes_on_refuses_another_size_of_the_table(texts_as_ids):
    X, y = texts_as_ids
    settings = {"encoder": "none", "embedding_dim": 4, "epochs": 1, "warm_start": True}
    clf = AttentionTextClassifier(**settings).fit(X, y)
    clf.fit(X + 100 * (X > 0), y)  # larger ids are out of vocabulary
    clf.set_params(vocabulary_size=clf.vocabulary_size_).fit(X, y)
    clf.set_params(vocabulary_size=50)
    for go_on in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match=r"\['vocabulary_size'\] changed"):
            go_on(X, y)
    clf.set_params(vocabulary_size=None, embeddings=np.zeros((50, 4)))
    with pytest.raises(ValueError, match=r"\['vocabulary_size'\] changed"):
        clf.fit(X, y)
