"""Explanations -> one standalone HTML page, or a block for a notebook.

First plain data, then Jinja2 templates, which escape every string. The page needs no network and
allows none: a content security policy lets only its own script run.
"""

import base64
import datetime
import hashlib
import re
from collections import Counter
from functools import cache
from importlib.resources import files

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from skattn.inspection._render._cards import card_data, percent, points
from skattn.inspection._render._corpus import named, strongest, words_of_classes
from skattn.inspection._render._palette import DARK, LIGHT, N_LEVELS, SHADES, css_variables

N_WORDS = 10  # for each class in the list over all texts, and half as many against it
MANY_TEXTS = 50  # from so many on, words of a single text are left out of this list
MAX_CLASSES = 20  # of this list, and of the confusion matrix
LEAST_EVIDENCE = 0.001

# What `TextExplanation.aggregate` may say, and what the page says then
PLAIN = "attention weights"
KINDS = {
    "no attention": "This model has no attention.",
    r"mean over (\d+) networks": "The model has {} networks; the mean of their weights is shown.",
    r"mean over (\d+) heads": (
        "A network with {} attention heads gives that many weights to each word; their mean is "
        "shown."
    ),
    "segments": (
        "The text is divided into segments, which have weights too: a word's weight within its "
        "segment times the weight of the segment is shown."
    ),
    "window": (
        "The network gives weights to windows of neighboring words; the weight of each window is "
        "divided among its words."
    ),
    "n-gram": (
        "The network also reads groups of words (n-grams); the weight of each group is divided "
        "among its words."
    ),
    r"the (\w+) of all words, also used": (
        "The network also uses the {} over all words; the weights do not show this part."
    ),
}

# Control characters, direction overrides and noncharacters: shown by number, never obeyed
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def visible(value):
    """A value as text, its unsafe characters replaced by their numbers; markup stays as it is."""
    if isinstance(value, Markup):
        return value
    return _UNSAFE.sub(lambda match: f"[U+{ord(match[0]):04X}]", str(value))


def render_page(
    explanations, y_true=None, title="What the model looked at", report=None, model_name=""
):
    """Return a whole page as str."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template("page").render(
        title=title,
        script=Markup(script),
        digest=digest,
        style=_style(),
        views=_views(explanations),
        facts=_facts(explanations, y_true),
        kinds=_kinds(explanations),
        filters=_filters(explanations, y_true),
        words=_words(explanations),
        n_classes=_n_classes(explanations),
        cased=any(explanation.case_sensitive for explanation in explanations),
        only_common=len(explanations) >= MANY_TEXTS,
        confusion=_confusion(explanations, y_true),
        cards=_cards(explanations, y_true),
        report=_report_data(report) if report is not None else None,
        about=_about(explanations, report, model_name),
        levels=_legend_levels(),
    )


def render_fragment(explanations, y_true=None, n_texts=20):
    """Return the first texts as a block for a notebook; it needs no script."""
    shown = explanations[:n_texts]
    return _template("fragment").render(
        style=_style(),
        views=_views(explanations),
        cards=_cards(shown, None if y_true is None else y_true[:n_texts], still=True),
        n_texts=len(explanations),
        levels=_legend_levels(),
    )


def render_report(report):
    """Return a faithfulness report as a block for a notebook."""
    return _template("report").render(style=_style(), report=_report_data(report))


def _template(name):
    return _environment().get_template(f"{name}.html.jinja")


@cache
def _environment():
    return Environment(
        loader=PackageLoader("skattn.inspection._render"),
        autoescape=True,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name):
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _style():
    """The style sheet, the colours of both themes before it."""
    shades = "".join(
        f".skattn .skattn-{name}{n}{{background:var(--{name}{n})}}"
        for name in SHADES
        for n in range(1, N_LEVELS + 1)
    )
    return Markup(
        f".skattn-colours{{color-scheme:light dark;{css_variables(LIGHT)}}}"
        "@media (prefers-color-scheme:dark){"
        f".skattn-colours{{{css_variables(DARK)}}}}}{_asset('page.css')}{shades}"
    )


def _legend_levels():
    return range(0, N_LEVELS + 1, 2)


def _views(explanations):
    """What the texts can be shaded by, the first one first."""
    views = []
    if any(explanation.evidence is not None for explanation in explanations):
        views.append("evidence")
    if not views or any(explanation.weights.any() for explanation in explanations):
        views.append("attention")
    return views


def _kinds(explanations):
    """Sentences that say what kind of attention the weights are."""
    kinds = []
    for aggregate in dict.fromkeys(explanation.aggregate for explanation in explanations):
        found = [(re.search(pattern, aggregate), said) for pattern, said in KINDS.items()]
        said = [sentence.format(*match.groups()) for match, sentence in found if match]
        kinds += said if said or aggregate == PLAIN else [f"Here it is: {aggregate}."]
    return list(dict.fromkeys(kinds))


def _about(explanations, report, model_name):
    """(name, value) of what the foot of the page says."""
    about = [("model", model_name)] if model_name else []
    about.append(("texts", f"{len(explanations):,}"))
    about.append(("date", datetime.date.today().isoformat()))
    verdicts = ["not tested"]
    if report is not None:
        verdicts = [*report.verdicts.values(), *report._warnings()]
    return [*about, ("faithfulness", " ".join(verdicts))]


def _words(explanations):
    """The strongest words of each class over all texts, for and against."""
    if not explanations or any(explanation.evidence is None for explanation in explanations):
        return []
    classes = []
    words = words_of_classes(explanations, 2 if len(explanations) >= MANY_TEXTS else 1)
    predicted = Counter(explanation.prediction for explanation in explanations)
    shown_labels = sorted(words, key=lambda label: -predicted[label])[:MAX_CLASSES]
    for label, found in words.items():
        if label not in shown_labels:
            continue
        chosen = strongest(found, N_WORDS, 1) + strongest(found, N_WORDS // 2, -1)
        shown = [
            {
                "word": word.word,
                "shown": named(word.word),
                "value": points(word.mean),
                "positive": word.mean > 0,
                "n_texts": word.n_texts,
            }
            for word in chosen
            if abs(word.mean) >= LEAST_EVIDENCE
        ]
        if shown:
            classes.append({"label": label, "words": shown})
    return classes


def _n_classes(explanations):
    """How many classes the model has, if the list of words is of some of them only."""
    n_classes = len(explanations[0].classes) if explanations else 0
    return n_classes if n_classes > MAX_CLASSES else None


def _confusion(explanations, y_true):
    """Counts of true and predicted classes; None without true classes or with too many."""
    labels = _labels(explanations, y_true)
    if y_true is None or not 0 < len(labels) <= MAX_CLASSES:
        return None
    pairs = Counter(zip(y_true, (e.prediction for e in explanations), strict=True))
    rows = [
        (true, key, [(pairs[true, column], number, true == column) for column, number in columns])
        for columns in [list(labels.items())]
        for true, key in labels.items()
    ]
    return {"columns": list(labels.items()), "rows": rows}


def _facts(explanations, y_true):
    """(name, value) of each figure at the top of the page."""
    facts = [("texts", len(explanations))]
    if explanations:
        facts.append(("classes", len(explanations[0].classes)))
        sure = np.mean([explanation.probability for explanation in explanations])
        facts.append(("mean probability of the prediction", percent(sure)))
    if y_true is not None and explanations:
        right = np.mean(_hits(explanations, y_true))
        facts.insert(2, ("predicted right", percent(right)))
    if any(0 < explanation.share < 1 for explanation in explanations):
        share = np.mean([explanation.share for explanation in explanations])
        facts.append(("of the probability comes from the network", percent(share)))
    return facts


def _filters(explanations, y_true):
    """The filters, each a list of choices: (name, label, [(key, text), ...])."""
    predicted = [explanation.prediction for explanation in explanations]
    labels = _labels(explanations, y_true)
    filters = []
    if "evidence" in _views(explanations):
        predicted_ones = all(e.target == e.prediction for e in explanations)
        lenses = [("", "the predicted one" if predicted_ones else "the explained one")]
        lenses += [("true", "the true one")] if y_true is not None else []
        known = {label for explanation in explanations for label in explanation._labels}
        lenses += [(str(n), label) for label, n in labels.items() if label in known]
        filters.append(("lens", "For which class", lenses))
    filters += [("pred", "Predicted class", [("", "all"), *_options(labels, predicted)])]
    if y_true is not None:
        hits = _hits(explanations, y_true)
        outcomes = [("1", f"right ({sum(hits)})"), ("0", f"wrong ({len(hits) - sum(hits)})")]
        filters.append(("true", "True class", [("", "all"), *_options(labels, y_true)]))
        filters.append(("right", "Prediction", [("", "all"), *outcomes]))
    orders = [("given", "as given"), ("unsure", "least sure first"), ("sure", "most sure first")]
    return [*filters, ("order", "Order", orders)]


def _options(labels, values):
    """(number of the label, label with its count) for each label that occurs."""
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return [
        (str(number), f"{label} ({counts[label]})")
        for label, number in labels.items()
        if label in counts
    ]


def _labels(explanations, y_true):
    """Every label -> its number; the model's classes first."""
    labels = {}
    for explanation in explanations:
        for label in explanation._labels:
            labels.setdefault(label, len(labels))
    for label in [] if y_true is None else y_true:
        labels.setdefault(label, len(labels))
    return labels


def _hits(explanations, y_true):
    return [
        bool(explanation.prediction == label)
        for explanation, label in zip(explanations, y_true, strict=True)
    ]


def _cards(explanations, y_true, still=False):
    labels = _labels(explanations, y_true)
    truths = [None] * len(explanations) if y_true is None else y_true
    return [
        card_data(number, explanation, truth, y_true is not None, labels, still)
        for number, (explanation, truth) in enumerate(zip(explanations, truths, strict=True))
    ]


def _report_data(report):
    """Verdicts, the rule's conditions for each, and the table."""
    judged = [
        {
            "ranking": ranking,
            "verdict": verdict,
            "conditions": report.conditions_of(ranking),
            "faithful": all(bool(met) for _, met in report.conditions_of(ranking)),
        }
        for ranking, verdict in report.verdicts.items()
    ]
    return {
        "judged": judged,
        "warnings": report._warnings(),
        "rankings": list(report.verdicts),
        # a soft hyphen, to fit a phone
        "titles": [name.replace("ensive", "en\xadsive") for name in report.column_titles],
        "rows": [
            (name, [[_figure(value) for value in cell] for cell in cells])
            for name, cells in report.rows()
        ],
        "note": " ".join(report._measured()),
    }


def _figure(value):
    return "\u2013" if np.isnan(value) else f"{value:.3f}"
