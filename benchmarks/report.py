"""Write the results of the benchmarks into the tables of README.md and of the page on performance.

    python benchmarks/report.py dense.json text.json ...

The files are those that the benchmarks wrote with `--output`; without any, those of the kind of
machine that the pages show, in its folder of `results`.
"""

import argparse
import json
from pathlib import Path

from _markup import insert, markdown, restructured, write_include

HERE = Path(__file__).parent
SHOWN = "avx512"  # the folder of `results` whose tables and pictures the pages show
PAGE = HERE.parent / "docs" / "performance_table.rst"


def seconds(value):
    """Three digits with a unit that fits."""
    scale, unit = (1e3, "ms") if value < 1 else (1, "s")
    return f"{value * scale:.3g} {unit}"


def race_rows(answer):
    """Table rows of a race: time, spread, ratio to ours and goal of each contender."""
    for name, found in answer["contenders"].items():
        if "skipped" in found:
            yield [name, f"skipped: {found['skipped']}", "", "", "", "", ""]
            continue
        low, high = (seconds(value) for value in found["spread"])
        yield [
            f"**{name}**" if name == answer["own"] else name,
            seconds(found["median"]),
            f"{low} to {high}",
            str(len(found["rounds"])),
            "" if found["quality"] is None else f"{found['quality']:.4g}",
            _ratio(answer["ratios"].get(name)),
            _goal(answer, name),
        ]


def _ratio(ratio):
    if ratio is None:
        return ""
    low, high = ratio["spread"]
    return f"{ratio['median']:.2f}x ({low:.2f} to {high:.2f})"


def _goal(answer, name):
    """The goal, and whether it was reached."""
    if name == answer["own"] and "limit" in answer:
        reached = answer["contenders"][name]["median"] <= answer["limit"]
        return f"at most {seconds(answer['limit'])}: {_word(reached)}"
    if name in answer["goals"] and name in answer["ratios"]:
        wanted = answer["goals"][name]
        return f"at least {wanted:.2f}x: {_word(answer['ratios'][name]['median'] >= wanted)}"
    return ""


def _word(reached):
    return "reached" if reached else "**missed**"


def measure_rows(answer):
    """Table rows of single measures."""
    for row in answer["measures"]:
        goal = ""
        if row["goal"] is not None:
            goal = f"at most {row['goal']:g}: {_word(row['value'] <= row['goal'])}"
        yield [row["what"], f"{row['value']:.3g} {row['unit']}".strip(), goal]


def blocks(result):
    """One benchmark's results, as blocks of a page."""
    yield "heading", f"`{result['command']}`"
    yield "text", _where(result)
    for answer in result["answers"]:
        yield "title", answer["question"]
        if "contenders" in answer:
            head = ["contender", "median", "least to most", "rounds", "quality", "time over ours"]
            yield "table", [*head, "goal"], list(race_rows(answer))
        else:
            yield "table", ["what", "measured", "goal"], list(measure_rows(answer))
        for remark in _remarks(answer):
            yield "text", remark


def _where(result):
    place = result["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in place["packages"].items())
    quick = " A quick run: its figures mean nothing." if result["quick"] else ""
    return (
        f"{place['date']}, commit {place['commit']}, {result['data']} data. {place['cores']} cores "
        f"of {place['processor']}, {place['memory_gib']} GiB, {place['system']}, Python "
        f"{place['python']}, {versions}. Load average {place['load_average'][0]:.2f} at the end."
        f"{quick}"
    )


def _remarks(answer):
    """What a race measured besides, and why it has no ratios."""
    if answer["unequal"]:
        yield f"**{answer['unequal']}**"
    if answer.get("share_of_sgemm"):
        shares = ", ".join(
            f"{name} {share:.0%}" for name, share in answer["share_of_sgemm"].items()
        )
        rate = answer["sgemm_gflops"]
        yield f"Share of the float32 matrix product's rate ({rate:.0f} GFLOP/s): {shares}."
    if answer.get("flop_time_over_mlp"):
        yield (
            f"Time a floating-point operation: {answer['flop_time_over_mlp']:.2f} times "
            "MLPClassifier's (goal: at most 2)."
        )


def shown():
    """The files of the results that the pages show."""
    return sorted((HERE / "results" / SHOWN).glob("*.json"))


def read(files):
    """The benchmarks' results among JSON files."""
    found = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    return [result for result in found if "benchmark" in result]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("results", nargs="*", type=Path, help="JSON files of the benchmarks")
    options.add_argument("--readme", type=Path, default=HERE / "README.md")
    options.add_argument("--page", type=Path, default=PAGE)
    given = options.parse_args()
    results = read(given.results or shown())
    written = [block for result in results for block in blocks(result)]
    written = written or [("text", "No full run yet.")]
    insert(given.readme, "results", "report.py", markdown(written))
    write_include(given.page, "report.py", restructured(written))


if __name__ == "__main__":
    main()
