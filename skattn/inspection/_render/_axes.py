"""What the pictures share; matplotlib is imported only when something is drawn."""

from numbers import Integral

import numpy as np

from skattn.inspection._render._palette import DARK, LIGHT

_JOINERS = "\u200c\u200d"  # within words of Persian and of Indian scripts, and within emoji
SERIES = ("#2c53c4", "#c2571a", "#12693c", "#8a2d8f", "#7a6100", "#0d7285", "#a81f32")
SERIES_ON_DARK = ("#93b1ff", "#ff9a5c", "#7fdca6", "#dba4e0", "#d6bf5a", "#5fc6dd", "#ff9aa6")


def check_count(name, number, or_none=False):
    """A clear error for what is no number of things to show."""
    if or_none and number is None:
        return
    if not (isinstance(number, Integral) and number >= 0):
        raise ValueError(f"{name} must be a whole number from 0 on, got {number!r}.")


def check_axes(*axes):
    """A clear error for what is not one of matplotlib's axes."""
    from matplotlib.axes import Axes

    strangers = [ax for ax in axes if not isinstance(ax, Axes)]
    if strangers:
        raise TypeError(f"ax must be a matplotlib Axes, got a {type(strangers[0]).__name__}.")


def panels_in(plt, ax, n_panels, size):
    """`n_panels` axes: new ones, the ones given, or a single one divided."""
    if ax is None:
        wide, high = size
        _, axes = plt.subplots(1, n_panels, figsize=(wide * n_panels, high), layout="constrained")
        return np.atleast_1d(axes)
    given = np.ravel(np.asarray(ax, dtype=object))
    check_axes(*given)
    if len(given) == n_panels:
        return given
    if len(given) != 1:
        raise ValueError(f"Expected one Axes or {n_panels}, got {len(given)}.")
    given[0].set_axis_off()
    gap = 0.3 / n_panels
    width = (1 - gap * (n_panels - 1)) / n_panels
    places = [(number * (width + gap), 0, width, 1) for number in range(n_panels)]
    return np.array([given[0].inset_axes(place) for place in places], dtype=object)


def colours_on(ax):
    """The colours that can be read on the background of these axes."""
    from matplotlib import rcParams
    from matplotlib.colors import to_rgba

    figures = [ax.figure, ax.figure.canvas.figure]  # the second is behind a subfigure
    faces = [*(figure.get_facecolor() for figure in figures), rcParams["figure.facecolor"]]
    if ax.axison:
        faces.insert(0, ax.get_facecolor())
    for *rgb, opacity in map(to_rgba, faces):
        if opacity:
            return LIGHT if np.dot(rgb, [0.2126, 0.7152, 0.0722]) > 0.4 else DARK
    return LIGHT


def series_on(ax):
    """The colours of several lines."""
    return SERIES if colours_on(ax) is LIGHT else SERIES_ON_DARK


def clean(ax):
    """Take away the frame's upper and right line, and soften the ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(color=colours_on(ax)["field"])


def in_legend(value):
    """A name that a legend shows, even if it is empty or begins with "_"."""
    name = short(value)
    return f"\u200b{name}" if not name or name.startswith("_") else name


def legend(ax, **options):
    """A legend without a frame; a dollar in a name stays a dollar."""
    legend = ax.legend(frameon=False, **options)
    for text in legend.get_texts():
        text.set_parse_math(False)


def plain(text):
    """What a font can draw: no control characters, no surrogates; a space of any width as one."""
    return "".join(
        c if c.isprintable() or c in _JOINERS else " " if c.isspace() else "\ufffd" for c in text
    )


def short(value, length=40):
    """A value as text that can be drawn, cut to at most `length` characters."""
    text = plain(str(value))
    return text if len(text) <= length else text[: length - 1] + "…"
