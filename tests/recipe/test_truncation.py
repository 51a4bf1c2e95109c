"""The part of long texts that a network with a pretrained model reads."""

import numpy as np
import pytest

from skattn import TextClassifier
from skattn.recipe._truncation import _ends
from skattn.recipe._truncation import best_truncation as compare

N_TEXTS = 300


def long_texts(place, n_texts=N_TEXTS, n_words=60, separator=" "):
    """Texts whose class is told by one word at this place, or at one of these places."""
    rng = np.random.default_rng(0)
    y = np.arange(n_texts) % 2
    filler, telling = list("abcdefghij"), ["x", "y"]
    texts = []
    for label in y:
        words = rng.choice(filler, n_words).tolist()
        at = place if np.isscalar(place) else rng.choice(place)
        words[at] = telling[label]
        texts.append(separator.join(words))
    return texts, np.array(["no", "yes"])[y]


def best_truncation(texts, y, max_length=16, spaces=True, weights=None):
    return compare(
        texts, y, np.ones(len(texts)) if weights is None else weights, max_length, spaces
    )


@pytest.mark.parametrize(
    ("place", "expected"), [(9, "head"), (-10, "tail"), ([1, -2], "both")], ids=str
)
@pytest.mark.parametrize(("separator", "spaces"), [(" ", True), ("", False)])
def test_the_part_that_tells_the_class_is_chosen(place, expected, separator, spaces):
    found = best_truncation(*long_texts(place, separator=separator), spaces=spaces)
    assert found.value == expected
    assert found.reason.startswith("a linear model predicts held-out texts at least as well from")
    assert f"{expected} 100.0%" in found.reason


def test_no_class_with_enough_texts():
    found = best_truncation(["a b"] * 300, np.arange(300))
    assert "fewer than two classes" in found.reason


def test_only_the_ratios_of_weights_matter():
    texts, y = long_texts([9, 25, -10])
    weights = 1.0 + np.arange(len(y)) % 3
    expected = best_truncation(texts, y, weights=weights)
    for factor in (1e-4, 1e4):
        assert best_truncation(texts, y, weights=factor * weights) == expected


def test_texts_count_by_their_weights():
    texts, y = long_texts(-10)
    others, of_others = long_texts(9, n_texts=700)
    texts, y = texts + others, np.r_[y, of_others]
    assert best_truncation(texts, y).value == "head"
    for least in (1e-6, 0):
        weights = np.r_[np.ones(300), np.full(700, least)]
        assert best_truncation(texts, y, weights=weights).value == "tail"
    one_class = np.where(y == "no", 1.0, 0.0)
    assert (
        best_truncation(texts, y, weights=one_class).reason == "fewer than two classes have 5 texts"
    )


def test_very_long_texts_are_read_at_their_ends_only():
    texts, y = long_texts(-10, n_words=30_000)
    assert best_truncation(texts, y).value == "tail"
    head, tail, n_units = _ends(texts[0], 12, spaces=True)
    assert (len(head), len(tail)) == (12, 12)
    assert n_units < 500


def test_both_ends_are_read_where_no_part_is_better():
    _, y = long_texts(-10)
    found = best_truncation(["!?. " * 30] * N_TEXTS, y)
    assert found.value == "both"
    assert "(both 50.0%, head 50.0%, tail 50.0%)" in found.reason


def test_empty_texts():
    _, y = long_texts(-10)
    assert best_truncation([""] * N_TEXTS, y).value == "both"
    texts = ["w " * 60] * 40 + [""] * 260
    rare = np.array([f"u{i}" for i in range(40)] + ["a", "b"] * 130)
    assert best_truncation(texts, rare).reason.startswith("few texts (0%)")
    texts = ["w " * 60] + [""] * 2
    assert best_truncation(texts * 100, y).value == "both"


def test_short_texts_are_not_compared():
    found = best_truncation(*long_texts(-10), 80)
    assert found == ("both", "few texts (0%) are longer than about 80 tokens")


def test_few_texts_tell_nothing():
    found = best_truncation(*long_texts(-10, n_texts=255))
    assert found == ("both", "fewer than 256 texts are too few for a comparison")


def test_labels_that_cannot_be_held_out():
    texts, y = long_texts(-10)
    assert best_truncation(texts, np.zeros((N_TEXTS, 3), dtype=int)).value == "both"
    nearly_alone = np.array(["b"] * 4 + ["a"] * (N_TEXTS - 4))
    found = best_truncation(texts, nearly_alone)
    assert found == ("both", "fewer than two classes have 5 texts")
    y = y.astype(object)
    y[:3] = "rare"
    assert best_truncation(texts, y).value == "tail"


def test_the_random_state_of_numpy_is_left_alone():
    state = np.random.get_state
    before = state()[1].copy(), state()[2]
    best_truncation(*long_texts(-10))
    np.testing.assert_array_equal(state()[1], before[0])
    assert state()[2] == before[1]


def test_a_pretrained_network_reads_the_part_that_tells(tmp_path):
    tiny_models = pytest.importorskip("tiny_models")
    folder = tiny_models.build_model(tmp_path / "model")
    texts, y = long_texts(-10)
    small = {"pretrained": folder, "linear": False, "epochs": 1, "max_length": 16}
    fitted = TextClassifier(**small, random_state=0).fit(texts, y)
    assert fitted.network_[0].truncation == fitted.settings_["truncation"]["value"] == "tail"
    given = TextClassifier(**small, truncation="both", random_state=0).fit(texts, y)
    assert given.network_[0].truncation == "both"
    assert "truncation" not in given.settings_
    share = TextClassifier(**small | {"max_length": 0.9}, random_state=0).fit(texts, y)
    assert share.settings_["truncation"] == {
        "value": "both",
        "reason": "not compared where max_length is a share of the texts",
    }
    chunks = TextClassifier(**small, random_state=0).partial_fit(texts, y, classes=["no", "yes"])
    assert chunks.network_[0].truncation == "both"
