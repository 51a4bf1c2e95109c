"""What a card shows of one explanation, as plain values for the templates; pure."""

import numpy as np

from skattn.inspection._render._palette import N_LEVELS, shade_levels
from skattn.inspection._render._text_pieces import text_pieces

N_BARS = 4  # classes beyond these are folded away
N_TOP_TOKENS = 5
LONG_TEXT = 120  # tokens; longer texts are folded


def percent(part):
    """0.1234 -> 12.3 %; what is small but not nothing stays so."""
    return "<0.1 %" if 0 < part < 0.0005 else f"{100 * part:.1f} %"


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
    return {
        "number": number,
        "n_tokens": n_tokens,
        "sure": f"{explanation.probability:.6f}",
        "prediction": explanation.prediction,
        "predicted": labels[explanation.prediction],
        "has_truth": has_truth,
        "truth": truth,
        "true": labels[truth] if has_truth else None,
        "right": bool(has_truth and explanation.prediction == truth),
        "long": n_tokens > LONG_TEXT and not still,
        "blank": not explanation.text.strip(),
        "pieces": _pieces(explanation, still),
        "top": _top_words(explanation),
        "even": percent(1 / n_tokens) if n_tokens else None,
        "share": percent(explanation.share) if explanation.share < 1 else None,
        "bars": bars[:n_shown],
        "folded": bars[n_shown:],
    }


def _pieces(explanation, still):
    """The text in pieces: what is shown of each token, or None between tokens."""
    weights = explanation.weights
    levels = shade_levels(weights).tolist()
    ranks = np.empty(len(weights), dtype=int)
    ranks[np.argsort(-weights, kind="stable")] = np.arange(1, len(weights) + 1)
    pieces, first = [], True
    for text, token in text_pieces(explanation):
        shown = None
        if token is not None:
            rank = int(ranks[token])
            shown = {
                "level": levels[token],
                "hot": levels[token] > N_LEVELS // 2,
                "stop": rank <= N_TOP_TOKENS if still else first,  # of the Tab key
                "weight": percent(weights[token]),
                "rank": rank,
            }
            first = False
        pieces.append((text, shown))
    return pieces


def _top_words(explanation):
    """The words of most attention, summed over their places."""
    weights = {}
    for token, weight in explanation.top_tokens(None):
        weights.setdefault(token.casefold(), (token, []))[1].append(weight)
    words = [(token, sum(each), len(each)) for token, each in weights.values()]
    return [
        {"word": _shortened(word), "weight": percent(weight), "places": places}
        for word, weight, places in sorted(words, key=lambda word: -word[1])[:N_TOP_TOKENS]
    ]


def _bars(explanation, truth, has_truth):
    """The classes and their probabilities, the most probable first."""
    labels = explanation.classes.tolist()
    return [
        {
            "label": labels[place],
            "is_true": has_truth and labels[place] == truth,
            "is_first": labels[place] == explanation.prediction,
            "percent": percent(explanation.probabilities[place]),
            "width": f"{100 * float(explanation.probabilities[place]):.1f}",
        }
        for place in np.argsort(-explanation.probabilities, kind="stable")
    ]


def _shortened(token, length=40):
    return token if len(token) <= length else token[: length - 1] + "…"
