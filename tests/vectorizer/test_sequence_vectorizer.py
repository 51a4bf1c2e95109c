"""`SequenceVectorizer`: ids, contract, state, hashing and bad input."""

import copy
import io
import pickle
import subprocess
import sys
import unicodedata
from collections import Counter
from unittest import mock

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

import skattn
from skattn import SequenceVectorizer
from skattn.vectorizer import _padding

TEXTS = ["the cat sat", "the dog sat on the cat", "a bird", ""]
IDS = [[2, 3, 4, 0, 0, 0], [2, 6, 4, 7, 2, 3], [5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]

VARIANTS = {
    "default": {},
    "short": {"max_length": 2, "truncation": "both"},
    "share": {"max_length": 0.5, "truncation": "tail"},
    "pruned": {"min_df": 2, "max_df": 0.9},
    "few words": {"max_features": 2},
    "given words": {"vocabulary": ["cat", "dog"]},
    "pairs": {"ngram_range": (1, 2), "stop_words": ["the"]},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 3), "strip_accents": "unicode"},
    "hashing": {"n_features": 50},
    "stateless": {"n_features": 50, "max_length": 4},
    "vectors": {"embeddings": {"cat": [1.0, 2.0], "whale": [0.0, 1.0]}},
}
variants = pytest.mark.parametrize("parameters", VARIANTS.values(), ids=VARIANTS)


def test_ids_and_words():
    vectorizer = SequenceVectorizer()
    ids = vectorizer.fit_transform(TEXTS)
    assert ids.dtype == np.int32
    assert ids.tolist() == IDS
    expected = {"the": 2, "cat": 3, "sat": 4, "bird": 5, "dog": 6, "on": 7}
    assert vectorizer.vocabulary_ == expected
    assert list(vectorizer.vocabulary_) == list(expected)
    assert all(type(number) is int for number in vectorizer.vocabulary_.values())
    assert vectorizer.max_length_ == 6
    assert vectorizer.vocabulary_size_ == 8
    assert vectorizer.transform(["dog mouse"]).tolist() == [[6, 1, 0, 0, 0, 0]]


@variants
def test_fit_transform_is_fit_and_transform_and_can_be_repeated(parameters):
    vectorizer = SequenceVectorizer(**parameters)
    ids = vectorizer.fit_transform(TEXTS)
    assert ids.shape == (4, vectorizer.max_length_)
    assert (ids < vectorizer.vocabulary_size_).all()
    for _ in range(2):
        np.testing.assert_array_equal(vectorizer.fit(TEXTS).transform(TEXTS), ids)
    np.testing.assert_array_equal(SequenceVectorizer(**parameters).fit_transform(TEXTS), ids)
    np.testing.assert_array_equal(vectorizer.transform(TEXTS[::-1]), ids[::-1])


def test_many_rows_are_padded_as_few_are():
    few = TEXTS[:3]
    texts = few * 1500  # more than are treated at once
    vectorizer = SequenceVectorizer(max_length=3, truncation="both")
    expected = vectorizer.fit(few).transform(few)
    assert expected[1].tolist() == [2, 6, 3]
    np.testing.assert_array_equal(vectorizer.fit_transform(texts), np.tile(expected, (1500, 1)))
    np.testing.assert_array_equal(vectorizer.transform(texts), np.tile(expected, (1500, 1)))


@pytest.mark.parametrize(
    ("max_length", "truncation", "expected"),
    [
        (2, "head", ["one", "two"]),
        (2, "tail", ["four", "five"]),
        (3, "both", ["one", "two", "five"]),
        (1, "both", ["one"]),
        (9, "tail", ["one", "two", "three", "four", "five"]),
    ],
)
def test_truncation(max_length, truncation, expected):
    vectorizer = SequenceVectorizer(max_length=max_length, truncation=truncation)
    ids = vectorizer.fit_transform(["one two three four five"])
    assert ids.shape == (1, max_length)
    assert list(vectorizer.inverse_transform(ids)[0]) == expected


@pytest.mark.parametrize("max_length", [10**14, 2**62])
def test_rows_that_do_not_fit_into_memory_are_refused(max_length):
    with pytest.raises(MemoryError, match=rf"max_length={max_length} ids do not fit"):
        _padding.pad_rows(np.ones(5, np.int32), [3, 2], max_length, "head")


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [(None, 10), (1.0, 10), (0.9, 9), (0.85, 9), (0.05, 1), (1, 1), (40, 40)],
)
def test_max_length(max_length, expected):
    texts = [" ".join(["word"] * n) for n in range(1, 11)]
    assert SequenceVectorizer(max_length=max_length).fit(texts).max_length_ == expected


def test_words_are_ordered_by_frequency_then_alphabetically():
    words = list(SequenceVectorizer().fit(["bb aa cc", "cc bb", "cc dd"]).vocabulary_)
    assert words == ["cc", "bb", "aa", "dd"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"min_df": 2},
        {"min_df": 0.3},
        {"max_df": 0.6},
        {"max_df": 2, "min_df": 2},
        {"max_features": 3},
    ],
    ids=str,
)
def test_same_words_as_count_vectorizer(parameters):
    texts = ["aa bb cc", "aa bb bb dd", "aa cc ee ee ee", "aa ff"]
    expected = CountVectorizer(**parameters).fit(texts).vocabulary_
    vectorizer = SequenceVectorizer(**parameters).fit(texts)
    assert set(vectorizer.vocabulary_) == set(expected)
    assert (vectorizer.transform(texts) == 1).any()  # what was pruned is out of vocabulary


def test_a_vocabulary_that_is_used_up_is_refused():
    with pytest.raises(ValueError, match=r"vocabulary is an iterator.*pass a list"):
        SequenceVectorizer(vocabulary=iter(["cat"])).fit(["a cat"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("preprocessor", "preprocessor must return a text, got None"),
        ("tokenizer", "tokenizer must return a list of tokens, got None"),
        ("analyzer", "analyzer must return a list of tokens, got None"),
    ],
)
def test_functions_that_return_nothing_are_named(name, message):
    with pytest.raises(TypeError, match=message):
        SequenceVectorizer(**{name: lambda text: None}).fit(["a fine film"])


@pytest.mark.parametrize(
    "vocabulary",
    [
        ["dog", "cat"],
        ("dog", "cat"),
        {"cat": 1, "dog": 0},
        np.array(["dog", "cat"]),
    ],
    ids=lambda vocabulary: type(vocabulary).__name__,
)
def test_given_vocabulary_is_shifted_by_two(vocabulary):
    vectorizer = SequenceVectorizer(vocabulary=vocabulary).fit(["the cat"])
    assert vectorizer.vocabulary_ == {"dog": 2, "cat": 3}
    assert vectorizer.transform(["cat dog the"]).tolist() == [[3, 2]]


def test_given_set_is_sorted():
    assert SequenceVectorizer(vocabulary={"b", "a"}).fit(["x"]).vocabulary_ == {"a": 2, "b": 3}


def test_given_vocabulary_serves_texts_without_tokens():
    assert SequenceVectorizer(vocabulary=["cat"]).fit_transform(["", "!"]).tolist() == [[0], [0]]


@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=20), min_size=1, max_size=5))
@example(["\ud800 \udc00\ud800x", "İ\x00 \x00"])
@example(["\U0002f800 e\u0301"])  # letters that have a composed form are read as it
def test_round_trip(texts):
    texts = [*texts, "ab\x00"]
    for vectorizer in (
        SequenceVectorizer(analyzer="char", lowercase=False),
        SequenceVectorizer(token_pattern=r"\S+", lowercase=False),
    ):
        ids = vectorizer.fit_transform(texts)
        read = CountVectorizer(
            **{
                name: getattr(vectorizer, name)
                for name in ("analyzer", "lowercase", "token_pattern")
            }
        ).build_analyzer()
        copied = pickle.loads(pickle.dumps(vectorizer))
        assert copied.vocabulary_ == vectorizer.vocabulary_
        for tokens, again, text in zip(
            vectorizer.inverse_transform(ids), copied.inverse_transform(ids), texts, strict=True
        ):
            expected = read(unicodedata.normalize("NFC", text))
            assert list(tokens) == expected
            assert list(again) == expected


def test_inverse_transform():
    vectorizer = SequenceVectorizer().fit(TEXTS)
    tokens = vectorizer.inverse_transform(np.array([[2, 1, 0, 3], [0, 0, 0, 0]]))
    assert [row.tolist() for row in tokens] == [["the", "[UNK]", "cat"], []]
    frame = vectorizer.set_output(transform="pandas").transform(["the cat"])
    assert vectorizer.inverse_transform(frame)[0].tolist() == ["the", "cat"]
    for wrong in ([[8]], [[-1]], [[2.5]]):
        with pytest.raises(ValueError, match="ids"):
            vectorizer.inverse_transform(wrong)


# Containers


def arrow():
    return pytest.importorskip("pyarrow")


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "array of objects": lambda texts: np.array(texts, dtype=object),
    "array of strings": np.array,
    "column of an array": lambda texts: np.array(texts, dtype=object)[:, None],
    "Series": lambda texts: pd.Series(texts, index=range(9, 9 + len(texts))),
    "Series of categories": lambda texts: pd.Series(texts, dtype="category"),
    "Series of strings": lambda texts: pd.Series(texts, dtype="string"),
    "frame": lambda texts: pd.DataFrame({"text": texts}),
    "polars Series": pl.Series,
    "polars frame": lambda texts: pl.DataFrame({"text": texts}),
    "polars categories": lambda texts: pl.Series(texts, dtype=pl.Categorical),
    "Arrow array": lambda texts: arrow().array(texts),
    "Arrow column": lambda texts: arrow().table({"text": texts})["text"],
    "Arrow categories": lambda texts: arrow().array(texts).dictionary_encode(),
    "Arrow table": lambda texts: arrow().table({"text": texts}),
    "generator": iter,
    "str subclass": lambda texts: [np.str_(text) for text in texts],
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_containers(container):
    vectorizer = SequenceVectorizer()
    assert vectorizer.fit_transform(container(TEXTS)).tolist() == IDS
    assert vectorizer.fit(container(TEXTS)).transform(container(TEXTS)).tolist() == IDS
    assert len(vectorizer.token_spans(container(TEXTS))) == len(TEXTS)
    assert all(type(word) is str for word in vectorizer.vocabulary_)


def test_no_texts_to_transform():
    vectorizer = SequenceVectorizer().fit(TEXTS)
    assert vectorizer.transform([]).shape == (0, 6)
    assert vectorizer.token_spans([]) == []


ROWS = {
    "None": (None, "None"),
    "number": (7, "7"),
    "nan": (np.nan, "nan"),
    "pandas NA": (pd.NA, "NA"),
    "bytes": (b"cat", "decode"),
    "list": (["cat"], "list"),
    "array": (np.array(["a", "b"]), "ndarray"),
}


@pytest.mark.parametrize(("value", "word"), ROWS.values(), ids=ROWS)
def test_a_row_that_is_no_text_is_named(value, word):
    vectorizer = SequenceVectorizer().fit(TEXTS)
    texts = ["cat", "dog", value]
    for call in (SequenceVectorizer().fit, vectorizer.transform, vectorizer.token_spans):
        with pytest.raises(ValueError, match=f"Row 2 .*{word}"):
            call(texts)
    assert vectorizer.transform(TEXTS).tolist() == IDS


def test_missing_values_of_a_column_are_named():
    for column in (pd.Series(["a", None]), pd.Series(["a", np.nan]), pl.Series(["a", None])):
        with pytest.raises(ValueError, match=r"Row 1 .*missing"):
            SequenceVectorizer().fit(column)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("the cat", "bare string"),
        (b"the cat", "bare string"),
        (None, "NoneType"),
        (7, "int"),
        ({"a": 1}, "dict"),
        (np.array("cat"), "shape"),
        (np.array([["a", "b"]]), "one column"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "one column"),
        (pl.DataFrame({"a": ["x"], "b": ["y"]}), "one column"),
        (CountVectorizer().fit_transform(["cat"]), "one column"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_column_of_texts(texts, message):
    vectorizer = SequenceVectorizer().fit(TEXTS)
    for call in (SequenceVectorizer().fit, vectorizer.transform, vectorizer.token_spans):
        with pytest.raises(ValueError, match=message):
            call(texts)


# Parameters


def texts_as_numbers(text):
    return [1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_length": 0}, "max_length"),
        ({"max_length": 1.5}, "max_length"),
        ({"max_length": "long"}, "max_length"),
        ({"truncation": "middle"}, "truncation"),
        ({"lowercase": "yes"}, "lowercase"),
        ({"analyzer": "sentence"}, "analyzer"),
        ({"analyzer": 3}, "analyzer"),
        ({"ngram_range": (2, 1)}, "ngram_range"),
        ({"ngram_range": (0, 1)}, "ngram_range"),
        ({"token_pattern": "(a)(b)"}, "group"),
        ({"min_df": 9}, "max_df"),
        ({"min_df": 4}, "no terms remain"),
        ({"max_features": 0}, "max_features"),
        ({"n_features": 0}, "n_features"),
        ({"n_features": 2**31}, "n_features"),
        ({"n_features": 9, "vocabulary": ["a"]}, "vocabulary and n_features"),
        ({"n_features": 9, "min_df": 2, "max_features": 3}, "max_features and min_df and n_feat"),
        ({"n_features": 9, "max_length": 3, "embeddings": {"a": [1]}}, "embeddings and n_features"),
        ({"vocabulary": []}, "empty vocabulary"),
        ({"vocabulary": "cat"}, "one string"),
        ({"vocabulary": ["cat", "cat"]}, "Duplicate .*'cat'"),
        ({"vocabulary": ["cat", 3]}, "must be strings, got 3"),
        ({"vocabulary": {"cat": 1}}, "0, 1, 2"),
        ({"vocabulary": {"cat": 0, "dog": 0}}, "0, 1, 2"),
        ({"analyzer": texts_as_numbers}, "must be strings, got 1"),
        ({"analyzer": texts_as_numbers, "n_features": 9}, "must be strings, got 1"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        SequenceVectorizer(**parameters).fit_transform(TEXTS)


@pytest.mark.parametrize("texts", [[], [""], ["a", "!"]])
def test_empty_vocabulary(texts):
    with pytest.raises(ValueError, match="empty vocabulary"):
        SequenceVectorizer().fit(texts)
    with pytest.raises(ValueError, match="empty vocabulary"):
        SequenceVectorizer(max_length=3).fit_transform(texts)


def test_no_text_to_learn_a_length_from():
    with pytest.raises(ValueError, match="at least one text"):
        SequenceVectorizer(vocabulary=["cat"]).fit([])


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"tokenizer": str.split, "token_pattern": r"\w"}, "with a tokenizer: token_pattern"),
        ({"analyzer": "char", "stop_words": "english"}, "with analyzer='char'.*: stop_words"),
        (
            {"analyzer": str.split, "preprocessor": str.upper, "ngram_range": (1, 2)},
            "with your own analyzer: preprocessor",
        ),
        ({"vocabulary": ["Cat"]}, "upper case"),
        ({"stop_words": ["it's"]}, "inconsistent"),
    ],
    ids=str,
)
def test_warnings_at_fit_alone(parameters, named):
    vectorizer = SequenceVectorizer(**parameters)
    with pytest.warns(UserWarning, match=named):
        vectorizer.fit(TEXTS)
    vectorizer.transform(TEXTS)  # a warning would be an error


@pytest.mark.parametrize(
    "parameters",
    [
        {"tokenizer": str.split},
        {"tokenizer": str.split, "token_pattern": None},
        {"lowercase": False, "vocabulary": ["Cat"]},
        {"analyzer": str.split, "lowercase": False},
    ],
    ids=str,
)
def test_no_needless_warning(parameters):
    SequenceVectorizer(**parameters).fit(TEXTS)


def test_a_tokenizer_may_give_an_iterator():
    vectorizer = SequenceVectorizer(tokenizer=lambda text: (word for word in text.split()))
    assert vectorizer.fit_transform(["b a b"]).tolist() == [[2, 3, 2]]


# Contract


@variants
def test_unfitted(parameters):
    vectorizer = SequenceVectorizer(**parameters)
    assert not hasattr(vectorizer, "vocabulary_")
    if parameters == VARIANTS["stateless"]:
        assert vectorizer.transform(TEXTS).shape == (4, 4)
        check_is_fitted(vectorizer)
        return
    for call in (vectorizer.transform, vectorizer.token_spans, vectorizer.inverse_transform):
        with pytest.raises(NotFittedError):
            call(TEXTS)
    with pytest.raises(NotFittedError):
        vectorizer.get_feature_names_out()


@variants
def test_copies(parameters):
    vectorizer = SequenceVectorizer(**parameters).fit(TEXTS)
    ids = vectorizer.transform(TEXTS)
    file = io.BytesIO()
    joblib.dump(vectorizer, file)
    file.seek(0)
    for copied in (
        copy.deepcopy(vectorizer),
        pickle.loads(pickle.dumps(vectorizer)),
        joblib.load(file),
    ):
        np.testing.assert_array_equal(copied.transform(TEXTS), ids)
        assert copied.get_params() == vectorizer.get_params()
        assert getattr(copied, "vocabulary_", None) == getattr(vectorizer, "vocabulary_", None)
        assert copied.max_length_ == vectorizer.max_length_
    cloned = clone(vectorizer)
    assert cloned.get_params() == vectorizer.get_params()
    assert not hasattr(cloned, "max_length_")
    assert vars(cloned).keys() == vectorizer.get_params().keys()


@variants
def test_set_output_and_names(parameters):
    vectorizer = SequenceVectorizer(**parameters)
    ids = vectorizer.fit_transform(TEXTS)
    names = vectorizer.get_feature_names_out()
    assert names.tolist() == [f"token{place}" for place in range(ids.shape[1])]
    for container in ("pandas", "polars"):
        vectorizer.set_output(transform=container)
        for frame in (vectorizer.fit_transform(TEXTS), vectorizer.transform(TEXTS)):
            assert list(frame.columns) == names.tolist()
            assert (
                str(frame.dtypes[0] if container == "polars" else frame.dtypes.iloc[0]).lower()
                == "int32"
            )
            np.testing.assert_array_equal(frame.to_numpy(), ids)


def test_the_index_of_a_column_is_kept():
    column = pd.Series(TEXTS, index=list("wxyz"))
    frame = SequenceVectorizer().set_output(transform="pandas").fit_transform(column)
    assert frame.index.tolist() == list("wxyz")


def test_parameters_are_stored_as_they_are_and_nothing_else():
    words = ["cat"]
    vectorizer = SequenceVectorizer(vocabulary=words)
    assert vectorizer.get_params()["vocabulary"] is words
    vectorizer.fit(TEXTS)
    assert words == ["cat"]
    assert vectorizer.get_params()["vocabulary"] is words
    assert vectorizer.set_params(max_length=2).fit(TEXTS).max_length_ == 2


def test_a_failed_fit_leaves_the_fitted_state():
    vectorizer = SequenceVectorizer().fit(TEXTS)
    for wrong in (["cat", None], [""]):
        with pytest.raises(ValueError, match=r"Row 1|empty"):
            vectorizer.fit(wrong)
        assert vectorizer.transform(TEXTS).tolist() == IDS


def test_a_second_fit_forgets_the_first():
    vectorizer = SequenceVectorizer(embeddings={"cat": [1.0]}).fit(TEXTS)
    vectorizer.set_params(embeddings=None).fit(["whale"])
    assert vectorizer.vocabulary_ == {"whale": 2}
    assert not hasattr(vectorizer, "embeddings_")
    vectorizer.set_params(n_features=5).fit(["whale"])
    assert not hasattr(vectorizer, "vocabulary_")
    assert vectorizer.vocabulary_size_ == 7


def test_each_text_is_read_once():
    read = mock.Mock(side_effect=str.split)
    SequenceVectorizer(tokenizer=lambda text: read(text)).fit_transform(TEXTS)
    assert read.call_count == len(TEXTS)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_checks_and_tags():
    check_estimator(SequenceVectorizer(), on_skip=None)  # few of them feed it texts
    tags = SequenceVectorizer().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit
    assert not SequenceVectorizer(n_features=9, max_length=3).__sklearn_tags__().requires_fit


def test_in_a_pipeline_and_a_column_transformer():
    frame = pd.DataFrame({"title": TEXTS, "stars": [1, 2, 3, 4]}, index=list("wxyz"))
    columns = ColumnTransformer(
        [("title", SequenceVectorizer(max_length=2), "title"), ("rest", "passthrough", ["stars"])]
    )
    assert columns.set_output(transform="pandas").fit_transform(frame).columns.tolist() == [
        "title__token0",
        "title__token1",
        "rest__stars",
    ]
    pipeline = make_pipeline(SequenceVectorizer(), FunctionTransformer())
    assert pipeline.fit_transform(TEXTS).tolist() == IDS
    assert "SequenceVectorizer" in pipeline._repr_html_()


# State


def test_the_state_has_arrays_for_words():
    texts = ["word" + str(number) for number in range(1000)]
    state = SequenceVectorizer().fit(texts).__getstate__()
    assert not any(isinstance(value, (dict, list)) for value in state.values())
    assert sum(value.nbytes for value in state.values() if isinstance(value, np.ndarray)) < 17_000


def test_one_endless_word_costs_its_own_length_only():
    vectorizer = SequenceVectorizer().fit(["x" * 1_000_000, *(f"word{n}" for n in range(1000))])
    assert len(pickle.dumps(vectorizer)) < 1_100_000


def test_skops_file_needs_no_trust():
    skops_io = pytest.importorskip("skops.io")
    for parameters in VARIANTS.values():
        vectorizer = SequenceVectorizer(**parameters).fit(TEXTS)
        stored = skops_io.dumps(vectorizer)
        untrusted = skops_io.get_untrusted_types(data=stored)
        assert untrusted == ["skattn.vectorizer._sequence_vectorizer.SequenceVectorizer"]
        loaded = skops_io.loads(stored, trusted=untrusted)
        np.testing.assert_array_equal(loaded.transform(TEXTS), vectorizer.transform(TEXTS))
        assert loaded.get_params() == vectorizer.get_params()


def test_a_state_of_a_newer_version_is_refused():
    for version, told in ((99, "newer"), (None, "format is None"), ("1", "format is '1'")):
        state = SequenceVectorizer().fit(TEXTS).__getstate__() | {"_format": version}
        with pytest.raises(ValueError, match=told):
            SequenceVectorizer().__setstate__(state)


def test_a_state_of_an_older_version_gets_the_defaults():
    state = SequenceVectorizer().fit(TEXTS).__getstate__()
    del state["n_features"]
    vectorizer = SequenceVectorizer.__new__(SequenceVectorizer)
    vectorizer.__setstate__(state)
    assert vectorizer.n_features is None
    assert vectorizer.transform(TEXTS).tolist() == IDS


DAMAGES = {
    "ends too early": {"_word_ends": np.array([3])},
    "ends go back": {"_word_ends": np.array([9, 3, 21])},
    "ends are no numbers": {"_word_ends": "many"},
    "not UTF-8": {"_packed_words": np.array([255, 254], dtype=np.uint8)},
    "the same word twice": {
        "_packed_words": np.array([97, 97], dtype=np.uint8),
        "_word_ends": np.array([1, 2]),
    },
    "no length": {"max_length_": 0},
    "length is no number": {"max_length_": "many"},
    "table of another size": {"embeddings_": np.zeros((2, 2))},
    "no subword tokenizer": {"_analyzer_json": 3},
    "a method": {"transform": len},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_refused(damage):
    if "_analyzer_json" in damage:
        pytest.importorskip("tokenizers", reason="needs the extra tokenizers")
    state = SequenceVectorizer().fit(TEXTS).__getstate__() | damage
    with pytest.raises(ValueError, match="not hold a valid SequenceVectorizer"):
        SequenceVectorizer().__setstate__(state)
    with pytest.raises(ValueError, match="not hold the state"):
        SequenceVectorizer().__setstate__([state])


@pytest.mark.slow
def test_another_process_gets_the_same_ids(tmp_path):
    vectorizer = SequenceVectorizer(n_features=1000, max_length=6)
    joblib.dump((vectorizer, TEXTS), tmp_path / "stored")
    code = (
        "import joblib, sys; vectorizer, texts = joblib.load(sys.argv[1]); "
        "print(vectorizer.transform(texts).tolist()); assert 'tensorflow' not in sys.modules"
    )
    folder = str(skattn.__path__[0]) + "/.."
    process = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "stored"],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    assert process.stdout.strip() == str(vectorizer.transform(TEXTS).tolist())


# Hashing


def test_hashed_ids_are_those_of_hashing_vectorizer():
    texts = ["cat", "dog", "bird", "caf\u00e9", "\u732b\u732b", *(f"word{n}" for n in range(100))]
    vectorizer = SequenceVectorizer(n_features=2**20, max_length=1)
    columns = HashingVectorizer(n_features=2**20, norm=None).transform(texts)
    hashes = columns.indices * columns.data  # it counts a word of a negative hash as -1
    assert 40 < np.sum(hashes < 0) < 60
    assert vectorizer.transform(texts)[:, 0].tolist() == (2 + hashes % 2**20).tolist()
    assert vectorizer.vocabulary_size_ == 2**20 + 2


def test_hashed_ids_stay_in_their_range():
    texts = [" ".join(f"word{n}" for n in range(2000))]
    ids = SequenceVectorizer(n_features=7, max_length=2000).transform(texts)
    assert set(ids.ravel()) == set(range(2, 9))
    counts = Counter(ids.ravel().tolist()).values()
    assert min(counts) > 200


def test_hashing_streams_without_fit():
    vectorizer = SequenceVectorizer(n_features=100, max_length=3, truncation="tail")
    whole = vectorizer.fit_transform(TEXTS)
    parts = [vectorizer.transform(TEXTS[start : start + 2]) for start in (0, 2)]
    np.testing.assert_array_equal(np.vstack(parts), whole)
    fresh = clone(vectorizer)
    np.testing.assert_array_equal(fresh.transform(iter(TEXTS)), whole)
    assert len(fresh.token_spans(TEXTS)[1]) == 3
    assert fresh.get_feature_names_out().tolist() == ["token0", "token1", "token2"]


def test_hashing_checks_its_parameters_without_fit():
    for parameters in ({"ngram_range": (2, 1)}, {"lowercase": 3}, {"vocabulary": ["a"]}):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            SequenceVectorizer(n_features=9, max_length=3, **parameters).transform(TEXTS)


def test_hashing_with_a_learned_length_reads_the_texts():
    vectorizer = SequenceVectorizer(n_features=100)
    assert vectorizer.fit_transform(TEXTS).shape == (4, 6)
    assert vectorizer.transform(["cat"]).shape == (1, 6)


def test_hashed_ids_have_no_words():
    vectorizer = SequenceVectorizer(n_features=100, max_length=2).fit(TEXTS)
    with pytest.raises(AttributeError, match="hash"):
        vectorizer.inverse_transform([[2, 3]])


def test_hashing_remembers_a_bounded_number_of_tokens():
    from skattn.vectorizer._ids import HashedIds

    ids = HashedIds(1000, n_remembered=10)
    expected = [ids[str(number)] for number in range(100)]
    assert len(ids) <= 10
    assert [ids[str(number)] for number in range(100)] == expected


@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2)])
def test_unknown_tokens_can_be_left_out_with_their_spans(ngram_range):
    vectorizer = SequenceVectorizer(unknown="drop", ngram_range=ngram_range, min_df=2)
    texts = ["red fox runs", "red fox sleeps", "the blue fox sleeps too long"]
    ids = vectorizer.fit_transform(texts)
    assert 1 not in ids
    np.testing.assert_array_equal(vectorizer.transform(texts), ids)
    keeping = SequenceVectorizer(ngram_range=ngram_range, min_df=2).fit(texts)
    for row, kept, text, spans in zip(
        ids, keeping.transform(texts), texts, vectorizer.token_spans(texts), strict=True
    ):
        np.testing.assert_array_equal(row[row > 0], kept[kept > 1])
        words = [text[start:end] for start, end in spans]
        assert words == vectorizer.inverse_transform([row])[0].tolist()
    assert vectorizer.max_length_ == (ids > 0).sum(axis=1).max() < keeping.max_length_


def test_a_number_of_texts_is_no_share_beside_hashing():
    with pytest.raises(ValueError, match="max_df and n_features cannot go together"):
        SequenceVectorizer(n_features=9, max_df=1).fit(["a"])
    with pytest.raises(ValueError, match="min_df and n_features cannot go together"):
        SequenceVectorizer(n_features=9, min_df=1.0).fit(["a"])
    SequenceVectorizer(n_features=9, max_df=1.0, min_df=np.int64(1)).fit(["a"])


def test_rows_that_a_file_could_not_hold_are_refused(monkeypatch):
    monkeypatch.setattr(_padding, "LONGEST", 3)
    with pytest.raises(ValueError, match="makes rows of 4 tokens, and at most 3 are possible"):
        SequenceVectorizer().fit(["one two three four"])
    with pytest.raises(ValueError, match=r"'max_length' parameter.*\[1, 4194304\]"):
        SequenceVectorizer(max_length=10**7).fit(["a"])
