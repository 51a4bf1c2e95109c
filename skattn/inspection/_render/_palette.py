"""The colours of every page and picture; pure. Tests compute their contrast (WCAG 2.2, 1.4.3)."""

import numpy as np

N_LEVELS = 10  # shades of a colour, besides none
SHADES = {"w": "shade", "pro": "for", "con": "against"}  # of attention, and of evidence

LIGHT = {
    "page": "#f4f5f8",
    "card": "#ffffff",
    "ink": "#1b2130",
    "muted": "#535d70",
    "line": "#dde1e9",
    "field": "#828b9e",
    "shade": "#ffae1f",
    "for": "#7fb4ff",
    "against": "#ff9a5c",
    "brand": "#ffae1f",
    "accent": "#2c53c4",
    "on-accent": "#ffffff",
    "bar": "#4c74e0",
    "rest": "#b4bdcd",
    "track": "#eceff4",
    "right": "#12693c",
    "right-back": "#e2f4e9",
    "wrong": "#a81f32",
    "wrong-back": "#fce8ea",
    "tip": "#1b2130",
    "on-tip": "#ffffff",
}

DARK = {
    "page": "#0f1218",
    "card": "#181c25",
    "ink": "#e8ebf2",
    "muted": "#a5afc1",
    "line": "#2b3240",
    "field": "#6f7b90",
    "shade": "#8f5b00",
    "for": "#1d55b3",
    "against": "#96410f",
    "brand": "#ffb84a",
    "accent": "#93b1ff",
    "on-accent": "#10131a",
    "bar": "#6f94f5",
    "rest": "#4c586d",
    "track": "#252b37",
    "right": "#7fdca6",
    "right-back": "#12301f",
    "wrong": "#ff9aa6",
    "wrong-back": "#3a161c",
    "tip": "#e8ebf2",
    "on-tip": "#10131a",
}


FULL_EVIDENCE = 0.05  # the full shade stands for no less, in points of probability


def shade(theme, level, name="shade"):
    """The colour behind a token, from the card's own (level 0) to the full shade (N_LEVELS)."""
    return _mixed(theme["card"], theme[name], level / N_LEVELS)


def evidence_levels(evidence):
    """-N_LEVELS to N_LEVELS for each token of a text; below 0 against the class.

    The full shade is the largest part, or 5 points of probability if that is more.

    Parameters
    ----------
    evidence : ndarray of shape (n_tokens,)
    """
    full = max(np.abs(evidence).max(initial=0.0), FULL_EVIDENCE)
    return np.rint(N_LEVELS * np.asarray(evidence) / full).astype(int)


def shade_levels(weights):
    """0 to N_LEVELS for each token of a text, by its weight.

    The full shade is the largest weight, or three even shares if that is more, so that evenly
    spread attention is pale everywhere.

    Parameters
    ----------
    weights : ndarray of shape (n_tokens,)
    """
    if not len(weights):
        return np.zeros(0, dtype=int)
    full = max(np.max(weights), 3.0 / len(weights))
    return np.minimum(N_LEVELS, np.rint(N_LEVELS * np.asarray(weights) / full)).astype(int)


def css_variables(theme):
    """One declaration per colour and shade."""
    levels = range(1, N_LEVELS + 1)
    colours = dict(theme)
    for letter, name in SHADES.items():
        colours |= {f"{letter}{level}": shade(theme, level, name) for level in levels}
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def _mixed(first, second, part):
    channels = zip(_channels(first), _channels(second), strict=True)
    mixed = (round(a + (b - a) * part) for a, b in channels)
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _channels(colour):
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
