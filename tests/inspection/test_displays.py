"""Displays: arrays once, pictures later, matplotlib and pandas only when asked for."""

import itertools
import sys

import numpy as np
import pytest
from by_hand import film_model
from matplotlib.colors import to_hex
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_page import explanation_of

from skattn import (
    AttentionDisplay,
    GatedDenseClassifier,
    GateDisplay,
    TextClassifier,
    TextExplanation,
    TrainingDisplay,
    explain_texts,
)
from skattn.inspection._render._axes import plain
from skattn.inspection._render._palette import LIGHT, shade

TEXTS = ["The fine, fine film!", "a DULL thing"]
FEATURES = ["width", "height", "weight", "age", "price"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if sys.modules.get("matplotlib.pyplot"):
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


@pytest.fixture
def subplots():
    from matplotlib.pyplot import subplots

    return subplots


@pytest.fixture(scope="module")
def rows():
    """60 rows of 5 features in three classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)), np.array(["a", "b", "c"] * 20)


@pytest.fixture(scope="module")
def gated(rows):
    return GatedDenseClassifier(gate="inputs", epochs=2, random_state=0).fit(*rows)


@pytest.fixture(scope="module")
def stopped(rows):
    """One that watched a held-out part, with 7 hidden units."""
    clf = GatedDenseClassifier(
        units=7,
        epochs=6,
        early_stopping=True,
        n_iter_no_change=2,
        learning_rate=0.1,
        validation_fraction=0.3,
        random_state=0,
    )
    return clf.fit(*rows)


def strings(ax):
    return [text.get_text() for text in ax.texts]


# -- texts ---------------------------------------------------------------------------------------


def test_the_attention_display_follows_the_contract():
    display = AttentionDisplay.from_estimator(film_model(), TEXTS, ["good", "good"])
    assert display.plot() is display
    assert display.figure_ is display.ax_.figure
    assert repr(display) == "<AttentionDisplay of 2 texts>"
    drawn = strings(display.ax_)
    assert drawn[0] == "✓ good  100.0 %"
    assert "✗ bad  80.0 %, true class: good" in drawn
    for word in ["The", "fine", ",", "film", "!", "a", "DULL", "thing"]:
        assert word in drawn


def test_words_are_shaded_as_on_the_page():
    display = AttentionDisplay.from_estimator(film_model(), ["dull thing"]).plot()
    (patch,) = display.ax_.patches
    assert to_hex(patch.get_facecolor()) == shade(LIGHT, 6)  # 0.97 of 3 even shares of 0.5


def test_texts_are_drawn_into_axes_and_what_does_not_fit_is_counted(subplots):
    _, (ax, other) = subplots(2, figsize=(5, 3))
    display = AttentionDisplay.from_estimator(film_model(), TEXTS * 10).plot(ax=ax)
    assert display.ax_ is ax
    assert not other.texts
    n_drawn = sum(text.endswith("%") for text in strings(ax))
    assert 0 < n_drawn < 10
    assert strings(ax)[-1] == f"and {20 - n_drawn} more"
    height = ax.get_window_extent().height
    assert all(0 <= text.get_position()[1] <= height for text in ax.texts)


def test_n_texts_limits_a_figure_of_its_own():
    display = AttentionDisplay.from_estimator(film_model(), TEXTS * 10).plot(n_texts=3)
    assert sum(text.endswith("%") for text in strings(display.ax_)) == 3
    assert strings(display.ax_)[-1] == "and 17 more"


def explained():
    """A text of 7 words for the class and 7 against it."""
    [explanation] = explain_texts(film_model(max_length=14), [" ".join(["fine", "dull"] * 7)])
    return explanation


def drawn_texts(**options):
    display = AttentionDisplay.from_estimator(film_model(), TEXTS * 10).plot(**options)
    return [text for text in strings(display.ax_) if text.endswith("%")]


def drawn_gates(**options):
    means, names = np.random.default_rng(0).random((2, 30)), [f"gate {n}" for n in range(30)]
    display = GateDisplay(means, means / 10, names, [0, 1], "true class")
    return display.plot(**options).ax_.get_yticklabels()


@pytest.mark.parametrize(
    ("shown", "name", "n_some", "n_all"),
    [
        (lambda **n: explained().top_tokens(**n), "n", 5, 14),
        (lambda **n: explained().top_evidence("good", **n)[0], "n", 5, 7),
        (lambda **n: explained().top_evidence("good", **n)[1], "n", 5, 7),
        (drawn_texts, "n_texts", 10, 20),
        (drawn_gates, "max_gates", 20, 30),
    ],
    ids=["tokens", "evidence for", "evidence against", "texts", "gates"],
)
def test_none_shows_all_where_the_default_shows_some(shown, name, n_some, n_all):
    assert len(shown()) == n_some
    assert len(shown(**{name: None})) == n_all


def test_words_do_not_overlap_and_stay_within_the_axes():
    text = "fine film " * 5 + "the-dull($9.3bn)film " * 10 + "x" * 300
    display = AttentionDisplay.from_estimator(film_model(), [text]).plot()
    words = display.ax_.texts[1:]
    width = display.ax_.get_window_extent().width
    boxes = [word.get_window_extent() for word in words]
    for box, following in itertools.pairwise(boxes):
        same_line = abs(box.y0 - following.y0) < box.height / 2 and following.x0 > box.x0
        if same_line:
            assert following.x0 >= box.x1 - 3
    assert max(box.x1 for box in boxes) <= width * 1.05
    assert len({word.get_position()[1] for word in words}) > 2


def test_a_picture_of_hostile_texts():
    hostile = ["$x^2$ fine \\frac{ \x00 \ud800 \u202e film", "", "{ } % # _ ^ ~ fine", "a" * 400]
    model = film_model(labels=("$bad$", "g\x00od"))
    display = AttentionDisplay.from_estimator(model, hostile, ["$bad$"] * 4).plot()
    display.figure_.canvas.draw()
    assert not any(text.get_parse_math() for text in display.ax_.texts)
    assert any("$x^2$" in "".join(strings(display.ax_)[i : i + 3]) for i in range(9))


def test_explanations_that_are_there_already():
    explanations = explain_texts(film_model(labels=(0, 1)), TEXTS)
    display = AttentionDisplay.from_explanations(iter(explanations), np.array([1, 1]))
    assert display.y_true == [1, 1]
    assert "wrong: it is <bdi>1</bdi>" in display.to_html()


def test_true_classes_in_a_pandas_series():
    import pandas

    y = pandas.Series(["good", "bad"], index=[7, 9])
    display = AttentionDisplay.from_estimator(film_model(), pandas.Series(TEXTS), y)
    assert display.y_true == ["good", "bad"]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["good"], "inconsistent"),
        (iter(["good", "bad"]), "y must be a list or an array of labels.*got a list_iterator"),
        ({"good", "bad"}, "y must be a list or an array of labels.*got a set"),
        (np.eye(2), "one true class for each text"),
        ([0, 1], "y holds 0 .type int., but the classes of the model are .*Pass the labels as"),
        (np.array(["good", None], dtype=object), "y contains NaN"),
    ],
)
def test_true_classes_are_checked(y, message):
    with pytest.raises((TypeError, ValueError), match=message):
        AttentionDisplay.from_estimator(film_model(), TEXTS, y)


def test_a_page_is_saved_in_utf8(tmp_path):
    display = AttentionDisplay.from_estimator(film_model(), ["fine \ud800 ü"], ["good"])
    path = display.save_html(tmp_path / "page.html", title="Films & more")
    page = path.read_bytes().decode("utf-8")
    assert page == display.to_html(title="Films & more")
    assert "<title>Films &amp; more</title>" in page


def test_a_notebook_needs_no_script():
    block = AttentionDisplay.from_estimator(film_model(), TEXTS)._repr_html_()
    assert "<script" not in block
    assert "DULL" in block


def test_without_matplotlib_everything_but_pictures_works(no_matplotlib, tmp_path):
    display = AttentionDisplay.from_estimator(film_model(), TEXTS)
    display.save_html(tmp_path / "page.html")
    with pytest.raises(ImportError, match=r'AttentionDisplay.plot.*pip install "skattn\[plot\]"'):
        display.plot()


@pytest.mark.slow
def test_displays_import_no_matplotlib(run_python):
    code = "import sys, skattn.inspection._attention_display; print('matplotlib' in sys.modules)"
    assert run_python(code).stdout.strip() == "False"


# -- gates ---------------------------------------------------------------------------------------


def test_gates_are_averaged_over_the_rows_of_each_class(gated, rows):
    X, y = rows
    display = GateDisplay.from_estimator(gated, X, y)
    gates = gated.gate_values(X)
    for number, label in enumerate("abc"):
        np.testing.assert_allclose(display.means[number], gates[y == label].mean(axis=0), 1e-5)
        np.testing.assert_allclose(display.spreads[number], gates[y == label].std(axis=0), 1e-4)
    assert display.groups == ["a", "b", "c"]
    assert display.names == ["x0", "x1", "x2", "x3", "x4"]
    assert display.grouping == "true class"
    assert display.plot() is display
    labels = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    order = np.argsort(-display.means.mean(axis=0))
    assert labels == [display.names[place] for place in order]
    assert display.figure_ is display.ax_.figure


def test_without_true_classes_the_predicted_ones_count(gated, rows):
    display = GateDisplay.from_estimator(gated, rows[0])
    assert display.grouping == "predicted class"
    assert set(display.groups) == set(gated.predict(rows[0]))


def test_gates_of_several_labels_need_one_column_of_them(rows):
    X, y = rows
    labels = np.stack([y == "a", y != "c"], axis=1).astype(int)
    clf = GatedDenseClassifier(units=3, epochs=1).fit(X, labels)
    with pytest.raises(ValueError, match=r"Pass one column of them as y, such as y\[:, 0\]"):
        GateDisplay.from_estimator(clf, X)
    assert GateDisplay.from_estimator(clf, X, labels[:, 0]).groups == [0, 1]


@pytest.mark.slow
def test_gates_have_the_names_of_the_features(rows):
    import pandas

    X, y = pandas.DataFrame(rows[0], columns=FEATURES), rows[1]
    clf = GatedDenseClassifier(gate="inputs", epochs=1)
    assert GateDisplay.from_estimator(clf.fit(X, y), X).names == FEATURES
    piped = make_pipeline(StandardScaler(), clf).fit(X, y)
    assert GateDisplay.from_estimator(piped, X, y).names == FEATURES
    searched = GridSearchCV(piped, {}, cv=2).fit(X, y)
    assert GateDisplay.from_estimator(searched, X, y).names == FEATURES


def test_hidden_units_are_numbered_and_only_the_widest_are_drawn(stopped, rows):
    display = GateDisplay.from_estimator(stopped, *rows).plot(max_gates=3)
    assert display.names == [f"unit {number}" for number in range(7)]
    assert len(display.ax_.get_yticklabels()) == 3
    assert display.ax_.get_title(loc="right") == "The 3 widest open of 7 gates"


def test_gates_that_differ_most_between_classes_come_first():
    means = np.array([[0.9, 0.1, 0.5], [0.9, 0.7, 0.1]])
    display = GateDisplay(means, means / 10, ["wide", "apart", "some"], [0, 1], "true class")
    ax = display.plot(order="difference", max_gates=2).ax_
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["apart", "some"]
    assert ax.get_title(loc="right") == "The 2 most different of 3 gates"
    with pytest.raises(ValueError, match="order='other' is not one of"):
        display.plot(order="other")


def test_many_classes_become_a_table(gated, rows, subplots):
    X, _ = rows
    _, ax = subplots()
    display = GateDisplay.from_estimator(gated, X, np.arange(60) % 6).plot(ax=ax)
    assert display.ax_ is ax
    assert len(ax.texts) == 30
    assert f"{display.means[0].max():.2f}" in "".join(strings(ax))


def test_gates_as_a_frame(gated, rows):
    frame = GateDisplay.from_estimator(gated, *rows).to_frame()
    assert frame.columns.tolist() == ["class", "gate", "mean", "std"]
    assert len(frame) == 15


def test_gates_of_what_has_none(rows):
    with pytest.raises(TypeError, match="found LogisticRegression"):
        GateDisplay.from_estimator(LogisticRegression().fit(*rows), rows[0])
    with pytest.raises(NotFittedError):
        GateDisplay.from_estimator(GatedDenseClassifier(), rows[0])


def test_gates_and_labels_must_match(gated, rows):
    with pytest.raises(ValueError, match="inconsistent"):
        GateDisplay.from_estimator(gated, rows[0], ["a"])
    with pytest.raises(ValueError, match="one class a row"):
        GateDisplay.from_estimator(gated, rows[0], np.eye(60))
    masked = np.ma.array([1, 2] * 30, mask=[0, 1] * 30)
    for missing in (["a", float("nan")] * 30, masked):
        with pytest.raises(ValueError, match="y contains NaN"):
            GateDisplay.from_estimator(gated, rows[0], missing)
    with pytest.raises(TypeError, match="y mixes texts and other labels"):
        GateDisplay.from_estimator(gated, rows[0], ["a", 1] * 30)


def test_gates_of_dates(rows):
    days = np.array(["2020-01-01", "2021-01-01"] * 30, dtype="M8[ns]")
    clf = GatedDenseClassifier(epochs=1, random_state=0).fit(rows[0], days)
    frame = GateDisplay.from_estimator(clf, rows[0], days).to_frame()
    assert set(frame["class"]) == set(days)


def test_gates_need_matplotlib_only_to_be_drawn(gated, rows, no_matplotlib):
    display = GateDisplay.from_estimator(gated, *rows)
    with pytest.raises(ImportError, match=r'pip install "skattn\[plot\]"'):
        display.plot()


# -- training ------------------------------------------------------------------------------------


def curves(panel):
    return {line.get_label(): line.get_ydata().tolist() for line in panel.get_lines()}


def test_a_training_without_held_out_part_is_one_curve(gated):
    display = TrainingDisplay.from_estimator(gated).plot()
    assert curves(display.ax_) == {"training": gated.history_["loss"]}
    assert display.figure_ is display.ax_.figure
    assert display.note is None


def test_losses_scores_and_the_best_epoch(stopped):
    display = TrainingDisplay.from_estimator(make_pipeline(StandardScaler(), stopped)).plot()
    loss, score = display.ax_
    best = stopped.best_iteration_
    found = curves(loss)
    assert found["training"] == stopped.history_["loss"]
    assert found["held out"] == stopped.history_["val_loss"]
    assert found[f"best epoch: {best}"] == [stopped.history_["val_loss"][best - 1]]
    assert curves(score)["held-out accuracy"] == stopped.history_["val_accuracy"]
    marks = [line.get_xdata().tolist() for line in loss.get_lines()]
    assert marks[-1] == [best]


def test_the_scorer_of_early_stopping_is_what_is_drawn(rows):
    clf = GatedDenseClassifier(epochs=2, early_stopping=True, scoring="f1_macro", random_state=0)
    _, score = TrainingDisplay.from_estimator(clf.fit(*rows)).plot().ax_
    assert "held-out score" in curves(score)


def test_a_search_gives_its_best_candidate_and_says_so(rows):
    search = GridSearchCV(GatedDenseClassifier(epochs=1), {"units": [3, 4]}, cv=2).fit(*rows)
    display = TrainingDisplay.from_estimator(search).plot()
    assert list(display.histories) == ["GatedDenseClassifier"]
    assert display.note == "The best of 2 candidates; the search kept no history of the others."
    assert display.figure_.get_supxlabel() == display.note


def test_estimators_that_were_kept_give_a_curve_each(rows):
    clf = GatedDenseClassifier(epochs=2, random_state=0)
    folds = cross_validate(clf, *rows, cv=3, return_estimator=True)["estimator"]
    display = TrainingDisplay.from_estimators(folds).plot()
    assert list(curves(display.ax_)) == ["1, training", "2, training", "3, training"]
    named = TrainingDisplay.from_estimators({"narrow": folds[0], "wide": folds[1]})
    assert list(named.histories) == ["narrow", "wide"]
    assert repr(named) == "<TrainingDisplay of narrow, wide>"


def test_members_of_ensembles_give_a_curve_each(rows):
    clf = GatedDenseClassifier(epochs=1, random_state=0)
    calibrated = CalibratedClassifierCV(clf, cv=2).fit(*rows)
    display = TrainingDisplay.from_estimator(calibrated)
    assert list(display.histories) == ["CalibratedClassifierCV 1", "CalibratedClassifierCV 2"]
    voting = VotingClassifier([("net", clf), ("linear", LogisticRegression())]).fit(*rows)
    assert list(TrainingDisplay.from_estimator(voting).histories) == ["net"]


def test_dollar_signs_in_names_are_no_formulas(gated, stopped):
    display = TrainingDisplay.from_estimators({"$a_1": gated, "$b_": stopped}).plot()
    texts = display.ax_[0].get_legend().get_texts()
    assert texts[0].get_text() == "$a_1, training"
    assert not any(text.get_parse_math() for text in texts)
    gates = GateDisplay(np.ones((1, 1)), np.ones((1, 1)), ["$x_$"], ["$y_$"], "true class").plot()
    assert not gates.ax_.get_yticklabels()[0].get_parse_math()
    assert not gates.ax_.get_legend().get_texts()[0].get_parse_math()


def test_training_is_drawn_into_given_axes(stopped, subplots):
    _, axes = subplots(1, 2)
    display = TrainingDisplay.from_estimator(stopped)
    assert display.plot(ax=axes).ax_.tolist() == axes.tolist()
    figure, ax = subplots()
    inner = display.plot(ax=ax).ax_
    assert len(inner) == 2
    assert all(panel.figure is figure for panel in inner)
    with pytest.raises(ValueError, match="one Axes or 2, got 3"):
        display.plot(ax=subplots(1, 3)[1])


def test_training_of_what_has_no_history(rows):
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    with pytest.raises(TypeError, match="found LogisticRegression without history_"):
        TrainingDisplay.from_estimator(model.fit(["fine", "dull"], [0, 1]))


def test_training_needs_matplotlib_only_to_be_drawn(gated, no_matplotlib):
    display = TrainingDisplay.from_estimator(gated)
    with pytest.raises(ImportError, match=r'pip install "skattn\[plot\]"'):
        display.plot()


def test_no_curve_of_a_vote_takes_the_place_of_another(rows):
    def vote():
        members = [("a", GatedDenseClassifier(epochs=1)), ("b", GatedDenseClassifier(epochs=1))]
        return VotingClassifier(members, voting="soft")

    first, second = vote().fit(*rows), vote().fit(*rows)
    names = list(TrainingDisplay.from_estimators({"one": first, "two": second}).histories)
    assert names == ["one a", "one b", "two a", "two b"]
    assert list(TrainingDisplay.from_estimator(first).histories) == ["a", "b"]
    calibrated = CalibratedClassifierCV(vote(), cv=2).fit(*rows)
    assert len(TrainingDisplay.from_estimator(calibrated).histories) == 4


def test_a_search_within_a_pipeline_says_that_it_is_one(rows):
    search = GridSearchCV(GatedDenseClassifier(epochs=1), {"units": [2, 3]}, cv=2)
    display = TrainingDisplay.from_estimator(make_pipeline(StandardScaler(), search).fit(*rows))
    assert "best of 2 candidates" in display.note


def test_lines_without_spaces_are_broken():
    starts = np.arange(0, 800, 4)
    long = TextExplanation(
        text="film" * 200,
        tokens=("film",) * 200,
        spans=np.stack([starts, starts + 4], axis=1),
        weights=np.full(200, 1 / 200),
        classes=np.array(["bad", "good"]),
        probabilities=np.array([0.1, 0.9]),
        prediction="good",
    )
    display = AttentionDisplay.from_explanations([long]).plot()
    right = [text.get_window_extent().x1 for text in display.ax_.texts]
    assert max(right) <= display.ax_.get_window_extent().x1 + 1
    assert len({text.get_position()[1] for text in display.ax_.texts}) > 3


def test_a_model_without_attention_has_none_to_draw():
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    with pytest.raises(TypeError, match=r"no attention to draw. Use EvidenceDisplay.plot_text"):
        AttentionDisplay.from_estimator(model, ["fine film"]).plot()


def test_an_unfitted_model_says_so_with_true_classes_too():
    with pytest.raises(NotFittedError):
        AttentionDisplay.from_estimator(TextClassifier(), ["a film"], ["good"])


# -- what stands behind a picture ----------------------------------------------------------------


def contrast_of(artist, behind):
    """The contrast (WCAG 2.2) of an artist with a colour."""
    from matplotlib.colors import to_rgb

    lights = [np.dot([0.2126, 0.7152, 0.0722], np.power(to_rgb(c), 2.2)) for c in (artist, behind)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_words_and_curves_stand_out_from_light_and_dark_backgrounds(style, stopped):
    import matplotlib.pyplot as plt

    with plt.style.context(style):
        display = AttentionDisplay.from_estimator(film_model(), ["fine film"], ["bad"]).plot()
        behind = display.figure_.get_facecolor()
        words = [text.get_color() for text in display.ax_.texts]
        assert min(contrast_of(colour, behind) for colour in words) > 4.5
        panels = TrainingDisplay.from_estimator(stopped).plot().ax_
        curves = [line.get_color() for line in panels[0].get_lines()]
        assert min(contrast_of(colour, behind) for colour in curves) > 3
        plt.close("all")


def test_words_are_placed_from_right_to_left_where_the_script_is_read_so():
    display = AttentionDisplay.from_explanations([explanation_of("הסרט היה טוב")]).plot()
    words = {text.get_text(): text.get_position()[0] for text in display.ax_.texts}
    assert words["הסרט"] > words["היה"] > words["טוב"] > 0
    assert words["הסרט"] < display.ax_.get_xlim()[1]


def test_numbers_and_foreign_words_keep_their_order_in_a_text_from_right_to_left():
    text = "הסרט 3 . 14 של New York , 7"
    spans = [[0, 4], [5, 6], [6, 7], [7, 9], [10, 12], [13, 16], [17, 21], [21, 22], [23, 24]]
    explanation = explanation_of(
        "הסרט 3.14 של New York, 7",
        spans=np.array(spans),
        tokens=tuple("הסרט 3.14 של New York, 7"[start:end] for start, end in spans),
        weights=np.full(9, 1 / 9),
    )
    assert text.split()[1] == explanation.tokens[1]
    display = AttentionDisplay.from_explanations([explanation]).plot()
    x = {text.get_text(): text.get_position()[0] for text in display.ax_.texts}
    assert x["New"] < x["York"] < x[","] < x["7"] < x["של"] < x["3"] < x["."] < x["14"] < x["הסרט"]


def test_brackets_are_turned_in_a_text_from_right_to_left():
    text = "( הסרט )"
    display = AttentionDisplay.from_explanations([explanation_of(text)]).plot()
    x = {text.get_text(): text.get_position()[0] for text in display.ax_.texts}
    assert x["("] < x["הסרט"] < x[")"]


def test_texts_are_drawn_into_a_subfigure():
    import matplotlib.pyplot as plt

    figure = plt.figure(facecolor="black")
    ax = figure.subfigures(1, 2)[0].subplots()
    AttentionDisplay.from_estimator(film_model(), ["fine film"]).plot(ax)
    assert min(contrast_of(text.get_color(), "black") for text in ax.texts) > 4.5


def test_names_that_matplotlib_would_leave_out_are_in_the_legend(gated, stopped):
    display = TrainingDisplay.from_estimators({"_base": gated, "": stopped}).plot()
    axes = np.atleast_1d(display.ax_)[0]
    names = [text.get_text().strip("\u200b") for text in axes.get_legend().get_texts()]
    assert any(name.startswith("_base") for name in names)
    assert any(name.startswith(",") for name in names)


def test_joiners_stay_and_wide_spaces_are_spaces():
    assert plain("می\u200cخواهم") == "می\u200cخواهم"
    assert plain("10\u00a0€\n") == "10 € "
    assert plain("\x00\ud800") == "\ufffd\ufffd"


def test_the_score_that_all_have_is_drawn(rows):
    X, y = rows
    settings = {"early_stopping": True, "epochs": 2, "units": 2, "random_state": 0}
    by_loss = GatedDenseClassifier(**settings).fit(X, y)
    by_score = GatedDenseClassifier(scoring="f1_macro", **settings).fit(X, y)
    display = TrainingDisplay.from_estimators({"a": by_loss, "b": by_score}).plot()
    assert len([line for line in display.ax_[1].get_lines() if len(line.get_xdata()) > 1]) == 2


def test_gates_are_grouped_by_what_predict_says(rows):
    X, y = rows[0], np.where(rows[0][:, 0] > 0, "yes", "no")
    clf = GatedDenseClassifier(epochs=1, units=2, random_state=0)
    always = FixedThresholdClassifier(clf, threshold=0.0, pos_label="yes").fit(X, y)
    assert GateDisplay.from_estimator(always, X).groups == ["yes"]
