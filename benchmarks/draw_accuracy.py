"""Draw accuracy against the number of training texts: a panel a set, and their mean.

    python benchmarks/draw_accuracy.py FOLDER

Writes `accuracy.svg` into FOLDER from `results/accuracy.json`; the build of the site does that too.
"""

import json
import statistics
import sys
from pathlib import Path

from _accuracy import BASELINE, SETS, SIZES, accuracies

RESULT = Path(__file__).parent / "results" / "accuracy.json"
LINES = {  # contender -> colour (Okabe and Ito's), marker, style
    "pretrained recipe": ("#d55e00", "o", "-"),
    "SetFit": ("#cc79a7", "v", ":"),
    "embeddings + LogisticRegression": ("#009e73", "s", "--"),
    "recipe": ("#0072b2", "D", "-"),
    BASELINE: ("#555555", "x", "--"),
}
TICKS = {"2c": "2/class", "8c": "8/class", "32c": "32/class", "500": "500", "all": "all"}


def curves(results, name):
    """Contender -> {size: accuracy} on a set, or the mean over all sets where `name` is None."""
    found = {}
    for contender in LINES:
        for size in reversed(SIZES):
            sets = SETS if name is None else (name,)
            each = [accuracies(results, contender, one, size) for one in sets]
            if all(each):
                mean = statistics.fmean(map(statistics.fmean, each))
                found.setdefault(contender, {})[size] = mean
    return found


def draw(results):
    """The figure: sets and their mean in panels that share the sizes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 8.4), layout="constrained")
    panels = figure.subplots(4, 2, sharex=True).ravel()
    for panel, name in zip(panels, (*SETS, None), strict=True):
        for contender, points in curves(results, name).items():
            colour, marker, style = LINES[contender]
            places = [list(TICKS).index(size) for size in points]
            panel.plot(
                places,
                list(points.values()),
                color=colour,
                marker=marker,
                linestyle=style,
                linewidth=2 if contender.endswith("recipe") else 1.2,
                markersize=5,
                label=contender,
            )
        panel.set_title(name or "mean of the seven", loc="left", fontsize="medium")
        panel.set_xticks(range(len(TICKS)), list(TICKS.values()))
        panel.set_xlim(-0.3, len(TICKS) - 0.7)
        panel.grid(axis="y", color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[::2]:
        panel.set_ylabel("accuracy in %")
    handles = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    shown = [handles[name] for name in LINES if name in handles]
    figure.legend(handles=shown, loc="outside upper center", ncols=2, frameon=False)
    return figure


def write_picture(folder, result=RESULT):
    """Draw the results into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(json.loads(result.read_text(encoding="utf-8"))["results"]).savefig(folder / "accuracy.svg")


if __name__ == "__main__":
    write_picture(Path(sys.argv[1]))
