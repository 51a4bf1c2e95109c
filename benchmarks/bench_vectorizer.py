"""Texts to token ids against scikit-learn's counts: two passes over texts, one text, the file.

python benchmarks/bench_vectorizer.py --data DIR --output vectorizer.json
"""

import pickle
import time

from _data import texts
from _harness import alone, ask, measured, parser, read_options, write
from _race import Contender

OWN, COUNTS = "skattn", "CountVectorizer"
WORDS, PAIRS = {}, {"ngram_range": (1, 2)}
PRUNED = {"min_df": 2, "token_pattern": r"(?u)\b\w+\b"}
CHARACTERS = {"analyzer": "char", "ngram_range": (1, 3)}
TASKS = {
    "words": ("r8", WORDS),
    "words of long texts": ("imdb_5k", WORDS),
    "words that stand in two texts": ("r8", PRUNED),
    "words and pairs of words": ("r8", PAIRS),
    "one to three characters": ("trec", CHARACTERS),
}
ONE_TEXT_MILLISECONDS = 0.2
N_CALLS = 500


def sequences(turns, config):
    """Padded ids; the quality is the number of known tokens of the training texts."""
    from skattn import SequenceVectorizer

    return two_passes(turns, config, SequenceVectorizer, lambda ids: (ids > 1).sum())


def counts(turns, config):
    """scikit-learn's counts."""
    from sklearn.feature_extraction.text import CountVectorizer

    return two_passes(turns, config, CountVectorizer, lambda found: found.sum())


def two_passes(turns, config, vectorizer_class, count):
    training, others, *_ = texts(config, config["set"])
    for _ in turns:
        vectorizer = vectorizer_class(**config["reading"])
        rows = vectorizer.fit_transform(training)
        vectorizer.transform(others)
    return {"quality": int(count(rows))}


def single_measures(config):
    """Seconds of one text through `transform` and `token_spans`, of a copy, and its bytes."""
    from skattn import SequenceVectorizer

    training, others, *_ = texts(config, config["set"])
    vectorizer = SequenceVectorizer(**config["reading"]).fit(training)
    started = time.perf_counter()
    stored = pickle.dumps(vectorizer)
    pickle.loads(stored).transform(others[:1])
    copied = time.perf_counter() - started
    return {
        "transform": per_call(vectorizer.transform, others[:1]),
        "token_spans": per_call(vectorizer.token_spans, others[:1]),
        "copy": copied,
        "bytes": len(stored),
        "n_words": len(vectorizer.vocabulary_),
    }


def per_call(function, argument):
    """Median seconds of a call."""
    seconds = []
    for _ in range(N_CALLS):
        started = time.perf_counter()
        function(argument)
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[N_CALLS // 2]


def main():
    options = read_options(parser(__doc__))
    answers = []
    for question, (name, reading) in TASKS.items():
        config = {"data": options.data, "quick": options.quick, "set": name, "reading": reading}
        who = [Contender(OWN, sequences, config), Contender(COUNTS, counts, config)]
        rounds = options.rounds or (1 if options.quick else 5)
        goals = {COUNTS: 1.0}
        answers.append(ask(options, question, who, rounds=rounds, tolerance=0, goals=goals))
    config = {"data": options.data, "quick": options.quick, "set": "imdb_5k", "reading": WORDS}
    found = alone(options, single_measures, config)
    rows = [
        ("transform", 1e3 * found["transform"], "ms", ONE_TEXT_MILLISECONDS),
        ("token_spans", 1e3 * found["token_spans"], "ms", None),
        ("pickle, unpickle and transform again", 1e3 * found["copy"], "ms", None),
        ("words", found["n_words"], "", None),
        ("bytes of the pickle", found["bytes"], "", None),
    ]
    answers.append(measured("One text, and the state", rows))
    write(options, "vectorizer", answers)


if __name__ == "__main__":
    main()
