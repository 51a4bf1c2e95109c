"""The rules for a network that begins with a pretrained transformer: how much work it may be."""

import pytest

from skattn import TextClassifier
from skattn.recipe import _pretrained_rules
from skattn.recipe._pretrained_rules import Model, Plan
from skattn.recipe._rules import Facts

NOTHING = TextClassifier().get_params()
SMALL = Model(static=False, n_layers=6, width=384, max_tokens=256)


def settings(n_texts, n_words=12.0, model=SMALL, n_classes=3, **given):
    facts = Facts(n_texts, n_words, n_classes, True, True)
    return _pretrained_rules.settings_for(model, facts, NOTHING | given)


def plan(*facts, **given):
    found = settings(*facts, **given)
    return Plan(*(found[name][0] for name in Plan._fields))


def test_work_is_counted_by_hand():
    facts = Facts(10, 20.0, 2, True, True)
    tokens = 10 * (20 * 1.3 + 2)
    passes = (6 - 2) + 3 * 5 * 2
    found = _pretrained_rules.work(SMALL, facts, Plan(5, 2, 256))
    assert found == pytest.approx(24 * tokens * 384**2 * passes)
    cut = _pretrained_rules.work(SMALL, facts, Plan(5, 2, 14))
    assert cut == pytest.approx(24 * 10 * 14 * 384**2 * passes)


@pytest.mark.parametrize(
    ("n_texts", "epochs"), [(60, 20), (200, 20), (2500, 10), (4500, 6), (5000, 5)]
)
def test_fewer_texts_are_passed_more_often(n_texts, epochs):
    assert plan(n_texts) == Plan(epochs, 6, 256)


def test_too_much_work_costs_epochs_then_layers_then_tokens():
    plans = [plan(500, n_words) for n_words in (5.0, 20.0, 40.0, 80.0, 120.0, 250.0)]
    assert plans == sorted(plans, key=lambda p: (-p.max_length, -p.tuned_layers, -p.epochs))
    assert plans[:2] == [Plan(20, 6, 256), Plan(11, 6, 256)]
    assert plans[-2].tuned_layers < 6
    assert plans[-1].max_length == 128
    assert plan(100_000, 200.0) == Plan(1, 1, 128)


def test_two_layers_that_read_less_come_before_a_single_layer():
    assert plan(64, 300.0) == Plan(20, 2, 128)  # with 256 tokens, one layer would be left
    assert plan(256, 100.0) == Plan(12, 1, 256)  # 128 would leave no more layers
    assert plan(16, 300.0) == Plan(20, 5, 256)


def test_epochs_that_a_smaller_number_of_layers_leaves_room_for_are_used():
    found, bound = plan(500, 110.0), _pretrained_rules.MOST_WORK_A_TEXT * 500
    facts = Facts(500, 110.0, 3, True, True)
    more = found._replace(epochs=found.epochs + 1)
    assert found.tuned_layers < 6
    assert _pretrained_rules.work(SMALL, facts, found) <= bound
    assert _pretrained_rules.work(SMALL, facts, more) > bound


def test_the_plan_is_within_the_bound_wherever_it_can_be():
    for n_texts in (300, 1000, 3000):
        for n_words in (5.0, 50.0, 250.0):
            facts = Facts(n_texts, n_words, 3, True, True)
            found = plan(n_texts, n_words)
            work = _pretrained_rules.work(SMALL, facts, found)
            least = (found.tuned_layers, found.max_length) == (1, 128)
            assert work <= _pretrained_rules.MOST_WORK or least


def test_what_is_given_stays():
    found = settings(6000, 200.0, epochs=9, tuned_layers="all", max_length=77)
    assert [found[name][0] for name in Plan._fields] == [9, 6, 77]


def test_a_model_of_few_layers_and_positions():
    found = plan(100, 12.0, model=Model(False, 1, 32, 38))
    assert found == Plan(20, 1, 38)


def test_few_texts_come_in_small_batches_are_averaged_and_change_the_layers_a_little():
    names = ("batch_size", "attention", "tuned_rate", "tuned_layers")
    few, many = settings(255), settings(256)
    assert [few[name][0] for name in names] == [8, "uniform", 0.05, 6]
    assert [many[name][0] for name in names] == [32, "additive", 0.2, 6]


def test_two_layers_are_tuned_between_few_texts_and_20_a_class():
    found = [settings(n, n_classes=20)["tuned_layers"][0] for n in (255, 256, 399, 400)]
    assert found == [6, 2, 2, 6]
    reason = "256 or more texts, but fewer than 20 per class"
    assert settings(256, n_classes=20)["tuned_layers"][1] == reason
    assert plan(300, model=Model(False, 1, 32, 256)).tuned_layers == 1


def test_where_not_all_layers_are_tuned_they_have_the_usual_rate():
    assert settings(100, tuned_layers=1)["tuned_rate"][0] == 0.2
    long = settings(100, 200.0)
    assert long["tuned_layers"][0] < 6
    assert long["tuned_rate"][0] == 0.2


def test_reasons_are_for_a_reader():
    assert settings(200)["epochs"][1] == (
        "two cores train 200 texts of 12 words on average in a few minutes, so nothing was reduced"
    )
    assert "reduced to what two cores train in a few minutes" in settings(6000, 200.0)["epochs"][1]
    assert "two cores take a long time" in settings(100_000, 200.0)["epochs"][1]
