"""Pictures of evidence and of faithfulness in axes that the user gives."""

import numpy as np
import pytest
from by_hand import film_model

from skattn import EvidenceDisplay, faithfulness_report

plt = pytest.importorskip("matplotlib.pyplot")

TEXTS = ["the fine good film", "fine, fine thing", "a dull film"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def display():
    return EvidenceDisplay.from_estimator(film_model(), TEXTS)


def report():
    return faithfulness_report(film_model(), TEXTS, n_bootstrap=20, random_state=0)


PICTURES = {  # how many panels each has, and what draws it and gives them
    "words of a class": (1, lambda ax: display().plot(ax=ax).ax_),
    "words of two classes": (2, lambda ax: display().plot(ax=ax, labels=["bad", "good"]).ax_),
    "one text": (1, lambda ax: display().plot_text(ax=ax).ax_),
    "faithfulness": (3, lambda ax: report().plot(ax=ax)),
}
pictures = pytest.mark.parametrize(("n_panels", "draw"), PICTURES.values(), ids=PICTURES)


@pictures
def test_each_panel_is_drawn_into_one_of_the_axes(n_panels, draw):
    figure, axes = plt.subplots(1, n_panels + 1)
    *given, other = axes
    drawn = draw(given if n_panels > 1 else given[0])
    assert np.atleast_1d(drawn).tolist() == given
    assert [ax.has_data() for ax in axes] == [True] * n_panels + [False]
    assert not other.get_title(loc="left")
    assert plt.get_fignums() == [figure.number]


@pictures
def test_one_axes_is_divided_among_the_panels(n_panels, draw):
    figure, ax = plt.subplots()
    panels = np.atleast_1d(draw(ax)).tolist()
    assert panels == ([ax] if n_panels == 1 else ax.child_axes)
    assert len(panels) == n_panels
    assert all(panel.has_data() for panel in panels)
    assert plt.get_fignums() == [figure.number]


@pictures
def test_what_is_no_axes_is_refused(n_panels, draw):
    for odd in ("x", 3, {}):
        with pytest.raises(TypeError, match="ax must be a matplotlib Axes, got a"):
            draw(odd)
    if n_panels > 1:
        with pytest.raises(ValueError, match=f"Expected one Axes or {n_panels}, got 5"):
            draw(plt.subplots(1, 5)[1])
