"""Where the time of a fit goes: what `verbose=2` prints."""

import re
import time
from types import SimpleNamespace

import pytest

from skattn import AttentionTextClassifier, GatedDenseClassifier, TextClassifier
from skattn.engine import _stages
from skattn.engine._stages import reported, stage, summary

EVERY_FIT = {
    "initial weights",
    "building the network",
    "compilation and first steps",
    "other",
}
LABELS = ["a", "b"] * 20
TEXTS = [f"word{row % 7} word{row % 5} mark{label}" for row, label in enumerate(LABELS)]
IDS = [[2 + row % 5, 3, 4 + row % 2] for row in range(40)]


def stages(told):
    return dict(re.findall(r"^  (.+?) +([0-9.]+) s +\d+%$", told, re.M))


@pytest.fixture
def in_milliseconds(monkeypatch):
    """Prints milliseconds in place of seconds, for their one digit after the point."""
    finer = SimpleNamespace(perf_counter=lambda: 1000 * time.perf_counter())
    monkeypatch.setattr(_stages, "time", finer)


def assert_they_add_up(told):
    total = float(re.search(r"fit took ([0-9.]+) s$", told, re.M)[1])
    found = [float(number) for number in stages(told).values()]
    rounding = 0.05 * (len(found) + 1)
    assert sum(found) == pytest.approx(total, abs=rounding + 1e-6)


def test_stages_add_up_to_the_whole():
    told = summary("Some", 10.0, {"tokens": 2.5, "epochs": 5.0})
    assert told.splitlines()[0] == "Some: fit took 10.0 s"
    assert stages(told) == {"tokens": "2.5", "epochs": "5.0", "other": "2.5"}


def test_the_inner_stages_of_a_whole_one_are_not_told_apart(capsys):
    with reported("Some", True):
        with stage("trial", whole=True), reported("Inner", False), stage("tokens"):
            time.sleep(0.2)
        with stage("tokens"), stage("none"):
            pass
    found = stages(capsys.readouterr().out)
    assert float(found["trial"]) >= 0.2
    assert found["tokens"] == "0.0"


def test_a_failed_fit_reports_nothing(capsys):
    with pytest.raises(ValueError, match="dropout"):
        GatedDenseClassifier(dropout=2.0, verbose=2).fit(IDS, LABELS)
    assert capsys.readouterr().out == ""
    with stage("tokens"):  # nobody asks any more
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "X", "expected"),
    [
        (GatedDenseClassifier(units=4, epochs=2), IDS, {"epochs"}),
        (
            AttentionTextClassifier(
                encoder="none", epochs=2, early_stopping=True, scoring="accuracy"
            ),
            IDS,
            {"epochs", "validation"},
        ),
        (
            TextClassifier(units=4, embedding_dim=4, epochs=2, validation_fraction=0.2),
            TEXTS,
            {"tokens", "linear model", "epochs", "validation"},
        ),
        (
            TextClassifier(units=4, embedding_dim=4, epochs=2),
            TEXTS * 6,
            {"tokens", "linear model", "trial for the weights", "epochs"},
        ),
    ],
)
def test_a_fit_says_where_its_time_went(estimator, X, expected, capsys, in_milliseconds):
    y = LABELS * (len(X) // 40)
    estimator.set_params(random_state=0, verbose=1).fit(X, y)
    assert "fit took" not in capsys.readouterr().out
    estimator.set_params(verbose=2).fit(X, y)
    told = capsys.readouterr().out
    assert told.count(f"{type(estimator).__name__}: fit took") == 1
    assert stages(told).keys() == expected | EVERY_FIT
    assert_they_add_up(told)


def slow_score(estimator, X, y):
    time.sleep(0.2)
    return estimator.score(X, y)


def test_the_time_of_a_scorer_counts_once(capsys, in_milliseconds):
    clf = GatedDenseClassifier(
        units=4, epochs=3, validation_fraction=0.2, scoring=slow_score, random_state=0, verbose=2
    )
    clf.fit(IDS, LABELS)
    told = capsys.readouterr().out
    assert float(stages(told)["validation"]) >= 600
    assert float(stages(told)["epochs"]) < 600
    assert_they_add_up(told)
