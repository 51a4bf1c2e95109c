"""EvidenceDisplay: words over many texts, one text as a waterfall, the frame and the page."""

import sys

import numpy as np
import pytest
from by_hand import film_model
from matplotlib.colors import to_hex
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skattn import EvidenceDisplay, TextClassifier, explain_texts
from skattn.inspection._render._palette import LIGHT

TEXTS = ["Fine film", "fine, fine thing", "dull film", "good dull film"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if sys.modules.get("matplotlib.pyplot"):
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def display():
    return EvidenceDisplay.from_estimator(film_model(), TEXTS, ["good", "good", "bad", "good"])


def bars(ax):
    """{label of the row: width of its bar}."""
    labels = [label.get_text() for label in ax.get_yticklabels()]
    found = {}
    for patch in ax.patches:
        row = round(patch.get_y() + patch.get_height() / 2)
        found[labels[row]] = round(patch.get_width(), 6)
    return found


def test_it_follows_the_contract(display):
    assert display.plot() is display
    assert display.figure_ is display.ax_.figure
    assert repr(display) == "<EvidenceDisplay of 4 texts>"
    one = EvidenceDisplay.from_explanations(display.explanations[0])
    assert repr(one) == "<EvidenceDisplay of 1 text>"
    other = EvidenceDisplay.from_explanations(explain_texts(film_model(), TEXTS))
    assert other.y_true is None
    assert bars(other.plot().ax_) == bars(display.ax_)


def test_two_labels_that_can_both_be_true_have_a_plot_each():
    y = np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 5)
    model = TextClassifier(network=False).fit(TEXTS * 5, y)
    panels = EvidenceDisplay.from_estimator(model, TEXTS).plot().ax_
    assert [ax.get_title(loc="left") for ax in panels] == ["0", "1"]


def test_bars_are_means_over_texts_with_their_spread(display):
    ax = display.plot().ax_
    assert ax.get_title(loc="left") == "good"
    # "fine" adds 30 points in one text and 50 (as much as there is) in the other
    assert bars(ax) == {"Fine  (2)": 40.0, "good  (1)": 10.0, "dull  (2)": -30.0}
    (lines,) = ax.containers[-1].lines[2]
    ends = {round(p[1][0] - p[0][0], 6) for p in lines.get_segments()}
    assert ends == {20.0, 0.0}


def test_against_differs_by_hue_side_and_hatch(display):
    patches = {patch.get_width() > 0: patch for patch in display.plot().ax_.patches}
    assert to_hex(patches[True].get_facecolor()) == LIGHT["for"]
    assert to_hex(patches[False].get_facecolor()) == LIGHT["against"]
    assert (patches[True].get_hatch(), patches[False].get_hatch()) == (None, "////")


def test_rare_words_are_left_out_when_asked(display):
    assert set(bars(display.plot(min_texts=2).ax_)) == {"Fine  (2)", "dull  (2)"}
    with pytest.raises(ValueError, match="No word occurs in 9 of the 4 texts"):
        display.plot(min_texts=9)
    with pytest.raises(ValueError, match="min_texts must be a whole number"):
        display.plot(min_texts=-1)


def test_classes_can_be_chosen(display):
    panels = display.plot(labels=["bad", "good"]).ax_
    assert [panel.get_title(loc="left") for panel in panels] == ["bad", "good"]
    assert bars(panels[0])["Fine  (2)"] == -40.0
    with pytest.raises(ValueError, match="'ugly' is not one of the classes"):
        display.plot(labels=["ugly"])


def test_one_text_is_a_waterfall_from_base_to_probability(display):
    ax = display.plot_text(3).ax_
    assert bars(ax) == {
        "base": 50.0,
        "dull": 30.0,
        "good": -10.0,
        "film": 0.0,
        "probability": 70.0,
    }
    assert ax.get_title(loc="left") == "bad"
    figures = [text.get_text() for text in ax.texts]
    assert figures == ["50.0 %", "+30.0", "-10.0", "+0.0", "70.0 %"]
    starts = [patch.get_x() for patch in ax.patches if patch.get_width() == -10.0]
    np.testing.assert_allclose(starts, [80.0])
    few = bars(display.plot_text(3, label="good", n_words=1).ax_)
    assert few == {"base": 50.0, "dull": -30.0, "the other 2 words": 10.0, "probability": 30.0}
    with pytest.raises(IndexError, match="no text 4"):
        display.plot_text(4)
    with pytest.raises(ValueError, match="'ugly' is not one of the classes"):
        display.plot_text(0, label="ugly")
    for odd in ("0", 1.5):
        with pytest.raises(TypeError, match="number must be the index of a text"):
            display.plot_text(odd)
    for odd in ("good", 5):
        with pytest.raises(TypeError, match=f"labels must be a list of classes.*pass .{odd!r}."):
            display.plot(labels=odd)
    with pytest.raises(ValueError, match="labels is empty"):
        display.plot(labels=[])


def test_a_text_without_words_and_hostile_words_can_be_drawn():
    hostile = ["", "$x^2$ \\frac{ fine \x00 \ud800", "?"]
    display = EvidenceDisplay.from_estimator(film_model(labels=("$a$", "b")), hostile)
    for number in range(3):
        display.plot_text(number).figure_.canvas.draw()
    display.plot(labels=["$a$"]).figure_.canvas.draw()


def test_the_frame_has_a_row_a_class_and_word(display):
    frame = display.to_frame(min_texts=2)
    assert frame.columns.tolist() == ["class", "word", "evidence", "spread", "n_texts"]
    good = frame[frame["class"] == "good"].set_index("word")
    assert good.index.tolist() == ["Fine", "dull", "film"]
    np.testing.assert_allclose(good.loc["Fine", ["evidence", "spread"]].astype(float), [0.4, 0.1])
    assert good.loc["film", "n_texts"] == 3


def test_the_page_and_the_notebook_are_those_of_the_texts(display, tmp_path):
    page = display.save_html(tmp_path / "page.html", title="Why?").read_text(encoding="utf-8")
    assert "<h1>Why?</h1>" in page
    assert "Pipeline &gt; AddedValues" in page
    assert "wrong: it is" in page
    assert "skattn-still" in display._repr_html_()


def test_what_has_no_evidence_says_so():
    tree = make_pipeline(CountVectorizer(), DecisionTreeClassifier())
    model = VotingClassifier([("a", film_model()), ("b", tree)], voting="soft")
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    with pytest.raises(TypeError, match="DecisionTreeClassifier is not linear"):
        EvidenceDisplay.from_estimator(model, TEXTS)
    with pytest.raises(TypeError, match="TextExplanation objects"):
        EvidenceDisplay.from_explanations(["text"])


def test_a_plain_pipeline_can_be_compared():
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, ["g", "g", "b", "b"])
    frame = EvidenceDisplay.from_estimator(model, TEXTS).to_frame()
    assert set(frame[frame["class"] == "g"]["word"].head(2)) == {"Fine", "dull"}


def test_a_picture_needs_matplotlib(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in (display.plot, display.plot_text):
        with pytest.raises(ImportError, match=r'pip install "skattn\[plot\]"'):
            draw()


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_two_where_the_model_tells_their_case(lowercase):
    reader = TfidfVectorizer(lowercase=lowercase)
    texts, labels = ["US wins", "us wins"] * 8, ["state", "we"] * 8
    model = make_pipeline(reader, LogisticRegression()).fit(texts, labels)
    display = EvidenceDisplay.from_estimator(model, texts)
    frame = display.to_frame()
    found = frame[frame["class"] == "we"].set_index("word")["evidence"]
    if lowercase:
        assert set(found.index) == {"US", "wins"}
        return
    assert found["us"] > 0.1 > -0.1 > found["US"]
    assert set(found.index) == {"US", "us", "wins"}
    both = EvidenceDisplay.from_estimator(model, "US wins us").plot_text()
    assert {"US", "us"} <= {label.get_text() for label in both.ax_.get_yticklabels()}


def test_explanations_of_other_classes_are_not_mixed():
    one = explain_texts(film_model(), TEXTS[0])
    for labels in (("bad", "better"), ("a", "b")):
        others = explain_texts(film_model(labels=labels), TEXTS[1])
        mixed = EvidenceDisplay.from_explanations([*one, *others])
        for show in (mixed.to_frame, mixed.plot, mixed.to_html):
            with pytest.raises(ValueError, match="models with different classes"):
                show()


@pytest.mark.parametrize("unit", ["D", "ns"])
def test_classes_that_are_dates(unit):
    days = np.array(["2020-01-01", "2021-01-01"], dtype=f"M8[{unit}]")
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["fine", "dull"], days)
    display = EvidenceDisplay.from_estimator(model, ["fine dull"])
    display.plot(labels=[model.classes_[0]])
    display.plot_text(label=model.classes_[1])
    assert "2021-01-01" in display.to_html()


def test_words_that_the_model_tells_apart_stay_apart():
    texts, labels = ["die Masse", "die Maße"] * 10, ["heavy", "long"] * 10
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels)
    frame = EvidenceDisplay.from_estimator(model, texts).to_frame()
    assert sorted(frame.loc[frame["class"] == "heavy", "word"]) == ["Masse", "Maße", "die"]


def test_an_accent_in_two_forms_is_one_word():
    texts, labels = ["cafe\u0301 good", "caf\u00e9 good", "tea bad"] * 8, ["a", "a", "b"] * 8
    model = TextClassifier(epochs=1, linear=False, random_state=0).fit(texts, labels)
    frame = EvidenceDisplay.from_estimator(model, texts[:3]).to_frame()
    assert len(frame[frame["class"] == "a"]) == 4


@pytest.mark.parametrize("call", ["plot", "plot_text"])
def test_a_number_of_words_is_needed(display, call):
    with pytest.raises(ValueError, match="n_words must be a whole number from 0 on, got None"):
        getattr(display, call)(n_words=None)
    with pytest.raises(ValueError, match="is not one of the classes"):
        display.plot(labels=[["good"]])
