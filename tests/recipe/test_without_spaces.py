"""`TextClassifier` on texts in scripts that put no spaces between words."""

import pytest

from skattn import TextClassifier
from skattn.recipe import _parts, _rules

REVIEWS = ["房间干净服务周到", "房间很脏服务太差"] * 10
LABELS = [1, 0] * 10


def in_pairs(text):
    """A segmenter: each two characters are a word."""
    return [text[start : start + 2] for start in range(0, len(text), 2)]


@pytest.mark.parametrize(
    "given",
    [{"tokenizer": in_pairs}, {"token_pattern": "房间|干净|服务|周到"}],
    ids=["tokenizer", "token_pattern"],
)
def test_both_models_read_the_words_that_the_user_finds(given, recwarn):
    model = TextClassifier(network=False, **given).fit(REVIEWS, LABELS)
    words = model.linear_[0].transformer_list[0][1]
    params = _rules.filled_in(model.get_params(), _rules.from_plain(model.settings_))
    of_network = {"ngram_range": (1, 1), "unknown": "keep", "truncation": "head"}
    network, _ = _parts.make_network(params | of_network)
    for vocabulary in (network.fit(REVIEWS).vocabulary_, words.vocabulary_):
        assert {"房间", "干净", "服务", "周到"} <= set(vocabulary)
    assert not recwarn.list


@pytest.mark.parametrize(
    "given", [{"ngram_range": (3, 3)}, {"analyzer": "word"}, {"analyzer": "char_wb"}], ids=str
)
def test_a_hundred_texts_that_repeat_no_token_can_be_learned(given):
    """Each text has characters of its own, none of which is in another."""
    texts = ["".join(map(chr, range(start, start + 12))) for start in range(0x4E00, 0x52B0, 12)]
    model = TextClassifier(network=False, **given).fit(texts, [0, 1] * 50)
    assert model.settings_["min_df"]["value"] == 1
