"""A corpus on disk that is larger than memory: hashed tokens and partial_fit, chunk by chunk.

python benchmarks/bench_streaming.py --output streaming.json
python benchmarks/bench_streaming.py --texts 500000

Writes a corpus to a temporary folder, streams it through a stateless vectorizer into
`partial_fit`, and compares the throughput with `fit` on as many texts as fit well in memory.
"""

import itertools
import tempfile
import time
from pathlib import Path

import _process_memory as memory
import numpy as np
from _harness import measured, parser, read_options, write

MIB = 2**20
TEXTS, QUICK_TEXTS = 5_000_000, 6_000
CHUNK, QUICK_CHUNK = 50_000, 2_000
IN_MEMORY = 100_000  # texts of the fit that is compared
WORDS, CLASSES = 50_000, 4
MAX_LENGTH, N_FEATURES = 32, 2**16


def write_corpus(path, n_texts, seed=0):
    """One text a line after its label: word numbers by Zipf's law, one in five of the label's."""
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="ascii") as file:
        for start in range(0, n_texts, CHUNK):
            n = min(CHUNK, n_texts - start)
            labels = rng.integers(CLASSES, size=n)
            lengths = rng.integers(5, MAX_LENGTH, size=n)
            words = rng.zipf(1.3, size=lengths.sum()) % WORDS
            owners = np.repeat(labels, lengths)
            words = np.where(
                rng.random(len(words)) < 0.2, WORDS + owners * 100 + words % 100, words
            )
            written = iter([f"w{word}" for word in words.tolist()])
            for label, length in zip(labels.tolist(), lengths.tolist(), strict=True):
                file.write(f"{label}\t{' '.join(itertools.islice(written, length))}\n")


def chunks(path, size):
    """Yield labels and texts of `size` lines at a time."""
    with path.open(encoding="ascii") as file:
        while lines := list(itertools.islice(file, size)):
            pairs = [line.rstrip("\n").split("\t") for line in lines]
            yield np.array([int(label) for label, _ in pairs]), [text for _, text in pairs]


def models():
    """A stateless vectorizer and a classifier, both new."""
    from skattn import AttentionTextClassifier, SequenceVectorizer

    vectorizer = SequenceVectorizer(n_features=N_FEATURES, max_length=MAX_LENGTH)
    classifier = AttentionTextClassifier(
        encoder="none",
        embedding_dim=32,
        vocabulary_size=N_FEATURES + 2,
        batch_size=256,
        epochs=1,
        random_state=0,
    )
    return vectorizer, classifier


def stream(path, size):
    """Texts a second, the peak of each chunk in MiB, and the accuracy on texts not yet seen."""
    vectorizer, classifier = models()
    classes = np.arange(CLASSES)
    n_texts, seconds, peaks, right = 0, 0.0, [], []
    for number, (labels, texts) in enumerate(chunks(path, size)):
        if number:
            right.append(
                np.mean(classifier.predict(vectorizer.transform(texts[:500])) == labels[:500])
            )
        memory.forget_peak()
        start = time.perf_counter()
        classifier.partial_fit(vectorizer.transform(texts), labels, classes=classes)
        if number:  # the first chunk builds and traces the network
            n_texts, seconds = n_texts + len(texts), seconds + time.perf_counter() - start
        peaks.append(memory.peak() / MIB)
    return n_texts / seconds, peaks, float(np.mean(right[-3:]))


def fit_in_memory(path, n_texts):
    """Texts a second of reading ids and one `fit`, once the network has been built."""
    labels, texts = next(chunks(path, n_texts))
    for _ in range(2):
        vectorizer, classifier = models()
        start = time.perf_counter()
        classifier.fit(vectorizer.transform(texts), labels)
        seconds = time.perf_counter() - start
        del classifier  # its compiled network serves the next
    return len(texts) / seconds


def main():
    options_parser = parser(__doc__)
    options_parser.add_argument("--texts", type=int, help=f"size of the corpus, {TEXTS:,} if full")
    options = read_options(options_parser)
    n_texts = options.texts or (QUICK_TEXTS if options.quick else TEXTS)
    size = QUICK_CHUNK if options.quick else CHUNK
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.tsv"
        write_corpus(corpus, n_texts)
        corpus_mib = corpus.stat().st_size / MIB
        in_memory = fit_in_memory(corpus, min(IN_MEMORY, n_texts))
        throughput, peaks, accuracy = stream(corpus, size)
    middle = len(peaks) // 2
    growth = max(peaks[middle:]) - max(peaks[1 : middle + 1])
    rows = [
        ("texts", n_texts, "texts", None),
        ("corpus on disk", round(corpus_mib, 1), "MiB", None),
        ("throughput of partial_fit over chunks", round(throughput), "texts/s", None),
        ("throughput of fit in memory", round(in_memory), "texts/s", None),
        ("time of partial_fit over that of fit", round(in_memory / throughput, 3), "", 1.25),
        ("peak memory of the process", round(max(peaks), 1), "MiB", None),
        ("peak of the second half over the first's", round(growth, 1), "MiB", 16),
        ("accuracy on the chunk to come", round(accuracy, 4), "", None),
    ]
    chance = accuracy < 1.5 / CLASSES and not options.quick
    unequal = f"accuracy {accuracy:.3f} is no better than chance" if chance else None
    write(options, "streaming", [measured("streaming", rows, unequal)])


if __name__ == "__main__":
    main()
