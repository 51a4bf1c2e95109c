"""One grid search over two workers of joblib, Dask and Ray, each beside a single process.

python benchmarks/bench_scaling.py --output scaling.json
"""

import itertools
import os
from contextlib import contextmanager

from _data import digits
from _harness import ask, parser, read_options, write
from _race import Contender
from bench_dense import EPOCHS, GRIDS, dismiss_workers, own_classifier

ONE = "one process"
ENGINES = {"n_jobs=2": (), "Dask": ("distributed",), "Ray": ("ray",)}


@contextmanager
def workers(engine, data):
    """Within it joblib's backend is this engine, whose workers run already."""
    import joblib

    if engine == "Dask":
        import distributed

        cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**cluster) as two, distributed.Client(two) as client:
            client.amm.stop()
            with joblib.parallel_config(backend="dask", scatter=data):
                yield
    elif engine == "Ray":
        import ray
        from ray.util.joblib import register_ray

        os.environ["RAY_AUTH_MODE"] = "disabled"  # nobody else sees this cluster
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        register_ray()
        try:
            with joblib.parallel_config(backend="ray", n_jobs=2):
                yield
        finally:
            ray.shutdown()
    else:
        with joblib.parallel_config(backend="loky", n_jobs=2 if engine == "n_jobs=2" else 1):
            yield
        dismiss_workers()


def search(turns, config):
    """One grid search a round; quality is the accuracy of the refit on the test rows."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    X_train, X_test, y_train, y_test = digits()
    folds = StratifiedKFold(config["folds"], shuffle=True, random_state=0)
    splits = list(folds.split(X_train, y_train))
    with workers(config["engine"], [X_train, y_train, *itertools.chain(*splits)]):
        for seed in turns:
            found = GridSearchCV(
                own_classifier(config, seed), config["grid"], cv=splits, error_score="raise"
            ).fit(X_train, y_train)
            turns.stop(quality=found.score(X_test, y_test))
            del found


def main():
    options = read_options(parser(__doc__))
    quick = options.quick
    config = {
        "grid": GRIDS["quick" if quick else "large"],
        "epochs": 2 if quick else EPOCHS,
        "folds": 2 if quick else 3,
    }
    answers = []
    for engine, needs in list(ENGINES.items())[: 1 if quick else None]:
        who = [
            Contender(name, search, config | {"engine": name}, needed)
            for name, needed in ((engine, needs), (ONE, ()))
        ]
        answers.append(
            ask(
                options,
                f"Grid search over two workers: {engine}",
                who,
                rounds=options.rounds or (1 if quick else 3),
                tolerance=0.15 if quick else 0.02,
                own=engine,
            )
        )
    write(options, "scaling", answers)


if __name__ == "__main__":
    main()
