"""Accuracy on real texts: linear baselines, the reference network, the recipe, its ablations.

Choices are made with `--split validation`, which never opens a test file: 85 % of the training
part is trained on and 15 % judged, once for each seed. `--split test` judges on the published
test parts. Each result is written at once, and a second run with the same output goes on.

    python benchmarks/accuracy_text.py --data DIR --split test --output accuracy.json
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from _data import _read, generate
from _environment import stamp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

SETS = ("trec", "mr", "sms_spam", "snips", "banking77", "r8", "imdb_5k")
PUBLISHED = {
    "trec": 91.2,
    "mr": 76.1,
    "sms_spam": 97.6,
    "snips": 97.0,
    "banking77": 93.7,
    "r8": 97.07,
    "imdb_5k": 90.6,
}
BASELINE = "tf-idf + LinearSVC"


def tfidf():
    return TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), min_df=2, token_pattern=r"(?u)\b\w+\b"
    )


def contenders():
    """Name -> function from seed to an unfitted classifier of raw texts."""
    from skattn import make_text_classifier

    def reference(seed, **params):
        return make_text_classifier(linear=False, max_length=400, random_state=seed, **params)

    def recipe(seed, **params):
        return make_text_classifier(random_state=seed, **params)

    return {
        BASELINE: lambda seed: make_pipeline(tfidf(), LinearSVC(C=0.5, random_state=seed)),
        "tf-idf + LogisticRegression": lambda seed: make_pipeline(
            tfidf(), LogisticRegression(C=10, max_iter=1000)
        ),
        "reference LSTM + attention": reference,
        "recipe": recipe,
        "recipe, uniform attention": lambda seed: recipe(seed, attention="uniform"),
        "recipe, no attention (max)": lambda seed: recipe(
            seed, attention="max", extra_pooling=None
        ),
        "recipe, no encoder": lambda seed: recipe(seed, encoder="none"),
        "recipe, network alone": lambda seed: recipe(seed).set_params(linear="drop"),
        "recipe, linear alone": lambda seed: recipe(seed).set_params(attention="drop"),
    }


def parts(folder, split, seed):
    """Training and judged texts and labels, once or for each fold."""
    texts, labels = map(np.array, _read(folder / "train.tsv.gz"))
    if split == "validation":
        rows = train_test_split(
            np.arange(len(texts)), test_size=0.15, stratify=labels, random_state=seed
        )
        folds = [rows]
    elif (folder / "test.tsv.gz").exists():
        texts_test, labels_test = map(np.array, _read(folder / "test.tsv.gz"))
        yield texts, labels, texts_test, labels_test
        return
    else:
        folds = StratifiedKFold(5, shuffle=True, random_state=0).split(texts, labels)
    for train, judged in folds:
        yield texts[train], labels[train], texts[judged], labels[judged]


def judge(build, folder, split, seed):
    """Accuracy, accuracy without texts that stand in the training part, and seconds."""
    right, known, seconds = [], [], 0.0
    for X, y, X_judged, y_judged in parts(folder, split, seed):
        start = time.perf_counter()
        classifier = build(seed).fit(list(X), y)
        seconds += time.perf_counter() - start
        right.append(classifier.predict(list(X_judged)) == y_judged)
        known.append(np.isin(X_judged, X))
    right, known = np.concatenate(right), np.concatenate(known)
    fits = len(list(parts(folder, split, seed)))
    return {
        "accuracy": 100 * float(right.mean()),
        "accuracy_unseen": 100 * float(right[~known].mean()),
        "seconds": seconds / fits,
    }


def table(results, names, sets):
    """Print mean accuracies, and the recipe's lead over the baseline."""
    print(f"{'':<30}" + "".join(f"{name:>11}" for name in sets) + f"{'mean':>9}")
    means = {}
    for contender in names:
        row = []
        for name in sets:
            found = [r["accuracy"] for r in results.get(f"{contender}|{name}", {}).values()]
            row.append(statistics.fmean(found) if found else float("nan"))
        means[contender] = np.array(row)
        print(f"{contender:<30}" + "".join(f"{v:11.2f}" for v in row) + f"{np.mean(row):9.2f}")
    if BASELINE in means:
        for contender in names:
            lead = means[contender] - means[BASELINE]
            print(
                f"{contender + ' - baseline':<30.30}"
                + "".join(f"{v:+11.2f}" for v in lead)
                + f"{np.mean(lead):+9.2f}"
            )
    print(f"{'published':<30}" + "".join(f"{PUBLISHED.get(n, 0):11.2f}" for n in sets))


def run(options, folder_of, builders):
    output = Path(options.output) if options.output else None
    answer = json.loads(output.read_text()) if output and output.exists() else {"results": {}}
    answer |= {"environment": stamp(), "split": options.split}
    for seed in options.seeds:
        for name in options.sets:
            for contender in options.contenders:
                done = answer["results"].setdefault(f"{contender}|{name}", {})
                if str(seed) in done:
                    continue
                done[str(seed)] = judge(builders[contender], folder_of(name), options.split, seed)
                told = done[str(seed)]
                print(
                    f"{name:<10} seed {seed}  {contender:<30} {told['accuracy']:6.2f}"
                    f"  unseen {told['accuracy_unseen']:6.2f}  {told['seconds']:6.1f} s",
                    flush=True,
                )
                if output:
                    output.write_text(json.dumps(answer, indent=1))
    table(answer["results"], options.contenders, options.sets)


def main(arguments=None):
    builders = contenders()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with one folder a set")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--contenders", nargs="+", default=list(builders), choices=list(builders))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output")
    parser.add_argument("--quick", action="store_true", help="generated texts, two contenders")
    options = parser.parse_args(arguments)
    if options.quick:
        quick(builders)
    elif options.data:
        run(options, lambda name: Path(options.data) / name, builders)
    else:
        sys.exit("accuracy_text.py needs --data DIR with the sets' folders (or --quick).")


def quick(builders):
    """A smoke run on generated texts: both must learn them."""
    X, X_judged, y, y_judged = generate(quick=True)
    for name in (BASELINE, "recipe"):
        accuracy = builders[name](0).fit(X, y).score(X_judged, y_judged)
        print(f"{name:<30} {100 * accuracy:.2f}")
        if accuracy < 0.6:
            sys.exit(f"{name} does not learn the generated texts.")


if __name__ == "__main__":
    main()
