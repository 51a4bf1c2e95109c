"""The benchmark of accuracy: its splits, the recipe's parts, the tables it is written to."""

import gzip
import json
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline


@pytest.fixture
def benchmark(benchmarks):
    """The module `accuracy_text` of the benchmarks."""
    import accuracy_text

    return accuracy_text


def write(path, n_texts, first=0):
    path.parent.mkdir(exist_ok=True)
    lines = [f"{'ab'[n % 2]}\t{['good', 'bad'][n % 2]} text {n}\n" for n in range(first, n_texts)]
    path.write_bytes(gzip.compress(("label\ttext\n" + "".join(lines)).encode()))


class Both(ClassifierMixin, BaseEstimator):
    """Two parts with the names of those of the recipe."""

    def fit(self, X, y):
        self.network_ = make_pipeline(CountVectorizer(), MultinomialNB()).fit(X, y)
        self.linear_ = make_pipeline(CountVectorizer(), LogisticRegression()).fit(X, y)
        self.weights_ = {"network": 0.5, "linear": 0.5}
        return self

    def predict(self, X):
        return self.linear_.predict(X)


def test_one_file_is_cut_into_five_folds(benchmark, tmp_path):
    write(tmp_path / "sms" / "all.tsv.gz", 50)
    folds = list(benchmark.parts(tmp_path / "sms", "test", 0))
    assert [len(X_judged) for _, _, X_judged, _ in folds] == [10] * 5
    assert len(np.unique(np.concatenate([X for _, _, X, _ in folds]))) == 50


def test_a_choice_never_opens_the_test_part(benchmark, tmp_path):
    write(tmp_path / "trec" / "train.tsv.gz", 40)
    (tmp_path / "trec" / "test.tsv.gz").write_text("not a gzip file")
    ((X, _, X_judged, _),) = benchmark.parts(tmp_path / "trec", "validation", 0)
    assert (len(X), len(X_judged)) == (34, 6)
    with pytest.raises(gzip.BadGzipFile):
        list(benchmark.parts(tmp_path / "trec", "test", 0))


@pytest.fixture
def result(benchmark, tmp_path, monkeypatch, capsys):
    """Path of what a run over two sets and two seeds wrote; a fit is counted in `n_fits`."""
    write(tmp_path / "sms_spam" / "all.tsv.gz", 50)
    write(tmp_path / "trec" / "train.tsv.gz", 40)
    write(tmp_path / "trec" / "test.tsv.gz", 60, first=30)
    builders = {
        "recipe": lambda seed: Both(),
        benchmark.BASELINE: lambda seed: make_pipeline(CountVectorizer(), MultinomialNB()),
    }
    monkeypatch.setattr(benchmark, "contenders", lambda pretrained=None: builders)
    output = tmp_path / "accuracy.json"
    arguments = ["--data", str(tmp_path), "--split", "test", "--sets", "trec", "sms_spam"]
    arguments += ["--sizes", "all", "8c"]
    benchmark.main([*arguments, "--seeds", "0", "1", "--output", str(output)])
    return output


def test_parts_are_judged_as_the_fitted_recipe_has_them(benchmark, result, monkeypatch):
    results = json.loads(result.read_text())["results"]
    assert results["recipe, linear alone|trec|all"]["1"]["accuracy"] == 100.0
    assert results["recipe, network alone|sms_spam|all"].keys() == {"0", "1"}
    assert results["recipe|trec|8c"]["0"]["seconds"] > 0
    assert results["recipe, network alone|trec|all"]["0"]["seconds"] is None
    with pytest.raises(SystemExit, match="holds results of --split test"):
        benchmark.main(["--data", str(result.parent), "--output", str(result)])


@pytest.mark.parametrize("pretrained", [None, "a folder"])
def test_the_parts_of_a_recipe_are_no_contenders_of_their_own(benchmark, pretrained):
    names = list(benchmark.contenders(pretrained))
    assert {benchmark.BASELINE, "recipe"} <= set(names)
    assert [name for name in names if name.endswith("alone")] == []


def test_texts_of_the_training_part_are_left_out(benchmark, tmp_path):
    write(tmp_path / "trec" / "train.tsv.gz", 40)
    write(tmp_path / "trec" / "test.tsv.gz", 60, first=30)
    right = np.array([True] * 10 + [False] * 20)
    ((X, _, X_judged, _),) = benchmark.parts(tmp_path / "trec", "test", 0)
    found = benchmark.scores(right, np.isin(X_judged, X), None)
    assert found["accuracy"] == pytest.approx(100 / 3)
    assert found["accuracy_unseen"] == 0.0


def test_few_labels_are_drawn_alike_for_all(benchmark):
    texts, labels = np.array([f"text {n}" for n in range(100)]), np.array(["a", "b"] * 50)
    for size, number in {"all": 100, "8c": 16, "50": 50}.items():
        first, second = (benchmark.drawn(texts, labels, size) for _ in range(2))
        assert first[0].tolist() == second[0].tolist()
        assert np.unique(first[1], return_counts=True)[1].tolist() == [number / 2] * 2


def test_few_labels_are_judged_on_some_texts(benchmark, tmp_path, monkeypatch):
    write(tmp_path / "sms" / "all.tsv.gz", 50)
    monkeypatch.setattr(benchmark, "JUDGED", 6)
    sizes = {}
    for size in ("all", "2c"):
        X, _, X_judged, _ = benchmark.split(tmp_path / "sms", "test", size, 0)
        sizes[size] = len(X), len(X_judged)
    assert sizes == {"all": (40, 10), "2c": (4, 6)}


@pytest.mark.slow
def test_the_plot_has_a_line_for_each_contender(benchmarks, result, tmp_path):
    import draw_accuracy

    results = json.loads(result.read_text())["results"]
    assert list(draw_accuracy.curves(results, "trec")["recipe"]) == ["8c", "all"]
    assert draw_accuracy.curves(results, None) == {}  # not on all sets
    draw_accuracy.write_picture(tmp_path / "made", result)
    assert "accuracy in %" in (tmp_path / "made" / "accuracy.svg").read_text()


def test_the_tables(benchmarks, result, tmp_path, monkeypatch):
    import accuracy_report

    answer = json.loads(result.read_text())
    answer["results"]["recipe|trec|all"] = {
        "0": {"accuracy": 90.0, "accuracy_unseen": 80.0, "seconds": 2.0},
        "1": {"accuracy": 92.0, "accuracy_unseen": 81.0, "seconds": 4.0},
    }
    result.write_text(json.dumps(answer))
    readme, page = tmp_path / "README.md", tmp_path / "table.rst"
    readme.write_text((benchmarks / "README.md").read_text())
    given = [str(result), "--readme", str(readme), "--page", str(page)]
    monkeypatch.setattr(sys, "argv", ["accuracy_report.py", *given])
    accuracy_report.main()
    assert "| recipe | 91.00 (1.41) | 100.00 (0.00) | 95.50 |" in readme.read_text()
    assert "| recipe | 80.50 (0.71) |" in readme.read_text()
    assert "| in % | all | 8 per class |" in readme.read_text()
    assert "   * - recipe\n     - 91.00 (1.41)\n     - 100.00 (0.00)\n" in page.read_text()
    given[0] = str(tmp_path / "absent.json")
    monkeypatch.setattr(sys, "argv", ["accuracy_report.py", *given])
    accuracy_report.main()
    assert "No full run yet." in page.read_text()
    assert "91.00" not in readme.read_text()
