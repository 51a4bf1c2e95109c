"""`AttentionDisplay`: what the model looked at, as a plot or an HTML page."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length

from skattn.inspection._explain import NO_ATTENTION, explained
from skattn.inspection._faithfulness_report import FaithfulnessReport, number_of
from skattn.inspection._parts._labels import (
    check_true_labels,
    like_classes,
    warn_of_strangers,
)
from skattn.inspection._render._axes import check_count
from skattn.inspection._render._draw_texts import draw_texts
from skattn.inspection._render._page import render_fragment, render_page
from skattn.inspection._text_explanation import TextExplanation
from skattn.utils._files import replacing
from skattn.utils._targets import as_plain_labels
from skattn.utils._typing import Texts


def checked_explanations(explanations, y_true):
    """Return explanations and true classes as lists; the classes may be None."""
    if not hasattr(explanations, "__iter__"):
        explanations = [explanations]
    explanations = list(explanations)
    strangers = [e for e in explanations if not isinstance(e, TextExplanation)]
    if strangers:
        raise TypeError(
            "Expected the TextExplanation objects that explain_texts gives, got a "
            f"{type(strangers[0]).__name__}."
        )
    if y_true is None:
        return explanations, None
    if not explanations:
        check_consistent_length(explanations, y_true)
        return explanations, []
    classes = np.asarray(explanations[0].classes)
    labels = like_classes(y_true, classes)
    if labels.ndim != 1:
        raise ValueError(
            f"Expected one true class for each text, got shape {labels.shape}. With several labels "
            "per text, leave out y."
        )
    check_consistent_length(explanations, labels)
    check_true_labels(labels, classes)
    warn_of_strangers(labels, classes)
    return explanations, as_plain_labels(labels)


class AttentionDisplay:
    """Texts with shaded words: a plot of attention, or a page with evidence and attention.

    Create it with :meth:`from_estimator` or :meth:`from_explanations`.

    Parameters
    ----------
    explanations : list of TextExplanation
        The explanations to show.
    y_true : list of labels, default=None
        The true class of each text.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot, after :meth:`plot`.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    explain_texts : Returns the numbers.
    faithfulness_report : Tests whether they explain the predictions.

    Examples
    --------
    >>> from skattn import AttentionDisplay, TextClassifier
    >>> texts, y = ["a fine film", "a dull film"] * 20, ["good", "bad"] * 20
    >>> model = TextClassifier(random_state=0).fit(texts, y)
    >>> display = AttentionDisplay.from_estimator(model, texts[:4], y[:4])
    >>> display.save_html("films.html")  # doctest: +SKIP
    """

    def __init__(
        self, explanations: list[TextExplanation], y_true: list[Any] | None = None
    ) -> None:
        self.explanations = explanations
        self.y_true = y_true
        self._model_name = ""

    @classmethod
    def from_estimator(cls, pipeline: Any, texts: Texts, y: ArrayLike | None = None) -> Self:
        """Explain texts and create the display.

        Parameters
        ----------
        pipeline : fitted classifier of raw texts
            Any classifier that :func:`explain_texts` supports.
        texts : iterable of str
            Raw texts.
        y : array-like of shape (n_texts,), default=None
            The true classes.

        Returns
        -------
        display : AttentionDisplay

        Raises
        ------
        TypeError
            If :func:`explain_texts` does not support the classifier.
        ValueError
            If `y` and `texts` have different lengths.
        """
        explanations, name = explained(pipeline, texts, y)
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
        display : AttentionDisplay

        Raises
        ------
        ValueError
            If `y_true` has another length, or more than one label per text.
        """
        return cls(*checked_explanations(explanations, y_true))

    def plot(self, ax: Any = None, *, n_texts: int | None = 10) -> Self:
        """Draw the first texts with matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; the number of texts that do not fit is shown. None creates a figure
            that is high enough.
        n_texts : int, default=10
            Maximum number of texts; None for all. Long texts are truncated; :meth:`save_html` shows
            them completely.

        Returns
        -------
        self : AttentionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the model has no attention; see :meth:`EvidenceDisplay.plot_text`.
        ValueError
            If there are no texts.
        """
        check_count("n_texts", n_texts, or_none=True)
        if not self.explanations:
            raise ValueError("There is nothing to draw: pass at least one text.")
        if all(e.aggregate == NO_ATTENTION for e in self.explanations):
            raise TypeError(
                "This model has no attention to draw. Use EvidenceDisplay.plot_text for the "
                "evidence in a text, or save_html for a page with the evidence."
            )
        self.ax_ = draw_texts(self.explanations, self.y_true, ax, n_texts)
        self.figure_ = self.ax_.figure
        return self

    def to_html(
        self,
        *,
        title: str = "What the model looked at",
        report: FaithfulnessReport | None = None,
    ) -> str:
        """Return a standalone HTML page, which works offline and has a light and a dark theme.

        Parameters
        ----------
        title : str
            Title of the page.
        report : FaithfulnessReport, default=None
            A report whose verdict to show above the texts.

        Returns
        -------
        page : str
            HTML in which all texts and labels are escaped.

        Raises
        ------
        ValueError
            If the explanations are of models with different classes.
        """
        if report is not None and not isinstance(report, FaithfulnessReport):
            raise TypeError(
                "report must be what faithfulness_report gives, a FaithfulnessReport, got a "
                f"{type(report).__name__}."
            )
        return render_page(self.explanations, self.y_true, title, report, self._model_name)

    def save_html(
        self,
        path: str | PathLike[str],
        *,
        title: str = "What the model looked at",
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
        path = Path(path)
        page = self.to_html(title=title, report=report)
        with replacing(path) as file:
            file.write(page.encode())
        return path

    def _repr_html_(self):
        return render_fragment(self.explanations, self.y_true)

    def __repr__(self):
        return f"<AttentionDisplay of {number_of(len(self.explanations))}>"
