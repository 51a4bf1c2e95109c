"""Write the accuracies on real texts into the tables of README.md and of the page on accuracy.

    python benchmarks/accuracy_report.py benchmarks/results/accuracy.json

The file is one that `accuracy_text.py --split test` wrote; without any, it is that one.
"""

import argparse
import json
import statistics
from pathlib import Path

from _accuracy import BASELINE, PUBLISHED, SETS, accuracies
from _markup import insert, markdown, restructured, write_include

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "accuracy_table.rst"
NAME = "accuracy_report.py"
COLUMNS = {
    "accuracy": "All test texts",
    "accuracy_unseen": "Without test texts that also stand in the training part",
}


def blocks(result):
    """The tables and what they were measured on, as blocks of a page."""
    results, place = result["results"], result["environment"]
    sets = [name for name in SETS if any(key.endswith(f"|{name}") for key in results)]
    contenders = list(dict.fromkeys(key.split("|")[0] for key in results))
    yield "text", _where(result["split"], place)
    for column, title in COLUMNS.items():
        yield "title", title
        yield "table", ["in %", *sets, "mean"], list(_rows(results, contenders, sets, column))
    yield "title", "Seconds a fit"
    yield "table", ["", *sets], list(_second_rows(results, contenders, sets))


def _where(split, place):
    judged = {
        "test": "Judged on the published test parts (sms_spam: five folds)",
        "validation": "Judged on inner validation splits of the training parts",
    }[split]
    packages = ", ".join(f"{name} {version}" for name, version in place["packages"].items())
    return (
        f"{judged}. {place['date']}, commit {place['commit']}, {place['cores']} cores of "
        f"{place['processor']}, Python {place['python']}, {packages}. Mean over the seeds; the "
        "standard deviation over them in brackets."
    )


def _rows(results, contenders, sets, column):
    for contender in contenders:
        found = [accuracies(results, contender, name, column) for name in sets]
        yield [contender, *map(_cell, found), _mean(found)]
    if column == "accuracy":
        yield ["published", *(f"{PUBLISHED[name]:.1f}" for name in sets), ""]
    yield ["recipe minus " + BASELINE, *_leads(results, sets, column)]


def _cell(found):
    """Mean and standard deviation over the seeds; a lone seed has no spread."""
    if not found:
        return ""
    spread = f" ({statistics.stdev(found):.2f})" if len(found) > 1 else ""
    return f"{statistics.fmean(found):.2f}{spread}"


def _mean(found):
    """Mean over the sets, of a contender that was judged on all."""
    return f"{statistics.fmean(map(statistics.fmean, found)):.2f}" if all(found) else ""


def _leads(results, sets, column):
    """Of each set, and their mean; empty where one of the two was not judged."""
    leads = []
    for name in sets:
        both = [accuracies(results, who, name, column) for who in ("recipe", BASELINE)]
        if all(both):
            leads.append(statistics.fmean(both[0]) - statistics.fmean(both[1]))
            yield f"{leads[-1]:+.2f}"
        else:
            yield ""
    yield f"{statistics.fmean(leads):+.2f}" if len(leads) == len(sets) else ""


def _second_rows(results, contenders, sets):
    for contender in contenders:
        seconds = [
            [s for s in accuracies(results, contender, name, "seconds") if s is not None]
            for name in sets
        ]
        if any(seconds):
            yield [contender, *(f"{statistics.fmean(s):.1f}" if s else "" for s in seconds)]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("result", nargs="?", type=Path, default=HERE / "results" / "accuracy.json")
    options.add_argument("--readme", type=Path, default=HERE / "README.md")
    options.add_argument("--page", type=Path, default=PAGE)
    given = options.parse_args()
    written = [("text", "No full run yet.")]
    if given.result.exists():
        written = list(blocks(json.loads(given.result.read_text(encoding="utf-8"))))
    insert(given.readme, "accuracy", NAME, markdown(written))
    write_include(given.page, NAME, restructured(written))


if __name__ == "__main__":
    main()
