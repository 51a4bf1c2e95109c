"""Evidence of many texts as bars, of one text as a waterfall, on matplotlib axes."""

import numpy as np

from skattn.inspection._render._axes import check_axes, clean, colours_on, panels_in, short
from skattn.inspection._render._corpus import named, strongest, summed_words
from skattn.utils._optional import import_pyplot


def draw_words(words, n_words, ax):
    """A panel for each class: the words toward it above, those away from it below."""
    plt = import_pyplot("EvidenceDisplay.plot")
    panels = panels_in(plt, ax, len(words), (4.4, 0.9 + 0.34 * 2 * n_words))
    for panel, (label, found) in zip(panels, words.items(), strict=True):
        rows = strongest(found, n_words, 1) + strongest(found, n_words, -1)[::-1]
        places = np.arange(len(rows))
        means = 100 * np.array([row.mean for row in rows])
        spreads = 100 * np.array([row.spread for row in rows])
        _bars(panel, places, means)
        ink = colours_on(panel)["ink"]
        panel.errorbar(means, places, xerr=spreads, fmt="none", ecolor=ink, lw=1, capsize=2)
        names = [f"{short(named(row.word), 24)}  ({row.n_texts})" for row in rows]
        panel.set_yticks(places, names, parse_math=False)
        panel.set_ylim(len(rows) - 0.4, -0.6)
        panel.set_title(short(label), fontsize=11, loc="left", weight="bold", parse_math=False)
        panel.set_xlabel("points of probability: against < 0 < for")
        _finish(panel)
    return panels


def draw_waterfall(explanation, label, n_words, ax):
    """From the base to the probability of one class, word by word."""
    plt = import_pyplot("EvidenceDisplay.plot_text")
    place = explanation._labels.index(label)
    base = float(explanation.base_probabilities[place])
    words = summed_words(explanation, explanation.evidence[:, place])
    words.sort(key=lambda word: -abs(word[1]))
    steps = [(_named(word, places), value) for word, value, places in words[:n_words]]
    rest = sum(value for _, value, _ in words[n_words:])
    if n_left := len(words[n_words:]):
        steps.append(("the other word" if n_left == 1 else f"the other {n_left} words", rest))
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 1.3 + 0.34 * (len(steps) + 2)), layout="constrained")
    check_axes(ax)
    values = np.array([value for _, value in steps])
    ends = base + np.cumsum(values)
    starts = np.concatenate([[base], ends[:-1]]) if len(steps) else np.zeros(0)
    theme = colours_on(ax)
    edge = {"edgecolor": theme["ink"], "linewidth": 0.6}
    ax.barh(0, 100 * base, color=theme["rest"], **edge)
    _bars(ax, np.arange(1, len(steps) + 1), 100 * values, 100 * starts)
    last = len(steps) + 1
    ax.barh(last, 100 * float(explanation.probabilities[place]), color=theme["bar"], **edge)
    for number, end in enumerate([base, *ends]):
        ax.plot([100 * end] * 2, [number, number + 1], color=theme["field"], lw=0.8, zorder=0)
    figures = [f"{100 * base:.1f} %", *(f"{100 * value:+.1f}" for value in values)]
    figures.append(f"{100 * float(explanation.probabilities[place]):.1f} %")
    reach = [base, *np.maximum(starts, ends), float(explanation.probabilities[place])]
    for number, (figure, right) in enumerate(zip(figures, reach, strict=True)):
        ax.text(100 * right + 1, number, figure, va="center", fontsize=9)
    names = ["base", *(name for name, _ in steps), "probability"]
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(min(0, 105 * np.min([0, *starts, *ends])), max(108, 100 * np.max(reach) + 12))
    ax.set_xlabel("probability in %")
    ax.set_title(short(label), fontsize=11, loc="left", weight="bold", parse_math=False)
    _finish(ax)
    return ax


def _bars(ax, places, values, starts=0.0):
    """Bars for and against: two hues, and the second hatched."""
    theme, starts = colours_on(ax), np.zeros(len(values)) + starts
    edge = {"height": 0.7, "edgecolor": theme["ink"], "linewidth": 0.6}
    for side, hatch, chosen in (("for", None, values >= 0), ("against", "////", values < 0)):
        style = {"color": theme[side], "hatch": hatch, **edge}
        ax.barh(places[chosen], values[chosen], left=starts[chosen], **style)


def _named(word, places):
    return short(named(word), 24) + (f" ({places} places)" if places > 1 else "")


def _finish(ax):
    theme = colours_on(ax)
    ax.axvline(0, color=theme["ink"], lw=0.9)
    ax.grid(axis="x", color=theme["line"], lw=0.8)
    ax.set_axisbelow(True)
    clean(ax)
