"""Draw the ratios of the benchmarks: horizontal bars, a mark for each goal, a logarithmic axis.

    python benchmarks/draw.py FOLDER

Writes a picture a benchmark into FOLDER, from the results that the pages show, and `speed.rst`,
which has them; the build of the site does that too.
"""

import sys
from pathlib import Path

from report import read, shown

TITLES = {
    "dense": "The gated network on digits",
    "text": "The attention network on texts",
    "fasttext": "A network without an encoder",
    "pretrained": "A pretrained transformer",
    "predict": "Probabilities",
    "files": "Files",
    "import": "Import",
    "vectorizer": "Texts to token ids",
}
COLOURS = {"reached": "#0072b2", "missed": "#d55e00", "no goal": "#8c8c8c"}  # Okabe and Ito's


def bars(result):
    """Question -> its bars: (contender, ratio, least and most, goal or None)."""
    found = {}
    for answer in result["answers"]:
        rows = [
            (name, ratio["median"], ratio["spread"], answer["goals"].get(name))
            for name, ratio in answer.get("ratios", {}).items()
        ]
        if rows:
            found[answer["question"].replace("`", "")] = rows
    return found


def state(ratio, goal):
    """What the colour of a bar says."""
    if goal is None:
        return "no goal"
    return "reached" if ratio >= goal else "missed"


def draw(result):
    """A figure of one benchmark, a panel a question; None where it has no ratio."""
    from matplotlib.figure import Figure

    questions = bars(result)
    if not questions:
        return None
    sizes = [len(rows) for rows in questions.values()]
    height = 0.9 + 0.34 * sum(sizes) + 0.5 * len(sizes)
    figure = Figure(figsize=(8, height), layout="constrained")
    panels = figure.subplots(
        len(sizes), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": sizes}
    )[:, 0]
    for panel, (question, rows) in zip(panels, questions.items(), strict=True):
        _draw_panel(panel, question, rows)
    panels[-1].set_xlim(*_limits(questions))
    panels[-1].set_xlabel("time over that of skattn (log scale; right of 1: skattn is faster)")
    _add_legend(figure, questions)
    return figure


def _limits(questions):
    """Of the axis that all panels share, with room for the figures beside the bars."""
    rows = [row for rows in questions.values() for row in rows]
    ends = [end for _, ratio, spread, goal in rows for end in (ratio, *spread, goal or 1)]
    return min(0.9, 0.9 * min(ends)), max(2.2, 1.4 * max(ends))


def _draw_panel(panel, question, rows):
    from matplotlib.ticker import LogLocator, NullFormatter

    for place, (_, ratio, (low, high), goal) in enumerate(rows):
        colour = COLOURS[state(ratio, goal)]
        panel.barh(place, ratio - 1, left=1, height=0.6, color=colour)
        panel.plot([low, high], [place, place], color="black", linewidth=1)
        if goal is not None:
            panel.plot([goal, goal], [place - 0.42, place + 0.42], color="black", linewidth=2.5)
        panel.annotate(
            f"{ratio:.2g}x" if ratio < 10 else f"{ratio:.0f}x",
            (max(ratio, high, goal or 0, 1), place),
            xytext=(6, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize="small",
        )
    panel.set_xscale("log")
    panel.axvline(1, color="black", linewidth=0.8)
    panel.set_yticks(range(len(rows)), [name for name, *_ in rows])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_title(question, loc="left", fontsize="medium")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.spines[["top", "right"]].set_visible(False)


def _add_legend(figure, questions):
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    seen = {state(ratio, goal) for rows in questions.values() for _, ratio, _, goal in rows}
    words = {"reached": "goal reached", "missed": "goal missed", "no goal": "without a goal"}
    handles = [Patch(color=COLOURS[kind], label=words[kind]) for kind in COLOURS if kind in seen]
    handles.append(Line2D([], [], color="black", linewidth=1, label="least to most"))
    if seen != {"no goal"}:
        mark = {"marker": "|", "markersize": 12, "markeredgewidth": 2.5, "linestyle": ""}
        handles.append(Line2D([], [], color="black", label="goal", **mark))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)


def write_pictures(files, folder):
    """Draw all that has ratios; write `speed.rst`, which shows it, beside the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [".. Made at build by benchmarks/draw.py.", ""]
    for result in read(files):
        name = result["benchmark"]
        if (figure := draw(result)) is None:
            continue
        place = f"speed_{name}.svg"
        if f"{folder.name}/{place}" in "".join(lines):  # one benchmark may have several runs
            place = f"speed_{name}_{len(lines)}.svg"
        figure.savefig(folder / place)
        title = TITLES.get(name, name)
        quick = " (A quick run: its figures mean nothing.)" if result["quick"] else ""
        lines += [f".. figure:: {folder.name}/{place}", f"   :alt: {title}: time ratios"]
        lines += ["", f"   {title}. `{result['command']}`{quick}".replace("`", "``"), ""]
    if len(lines) == 2:
        lines.append("No full run yet.")
    (folder / "speed.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_pictures(shown(), Path(sys.argv[1]))
