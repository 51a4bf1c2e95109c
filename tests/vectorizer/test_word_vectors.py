"""Pretrained vectors: three kinds of sources, the table by ids, and malformed files."""

import bz2
import gzip
import lzma
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from skattn import AttentionTextClassifier, SequenceVectorizer
from skattn.vectorizer._word_vectors import read_embeddings

VECTORS = {"cat": [1.0, 2.0, 3.0], "whale": [-1.0, 0.5, 0.0], "sea": [0.0, 0.5, 3.0]}
WORDS, MATRIX = list(VECTORS), np.array(list(VECTORS.values()), dtype=np.float32)
LINES = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in VECTORS.items())
TEXTS = ["the cat sat", "the cat ran"]


def test_mapping_and_keyed_vectors():
    keyed = SimpleNamespace(index_to_key=WORDS, vectors=MATRIX.astype(np.float64))
    for source in (VECTORS, {word: np.array(row) for word, row in VECTORS.items()}, keyed):
        words, matrix = read_embeddings(source)
        assert words == WORDS
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix, MATRIX)


FILES = {
    "GloVe": LINES,
    "word2vec": "3 3\n" + LINES,
    "fastText, spaces at the ends": "3 3\n" + LINES.replace("\n", " \n"),
    "no line end at the end": LINES.rstrip("\n"),
    "Windows line ends": LINES.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + LINES,
    "a byte order mark and a header": "\ufeff3 3\n" + LINES,
    "a repeated word": LINES + "cat 9 9 9\n",
    "scientific numbers": LINES.replace("0.5", "5e-1"),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize("compressed", [False, True])
def test_files(tmp_path, content, compressed):
    path = tmp_path / "vectors.vec"
    data = content.encode()
    path.write_bytes(gzip.compress(data) if compressed else data)
    for source in (path, str(path)):
        words, matrix = read_embeddings(source)
        assert words == WORDS
        np.testing.assert_array_equal(matrix, MATRIX)


BINARIES = {
    "word2vec": b"2 3\ncat " + np.full(6, -0.7, dtype="f4").tobytes(),
    "word2vec of 50": b"9 50\n" + b"cat " + MATRIX.tobytes() * 6,
    "fastText": np.array([793712314, 12, 100, 5], dtype="i4").tobytes() * 9,
    "NumPy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False}" + MATRIX.tobytes(),
}


@pytest.mark.parametrize("data", BINARIES.values(), ids=BINARIES)
@pytest.mark.parametrize("compressed", [False, True])
def test_binary_files_are_named(tmp_path, data, compressed):
    path = tmp_path / "vectors.bin"
    path.write_bytes(gzip.compress(data) if compressed else data)
    with pytest.raises(ValueError, match=r"vectors.bin.*binary.*load_word2vec_format"):
        read_embeddings(path)


OTHER_KINDS = {
    "zip": (b"PK\x03\x04\x14\0", "zip archive: unpack it, and pass the path of the text file"),
    "bzip2": (bz2.compress(LINES.encode()), "a bzip2 file: unpack it"),
    "xz": (lzma.compress(LINES.encode()), "an xz file: unpack it"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04cat", "a Zstandard file: unpack it"),
    "UTF-16": (LINES.encode("utf-16"), "text in UTF-16: save it as UTF-8"),
    "UTF-16, big end": (b"\xfe\xff" + LINES.encode("utf-16-be"), "text in UTF-16: save it"),
    "safetensors": (b'\x20\0\0\0\0\0\0\0{"a":', "formats yourself, and pass a mapping from words"),
}


@pytest.mark.parametrize(("content", "message"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_files_of_other_kinds_are_named(tmp_path, content, message):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"vectors: this is .*{message}"):
        read_embeddings(path)
    path.write_bytes(b"PK 1 2\nBZh 1 2\n")  # words
    assert read_embeddings(path).words == ["PK", "BZh"]


CASES = [
    ({"Katze": [1.0], "Haus": [2.0], "und": [0.0]}, True, r"44.4%.*capitals.*lowercase=False"),
    ({"KATZE": [1.0], "HAUS": [2.0]}, True, r"Only 0.0%.*lowercase=False"),
    ({"katze": [1.0], "haus": [2.0]}, False, r"Only 0.0%.*lowercase=True"),
    ({"chat": [1.0], "maison": [2.0]}, True, r"Only 0.0%.*another language"),
]


@pytest.mark.parametrize(("vectors", "lowercase", "message"), CASES)
def test_vectors_of_few_words_are_noticed(vectors, lowercase, message):
    texts = ["Katze und Haus", "Haus und Katze und Hund und"]
    with pytest.warns(UserWarning, match=message):
        SequenceVectorizer(embeddings=vectors, lowercase=lowercase).fit(texts)
    if lowercase and "lowercase" in message:  # then the parameter cannot help
        with pytest.warns(UserWarning, match="preprocessor or analyzer of your own must do it"):
            SequenceVectorizer(embeddings=vectors, preprocessor=str.lower).fit(texts)


@pytest.mark.slow
def test_a_hand_made_pipeline_says_that_vectors_are_not_used(recwarn):
    texts, labels = ["the cat", "the whale"] * 4, [0, 1] * 4
    vectorizer = SequenceVectorizer(embeddings=VECTORS)
    network = AttentionTextClassifier(encoder="none", embedding_dim=3, epochs=1)
    with pytest.warns(UserWarning, match=r"starts from random ones.*TextClassifier\(embeddings"):
        make_pipeline(vectorizer, network).fit(texts, labels)
    ids = vectorizer.fit_transform(texts)
    network.set_params(embeddings=vectorizer.embeddings_).fit(ids, labels)
    network.set_params(embeddings=None)._fit_with_vectors(ids, labels, vectorizer.embeddings_)
    SequenceVectorizer().fit_transform(texts)
    assert not recwarn


def test_words_of_a_file_may_have_spaces_and_any_letters(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(
        "naïve 1 2\n. . . 3 4\nto me@x.org 5 6\n\u00a0 7 8\n日本 9 10\n", encoding="utf-8"
    )
    words, matrix = read_embeddings(path)
    assert words == ["naïve", ". . .", "to me@x.org", "\u00a0", "日本"]
    np.testing.assert_array_equal(matrix.ravel(), np.arange(1, 11))


MALFORMED = {
    "a number is missing": (
        b"cat 1 2 3\ndog 1 2\n",
        "line 2: expected a word and 3 numbers, got 2",
    ),
    "a number too many": (
        b"cat 1 2\ndog 1 2 3\n",
        "line 2: expected a word and 2 numbers, got more",
    ),
    "not a number": (b"cat 1 2\ndog 1 x\n", "line 2: .*not all are"),
    "empty line": (b"cat 1 2\n\ndog 1 2\n", "line 2: .*got 0"),
    "NaN": (b"cat 1 2\ndog nan 2\n", "line 2: .*NaN"),
    "a word only": (b"cat\n", "line 1: "),
    "empty": (b"", "vectors.txt: there is no word"),
    "first line only": (b"2 3\n", "no word"),
    "ends too early": (b"3 2\ncat 1 2\n", "line 2: the file ends after 1 of 3"),
    "longer than announced": (b"1 2\ncat 1 2\ndog 1 2\n", "line 3: the file ends after 2 of 1"),
    "first line is wrong": (b"2 3\ncat 1 2\ndog 1 2\n", "line 2: expected a word and 3 numbers"),
    "not UTF-8": (b"cat 1 2\n\xff\xfe 1 2\n", "line 2: .*binary"),
    "binary word2vec": (b"2 1\ncat \x00\x00\x80\x3fdog \x00\x00\x80\x3f", "binary"),
    "gzip ends too early": (gzip.compress(LINES.encode() * 200)[:60], "line "),
    "gzip is corrupt": (gzip.compress(LINES.encode())[:12] + b"\x07" * 30, "vectors.txt: Error"),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_an_error_with_its_line(tmp_path, content, message):
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=f"vectors.txt, {message}" if "line" in message else message
    ):
        SequenceVectorizer(embeddings=path).fit(TEXTS)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        SequenceVectorizer(embeddings=tmp_path / "nowhere.txt").fit(TEXTS)


@given(st.binary(max_size=60) | st.text(st.sampled_from("a1. \n-e2"), max_size=60).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    path.write_bytes(content)
    try:
        words, matrix = read_embeddings(path)
    except ValueError as error:
        if str(path) not in str(error):
            raise
    else:
        assert matrix.shape[0] == len(words) == len(set(words)) > 0


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("cat 1 2\n")
    assert read_embeddings(path) is read_embeddings(path)
    path.write_text("cat 1 2\ndog 1 2\n")
    assert read_embeddings(path).words == ["cat", "dog"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "no word"),
        ({"cat": [1, 2], "dog": [1]}, "'dog' .*shape"),
        ({"cat": [[1, 2]]}, "'cat' .*shape"),
        ({"cat": []}, "'cat' .*shape"),
        ({"cat": ["x"]}, "'cat' .*not numeric"),
        ({"cat": [np.nan]}, "'cat' .*NaN"),
        ({3: [1.0]}, "got 3"),
        (["cat"], "got list"),
        (7, "got int"),
    ],
    ids=str,
)
def test_wrong_sources(source, message):
    with pytest.raises(ValueError, match=message):
        SequenceVectorizer(embeddings=source).fit(TEXTS)


def test_ids_and_table():
    vectorizer = SequenceVectorizer(embeddings=VECTORS).fit(TEXTS)
    expected = {"cat": 2, "the": 3, "ran": 4, "sat": 5, "whale": 6, "sea": 7}
    assert vectorizer.vocabulary_ == expected
    assert vectorizer.vocabulary_size_ == 8
    assert vectorizer.transform(["whale dog cat"]).tolist() == [[6, 1, 2]]
    table = vectorizer.embeddings_
    assert table.dtype == np.float32
    assert table.shape == (8, 3)
    np.testing.assert_array_equal(table[0], 0)
    np.testing.assert_array_equal(table[[2, 6, 7]], MATRIX)
    np.testing.assert_allclose(table[[1, 3, 4, 5]], [MATRIX.mean(axis=0)] * 4)


def test_coverage():
    vectorizer = SequenceVectorizer(embeddings=VECTORS).fit(TEXTS)
    assert vectorizer.coverage_ == {"tokens": pytest.approx(2 / 6), "vocabulary": 1 / 4}
    vectorizer.set_params(min_df=2).fit(TEXTS)
    assert vectorizer.coverage_ == {"tokens": pytest.approx(2 / 6), "vocabulary": 1 / 2}
    vectorizer.set_params(vocabulary=["cat", "sea", "dog"]).fit(["", "!"])
    assert vectorizer.coverage_ == {"tokens": 0.0, "vocabulary": pytest.approx(2 / 3)}


def test_a_pruned_word_with_a_vector_keeps_an_id():
    vectorizer = SequenceVectorizer(embeddings=VECTORS, max_features=1).fit(["the the cat"])
    assert vectorizer.vocabulary_ == {"the": 2, "cat": 3, "whale": 4, "sea": 5}
    assert vectorizer.fit_transform(["the the cat"]).tolist() == [[2, 2, 3]]


def test_a_given_vocabulary_is_final():
    vectorizer = SequenceVectorizer(embeddings=VECTORS, vocabulary=["the", "sea"]).fit(TEXTS)
    assert vectorizer.vocabulary_ == {"the": 2, "sea": 3}
    np.testing.assert_array_equal(vectorizer.embeddings_[3], VECTORS["sea"])
    assert vectorizer.transform(["cat sea"]).tolist() == [[1, 3, 0]]


def test_a_stored_vectorizer_needs_no_file(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(LINES)
    vectorizer = SequenceVectorizer(embeddings=str(path)).fit(TEXTS)
    path.unlink()
    copied = pickle.loads(pickle.dumps(vectorizer))
    np.testing.assert_array_equal(copied.embeddings_, vectorizer.embeddings_)
    assert copied.transform(["sea"]).tolist() == vectorizer.transform(["sea"]).tolist()
