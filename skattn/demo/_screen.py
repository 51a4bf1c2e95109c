"""The demo's screen: tables and shaded texts, also readable without colour or in a pipe."""

import contextlib
import time
from collections import Counter

import numpy as np
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

EXCERPT_CHARACTERS = 300
N_TOP_WORDS = 5
N_REPORT_CLASSES = 20
REPORT_WIDTH = 78  # in a narrower terminal the report has F1 only
# A word's share of the strongest evidence in its text, and how it is shown; below 0 against.
SHADES = ((0.5, "bold black on bright_blue"), (0.2, "black on bright_blue"))
SHADES_AGAINST = ((0.5, "bold black on yellow underline"), (0.2, "black on yellow underline"))


class Screen:
    """Writes each step of the demo on a rich console."""

    def __init__(self, console):
        self.console = console

    def title(self, text):
        """Begin a part of the demo."""
        self.console.print()
        self.console.print(Rule(Text(text, style="bold"), align="left", style="dim"))

    def say(self, text, style=""):
        """One paragraph; what stands in square brackets is text, not markup."""
        self.console.print(Text(_printable(text), style=style))

    @contextlib.contextmanager
    def step(self, text):
        """A spinner while the block runs, then the text and the seconds it took."""
        start = time.perf_counter()
        with self.console.status(Text(text)):
            yield
        self.say(f"{text}: {time.perf_counter() - start:.1f} s")

    def show_corpus(self, corpus):
        """What the demo works on."""
        counts = Counter(corpus.labels)
        self.title("The texts")
        self.say(f"{len(corpus.texts):,} {corpus.title} in {len(counts)} classes")
        largest = [f"{label} {count:,}" for label, count in counts.most_common(8)]
        self.say(", ".join([*largest, "..."] if len(counts) > 8 else largest))
        for note in corpus.notes:
            self.say(note, style="dim")

    def show_search(self, results):
        """A grid search's candidates, best first."""
        table = Table(box=None, pad_edge=False)
        settings = [
            {name.rpartition("__")[2]: value for name, value in params.items()}
            for params in results["params"]
        ]
        for name in settings[0]:
            table.add_column(name)
        table.add_column("accuracy of the folds", justify="right")
        table.add_column("seconds a fit", justify="right")
        for row in np.argsort(results["rank_test_score"], kind="stable"):
            table.add_row(
                *(str(value) for value in settings[row].values()),
                f"{results['mean_test_score'][row]:.3f} ± {results['std_test_score'][row]:.3f}",
                f"{results['mean_fit_time'][row]:.1f}",
                style="bold" if results["rank_test_score"][row] == 1 else "",
            )
        self.console.print(Padding(table, (0, 0, 0, 2)))

    def show_report(self, labels, predictions):
        """A classification report with the models side by side; predictions: name -> labels."""
        classes = [label for label, _ in Counter(labels).most_common()]
        table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
        table.add_column("\nclass", max_width=20, no_wrap=True)
        wide = self.console.width >= REPORT_WIDTH + 24 * (len(predictions) - 2)
        for name in predictions:  # above the middle one of its three columns, or its only one
            heads = ("\nprecision", f"{name}\nrecall", "\nF1") if wide else (f"{name}\nF1",)
            for head in heads:
                table.add_column(head, justify="right", no_wrap=True)
        table.add_column("\ntexts", justify="right", no_wrap=True)
        measures = [_measures(labels, found, classes) for found in predictions.values()]
        rows = list(enumerate(classes))[:N_REPORT_CLASSES]
        for row, label in [*rows, (len(classes), f"mean of {len(classes)} classes")]:
            shown = [columns[0 if wide else 2 : 3, row] for columns in measures]
            cells = [f"{value:.3f}" for value in np.concatenate(shown)]
            count = f"{measures[0][3, row]:,.0f}"
            table.add_row(Text(_printable(label)), *cells, count)
        self.console.print(Padding(table, (1, 0, 1, 2)))
        if len(classes) > len(rows):
            self.say(f"  (the {len(rows)} largest of {len(classes)} classes are listed)")
        for name, found in predictions.items():
            self.say(f"  accuracy of {name}: {accuracy_score(labels, found):.3f}")

    def show_explanation(self, explanation, label):
        """One text: its class, the answer, an excerpt with the words shaded, the top words."""
        share = float(np.max(explanation.probabilities))
        right = str(explanation.prediction) == str(label)
        verdict = "right" if right else f"wrong, it is {label}"
        line = Text(_printable(explanation.prediction), style="bold")
        line.append(f" with {share:.0%} ({_printable(verdict)})", style="green" if right else "red")
        self.console.print(Padding(line, (1, 0, 0, 0)))
        self.console.print(Padding(_excerpt(explanation), (0, 0, 0, 2)))
        if explanation.evidence is None:
            lines = [f"No evidence: {_printable(explanation.unexplained)}"]
        else:
            base = float(explanation.base_probabilities[explanation.position])
            pro, contra = _words_for_and_against(explanation)
            lines = [f"Without any word {base:.0%}. For it: {pro}", f"Against it: {contra}"]
        for line in lines:
            self.console.print(Padding(Text(line), (0, 0, 0, 2)))


def _measures(labels, predictions, classes):
    """Precision, recall, F1 and count: (4, n_classes + 1), the last column their mean or sum."""
    columns = np.array(
        precision_recall_fscore_support(labels, predictions, labels=classes, zero_division=0)
    )
    last = [*columns[:3].mean(axis=1), columns[3].sum()]
    return np.column_stack([columns, last])


def _excerpt(explanation):
    """The stretch of the text with the strongest words, its words shaded."""
    text = _printable(explanation.text)
    spans = np.asarray(explanation.spans, dtype=int).reshape(-1, 2)  # (n_tokens, 2)
    values = _values(explanation)
    shares = values / max(np.abs(values).max(initial=0.0), np.finfo(float).tiny)
    first, last = _densest_stretch(spans, np.abs(values))
    start, end = (spans[first, 0], spans[last, 1]) if len(spans) else (0, EXCERPT_CHARACTERS)
    excerpt = Text("..." if start else "")
    shift = len(excerpt) - start
    excerpt.append(text[start:end])
    for (begin, stop), share in zip(spans, shares, strict=True):
        shades = SHADES if share > 0 else SHADES_AGAINST
        shade = next((style for least, style in shades if abs(share) >= least), None)
        if shade and begin >= start and stop <= end:
            excerpt.stylize(shade, begin + shift, stop + shift)
    return excerpt.append("..." if end < len(text) else "")


def _values(explanation):
    """The evidence of each token for the prediction, or the attention where there is none."""
    if explanation.evidence is None:
        return np.asarray(explanation.weights, dtype=float)
    return explanation.evidence_for(explanation.prediction)


def _densest_stretch(spans, weights):
    """First and last token of the excerpt that holds the strongest words."""
    if not len(spans):
        return 0, -1
    # after[i]: the first token that no longer ends within the excerpt beginning at token i
    after = np.searchsorted(spans[:, 1], spans[:, 0] + EXCERPT_CHARACTERS, side="right")
    after = np.maximum(after, np.arange(len(spans)) + 1)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    first = int(np.argmax(sums[after] - sums[:-1]))
    return first, int(after[first]) - 1


def _words_for_and_against(explanation):
    """The strongest words of either sign, summed over their places, in points of probability."""
    totals = Counter()
    for token, value in zip(explanation.tokens, _values(explanation), strict=True):
        totals[_printable(token).lower()] += 100 * float(value)
    ranked = sorted(totals.items(), key=lambda word: -abs(word[1]))
    sides = [
        [f"{word} {value:+.1f}" for word, value in ranked if value * sign >= 0.05][:N_TOP_WORDS]
        for sign in (1, -1)
    ]
    return [", ".join(side) or "no word" for side in sides]


def _printable(text):
    """Characters that would move the cursor or start an escape sequence become blanks."""
    return "".join(mark if mark.isprintable() else " " for mark in str(text))
