"""Explanations -> shaded words on matplotlib axes."""

import itertools
import re
import unicodedata

from skattn.inspection._render._axes import check_axes, colours_on, plain, short
from skattn.inspection._render._cards import percent
from skattn.inspection._render._palette import shade, shade_levels
from skattn.inspection._render._text_pieces import text_pieces
from skattn.utils._optional import import_pyplot

MAX_LINES = 8  # of one text
MAX_WORD = 50  # characters
_TURNED = str.maketrans("()[]{}<>«»", ")(][}{><»«")  # what opens on the right looks the other way


def draw_texts(explanations, y_true, ax, n_texts, font_size=11):
    """Texts one below the other, their words shaded by attention; returns the axes."""
    plt = import_pyplot("AttentionDisplay.plot")
    own = ax is None
    if own:
        _, ax = plt.subplots(figsize=(9, 2), layout="none")
        ax.set_position([0.02, 0, 0.96, 1])
    check_axes(ax)
    ax.set_axis_off()
    truths = [None] * len(explanations) if y_true is None else y_true
    if not own:  # a layout may still change the size of the axes
        ax.figure.canvas.figure.draw_without_rendering()
    width, theme = ax.get_window_extent().width, colours_on(ax)
    ruler = _Ruler(ax.figure, font_size)
    blocks = [
        (_headline(explanation, truth, theme), _lines(explanation, width, ruler))
        for explanation, truth in zip(explanations[:n_texts], truths, strict=False)
    ]
    left = len(explanations) - len(blocks)
    n_rows = sum(1.9 + len(lines) for _, lines in blocks) + (1.2 if left else 0)
    height = 1.75 * ruler.height
    if own:
        ax.figure.set_figheight(max(0.5, (n_rows + 0.4) * height / ax.figure.dpi))
    _draw_blocks(ax, blocks, ruler, height, left, theme)
    return ax


class _Ruler:
    """Measures strings in pixels, in the font that they will be drawn in."""

    def __init__(self, figure, font_size):
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextToPath

        self.font_size = font_size
        self._scale = figure.dpi / 72
        self._font = FontProperties(size=font_size)
        self._measure = TextToPath().get_text_width_height_descent
        self._widths = {}
        self.height = self._scale * font_size

    def width(self, text):
        if text not in self._widths:
            width, _, _ = self._measure(text, self._font, ismath=False)
            self._widths[text] = width * self._scale
        return self._widths[text]


def _lines(explanation, width, ruler):
    """Wrap the text: lists of (x in pixels, string, shade level), at most MAX_LINES.

    Lines end at white space, or between tokens where a line holds none.
    """
    lines, x = [[]], 0.0
    for chunk, gap in _unbroken(explanation, width, ruler):
        wide = sum(ruler.width(part) for part, _ in chunk)
        x += gap if lines[-1] else 0
        if x + wide > width and lines[-1]:
            if len(lines) == MAX_LINES:
                lines[-1].append((min(x, width - ruler.width("…")), "…", 0))
                break
            lines.append([])
            x = 0.0
        for part, level in chunk:
            lines[-1].append((x, part, level))
            x += ruler.width(part)
    if _direction(explanation.text) != "R":
        return lines
    return [
        [each for run in _runs(line, ruler) for each in _mirrored(run, width, ruler)]
        for line in lines
    ]


def _direction(text):
    """How the first letter of a text is read, "R" or "L"; "N" for numbers alone; else ""."""
    kinds = {"AL": "R", "R": "R", "L": "L"}
    found = [unicodedata.bidirectional(character) for character in text]
    letters = [kinds[kind] for kind in found if kind in kinds]
    return letters[0] if letters else "N" if {"EN", "AN"} & set(found) else ""


def _runs(line, ruler):
    """Parts of a line that stay in order in a text from right to left: numbers, foreign words."""
    runs, waiting = [], []  # signs that may stand within a run
    for part in line:
        kind = _direction(part[1])
        if kind == "" and runs:
            waiting.append(part)
            continue
        joins = runs and _belongs(runs[-1], [*waiting, part], kind, ruler)
        if joins:
            runs[-1] += [*waiting, part]
        else:
            runs += [*([sign] for sign in waiting), [part]]
        waiting = []
    return runs + [[sign] for sign in waiting]


def _belongs(run, parts, kind, ruler):
    """Whether parts continue a run: after letters always, after a number without a gap."""
    kinds = {_direction(part) for _, part, _ in run}
    if kind not in ("L", "N") or not kinds & {"L", "N"}:
        return False
    gaps = [b[0] - a[0] - ruler.width(a[1]) for a, b in itertools.pairwise([run[-1], *parts])]
    return "L" in kinds or max(gaps) < 1


def _mirrored(run, width, ruler):
    """A run of parts at its place from the right."""
    end = run[-1][0] + ruler.width(run[-1][1])
    turned = {} if _direction(run[0][1]) else _TURNED
    return [(width - end + x - run[0][0], part.translate(turned), level) for x, part, level in run]


def _unbroken(explanation, width, ruler):
    """Yield what is not to be broken, and the space before it, in pixels."""
    space = ruler.width("n n") - ruler.width("nn")
    for chunk in _chunks(explanation):
        if sum(ruler.width(part) for part, _ in chunk) <= width:
            yield chunk, space
            continue
        for number, part in enumerate(chunk):
            yield [part], 0 if number else space


def _chunks(explanation):
    """What stands between white space: lists of (printable string, shade level)."""
    levels, chunk = shade_levels(explanation.weights).tolist(), []
    for piece, token in text_pieces(explanation):
        level = 0 if token is None else levels[token]
        for part in re.split(r"(\s+)", piece):
            if part and not part.isspace():
                chunk.append((short(part, MAX_WORD), level))
            elif part and chunk:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _headline(explanation, truth, theme):
    """(text, colour): the prediction, and the true class where it is known."""
    line = f"{explanation.prediction}  {percent(explanation.probability)}"
    if explanation.share < 1:
        other = explanation.target != explanation.prediction
        of_which = f" of {explanation.target}" if other else ""
        line += f"  (network: {percent(explanation.share)}{of_which})"
    if truth is None:
        return plain(line), theme["ink"]
    if truth == explanation.prediction:
        return plain(f"✓ {line}"), theme["right"]
    return plain(f"✗ {line}, true class: {truth}"), theme["wrong"]


def _draw_blocks(ax, blocks, ruler, row_height, n_left, theme):
    """Place headlines and shaded words from the top; what does not fit is counted."""
    box = ax.get_window_extent()
    font = {"fontsize": ruler.font_size, "parse_math": False}
    ax.set_xlim(0, box.width)
    ax.set_ylim(box.height, 0)
    y = 0.7 * row_height
    for number, (headline, lines) in enumerate(blocks):
        if number and y + (len(lines) + 1) * row_height > box.height + 1:
            n_left += len(blocks) - number
            break
        text, colour = headline
        ax.text(0, y, text, color=colour, weight="bold", va="center", **font)
        y += 1.05 * row_height
        for line in lines:
            for x, word, level in line:
                _draw_word(ax, x, y, word, level, ruler, font, theme)
            y += row_height
        y += 0.85 * row_height
    if n_left:
        ax.text(0, y - 0.2 * row_height, f"and {n_left} more", color=theme["muted"], **font)


def _draw_word(ax, x, y, word, level, ruler, font, theme):
    from matplotlib.patches import FancyBboxPatch

    if level:
        tall, wide = 1.35 * ruler.height, ruler.width(word)
        style = f"round,pad=0,rounding_size={0.25 * ruler.height}"
        corner = (x - 0.1 * ruler.height, y - 0.52 * tall)
        colour = shade(theme, level)
        width = wide + 0.2 * ruler.height
        ax.add_patch(FancyBboxPatch(corner, width, tall, boxstyle=style, color=colour, lw=0))
    ax.text(x, y, word, color=theme["ink"], va="center_baseline", **font)
