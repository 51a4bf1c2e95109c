"""Every benchmark runs in its quick mode, and the report is made from what it writes."""

import gzip
import importlib.util
import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest
from tiny_models import build_model

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks"
QUESTIONS = {
    "dense": 2,
    "text": 1,
    "fasttext": 2,
    "predict": 2,
    "serving": 4,
    "memory": 2,
    "files": 2,
    "import": 2,
    "vectorizer": 6,
    "streaming": 1,
    "precision": 2,
    "scaling": 1,
    "pretrained": 3,
    "recipe": 2,
}
NAMES = tuple(QUESTIONS)
ALONE = ("serving", "memory", "import", "scaling")  # measure or start processes

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the source distribution has no benchmarks"
)


def run(script, *arguments):
    """A running script of the benchmarks."""
    return start([sys.executable, FOLDER / script, *arguments])


def start(command, **options):
    """A running process, on one thread, for this checkout's package."""
    settings = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    return subprocess.Popen(
        command,
        **options,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


ONE_AFTER_THE_OTHER = """
import contextlib, json, runpy, sys, traceback
sys.path.insert(0, sys.argv[1])
for name, arguments in json.load(sys.stdin):
    sys.argv = [f"bench_{name}.py", *arguments]
    with open(arguments[2] + ".out", "w") as out:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                runpy.run_path(f"{sys.path[0]}/bench_{name}.py", run_name="__main__")
                status = 0
            except BaseException:
                traceback.print_exc()
                status = 1
    print("ended:", name, status, flush=True)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Name -> (exit status, output, what it wrote).

    Most run one after the other in one process, which imports TensorFlow only once.
    """
    folder = tmp_path_factory.mktemp("results")
    more = {"pretrained": ["--pretrained", str(build_model(folder / "model"))]}
    arguments = {
        name: ["--quick", "--output", str(folder / f"{name}.json"), *more.get(name, [])]
        for name in NAMES
    }
    process = start([sys.executable, "-c", ONE_AFTER_THE_OTHER, FOLDER], stdin=subprocess.PIPE)
    together = [name for name in NAMES if name not in ALONE]
    told, _ = process.communicate(json.dumps([(name, arguments[name]) for name in together]))
    assert process.returncode == 0, told
    found = {}
    ended = [line.split() for line in told.splitlines() if line.startswith("ended: ")]
    for _, name, status in ended:  # among what TensorFlow says
        path = folder / f"{name}.json"
        found[name] = (int(status), Path(f"{path}.out").read_text(), path)
    for name in ALONE:
        process = run(f"bench_{name}.py", *arguments[name])
        output, _ = process.communicate()
        found[name] = (process.returncode, output, folder / f"{name}.json")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_run(results, name):
    status, output, path = results[name]
    assert status == 0, output
    written = json.loads(path.read_text())
    assert written["benchmark"] == name
    assert written["quick"]
    assert written["data"] == "generated"
    assert written["environment"]["packages"]["tensorflow"]
    assert len(written["answers"]) == QUESTIONS[name]
    assert str(ROOT) not in path.read_text()


@pytest.mark.slow
def test_absent_peers_are_skipped_with_a_word(results):
    _, output, path = results["text"]
    skipped = {
        name: found["skipped"]
        for name, found in json.loads(path.read_text())["answers"][0]["contenders"].items()
        if "skipped" in found
    }
    absent = importlib.util.find_spec("torch") is None
    assert ("PyTorch by length" in skipped) == absent
    assert ("skipped, torch is not installed" in output) == absent


@pytest.mark.slow
def test_report_makes_the_table_from_the_results(results, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text((FOLDER / "README.md").read_text())
    page = tmp_path / "table.rst"
    files = [path for _, _, path in results.values()]
    for _ in range(2):  # the second run replaces what the first wrote
        process = run("report.py", *files, "--readme", readme, "--page", page)
        output, _ = process.communicate()
        assert process.returncode == 0, output
    text = readme.read_text()
    assert text.count("python benchmarks/bench_dense.py --quick") == 1
    assert "| **skattn** |" in text
    assert "A quick run: its figures mean nothing." in text
    assert page.read_text().count("``python benchmarks/bench_dense.py --quick") == 1
    assert "   * - **skattn**" in page.read_text()


@pytest.mark.slow
def test_a_picture_for_each_benchmark_with_ratios(results, tmp_path, benchmarks):
    import draw

    draw.write_pictures([path for _, _, path in results.values()], tmp_path / "made")
    written = (tmp_path / "made" / "speed.rst").read_text()
    for name in ("dense", "text", "predict", "files", "import", "vectorizer"):
        assert f".. figure:: made/speed_{name}.svg" in written
        assert (tmp_path / "made" / f"speed_{name}.svg").stat().st_size > 1000
    assert "speed_memory" not in written


def test_what_the_pictures_show(benchmarks, tmp_path):
    import draw

    ratios = {"a": {"median": 3.0, "spread": [2.0, 5.0]}, "b": {"median": 0.5, "spread": [0.4, 1]}}
    answer = {"question": "of `x`", "goals": {"a": 2.0, "b": 0.6}, "ratios": ratios}
    shown = {"answers": [answer, {"question": "measured", "measures": []}]}
    assert draw.bars(shown) == {"of x": [("a", 3.0, [2.0, 5.0], 2.0), ("b", 0.5, [0.4, 1], 0.6)]}
    assert [draw.state(*pair) for pair in ((3, 2), (0.5, 0.6), (1, None))] == [
        "reached",
        "missed",
        "no goal",
    ]
    panel = draw.draw(shown).axes[0]
    assert panel.get_xscale() == "log"
    assert [bar.get_x() + bar.get_width() for bar in panel.patches] == [3.0, 0.5]
    draw.write_pictures([], tmp_path)
    assert "No full run yet." in (tmp_path / "speed.rst").read_text()


def test_the_report_leaves_accuracies_to_their_scripts(benchmarks, tmp_path):
    import report

    for name, key in (("dense", "benchmark"), ("accuracy_tabular", "results")):
        (tmp_path / f"{name}.json").write_text(json.dumps({key: name}))
    read = report.read(sorted(tmp_path.glob("*.json")))
    assert read == [{"benchmark": "dense"}]


def test_the_tables_of_speed_are_those_of_one_machine(benchmarks, tmp_path, monkeypatch):
    import report

    readme, page = tmp_path / "README.md", tmp_path / "table.rst"
    readme.write_text((FOLDER / "README.md").read_text("utf-8"), "utf-8")
    arguments = ["report.py", "--readme", str(readme), "--page", str(page)]
    monkeypatch.setattr(sys, "argv", arguments)
    report.main()
    assert page.read_text("utf-8") == (ROOT / "docs" / "performance_table.rst").read_text("utf-8")
    assert readme.read_text("utf-8") == (FOLDER / "README.md").read_text("utf-8")
    places = [result["environment"] for result in report.read(report.shown())]
    assert len({(place["processor"], str(place["settings"])) for place in places}) == 1
    assert not any(result["quick"] for result in report.read(report.shown()))


@pytest.mark.parametrize(
    ("processor", "setting", "kind"),
    [
        ("AMD EPYC avx2 avx512_bf16 avx512f", None, "avx512"),
        ("Intel avx2 avx512f amx_bf16", "0", "amx_no_onednn"),
        ("Intel avx2", "1", "avx2_onednn"),
    ],
)
def test_a_folder_for_each_kind_of_machine(benchmarks, monkeypatch, processor, setting, kind):
    import _environment

    monkeypatch.setattr(_environment, "_processor", lambda: processor)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if setting is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", setting)
    assert _environment.kind_of_machine() == kind


@pytest.mark.slow
def test_accuracy_on_tables_in_its_quick_mode():
    process = run("accuracy_tabular.py", "--quick")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "mean of GatedDenseClassifier - mean of MLPClassifier:" in output


@pytest.mark.slow
def test_pretrained_vectors_in_their_quick_mode():
    process = run("pretrained_vectors.py", "--quick")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "tokens with a vector" in output
    assert "33.3 %" in output  # three of a text's nine words


@pytest.fixture
def tabular(benchmarks):
    """The module `accuracy_tabular` of the benchmarks."""
    import accuracy_tabular

    return accuracy_tabular


def test_tables_are_judged_on_rows_that_were_not_trained_on(tabular):
    X, y = tabular.load("wine", None)
    judged_rows, allowed = [], []
    for train, judged in tabular.parts(X, y, "test", 0):
        assert not set(train) & set(judged)
        judged_rows += judged.tolist()
        allowed.append(set(train))
    assert sorted(judged_rows) == list(range(len(X)))
    for fold, (train, judged) in enumerate(tabular.parts(X, y, "validation", 0)):
        assert not set(train) & set(judged)
        assert set(train) | set(judged) == allowed[fold]  # never a row of the judged fold


def test_accuracies_are_kept_at_once_and_not_made_again(tabular, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(tabular, "judge", lambda *a: made.append(a) or dict(RESULT))
    arguments = ["--sets", "wine", "--contenders", "SVC", "--output", str(tmp_path / "a.json")]
    tabular.main([*arguments, "--repeats", "1"])
    tabular.main([*arguments, "--repeats", "3"])
    assert len(made) == 3
    assert list(json.loads((tmp_path / "a.json").read_text())["results"]["SVC|wine"]) == list("012")
    with pytest.raises(SystemExit, match="holds results of --split validation"):
        tabular.main([*arguments, "--split", "test"])


RESULT = {"accuracy": 90.0, "folds": [90.0], "seconds": 1.0}


def test_tables_are_read_from_a_folder(tabular, tmp_path):
    (tmp_path / "tab_dry_bean").mkdir()
    with gzip.open(tmp_path / "tab_dry_bean" / "all.tsv.gz", "wt") as file:
        file.write("label\ta\tb\nBEAN\t1\t2.5\nPEA\t-3\t1e2\n")
    X, y = tabular.load("dry_bean", tmp_path)
    assert X.tolist() == [[1, 2.5], [-3, 100]]
    assert y.tolist() == ["BEAN", "PEA"]


@pytest.fixture
def harness(benchmarks):
    """The module `_harness` of the benchmarks."""
    import _harness

    return _harness


def test_no_ratio_between_unequal_qualities(harness):
    results = {"skattn": {"quality": 0.9}, "other": {"quality": 0.95}, "without": {}}
    assert harness.quality_gap(results, tolerance=0.06) is None
    told = harness.quality_gap(results, tolerance=0.04)
    assert "differ by more than 0.04: skattn 0.9000, other 0.9500" in told


def test_unequal_quality_fails_the_script(harness, tmp_path, capsys):
    options = Namespace(
        quick=True, data=None, output=tmp_path / "result.json", skip=[], warm_up=0, rounds=None
    )
    contenders = [
        harness.Contender(name, one_round, {"quality": quality})
        for name, quality in (("skattn", 0.5), ("other", 0.9))
    ]
    answer = harness.ask(options, "Which?", contenders, rounds=2, tolerance=0.1)
    assert answer["ratios"] == {}
    assert len(answer["contenders"]["other"]["rounds"]) == 2
    assert "x ours" not in capsys.readouterr().out
    with pytest.raises(SystemExit, match="differ by more than"):
        harness.write(options, "which", [answer])
    assert json.loads(options.output.read_text())["answers"][0]["unequal"]


def test_what_takes_long_gets_fewer_rounds(harness):
    contenders = [
        harness.Contender("skattn", learn, {"qualities": [0.5, 0.7, 0.9]}),
        harness.Contender("slow", learn, {"qualities": [0.5, 0.7]}, most=1),
    ]
    found = harness.race(contenders, rounds=2, warm_up=1, isolated=False)
    assert [len(result["rounds"]) for result in found.values()] == [2, 1]
    assert len(harness.ratios(found)["slow"]["spread"]) == 2
    assert all(lap["seconds"] < 0.15 for lap in found["skattn"]["rounds"])  # judged off the clock
    assert harness.quality_gap({n: r["rounds"][-1] for n, r in found.items()}, 0.1)
    assert harness.gaps_while_learning(found, 0.1) == {}
    found["slow"]["rounds"][0]["quality"] = 0.55
    gap = harness.gaps_while_learning(found, 0.1)["slow"]
    assert "skattn 0.7000, slow 0.5500 (after 2 rounds)" in gap
    gap = harness.gaps_while_learning(found, 0.1, own="slow")["skattn"]
    assert "slow 0.5500, skattn 0.7000" in gap


def test_while_learning_each_contender_is_compared_with_us_where_both_ended(harness):
    def laps(*qualities):
        return {"warm_up": [], "rounds": [{"quality": quality} for quality in qualities]}

    found = {"skattn": laps(0.5, 0.7, 0.9), "slow": laps(0.5, 0.7), "late": laps(0.1, 0.1, 0.9)}
    assert harness.gaps_while_learning(found, 0.1) == {}
    found["late"] = laps(0.5, 0.7, 0.7)
    gaps = harness.gaps_while_learning(found, 0.1)
    assert list(gaps) == ["late"]
    assert "skattn 0.9000, late 0.7000 (after 3" in gaps["late"]


def test_while_learning_only_the_unequal_have_no_ratio(harness):
    options = Namespace(quick=True, skip=[], warm_up=0)
    qualities = {"skattn": [0.5, 0.7], "equal": [0.5, 0.7], "better": [0.5, 0.9]}
    contenders = [harness.Contender(n, learn, {"qualities": q}) for n, q in qualities.items()]
    answer = harness.ask(options, "Which?", contenders, rounds=2, tolerance=0.1, learning=True)
    assert list(answer["ratios"]) == ["equal"]
    assert "better 0.9000" in answer["unequal"]


def learn(turns, config):
    for number in turns:
        turns.stop_and_judge(lambda number=number: time.sleep(0.2) or config["qualities"][number])


def one_round(turns, config):
    for _ in turns:
        turns.stop(quality=config["quality"])


def test_a_failing_contender_ends_the_race_with_its_traceback(harness):
    contenders = [harness.Contender("bad", fail), harness.Contender("good", one_round)]
    with pytest.raises(SystemExit, match=r"(?s)bad failed:.*ZeroDivisionError"):
        harness.race(contenders, rounds=1, isolated=False)


def fail(turns, config):
    for _ in turns:
        1 / 0  # noqa: B018


def test_ratios_are_made_round_by_round(harness):
    def rounds(*seconds):
        return {"rounds": [{"seconds": value} for value in seconds]}

    results = {"skattn": rounds(1.0, 2.0, 4.0), "other": rounds(3.0, 4.0, 4.0), "gone": {}}
    assert harness.ratios(results) == {"other": {"median": 2.0, "spread": [1.0, 3.0]}}
    results = {"skattn": rounds(4.0, 1.0, 1.0), "slow": rounds(6.0, 6.0)}
    assert harness.ratios(results) == {"slow": {"median": 6.0, "spread": [1.5, 6.0]}}
    assert harness.ratios({"other": rounds(1.0)}) == {}


def test_the_table_of_the_page_on_explanations_is_that_of_its_results(benchmarks):
    import faithfulness

    found = json.loads((benchmarks / "results" / "faithfulness.json").read_text("utf-8"))
    page = ROOT / "docs" / "explanations_table.rst"
    assert page.read_text("utf-8") == faithfulness.tables(found)
    assert all("Evidence is a" in each["verdicts"]["evidence"] for each in found.values())
