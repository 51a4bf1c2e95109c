"""A ``tokenizers.Tokenizer`` as the analyzer: tokens, exact spans, state without the object."""

import builtins
import copy
import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.base import clone

from skattn import SequenceVectorizer, TextClassifier

tokenizers = pytest.importorskip("tokenizers", reason="needs the extra tokenizers")

TEXTS = ["Unbelievable runners!", "a runner runs", "İ am ﬁne, naïve 日本"]


def subword_tokenizer():
    """A small WordPiece model that knows all lower-case letters and a few longer pieces."""
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    pieces = ["[UNK]", "!", ",", *letters, *("##" + letter for letter in letters)]
    pieces += ["runn", "run", "##er", "##ers", "##able", "un"]
    model = tokenizers.models.WordPiece(
        {piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Sequence(
        [
            tokenizers.normalizers.NFKD(),
            tokenizers.normalizers.StripAccents(),
            tokenizers.normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer


def test_tokens_and_spans():
    vectorizer = SequenceVectorizer(analyzer=subword_tokenizer())
    ids = vectorizer.fit_transform(TEXTS)
    tokens = vectorizer.inverse_transform(ids)
    assert tokens[1].tolist() == ["a", "runn", "##er", "run", "##s"]
    spans = vectorizer.token_spans(TEXTS)
    assert [TEXTS[1][start:end] for start, end in spans[1]] == ["a", "runn", "er", "run", "s"]
    assert [TEXTS[2][a:b] for a, b in spans[2]][:5] == ["İ", "a", "m", "ﬁ", "ﬁ"]
    assert vectorizer.transform(["q"]).tolist()[0][0] == 1


@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=20), min_size=1, max_size=3))
@example(["a\ud800b \udc00"])
def test_spans_match_the_columns(texts):
    vectorizer = SequenceVectorizer(analyzer=subword_tokenizer(), max_length=4, truncation="both")
    ids = vectorizer.fit(TEXTS).transform(texts)
    for row, spans, text in zip(ids, vectorizer.token_spans(texts), texts, strict=True):
        assert len(spans) == np.count_nonzero(row)
        assert ((spans >= 0) & (spans <= len(text))).all()


def test_copies_hold_the_tokenizer_as_json():
    vectorizer = SequenceVectorizer(analyzer=subword_tokenizer()).fit(TEXTS)
    state = vectorizer.__getstate__()
    assert isinstance(state["_analyzer_json"], str)
    assert "analyzer" not in state
    ids = vectorizer.transform(TEXTS)
    for copied in (copy.deepcopy(vectorizer), pickle.loads(pickle.dumps(vectorizer))):
        np.testing.assert_array_equal(copied.transform(TEXTS), ids)
        assert copied.token_spans(TEXTS)[0].tolist() == vectorizer.token_spans(TEXTS)[0].tolist()
    np.testing.assert_array_equal(clone(vectorizer).fit_transform(TEXTS), ids)
    assert vectorizer.analyzer is vectorizer.get_params()["analyzer"]


def test_skops_file_needs_no_trust():
    skops_io = pytest.importorskip("skops.io")
    vectorizer = SequenceVectorizer(analyzer=subword_tokenizer()).fit(TEXTS)
    stored = skops_io.dumps(vectorizer)
    untrusted = skops_io.get_untrusted_types(data=stored)
    assert untrusted == ["skattn.vectorizer._sequence_vectorizer.SequenceVectorizer"]
    loaded = skops_io.loads(stored, trusted=untrusted)
    np.testing.assert_array_equal(loaded.transform(TEXTS), vectorizer.transform(TEXTS))


@pytest.mark.parametrize("name", ["padding", "truncation"])
def test_a_tokenizer_that_pads_or_cuts_is_refused(name):
    tokenizer = subword_tokenizer()
    if name == "padding":
        tokenizer.enable_padding()
    else:
        tokenizer.enable_truncation(2)
    with pytest.raises(ValueError, match=f"no_{name}"):
        SequenceVectorizer(analyzer=tokenizer).fit(TEXTS)


def test_loading_without_the_package_says_what_to_install(monkeypatch):
    stored = pickle.dumps(SequenceVectorizer(analyzer=subword_tokenizer()).fit(TEXTS))
    real_import = builtins.__import__

    def without_tokenizers(name, *arguments, **keywords):
        if name == "tokenizers":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_tokenizers)
    with pytest.raises(ImportError, match=r"skattn\[tokenizers\]"):
        pickle.loads(stored)


def test_parameters_of_the_other_analyzers_have_no_effect():
    with pytest.warns(UserWarning, match="stop_words, ngram_range"):
        SequenceVectorizer(analyzer=subword_tokenizer(), stop_words=["a"], ngram_range=(1, 2)).fit(
            TEXTS
        )


def test_training_goes_on_from_a_file_with_the_same_tokenizer():
    settings = {"linear": False, "units": 2, "epochs": 1, "random_state": 0}
    model = TextClassifier(analyzer=subword_tokenizer(), **settings)
    model = pickle.loads(pickle.dumps(model.partial_fit(TEXTS, [0, 1, 1])))
    assert len(model.partial_fit(TEXTS, [0, 1, 1]).history_["loss"]) == 2
    other = subword_tokenizer()
    other.normalizer = tokenizers.normalizers.NFKD()
    with pytest.raises(ValueError, match=r"\['analyzer'\] changed since"):
        model.set_params(analyzer=other).partial_fit(TEXTS, [0, 1, 1])
