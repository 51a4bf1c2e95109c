"""Pretrained word vectors: read them from a mapping, gensim or a text file; lay out the table."""

import codecs
import gzip
import os
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from skattn.utils._warnings import warn
from skattn.vectorizer._ids import FIRST_WORD, PADDING, check_words

_PEEKED = 1 << 13  # bytes
_BINARY = (
    "this is a binary file, not one of texts. Vectors in word2vec's binary format are read by "
    "gensim: embeddings=gensim.models.KeyedVectors.load_word2vec_format(path, binary=True). Read "
    "other formats yourself, and pass a mapping from words to vectors"
)
_UNPACK = "this is {}: unpack it, and pass the path of the text file in it"
_SAVE = "this is text in UTF-16: save it as UTF-8"
_OTHERS = {  # by the first bytes
    b"PK\x03\x04": _UNPACK.format("a zip archive"),
    b"BZh91AY&SY": _UNPACK.format("a bzip2 file"),
    b"\xfd7zXZ\x00": _UNPACK.format("an xz file"),
    b"\x28\xb5\x2f\xfd": _UNPACK.format("a Zstandard file"),
    codecs.BOM_UTF16_LE: _SAVE,
    codecs.BOM_UTF16_BE: _SAVE,
}
_BY_ITSELF = "; a preprocessor or analyzer of your own must do it itself"
_MUCH, _LITTLE = 0.1, 0.05  # shares of the tokens


class WordVectors(NamedTuple):
    """Words and their vectors, row by row."""

    words: list
    matrix: np.ndarray  # (n_words, n_dimensions), float32


def read_embeddings(source):
    """Read word vectors, each word once.

    Parameters
    ----------
    source : mapping of str to array-like, gensim KeyedVectors or path
        A path names a text file, plain or gzip, as GloVe, word2vec and fastText write them: a
        line for each word, the word and its numbers separated by spaces; a first line of two
        whole numbers (how many words, how many dimensions) may stand before.

    Returns
    -------
    vectors : WordVectors

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the vectors have different lengths, or are not finite, or there is none, or a file is
        malformed: the message has the number of its line.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.path.abspath(source)
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"embeddings={os.fspath(source)!r} is no file. Give the path of a text file of "
                "word vectors, or the vectors themselves."
            )
        stamp = os.stat(path)
        return _read_file(path, stamp.st_mtime_ns, stamp.st_size)
    if hasattr(source, "index_to_key") and hasattr(source, "vectors"):
        words, rows = source.index_to_key, source.vectors
    elif isinstance(source, Mapping):
        words, rows = source.keys(), source.values()
    else:
        raise ValueError(
            "embeddings must be a mapping from words to vectors, a gensim KeyedVectors or the "
            f"path of a text file, got {type(source).__name__}."
        )
    words = check_words(words, "embeddings")
    if not words:
        raise ValueError("embeddings has no word.")
    return WordVectors(words, _stack(words, rows))


def _stack(words, rows):
    """Stack vectors of one length."""
    matrix = None
    for number, (word, row) in enumerate(zip(words, rows, strict=True)):
        try:
            vector = np.asarray(row, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The vector of {word!r} in embeddings is not numeric.") from error
        if matrix is None:
            matrix = np.empty((len(words), vector.size), dtype=np.float32)
        if vector.shape != matrix.shape[1:] or vector.size == 0:
            raise ValueError(
                f"The vector of {word!r} in embeddings has the shape {vector.shape}, but the "
                f"first one has {matrix.shape[1]} numbers; all must be one-dimensional and of "
                "one length."
            )
        if not np.isfinite(vector).all():
            raise ValueError(f"The vector of {word!r} in embeddings has NaN or infinity.")
        matrix[number] = vector
    return matrix


@lru_cache(maxsize=1)
def _read_file(path, _modified, _size):
    """Read a text file of vectors; a grid search that asks for the same one again waits once."""
    words, numbers, n_dimensions, announced = {}, bytearray(), None, None
    line_number = 0
    try:
        with _open(path) as lines:
            _refuse_other_kinds(lines.peek(_PEEKED)[:_PEEKED])
            for line_number, line in enumerate(lines, 1):
                line = line.removeprefix(codecs.BOM_UTF8) if line_number == 1 else line
                fields = line.strip(b" \t\r\n").split(b" ")
                if line_number == 1 and len(fields) == 2 and all(f.isdigit() for f in fields):
                    announced, n_dimensions = map(int, fields)
                    continue
                n_dimensions = n_dimensions or len(fields) - 1
                word, vector = _parse(line, n_dimensions, announced is not None)
                if word not in words:  # of a repeated word the first vector counts
                    words[word] = None
                    numbers += vector.tobytes()
        _check_end(line_number, announced)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        place = f", line {line_number}" if line_number else ""
        raise ValueError(f"{path}{place}: {error}") from error
    matrix = np.frombuffer(numbers, dtype=np.float32).reshape(len(words), n_dimensions)
    return WordVectors(list(words), matrix)


def _open(path):
    """Open a file for reading bytes, through gzip if it begins as a gzip file does."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_gzip else open(path, "rb")


def _refuse_other_kinds(head):
    """Raise an error if the first bytes are not those of a text file in UTF-8."""
    for start, message in _OTHERS.items():
        if head.startswith(start):
            raise ValueError(message)
    if b"\0" in head:
        raise ValueError(_BINARY)


def _parse(line, n_dimensions, after_header=False):
    """Cut a line into its word, which may have spaces in it, and its vector."""
    fields = line.strip(b" \t\r\n").rsplit(b" ", max(n_dimensions, 1))
    n_found = len(fields) - 1
    if n_dimensions < 1 or n_found != n_dimensions:
        if after_header and not _is_utf8(line):
            raise ValueError(_BINARY)
        raise ValueError(f"expected a word and {max(n_dimensions, 1)} numbers, got {n_found}")
    try:
        vector = np.array(fields[1:], dtype=np.float32)
    except ValueError:
        raise ValueError(f"expected a word and {n_dimensions} numbers, not all are") from None
    if not np.isfinite(vector).all():
        raise ValueError("a vector has NaN or infinity")
    if _is_number(fields[0].rpartition(b" ")[2]) and b" " in fields[0]:
        raise ValueError(f"expected a word and {n_dimensions} numbers, got more")
    try:
        return fields[0].decode("utf-8"), vector
    except UnicodeDecodeError:
        raise ValueError(f"the word is not UTF-8: save the text as UTF-8. Or {_BINARY}") from None


def _is_utf8(line):
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_number(field):
    """Tell whether a field is a number that would belong to the vector."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def _check_end(n_lines, announced):
    """Check that there is a vector, and as many lines as the first one announced."""
    if n_lines - (announced is not None) < 1:
        raise ValueError("there is no word in this file")
    if announced is not None and n_lines - 1 != announced:
        raise ValueError(f"the file ends after {n_lines - 1} of {announced} words")


def embedding_table(words, vectors):
    """Lay out the vectors by ids.

    Padding gets zeros; out of vocabulary, and any word without a vector of its own, the mean
    of all vectors: the best guess of a word of which nothing is known.

    Parameters
    ----------
    words : list of str
        The words with the ids 2, 3, ...
    vectors : WordVectors

    Returns
    -------
    table : float32 array of shape (len(words) + 2, n_dimensions)
    """
    places = dict(zip(vectors.words, range(len(vectors.words)), strict=True))
    found = np.array([places.get(word, -1) for word in words], dtype=np.intp)
    table = np.empty((FIRST_WORD + len(words), vectors.matrix.shape[1]), dtype=np.float32)
    table[:] = vectors.matrix.mean(axis=0, dtype=np.float64)
    table[PADDING] = 0.0
    table[FIRST_WORD:][found >= 0] = vectors.matrix[found[found >= 0]]
    return table


def coverage(vectors, words, occurrences, chosen):
    """Shares of the training texts' tokens, and of the words learned from them, with a vector.

    Parameters
    ----------
    vectors : WordVectors
    words : list of str
        Every distinct token of the training texts.
    occurrences : int array of shape (n_words,)
    chosen : list of str
        The vocabulary without the words that only the vectors know.
    """
    known = set(vectors.words)
    covered = _share(words, occurrences, known)
    _warn_of_few(covered, words, occurrences, known)
    return {
        "tokens": covered,
        "vocabulary": sum(word in known for word in chosen) / max(len(chosen), 1),
    }


def _share(words, occurrences, known):
    """The share of the tokens that are among the known words."""
    covered = np.array([word in known for word in words], dtype=bool)
    return float(occurrences[covered].sum() / max(occurrences.sum(), 1))


def _warn_of_few(covered, words, occurrences, known):
    """Warn where capitals, or another way to cut words, keep most vectors from being used."""
    if not occurrences.sum():
        return
    lowered = _share([w.lower() for w in words], occurrences, {word.lower() for word in known})
    share = f"Only {covered:.1%} of the tokens of the training texts have a vector in embeddings"
    if lowered - covered > _MUCH:
        lower = all(word == word.lower() for word in words)
        cause = (
            "the texts are in lower case and words of the vectors are not. Keep the capitals of "
            f"the texts (lowercase=False{_BY_ITSELF}), or convert the vectors' words to lower case"
            if lower
            else "words of the texts have capitals that the vectors lack. Convert the texts "
            f"to lower case (lowercase=True{_BY_ITSELF})"
        )
        warn(f"{share}, but {lowered:.1%} would if capitals did not count: {cause}.")
    elif covered < _LITTLE:
        warn(
            f"{share}. They may be of another language, or cut into words in another way: compare "
            "vocabulary_ with the words of the vectors."
        )
