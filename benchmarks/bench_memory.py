"""Memory that a fit and a prediction keep, and how time and memory grow with the texts.

python benchmarks/bench_memory.py --data DIR --output memory.json
"""

import time

import _process_memory as memory
import numpy as np
from _data import digits, generate, texts, token_ids
from _harness import alone, measured, parser, quality_gap, read_options, write

MIB = 2**20
SIZES = (5_000, 15_000, 40_000)
QUICK_SIZES = (100, 200)
MAX_LENGTH = 400


def gated():
    from skattn import GatedDenseClassifier

    return GatedDenseClassifier(units=64, epochs=3, random_state=0)


def scikeras():
    from _peers_keras import gated_classifier

    return gated_classifier(64, epochs=3)


def attention():
    from skattn import AttentionTextClassifier

    return AttentionTextClassifier(units=16, embedding_dim=16, epochs=3, random_state=0)


MAKERS = {"GatedDenseClassifier": gated, "SciKeras": scikeras, "AttentionTextClassifier": attention}


def small_rows(name):
    """Digits, or token ids of generated texts."""
    if name != "AttentionTextClassifier":
        return digits()
    texts_train, texts_test, y_train, y_test = generate(quick=True)
    X_train, X_test, _ = token_ids(texts_train, texts_test, 40)
    return X_train, X_test, y_train, y_test


def kept(config):
    """Bytes a fit and a prediction keep: the slope of resident memory over many of them."""
    make = MAKERS[config["name"]]
    X_train, X_test, y_train, y_test = small_rows(config["name"])

    def fit():
        return make().fit(X_train, y_train)

    after_fits = repeat(fit, config["fits"])
    classifier = fit()
    after_predicts = repeat(lambda: classifier.predict_proba(X_test[:1]), config["predicts"])
    return {
        "fit": slope(after_fits),
        "predict": slope(after_predicts),
        "quality": float(classifier.score(X_test, y_test)),
    }


def repeat(work, times):
    """Resident bytes after every tenth part of `times` runs, the first tenth left out."""
    part = max(1, times // 10)
    readings = []
    for number in range(part + times):
        work()
        if (number + 1) % part == 0:
            readings.append((number + 1, memory.resident()))
    return readings


def slope(readings):
    """Bytes a run, by least squares."""
    runs, resident = np.transpose(readings)
    return float(np.polyfit(runs, resident, 1)[0])


def grow(config):
    """Fit `config["rows"]` texts, an epoch, after the network was compiled by a small fit."""
    from skattn import AttentionTextClassifier

    texts_train, texts_test, y_train, y_test = texts(config, "imdb_5k")
    ids, ids_test, size = token_ids(texts_train, texts_test, MAX_LENGTH)
    rows = np.random.default_rng(0).permutation(config["rows"]) % len(ids)
    X, y = ids[rows], y_train[rows]
    del ids

    def fit(n_rows):
        classifier = AttentionTextClassifier(
            encoder=config["encoder"], vocabulary_size=size, epochs=1, random_state=0
        )
        return classifier.fit(X[:n_rows], y[:n_rows])

    warm = fit(256).predict_proba(X[:100])
    before = memory.resident()
    memory.forget_peak()
    start = time.perf_counter()
    classifier = fit(len(X))
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "tokens": int(np.count_nonzero(X)),
        "extra": memory.peak() - before,
        "data": X.nbytes + y.nbytes,
        "model": 4 * (warm.nbytes + sum(w.nbytes for w in classifier.model_.get_weights())),
        "accuracy": float(classifier.score(ids_test[:1000], y_test[:1000])),
    }


def runs(name, quick):
    """How many fits and predicts; SciKeras, which takes long for each, gets a fifth."""
    if quick:
        return {"fits": 1, "predicts": 2}
    return {"fits": 20, "predicts": 200} if name == "SciKeras" else {"fits": 100, "predicts": 1000}


def kept_answer(options):
    rows, qualities = [], {}
    for name in MAKERS:
        if name in options.skip:
            continue
        found = alone(options, kept, {"name": name, **runs(name, options.quick)})
        fit_goal, predict_goal = (None, None) if name == "SciKeras" else (0.05, 0.001)
        rows.append((f"{name}: kept a fit", found["fit"] / MIB, "MiB", fit_goal))
        rows.append((f"{name}: kept a predict", found["predict"] / MIB, "MiB", predict_goal))
        if name != "AttentionTextClassifier":
            qualities[name] = {"quality": found["quality"]}
    question = "Memory kept by each of 100 fits, 1,000 predicts (SciKeras: 20, 200)"
    return measured(question, rows, quality_gap(qualities, 0.15))


def growth_answer(options):
    sizes = QUICK_SIZES if options.quick else options.sizes
    config = {"data": options.data, "quick": options.quick, "encoder": options.encoder}
    found = [alone(options, grow, config | {"rows": size}) for size in sizes]
    rows = []
    for size, result in zip(sizes, found, strict=True):
        rows.append((f"{size} texts: fit", result["seconds"], "s", None))
        rows.append((f"{size} texts: data", result["data"] / MIB, "MiB", None))
        rows.append(
            (f"{size} texts: peak of the fit beside them", result["extra"] / MIB, "MiB", None)
        )
    tokens_a_second = found[-1]["tokens"] / found[-1]["seconds"]
    rows.append(("fit time off a straight line, at most", off_line(found), "of it", 0.1))
    rows.append(("tokens a second, most texts", tokens_a_second, "", None))
    rows.append(
        ("data and peak over 2 x data + model, most texts", over_allowance(found[-1]), "x", 1)
    )
    rows.append(("data and peak for a further byte of data", further_bytes(found), "bytes", 2))
    question = f"One epoch, encoder={options.encoder!r}, texts repeated"
    return measured(question, rows) | {"sizes": sizes, "found": found}


def over_allowance(result):
    """Data and what the fit took beside them, over twice the data and the model.

    The model: its weights, their gradient and the optimizer's two moments.
    """
    return (result["data"] + result["extra"]) / (2 * result["data"] + result["model"])


def further_bytes(found):
    """Bytes of memory for a byte of data, beyond what every fit takes: first to last size."""
    first, last = found[0], found[-1]
    return 1 + (last["extra"] - first["extra"]) / (last["data"] - first["data"])


def off_line(found):
    """Largest relative distance of a fit time from the least-squares line over the tokens."""
    tokens = np.array([result["tokens"] for result in found], dtype=float)
    seconds = np.array([result["seconds"] for result in found])
    line = np.polyval(np.polyfit(tokens, seconds, 1, w=1 / seconds), tokens)
    return float(np.abs(seconds / line - 1).max())


def main():
    options_parser = parser(__doc__)
    options_parser.add_argument("--encoder", default="lstm", help="of the growing fits")
    options_parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="in texts")
    options = read_options(options_parser)
    if not memory.available():
        raise SystemExit("Skipped: this system has no /proc/self/clear_refs to read memory from.")
    write(options, "memory", [kept_answer(options), growth_answer(options)])


if __name__ == "__main__":
    main()
