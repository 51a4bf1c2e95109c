"""Time and memory of `TextClassifier`: the first fit of a process, and fits on very many texts.

python benchmarks/bench_recipe.py --output recipe.json
"""

import time

import _process_memory as memory
from _data import generate
from _harness import alone, measured, parser, read_options, write

MIB = 2**20
SIZES = (100_000,)
QUICK_SIZES = (100, 200)
MEDIAN_LENGTH = 28  # words; 40 on average
MOST_SECONDS, MOST_MEMORY = 600, 2.0  # wanted, of the most texts


def first_fits(config):
    """Seconds of the import and of three fits in this process."""
    start = time.perf_counter()
    from skattn import TextClassifier

    found = {"import": time.perf_counter() - start}
    texts, _, y, _ = generate(quick=True)
    for name, n_texts in (("first", 100), ("second, same texts", 100), ("third, other texts", 150)):
        start = time.perf_counter()
        TextClassifier(epochs=config["epochs"], random_state=0).fit(texts[:n_texts], y[:n_texts])
        found[name] = time.perf_counter() - start
    return found


def many(config):
    """Seconds and peak memory of a fit, the size of the texts, and the accuracy on others."""
    from skattn import TextClassifier

    n_texts = config["n_texts"]
    counts = (n_texts, min(n_texts, 2000))
    texts, asked, y, y_asked = generate(rows=counts, median_length=MEDIAN_LENGTH)
    given = {} if config["epochs"] is None else {"epochs": config["epochs"]}
    classifier = TextClassifier(random_state=0, **given)
    before = memory.resident()
    memory.forget_peak()
    start = time.perf_counter()
    classifier.fit(texts, y)
    return {
        "seconds": time.perf_counter() - start,
        "peak": memory.peak() - before,
        "data": sum(len(text.encode()) for text in texts),
        "accuracy": classifier.score(asked, y_asked),
    }


def first_answer(options, config):
    found = alone(options, first_fits, config)
    peak = found.pop("peak_mib")
    rows = [
        (f"{name} fit" if name != "import" else name, s, "s", None) for name, s in found.items()
    ]
    rows.append(("peak memory", peak, "MiB", None))
    return measured("A new process: import, and fits on 100 and 150 short texts", rows)


def many_answer(options, config):
    """How time and memory grow with the texts."""
    rows, unequal = [], None
    sizes = QUICK_SIZES if options.quick else SIZES
    for n_texts in sizes:
        found = alone(options, many, config | {"n_texts": n_texts})
        most = n_texts == sizes[-1] and not options.quick
        told = f"{n_texts:,} texts"
        rows.append((f"{told}: fit", found["seconds"], "s", MOST_SECONDS if most else None))
        rows.append((f"{told}: data", found["data"] / MIB, "MiB", None))
        ratio = found["peak"] / found["data"]
        rows.append((f"{told}: peak over data", ratio, "x", MOST_MEMORY if most else None))
        rows.append((f"{told}: accuracy", found["accuracy"], "", None))
        if found["accuracy"] < 0.6:
            unequal = f"{told}: the generated texts are not learned."
    return measured("Texts of 40 words on average", rows, unequal)


def main():
    options = read_options(parser(__doc__))
    config = {"epochs": 1 if options.quick else None}
    write(
        options,
        "recipe",
        [first_answer(options, config | {"epochs": 3}), many_answer(options, config)],
    )


if __name__ == "__main__":
    main()
