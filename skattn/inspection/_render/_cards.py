"""What a card shows of one explanation, as plain values for the templates; pure."""

import itertools
import json

import numpy as np

from skattn.inspection._render._corpus import named, summed_words
from skattn.inspection._render._palette import N_LEVELS, evidence_levels, shade_levels
from skattn.inspection._render._text_pieces import text_pieces

N_BARS = 4  # classes beyond these are folded away
N_TOP_TOKENS = 5
LONG_TEXT = 120  # tokens; longer texts are folded
N_AROUND = 5  # words to each side of a strong word that stay in sight
MAX_LENSES = 5  # classes of which a card holds the evidence
MAX_FOLDED = 20  # classes whose probabilities are there, but folded away


def percent(part):
    """0.1234 -> 12.3 %; what is small but not nothing stays so."""
    return "<0.1 %" if 0 < part < 0.0005 else f"{100 * part:.1f} %"


def _at_most(parts):
    most = max(parts, default=0.0)
    return f"at most {percent(most)}" if most >= 0.0005 else "below 0.1 %"


def points(part):
    """0.1234 -> +12.3, in points of probability, with a true minus sign."""
    return f"{100 * part:+.1f}".replace("-", "−") if abs(part) >= 0.0005 else "0.0"


def card_data(number, explanation, truth, has_truth, labels, still):
    """What one card shows.

    Parameters
    ----------
    number : int
        From 0.
    explanation : TextExplanation
    truth : label
        The true class, where `has_truth`.
    has_truth : bool
    labels : dict
        The number of each label.
    still : bool
        Whether the card has to do without a script.

    Returns
    -------
    data : dict
    """
    n_tokens = len(explanation.tokens)
    bars = _bars(explanation, truth, has_truth)
    n_shown = len(bars) if len(bars) <= N_BARS + 1 else N_BARS
    folded = [
        bar for place, bar in enumerate(bars[n_shown:]) if place < MAX_FOLDED or bar["is_true"]
    ]
    left_out = [bar for bar in bars[n_shown:] if bar not in folded]
    lenses = _lenses(explanation, truth, has_truth)
    pieces = text_pieces(explanation, _strength(explanation))
    long = n_tokens > LONG_TEXT and not still
    return {
        "number": number,
        "n_tokens": n_tokens,
        "sure": f"{explanation.probability:.6f}",
        "prediction": explanation.prediction,
        "predicted": labels[explanation.prediction],
        "target": labels[explanation.target],
        "has_truth": has_truth,
        "truth": truth,
        "true": labels[truth] if has_truth else None,
        "right": bool(has_truth and explanation.prediction == truth),
        "long": long,
        "blank": not explanation.text.strip(),
        "parts": _parts(explanation, pieces, lenses, long, still),
        "data": None if still else _values(explanation, pieces, lenses, labels),
        "sums": _sums(explanation, lenses, labels, truth, has_truth),
        "unexplained": explanation.unexplained,
        "top": _top_words(explanation) if _has_attention(explanation) else None,
        "even": percent(1 / n_tokens) if n_tokens else None,
        "share": percent(explanation.share) if 0 < explanation.share < 1 else None,
        "share_of": explanation.target if explanation.target != explanation.prediction else None,
        "bars": bars[:n_shown],
        "n_folded": len(bars) - n_shown,
        "folded": folded,
        "n_left_out": len(left_out),
        "left_out": _at_most([bar["probability"] for bar in left_out]),
    }


def _has_attention(explanation):
    return bool(explanation.weights.any())


def _strength(explanation):
    """What decides which of several tokens over the same characters is shown."""
    if explanation.evidence is None:
        return explanation.weights
    return np.abs(explanation.evidence_for())


def _lenses(explanation, truth, has_truth):
    """Positions of the classes of which the evidence is shown: target, predicted, true, likely."""
    if explanation.evidence is None:
        return []
    labels = explanation._labels
    first = [explanation.target, explanation.prediction, *([truth] if has_truth else [])]
    likely = np.argsort(-explanation.probabilities, kind="stable").tolist()
    places = [labels.index(label) for label in first if label in labels]
    return list(dict.fromkeys(places + likely))[:MAX_LENSES]


def _parts(explanation, pieces, lenses, long, still):
    """The text as runs of pieces: what is shown of each token, or None between tokens.

    In a long text the runs far from the strongest words are cut: the page shows them when asked.
    """
    shades, words = _shades(explanation)
    shown, first = [], True
    for text, token in pieces:
        each = None
        if token is not None:
            stop = words[token]["stop"] if still else first  # of the Tab key
            each = {**words[token], "shade": shades[token], "stop": stop}
            first = False
        shown.append((text, each))
    if not long:
        return [{"cut": False, "pieces": shown}]
    kept = _near_strong_words(explanation, pieces, lenses)
    changes = np.flatnonzero(np.diff(kept.astype(int))) + 1
    bounds = [0, *changes.tolist(), len(shown)]
    return [
        {"cut": not kept[start], "pieces": shown[start:end]}
        for start, end in itertools.pairwise(bounds)
    ]


def _shades(explanation):
    """The shade of each token, and what is said of it where there is no script."""
    if explanation.evidence is None:
        levels, said = shade_levels(explanation.weights), map(percent, explanation.weights)
        names = [f"w{level}" for level in levels]
        order = np.argsort(-explanation.weights, kind="stable")
    else:
        values = explanation.evidence_for()
        levels, said = evidence_levels(values), map(points, values)
        names = [f"pro{n}" if n > 0 else f"con{-n}" if n < 0 else "w0" for n in levels]
        order = np.argsort(-np.abs(values), kind="stable")
    top = set(order[:N_TOP_TOKENS].tolist())
    words = [
        {"said": text, "hot": bool(abs(level) > N_LEVELS // 2), "stop": token in top}
        for token, (text, level) in enumerate(zip(said, levels, strict=True))
    ]
    return names, words


def _near_strong_words(explanation, pieces, lenses):
    """Which pieces stand near a word that is strong in some view."""
    strong = {0}
    for values in [explanation.weights, *(explanation.evidence[:, c] for c in lenses[:2])]:
        strong |= set(np.argsort(-np.abs(values), kind="stable")[:N_TOP_TOKENS].tolist())
    kept = np.zeros(len(pieces), dtype=bool)
    for place, (_, token) in enumerate(pieces):
        if token in strong:
            kept[max(0, place - 2 * N_AROUND) : place + 2 * N_AROUND + 1] = True
    return kept


def _values(explanation, pieces, lenses, labels):
    """For the script: evidence in tenths of points and attention in thousandths of a percent."""
    tokens = [token for _, token in pieces if token is not None]
    names = explanation._labels
    values = {
        "c": [labels[names[place]] for place in lenses],
        "e": [_rounded(1e3 * explanation.evidence[tokens, place]) for place in lenses],
    }
    if _has_attention(explanation):
        values["a"] = _rounded(1e5 * explanation.weights[tokens])
    return json.dumps(values, separators=(",", ":"))


def _rounded(values):
    return np.rint(values).astype(int).tolist()


def _sums(explanation, lenses, labels, truth, has_truth):
    """For each class that is shown: the strongest words, and how base and parts add up."""
    sums = []
    for place in lenses:
        label = explanation._labels[place]
        values = explanation.evidence[:, place]
        pro, contra = float(values[values > 0].sum()), float(values[values < 0].sum())
        base = float(explanation.base_probabilities[place])
        scale = 100 / max(1.0, base + pro)
        words = summed_words(explanation, values)
        sums.append(
            {
                "label": label,
                "key": labels[label],
                "is_predicted": label == explanation.prediction,
                "is_true": has_truth and label == truth,
                "is_target": label == explanation.target,
                "pro": _listed(words, 1),
                "contra": _listed(words, -1),
                "base": percent(base),
                "for": f"{100 * pro:.1f}",
                "against": f"{abs(100 * contra):.1f}",
                "total": percent(float(explanation.probabilities[place])),
                "base_width": f"{scale * base:.1f}",
                "for_width": f"{scale * pro:.1f}",
                "end": f"{max(0.0, scale * (base + pro + contra)):.1f}",
                "against_width": f"{min(-scale * contra, scale * (base + pro)):.1f}",
            }
        )
    return sums


def _listed(words, sign):
    chosen = [word for word in words if word[1] * sign >= 0.0005]
    chosen.sort(key=lambda word: -word[1] * sign)
    return [
        {"word": _shortened(word), "value": points(value), "places": places}
        for word, value, places in chosen[:N_TOP_TOKENS]
    ]


def _top_words(explanation):
    """The words of most attention, summed over their places."""
    words = summed_words(explanation, explanation.weights)
    return [
        {"word": _shortened(word), "weight": percent(weight), "places": places}
        for word, weight, places in sorted(words, key=lambda word: -word[1])[:N_TOP_TOKENS]
    ]


def _bars(explanation, truth, has_truth):
    """The classes and their probabilities, the most probable first."""
    labels = explanation._labels
    return [
        {
            "label": labels[place],
            "is_true": has_truth and labels[place] == truth,
            "is_first": labels[place] == explanation.prediction,
            "probability": float(explanation.probabilities[place]),
            "percent": percent(explanation.probabilities[place]),
            "width": f"{100 * float(explanation.probabilities[place]):.1f}",
        }
        for place in np.argsort(-explanation.probabilities, kind="stable")
    ]


def _shortened(token, length=40):
    token = named(token)
    return token if len(token) <= length else token[: length - 1] + "…"
