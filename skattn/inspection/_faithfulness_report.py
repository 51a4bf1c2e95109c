"""The result of :func:`faithfulness_report`: a table, a verdict by a fixed rule, and a plot."""

import textwrap
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skattn.utils._optional import import_pandas

METRICS = (
    "comprehensiveness",
    "sufficiency",
    "tau_leave_one_out",
    "tau_gradient",
    "comprehensiveness_unknown",
    "sufficiency_unknown",
)
JUDGED = ("evidence", "attention")  # the rankings that the rule is for, where there are some
N_SHOWN = 4  # metrics in a table
TITLES = ("comprehensiveness ↑", "sufficiency ↓", "tau leave-one-out ↑", "tau gradient ↑")
SHORT_TITLES = ("compreh. ↑", "sufficiency ↓", "tau l.-o.-o. ↑", "tau gradient ↑")
LINE = 80
FEW_TEXTS = 20  # with fewer, the intervals say little


@dataclass(frozen=True, eq=False, repr=False)
class FaithfulnessReport:
    """Test of evidence and attention as explanations; see :func:`faithfulness_report`.

    Attributes
    ----------
    scores : dict of str to dict of str to ndarray of shape (n_texts,)
        The metrics of each text, for each ranking. The rankings are ``"evidence"`` and
        ``"attention"`` (if the model has them), ``"random"``, ``"uniform"``, ``"gradient x input"``
        (if the model has attention) and ``"leave-one-out"``. The metrics are
        ``"comprehensiveness"``, ``"sufficiency"``, ``"tau_leave_one_out"``, ``"tau_gradient"`` (NaN
        without gradients), ``"comprehensiveness_unknown"`` and ``"sufficiency_unknown"``. The last
        two are the first two, but with each removed word replaced by an unknown word.
    intervals : dict of str to dict of str to (mean, low, high)
        The means of `scores` over the texts, with 95 % bootstrap confidence intervals.
    leads : dict of str to dict of str to (mean, low, high)
        For ``"evidence"`` and ``"attention"``: the advantage over random words in comprehensiveness
        and in sufficiency, as paired differences over the texts. Values above 0 are better than
        random words in both.
    constant : dict of str to float
        For ``"evidence"`` and ``"attention"``: the share of texts in which all words have the same
        value.
    share : float
        Mean share of the predicted probability that comes from the attention networks.
    n_texts, n_dropped : int
        Number of texts in the test, and number of texts that were left out because they had fewer
        than two tokens.
    accuracy, uniform_accuracy : float or None
        Accuracy of the model (with `y`), and of the same model with uniform attention (with
        `refit`), on all texts that were passed, not only on the `n_texts` whose words were erased.
    seed_agreement : (tau, overlap) or None
        Agreement of the attention of models with different seeds (with `n_seeds`): the mean
        Kendall's tau, and the mean share of the attention that two models give to the same words.

    See Also
    --------
    faithfulness_report : Returns this report; its docstring explains the metrics and the rule.
    """

    scores: dict[str, dict[str, NDArray[np.float64]]]
    intervals: dict[str, dict[str, tuple[float, float, float]]]
    leads: dict[str, dict[str, tuple[float, float, float]]]
    constant: dict[str, float]
    share: float
    n_texts: int
    n_dropped: int = 0
    accuracy: float | None = None
    uniform_accuracy: float | None = None
    seed_agreement: tuple[float, float] | None = None

    @classmethod
    def from_scores(cls, scores: Any, bootstrap: Any, **facts: Any) -> Self:
        """Add the intervals to per-text `scores`."""
        intervals = {
            ranking: {metric: bootstrap.interval(values) for metric, values in metrics.items()}
            for ranking, metrics in scores.items()
        }
        random = scores["random"]
        leads = {
            ranking: {
                metric: bootstrap.interval(sign * (scores[ranking][metric] - random[metric]))
                for metric, sign in zip(METRICS[:2], (1, -1), strict=True)
            }
            for ranking in JUDGED
            if ranking in scores
        }
        n_texts = len(random["comprehensiveness"])
        return cls(scores=scores, intervals=intervals, leads=leads, n_texts=n_texts, **facts)

    def conditions_of(self, ranking: str) -> list[tuple[str, bool]]:
        """Return the conditions of the rule for one ranking.

        Parameters
        ----------
        ranking : {"evidence", "attention"}

        Returns
        -------
        conditions : list of (str, bool)
            Each condition with the measured values, and whether it holds.
        """
        name = ranking.capitalize()
        taken, alone = (self.leads[ranking][metric] for metric in METRICS[:2])
        tau = self.intervals[ranking]["tau_leave_one_out"]
        limit = self._lead_of_leave_one_out()
        part = f"{taken[0] / limit:.3f} of it" if limit > 0 else "leave-one-out has no lead"
        n_constant = round(self.constant[ranking] * self.n_texts)
        return [
            (
                f"Without the words with the most {ranking} the probability falls more than "
                f"without random words: {_signed(taken)}",
                taken[1] > 0,
            ),
            (
                "With these words alone it falls less than with random words alone: "
                f"{_signed(alone)}",
                alone[1] > 0,
            ),
            (
                f"{name} has at least half of leave-one-out's lead over random words: " + part,
                taken[0] >= 0.5 * limit,
            ),
            (
                f"It orders words as leave-one-out does, Kendall's tau above 0: {_signed(tau)}",
                tau[1] > 0,
            ),
            (
                "It differs from word to word: all words the same in at most half of the texts, "
                f"{n_constant} of {self.n_texts}",
                self.constant[ranking] <= 0.5,
            ),
        ]

    @property
    def conditions(self) -> list[tuple[str, bool]]:
        """The conditions for attention, or for evidence if the model has no attention.

        See :meth:`conditions_of` for those of evidence.
        """
        return self.conditions_of(list(self.leads)[-1])

    @property
    def faithful(self) -> bool:
        """Whether all `conditions` hold: for attention, or for evidence without attention."""
        return all(bool(met) for _, met in self.conditions)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict in one sentence, for ``"evidence"`` and for ``"attention"``."""
        found = {}
        for ranking in self.leads:
            word = "is" if all(bool(met) for _, met in self.conditions_of(ranking)) else "is not"
            name = ranking.capitalize()
            found[ranking] = f"{name} {word} a faithful explanation of this model on these texts."
        return found

    @property
    def verdict(self) -> str:
        """The verdict for attention, or for evidence if the model has no attention.

        See `verdicts` for both.
        """
        return list(self.verdicts.values())[-1]

    @property
    def note(self) -> str:
        """What was measured, and on which texts."""
        return " ".join([*self._warnings(), *self._measured()])

    def _warnings(self):
        few = f"Too few texts to rely on ({self.n_texts}): use {FEW_TEXTS} or more."
        return [few] if self.n_texts < FEW_TEXTS else []

    def _measured(self):
        parts = [
            f"{number_of(self.n_texts)}, with 95 % bootstrap confidence intervals. "
            "Comprehensiveness: how far the predicted class's probability falls without the top 1, "
            "5, 10, 20 and 50 % of the words (mean). Sufficiency: how far with these words alone."
        ]
        with_unknown = [
            f"{ranking} {self.intervals[ranking]['comprehensiveness_unknown'][0]:.3f}"
            for ranking in (*self.leads, "random", "leave-one-out")
        ]
        parts.append(
            "Comprehensiveness with an unknown word in the place of each: "
            + ", ".join(with_unknown)
            + "."
        )
        if self.n_dropped:
            kept = "was" if self.n_dropped == 1 else "were"
            dropped = number_of(self.n_dropped)
            parts.append(f"{dropped} with fewer than two words {kept} left out.")
        if "attention" in self.leads and self.share < 1:
            parts.append(
                f"On average, the network contributes {100 * self.share:.0f} % of the predicted "
                "probability; the whole model was tested."
            )
        if self.accuracy is not None:
            parts.append(f"Accuracy on all the texts that were passed: {self.accuracy:.3f}")
            beside = self.uniform_accuracy
            parts[-1] += "." if beside is None else f", with uniform attention {beside:.3f}."
        if self.seed_agreement is not None:
            tau, overlap = self.seed_agreement
            parts.append(
                f"Between seeds, attention agrees with Kendall's tau {tau:.2f}, and "
                f"{100 * overlap:.0f} % of it lies on the same words."
            )
        return parts

    @property
    def column_titles(self) -> tuple[str, ...]:
        """Titles of the columns of `rows`; an arrow says which way is better."""
        return TITLES

    def rows(self) -> list[tuple[str, list[tuple[float, float, float]]]]:
        """Return (ranking, [(mean, low, high) of each column]) for each ranking."""
        return [
            (ranking, [metrics[metric] for metric in METRICS[:N_SHOWN]])
            for ranking, metrics in self.intervals.items()
        ]

    def to_frame(self) -> Any:
        """Return the table as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame
            One row per ranking. For each metric, the mean and the limits of its confidence
            interval, such as ``comprehensiveness``, ``comprehensiveness_low`` and
            ``comprehensiveness_high``.
        """
        pandas = import_pandas("FaithfulnessReport.to_frame")
        columns = [f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")]
        rows = [np.ravel([m[metric] for metric in METRICS]) for m in self.intervals.values()]
        rankings = pandas.Index(list(self.intervals), name="ranking")
        return pandas.DataFrame(rows, index=rankings, columns=columns)

    def plot(self, ax: Any = None) -> Any:
        """Draw the metrics of each ranking with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.

        Returns
        -------
        ax : matplotlib Axes or ndarray of Axes
            The axes with the plots.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from skattn.inspection._render._draw_report import draw_report

        return draw_report(self, ax)

    def __str__(self):
        lines = []
        for ranking, verdict in self.verdicts.items():
            lines += [verdict, *self._warnings(), ""]
            for text, met in self.conditions_of(ranking):
                lines.append(_wrapped(text, "  [x] " if met else "  [ ] ", " " * 6))
            lines.append("")
        lines[-1:] = []
        lines += ["", " " * 17 + "".join(f"{title:>16}" for title in SHORT_TITLES)]
        for ranking, cells in self.rows():
            means = "".join(f"{_number(mean):>16}" for mean, _, _ in cells)
            spans = (f"{low:.3f}..{high:.3f}" if low == low else "" for _, low, high in cells)
            ends = "".join(f"{span:>16}" for span in spans)
            lines += [f"{ranking:<17}{means}", " " * 17 + ends]
        return "\n".join([*lines, "", _wrapped(" ".join(self._measured()))])

    def __repr__(self):
        return f"<FaithfulnessReport: {' '.join([*self.verdicts.values(), *self._warnings()])}>"

    def _repr_html_(self):
        from skattn.inspection._render._page import render_report

        return render_report(self)

    def _lead_of_leave_one_out(self):
        means = {name: found["comprehensiveness"][0] for name, found in self.intervals.items()}
        return means["leave-one-out"] - means["random"]


def _wrapped(text, first="", others=""):
    return textwrap.fill(text, LINE, initial_indent=first, subsequent_indent=others)


def number_of(n_texts):
    """Say how many texts there are."""
    return "1 text" if n_texts == 1 else f"{n_texts} texts"


def _signed(interval):
    mean, low, high = interval
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def _number(value):
    return "-" if np.isnan(value) else f"{value:.3f}"
