"""Explanations -> one standalone HTML page, or a fragment for a notebook; pure.

Every string that came from a user goes through :func:`escaped`. The page needs no network and
allows none (a content security policy lets only its own script run).
"""

import base64
import hashlib
import re
from importlib.resources import files

import numpy as np

from skattn.inspection._render._cards import card, escaped, percent
from skattn.inspection._render._palette import DARK, LIGHT, N_LEVELS, css_variables

LOGO = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><rect x="1" y="11" width="3.4" height="7" rx="1"/>'
    '<rect x="6" y="3" width="3.4" height="15" rx="1" class="hot"/>'
    '<rect x="11" y="8" width="3.4" height="10" rx="1"/>'
    '<rect x="16" y="13" width="3.4" height="5" rx="1"/></svg>'
)


def render_page(explanations, y_true=None, title="What the model looked at", report=None):
    """Return a whole page as str."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escaped(title)}</title>
<link rel="icon" href="data:,">
<style>{_style()}</style>
</head>
<body class="skattn-page skattn-colours">
<div class="skattn">
{_masthead(explanations, y_true, title)}
{_verdict(report)}
{_tools(explanations, y_true)}
<main class="wrap">
{_legend(keys=True)}
<div class="cards">
{_cards(explanations, y_true)}
</div>
<p class="none" hidden>No text fits these filters.</p>
</main>
<footer class="wrap"><p>{_footer(report)}</p></footer>
<div class="tip" id="tip" role="tooltip" hidden></div>
</div>
<script>{script}</script>
</body>
</html>
"""


def render_fragment(explanations, y_true=None, n_texts=20):
    """Return the first texts as a block for a notebook; it needs no script."""
    shown = explanations[:n_texts]
    left = len(explanations) - len(shown)
    more = f"<p>The first {len(shown)} of {len(explanations)} texts.</p>" if left else ""
    cards = _cards(shown, None if y_true is None else y_true[:n_texts], still=True)
    return _embedded(f"{_legend()}{cards}{more}")


def _verdict(report):
    return "" if report is None else f'<div class="wrap">{_report_section(report)}</div>'


def render_report(report):
    """Return a faithfulness report as a block for a notebook."""
    return _embedded(_report_section(report, unfolded=True))


def _embedded(content):
    """A block for a page of somebody else, whose style sheet may know a ``.card`` or ``.body``.

    So every class of ours has a name of its own there. No text of a user can look like an
    attribute here: its quotes are escaped.
    """
    content = re.sub(r'(?<= class=")[^"]*', _renamed, f'<div class="skattn still">{content}</div>')
    style = re.sub(r"(?<=\.)(?!skattn)[a-z][a-z0-9-]*", r"skattn-\g<0>", _style())
    return f'<div class="skattn-colours"><style>{style}</style>{content}</div>'


def _renamed(names):
    """``card long`` becomes ``skattn-card skattn-long``."""
    return re.sub(r"(?<!\S)(?!skattn)\S", r"skattn-\g<0>", names[0])


def _asset(name):
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _style():
    """The style sheet, the colours of both themes before it."""
    levels = range(1, N_LEVELS + 1)
    shades = "".join(f".skattn .w{level}{{background:var(--w{level})}}" for level in levels)
    return (
        f".skattn-colours{{color-scheme:light dark;{css_variables(LIGHT)}}}"
        "@media (prefers-color-scheme:dark){"
        f".skattn-colours{{{css_variables(DARK)}}}}}{_asset('page.css')}{shades}"
    )


def _masthead(explanations, y_true, title):
    facts = [("texts", f"{len(explanations)}")]
    if explanations:
        facts.append(("classes", f"{len(explanations[0].classes)}"))
        sure = np.mean([explanation.probability for explanation in explanations])
        facts.append(("mean probability of the prediction", percent(sure)))
    if y_true is not None and explanations:
        right = np.mean(_hits(explanations, y_true))
        facts.insert(2, ("predicted right", percent(right)))
    if any(explanation.share < 1 for explanation in explanations):
        share = np.mean([explanation.share for explanation in explanations])
        facts.append(("of the decision is the attention part's", percent(share)))
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<header class="wrap masthead"><p class="brand">{LOGO}skattn</p><h1>{escaped(title)}</h1>'
        f'<p class="lede">{_lede(explanations)}</p><dl class="facts">{listed}</dl></header>'
    )


def _lede(explanations):
    aggregates = list(dict.fromkeys(explanation.aggregate for explanation in explanations))
    shown = f" Shown: {escaped(', '.join(aggregates))}." if aggregates else ""
    return (
        "Each text with the words that the network attended to, and the probability that the "
        f"model gives each class.{shown}"
    )


def _footer(report):
    if report is not None:
        return "Words are shaded by attention; the verdict above says whether it explains."
    return (
        "Attention shows where the network looked. Whether that explains its decision is a "
        "question for an experiment: faithfulness_report answers it for this model."
    )


def _tools(explanations, y_true):
    """Filters, each a native control; the script shows them."""
    predicted = [explanation.prediction for explanation in explanations]
    labels = _labels(explanations, y_true)
    fields = [_select("pred", "Predicted class", _options(labels, predicted))]
    if y_true is not None:
        hits = _hits(explanations, y_true)
        outcomes = [("1", f"right ({sum(hits)})"), ("0", f"wrong ({len(hits) - sum(hits)})")]
        fields.append(_select("true", "True class", _options(labels, y_true)))
        fields.append(_select("right", "Prediction", outcomes))
    orders = [("unsure", "least sure first"), ("sure", "most sure first")]
    fields.append(_select("order", "Order", orders, ("given", "as given")))
    return (
        '<div class="tools" role="search" aria-label="Filter the texts"><form class="wrap">'
        f'{"".join(fields)}<button type="reset">Show all</button>'
        '<p class="count num" role="status"></p></form></div>'
    )


def _select(name, label, options, first=("", "all")):
    choices = "".join(f'<option value="{key}">{text}</option>' for key, text in [first, *options])
    return f'<label>{label}<select name="{name}" autocomplete="off">{choices}</select></label>'


def _options(labels, values):
    """(number of the label, escaped label with its count) for each label that occurs."""
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return [
        (str(number), f"{escaped(label)} ({counts[label]})")
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


def _legend(keys=False):
    steps = "".join(f'<i class="w{level}"></i>' for level in range(0, N_LEVELS + 1, 2))
    how = (
        '<span class="keys">Point at a word for its weight, or use <kbd>Tab</kbd> and '
        "<kbd>←</kbd> <kbd>→</kbd>.</span>"
        if keys
        else ""
    )
    return (
        f'<p class="legend"><span>less</span><span class="scale" aria-hidden="true">{steps}</span>'
        "<span>more attention: full shade is the most in a text, or three times an even "
        f"share if that is more.</span>{how}</p>"
    )


def _cards(explanations, y_true, still=False):
    labels = _labels(explanations, y_true)
    truths = [None] * len(explanations) if y_true is None else y_true
    return "\n".join(
        card(number, explanation, truth, y_true is not None, labels, still)
        for number, (explanation, truth) in enumerate(zip(explanations, truths, strict=True))
    )


def _report_section(report, unfolded=False):
    """Verdict, the rule's conditions, the table."""
    conditions = "".join(
        f'<li><span class="{"met" if met else "unmet"}" aria-hidden="true">{"✓" if met else "✗"}'
        f'</span><span><span class="sr">{"met" if met else "not met"}: </span>'
        f"{escaped(text)}</span></li>"
        for text, met in report.conditions
    )
    names = report.column_titles
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in ["Ranking", *names])
    head = head.replace("ensive", "en&shy;sive")  # fits a phone
    ours = {"attention": ' class="ours"'}
    rows = "".join(
        f"<tr{ours.get(name, '')}><th scope=row>{escaped(name)}</th>"
        + "".join(_score_cell(*cell) for cell in cells)
        + "</tr>"
        for name, cells in report.rows()
    )
    return (
        f'<section class="faith {"yes" if report.faithful else "no"}"><h2>'
        f"{escaped(report.verdict)}</h2><ul>{conditions}</ul>"
        f"<details{' open' if unfolded else ''}><summary>The numbers</summary>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Scores">'
        f'<table class="scores"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="note">{escaped(report.note)}</p></details></section>'
    )


def _score_cell(mean, low, high):
    return f'<td class="num">{mean:.3f}<small>{low:.3f} to {high:.3f}</small></td>'
