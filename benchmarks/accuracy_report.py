"""Write the accuracies on real texts into the tables of README.md and of the page on accuracy.

    python benchmarks/accuracy_report.py benchmarks/results/accuracy.json

The file is one that `accuracy_text.py --split test` wrote; without any, it is that one.
"""

import argparse
import json
import statistics
from pathlib import Path

from _accuracy import BASELINE, PUBLISHED, SETS, SIZES, accuracies
from _markup import insert, markdown, restructured, write_include

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "accuracy_table.rst"
NAME = "accuracy_report.py"
COLUMNS = {
    "accuracy": "All training texts",
    "accuracy_unseen": "Without test texts that also stand in the training part",
}
RECIPES = ("recipe", "pretrained recipe")
SIZE_NAMES = {
    "all": "all",
    "500": "500",
    "32c": "32 per class",
    "8c": "8 per class",
    "2c": "2 per class",
}


def blocks(result):
    """The tables and what they were measured on, as blocks of a page."""
    results, place = result["results"], result["environment"]
    keys = [key.split("|") for key in results]
    sets = [name for name in SETS if any(key[1] == name for key in keys)]
    sizes = [size for size in SIZES if any(key[2] == size for key in keys)]
    yield "text", _where(result["split"], place)
    for column, title in COLUMNS.items():
        yield "title", title
        yield "table", ["in %", *sets, "mean"], list(_rows(results, sets, "all", column))
    for size in ("500", "8c"):
        if size in sizes:
            yield "title", f"Number of training texts: {SIZE_NAMES[size]}"
            yield "table", ["in %", *sets, "mean"], list(_rows(results, sets, size, "accuracy"))
    if len(sizes) > 1:
        yield "title", "Mean over the sets, by the number of training texts"
        yield "table", ["in %", *(SIZE_NAMES[n] for n in sizes)], list(_means(results, sets, sizes))
    for size in sizes[:2]:
        yield "title", f"Seconds per fit, {SIZE_NAMES[size]} training texts"
        yield "table", ["", *sets], list(_second_rows(results, sets, size))


def _where(split, place):
    judged = {
        "test": "Judged on the published test parts (sms_spam: a fifth of the texts)",
        "validation": "Judged on inner validation splits of the training parts",
    }[split]
    packages = ", ".join(
        f"{name} {version}" for name, version in place["packages"].items() if version
    )
    return (
        f"{judged}. Newest results: {place['date']}, commit {place['commit']}, {place['cores']} "
        f"cores of {place['processor']}, Python {place['python']}, {packages}. Where there are "
        "several seeds: mean and, in brackets, standard deviation over them."
    )


def _contenders(results, size):
    """Those with results of that size, in the order of their first ones."""
    return list(dict.fromkeys(key.split("|")[0] for key in results if key.endswith(f"|{size}")))


def _rows(results, sets, size, column):
    for contender in _contenders(results, size):
        found = [accuracies(results, contender, name, size, column) for name in sets]
        yield [contender, *map(_cell, found), _mean(found)]
    if column == "accuracy" and size == "all":
        yield ["published", *(f"{PUBLISHED[name]:.1f}" for name in sets), ""]
    for recipe in RECIPES:
        if recipe in _contenders(results, size):
            leads = _leads(results, recipe, sets, size, column)
            yield [f"{recipe} minus {BASELINE}", *leads]


def _cell(found):
    """Mean and standard deviation over the seeds; a lone seed has no spread."""
    if not found:
        return ""
    spread = f" ({statistics.stdev(found):.2f})" if len(found) > 1 else ""
    return f"{statistics.fmean(found):.2f}{spread}"


def _mean(found):
    """Mean over the sets, of a contender that was judged on all."""
    return f"{statistics.fmean(map(statistics.fmean, found)):.2f}" if all(found) else ""


def _leads(results, recipe, sets, size, column):
    """Of each set, and their mean; empty where one of the two was not judged."""
    leads = []
    for name in sets:
        both = [accuracies(results, who, name, size, column) for who in (recipe, BASELINE)]
        if all(both):
            leads.append(statistics.fmean(both[0]) - statistics.fmean(both[1]))
            yield f"{leads[-1]:+.2f}"
        else:
            yield ""
    yield f"{statistics.fmean(leads):+.2f}" if len(leads) == len(sets) else ""


def _means(results, sets, sizes):
    for contender in dict.fromkeys(key.split("|")[0] for key in results):
        found = [[accuracies(results, contender, name, size) for name in sets] for size in sizes]
        if sum(map(all, found)) > 1:
            yield [contender, *map(_mean, found)]


def _second_rows(results, sets, size):
    for contender in _contenders(results, size):
        seconds = [
            [s for s in accuracies(results, contender, name, size, "seconds") if s is not None]
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
