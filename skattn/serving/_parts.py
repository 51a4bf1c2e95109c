"""The two parts of a served classifier: a network in ONNX Runtime, a linear model in NumPy."""

import os
from collections import Counter
from itertools import chain

import numpy as np

from skattn.serving._reader import PRETRAINED, Reader, build_reading, murmurhash3
from skattn.vectorizer._ids import HashedIds, unpack_words, word_ids
from skattn.vectorizer._pretrained_tokenizer import reopen_vocabulary
from skattn.vectorizer._rows_of_ids import rows_of_ids
from skattn.vectorizer._subwords import build_subwords
from skattn.vectorizer._tokens import build_preprocess, build_tokens, padded_word_ngrams

N_TOKENS_AT_ONCE = 512  # bounds the memory of a batch


class ServedNetwork:
    """Token ids, then the network.

    Parameters
    ----------
    settings : dict
        Of the reading and the rows, as `export` writes them.
    files : dict
        What the folder holds for it, as `read_folder` gives it.
    n_threads : int
        With which ONNX Runtime answers one call.
    """

    def __init__(self, settings, files, n_threads):
        self.settings = settings
        tokenizer_json = files.get("tokenizer.json")
        if settings["reader"]["analyzer"] == PRETRAINED:
            tokenizer, self.ids = reopen_vocabulary(tokenizer_json)
            self.read = build_subwords(tokenizer)
        else:
            self.read = build_reading(settings["reader"], tokenizer_json)
            self.ids = _ids(settings["n_features"], files.get("words.npz"))
        self.session = _session(files["model.onnx"], n_threads)

    def probabilities(self, texts):
        """Probabilities of the network's own classes, float32 (n_texts, n_outputs)."""
        given = self.settings
        rows = rows_of_ids(
            texts, self.read, self.ids, given["max_length"], given["truncation"], given["unknown"]
        )
        lengths = np.count_nonzero(rows, axis=1)
        answers = np.empty((len(rows), given["n_outputs"]), dtype=np.float32)
        for batch in _batches(rows, lengths):
            width = max(1, lengths[batch[-1]])
            feed = {"token_ids": rows[batch, :width].astype(np.int64)}
            answers[batch] = self.session.run(["probabilities"], feed)[0]
        return answers


def _ids(n_features, words):
    if n_features is not None:
        return HashedIds(n_features, hash_bytes=murmurhash3)
    return word_ids(unpack_words(words["packed"], words["ends"]))


def _session(model, n_threads):
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "To serve a network needs the package onnxruntime: pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    source = os.fspath(model)
    try:
        source.encode()
    except UnicodeEncodeError:  # a name that is no UTF-8, which ONNX Runtime cannot take
        source = model.read_bytes()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _batches(rows, lengths):
    """Row numbers of batches, in an order that depends on the rows only: length, then content."""
    order = sorted(range(len(rows)), key=lambda row: (lengths[row], rows[row].tobytes()))
    batch = []
    for row in order:
        if batch and (len(batch) + 1) * max(1, lengths[row]) > N_TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


class ServedLinear:
    """TF-IDF of words and of characters, then margins and their softmax.

    Parameters
    ----------
    settings : dict
        One reading for each table, the factor of the margins, and whether the answers are labels of
        their own.
    arrays : dict of str to ndarray
        Words and IDF of each table, coefficients and intercepts.
    """

    def __init__(self, settings, arrays):
        self.several, self.sharpness = settings["several"], settings["sharpness"]
        self.intercepts = arrays["intercepts"]
        self.tables, start = [], 0
        for number, reader in enumerate(settings["readers"]):
            idf = arrays[f"idf_{number}"]
            words = unpack_words(arrays[f"packed_{number}"], arrays[f"ends_{number}"])
            places = dict(zip(words, range(len(idf)), strict=True))
            coefficients = arrays["coefficients"][start : start + len(idf)]
            self.tables.append((_find_columns(reader, places), idf, coefficients))
            start += len(idf)

    def probabilities(self, texts):
        """Probabilities of the linear model's own classes, float64 (n_texts, n_outputs)."""
        margins = np.empty((len(texts), len(self.intercepts)))
        for row, text in enumerate(texts):
            margins[row] = self.intercepts
            for table in self.tables:
                margins[row] += _share_of(text, *table)
        if not self.several:
            if margins.shape[1] == 1:
                margins = np.concatenate([-margins, margins], axis=1)
            exponents = np.exp(self.sharpness * (margins - margins.max(axis=1, keepdims=True)))
            return exponents / exponents.sum(axis=1, keepdims=True)
        with np.errstate(over="ignore"):  # a label that all texts had, or none, has no doubt
            return 1.0 / (1.0 + np.exp(-2 * self.sharpness * margins))


def _find_columns(settings, places):
    """Return the function text -> the column of each token, None where it has none."""
    if settings["analyzer"] != "char_wb":
        read = build_tokens(Reader(**settings))
        return lambda text: map(places.get, read(text))
    preprocess = build_preprocess(Reader(**settings).build_preprocessor())
    words = _ColumnsOfWords(settings["ngram_range"], places)
    return lambda text: chain.from_iterable(map(words.__getitem__, preprocess(text).split()))


class _ColumnsOfWords(dict):
    """Word -> the columns of its n-grams of characters; remembers some, since words come again."""

    def __init__(self, ngram_range, places, n_remembered=20_000):
        self._ngram_range, self._places, self._n_remembered = ngram_range, places, n_remembered

    def __missing__(self, word):
        if len(self) >= self._n_remembered:
            self.clear()
        found = map(self._places.get, padded_word_ngrams([word], self._ngram_range))
        self[word] = columns = [column for column in found if column is not None]
        return columns


def _share_of(text, find_columns, idf, coefficients):
    """What the TF-IDF of one table adds to the margins."""
    counts = Counter(find_columns(text))
    counts.pop(None, None)
    if not counts:
        return 0.0
    found = np.fromiter(counts, dtype=np.intp, count=len(counts))
    times = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
    values = (1.0 + np.log(times)) * idf[found]
    return (values / np.sqrt(values @ values)) @ coefficients[found]
