"""A pretrained model's own tokenizer: the ids of its tokens and the longest text it reads."""

import inspect
from numbers import Integral
from typing import NamedTuple

from skattn.utils._pretrained_folder import (
    find_folder,
    n_positions,
    open_tokenizer,
    read_config,
    read_json,
    read_tokenizer,
)
from skattn.vectorizer._ids import OUT_OF_VOCABULARY, is_default, word_ids

# what the model decides, or what has no meaning beside it
_DECIDED = (
    "lowercase",
    "strip_accents",
    "preprocessor",
    "tokenizer",
    "stop_words",
    "token_pattern",
    "ngram_range",
    "analyzer",
    "min_df",
    "max_df",
    "max_features",
    "vocabulary",
    "embeddings",
    "n_features",
)


class ModelVocabulary(NamedTuple):
    """A model's tokenizer, its tokens, and how long a text may be."""

    tokenizer: object  # tokenizers.Tokenizer
    ids: dict  # token -> id, in the order of the ids from 2 on; the unknown token's is 1
    most: int | None  # tokens of a text that the model has positions for
    usual: int | None  # tokens of a text up to which the model is said to work


def read_vocabulary(params, kind):
    """Read the vocabulary of the model that the parameters name.

    Parameters
    ----------
    params : dict
        Of the vectorizer.
    kind : type
        Its class.

    Raises
    ------
    ValueError
        If a parameter is set that has no meaning beside `pretrained`, or if `max_length` is more
        than the model has positions for.
    """
    defaults = {p.name: p.default for p in inspect.signature(kind).parameters.values()}
    given = [name for name in _DECIDED if not is_default(params[name], defaults[name])]
    if given:
        raise ValueError(
            f"{' and '.join(given)} cannot be set beside pretrained: the model has its own "
            "tokenizer and vocabulary."
        )
    folder = find_folder(params["pretrained"])
    config = read_config(folder)
    found = read_tokenizer(folder, config)
    most, usual = n_positions(config), None
    if most is not None:
        n_special = len(found.prefix) + len(found.suffix)
        most -= n_special
        if most < 1:
            raise ValueError(
                f"{folder / 'config.json'} has max_position_embeddings="
                f"{config['max_position_embeddings']}, which leaves no place for a text."
            )
        stated = read_json(folder, "sentence_bert_config.json", {}).get("max_seq_length")
        states_length = isinstance(stated, int) and stated > n_special
        usual = min(most, stated - n_special) if states_length else most
        length = params["max_length"]
        if isinstance(length, Integral) and length > most:
            raise ValueError(
                f"max_length={length}, but the model in {str(folder)!r} reads at most {most} "
                f"tokens besides its {n_special} special ones. Use max_length={most} or less."
            )
    return ModelVocabulary(found.tokenizer, token_ids(found), most, usual)


def reopen_vocabulary(json_text):
    """The tokenizer of a fitted vectorizer, and its ids, from the tokenizer's own JSON."""
    found = open_tokenizer(json_text, "What this file holds")
    return found.tokenizer, token_ids(found)


def token_ids(found):
    """Map each token to its id: the model's own plus 2, and 1 for the unknown token.

    Some tokenizers, such as those of XLM-R, find a special token that is written in a text, for
    example "</s>". There it has no special meaning, so it counts as unknown.
    """
    ids = word_ids(found.words)
    for number, token in found.tokenizer.get_added_tokens_decoder().items():
        read = found.tokenizer.encode(token.content, add_special_tokens=False)
        if token.special and number in read.ids:
            ids[token.content] = OUT_OF_VOCABULARY
    ids[found.words[found.unknown]] = OUT_OF_VOCABULARY
    return ids
