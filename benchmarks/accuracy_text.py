"""Accuracy on real texts, with all labels and with few: linear models, the recipe, pretrained ones.

    python benchmarks/accuracy_text.py --data DIR --pretrained MODEL --split test \
        --output benchmarks/results/accuracy.json

A size is a number of texts drawn with the shares of the classes (`500`), a number per class (`8c`)
or `all`. Choices are made with `--split validation`, which never opens a test file: 85 % of the
training part is trained on and 15 % judged, once for each seed. `--split test` judges on the
published test parts, or on a fifth of the texts where there is none. Each result is written at
once, and a second run with the same output goes on. `accuracy_report.py` makes the
tables and `draw_accuracy.py` the plot. Contenders whose packages are absent are left out, and the
output says so.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
from _accuracy import BASELINE, ONLY_AT, SETS, SIZES, accuracies, open_results, write_results
from _data import generate, parts
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

JUDGED = 2000  # texts at most, where not all are trained on
WITH_PARTS = ("recipe", "pretrained recipe")
NEEDS = {
    "embeddings + LogisticRegression": "sentence_transformers",
    "SetFit": "setfit",
}


def tfidf():
    return TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), min_df=2, token_pattern=r"(?u)\b\w+\b"
    )


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
    """SetFit: contrastive pairs, 20 of each kind per text as in its paper, then a linear model."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed

    def fit(self, X, y):
        from datasets import Dataset
        from setfit import SetFitModel, Trainer, TrainingArguments

        self.classes = sorted(set(y))
        numbers = [self.classes.index(label) for label in y]
        arguments = TrainingArguments(
            batch_size=16,
            num_epochs=1,
            num_iterations=20,
            seed=self.seed,
            report_to="none",
            save_strategy="no",
        )
        self.model = SetFitModel.from_pretrained(str(self.folder), local_files_only=True)
        rows = Dataset.from_dict({"text": list(X), "label": numbers})
        Trainer(model=self.model, args=arguments, train_dataset=rows).train()
        return self

    def predict(self, X):
        return np.array(self.classes)[np.asarray(self.model.predict(list(X)))]


def contenders(pretrained=None):
    """Name -> function from seed to an unfitted classifier of raw texts.

    The parts of the recipes are not among them: they are judged as the fitted recipe has them.
    """
    from skattn import TextClassifier

    def recipe(seed, **params):
        return TextClassifier(pretrained=pretrained, random_state=seed, **params)

    found = {
        BASELINE: lambda seed: make_pipeline(tfidf(), LinearSVC(C=0.5, random_state=seed)),
        "tf-idf + LogisticRegression": lambda seed: make_pipeline(
            tfidf(), LogisticRegression(C=10, max_iter=1000)
        ),
        "recipe": lambda seed: TextClassifier(random_state=seed),
        "embeddings + LogisticRegression": lambda seed: make_pipeline(
            SentenceEmbeddings(pretrained), LogisticRegression(C=10, max_iter=1000)
        ),
        "SetFit": lambda seed: SetFit(pretrained, seed),
        "pretrained recipe": recipe,
        "pretrained, mean of the states": lambda seed: recipe(seed, attention="uniform"),
        "pretrained, no layer tuned": lambda seed: recipe(seed, tuned_layers=0),
        "pretrained, one layer tuned": lambda seed: recipe(seed, tuned_layers=1),
        "pretrained, all layers tuned": lambda seed: recipe(seed, tuned_layers="all"),
    }
    if pretrained is None:
        return dict(list(found.items())[:3])
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
        return _some(texts, labels, int(size))
    rng = np.random.default_rng(0)
    kept = [
        rng.permutation(np.flatnonzero(labels == label))[: int(size[:-1])]
        for label in np.unique(labels)
    ]
    kept = np.concatenate(kept)
    return texts[kept], labels[kept]


def _some(texts, labels, number):
    """So many of them, with the shares of the classes."""
    kept, _ = train_test_split(
        np.arange(len(texts)), train_size=number, stratify=labels, random_state=0
    )
    return texts[kept], labels[kept]


def split(folder, kind, size, seed):
    """What to fit on and what to judge on; at most 2,000 texts of it unless all are trained on."""
    X, y, X_judged, y_judged = next(iter(parts(folder, kind, seed)))
    if size != "all" and len(X_judged) > JUDGED:
        X_judged, y_judged = _some(X_judged, y_judged, JUDGED)
    return *drawn(X, y, size), X_judged, y_judged


def judge(build, folder, kind, seed, size="all"):
    """Name of a part, or None for the whole -> its accuracies and the seconds of the fit."""
    X, y, X_judged, y_judged = split(folder, kind, size, seed)
    start = time.perf_counter()
    classifier = build(seed).fit(list(X), y)
    seconds = time.perf_counter() - start
    known = np.isin(X_judged, X)
    found = {}
    for name, judged in {None: classifier, **fitted_parts(classifier)}.items():
        right = np.asarray(judged.predict(list(X_judged))) == y_judged
        found[name] = scores(right, known, None if name else seconds)
    return found


def fitted_parts(classifier):
    """The fitted parts of a recipe by name; none of any other classifier."""
    return {name: getattr(classifier, f"{name}_") for name in getattr(classifier, "weights_", ())}


def scores(right, known, seconds):
    """Accuracies in per cent: of all texts, of those that stand in no training part."""
    return {
        "accuracy": 100 * float(right.mean()),
        "accuracy_unseen": 100 * float(right[~known].mean()),
        "seconds": seconds,
    }


def keep(results, contender, set_name, size, seed, judged):
    """File the accuracies of a contender and, of the recipes, of their parts."""
    for part, found in judged.items():
        if part is None:
            name = contender
        elif contender in WITH_PARTS:
            name = f"{contender}, {part} alone"
        else:
            continue
        results.setdefault(f"{name}|{set_name}|{size}", {})[str(seed)] = found


def run(options, builders):
    answer = open_results(options)
    todo = [
        (seed, size, name, contender)
        for seed in options.seeds
        for size in options.sizes
        for name in options.sets
        for contender in options.contenders or builders
        if size in ONLY_AT.get(contender, SIZES)
        and str(seed) not in answer["results"].get(f"{contender}|{name}|{size}", {})
    ]
    for seed, size, name, contender in todo:
        folder = Path(options.data) / name
        judged = judge(builders[contender], folder, options.split, seed, size)
        keep(answer["results"], contender, name, size, seed, judged)
        told = judged[None]
        print(
            f"{name:<10} {size:>4} seed {seed}  {contender:<32} {told['accuracy']:6.2f}"
            f"  unseen {told['accuracy_unseen']:6.2f}  {told['seconds']:6.1f} s",
            flush=True,
        )
        write_results(options, answer)
    for size in options.sizes:
        print(f"\n{size}\n" + table(answer["results"], options.sets, size))


def table(results, sets, size):
    """Mean accuracies over the seeds, a line a contender."""
    names = dict.fromkeys(key.split("|")[0] for key in results if key.endswith(f"|{size}"))
    lines = [f"{'':<34}" + "".join(f"{name:>11}" for name in sets) + f"{'mean':>8}"]
    for name in names:
        found = [accuracies(results, name, set_name, size) for set_name in sets]
        means = [np.mean(one) if one else np.nan for one in found]
        lines.append(
            f"{name:<34}" + "".join(f"{m:11.2f}" for m in means) + f"{np.mean(means):8.2f}"
        )
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with one folder a set")
    parser.add_argument("--pretrained", metavar="MODEL", help="folder of a pretrained model")
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
        sys.exit("accuracy_text.py needs --data DIR with the sets' folders (or --quick).")


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
