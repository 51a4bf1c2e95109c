"""`GateDisplay`: how far each gate is open."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skattn.inspection._parts._fitted_models import final_model, transformed
from skattn.inspection._render._axes import (
    check_axes,
    check_count,
    clean,
    colours_on,
    in_legend,
    legend,
    series_on,
    short,
)
from skattn.inspection._render._palette import N_LEVELS, shade
from skattn.utils._optional import import_pandas, import_pyplot
from skattn.utils._targets import as_plain_labels, check_targets
from skattn.utils._typing import MatrixLike

ORDERS = {
    "mean": (lambda means: means.mean(axis=0), "widest open"),
    "difference": (lambda means: np.ptp(means, axis=0), "most different"),
}


class GateDisplay:
    """How far the gates of a `GatedDenseClassifier` are open, by class.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    means, spreads : ndarray of shape (n_groups, n_gates)
        Mean and standard deviation of each gate over the samples of each class.
    names : list of str of length n_gates
        Names of the features or hidden units.
    groups : list of labels of length n_groups
        The classes by which the samples are grouped.
    grouping : str
        ``"true class"`` or ``"predicted class"``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot, after :meth:`plot`.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skattn import GateDisplay, GatedDenseClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = GatedDenseClassifier(gate="inputs", epochs=5, random_state=0).fit(X, y)
    >>> GateDisplay.from_estimator(clf, X, y).means.shape
    (3, 4)
    """

    def __init__(
        self,
        means: NDArray[np.float64],
        spreads: NDArray[np.float64],
        names: list[str],
        groups: list[Any],
        grouping: str,
    ) -> None:
        self.means = means
        self.spreads = spreads
        self.names = names
        self.groups = groups
        self.grouping = grouping

    @classmethod
    def from_estimator(cls, clf: Any, X: MatrixLike, y: ArrayLike | None = None) -> Self:
        """Compute the gates for each sample of X and create the display.

        Parameters
        ----------
        clf : fitted GatedDenseClassifier, or a Pipeline or search that ends in one
            Earlier steps of the pipeline are applied to `X`.
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,), default=None
            True classes; of a multilabel problem one column, such as ``y[:, 0]``. None: the
            samples are grouped by the predicted class.

        Returns
        -------
        display : GateDisplay

        Raises
        ------
        TypeError
            If `clf` does not contain a `GatedDenseClassifier`.
        ValueError
            If `y` and `X` have different lengths.
        """
        check_is_fitted(clf)
        gated, steps = final_model(clf, whole_columns=True)
        if not hasattr(gated, "gate_values"):
            raise TypeError(
                "GateDisplay needs a GatedDenseClassifier, or a pipeline or search that ends in "
                f"one; found {type(gated).__name__}."
            )
        gates = np.asarray(gated.gate_values(transformed(steps, X)), dtype=np.float64)
        labels = np.asarray(clf.predict(X)) if y is None else check_targets(y, cls.__name__)[0]
        if labels.ndim != 1 and y is None:
            raise ValueError(
                "The classifier predicts several labels a row. Pass one column of them as y, such "
                "as y[:, 0]."
            )
        if labels.ndim != 1:
            raise ValueError(f"Expected one class a row to group by, got shape {labels.shape}.")
        check_consistent_length(gates, labels)
        groups = np.unique(labels)
        by_class = [gates[labels == group] for group in groups]
        return cls(
            np.array([rows.mean(axis=0) for rows in by_class]),
            np.array([rows.std(axis=0) for rows in by_class]),
            _gate_names(gated, steps, gates.shape[1]),
            as_plain_labels(groups),
            "predicted class" if y is None else "true class",
        )

    def plot(self, ax: Any = None, *, max_gates: int | None = 20, order: str = "mean") -> Self:
        """Plot the gates with the largest means, or with the largest differences between classes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.
        max_gates : int, default=20
            Maximum number of gates; None for all.
        order : {"mean", "difference"}, default="mean"
            Which gates to plot, and in which order: those with the largest mean over the classes
            first, or those with the largest difference between the means of two classes first.

        Returns
        -------
        self : GateDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `order` has another value.
        """
        check_count("max_gates", max_gates, or_none=True)
        if not isinstance(order, str) or order not in ORDERS:
            raise ValueError(f"order={order!r} is not one of {sorted(ORDERS)}.")
        measure, described = ORDERS[order]
        top = np.argsort(-measure(self.means), kind="stable")[:max_gates]
        self.ax_ = _draw_gates(
            self.means[:, top],
            self.spreads[:, top],
            [self.names[place] for place in top],
            self.groups,
            self.grouping,
            ax,
        )
        if len(top) < len(self.names):
            title = f"The {len(top)} {described} of {len(self.names)} gates"
            self.ax_.set_title(title, fontsize=10, loc="right")
        self.figure_ = self.ax_.figure
        return self

    def to_frame(self) -> Any:
        """Return one row per class and gate as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``class``, ``gate``, ``mean``, ``std``.
        """
        pandas = import_pandas("GateDisplay.to_frame")
        n_groups, n_gates = self.means.shape
        columns = {
            "class": np.repeat(self.groups, n_gates),
            "gate": self.names * n_groups,
            "mean": self.means.ravel(),
            "std": self.spreads.ravel(),
        }
        return pandas.DataFrame(columns)

    def __repr__(self):
        n_groups, n_gates = self.means.shape
        return f"<GateDisplay of {n_gates} gates in {n_groups} classes>"


def _gate_names(gated, steps, n_gates):
    """Feature names where there are some; the hidden units have only numbers."""
    if gated._fitted_gate != "inputs":
        return [f"unit {number}" for number in range(n_gates)]
    if hasattr(gated, "feature_names_in_"):
        return [str(name) for name in gated.feature_names_in_]
    names = None
    try:
        for step in steps:
            names = step.get_feature_names_out(names)
    except (AttributeError, ValueError):  # a step that cannot name its columns
        names = None
    if names is None:
        return [f"x{number}" for number in range(n_gates)]
    return [str(name) for name in names]


def _draw_gates(means, spreads, names, groups, grouping, ax):
    """Mean gate of each feature in each class: points with bars, or a table for many classes."""
    plt = import_pyplot("GateDisplay.plot")
    draw = _gate_points if len(groups) <= 4 else _gate_table
    if ax is None:
        wide = 7.5 if len(groups) <= 4 else 3 + 0.72 * len(groups)
        high = 1.5 + (0.34 if len(groups) <= 4 else 0.4) * len(names)
        _, ax = plt.subplots(figsize=(wide, high), layout="constrained")
    check_axes(ax)
    draw(ax, means, spreads, groups, grouping)
    ax.set_yticks(np.arange(len(names)), [short(name) for name in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    return ax


def _gate_points(ax, means, spreads, groups, grouping):
    n_groups, series = len(groups), series_on(ax)
    for number, group in enumerate(groups):
        offset = 0.0 if n_groups == 1 else 0.44 * (number / (n_groups - 1) - 0.5)
        places = np.arange(means.shape[1]) + offset
        colour = series[number]
        ax.errorbar(
            means[number],
            places,
            xerr=spreads[number],
            fmt="osD^"[number],
            color=colour,
            ms=5,
            lw=1.4,
            label=in_legend(group),
        )
    ax.set_xlabel("gate: mean over rows, bars one standard deviation")
    ax.grid(axis="y", color=colours_on(ax)["line"], lw=0.8)
    ax.set_axisbelow(True)
    clean(ax)
    legend(ax, title=grouping, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(4, n_groups))


def _gate_table(ax, means, spreads, groups, grouping):
    from matplotlib.colors import LinearSegmentedColormap

    theme = colours_on(ax)
    steps = [shade(theme, level) for level in range(N_LEVELS + 1)]
    colours = LinearSegmentedColormap.from_list("shade", steps)
    ax.imshow(means.T, cmap=colours, aspect="auto", vmin=0, vmax=means.max())
    for column in range(means.shape[0]):
        for row in range(means.shape[1]):
            label = f"{means[column, row]:.2f}\n±{spreads[column, row]:.2f}"
            ax.text(column, row, label, ha="center", va="center", fontsize=7.5, color=theme["ink"])
    labels = [short(group, 24) for group in groups]
    ax.set_xticks(np.arange(len(groups)), labels, parse_math=False)
    ax.set_xlabel(f"{grouping}; mean gate ± one standard deviation over rows")
    ax.xaxis.set_label_position("top")
    crowded = any(len(label) > 6 for label in labels)
    ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    if crowded:
        for tick in ax.get_xticklabels():
            tick.set(rotation=30, ha="left", rotation_mode="anchor")
    ax.spines[:].set_visible(False)
