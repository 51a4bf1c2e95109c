"""`EvidenceDisplay`: the words for and against each class, over many texts or in one."""

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

from numpy.typing import ArrayLike

from skattn.inspection._attention_display import AttentionDisplay, checked_explanations
from skattn.inspection._explain import explained
from skattn.inspection._faithfulness_report import FaithfulnessReport
from skattn.inspection._render._axes import check_count
from skattn.inspection._render._corpus import words_of_classes
from skattn.inspection._render._draw_evidence import draw_waterfall, draw_words
from skattn.inspection._text_explanation import TextExplanation
from skattn.utils._optional import import_pandas
from skattn.utils._typing import Texts

MAX_PANELS = 4


class EvidenceDisplay:
    """The words that push a model toward each class and away from it.

    Make it with :meth:`from_estimator` or :meth:`from_explanations`.

    Parameters
    ----------
    explanations : list of TextExplanation
        With evidence.
    y_true : list of labels, default=None
        The true class of each text.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        Where :meth:`plot` or :meth:`plot_text` drew.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    explain_texts : The numbers, and how they are computed.
    AttentionDisplay : Texts with their words shaded.
    faithfulness_report : Whether the evidence explains the predictions.

    Examples
    --------
    >>> from skattn import EvidenceDisplay, make_text_classifier
    >>> texts, y = ["a fine film", "a dull film"] * 20, ["good", "bad"] * 20
    >>> model = make_text_classifier(random_state=0).fit(texts, y)
    >>> display = EvidenceDisplay.from_estimator(model, texts[:10])
    >>> frame = display.to_frame()
    >>> frame[frame["class"] == "good"]["word"].head(1).tolist()
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
        """Explain texts and make the display.

        Parameters
        ----------
        model : fitted classifier of raw texts
            Whatever :func:`explain_texts` takes, if all parts of it can be split up.
        texts : iterable of str
            Raw texts.
        y : array-like of shape (n_texts,), default=None
            The true classes, for :meth:`save_html`.

        Returns
        -------
        display : EvidenceDisplay

        Raises
        ------
        TypeError
            As :func:`explain_texts`, and if a part of the model cannot be split up.
        ValueError
            If `y` has another length than `texts`.
        """
        explanations, name = explained(model, texts, y)
        display = cls.from_explanations(explanations, y)
        display._model_name = name
        return display

    @classmethod
    def from_explanations(
        cls, explanations: Iterable[TextExplanation], y_true: ArrayLike | None = None
    ) -> Self:
        """Make the display from explanations that are already there.

        Parameters
        ----------
        explanations : iterable of TextExplanation
            What to show.
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
            If `y_true` has another length, or more than one label a text.
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
        """Draw the words for and against each class, as bars with their spread over texts.

        A bar is the mean, over the texts that hold a word, of what the word adds to the probability
        of the class; the line through its end is one standard deviation to each side; the number of
        texts stands beside the word. Words against are hatched.

        Parameters
        ----------
        ax : matplotlib Axes or array of one Axes a class, default=None
            Where to draw. A single one is divided. None makes a figure.
        labels : sequence of labels, default=None
            The classes to draw; None: with two classes the second, of which the first is the
            mirror image, else the first four.
        n_words : int, default=6
            Words for a class, and words against it, at most.
        min_texts : int, default=1
            Words of fewer texts are left out.

        Returns
        -------
        self : EvidenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If no word stands in `min_texts` texts, or if a label is none of the classes.
        """
        check_count("n_words", n_words)
        words = self._words(min_texts)
        if labels is None:
            known = list(words)
            labels = known[1:] if len(known) == 2 else known[:MAX_PANELS]
        strangers = [label for label in labels if label not in words]
        if strangers:
            raise ValueError(f"{strangers[0]!r} is none of the classes {list(words)}.")
        panels = draw_words({label: words[label] for label in labels}, n_words, ax)
        self.figure_ = panels[0].figure
        self.ax_ = panels[0] if len(panels) == 1 else panels
        return self

    def plot_text(
        self, number: int = 0, ax: Any = None, *, label: Any = None, n_words: int = 10
    ) -> Self:
        """Draw one text as a waterfall: from the base to the probability of a class.

        Parameters
        ----------
        number : int, default=0
            Which text, from 0.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        label : label, default=None
            The class; None: the one that is explained, such as the predicted one.
        n_words : int, default=10
            The strongest words, each for itself; the others are one step.

        Returns
        -------
        self : EvidenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        IndexError
            If there is no text of this number.
        ValueError
            If `label` is none of the classes.
        """
        check_count("n_words", n_words)
        if not -len(self.explanations) <= number < len(self.explanations):
            raise IndexError(f"There is no text {number}, but {len(self.explanations)} texts.")
        explanation = self.explanations[number]
        label = explanation.target if label is None else label
        explanation.evidence_for(label)
        self.ax_ = draw_waterfall(explanation, label, n_words, ax)
        self.figure_ = self.ax_.figure
        return self

    def to_frame(self, *, min_texts: int = 1) -> Any:
        """Return one row a class and word as a pandas DataFrame, the strongest words first.

        Parameters
        ----------
        min_texts : int, default=1
            Words of fewer texts are left out.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``class``, ``word``, ``evidence`` (the mean over texts that hold the word),
            ``spread`` (one standard deviation) and ``n_texts``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If no word stands in `min_texts` texts.
        """
        pandas = import_pandas("EvidenceDisplay.to_frame")
        rows = [(label, *word) for label, words in self._words(min_texts).items() for word in words]
        return pandas.DataFrame(rows, columns=["class", "word", "evidence", "spread", "n_texts"])

    def to_html(
        self, *, title: str = "What decided", report: FaithfulnessReport | None = None
    ) -> str:
        """Return one standalone page, as :meth:`AttentionDisplay.to_html`.

        Parameters
        ----------
        title : str
            Headline of the page.
        report : FaithfulnessReport, default=None
            Put this report's verdicts above the texts.

        Returns
        -------
        page : str
            HTML. Everything that came from a text or a label is escaped.
        """
        return self._as_texts().to_html(title=title, report=report)

    def save_html(
        self,
        path: str | PathLike[str],
        *,
        title: str = "What decided",
        report: FaithfulnessReport | None = None,
    ) -> Path:
        """Write the page of :meth:`to_html` into a file, in UTF-8.

        Parameters
        ----------
        path : str or path-like
            Where to.
        title, report
            As in :meth:`to_html`.

        Returns
        -------
        path : pathlib.Path
            The file.
        """
        return self._as_texts().save_html(path, title=title, report=report)

    def _as_texts(self):
        display = AttentionDisplay(self.explanations, self.y_true)
        display._model_name = self._model_name
        return display

    def _words(self, min_texts):
        check_count("min_texts", min_texts)
        words = words_of_classes(self.explanations, min_texts)
        if not any(words.values()):
            raise ValueError(
                f"No word stands in {min_texts} of the {len(self.explanations)} texts: lower "
                "min_texts, or explain more texts."
            )
        return words

    def _repr_html_(self):
        return self._as_texts()._repr_html_()

    def __repr__(self):
        return f"<EvidenceDisplay of {len(self.explanations)} texts>"
