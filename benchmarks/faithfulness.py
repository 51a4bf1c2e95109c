"""Does evidence explain predictions, and attention? On real texts, by erasing words.

For each set the recommended classifier is fitted on the training part, and `faithfulness_report`
judges it on texts of the test part (of a set without one, on a held-out quarter). Each result is
written at once, and a second run with the same output goes on, also one with another model. With
`--rst FILE` the tables of the site's page on explanations are written from what the output holds.

    python benchmarks/faithfulness.py --data DIR --output benchmarks/results/faithfulness.json \
        --rst docs/explanations_table.rst
    python benchmarks/faithfulness.py --data DIR --output benchmarks/results/faithfulness.json \
        --rst docs/explanations_table.rst --pretrained MODEL --max-texts 2000 --sets trec mr snips
"""

import argparse
import datetime
import json
import time
from pathlib import Path

from _data import read_texts
from sklearn.model_selection import train_test_split

SETS = ("trec", "mr", "sms_spam", "snips", "banking77", "r8", "imdb_5k")
MODELS = {  # what the key of a result ends in
    "": "``TextClassifier()``",
    ", pretrained": "``TextClassifier(pretrained=folder)``",
}
RANKINGS = ("evidence", "attention", "gradient x input", "leave-one-out", "random")
METRICS = (
    "comprehensiveness",
    "sufficiency",
    "comprehensiveness_unknown",
    "sufficiency_unknown",
    "tau_leave_one_out",
)


def read_set(folder, max_texts):
    """Training texts and labels, test texts and labels."""
    whole = folder / "all.tsv.gz"
    if whole.exists():
        texts, labels = read_texts(whole)
        train, test, y_train, y_test = train_test_split(
            texts, labels, test_size=0.25, stratify=labels, random_state=0
        )
    else:
        train, y_train = read_texts(folder / "train.tsv.gz")
        test, y_test = read_texts(folder / "test.tsv.gz")
    if max_texts and len(train) > max_texts:
        train, _, y_train, _ = train_test_split(
            train, y_train, train_size=max_texts, stratify=y_train, random_state=0
        )
    return train, y_train, test, y_test


def judge(arguments, name):
    """Fit on one set and judge the explanations; everything as plain values."""
    from skattn import TextClassifier, explain_texts, faithfulness_report

    train, y_train, test, y_test = read_set(arguments.data / name, arguments.max_texts)
    start = time.perf_counter()
    model = TextClassifier(pretrained=arguments.pretrained, random_state=0).fit(train, y_train)
    fitted = time.perf_counter()
    report = faithfulness_report(
        model, test, y_test, n_texts=arguments.n_texts, random_state=arguments.seed
    )
    reported = time.perf_counter()
    some = test[:100]
    explain_texts(model, some[:2])
    model.predict_proba(some)
    predicting = time.perf_counter()
    model.predict_proba(some)
    explaining = time.perf_counter()
    explain_texts(model, some)
    explained = time.perf_counter()
    return {
        "date": datetime.date.today().isoformat(),
        "n_train": len(train),
        "accuracy": report.accuracy,
        "share": report.share,
        "seconds_fit": fitted - start,
        "seconds_report": reported - fitted,
        "seconds_predict_100": explaining - predicting,
        "seconds_explain_100": explained - explaining,
        "n_texts": report.n_texts,
        "verdicts": report.verdicts,
        "intervals": {
            ranking: {metric: list(values[metric]) for metric in METRICS}
            for ranking, values in report.intervals.items()
        },
    }


def tables(found):
    """The results as tables of reStructuredText, one for each kind of model."""
    lines = [".. Written by benchmarks/faithfulness.py; do not edit by hand.", ""]
    lines += [
        "How far the probability of the predicted class falls without the highest-ranked words "
        "(mean over the top 1, 5, 10, 20 and 50 %), in points: with a space in their place, and in "
        "brackets with a word that the model does not know.",
        "",
    ]
    for ending, model in MODELS.items():
        results = {name: found[name + ending] for name in SETS if name + ending in found}
        if results:
            lines += table(results, model)
    return "\n".join(lines)


def table(found, model):
    """The results of one kind of model as lines."""
    columns = list(found)
    most = {key: max(found[name][key] for name in columns) for key in ("n_texts", "n_train")}
    lines = [
        f"{model}, fitted on up to {most['n_train']:,} training texts of each set and judged on "
        f"{most['n_texts']} of its test texts, {found[columns[0]]['date']}:",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
    ]
    rows = [["words in the order of", *columns]]
    for ranking in RANKINGS:
        cells = [ranking]
        for name in columns:
            means = found[name]["intervals"][ranking]
            space, unknown = (100 * means[m][0] for m in (METRICS[0], METRICS[2]))
            cells.append(f"{space:.1f} ({unknown:.1f})")
        rows.append(cells)
    for ranking in RANKINGS[:2]:
        words = ["yes" if " is a " in found[n]["verdicts"][ranking] else "no" for n in columns]
        rows.append([f"{ranking} faithful by the rule", *words])
    rows.append(["share of the network", *(f"{100 * found[n]['share']:.0f} %" for n in columns)])
    for row in rows:
        lines += [("   * - " if i == 0 else "     - ") + cell for i, cell in enumerate(row)]
    return [*lines, ""]


def main():
    """Judge each set, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--output", type=Path, required=True, help="JSON, read and added to")
    parser.add_argument("--rst", type=Path, help="write the table there")
    parser.add_argument("--pretrained", help="a folder of a pretrained model")
    parser.add_argument("--n-texts", type=int, default=50)
    parser.add_argument("--max-texts", type=int, help="training texts, drawn by class")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    for name in arguments.sets:
        key = name + (", pretrained" if arguments.pretrained else "")
        if key not in found and (arguments.data / name).exists():
            found[key] = judge(arguments, name)
            arguments.output.write_text(json.dumps(found, indent=1) + "\n")
            print(key, json.dumps(found[key]["verdicts"]), flush=True)
            seconds = found[key]["seconds_explain_100"]
            cost = seconds / found[key]["seconds_predict_100"]
            print(f"100 texts explained in {seconds:.2f} s, {cost:.1f} predictions", flush=True)
    if arguments.rst and found:
        arguments.rst.write_text(tables(found), encoding="utf-8")


if __name__ == "__main__":
    main()
