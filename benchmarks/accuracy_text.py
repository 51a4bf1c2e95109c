"""Accuracy on real texts: linear baselines, the reference network, the recipe, its ablations.

Choices are made with `--split validation`, which never opens a test file: 85 % of the training
part is trained on and 15 % judged, once for each seed. `--split test` judges on the published
test parts, or by cross-validation in five folds where there is none. Each result is written at
once, and a second run with the same output goes on. `accuracy_report.py` makes the tables.

    python benchmarks/accuracy_text.py --data DIR --split test \
        --output benchmarks/results/accuracy.json
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from _accuracy import BASELINE, PUBLISHED, SETS, accuracies, open_results, write_results
from _data import generate, parts
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

PARTS = {"network": "recipe, network alone", "linear": "recipe, linear alone"}


def tfidf():
    return TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), min_df=2, token_pattern=r"(?u)\b\w+\b"
    )


def contenders():
    """Name -> function from seed to an unfitted classifier of raw texts.

    The parts of the recipe are not among them: they are judged as the fitted recipe has them.
    """
    from skattn import AttentionTextClassifier, SequenceVectorizer, make_text_classifier

    def reference(seed):
        return make_pipeline(
            SequenceVectorizer(max_length=400), AttentionTextClassifier(random_state=seed)
        )

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
            seed, attention="max", extra_pooling="none"
        ),
        "recipe, no encoder": lambda seed: recipe(seed, encoder="none"),
    }


def judge(build, folder, split, seed):
    """Name of a part, or None for the whole -> its accuracies and seconds a fit."""
    right, known, seconds = {}, [], []
    for X, y, X_judged, y_judged in parts(folder, split, seed):
        start = time.perf_counter()
        classifier = build(seed).fit(list(X), y)
        seconds.append(time.perf_counter() - start)
        for name, judged in {None: classifier, **fitted_parts(classifier)}.items():
            found = judged.predict(list(X_judged)) == y_judged
            right.setdefault(name, []).append(found)
        known.append(np.isin(X_judged, X))
    known = np.concatenate(known)
    return {
        name: scores(np.concatenate(found), known, None if name else float(np.mean(seconds)))
        for name, found in right.items()
    }


def fitted_parts(classifier):
    """The fitted parts of the recipe by name; none of any other classifier."""
    return {name: getattr(classifier, f"{name}_") for name in getattr(classifier, "weights_", ())}


def scores(right, known, seconds):
    """Accuracies in per cent: of all texts, of those that stand in no training part."""
    return {
        "accuracy": 100 * float(right.mean()),
        "accuracy_unseen": 100 * float(right[~known].mean()),
        "seconds": seconds,
    }


def keep(results, contender, set_name, seed, judged):
    """File the accuracies of a contender and, of the plain recipe, of its parts."""
    for part, found in judged.items():
        if part is None:
            results.setdefault(f"{contender}|{set_name}", {})[str(seed)] = found
        elif contender == "recipe":
            results.setdefault(f"{PARTS[part]}|{set_name}", {})[str(seed)] = found


def table(results, sets):
    """Print mean accuracies with their spread over seeds, and the same without known texts."""
    names = list(dict.fromkeys(key.split("|")[0] for key in results))
    for column in ("accuracy", "accuracy_unseen"):
        print(f"\n{column:<30}" + "".join(f"{name:>14}" for name in sets) + f"{'mean':>8}")
        means = {}
        for name in names:
            found = [accuracies(results, name, set_name, column) for set_name in sets]
            means[name] = np.array([np.mean(f) if f else np.nan for f in found])
            cells = [
                f"{mean:8.2f} ({np.std(f):4.2f})" if f else f"{'':>15}"
                for mean, f in zip(means[name], found, strict=True)
            ]
            print(f"{name:<30}" + "".join(f"{c:>14}" for c in cells) + f"{means[name].mean():8.2f}")
        if "recipe" in means and BASELINE in means:
            lead = means["recipe"] - means[BASELINE]
            print(f"{'recipe - baseline':<30}" + "".join(f"{v:+14.2f}" for v in lead))
    print(f"{'published':<30}" + "".join(f"{PUBLISHED.get(n, np.nan):14.2f}" for n in sets))


def run(options, folder_of, builders):
    answer = open_results(options)
    for seed in options.seeds:
        for name in options.sets:
            for contender in options.contenders:
                if str(seed) in answer["results"].get(f"{contender}|{name}", {}):
                    continue
                judged = judge(builders[contender], folder_of(name), options.split, seed)
                keep(answer["results"], contender, name, seed, judged)
                told = judged[None]
                print(
                    f"{name:<10} seed {seed}  {contender:<30} {told['accuracy']:6.2f}"
                    f"  unseen {told['accuracy_unseen']:6.2f}  {told['seconds']:6.1f} s",
                    flush=True,
                )
                write_results(options, answer)
    table(answer["results"], options.sets)


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
