"""One grid search over two worker processes of joblib, Dask and Ray, beside a single process.

python benchmarks/bench_scaling.py --output scaling.json
"""

import os
from contextlib import contextmanager

import bench_dense
from _harness import ask, parser, read_options, write
from _race import Contender

ENGINES = {"one process": (), "n_jobs=2": (), "Dask": ("distributed",), "Ray": ("ray",)}


@contextmanager
def two_workers(engine):
    """Within it joblib's backend is this engine, whose two workers run already."""
    import joblib

    if engine == "Dask":
        import distributed

        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config(backend="dask"),
        ):
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


def search(turns, config):
    """`bench_dense`'s search under the engine."""
    with two_workers(config["engine"]):
        bench_dense.search(turns, config | {"n_jobs": None})
    bench_dense.dismiss_workers()


def main():
    options = read_options(parser(__doc__))
    quick = options.quick
    config = {
        "name": bench_dense.OWN,
        "grid": bench_dense.GRIDS["quick" if quick else "large"],
        "epochs": 2 if quick else bench_dense.EPOCHS,
        "folds": 2 if quick else 3,
    }
    engines = list(ENGINES)[:2] if quick else ENGINES
    answer = ask(
        options,
        "Grid search of 4 x 4 over two workers",
        [Contender(e, search, config | {"engine": e}, ENGINES[e]) for e in engines],
        rounds=options.rounds or (1 if quick else 3),
        tolerance=0.15 if quick else 0.02,
        own="one process",
    )
    write(options, "scaling", [answer])


if __name__ == "__main__":
    main()
