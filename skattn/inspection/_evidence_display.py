"""`EvidenceDisplay`: the words for and against each class, over many texts or in one."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, Self

from numpy.typing import ArrayLike

from skattn.inspection._attention_display import AttentionDisplay, checked_explanations
from skattn.inspection._explain import explained
from skattn.inspection._faithfulness_report import FaithfulnessReport, number_of
from skattn.inspection._render._axes import check_count
from skattn.inspection._render._corpus import words_of_classes
from skattn.inspection._render._draw_evidence import draw_waterfall, draw_words
from skattn.inspection._text_explanation import TextExplanation
from skattn.utils._frames import text_column
from skattn.utils._optional import import_pandas
from skattn.utils._typing import Texts

MAX_PANELS = 4


class EvidenceDisplay:
    """The words that speak for and against each class.

    Create it with :meth:`from_estimator` or :meth:`from_explanations`.

    Parameters
    ----------
    explanations : list of TextExplanation
        Explanations that contain evidence.
    y_true : list of labels, default=None
        The true class of each text.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        Axes with the plot, after :meth:`plot` or :meth:`plot_text`.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    explain_texts : Returns the numbers, and describes how they are computed.
    AttentionDisplay : Shows texts with shaded words.
    faithfulness_report : Tests whether the evidence explains the predictions.

    Examples
    --------
    >>> from skattn import EvidenceDisplay, TextClassifier
    >>> texts, y = ["a fine film", "a dull film"] * 20, ["good", "bad"] * 20
    >>> model = TextClassifier(random_state=0).fit(texts, y)
    >>> display = EvidenceDisplay.from_estimator(model, texts[:10])
    >>> frame = display.to_frame()
    >>> for_good = (frame["class"] == "good") & (frame["evidence"] > 0)
    >>> frame[for_good]["word"].head(1).tolist()
    ['fine']
    >>> display.plot()  # doctest: +SKIP
    """

    def __init__(
        self, explanations: list[TextExplanation], y_true: list[Any] | None = None
    ) -> None:
        self.explanations = explanations
        self.y_true = y_true
        self._model_name = ""

    @classmethod
    def from_estimator(cls, model: Any, texts: Texts, y: ArrayLike | None = None) -> Self:
        """Explain texts and create the display.

        Parameters
        ----------
        model : fitted classifier of raw texts
            Any classifier for which :func:`explain_texts` can compute evidence.
        texts : iterable of str
            Raw texts.
        y : array-like of shape (n_texts,), default=None
            The true classes, which :meth:`save_html` shows.

        Returns
        -------
        display : EvidenceDisplay

        Raises
        ------
        TypeError
            If :func:`explain_texts` cannot compute evidence for this model.
        ValueError
            If `y` and `texts` have different lengths.
        """
        explanations, name = explained(model, texts, y)
        display = cls.from_explanations(explanations, y)
        display._model_name = name
        return display

    @classmethod
    def from_explanations(
        cls, explanations: Iterable[TextExplanation], y_true: ArrayLike | None = None
    ) -> Self:
        """Create the display from existing explanations.

        Parameters
        ----------
        explanations : iterable of TextExplanation
            The explanations to show.
        y_true : array-like of shape (n_texts,), default=None
            The true classes.

        Returns
        -------
        display : EvidenceDisplay

        Raises
        ------
        TypeError
            If an explanation has no evidence.
        ValueError
            If `y_true` has another length, or more than one label per text.
        """
        found, labels = checked_explanations(explanations, y_true)
        for explanation in found:
            explanation.evidence_for()  # or an error that says why there is none
        return cls(found, labels)

    def plot(
        self,
        ax: Any = None,
        *,
        labels: Sequence[Any] | None = None,
        n_words: int = 6,
        min_texts: int = 1,
    ) -> Self:
        """Plot the words for and against each class as bars.

        Each bar is the mean evidence of a word, over the texts that contain it. The error bar is
        one standard deviation. The number of texts is next to the word. The bars of words against
        the class are hatched.

        Parameters
        ----------
        ax : matplotlib Axes or array of one Axes per class, default=None
            Axes to draw on. A single Axes is divided. None creates a new figure.
        labels : sequence of labels, default=None
            The classes to plot. None: the second of two classes, because the plot of the first is
            its mirror image; otherwise the first four. (A model of two labels that can both be true
            has no mirror image, so both are plotted.)
        n_words : int, default=6
            Maximum number of words for a class, and of words against it.
        min_texts : int, default=1
            Words that occur in fewer texts are left out.

        Returns
        -------
        self : EvidenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If no word occurs in `min_texts` texts, or if a label is not one of the classes.
        """
        check_count("n_words", n_words)
        words = self._words(min_texts)
        if labels is None:
            known = list(words)
            sums = (abs(e.evidence.sum(axis=1)).max(initial=0) for e in self.explanations)
            mirrored = len(known) == 2 and max(sums) < 1e-3
            labels = known[1:] if mirrored else known[:MAX_PANELS]
        if isinstance(labels, str) or not hasattr(labels, "__iter__"):
            raise TypeError(f"labels must be a list of classes, got {labels!r}: pass [{labels!r}].")
        labels = list(labels)
        if not labels:
            raise ValueError(f"labels is empty: name one or more of the classes {list(words)}.")
        strangers = [label for label in labels if label not in list(words)]  # it may have no hash
        if strangers:
            raise ValueError(f"{strangers[0]!r} is not one of the classes {list(words)}.")
        panels = draw_words({label: words[label] for label in labels}, n_words, ax)
        self.figure_ = panels[0].figure
        self.ax_ = panels[0] if len(panels) == 1 else panels
        return self

    def plot_text(
        self, number: int = 0, ax: Any = None, *, label: Any = None, n_words: int = 10
    ) -> Self:
        """Plot one text as a waterfall, from the base to the probability of a class.

        Parameters
        ----------
        number : int, default=0
            Index of the text, counted from 0.
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.
        label : label, default=None
            The class. None: the `target` of the explanation, by default the predicted class.
        n_words : int, default=10
            Number of words with a step of their own. The other words share one step.

        Returns
        -------
        self : EvidenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        IndexError
            If there is no text with this index.
        ValueError
            If `label` is not one of the classes.
        """
        check_count("n_words", n_words)
        if not isinstance(number, Integral):
            raise TypeError(f"number must be the index of a text, a whole number, got {number!r}.")
        if not -len(self.explanations) <= number < len(self.explanations):
            raise IndexError(f"There is no text {number}, but {len(self.explanations)} texts.")
        explanation = self.explanations[number]
        label = explanation.target if label is None else label
        explanation.evidence_for(label)
        self.ax_ = draw_waterfall(explanation, label, n_words, ax)
        self.figure_ = self.ax_.figure
        return self

    def to_frame(self, *, min_texts: int = 1) -> Any:
        """Return one row per class and word as a pandas DataFrame, the strongest words first.

        Parameters
        ----------
        min_texts : int, default=1
            Words that occur in fewer texts are left out.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``class``, ``word``, ``evidence`` (the mean over the texts that contain the
            word), ``spread`` (one standard deviation) and ``n_texts``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If no word occurs in `min_texts` texts.
        """
        pandas = import_pandas("EvidenceDisplay.to_frame")
        rows = [(label, *word) for label, words in self._words(min_texts).items() for word in words]
        labels, words, evidence, spread, n_texts = zip(*rows, strict=True)
        columns = {"class": labels, "word": text_column(pandas, list(words))}
        return pandas.DataFrame(
            columns | {"evidence": evidence, "spread": spread, "n_texts": n_texts}
        )

    def to_html(
        self, *, title: str = "What decided", report: FaithfulnessReport | None = None
    ) -> str:
        """Return a standalone HTML page, the same as :meth:`AttentionDisplay.to_html`.

        Parameters
        ----------
        title : str
            Title of the page.
        report : FaithfulnessReport, default=None
            A report whose verdicts to show above the texts.

        Returns
        -------
        page : str
            HTML in which all texts and labels are escaped.
        """
        return self._as_texts().to_html(title=title, report=report)

    def save_html(
        self,
        path: str | PathLike[str],
        *,
        title: str = "What decided",
        report: FaithfulnessReport | None = None,
    ) -> Path:
        """Save the page of :meth:`to_html` as a file.

        Parameters
        ----------
        path : str or path-like
            Where to save the page.
        title, report
            As in :meth:`to_html`.

        Returns
        -------
        path : pathlib.Path
            Path of the saved file.
        """
        return self._as_texts().save_html(path, title=title, report=report)

    def _as_texts(self):
        display = AttentionDisplay(self.explanations, self.y_true)
        display._model_name = self._model_name
        return display

    def _words(self, min_texts):
        check_count("min_texts", min_texts)
        words = words_of_classes(self.explanations, min_texts)
        if not any(explanation.tokens for explanation in self.explanations):
            raise ValueError("None of the explained texts has a word, so there is nothing to show.")
        if not any(words.values()):
            raise ValueError(
                f"No word occurs in {min_texts} of the {len(self.explanations)} texts: lower "
                "min_texts, or explain more texts."
            )
        return words

    def _repr_html_(self):
        return self._as_texts()._repr_html_()

    def __repr__(self):
        return f"<EvidenceDisplay of {number_of(len(self.explanations))}>"
