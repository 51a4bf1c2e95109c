"""One explanation -> one card of HTML; pure.

Every string that came from a user goes through :func:`escaped`.
"""

import html
import re

import numpy as np

from skattn.inspection._render._palette import N_LEVELS, shade_level
from skattn.inspection._render._text_pieces import text_pieces

N_BARS = 4  # classes beyond these are folded away
N_TOP_TOKENS = 5
LONG_TEXT = 120  # tokens; longer texts are folded

# Control characters, direction overrides and noncharacters: shown by number, never obeyed
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def escaped(value):
    """Any value as text that is safe in HTML, between tags and in quoted attributes."""
    visible = _UNSAFE.sub(lambda match: f"[U+{ord(match[0]):04X}]", str(value))
    return html.escape(visible, quote=True)


def percent(part):
    """0.1234 -> 12.3 %; what is small but not nothing stays so."""
    return "<0.1 %" if 0 < part < 0.0005 else f"{100 * part:.1f} %"


def card(number, explanation, truth, has_truth, labels, still):
    """One text: outcome, marked words, heaviest words in plain text, probabilities."""
    n_tokens = len(explanation.tokens)
    data = f'data-i="{number}" data-n="{n_tokens}" data-sure="{explanation.probability:.6f}"'
    data += f' data-pred="{labels[explanation.prediction]}"'
    if has_truth:
        data += f' data-true="{labels[truth]}" data-right="{int(explanation.prediction == truth)}"'
    long = n_tokens > LONG_TEXT and not still
    more = f"Show all {n_tokens} words"
    button = (
        f'<button type="button" class="more" aria-expanded="false" data-label="{more}">{more}'
        "</button>"
    )
    heading = "h3" if still else "h2"
    return (
        f'<article class="card{" long" if long else ""}" {data}><div class="head">'
        f'<{heading}><span class="no num">{number + 1}</span><bdi>{escaped(explanation.prediction)}'
        f"</bdi></{heading}>{_badge(explanation, truth, has_truth)}</div>"
        f'<div class="body"><div>{_marked_text(explanation, still)}{button if long else ""}'
        f"{_top_tokens(explanation)}{_share(explanation)}</div>"
        f"{_probabilities(explanation, truth, has_truth)}</div></article>"
    )


def _badge(explanation, truth, has_truth):
    if not has_truth:
        return ""
    if explanation.prediction == truth:
        return '<p class="badge right"><span aria-hidden="true">✓ </span>right</p>'
    return (
        '<p class="badge wrong"><span aria-hidden="true">✗ </span>wrong: it is '
        f"<bdi>{escaped(truth)}</bdi></p>"
    )


def _marked_text(explanation, still):
    if not explanation.text.strip():
        return '<p class="text blank">An empty text.</p>'
    weights = explanation.weights.tolist()
    ranks = np.empty(len(weights), dtype=int)
    ranks[np.argsort(-explanation.weights, kind="stable")] = np.arange(1, len(weights) + 1)
    pieces, first = [], True
    for text, token in text_pieces(explanation):
        if token is None:
            pieces.append(escaped(text))
            continue
        level = shade_level(weights[token], weights)
        stop = ' tabindex="0"' if (ranks[token] <= N_TOP_TOKENS if still else first) else ""
        hot = " hot" if level > N_LEVELS // 2 else ""
        data = f'data-w="{escaped(percent(weights[token]))}" data-r="{ranks[token]}"'
        pieces.append(f'<i class="t w{level}{hot}"{stop} {data}>{escaped(text)}</i>')
        first = False
    return f'<p class="text" dir="auto">{"".join(pieces)}</p>'


def _top_tokens(explanation):
    if not explanation.tokens:
        return '<p class="top">The vectorizer found no words in this text.</p>'
    listed = " ".join(
        f'<span><bdi>{escaped(_shortened(word))}</bdi> <span class="num">'
        f"{escaped(percent(weight))}{f' in {places} places' if places > 1 else ''}</span></span>"
        for word, weight, places in _top_words(explanation)
    )
    even = escaped(percent(1 / len(explanation.tokens)))
    return f'<p class="top"><b>Most attention</b> {listed} (an even share: {even})</p>'


def _top_words(explanation):
    """The words of most attention, summed over their places: [(word, weight, places), ...]."""
    weights = {}
    for token, weight in explanation.top_tokens(None):
        weights.setdefault(token.casefold(), (token, []))[1].append(weight)
    words = [(token, sum(each), len(each)) for token, each in weights.values()]
    return sorted(words, key=lambda word: -word[1])[:N_TOP_TOKENS]


def _share(explanation):
    if explanation.share >= 1:
        return ""
    return (
        f'<p class="share">The attention part carries {percent(explanation.share)} of this '
        "decision; what only the other parts of the model used is not shaded.</p>"
    )


def _probabilities(explanation, truth, has_truth):
    order = np.argsort(-explanation.probabilities, kind="stable")
    labels = explanation.classes.tolist()
    bars = []
    for place in order:
        label = labels[place]
        is_true = " <small>true class</small>" if has_truth and label == truth else ""
        probability = percent(explanation.probabilities[place])
        first = ' class="first"' if label == explanation.prediction else ""
        width = 100 * float(explanation.probabilities[place])
        bars.append(
            f"<li{first}><bdi>{escaped(label)}{is_true}</bdi>"
            f'<span class="num">{escaped(probability)}</span>'
            f'<span class="bar" aria-hidden="true"><i style="width:{width:.1f}%"></i></span></li>'
        )
    shown, folded = bars, []
    if len(bars) > N_BARS + 1:
        shown, folded = bars[:N_BARS], bars[N_BARS:]
    rest = (
        f"<details><summary>{len(folded)} more classes</summary><ol>{''.join(folded)}</ol>"
        "</details>"
        if folded
        else ""
    )
    return f'<div class="probs"><h3>Probability</h3><ol>{"".join(shown)}</ol>{rest}</div>'


def _shortened(token, length=40):
    return token if len(token) <= length else token[: length - 1] + "…"
