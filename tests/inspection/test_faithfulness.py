"""Faithfulness: numbers by hand, the rule, and models of which the answer is known."""

import itertools
import re
import sys

import numpy as np
import pytest
from by_hand import VALUES, AddedValues, film_model, planted_texts, trained_on_planted_texts
from scipy import sparse
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import TextClassifier, faithfulness_report
from skattn.inspection import _faithfulness
from skattn.inspection._erasure import (
    UNKNOWN_WORD,
    Bootstrap,
    agreement,
    is_constant,
    n_erased,
    one_left_out,
    only_tokens,
    ranked,
    with_unknown,
    without_tokens,
)
from skattn.inspection._faithfulness_report import METRICS, FaithfulnessReport

pytestmark = pytest.mark.usefixtures("graphs_as_traced")

TEXTS = ["the fine good film"] * 3 + ["dull film"] * 2
LABELS = ["good"] * 3 + ["bad"] * 2
TRAINING = (["the film"] * 4, ["bad", "good"] * 2)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules and sys.modules["matplotlib"]:
        sys.modules["matplotlib.pyplot"].close("all")


def report_on(texts, model=None, **options):
    options = {"random_state": 0, "n_bootstrap": 50} | options
    return faithfulness_report(film_model() if model is None else model, texts, **options)


# -- erasing -------------------------------------------------------------------------------------


def test_a_space_takes_the_place_of_a_word():
    spans = np.array([[0, 3], [4, 8], [9, 13]])
    assert without_tokens("the fine-film!", spans, [1]) == "the  -film!"
    assert without_tokens("the fine-film!", spans, [2, 0]) == "  fine- !"
    assert one_left_out("the fine-film!", spans)[0] == "  fine-film!"


def test_neighbours_without_a_gap_do_not_merge():
    assert without_tokens("abc", np.array([[0, 1], [1, 2], [2, 3]]), [1]) == "a c"


def test_overlapping_and_empty_spans_are_erased_too():
    spans = np.array([[0, 3], [2, 5], [4, 4]])
    assert without_tokens("abcdef", spans, [1, 0]).split() == ["f"]
    assert without_tokens("abcdef", spans, [2]) == "abcdef"


@pytest.mark.parametrize("text", ["it was fine!", "don't stop", "a_b, c"])
def test_an_unknown_word_takes_the_place_of_each_word(text):
    found = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
    spans, words = np.array(found), [text[start:end] for start, end in found]
    for chosen in itertools.product([False, True], repeat=len(words)):
        pairs = zip(chosen, words, strict=True)
        expected = [UNKNOWN_WORD if unknown else word for unknown, word in pairs]
        left = with_unknown(text, spans, np.flatnonzero(chosen))
        assert re.findall(r"\w+|[^\w\s]", left) == expected


def test_an_unknown_character_takes_the_place_of_each_character():
    spans = np.array([[0, 1], [1, 2], [2, 3], [3, 5]])
    assert with_unknown("房间很கி", spans, [0, 3]) == "ꙮ间很ꙮꙮ"
    words = np.array([[0, 1], [1, 2], [2, 4]])  # words that a pattern or a tokenizer finds
    assert with_unknown("我爱电影", words, [2]) == "我爱 ꙮꙮ"


def test_words_alone_stand_in_reading_order():
    spans = np.array([[0, 3], [4, 8], [9, 13]])
    assert only_tokens("the fine-film!", spans, [2, 0]) == "the film"
    pairs = np.array([[0, 8], [4, 13], [9, 14]])
    assert only_tokens("the fine-film!", pairs, [0, 1]) == "the fine-film"
    assert only_tokens("the fine-film!", pairs, [0, 2]) == "the fine film!"


@pytest.mark.parametrize(
    ("n_tokens", "counts"),
    [(1, [1, 1, 1, 1, 1]), (10, [1, 1, 1, 2, 5]), (100, [1, 5, 10, 20, 50]), (7, [1, 1, 1, 2, 4])],
)
def test_fractions_are_rounded_up_to_at_least_one_token(n_tokens, counts):
    assert n_erased(n_tokens) == counts


def test_equal_scores_keep_reading_order():
    assert ranked([0.2, 0.5, 0.2, 0.5]).tolist() == [1, 3, 0, 2]


def test_agreement_is_kendalls_tau_b_and_0_for_a_constant():
    assert agreement(np.arange(4), np.arange(4)) == pytest.approx(1)
    assert agreement(np.arange(4), np.array([0, 1, 3, 2])) == pytest.approx(4 / 6)
    assert agreement(np.arange(4), np.ones(4)) == 0
    assert agreement(np.ones(4), np.arange(4)) == 0


def test_constant_is_judged_to_a_thousandth():
    assert is_constant(np.array([0.25, 0.25, 0.25, 0.25]))
    assert is_constant(np.array([0.25, 0.2499, 0.2501]))
    assert is_constant(np.array([-0.2, -0.2]))
    assert not is_constant(np.array([0.25, 0.24]))


def test_intervals_resample_texts():
    values = np.array([0.0, 1.0, 5.0])
    draws = np.random.RandomState(3).randint(3, size=(200, 3))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    interval = Bootstrap(3, 200, np.random.RandomState(3)).interval(values)
    assert interval == pytest.approx((2, low, high))


# -- numbers by hand -----------------------------------------------------------------------------


def test_the_numbers_can_be_worked_out_by_hand():
    """P(good) is 0.9: 0.5 + 0.3 for "fine" + 0.1 for "good"; k is 1, 1, 1, 1 and 2 words."""
    report = report_on(["the fine good film"])
    assert report.n_texts == 1
    found = {ranking: values for ranking, values in report.scores.items() if ranking != "random"}
    by_importance = [(4 * 0.3 + 0.4) / 5, (4 * 0.1 + 0.0) / 5, 1, 1]
    in_reading_order = [(4 * 0.0 + 0.3) / 5, (4 * 0.4 + 0.1) / 5, 0, 0]
    expected = {
        "evidence": by_importance,
        "attention": by_importance,
        "gradient x input": by_importance,
        "leave-one-out": by_importance,
        "uniform": in_reading_order,
    }
    assert found.keys() == expected.keys()
    for ranking, numbers in expected.items():
        measured = [found[ranking][metric][0] for metric in METRICS]
        # an unknown word counts as nothing here, so it does as well as a space
        np.testing.assert_allclose(measured, numbers + numbers[:2], atol=1e-9)


def test_random_orders_count_as_their_mean():
    """Three equal words: any order takes one away, or at 50 % two; P falls by 0.1 each."""
    scores = report_on(["good good good"], n_random=3).scores["random"]
    assert scores["comprehensiveness"][0] == pytest.approx((4 * 0.1 + 0.2) / 5)
    assert scores["sufficiency"][0] == pytest.approx((4 * 0.2 + 0.1) / 5)
    many = report_on(["fine film"], n_random=400).scores["random"]
    assert many["comprehensiveness"][0] == pytest.approx(0.3 / 2, abs=0.03)


def test_the_predicted_class_is_the_one_whose_fall_counts():
    scores = report_on(["a dull film"]).scores["attention"]
    assert scores["comprehensiveness"][0] == pytest.approx(0.3)
    assert scores["sufficiency"][0] == pytest.approx(0.0)


def test_the_whole_model_is_judged():
    counts = make_pipeline(CountVectorizer(), MultinomialNB())
    model = VotingClassifier([("network", film_model()), ("counts", counts)], voting="soft")
    model.fit(["dull film", "fine film", "bad", "good"], ["bad", "good", "bad", "good"])
    report = report_on(["dull film"], model)
    before, without = model.predict_proba(["dull film", "     film"])[:, 0]
    drop = pytest.approx(before - without, abs=1e-6)
    assert report.scores["attention"]["comprehensiveness"][0] == drop
    network = model.estimators_[0].predict_proba(["dull film"])[0, 0]
    assert report.share == pytest.approx(network / (2 * before))
    assert "the network contributes" in report.note


@pytest.mark.slow
def test_many_texts_go_through_in_groups_with_the_same_numbers():
    one = report_on(["the fine good film"]).scores["attention"]
    many = report_on(["the fine good film"] * 130, n_texts=None)
    assert many.n_texts == 130
    for metric in METRICS:
        np.testing.assert_allclose(many.scores["attention"][metric], one[metric][0])


def test_texts_are_drawn_and_short_ones_left_out():
    report = report_on([*TEXTS, "fine", ""], n_texts=None)
    assert (report.n_texts, report.n_dropped) == (5, 2)
    assert "2 texts with fewer than two words" in report.note
    assert report_on(TEXTS, n_texts=2).n_texts == 2


def test_a_seed_repeats_everything():
    first, second = (report_on(TEXTS, random_state=7) for _ in range(2))
    assert first.intervals == second.intervals
    assert first.intervals != report_on(TEXTS, random_state=8).intervals


# -- the rule ------------------------------------------------------------------------------------


def made_up(attention=(0.3, 0.0, 0.5), random=(0.1, 0.2, 0.0), left_out=0.3, constant=0.0):
    """A report of which every text has the same numbers."""
    rows = {
        "attention": (*attention, 0.4, 0.0, 0.0),
        "random": (*random, 0.0, 0.0, 0.0),
        "leave-one-out": (left_out, 0.0, 1.0, 0.5, 0.0, 0.0),
    }
    scores = {
        name: dict(zip(METRICS, (np.full(4, number) for number in numbers), strict=True))
        for name, numbers in rows.items()
    }
    bootstrap = Bootstrap(4, 20, np.random.RandomState(0))
    return FaithfulnessReport.from_scores(
        scores, bootstrap, constant={"attention": constant}, share=1.0
    )


@pytest.mark.parametrize(
    ("report", "unmet"),
    [
        (made_up(), []),
        (made_up(attention=(0.1, 0.0, 0.5), left_out=0.1), [0]),
        (made_up(attention=(0.3, 0.25, 0.5)), [1]),
        (made_up(attention=(0.19, 0.0, 0.5)), [2]),
        (made_up(attention=(0.3, 0.0, 0.0)), [3]),
        (made_up(constant=0.51), [4]),
    ],
)
def test_each_condition_of_the_rule_decides(report, unmet):
    assert [i for i, (_, met) in enumerate(report.conditions) if not met] == unmet
    assert report.faithful == (not unmet)
    word = "is not" if unmet else "is"
    assert (
        report.verdict == f"Attention {word} a faithful explanation of this model on these texts."
    )


@pytest.mark.parametrize(("metric", "unmet"), [(0, 0), (1, 1), (2, 3)])
def test_an_interval_that_reaches_0_is_not_enough(metric, unmet):
    """The mean is on the right side in each condition, but one text in four carries it."""
    names = ("attention", "random", "leave-one-out")
    scores = {name: {key: np.zeros(4) for key in METRICS} for name in names}
    for key, value in zip(METRICS[:3], (0.2, -0.2, 0.5), strict=True):
        scores["attention"][key] = np.full(4, value)
    scores["attention"][METRICS[metric]] *= [5, -1, -1, -1]
    bootstrap = Bootstrap(4, 500, np.random.RandomState(0))
    report = FaithfulnessReport.from_scores(
        scores, bootstrap, constant={"attention": 0.0}, share=1.0
    )
    assert [i for i, (_, met) in enumerate(report.conditions) if not met] == [unmet]


def test_leave_one_out_without_a_lead_asks_for_nothing():
    report = made_up(left_out=0.05)
    assert report.faithful
    assert "leave-one-out has no lead" in str(report)


@pytest.mark.slow
def test_the_planted_word_is_a_faithful_explanation():
    texts, labels, _ = planted_texts(60, seed=2)
    model = trained_on_planted_texts("additive")
    report = faithfulness_report(model, texts, labels, random_state=0)
    assert report.faithful, str(report)
    assert report.accuracy >= 0.98


@pytest.mark.slow
def test_frozen_uniform_attention_is_not():
    texts, labels, _ = planted_texts(60, seed=2)
    model = trained_on_planted_texts("uniform")
    report = faithfulness_report(model, texts, labels, random_state=0)
    assert not report.faithful, str(report)
    assert report.constant["attention"] == 1
    assert not report.conditions[4][1]
    assert report.accuracy >= 0.98


def test_a_network_that_knows_its_words_is_explained_by_evidence_where_attention_is_not():
    texts, labels, _ = planted_texts(60, seed=2)
    model = trained_on_planted_texts("uniform")
    report = faithfulness_report(model, texts, labels, random_state=0)
    assert report.verdicts["evidence"].startswith("Evidence is a faithful"), str(report)
    assert report.verdicts["attention"].startswith("Attention is not")
    means = {
        name: found["comprehensiveness_unknown"][0] for name, found in report.intervals.items()
    }
    assert means["evidence"] > 0.9 * means["leave-one-out"] > means["random"]


def test_a_linear_model_has_evidence_and_neither_attention_nor_gradients():
    texts, labels, _ = planted_texts(60, seed=2)
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, labels)
    report = faithfulness_report(model, texts, labels, random_state=0)
    assert list(report.scores) == ["evidence", "random", "uniform", "leave-one-out"]
    assert list(report.verdicts) == ["evidence"]
    assert (report.faithful, report.verdict) == (True, report.verdicts["evidence"])
    assert np.isnan(report.scores["evidence"]["tau_gradient"]).all()
    assert "nan" not in str(report) + report._repr_html_()


# -- refits --------------------------------------------------------------------------------------


class NeedsAttention(AddedValues):
    """Learns no word where its attention is frozen."""

    def fit(self, X, y):
        super().fit(X, y)
        self.table_ *= self.attention != "uniform"
        return self


def test_accuracy_beside_a_refit_with_uniform_attention():
    model = film_model().set_params(classifier=NeedsAttention(tuple(VALUES.values())))
    report = report_on(TEXTS, model.fit(*TRAINING), y=LABELS, refit=TRAINING)
    assert (report.accuracy, report.uniform_accuracy) == (1, 0.4)
    assert "passed: 1.000, with uniform attention 0.400." in report.note


def test_true_classes_of_another_type_are_no_wrong_predictions():
    with pytest.raises(ValueError, match=r"y holds 0 \(type int\), but the classes"):
        report_on(TEXTS, y=np.arange(len(TEXTS)) % 2)


def test_agreement_between_seeds():
    same = report_on(TEXTS, y=LABELS, refit=TRAINING, n_seeds=2)
    assert same.seed_agreement == pytest.approx((1, 1))
    search = GridSearchCV(film_model(attention="random"), {}, cv=2).fit(*TRAINING)
    tau, overlap = report_on(TEXTS, search, y=LABELS, refit=TRAINING, n_seeds=3).seed_agreement
    assert abs(tau) < 0.9
    assert 0.3 < overlap < 0.99


def test_a_model_within_a_vote_is_trained_again_with_other_seeds():
    film = film_model(attention="random").set_params(classifier__random_state=0)
    model = VotingClassifier([("film", film)], voting="soft")
    report = report_on(TEXTS, model.fit(*TRAINING), y=LABELS, refit=TRAINING, n_seeds=2)
    assert report.seed_agreement != pytest.approx((1, 1))


def test_a_model_without_attention_is_not_trained_again():
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(*TRAINING)
    with pytest.raises(ValueError, match="compares attention weights, but this model has none"):
        report_on(TEXTS, model, y=LABELS, refit=TRAINING, n_seeds=2)


def test_a_refit_leaves_the_model_as_it_is():
    model = film_model()
    report_on(TEXTS, model, y=LABELS, refit=TRAINING, n_seeds=2)
    assert model[-1].attention == "values"
    assert model[-1].random_state is None
    frozen = FrozenEstimator(model)
    with pytest.raises(ValueError, match="FrozenEstimator cannot be trained"):
        report_on(TEXTS, frozen, y=LABELS, refit=TRAINING)


# -- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"refit": TRAINING}, "true classes of `texts` as y"),
        ({"refit": (TRAINING[0],), "y": LABELS}, "give it as a pair"),
        ({"n_seeds": 2}, "n_seeds needs refit"),
        ({"n_seeds": 1, "refit": TRAINING, "y": LABELS}, "'n_seeds' parameter"),
        ({"n_texts": 0}, "'n_texts' parameter"),
        ({"y": LABELS[:2]}, "inconsistent numbers of samples"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        report_on(TEXTS, **options)


def test_texts_without_an_order():
    with pytest.raises(ValueError, match="two tokens or more"):
        report_on(["fine", ""])


def test_a_step_that_changes_a_text_again():
    steps = film_model().named_steps.values()
    backwards = make_pipeline(FunctionTransformer(lambda texts: [t[::-1] for t in texts]), *steps)
    with pytest.raises(ValueError, match="make that step idempotent"):
        report_on(["mlif enif eht", "fine good film the"], backwards)
    lower = make_pipeline(FunctionTransformer(lambda texts: [t.lower() for t in texts]), *steps)
    assert report_on(["THE FINE GOOD FILM"], lower).n_texts == 1


# -- the result ----------------------------------------------------------------------------------


def test_the_text_says_verdict_rule_and_numbers_within_a_terminal():
    report = report_on(TEXTS, y=LABELS)
    text = str(report)
    assert text.startswith(report.verdicts["evidence"])
    assert report.verdicts["attention"] in text
    assert "  [x] Without the words with the most attention" in text
    assert all(ranking in text for ranking in report.scores)
    assert f"{report.intervals['attention']['comprehensiveness'][0]:.3f}" in text
    assert max(map(len, text.splitlines())) <= 81
    assert ("Too few texts to rely on" in text) == (report.n_texts < 20)
    few = "Too few texts to rely on (5): use 20 or more."
    lines = str(report_on(TEXTS[:5])).splitlines()
    assert [lines[i - 1] for i, line in enumerate(lines) if line == few] == [
        *report_on(TEXTS[:5]).verdicts.values()
    ]
    html = report_on(TEXTS[:5])._repr_html_()
    assert html.index(few) < html.index("<details")
    assert few in repr(report_on(TEXTS[:5]))
    told = [*report.verdicts.values(), *([few] if report.n_texts < 20 else [])]
    assert repr(report) == f"<FaithfulnessReport: {' '.join(told)}>"


def test_the_frame_holds_means_and_intervals():
    report = report_on(TEXTS)
    frame = report.to_frame()
    assert frame.index.tolist() == list(report.scores)
    assert frame.shape == (6, 18)
    row = frame.loc["random", ["sufficiency", "sufficiency_low", "sufficiency_high"]]
    assert tuple(row) == report.intervals["random"]["sufficiency"]


def test_a_picture_has_a_panel_a_metric():
    report = report_on(TEXTS)
    panels = report.plot()
    assert [len(panel.lines) for panel in panels] == [13, 13, 13]
    marks = [line.get_xdata()[0] for line in panels[0].lines[1:12:2]]
    means = [values["comprehensiveness"][0] for values in report.intervals.values()]
    assert marks == means
    names = [label.get_text() for label in panels[0].get_yticklabels()]
    assert names == list(report.scores)


def test_a_picture_needs_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skattn\[plot\]"'):
        report_on(TEXTS).plot()


def test_a_notebook_shows_the_verdict_and_the_table():
    report = report_on(TEXTS)
    block = report._repr_html_()
    assert report.verdict in block
    assert block.count("<tr") == 7
    assert "<script" not in block


def test_long_texts_are_judged_a_few_at_a_time(monkeypatch):
    expected = report_on(TEXTS * 4, n_texts=None)
    monkeypatch.setattr(_faithfulness, "MOST_CHARACTERS", 100)
    asked = []
    predict = type(film_model()).predict_proba
    monkeypatch.setattr(
        type(film_model()),
        "predict_proba",
        lambda self, X: asked.append(len(X)) or predict(self, X),
    )
    assert report_on(TEXTS * 4, n_texts=None).intervals == expected.intervals
    assert len(asked) > 10


def test_accuracy_of_several_labels_is_that_of_score():
    texts = ["fine film", "dull film", "fine book", "dull book"] * 6
    Y = np.array([[1, 1], [0, 1], [1, 0], [0, 0]] * 6)
    model = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression()))
    model.fit(texts, Y)
    wrong = Y.copy()
    wrong[:9, 0] ^= 1
    for y in (wrong, sparse.csr_array(wrong)):
        assert report_on(texts, model, y=y).accuracy == model.score(texts, wrong) == 15 / 24


def test_a_generator_of_training_texts_serves_all_refits():
    model = trained_on_planted_texts("additive")
    texts, labels, _ = planted_texts(40, seed=1)
    report = faithfulness_report(
        model,
        texts[:8],
        labels[:8],
        refit=((text for text in texts), labels),
        n_seeds=2,
        n_bootstrap=5,
        random_state=0,
    )
    assert report.uniform_accuracy is not None


def test_differences_of_rounding_meet_no_condition():
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=1e-12))
    model.fit(TEXTS, LABELS)
    report = report_on(TEXTS, model)
    assert [met for _, met in report.conditions_of("evidence")][:2] == [False, False]
    assert report.intervals["evidence"]["comprehensiveness"] == (0.0, 0.0, 0.0)


def test_accuracy_is_said_to_be_of_all_texts():
    report = report_on(TEXTS, y=LABELS, n_texts=1)
    assert report.n_texts == 1
    assert "Accuracy on all the texts that were passed: 1.000." in report.note


def test_the_tokens_of_an_emoji_are_erased_together():
    texts = ["a 👍🏽 film", "a 👎🏽 film"] * 6
    model = TextClassifier(linear=False, epochs=1, units=2, random_state=0)
    report = report_on(texts, model.fit(texts, [0, 1] * 6))
    assert report.n_texts == 12
    assert "gradient x input" in report.scores
