"""`SequenceVectorizer(pretrained=...)`: a model's own tokenizer."""

import copy
import json
import pickle
import sys

import numpy as np
import pytest
from tiny_models import KINDS, POSITIONS, TEXTS, build_model, build_static_model
from tokenizers import Tokenizer

from skattn import SequenceVectorizer, trusted_types
from skattn.utils._pretrained_folder import find_folder, open_tokenizer

every_kind = pytest.mark.parametrize("kind", KINDS)


def encoded(folder, text):
    """A text by the package tokenizers itself, without special tokens."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer.encode(text, add_special_tokens=False)


@every_kind
def test_ids_are_those_of_the_model_plus_2(kind, tmp_path):
    folder = build_model(tmp_path, kind)
    vectorizer = SequenceVectorizer(pretrained=folder)
    rows = vectorizer.fit_transform(TEXTS)
    assert rows.shape == (len(TEXTS), vectorizer.max_length_)
    for row, text in zip(rows, TEXTS, strict=True):
        found = encoded(folder, text)
        unknown = open_tokenizer((folder / "tokenizer.json").read_text(), "").unknown
        wanted = [1 if number == unknown else number + 2 for number in found.ids]
        assert row[row != 0].tolist() == wanted
    np.testing.assert_array_equal(vectorizer.transform(TEXTS), rows)
    n_words = json.loads((folder / "config.json").read_text())["vocab_size"]
    assert vectorizer.vocabulary_size_ == n_words + 2


@every_kind
def test_spans_are_those_of_the_original_text(kind, tmp_path):
    folder = build_model(tmp_path, kind)
    vectorizer = SequenceVectorizer(pretrained=folder, max_length=30).fit(TEXTS)
    rows = vectorizer.transform(TEXTS)
    tokens = vectorizer.inverse_transform(rows)
    for text, row, spans, names in zip(
        TEXTS, rows, vectorizer.token_spans(TEXTS), tokens, strict=True
    ):
        assert len(spans) == len(names) == np.count_nonzero(row)
        for (start, end), name in zip(spans, names, strict=True):
            piece, written = text[start:end], name.strip("▁Ġ").removeprefix("##")
            assert piece == piece.strip() or piece == " "  # a token of a space alone
            if written.isascii() and written.isalpha() and piece.isascii():
                assert piece.lower() == written.lower()


@every_kind
def test_special_tokens_in_a_text_are_text(kind, tmp_path):
    folder = build_model(tmp_path, kind)
    vectorizer = SequenceVectorizer(pretrained=folder).fit(TEXTS)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = tokenizer.get_added_tokens_decoder()
    text = " fine ".join(f"a{token.content}b {token.content}" for token in special.values())
    ids = vectorizer.transform([text])
    assert not {number + 2 for number in special} & set(ids.ravel().tolist())
    assert len(vectorizer.token_spans([text])[0]) == np.count_nonzero(ids)


@pytest.mark.parametrize("truncation", ["head", "tail", "both"])
def test_long_texts_are_cut(truncation, tmp_path):
    folder = build_model(tmp_path)
    whole = SequenceVectorizer(pretrained=folder).fit(TEXTS)
    cut = SequenceVectorizer(pretrained=folder, max_length=4, truncation=truncation).fit(TEXTS)
    ids, spans = whole.transform(TEXTS[:1])[0], whole.token_spans(TEXTS[:1])[0]
    ids = ids[ids != 0]
    kept = {"head": [0, 1, 2, 3], "tail": [-4, -3, -2, -1], "both": [0, 1, -2, -1]}[truncation]
    np.testing.assert_array_equal(cut.transform(TEXTS[:1])[0], ids[kept])
    np.testing.assert_array_equal(cut.token_spans(TEXTS[:1])[0], spans[kept])


def test_rows_are_no_longer_than_the_model_reads(tmp_path):
    folder = build_model(tmp_path)
    texts = ["film " * 100]
    assert SequenceVectorizer(pretrained=folder).fit(texts).max_length_ == POSITIONS - 2
    assert SequenceVectorizer(pretrained=folder, max_length=1.0).fit(texts).max_length_ == 38
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 2}')  # no text at all
    assert SequenceVectorizer(pretrained=folder).fit(texts).max_length_ == POSITIONS - 2
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    assert SequenceVectorizer(pretrained=folder).fit(texts).max_length_ == 18
    assert SequenceVectorizer(pretrained=folder, max_length=38).fit(texts).max_length_ == 38
    with pytest.raises(ValueError, match="reads at most 38 tokens besides its 2 special"):
        SequenceVectorizer(pretrained=folder, max_length=39).fit(texts)
    roberta = SequenceVectorizer(pretrained=build_model(tmp_path / "r", "roberta")).fit(texts)
    assert roberta.max_length_ == POSITIONS - 2 - 2
    static = SequenceVectorizer(pretrained=build_static_model(tmp_path / "s")).fit(texts)
    assert static.max_length_ == 100


def test_unknown_tokens_are_id_1_or_dropped(tmp_path):
    folder = build_model(tmp_path)
    kept = SequenceVectorizer(pretrained=folder).fit(TEXTS)
    assert kept.transform(["a 東 film"])[0, 1] == 1
    assert kept.inverse_transform([[1]])[0].tolist() == ["[UNK]"]
    dropped = SequenceVectorizer(pretrained=folder, unknown="drop").fit(TEXTS)
    assert dropped.transform(["a 東 film"])[0, 1] == kept.transform(["film"])[0, 0]


@pytest.mark.parametrize(
    "given",
    [
        {"min_df": 2},
        {"max_df": 0.5},
        {"max_features": 3},
        {"ngram_range": (1, 2)},
        {"stop_words": "english"},
        {"analyzer": "char"},
        {"token_pattern": r"\w+"},
        {"lowercase": False},
        {"n_features": 9},
        {"vocabulary": ["a"]},
        {"embeddings": {"a": [1.0]}},
    ],
)
def test_what_has_no_meaning_beside_a_model_is_refused_by_name(given, tmp_path):
    vectorizer = SequenceVectorizer(pretrained=build_model(tmp_path), **given)
    with pytest.raises(ValueError, match=f"^{next(iter(given))} cannot be set beside pretrained"):
        vectorizer.fit(TEXTS)


@every_kind
def test_a_fitted_vectorizer_needs_no_folder(kind, tmp_path):
    folder = build_model(tmp_path / "model", kind)
    vectorizer = SequenceVectorizer(pretrained=folder).fit(TEXTS)
    wanted = vectorizer.transform(TEXTS)
    state = pickle.dumps(vectorizer)
    for path in folder.iterdir():
        path.unlink()
    for again in (pickle.loads(state), copy.deepcopy(vectorizer)):
        np.testing.assert_array_equal(again.transform(TEXTS), wanted)
        assert again.vocabulary_ == vectorizer.vocabulary_
        for one, other in zip(again.token_spans(TEXTS), vectorizer.token_spans(TEXTS), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        vectorizer.fit(TEXTS)


@pytest.mark.filterwarnings("ignore:This file of a .* names paths")
def test_skops_and_set_output(tmp_path):
    io = pytest.importorskip("skops.io")
    vectorizer = SequenceVectorizer(pretrained=str(build_model(tmp_path))).fit(TEXTS)
    again = io.loads(io.dumps(vectorizer), trusted=trusted_types())
    np.testing.assert_array_equal(again.transform(TEXTS), vectorizer.transform(TEXTS))
    frame = vectorizer.set_output(transform="pandas").transform(TEXTS)
    assert frame.columns.tolist() == vectorizer.get_feature_names_out().tolist()


# -- folders and names -----------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    folder = build_model(tmp_path)
    (folder / "tokenizer.json").rename(folder / "vocab.txt")
    with pytest.raises(FileNotFoundError, match=r"no tokenizer\.json \(only vocab\.txt\)"):
        SequenceVectorizer(pretrained=folder).fit(TEXTS)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="is no tokenizer of the package tokenizers"):
        SequenceVectorizer(pretrained=folder).fit(TEXTS)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="is not valid JSON"):
        SequenceVectorizer(pretrained=folder).fit(TEXTS)
    with pytest.raises(FileNotFoundError, match="'nowhere' is no folder"):
        SequenceVectorizer(pretrained="nowhere").fit(TEXTS)


def test_the_tokenizer_of_another_model(tmp_path):
    folder = build_model(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 7}))
    with pytest.raises(ValueError, match="but the model knows 7: it is the tokenizer of another"):
        SequenceVectorizer(pretrained=folder).fit(TEXTS)


def test_a_name_of_the_hub_is_fetched_by_its_package(tmp_path, monkeypatch):
    import huggingface_hub

    folder, asked = build_model(tmp_path), []

    def snapshot_download(name, revision, allow_patterns):
        asked.append((name, revision))
        assert "model.safetensors" in allow_patterns
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    SequenceVectorizer(pretrained="owner/name").fit(TEXTS)
    SequenceVectorizer(pretrained="owner/name@v1.0").fit(TEXTS)
    assert asked == [("owner/name", None), ("owner/name", "v1.0")]

    def offline(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(
        OSError, match=r"no route\. On a machine with internet access, run `hf download own"
    ):
        find_folder("owner/name")


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r'needs the package tokenizers: pip install "skattn\[p'):
        SequenceVectorizer(pretrained=build_model(tmp_path)).fit(TEXTS)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"needs the package huggingface_hub"):
        SequenceVectorizer(pretrained="owner/name").fit(TEXTS)
