"""Explanations -> one standalone HTML page, or a block for a notebook.

First plain data, then Jinja2 templates, which escape every string. The page needs no network and
allows none: a content security policy lets only its own script run.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from skattn.inspection._render._cards import card_data, percent
from skattn.inspection._render._palette import DARK, LIGHT, N_LEVELS, css_variables

# Control characters, direction overrides and noncharacters: shown by number, never obeyed
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def visible(value):
    """A value as text, its unsafe characters replaced by their numbers; markup stays as it is."""
    if isinstance(value, Markup):
        return value
    return _UNSAFE.sub(lambda match: f"[U+{ord(match[0]):04X}]", str(value))


def render_page(explanations, y_true=None, title="What the model looked at", report=None):
    """Return a whole page as str."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template("page").render(
        title=title,
        script=Markup(script),
        digest=digest,
        style=_style(),
        facts=_facts(explanations, y_true),
        aggregates=list(dict.fromkeys(explanation.aggregate for explanation in explanations)),
        filters=_filters(explanations, y_true),
        cards=_cards(explanations, y_true),
        report=_report_data(report) if report is not None else None,
        levels=_legend_levels(),
    )


def render_fragment(explanations, y_true=None, n_texts=20):
    """Return the first texts as a block for a notebook; it needs no script."""
    shown = explanations[:n_texts]
    return _template("fragment").render(
        style=_style(),
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
    levels = range(1, N_LEVELS + 1)
    shades = "".join(f".skattn .skattn-w{n}{{background:var(--w{n})}}" for n in levels)
    return Markup(
        f".skattn-colours{{color-scheme:light dark;{css_variables(LIGHT)}}}"
        "@media (prefers-color-scheme:dark){"
        f".skattn-colours{{{css_variables(DARK)}}}}}{_asset('page.css')}{shades}"
    )


def _legend_levels():
    return range(0, N_LEVELS + 1, 2)


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
    if any(explanation.share < 1 for explanation in explanations):
        share = np.mean([explanation.share for explanation in explanations])
        facts.append(("of the decision comes from attention", percent(share)))
    return facts


def _filters(explanations, y_true):
    """The filters, each a list of choices: (name, label, [(key, text), ...])."""
    predicted = [explanation.prediction for explanation in explanations]
    labels = _labels(explanations, y_true)
    filters = [("pred", "Predicted class", [("", "all"), *_options(labels, predicted)])]
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
        for label in explanation.classes.tolist():
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
            "verdict": verdict,
            "conditions": report.conditions_of(ranking),
            "faithful": all(bool(met) for _, met in report.conditions_of(ranking)),
        }
        for ranking, verdict in report.verdicts.items()
    ]
    return {
        "judged": judged,
        "faithful": judged[0]["faithful"],
        "rankings": list(report.verdicts),
        # a soft hyphen, to fit a phone
        "titles": [name.replace("ensive", "en\xadsive") for name in report.column_titles],
        "rows": [
            (name, [[_figure(value) for value in cell] for cell in cells])
            for name, cells in report.rows()
        ],
        "note": report.note,
    }


def _figure(value):
    return "\u2013" if np.isnan(value) else f"{value:.3f}"
