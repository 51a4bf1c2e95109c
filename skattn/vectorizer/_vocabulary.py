"""Learn a vocabulary from tokens, or take a given one, and join pretrained vectors to it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from numbers import Integral

import numpy as np
from scipy.sparse import csr_array

from skattn.utils._warnings import warn
from skattn.vectorizer._ids import check_words, look_up, word_ids
from skattn.vectorizer._scripts import UNSPACED_HINT, are_phrases, compose_words
from skattn.vectorizer._word_vectors import coverage, embedding_table, read_embeddings


def learn_words(tokens, lengths, composed, *, vocabulary, embeddings, min_df, max_df, max_features):
    """Learn the vocabulary of all texts and return the ids of their tokens.

    Parameters
    ----------
    tokens : iterable of str
        The tokens of all texts in a row; iterated over once.
    lengths : list of int
        The number of tokens of each text; may be filled while `tokens` is iterated over.
    composed : bool
        Whether the texts were composed, so that the words of the user must be, too.
    vocabulary, embeddings, min_df, max_df, max_features
        As in `SequenceVectorizer`.

    Returns
    -------
    ids : int32 array of shape (n_tokens,)
    learned : dict
        The attributes of a fitted vectorizer: its words and ids, and with vectors their table
        and their coverage.
    """
    fixed = None if vocabulary is None else given_words(vocabulary)
    vectors = None if embeddings is None else read_embeddings(embeddings)
    if composed and fixed is not None:
        fixed = compose_words(fixed)
    if composed and vectors is not None:
        vectors = vectors._replace(words=compose_words(vectors.words))
    numbers, seen = _number_tokens(tokens)
    occurrences = np.bincount(numbers, minlength=len(seen))
    words = fixed
    if fixed is None:
        _check_seen(seen, lengths)
        allowed = _within_document_frequency(len(seen), numbers, lengths, min_df, max_df)
        words = _most_frequent(seen, occurrences, allowed, max_features)
    learned = {}
    if vectors is not None:
        learned["coverage_"] = coverage(vectors, seen, occurrences, words)
        if fixed is None:  # words that only the vectors know get their ids too
            words = list(dict.fromkeys([*words, *vectors.words]))
        learned["embeddings_"] = embedding_table(words, vectors)
    learned |= {"_words": words, "_ids": word_ids(words)}
    if fixed is None and are_phrases(seen, occurrences):
        warn(f"Look at the tokens of these texts: {UNSPACED_HINT}.")
    return look_up(seen, learned["_ids"]).take(numbers, out=numbers, mode="clip"), learned


def _number_tokens(tokens):
    """Number the distinct tokens of an iterable as they come; give all numbers and a list."""
    numbers = defaultdict()
    numbers.default_factory = numbers.__len__
    return np.fromiter(map(numbers.__getitem__, tokens), dtype=np.int32), list(numbers)


def _check_seen(seen, lengths):
    """Refuse texts without tokens."""
    if not seen:
        raise ValueError(
            f"empty vocabulary; the {len(lengths)} texts have no token, or only stop words"
        )


def _most_frequent(seen, occurrences, allowed, max_features):
    """List the allowed words by falling number of occurrences, equal ones alphabetically."""
    alphabetical = np.array(sorted(range(len(seen)), key=seen.__getitem__), dtype=np.intp)
    by_frequency = alphabetical[np.argsort(-occurrences[alphabetical], kind="stable")]
    chosen = by_frequency[allowed[by_frequency]][:max_features]
    if len(chosen) == 0:
        message = "After pruning, no terms remain. Try a lower min_df or a higher max_df."
        if are_phrases(seen, occurrences):
            message += f" If the texts repeat no word, {UNSPACED_HINT}."
        raise ValueError(message)
    return [str(seen[number]) for number in chosen]


def document_bounds(min_df, max_df, n_texts):
    """The fewest and the most texts that a word of the vocabulary may occur in."""
    fewest = min_df if isinstance(min_df, Integral) else min_df * n_texts
    most = max_df if isinstance(max_df, Integral) else max_df * n_texts
    if most < fewest:
        one = isinstance(max_df, Integral) and max_df == 1
        hint = " max_df=1 means one document; use max_df=1.0 for all of them." if one else ""
        raise ValueError(
            f"max_df={max_df} corresponds to fewer documents than min_df={min_df} "
            f"({most} < {fewest} of {n_texts}).{hint}"
        )
    return fewest, most


def _within_document_frequency(n_words, numbers, lengths, min_df, max_df):
    """Find the words that occur in at least min_df and at most max_df texts."""
    n_texts = len(lengths)
    fewest, most = document_bounds(min_df, max_df, n_texts)
    if fewest <= 1 and most >= n_texts:
        return np.ones(n_words, dtype=bool)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    by_text = csr_array(
        (np.ones(len(numbers), dtype=np.int8), numbers.copy(), bounds), shape=(n_texts, n_words)
    )
    by_text.sum_duplicates()
    n_texts_with = np.bincount(by_text.indices, minlength=n_words)
    return (n_texts_with >= fewest) & (n_texts_with <= most)


def given_words(vocabulary):
    """Check a user's vocabulary and list its words in the order of their indices."""
    if isinstance(vocabulary, (str, bytes)):
        raise ValueError("vocabulary must be a mapping or an iterable of words, not one string.")
    if isinstance(vocabulary, Iterator):
        raise ValueError(
            "vocabulary is an iterator, which a second fit would find empty: pass a list of words."
        )
    if isinstance(vocabulary, Mapping):
        if set(vocabulary.values()) != set(range(len(vocabulary))):
            raise ValueError(
                "The indices of a vocabulary mapping must be 0, 1, 2, ... without a gap or a "
                f"repetition; it has {len(vocabulary)} words."
            )
        words = check_words(sorted(vocabulary, key=vocabulary.__getitem__), "vocabulary")
    else:
        words = check_words(vocabulary, "vocabulary")
        words = sorted(words) if isinstance(vocabulary, (set, frozenset)) else words
    if not words:
        raise ValueError("empty vocabulary passed to fit")
    if len(set(words)) != len(words):
        repeated = next(word for word, count in Counter(words).items() if count > 1)
        raise ValueError(f"Duplicate term in vocabulary: {repeated!r}")
    return words
