"""Text analysis as scikit-learn does it, from plain settings and without scikit-learn.

Importing scikit-learn takes more memory and time than all the rest of a service.
"""

import re
import unicodedata
from typing import NamedTuple

from skattn.vectorizer._subwords import build_subwords, subword_tokenizer_from_json
from skattn.vectorizer._tokens import build_tokens

SUBWORDS, PRETRAINED = "subwords", "pretrained"  # beside the analyzers of scikit-learn
_MASK = 0xFFFFFFFF


class Reader(NamedTuple):
    """The analysis parameters, with the methods of `CountVectorizer` that build functions."""

    analyzer: str
    lowercase: bool
    strip_accents: str | None
    stop_words: list | None
    token_pattern: str | None
    ngram_range: list

    preprocessor = tokenizer = None

    def build_preprocessor(self):
        """Return the function text -> text in lower case, without accents."""
        strip = _STRIP[self.strip_accents]
        if not self.lowercase:
            return strip
        return lambda text: strip(text.lower())

    def build_tokenizer(self):
        """Return the function text -> list of words."""
        return re.compile(self.token_pattern).findall

    def get_stop_words(self):
        """The words that are left out, or None."""
        return None if self.stop_words is None else frozenset(self.stop_words)


def build_reading(settings, tokenizer_json):
    """Return the function text -> list of tokens, as `SequenceVectorizer` reads.

    Parameters
    ----------
    settings : dict
        The fields of a `Reader`.
    tokenizer_json : str or None
        A subword tokenizer, where the analyzer is one.
    """
    if settings["analyzer"] == SUBWORDS:
        return build_subwords(subword_tokenizer_from_json(tokenizer_json))
    return build_tokens(Reader(**settings))


def _as_it_is(text):
    return text


def _without_marks(text):
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _ascii_only(text):
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


_STRIP = {None: _as_it_is, "unicode": _without_marks, "ascii": _ascii_only}


def murmurhash3(data):
    """MurmurHash3 of 32 bits with the seed 0, by which tokens are hashed into ids [1]_.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    number : int
        From 0 to 2**32 - 1.

    References
    ----------
    .. [1] Appleby, MurmurHash3_x86_32, https://github.com/aappleby/smhasher, public domain.
    """
    number, whole = 0, len(data) & ~3
    for start in range(0, whole, 4):
        number ^= _scrambled(data[start : start + 4])
        number = (_rotated(number, 13) * 5 + 0xE6546B64) & _MASK
    number ^= _scrambled(data[whole:]) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        number = ((number ^ number >> shift) * factor) & _MASK
    return number ^ number >> 16


def _scrambled(block):
    number = int.from_bytes(block, "little") * 0xCC9E2D51 & _MASK
    return _rotated(number, 15) * 0x1B873593 & _MASK


def _rotated(number, by):
    return (number << by | number >> 32 - by) & _MASK
