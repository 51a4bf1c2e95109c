"""Words and their numbers: learn, check, pack; pure functions.

Id 0 is padding, id 1 is out of vocabulary, and word number ``i`` has the id ``i + FIRST_WORD``.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from numbers import Integral

import numpy as np
from scipy.sparse import csr_array

PADDING, OUT_OF_VOCABULARY, FIRST_WORD = 0, 1, 2


def word_ids(words):
    """Map each word to its id."""
    return dict(zip(words, range(FIRST_WORD, FIRST_WORD + len(words)), strict=True))


def choose_words(words, tokens, lengths, *, min_df, max_df, max_features):
    """Keep the words that are neither too rare nor too common, the most frequent first.

    Parameters
    ----------
    words : list of str
        Every distinct token of the texts.
    tokens : int array of shape (n_tokens,)
        The numbers of all tokens, text after text, as positions in `words`.
    lengths : int array of shape (n_texts,)
        Number of tokens of each text.

    Returns
    -------
    kept : list of str
        Ordered by falling number of occurrences, equal ones alphabetically.
    table : int32 array of shape (n_words,)
        The id of each of `words` from now on.
    """
    occurrences = np.bincount(tokens, minlength=len(words))
    allowed = _within_document_frequency(words, tokens, lengths, min_df, max_df)
    alphabetical = np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.intp)
    by_frequency = alphabetical[np.argsort(-occurrences[alphabetical], kind="stable")]
    chosen = by_frequency[allowed[by_frequency]][:max_features]
    if len(chosen) == 0:
        raise ValueError("After pruning, no terms remain. Try a lower min_df or a higher max_df.")
    table = np.full(len(words), OUT_OF_VOCABULARY, dtype=np.int32)
    table[chosen] = np.arange(FIRST_WORD, FIRST_WORD + len(chosen))
    return [words[number] for number in chosen], table


def _within_document_frequency(words, tokens, lengths, min_df, max_df):
    """Mark the words that stand in at least min_df and at most max_df texts."""
    n_texts = len(lengths)
    fewest = min_df if isinstance(min_df, Integral) else min_df * n_texts
    most = max_df if isinstance(max_df, Integral) else max_df * n_texts
    if most < fewest:
        raise ValueError(
            f"max_df={max_df} corresponds to fewer documents than min_df={min_df} "
            f"({most} < {fewest} of {n_texts})."
        )
    if fewest <= 1 and most >= n_texts:
        return np.ones(len(words), dtype=bool)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    by_text = csr_array(
        (np.ones(len(tokens), dtype=np.int8), tokens.copy(), bounds), shape=(n_texts, len(words))
    )
    by_text.sum_duplicates()
    n_texts_with = np.bincount(by_text.indices, minlength=len(words))
    return (n_texts_with >= fewest) & (n_texts_with <= most)


def given_words(vocabulary):
    """Check a user's vocabulary and list its words in the order of their indices."""
    if isinstance(vocabulary, (str, bytes)):
        raise ValueError("vocabulary must be a mapping or an iterable of words, not one string.")
    if isinstance(vocabulary, Mapping):
        if set(vocabulary.values()) != set(range(len(vocabulary))):
            raise ValueError(
                "The indices of a vocabulary mapping must be 0, 1, 2, ... without a gap or a "
                f"repetition; it has {len(vocabulary)} words."
            )
        words = sorted(vocabulary, key=vocabulary.__getitem__)
    else:
        words = sorted(vocabulary) if isinstance(vocabulary, (set, frozenset)) else list(vocabulary)
    words = check_words(words, "vocabulary")
    if not words:
        raise ValueError("empty vocabulary passed to fit")
    if len(set(words)) != len(words):
        repeated = next(word for word, count in Counter(words).items() if count > 1)
        raise ValueError(f"Duplicate term in vocabulary: {repeated!r}")
    return words


def check_words(words, source):
    """Give plain strings; anything else among the words is an error."""
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
    return [joined[start:end] for start, end in pairwise(bounds)]
