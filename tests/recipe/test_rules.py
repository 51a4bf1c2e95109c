"""The rules that set what a user left open, and their reasons."""

import keras
import pytest

from skattn import TextClassifier
from skattn.recipe import _parts, _rules
from skattn.recipe._rules import Facts

NOTHING = TextClassifier().get_params()


def settings(given=(), **facts):
    usual = {"n_texts": 1000, "n_words": 10.0, "n_classes": 3, "spaces": True, "repeats": True}
    return _rules.settings_of(Facts(**usual | facts), NOTHING | dict(given))


def value(name, **facts):
    return settings(**facts)[name].value


@pytest.mark.parametrize(
    ("n_words", "n_classes", "encoder", "epochs", "word_dropout"),
    [
        (60, 2, "conv", 12, 0.2),
        (60, 20, "conv", 12, 0.2),
        (60, 21, "conv", 20, 0.1),
        (61, 2, "none", 10, 0.2),
        (61, 3, "none", 20, 0.2),
    ],
)
def test_length_and_classes_decide_on_the_network(
    n_words, n_classes, encoder, epochs, word_dropout
):
    facts = {"n_words": n_words, "n_classes": n_classes}
    assert value("encoder", **facts) == encoder
    assert value("epochs", **facts) == epochs
    assert value("word_dropout", **facts) == word_dropout


@pytest.mark.parametrize(
    ("n_texts", "epochs"), [(25_000, 12), (25_001, 12), (50_000, 6), (75_000, 4), (10**6, 4)]
)
def test_many_texts_are_passed_fewer_times(n_texts, epochs):
    assert value("epochs", n_texts=n_texts) == epochs


@pytest.mark.parametrize(
    ("facts", "min_df"),
    [
        ({}, 2),
        ({"n_texts": 100}, 2),
        ({"n_texts": 99}, 1),
        ({"repeats": False}, 1),
        ({"repeats": False, "spaces": False}, 1),
    ],
)
def test_rare_words_count_where_there_is_nothing_else(facts, min_df):
    assert value("min_df", **facts) == min_df


def test_texts_without_spaces_are_read_by_characters():
    assert value("analyzer") == "word"
    assert value("analyzer", spaces=False) == "char"


@pytest.mark.parametrize(
    "given", [{"tokenizer": str.split}, {"token_pattern": "房间|干净"}], ids=str
)
def test_a_tokenizer_or_a_pattern_finds_words_in_texts_without_spaces(given):
    setting = settings(given, spaces=False)["analyzer"]
    assert setting == ("word", f"{next(iter(given))} is given")


@pytest.mark.parametrize(
    ("text", "spaces", "n_words"),
    [
        ("it was a fine film", True, 5),
        ("这家酒店的房间很干净", False, 10 / 1.5),
        ("このホテルはとても良い", False, 11 / 1.5),
        ("호텔 방이 아주 깨끗해요", True, 4),
    ],
)
def test_scripts_without_spaces_are_recognized(text, spaces, n_words):
    facts = _rules.facts_of([text, text], 2)
    assert facts.spaces is spaces
    assert facts.n_words == pytest.approx(n_words)


@pytest.mark.parametrize(
    ("texts", "given", "repeats"),
    [
        (["one two", "three four"], {}, False),
        (["one one", "three four"], {}, False),
        (["one two", "three One"], {}, True),
        (["one two", "three One"], {"lowercase": False}, False),
        (["one two.", "three four."], {}, False),  # punctuation alone would be no vocabulary
        (["one two", "one four"], {"ngram_range": (2, 2)}, False),
        (["one two", "one four"], {"stop_words": ["one"]}, False),
        (["one-two", "one-four"], {"tokenizer": str.split}, False),
        (["one-two", "one-four"], {"analyzer": str.split}, False),
        (["房间干净", "很干净。"], {}, True),
        (["房间干净", "很干净。"], {"analyzer": "word"}, False),
        (["房间干净", "很干净。"], {"ngram_range": (3, 3)}, False),
        (["房间干净", "很干净。"], {"token_pattern": "干净"}, True),
        (["房间干净", "很干净。"], {"analyzer": "char_wb", "ngram_range": (4, 4)}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("kept", ["network", "linear"])
def test_repeated_tokens_are_those_that_are_read(texts, given, repeats, kept):
    given = NOTHING | given
    params = _rules.filled_in(given, _rules.settings_of(_rules.facts_of(texts, 2), given))
    assert _parts.tokens_repeat(texts, params, [kept]) is repeats


def test_what_was_given_is_not_set():
    found = settings({"epochs": 7, "encoder": "lstm"})
    assert not {"epochs", "encoder"} & set(found)
    assert _rules.filled_in(NOTHING | {"epochs": 7}, found)["epochs"] == 7


def test_early_stopping_takes_the_place_of_averaged_weights():
    assert settings()["weight_averaging"].value is True
    assert settings({"early_stopping": True})["weight_averaging"].value is False


def test_every_open_parameter_of_the_network_is_set_or_may_stay_none():
    may_stay = {
        "pretrained",
        "tuned_layers",
        "tuned_rate",
        "columns",
        "strip_accents",
        "preprocessor",
        "tokenizer",
        "stop_words",
        "max_features",
        "vocabulary",
        "embeddings",
        "n_features",
        "segment_length",
        "class_weight",
        "validation_fraction",
        "callbacks",
        "checkpoint",
        "random_state",
        "n_jobs",
    }
    left_open = {name for name, given in NOTHING.items() if given is None}
    assert left_open - may_stay == set(settings())


def test_reasons_are_for_a_reader():
    for name, setting in settings().items():
        assert setting.reason, name
    reason = "short texts (10 words per text on average; long is more than 60)"
    assert settings()["encoder"].reason == reason


@pytest.mark.parametrize(
    ("optimizer", "rate", "schedule", "decay"),
    [
        ("sgd", 3e-3, "cosine", 0.01),
        (keras.optimizers.SGD(0.5), 0.5, "cosine", 0.0),
        (keras.optimizers.AdamW(0.25, weight_decay=0.125), 0.25, "cosine", 0.125),
        ({"class_name": "SGD", "config": {}}, 3e-3, "cosine", 0.01),
        (
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 10)),
            3e-3,
            "constant",
            0.0,
        ),
    ],
    ids=["name", "sgd", "adamw", "config", "schedule"],
)
def test_an_optimizer_object_decides_on_its_own_rate(optimizer, rate, schedule, decay):
    found = settings({"optimizer": optimizer})
    assert found["learning_rate"].value == pytest.approx(rate)
    assert found["learning_rate_schedule"].value == schedule
    assert found["weight_decay"].value == pytest.approx(decay)


def test_an_optimizer_with_a_schedule_of_its_own_trains():
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 10)
    model = TextClassifier(optimizer=keras.optimizers.Adam(schedule), epochs=1, linear=False)
    model.fit(["a good film", "a bad film"] * 8, ["good", "bad"] * 8)
    assert "schedule of its own" in model.settings_["learning_rate"]["reason"]
