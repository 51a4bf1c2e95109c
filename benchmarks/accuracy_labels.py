"""Accuracy against the number of labelled texts: linear models, the recipe, pretrained models.

    python benchmarks/accuracy_labels.py --data DIR --pretrained FOLDER --split test \
        --output benchmarks/results/accuracy_labels.json

A size is a number of texts drawn with the shares of the classes (`500`), a number a class (`8c`)
or `all`. Choices are made with `--split validation`, which never opens a test file. Each result is
written at once, and a second run with the same output goes on. `accuracy_report.py` makes the
table and the plot. Contenders whose packages are absent are left out, and the output says so.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
from _accuracy import BASELINE, SETS, open_results, write_results
from _data import generate, parts
from accuracy_text import tfidf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

SIZES = ("2c", "8c", "32c", "500", "all")
JUDGED = 2000  # at most, of the part that is judged
NEEDS = {
    "embeddings + LogisticRegression": "sentence_transformers",
    "SetFit": "setfit",
}


class SentenceEmbeddings:
    """The mean of a frozen transformer's states, by the package sentence-transformers."""

    def __init__(self, folder):
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(str(folder), device="cpu")

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.model.encode(list(X), batch_size=32, show_progress_bar=False)


class SetFit:
    """SetFit with its own defaults, one epoch over its pairs of texts."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed

    def fit(self, X, y):
        from datasets import Dataset
        from setfit import SetFitModel, Trainer, TrainingArguments

        self.classes = sorted(set(y))
        numbers = [self.classes.index(label) for label in y]
        arguments = TrainingArguments(
            batch_size=16, num_epochs=1, seed=self.seed, report_to="none", save_strategy="no"
        )
        self.model = SetFitModel.from_pretrained(str(self.folder), local_files_only=True)
        rows = Dataset.from_dict({"text": list(X), "label": numbers})
        Trainer(model=self.model, args=arguments, train_dataset=rows).train()
        return self

    def predict(self, X):
        return np.array(self.classes)[np.asarray(self.model.predict(list(X)))]


def contenders(pretrained):
    """Name -> function from seed to an unfitted classifier of raw texts."""
    from skattn import TextClassifier

    found = {
        BASELINE: lambda seed: make_pipeline(tfidf(), LinearSVC(C=0.5, random_state=seed)),
        "tf-idf + LogisticRegression": lambda seed: make_pipeline(
            tfidf(), LogisticRegression(C=10, max_iter=1000)
        ),
        "recipe": lambda seed: TextClassifier(random_state=seed),
    }
    if pretrained is None:
        return found

    def recipe(seed, **params):
        return TextClassifier(pretrained=pretrained, random_state=seed, **params)

    found |= {
        "embeddings + LogisticRegression": lambda seed: make_pipeline(
            SentenceEmbeddings(pretrained), LogisticRegression(C=10, max_iter=1000)
        ),
        "SetFit": lambda seed: SetFit(pretrained, seed),
        "pretrained recipe": recipe,
        "pretrained, mean of the states": lambda seed: recipe(seed, attention="uniform"),
        "pretrained, no linear model": lambda seed: recipe(seed, linear=False),
        "pretrained, no layer tuned": lambda seed: recipe(seed, tuned_layers=0),
        "pretrained, one layer tuned": lambda seed: recipe(seed, tuned_layers=1),
        "pretrained, all layers tuned": lambda seed: recipe(seed, tuned_layers="all"),
    }
    for name, package in NEEDS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name} is left out: it needs the package {package}.")
            del found[name]
    return found


def drawn(texts, labels, size):
    """As many of the texts as asked for, always the same ones."""
    if size == "all":
        return texts, labels
    if not size.endswith("c"):
        kept, _ = train_test_split(
            np.arange(len(texts)), train_size=int(size), stratify=labels, random_state=0
        )
        return texts[kept], labels[kept]
    rng = np.random.default_rng(0)
    kept = [
        rng.permutation(np.flatnonzero(labels == label))[: int(size[:-1])]
        for label in np.unique(labels)
    ]
    kept = np.concatenate(kept)
    return texts[kept], labels[kept]


def judge(build, folder, split, size, seed):
    """Accuracy in per cent, the seconds of a fit, and how many texts it had."""
    X, y, X_judged, y_judged = next(iter(parts(folder, split, seed)))
    X, y = drawn(X, y, size)
    if len(X_judged) > JUDGED:
        kept, _ = train_test_split(
            np.arange(len(X_judged)), train_size=JUDGED, stratify=y_judged, random_state=0
        )
        X_judged, y_judged = X_judged[kept], y_judged[kept]
    start = time.perf_counter()
    classifier = build(seed).fit(list(X), y)
    seconds = time.perf_counter() - start
    right = np.asarray(classifier.predict(list(X_judged))) == y_judged
    return {"accuracy": 100 * float(right.mean()), "seconds": seconds, "texts": len(X)}


def run(options, builders):
    answer = open_results(options)
    for seed in options.seeds:
        for size in options.sizes:
            for name in options.sets:
                for contender in options.contenders or builders:
                    key = f"{contender}|{name}|{size}"
                    if str(seed) in answer["results"].get(key, {}):
                        continue
                    folder = Path(options.data) / name
                    found = judge(builders[contender], folder, options.split, size, seed)
                    answer["results"].setdefault(key, {})[str(seed)] = found
                    print(
                        f"{name:<10} {size:>4} seed {seed}  {contender:<32} "
                        f"{found['accuracy']:6.2f}  {found['seconds']:6.1f} s",
                        flush=True,
                    )
                    write_results(options, answer)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with one folder a set")
    parser.add_argument("--pretrained", help="folder of a pretrained model")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--sizes", nargs="+", default=list(SIZES))
    parser.add_argument("--contenders", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--output")
    parser.add_argument("--quick", action="store_true", help="generated texts, two contenders")
    options = parser.parse_args(arguments)
    builders = contenders(options.pretrained)
    unknown = set(options.contenders or ()) - set(builders)
    if unknown:
        sys.exit(f"Not known, or not installed: {', '.join(sorted(unknown))}.")
    if options.quick:
        quick(builders)
    elif options.data:
        run(options, builders)
    else:
        sys.exit("accuracy_labels.py needs --data DIR with the sets' folders (or --quick).")


def quick(builders):
    """A smoke run on generated texts: both must learn them."""
    X, X_judged, y, y_judged = map(np.array, generate(quick=True))
    for name in (BASELINE, "recipe"):
        texts, labels = drawn(X, y, "32c")
        accuracy = builders[name](0).fit(list(texts), labels).score(list(X_judged), y_judged)
        print(f"{name:<30} {100 * accuracy:.2f}")
        if accuracy < 0.6:
            sys.exit(f"{name} does not learn the generated texts.")


if __name__ == "__main__":
    main()
