"""Searches and predictions on other processes: loky, Dask and Ray, through joblib."""

import functools
import itertools
import os
import signal
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.externals.loky import ProcessPoolExecutor
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import GatedDenseClassifier

pytestmark = [
    pytest.mark.slow,
    # of the engines themselves
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]
GRID = {"units": [4, 8], "learning_rate": [1e-3, 1e-2]}


def search(X, y, cv=3):
    return GridSearchCV(GatedDenseClassifier(epochs=3, random_state=0), GRID, cv=cv).fit(X, y)


@pytest.fixture(scope="module")
def expected(dense_rows):
    """The scores of the same search in this process."""
    return search(*dense_rows).cv_results_["mean_test_score"]


@pytest.fixture(scope="module")
def cluster():
    """A Dask scheduler and two workers, each a process of one thread."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray():
    """Two Ray workers."""
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    os.environ["RAY_AUTH_MODE"] = "disabled"  # nobody else sees this cluster
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},  # the workers import this module
    )
    from ray.util.joblib import register_ray

    register_ray()
    yield ray
    ray.shutdown()
    del os.environ["RAY_AUTH_MODE"]


def threads_of_tensorflow(*_):
    """How many threads TensorFlow may use in this process, and how many it was asked for."""
    import tensorflow as tf

    import skattn

    assert skattn.GatedDenseClassifier
    return tf.config.threading.get_intra_op_parallelism_threads(), os.environ["OMP_NUM_THREADS"]


def test_loky_workers_do_not_oversubscribe(dense_rows, expected):
    with joblib.parallel_config(backend="loky", n_jobs=2, inner_max_num_threads=1):
        threads = joblib.Parallel()(joblib.delayed(threads_of_tensorflow)(i) for i in range(4))
        found = search(*dense_rows)
    assert set(threads) == {(1, "1")}
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], expected, atol=0.02)


def test_one_and_two_workers_give_the_same_bits(dense_rows):
    answers = []
    for n_workers in (1, 2):
        with ProcessPoolExecutor(n_workers, env={"OMP_NUM_THREADS": "1"}) as pool:
            answers.append(list(pool.map(functools.partial(probabilities, dense_rows), range(3))))
    np.testing.assert_array_equal(*answers)


def probabilities(data, seed):
    clf = GatedDenseClassifier(units=8, epochs=2, random_state=seed)
    return clf.fit(*data).predict_proba(data[0])


def test_dask_search_and_prediction(cluster, dense_rows, expected):
    X, y = dense_rows
    assert set(cluster.run(threads_of_tensorflow).values()) == {(1, "1")}
    with joblib.parallel_config(backend="dask", scatter=[X, y]):
        found = search(X, y)
        scores = cross_validate(
            make_pipeline(StandardScaler(), GatedDenseClassifier(epochs=2, random_state=0)), X, y
        )
        parts = joblib.Parallel()(
            joblib.delayed(found.predict_proba)(part) for part in np.array_split(X, 3)
        )
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], expected, atol=0.02)
    assert np.isfinite(scores["test_score"]).all()
    np.testing.assert_allclose(np.concatenate(parts), found.predict_proba(X), atol=1e-5)


class Rows(list):
    """Rows that count how often they are sent."""

    n_sent = 0

    def __reduce__(self):
        Rows.n_sent += 1
        return list, (list(self),)


def test_dask_gets_the_rows_once(cluster, dense_rows):
    X, y = dense_rows
    rows = Rows(X.tolist())
    with joblib.parallel_config(backend="dask", scatter=[rows]):
        search(rows, y)
        search(rows, y)
    assert Rows.n_sent == 1  # for the 24 fits; without `scatter` once for each search


def test_a_killed_dask_worker_loses_nothing(cluster, dense_rows, expected):
    X, y = dense_rows
    splits = list(StratifiedKFold(3).split(X, y))
    everything = [X, y, *itertools.chain(*splits)]
    cluster.amm.stop()  # it drops all copies but one, which is lost with its worker
    address, victim = next(iter(cluster.run(os.getpid).items()))

    def strike():
        while not cluster.processing()[address]:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=strike, daemon=True)
    killer.start()
    with joblib.parallel_config(backend="dask", scatter=everything):
        found = search(X, y, cv=splits)
    assert not killer.is_alive()  # it struck while the victim had a fit to do
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], expected, atol=0.02)
    assert victim not in cluster.run(os.getpid).values()


def score_and_sign(classifier, X, y, folder):
    """A scorer that leaves a file named after its process, and tells TensorFlow's threads there."""
    (folder / str(os.getpid())).touch()
    return {"accuracy": classifier.score(X, y), "threads": threads_of_tensorflow()[0]}


def test_ray_search_loses_nothing_with_a_killed_worker(ray, dense_rows, expected, tmp_path):
    X, y = dense_rows
    clf = GatedDenseClassifier(epochs=3, random_state=0)
    sign = functools.partial(score_and_sign, folder=tmp_path)
    victims = []

    def strike():
        while not victims:
            victims.extend({int(file.name) for file in tmp_path.iterdir()} - {os.getpid()})
            time.sleep(0.01)
        os.kill(victims[0], signal.SIGKILL)

    killer = threading.Thread(target=strike, daemon=True)
    killer.start()
    again = {"max_restarts": 1, "max_task_retries": 1}
    with joblib.parallel_config(backend="ray", n_jobs=2, ray_remote_args=again):
        found = GridSearchCV(
            clf, GRID, cv=3, scoring=sign, refit="accuracy", error_score="raise"
        ).fit(X, y)
    assert not killer.is_alive()
    assert len(list(tmp_path.iterdir())) >= 3  # two workers, and one in the victim's place
    np.testing.assert_allclose(found.cv_results_["mean_test_accuracy"], expected, atol=0.02)
    assert set(found.cv_results_["mean_test_threads"]) == {1}
