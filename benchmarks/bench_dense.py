"""The gated network on digits: one fit, a grid search, a grid search over two processes.

python benchmarks/bench_dense.py --output dense.json
"""

import warnings

from _data import digits
from _harness import ask, parser, read_options, write
from _race import Contender

UNITS, EPOCHS, BATCH, N_FEATURES, N_CLASSES = 256, 20, 32, 64, 10
OWN, SCIKERAS, SKORCH, MLP = "skattn", "SciKeras", "skorch", "MLPClassifier"
GRIDS = {
    "small": {"units": [128, 256], "learning_rate": [1e-3, 2e-3]},
    "large": {
        "units": [96, 128, 192, 256],
        "learning_rate": [5e-4, 1e-3, 2e-3, 3e-3],
    },
    "quick": {"units": [32], "learning_rate": [1e-3, 2e-3]},
}
FEWER_ROUNDS = {SCIKERAS: 1}  # of the search, which takes it most of a minute
FIT_GOALS = {SKORCH: 1 / 0.5}
SEARCH_GOALS = {SCIKERAS: 6.0, SKORCH: 1 / 0.7}


def own_classifier(config, seed):
    from skattn import GatedDenseClassifier

    return GatedDenseClassifier(
        units=UNITS, epochs=config["epochs"], batch_size=BATCH, random_state=seed
    )


def scikeras_classifier(config, seed):
    """Without a seed: with one, SciKeras makes TensorFlow deterministic, which is slower."""
    from _peers_keras import gated_classifier

    return gated_classifier(UNITS, epochs=config["epochs"])


def skorch_classifier(config, seed):
    import torch
    from _peers_torch import gated_classifier

    torch.manual_seed(seed)
    return gated_classifier(UNITS, epochs=config["epochs"])


def mlp_classifier(config, seed):
    """Not the same network (no gate): the measure is its time a floating-point operation."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        (UNITS,), batch_size=BATCH, max_iter=config["epochs"], tol=0.0, random_state=seed
    )


MAKERS = {
    OWN: own_classifier,
    SCIKERAS: scikeras_classifier,
    SKORCH: skorch_classifier,
    MLP: mlp_classifier,
}
NEEDS = {SKORCH: ("skorch", "torch")}
PARAMETERS = {
    SCIKERAS: {"units": "model__units", "learning_rate": "optimizer__learning_rate"},
    SKORCH: {"units": "module__units", "learning_rate": "lr"},
}


def fit(turns, config):
    """One fit a round; quality is the accuracy on the test rows."""
    warnings.simplefilter("ignore")  # MLPClassifier: that it has not converged
    X_train, X_test, y_train, y_test = digits()
    make = MAKERS[config["name"]]
    make(config, 0)  # imports what it needs
    for seed in turns:
        classifier = make(config, seed).fit(X_train, y_train)
        turns.stop(quality=classifier.score(X_test, y_test))
        del classifier  # before the next fit, as where a search drops it


def search(turns, config):
    """One grid search a round; quality is the accuracy of the refit on the test rows."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    X_train, X_test, y_train, y_test = digits()
    names = PARAMETERS.get(config["name"], {})
    make = MAKERS[config["name"]]
    make(config, 0)  # imports what it needs
    grid = {names.get(name, name): values for name, values in config["grid"].items()}
    for seed in turns:
        found = GridSearchCV(
            make(config, seed),
            grid,
            cv=StratifiedKFold(config["folds"], shuffle=True, random_state=0),
            n_jobs=config["n_jobs"],
            error_score="raise",
        ).fit(X_train, y_train)
        turns.stop(quality=found.score(X_test, y_test), best=str(found.best_params_))
        del found
    if config["n_jobs"] > 1:
        dismiss_workers()


def dismiss_workers():
    """End joblib's idle worker processes, for which the exit of this one would wait minutes."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def contenders(work, names, config, most=None):
    """`most`: contender -> its rounds, where one takes long."""
    most = most or {}
    return [
        Contender(name, work, {**config, "name": name}, NEEDS.get(name, ()), most.get(name))
        for name in names
    ]


def flops_a_step(name):
    """Of one step: products forward, and twice as many backward."""
    products = N_FEATURES * UNITS + UNITS * N_CLASSES + (0 if name == MLP else UNITS**2)
    return 3 * 2 * BATCH * products


def time_a_flop(answer):
    """Our time a floating-point operation over MLPClassifier's, from the medians of one fit."""
    found = answer["contenders"]
    if not {OWN, MLP} <= found.keys():
        return None
    own, mlp = (found[name]["median"] / flops_a_step(name) for name in (OWN, MLP))
    print(f"  time a floating-point operation: {own / mlp:.2f}x MLPClassifier's (goal <= 2)")
    return own / mlp


def main():
    options = read_options(parser(__doc__))
    quick = options.quick
    config = {"epochs": 2 if quick else EPOCHS, "folds": 2 if quick else 3}
    rounds = options.rounds or (1 if quick else 5)
    tolerance = 1.0 if quick else 0.02  # after two epochs, equal quality is a matter of chance

    def question(text, work, names, goals, rounds, fresh=False, most=None, **settings):
        who = contenders(work, names, {**config, **settings}, most)
        kept = {"rounds": rounds, "tolerance": tolerance, "goals": goals, "fresh": fresh}
        return ask(options, text, who, **kept)

    answers = []
    if not quick:
        answers.append(
            question("First fit of a process", fit, list(MAKERS), FIT_GOALS, 3, fresh=True)
        )
    answers.append(question("One fit", fit, list(MAKERS), FIT_GOALS, rounds))
    answers[-1]["flop_time_over_mlp"] = time_a_flop(answers[-1])
    grid = GRIDS["quick" if quick else "small"]
    searched = f"Grid search of {' x '.join(str(len(v)) for v in grid.values())}, n_jobs=1"
    names = [OWN, SCIKERAS, SKORCH]
    rounds = max(1, rounds - 3)
    answers.append(
        question(
            searched, search, names, SEARCH_GOALS, rounds, most=FEWER_ROUNDS, grid=grid, n_jobs=1
        )
    )
    if not quick:
        answers.append(two_processes(options, config, tolerance))
    write(options, "dense", answers)


def two_processes(options, config, tolerance):
    """Our own search, four times as large, in one process and over two."""
    who = [
        Contender(label, search, {**config, "name": OWN, "grid": GRIDS["large"], "n_jobs": n_jobs})
        for label, n_jobs in (("n_jobs=2", 2), ("n_jobs=1", 1))
    ]
    return ask(
        options,
        "Grid search of 4 x 4",
        who,
        rounds=options.rounds or 2,
        tolerance=tolerance,
        goals={"n_jobs=1": 1.5},
        own="n_jobs=2",
    )


if __name__ == "__main__":
    main()
