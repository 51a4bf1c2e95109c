"""Words and their ids: number, look up, check, pack; pure functions.

Id 0 is padding, id 1 is out of vocabulary, and word number ``i`` has the id ``i + FIRST_WORD``.
"""

from functools import partial
from itertools import pairwise, repeat
from numbers import Integral

import numpy as np

PADDING, OUT_OF_VOCABULARY, FIRST_WORD = 0, 1, 2


class HashedIds(dict):
    """Token -> id by hashing, of any token and in any process the same; remembers some.

    Parameters
    ----------
    n_features : int
    n_remembered : int
    hash_bytes : callable or None
        bytes -> int. None: scikit-learn's MurmurHash3.
    """

    def __init__(self, n_features, n_remembered=200_000, hash_bytes=None):
        self._n_features, self._n_remembered = n_features, n_remembered
        self._hash = hash_bytes or _murmurhash()

    def __missing__(self, token):
        if len(self) >= self._n_remembered:
            self.clear()
        number = self._hash(token.encode("utf-8", "surrogatepass"))
        self[token] = word_id = FIRST_WORD + number % self._n_features
        return word_id


def _murmurhash():
    from sklearn.utils import murmurhash3_32  # here, since a service does without scikit-learn

    return partial(murmurhash3_32, positive=True)


def word_ids(words):
    """Map each word to its id."""
    return dict(zip(words, range(FIRST_WORD, FIRST_WORD + len(words)), strict=True))


def look_up(tokens, ids):
    """Give the ids of an iterable of tokens as an int32 array."""
    if isinstance(ids, HashedIds):
        return np.fromiter(map(ids.__getitem__, tokens), dtype=np.int32)
    return np.fromiter(map(ids.get, tokens, repeat(OUT_OF_VOCABULARY)), dtype=np.int32)


def check_words(words, source):
    """Give plain strings; anything else among the words is an error."""
    words = list(words)
    for word in words:
        if not isinstance(word, str):
            raise ValueError(
                f"The words of the {source} must be strings, got {word!r} ({type(word).__name__})."
            )
    return [str(word) for word in words]


def pack_words(words):
    """Pack words into two arrays: their UTF-8 bytes end to end, and where each ends.

    An array of NumPy strings would drop trailing NUL characters and give every word the width
    of the longest.
    """
    joined = "".join(words).encode("utf-8", "surrogatepass")
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    return np.array(bytearray(joined), dtype=np.uint8), np.cumsum(lengths)


def unpack_words(packed, ends):
    """Invert `pack_words`; the ends count characters, not bytes."""
    joined = packed.tobytes().decode("utf-8", "surrogatepass")
    bounds = [0, *ends.tolist()]
    if bounds[-1] != len(joined) or any(start > end for start, end in pairwise(bounds)):
        raise ValueError("the ends of its words do not fit their characters")
    return [joined[start:end] for start, end in pairwise(bounds)]


def check_hashing(params):
    """Refuse parameters that need a vocabulary when tokens are hashed."""
    defaults = {
        "vocabulary": None,
        "embeddings": None,
        "max_features": None,
        "min_df": 1,
        "max_df": 1.0,
    }
    given = [name for name, default in defaults.items() if not is_default(params[name], default)]
    if given:
        raise ValueError(
            f"{' and '.join(given)} and n_features cannot go together: n_features="
            f"{params['n_features']} hashes the tokens and keeps no vocabulary."
        )


def is_default(value, default):
    """Tell whether a parameter has its default: 1, a number of texts, is not 1.0, a share."""
    if default is None:
        return value is None
    return isinstance(value, Integral) == isinstance(default, Integral) and value == default


def checked_ids(X, n_ids):
    """Rows of ids as int64, each from 0 to below `n_ids`."""
    from sklearn.utils.validation import check_array  # here, for the same reason

    ids = check_array(X, ensure_min_samples=0, ensure_min_features=0)
    try:
        whole = ids.astype(np.int64)
    except OverflowError:  # a number of more than 64 bits
        whole = np.full(ids.shape, -1)
    if (whole != ids).any() or (whole < 0).any() or (whole >= n_ids).any():
        raise ValueError(
            f"X must hold ids of this vectorizer, whole numbers from 0 to {n_ids - 1}."
        )
    return whole
