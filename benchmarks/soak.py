"""Hundreds of fits and thousands of predicts in one process: are memory and time flat?

    python benchmarks/soak.py            # 300 fits, 200 of ever other shapes, 10,000 predicts
    python benchmarks/soak.py --quick    # 40 fits, 1,500 predicts

Prints the memory and the CPU time of each tenth of the run, and fails if either grows. Fits of
ever other shapes may keep `MAX_MIB_PER_SHAPE` each: TensorFlow itself keeps some of every graph
that it has run.
"""

import argparse
import gc
import json
import os
import sys
import time

import numpy as np

MAX_MIB_PER_FIT = 0.05
MAX_MIB_PER_SHAPE = 1.5
MANY = 5000  # predicts
MAX_GROWTH_IN_TIME = 1.5  # the last third against the first, after the first tenth


def resident_mib():
    """Memory of this process that lies in RAM, in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def texts_and_labels(n_texts=400, n_tokens=20, seed=0):
    """Texts as padded ids, and whether they begin with an even id."""
    rng = np.random.default_rng(seed)
    X = rng.integers(2, 500, size=(n_texts, n_tokens), dtype=np.int32)
    X[np.arange(n_tokens) >= rng.integers(1, n_tokens + 1, size=n_texts)[:, None]] = 0
    return X, X[:, 0] % 2


def fits(n_fits):
    """Yield after each fit of one of three kinds, with other widths now and then."""
    from skattn import AttentionTextClassifier, GatedDenseClassifier

    X, y = texts_and_labels()
    rows = np.random.default_rng(1).normal(size=(400, 20)).astype(np.float32)
    for number in range(n_fits):
        if number % 2:
            clf = AttentionTextClassifier(
                encoder=("gru", "conv")[number // 2 % 2],
                units=16,
                embedding_dim=16,
                epochs=2,
                random_state=number,
            )
            clf.fit(X, y).predict(X)
        else:
            clf = GatedDenseClassifier(units=32, epochs=5, random_state=number)
            clf.fit(rows, y).predict(rows)
        del clf
        yield


def shapes(n_fits):
    """Yield after each fit; the next has one feature more, or one word more in its vocabulary."""
    from skattn import AttentionTextClassifier, GatedDenseClassifier

    X, y = texts_and_labels(n_texts=100)
    for number in range(n_fits):
        if number % 2:
            clf = AttentionTextClassifier(
                encoder="conv", units=8, embedding_dim=8, epochs=2, vocabulary_size=500 + number
            )
            clf.fit(X, y).predict(X)
        else:
            rows = np.random.default_rng(1).normal(size=(100, 30 + number)).astype(np.float32)
            clf = GatedDenseClassifier(units=16, epochs=2).fit(rows, y)
            clf.predict(rows)
        del clf
        yield


def predicts(n_predicts):
    """Yield after each answer, for 1 to 32 texts of ever other lengths.

    TensorFlow's oneDNN keeps what it compiled for each shape of a batch. Rows and lengths are
    rounded up to few sizes in predictions, so that memory must come to rest even so; a short run
    does not live to see that with long texts, and asks for short ones.
    """
    from skattn import AttentionTextClassifier

    longest = 100 if n_predicts >= MANY else 16
    X, y = texts_and_labels(n_tokens=longest)
    clf = AttentionTextClassifier(encoder="conv", units=16, epochs=1, random_state=0).fit(X, y)
    rng = np.random.default_rng(2)
    for _ in range(n_predicts):
        rows = rng.integers(len(X), size=rng.integers(1, 33))
        batch = X[rows]
        batch[:, rng.integers(1, longest + 1) :] = 0  # no text is longer
        clf.predict_proba(batch)
        yield


def soak(steps, n_steps):
    """Run the steps; memory in MiB and CPU seconds a step at the end of each tenth.

    CPU time, because a neighbour on a shared machine lengthens the time on the clock.
    """
    memory, seconds = [], []
    start, tenth = time.process_time(), max(1, n_steps // 10)
    for number, _ in enumerate(steps, start=1):
        if number % tenth == 0:
            gc.collect()
            seconds.append((time.process_time() - start) / tenth)
            memory.append(resident_mib())
            start = time.process_time()
    return memory, seconds


def judge(memory, seconds, n_steps):
    """MiB kept a step and growth of the time, the first tenths left out as warm-up.

    The least of each third is compared: a neighbour on a shared machine only lengthens a tenth,
    and what grows lengthens all of the last ones.
    """
    warm = len(memory) * 4 // 10
    kept = float(np.polyfit(np.arange(len(memory) - warm), memory[warm:], 1)[0])
    third = max(1, len(seconds) // 3)
    growth = min(seconds[-third:]) / min(seconds[1 : 1 + third])
    return kept / max(1, n_steps // 10), growth


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=300)
    parser.add_argument("--shapes", type=int, default=200)
    parser.add_argument("--predicts", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="40 fits and 1,500 predicts")
    options = parser.parse_args(arguments)
    sizes = {"fits": options.fits, "shapes": options.shapes, "predicts": options.predicts}
    if options.quick:
        sizes = {"fits": 40, "predicts": 1500}
    limits = {"shapes": MAX_MIB_PER_SHAPE, "predicts": 0.1 * MAX_MIB_PER_FIT}
    report, ok = {}, True
    for name, n_steps in sizes.items():
        run = {"fits": fits, "shapes": shapes, "predicts": predicts}[name]
        memory, seconds = soak(run(n_steps), n_steps)
        kept, growth = judge(memory, seconds, n_steps)
        limit = limits.get(name, MAX_MIB_PER_FIT)
        allowance = 8.0 / n_steps if options.quick else 0.0  # a short run is mostly warm-up
        ok &= kept <= limit + allowance and growth <= MAX_GROWTH_IN_TIME
        report[name] = {
            "steps": n_steps,
            "mib_kept_per_step": round(kept, 4),
            "time_growth": round(growth, 3),
            "memory_mib": [round(value, 1) for value in memory],
            "cpu_seconds_per_step": [round(value, 4) for value in seconds],
        }
    print(json.dumps(report | {"flat": bool(ok)}, indent=1))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
