"""Accuracy on tables of numbers: the gated network's defaults beside scikit-learn's classifiers.

Repeated stratified cross-validation, every contender behind a `StandardScaler` and with its own
defaults. Choices are made with `--split validation`, which never opens a judged fold: 80 % of the
training folds are trained on and the rest of them judged. `--split test` judges the folds. The
result of each repeat is written at once, and a second run with the same output goes on.

    python benchmarks/accuracy_tabular.py --data DIR --split test --output accuracy_tabular.json
"""

import argparse
import csv
import functools
import gzip
import json
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from _accuracy import open_results, write_results
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

BUILT_IN = {
    "digits": datasets.load_digits,
    "cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
}
SETS = (*BUILT_IN, "dry_bean", "satimage")
OWN, NEURAL = "GatedDenseClassifier", "MLPClassifier"
FOLDS = 5


def own(seed, **params):
    from skattn import GatedDenseClassifier

    return GatedDenseClassifier(random_state=seed, **params)


CONTENDERS = {
    OWN: own,
    NEURAL: lambda seed: MLPClassifier(random_state=seed),
    "HistGradientBoostingClassifier": lambda seed: HistGradientBoostingClassifier(
        random_state=seed
    ),
    "RandomForestClassifier": lambda seed: RandomForestClassifier(random_state=seed),
    "SVC": lambda seed: SVC(random_state=seed),
}


def load(name, folder):
    """Features as float64 and labels; from `folder` unless scikit-learn has the set."""
    if name in BUILT_IN:
        return BUILT_IN[name](return_X_y=True)
    with gzip.open(Path(folder) / f"tab_{name}" / "all.tsv.gz", "rt", encoding="utf-8") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    table = np.array(rows)
    return table[:, 1:].astype(float), table[:, 0]


def parts(X, y, split, repeat):
    """Rows to train on and rows to judge, for each fold."""
    for train, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(X, y):
        if split == "validation":
            train, judged = train_test_split(
                train, test_size=0.2, stratify=y[train], random_state=repeat
            )
        yield train, judged


def judge(build, X, y, split, repeat, scaler=StandardScaler):
    """Mean accuracy over the folds, in percent, and seconds a fit."""
    scores, seconds = [], []
    for train, judged in parts(X, y, split, repeat):
        classifier = make_pipeline(scaler(), build(repeat))
        start = time.perf_counter()
        classifier.fit(X[train], y[train])
        seconds.append(time.perf_counter() - start)
        scores.append(100 * classifier.score(X[judged], y[judged]))
    return {
        "accuracy": statistics.fmean(scores),
        "folds": [round(score, 3) for score in scores],
        "seconds": round(statistics.fmean(seconds), 3),
    }


def summary(results, contender, name):
    """Mean and standard deviation over the repeats, and seconds a fit."""
    found = results.get(f"{contender}|{name}", {}).values()
    if not found:
        return (float("nan"),) * 3
    scores = [repeat["accuracy"] for repeat in found]
    spread = statistics.stdev(scores) if len(scores) > 1 else float("nan")
    return statistics.fmean(scores), spread, statistics.fmean(r["seconds"] for r in found)


def table(results, names, sets):
    """Print accuracies with their spread, seconds a fit, and what our defaults lead by."""
    width = max(map(len, names)) + 2
    told = {name: np.array([summary(results, name, s) for s in sets]) for name in names}
    print("\naccuracy in %, +- standard deviation over the repeats")
    print(f"{'':<{width}}" + "".join(f"{name:>14}" for name in sets) + f"{'mean':>9}")
    for name, found in told.items():
        cells = "".join(f"{mean:8.2f} +-{spread:4.2f}" for mean, spread, _ in found)
        print(f"{name:<{width}}{cells}{found[:, 0].mean():9.2f}")
    print("\nseconds a fit")
    for name, found in told.items():
        cells = "".join(f"{seconds:14.2f}" for seconds in found[:, 2])
        print(f"{name:<{width}}{cells}{found[:, 2].mean():9.2f}")
    means = {name: found[:, 0].mean() for name, found in told.items()}
    if OWN in means and len(means) > 1:
        print()
        rivals = {name: mean for name, mean in means.items() if not name.startswith(OWN)}
        for name, mean in rivals.items():
            print(f"mean of {OWN} - mean of {name}: {means[OWN] - mean:+.2f}")


def run(options, builders):
    answer = open_results(options)
    for name in options.sets:
        X, y = load(name, options.data)
        for contender in builders:
            for repeat in range(options.repeats):
                done = answer["results"].setdefault(f"{contender}|{name}", {})
                if str(repeat) in done:
                    continue
                told = judge(builders[contender], X, y, options.split, repeat)
                done[str(repeat)] = told
                print(
                    f"{name:<9} repeat {repeat}  {contender:<31} {told['accuracy']:6.2f}"
                    f"  {told['seconds']:6.2f} s a fit",
                    flush=True,
                )
                write_results(options, answer)
    table(answer["results"], list(builders), options.sets)


def quick():
    """A smoke run: one repeat on wine; all must learn it."""
    results, builders = {}, CONTENDERS | {OWN: functools.partial(own, epochs=10)}
    X, y = load("wine", None)
    for name, build in builders.items():
        results[f"{name}|wine"] = {"0": judge(build, X, y, "validation", 0)}
        if results[f"{name}|wine"]["0"]["accuracy"] < 80:
            sys.exit(f"{name} does not learn wine.")
    table(results, list(builders), ["wine"])


def chosen(options):
    """The contenders by name, and our network with each of `--settings`."""
    builders = {name: CONTENDERS[name] for name in options.contenders}
    for text in options.settings:
        builders[f"{OWN} {text}"] = functools.partial(own, **json.loads(text))
    return builders


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with tab_dry_bean and tab_satimage")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--contenders", nargs="*", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument(
        "--settings", nargs="+", default=[], help="our parameters as JSON, a contender each"
    )
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--output")
    parser.add_argument("--quick", action="store_true", help="wine alone, few epochs")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ConvergenceWarning)  # MLPClassifier: at most 200 epochs
    if options.quick:
        quick()
    elif options.data or set(options.sets) <= set(BUILT_IN):
        run(options, chosen(options))
    else:
        sys.exit("accuracy_tabular.py needs --data DIR with the sets' folders (or --quick).")


if __name__ == "__main__":
    main()
