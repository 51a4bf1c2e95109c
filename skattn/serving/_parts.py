"""The two parts of a served classifier: a network in ONNX Runtime, a linear model in NumPy."""

from collections import Counter

import numpy as np

from skattn.serving._reader import build_reading, murmurhash3
from skattn.vectorizer._ids import FIRST_WORD, OUT_OF_VOCABULARY, HashedIds, unpack_words
from skattn.vectorizer._rows_of_ids import rows_of_ids

N_TOKENS_AT_ONCE = 4096  # bounds the memory of a batch
SHARPNESS = 4.0  # of the linear part, see `MarginClassifier`


class ServedNetwork:
    """Token ids, then the network.

    Parameters
    ----------
    settings : dict
        Of the reading and the rows, as `export` writes them.
    files : dict of str to bytes or dict of arrays
        What the folder holds for it.
    n_threads : int
        With which ONNX Runtime answers one call.
    """

    def __init__(self, settings, files, n_threads):
        self.settings = settings
        self.read = build_reading(settings["reader"], files.get("tokenizer.json"))
        self.ids = _ids(settings, files.get("words.npz"))
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


def _ids(settings, words):
    if settings["n_features"] is not None:
        return HashedIds(settings["n_features"], hash_bytes=murmurhash3)
    known = unpack_words(words["packed"], words["ends"])
    ids = {word: number for number, word in enumerate(known, FIRST_WORD)}
    if settings["unknown_word"] is not None:
        ids[settings["unknown_word"]] = OUT_OF_VOCABULARY
    return ids


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
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


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
        One reading for each table, and whether the answers are labels of their own.
    arrays : dict of str to ndarray
        Words and IDF of each table, coefficients and intercepts.
    """

    def __init__(self, settings, arrays):
        self.several = settings["several"]
        self.intercepts = arrays["intercepts"]
        self.tables, start = [], 0
        for number, reader in enumerate(settings["readers"]):
            idf = arrays[f"idf_{number}"]
            words = unpack_words(arrays[f"packed_{number}"], arrays[f"ends_{number}"])
            places = dict(zip(words, range(len(idf)), strict=True))
            coefficients = arrays["coefficients"][start : start + len(idf)]
            self.tables.append((build_reading(reader, None), places, idf, coefficients))
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
            exponents = np.exp(SHARPNESS * (margins - margins.max(axis=1, keepdims=True)))
            return exponents / exponents.sum(axis=1, keepdims=True)
        with np.errstate(over="ignore"):  # a label that all texts had, or none, has no doubt
            return 1.0 / (1.0 + np.exp(-2 * SHARPNESS * margins))


def _share_of(text, read, places, idf, coefficients):
    """What the TF-IDF of one table adds to the margins."""
    counts = Counter(map(places.get, read(text)))
    counts.pop(None, None)
    if not counts:
        return 0.0
    found = np.fromiter(counts, dtype=np.intp, count=len(counts))
    times = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
    values = (1.0 + np.log(times)) * idf[found]
    return (values / np.sqrt(values @ values)) @ coefficients[found]
