"""The rows that every contender gets: digits, real or generated texts, and their token ids."""

import collections
import csv
import gzip
import re
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split

R8_ROWS = (5485, 2189)
R8_SHARES = (0.52, 0.29, 0.05, 0.045, 0.04, 0.03, 0.015, 0.01)
QUICK_ROWS = (256, 128)
TOKEN = re.compile(r"(?u)\b\w+\b")


def digits():
    """X_train, X_test, y_train, y_test of scikit-learn's digits: float32 in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    return train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)


def texts(config, name="r8"):
    """Texts and integer labels, training and test: `name` in `config["data"]`, or generated."""
    if not config["data"]:
        return generate(config["quick"])
    folder = Path(config["data"]) / name
    texts_train, labels_train = read_texts(folder / "train.tsv.gz")
    texts_test, labels_test = read_texts(folder / "test.tsv.gz")
    classes = sorted(set(labels_train))
    y_train, y_test = np.searchsorted(classes, labels_train), np.searchsorted(classes, labels_test)
    if config["quick"]:
        rows = slice(QUICK_ROWS[0])
        texts_train, y_train, texts_test, y_test = (
            part[rows] for part in (texts_train, y_train, texts_test, y_test)
        )
    return texts_train, texts_test, y_train, y_test


def read_texts(path):
    """Texts and labels of a gzip TSV file with the header `label<TAB>text`."""
    csv.field_size_limit(sys.maxsize)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def parts(folder, split, seed):
    """Training and judged texts and labels, once or for each fold.

    A set without a published test part is one file, `all.tsv.gz`.
    """
    whole = folder / "all.tsv.gz"
    texts, labels = map(np.array, read_texts(whole if whole.exists() else folder / "train.tsv.gz"))
    if split == "validation":
        rows = train_test_split(
            np.arange(len(texts)), test_size=0.15, stratify=labels, random_state=seed
        )
        folds = [rows]
    elif whole.exists():
        folds = StratifiedKFold(5, shuffle=True, random_state=0).split(texts, labels)
    else:
        texts_test, labels_test = map(np.array, read_texts(folder / "test.tsv.gz"))
        yield texts, labels, texts_test, labels_test
        return
    for train, judged in folds:
        yield texts[train], labels[train], texts[judged], labels[judged]


def generate(quick=False, rows=None, seed=0, median_length=None):
    """Texts with R8's lengths and shares of classes: Zipf's words, one in 20 marking the class."""
    rng = np.random.default_rng(seed)
    counts = rows or (QUICK_ROWS if quick else R8_ROWS)
    n_classes = 2 if quick else len(R8_SHARES)
    shares = np.full(2, 0.5) if quick else np.array(R8_SHARES)
    y = rng.choice(n_classes, sum(counts), p=shares / shares.sum())
    median_length = median_length or (20 if quick else 66)
    lengths = np.clip(rng.lognormal(np.log(median_length), 0.96, len(y)), 5, 1500).astype(int)
    ranks = np.arange(1, 20_001)
    words = rng.choice(20_000, lengths.sum(), p=(1 / ranks) / (1 / ranks).sum())
    marks = rng.random(len(words)) < 0.05
    words[marks] = 20_000 + 10 * np.repeat(y, lengths)[marks] + rng.integers(10, size=marks.sum())
    written = [
        " ".join(f"w{word}" for word in part) for part in np.split(words, lengths.cumsum()[:-1])
    ]
    cut = counts[0]
    return written[:cut], written[cut:], y[:cut], y[cut:]


def token_ids(training_texts, other_texts, max_length):
    """Both lists as int32 (n, max_length): words by frequency from 2 on, 1 unknown, 0 padding.

    `SequenceVectorizer` gives the same ids with `token_pattern=TOKEN.pattern`.
    """
    counts = collections.Counter(
        word for text in training_texts for word in TOKEN.findall(text.lower())
    )
    words = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = {word: number for number, word in enumerate(words, 2)}
    both = [to_ids(texts, vocabulary, max_length) for texts in (training_texts, other_texts)]
    return *both, len(vocabulary) + 2


def to_ids(texts, vocabulary, max_length):
    rows = np.zeros((len(texts), max_length), np.int32)
    for row, text in zip(rows, texts, strict=True):
        found = [vocabulary.get(word, 1) for word in TOKEN.findall(text.lower())[:max_length]]
        row[: len(found)] = found
    return rows


def text_rows(config):
    """Token ids and labels for a text benchmark, and the size of the table."""
    texts_train, texts_test, y_train, y_test = texts(config)
    X_train, X_test, size = token_ids(texts_train, texts_test, config["max_length"])
    return X_train, X_test, y_train, y_test, size
