"""The part of long texts that a network with a pretrained model reads."""

import numpy as np
import pytest

from skattn import TextClassifier
from skattn.recipe._truncation import best_truncation

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


@pytest.mark.parametrize(
    ("place", "expected"), [(9, "head"), (-10, "tail"), ([1, -2], "both")], ids=str
)
@pytest.mark.parametrize(("separator", "spaces"), [(" ", True), ("", False)])
def test_the_part_that_tells_the_class_is_chosen(place, expected, separator, spaces):
    found = best_truncation(*long_texts(place, separator=separator), 16, spaces)
    assert found.value == expected
    assert found.reason.startswith("the part from which a linear model predicts held-out texts")
    assert f"{expected} 100.0%" in found.reason


def test_the_whole_text_is_no_reason_to_choose():
    found = best_truncation(*long_texts(-10), 80, True)
    assert found == ("both", "few texts (0%) are longer than 80 tokens")


def test_few_texts_tell_nothing():
    found = best_truncation(*long_texts(-10, n_texts=255), 16, True)
    assert found == ("both", "fewer than 256 texts are too few for a comparison")


def test_labels_that_cannot_be_held_out():
    texts, _ = long_texts(-10)
    several = np.zeros((N_TEXTS, 3), dtype=int)
    assert best_truncation(texts, several, 16, True).value == "both"
    nearly_alone = np.array(["b"] * 4 + ["a"] * (N_TEXTS - 4))
    found = best_truncation(texts, nearly_alone, 16, True)
    assert found == ("both", "fewer than two classes with 5 texts")
    texts, y = long_texts(-10)
    y[:3] = "rare"
    assert best_truncation(texts, y, 16, True).value == "tail"


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
    chunks = TextClassifier(**small, random_state=0).partial_fit(texts, y, classes=["no", "yes"])
    assert chunks.network_[0].truncation == "both"
