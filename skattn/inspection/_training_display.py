"""`TrainingDisplay`: loss and score by epoch."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from skattn.inspection._parts._fitted_models import ensemble_of, final_model, n_searched
from skattn.inspection._render._axes import (
    clean,
    colours_on,
    in_legend,
    legend,
    panels_in,
    series_on,
)
from skattn.utils._optional import import_pyplot

LOSS_NAMES = {"loss": "training", "val_loss": "held out"}
SCORE_NAMES = {"val_accuracy": "held-out accuracy", "val_score": "held-out score"}


class TrainingDisplay:
    """Plot of loss and score by epoch, which marks the best epoch.

    Create it with :meth:`from_estimator` or :meth:`from_estimators`.

    Parameters
    ----------
    histories : dict of str to dict of str to list of float
        The ``history_`` of each estimator, by the name of its curve.
    best_epochs : dict of str to int, default=None
        The epoch whose weights were restored, counted from 1, for estimators that have one.
    note : str, default=None
        A line of text below the plot.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        Axes with the plot, after :meth:`plot`: the loss, then the score if there is one.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skattn import GatedDenseClassifier, TrainingDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = GatedDenseClassifier(epochs=5, validation_fraction=0.2, random_state=0).fit(X, y)
    >>> display = TrainingDisplay.from_estimator(clf)
    >>> sorted(display.histories["GatedDenseClassifier"])
    ['loss', 'val_accuracy', 'val_loss']
    """

    def __init__(
        self,
        histories: dict[str, dict[str, list[float]]],
        best_epochs: dict[str, int] | None = None,
        note: str | None = None,
    ) -> None:
        self.histories = histories
        self.best_epochs = best_epochs or {}
        self.note = note

    @classmethod
    def from_estimator(cls, clf: Any) -> Self:
        """Create the display from the history of a fitted classifier.

        Parameters
        ----------
        clf : fitted classifier
            A classifier of skattn, or a :class:`~sklearn.pipeline.Pipeline` that ends in one. A
            search such as :class:`~sklearn.model_selection.GridSearchCV` keeps only the best
            estimator, so only its curve is plotted, and a note says so. For one curve per candidate
            or fold, keep the estimators and use :meth:`from_estimators`. A
            :class:`~sklearn.calibration.CalibratedClassifierCV` or a
            :class:`~sklearn.ensemble.VotingClassifier` gives one curve for each of its estimators
            that has a history.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        TypeError
            If there is no history in `clf`.
        """
        display = cls.from_estimators({type(final_model(clf).model).__name__: clf})
        n_candidates = n_searched(clf)
        if n_candidates > 1:
            display.note = (
                f"The best of {n_candidates} candidates; the search kept no history of the others."
            )
        return display

    @classmethod
    def from_estimators(cls, estimators: Iterable[Any] | Mapping[str, Any]) -> Self:
        """Create a display with one curve for each of several fitted classifiers.

        Parameters
        ----------
        estimators : list of fitted classifiers, or dict of name to fitted classifier
            For example ``cross_validate(..., return_estimator=True)["estimator"]``. The estimators
            of a list are numbered from 1.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        TypeError
            If one of them has no history.
        """
        if not isinstance(estimators, Mapping):
            if hasattr(estimators, "fit") or not hasattr(estimators, "__iter__"):
                raise TypeError(
                    "estimators must be a list or a dict of fitted classifiers, got a "
                    f"{type(estimators).__name__}. A single one goes into from_estimator."
                )
            estimators = {str(number): model for number, model in enumerate(estimators, start=1)}
        found = {}
        for name, model in estimators.items():
            members = dict(_with_history(str(name), model, len(estimators) == 1))
            if not members:
                found_instead = type(final_model(model).model).__name__
                if hasattr(final_model(model).model, "linear_"):
                    raise TypeError(
                        f"This {found_instead} was fitted with network=False: there is no history "
                        "of epochs to draw."
                    )
                raise TypeError(
                    "TrainingDisplay needs a fitted skattn classifier, alone or within a "
                    f"pipeline, search or ensemble; found {found_instead} without history_."
                )
            found |= members
        if not found:
            raise ValueError("estimators is empty: there is no history to draw.")
        best = {
            name: int(clf.best_iteration_)
            for name, clf in found.items()
            if hasattr(clf, "best_iteration_")
        }
        return cls({name: dict(clf.history_) for name, clf in found.items()}, best)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array of two Axes, default=None
            Axes to draw on. A single Axes is divided into two if there are scores besides the loss.
            None creates a new figure.

        Returns
        -------
        self : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        curves = [(name, h, self.best_epochs.get(name)) for name, h in self.histories.items()]
        panels = _draw_training(curves, ax)
        self.figure_ = panels[0].figure
        self.ax_ = panels[0] if len(panels) == 1 else panels
        if self.note and ax is None:
            colour = colours_on(panels[0])["muted"]
            self.figure_.supxlabel(self.note, fontsize=9, color=colour, x=0.01, ha="left")
        return self

    def __repr__(self):
        return f"<TrainingDisplay of {', '.join(self.histories)}>"


def _with_history(name, model, alone=False):
    """(name, classifier) of every classifier within `model` that has a history.

    The names within a vote say enough where it stands `alone`.
    """
    model = final_model(model).model
    if hasattr(model, "history_"):
        return [(name, model)]
    ensemble = ensemble_of(model)
    if ensemble is None:
        return []
    short_names = alone and ensemble.weights
    names = ensemble.names if short_names else [f"{name} {n}" for n in ensemble.names]
    members = zip(names, ensemble.models, strict=True)
    return [found for label, member in members for found in _with_history(label, member)]


def _draw_training(curves, ax):
    """Loss, and scores where there are some: one panel each; returns the panels.

    `curves`: list of (name, history, best epoch or None).
    """
    plt = import_pyplot("TrainingDisplay.plot")
    scores = [key for key in SCORE_NAMES if any(key in history for _, history, _ in curves)]
    panels = panels_in(plt, ax, 2 if scores else 1, (4.8, 3.7))
    _draw_curves(panels[0], curves, LOSS_NAMES)
    panels[0].set_ylabel("loss")
    if scores:
        of_all = [key for key in scores if all(key in history for _, history, _ in curves)]
        shown = (of_all or scores)[-1]  # what the user asked to watch, where there is one
        _draw_curves(panels[1], curves, {shown: SCORE_NAMES[shown]})
        panels[1].set_ylabel(SCORE_NAMES[shown])
    return panels


def _draw_curves(ax, curves, keys):
    from matplotlib.ticker import MaxNLocator

    several, series = len(curves) > 1, series_on(ax)
    for number, (name, history, best) in enumerate(curves):
        for key, meaning in keys.items():
            if key not in history:
                continue
            values = np.asarray(history[key])
            epochs = np.arange(1, len(values) + 1)
            dashed = key == "loss" and any("val_loss" in other for _, other, _ in curves)
            colour = series[(number if several else 0) % len(series)]
            label = (
                in_legend(name) + (f", {meaning}" if len(keys) > 1 else "") if several else meaning
            )
            style = {"ls": "--" if dashed else "-", "lw": 1.3 if dashed else 1.9}
            mark = {"marker": "o", "ms": 4} if len(values) == 1 else {}
            ax.plot(epochs, values, color=colour, label=label, **style, **mark)
            if best is not None and not dashed and best <= len(values):
                mark = {"marker": "o", "ms": 8, "mfc": ax.get_facecolor(), "mew": 2, "ls": ""}
                note = f"best epoch: {best}" if not several else None
                ax.plot(best, values[best - 1], color=colour, label=note, zorder=3, **mark)
    rings = several and any(best is not None for _, _, best in curves)
    ax.set_xlabel("epoch (ring: the best)" if rings else "epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(color=colours_on(ax)["line"], lw=0.8)
    clean(ax)
    legend(ax, loc="best", fontsize=9)
