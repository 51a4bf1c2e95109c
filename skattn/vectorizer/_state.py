"""The state of a `SequenceVectorizer`: parameters, numbers and arrays; nothing that is code."""

from numbers import Integral

import numpy as np

from skattn.utils._saved_state import (
    as_given,
    defaults,
    paths_as_texts,
    refuse_other_formats,
)
from skattn.vectorizer._ids import FIRST_WORD, check_words, pack_words, unpack_words
from skattn.vectorizer._padding import LONGEST
from skattn.vectorizer._pretrained_tokenizer import reopen_vocabulary
from skattn.vectorizer._subwords import is_subword_tokenizer, subword_tokenizer_from_json
from skattn.vectorizer._tokens import check_analysis

FORMAT = 1  # raise it when older versions of the package cannot read what this one writes


def to_state(attributes):
    """Turn the attributes of a vectorizer into its state: words as arrays, subwords as JSON."""
    state = dict(attributes, _format=FORMAT)
    state.pop("_ids", None)
    if "_tokenizer" in state:  # its JSON has the words too
        state["_tokenizer_json"] = state.pop("_tokenizer").to_str()
        del state["_words"]
    if "_words" in state:
        state["_packed_words"], state["_word_ends"] = pack_words(state.pop("_words"))
    if is_subword_tokenizer(state["analyzer"]):
        state["_analyzer_json"] = state.pop("analyzer").to_str()
    return paths_as_texts(state)


def from_state(kind, state):
    """Turn a state back into attributes, or say what is wrong with it.

    Parameters
    ----------
    kind : type
        The class of the vectorizer; its defaults are used for parameters newer than the state.
    state : dict
    """
    if not isinstance(state, dict):
        raise ValueError(f"This file does not hold the state of a {kind.__name__}.")
    attributes = as_given(kind, state, check_analysis)
    refuse_other_formats(kind, attributes.pop("_format", None), FORMAT)
    try:
        if "_analyzer_json" in attributes:
            attributes["analyzer"] = subword_tokenizer_from_json(attributes.pop("_analyzer_json"))
        attributes = defaults(kind) | attributes
        _unpack_learned(attributes)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"This file does not hold a valid {kind.__name__}: {error}") from error
    return attributes


def _unpack_learned(attributes):
    """Unpack the words; check that what was learned fits together."""
    n_ids = None
    if "_tokenizer_json" in attributes:
        tokenizer, ids = reopen_vocabulary(attributes.pop("_tokenizer_json"))
        attributes |= {"_tokenizer": tokenizer, "_words": list(ids), "_ids": ids}
    if "_packed_words" in attributes:
        packed, ends = attributes.pop("_packed_words"), attributes.pop("_word_ends")
        words = unpack_words(packed, ends)
        if len(set(words)) != len(words) or not words:
            raise ValueError("its words are not all different")
        attributes["_words"] = check_words(words, "file")
        n_ids = FIRST_WORD + len(words)
    length = attributes.get("max_length_", 1)
    if not isinstance(length, Integral) or not 1 <= length <= LONGEST:
        raise ValueError(f"max_length_ is {length!r}")
    table = attributes.get("embeddings_")
    if table is not None and (np.ndim(table) != 2 or len(table) != n_ids):
        raise ValueError(f"embeddings_ has the shape {np.shape(table)} for {n_ids} ids")
