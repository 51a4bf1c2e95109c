"""TF-IDF of the characters in words, reading each distinct word once."""

import array
from collections import Counter, defaultdict

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from skattn.utils._saved_state import Stored

N_TEXTS_AT_ONCE = 1024  # bounds the memory of the product


class CharacterTfidf(Stored, TfidfVectorizer):
    """`TfidfVectorizer` with the same numbers, several times as fast for ``analyzer="char_wb"``.

    N-grams of characters inside words do not depend on the words beside. So a text's counts are
    the sum of its words' counts: (texts x distinct words) times (distinct words x n-grams), a
    product of two sparse matrices instead of a walk over all characters. Parameters and
    attributes are those of `sklearn.feature_extraction.text.TfidfVectorizer`.

    Examples
    --------
    >>> from skattn._characters import CharacterTfidf
    >>> vectorizer = CharacterTfidf(analyzer="char_wb", ngram_range=(2, 3)).fit(["to be"])
    >>> vectorizer.get_feature_names_out().tolist()
    [' b', ' be', ' t', ' to', 'be', 'be ', 'e ', 'o ', 'to', 'to ']
    """

    def _count_vocab(self, raw_documents, fixed_vocab):
        """Count as `CountVectorizer` does; its one door to the texts in `fit` and `transform`."""
        if self.analyzer != "char_wb":
            return super()._count_vocab(raw_documents, fixed_vocab)
        preprocess = self.build_preprocessor()
        words = _Numbered()
        texts = [
            Counter(map(words.__getitem__, preprocess(self.decode(text)).split()))
            for text in raw_documents
        ]
        vocabulary = self.vocabulary_ if fixed_vocab else _Numbered()
        grams = self._counts_of_words(words, vocabulary)
        if not fixed_vocab:
            vocabulary = dict(vocabulary)
            if not vocabulary:
                raise ValueError("empty vocabulary; perhaps the texts hold white space only")
        return vocabulary, _product(_rows(texts, len(words)), grams, self.dtype)

    def _counts_of_words(self, words, vocabulary):
        """How often each n-gram of the vocabulary stands in each word."""
        find = vocabulary.__getitem__ if isinstance(vocabulary, _Numbered) else vocabulary.get
        counts = [Counter(map(find, self._char_wb_ngrams(word))) for word in words]
        for row in counts:
            row.pop(None, None)
        return _rows(counts, len(vocabulary))


class _Numbered(defaultdict):
    """Keys, numbered in the order in which they are first asked for."""

    def __missing__(self, key):
        self[key] = number = len(self)
        return number


def _rows(counts, n_columns):
    """Dictionaries {column: count} as the rows of a sparse matrix."""
    columns, values = array.array("i"), array.array("i")
    for row in counts:
        columns.extend(row.keys())
        values.extend(row.values())
    ends = np.cumsum([0, *map(len, counts)])
    parts = (np.asarray(values, dtype=np.int64), np.asarray(columns, dtype=np.int32), ends)
    return sparse.csr_matrix(parts, shape=(len(counts), n_columns))


def _product(texts, grams, dtype):
    """``texts @ grams`` with sorted rows, some texts at a time."""
    starts = range(0, max(texts.shape[0], 1), N_TEXTS_AT_ONCE)
    parts = [(texts[start : start + N_TEXTS_AT_ONCE] @ grams).astype(dtype) for start in starts]
    counts = sparse.vstack(parts, format="csr") if len(parts) > 1 else parts[0]
    counts.sort_indices()
    return counts
