"""Networks that wait for the next fit: fresh weights, bounded, never shared by the living."""

import gc
import threading
import time
from collections import OrderedDict

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline

from skattn import AttentionTextClassifier, GatedDenseClassifier, SequenceVectorizer
from skattn.fitting._network_pool import MAX_IDLE, POOL, NetworkPool, configuration_key


class Model:
    def __init__(self, n_weights=1):
        self.n_weights = n_weights

    def count_params(self):
        return self.n_weights


@pytest.fixture
def empty_pool():
    """The pool that estimators use, with nothing in it."""
    gc.collect()
    POOL.clear()
    yield POOL
    POOL.clear()


def small(**parameters):
    return GatedDenseClassifier(**{"units": 3, "epochs": 1} | parameters)


# -- the store -------------------------------------------------------------------------------------


def test_a_network_given_back_serves_the_same_configuration_again():
    pool, built = NetworkPool(), []

    def build(config):
        built.append(config)
        return Model()

    first = pool.acquire({"units": 3, "learning_rate": 0.1}, build)
    pool.release(first)
    again = pool.acquire({"units": 3, "learning_rate": 0.2}, build)
    assert again is first
    assert again.config["learning_rate"] == 0.2  # the rate is no part of the graph
    other = pool.acquire({"units": 4, "learning_rate": 0.2}, build)
    assert other is not first
    assert len(built) == 2


def test_nobody_gets_a_network_that_somebody_has():
    pool = NetworkPool()
    networks = [pool.acquire({"units": 3}, lambda config: Model()) for _ in range(3)]
    assert len(set(map(id, networks))) == 3


def test_the_least_recently_used_network_goes_first():
    pool = NetworkPool(max_idle=2)
    networks = [pool.acquire({"units": units}, lambda config: Model()) for units in range(3)]
    for network in networks:
        pool.release(network)
    assert len(pool) == 2
    for units, kept in enumerate([False, True, True]):
        network = pool.acquire({"units": units}, lambda config: Model())
        assert (network is networks[units]) == kept


def test_the_weights_that_wait_are_bounded():
    pool = NetworkPool(max_weights=10)
    for n_weights in (6, 4, 6, 11):
        pool.release(pool.acquire({"n": n_weights}, lambda config: Model(config["n"])))
        assert pool._n_weights() <= 10
    assert len(pool) == 2  # one too large to be kept drops no other


def test_a_network_that_the_user_may_hold_is_not_given_on():
    pool = NetworkPool()
    network = pool.acquire({}, lambda config: Model())
    network.exposed = True
    pool.release(network)
    assert len(pool) == 0


class Slow(OrderedDict):
    """Lets other threads run before a network is taken out."""

    def __delitem__(self, place):
        time.sleep(1e-4)
        super().__delitem__(place)


def test_many_threads_never_get_the_same_network():
    pool, failures = NetworkPool(), []
    pool._idle = Slow()
    in_use, lock = set(), threading.Lock()

    def work():
        for _ in range(100):
            network = pool.acquire({"units": 3}, lambda config: Model())
            with lock:
                failures.extend([network] if id(network) in in_use else [])
                in_use.add(id(network))
            time.sleep(1e-4)  # it is held while other threads look for one
            with lock:
                in_use.discard(id(network))
            pool.release(network)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(pool) <= MAX_IDLE


def test_a_key_knows_every_parameter_but_the_rate():
    config = {"units": 3, "l2": 0.0, "optimizer": "adam", "learning_rate": 0.1}
    assert configuration_key(config) == configuration_key(dict(reversed(config.items())))
    assert configuration_key(config) == configuration_key(config | {"learning_rate": 9})
    for change in ({"units": 4}, {"l2": 0.5}, {"optimizer": "sgd"}):
        assert configuration_key(config) != configuration_key(config | change)


# -- the estimators that use it --------------------------------------------------------------------


@pytest.mark.slow
def test_a_network_waits_once_its_estimator_is_gone(dense_rows, empty_pool):
    clf = small().fit(*dense_rows)
    network = clf._fitted.network
    assert len(empty_pool) == 0
    del clf
    gc.collect()
    assert len(empty_pool) == 1
    assert small().fit(*dense_rows)._fitted.network is network


@pytest.mark.slow
def test_a_fit_in_a_used_network_is_bit_for_bit_a_first_one(dense_rows, empty_pool):
    X, y = dense_rows
    first = small(random_state=0, epochs=3).fit(X, y)
    expected, network = first.predict_proba(X), first._fitted.network
    del first
    gc.collect()
    other = small(random_state=5, epochs=2, learning_rate=0.5).fit(X[:20], y[:20])
    assert other._fitted.network is network
    del other
    gc.collect()
    again = small(random_state=0, epochs=3).fit(X, y)
    assert again._fitted.network is network
    np.testing.assert_array_equal(again.predict_proba(X), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_the_rate_that_a_callback_left_does_not_reach_the_next_fit(dense_rows, empty_pool):
    X, y = dense_rows
    sgd = keras.optimizers.SGD(0.1)
    first = small(optimizer=sgd, random_state=0, epochs=2).fit(X, y)
    expected, network = first.predict_proba(X), first._fitted.network
    del first
    gc.collect()
    falling = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-9)
    falling.may_keep_model = False  # otherwise the network would not come back to the pool
    other = small(optimizer=sgd, callbacks=[falling]).fit(X, y)
    assert other._fitted.network is network
    del other
    gc.collect()
    again = small(optimizer=sgd, random_state=0, epochs=2).fit(X, y)
    assert again._fitted.network is network
    np.testing.assert_array_equal(again.predict_proba(X), expected)


@pytest.mark.parametrize("optimizer", ["sgd", {"class_name": "SGD", "config": {"momentum": 0.9}}])
def test_the_rate_that_a_schedule_left_does_not_reach_the_next_fit(
    dense_rows, empty_pool, optimizer
):
    X, y = dense_rows
    params = {"optimizer": optimizer, "learning_rate_schedule": "linear", "random_state": 0}
    first = small(**params).fit(X, y)
    expected = first.predict_proba(X)
    network = first._fitted.network
    del first
    gc.collect()
    network.model.optimizer.learning_rate = 1e-9  # as after Ctrl-C
    again = small(**params).fit(X, y)
    assert again._fitted.network is network
    np.testing.assert_array_equal(again.predict_proba(X), expected)


def test_the_frozen_layers_of_one_pretrained_model_wait(empty_pool):
    pool = NetworkPool()
    configs = [{"backbone": {"fingerprint": name}, "units": n} for n, name in enumerate("aab")]
    networks = [pool.acquire(config, lambda config: Model()) for config in [*configs, {}]]
    for network in [networks[3], *networks[:2]]:
        pool.release(network)
    assert len(pool) == 3
    pool.release(networks[2])
    assert len(pool) == 2
    assert pool.acquire(configs[2], lambda config: Model()) is networks[2]
    assert pool.acquire({}, lambda config: Model()) is networks[3]


@pytest.mark.slow
def test_estimators_that_live_together_never_share_a_network(dense_rows, empty_pool):
    X, y = dense_rows
    result = cross_validate(small(), X, y, cv=3, return_estimator=True)
    estimators = [*result["estimator"], small().fit(X, y), small().fit(X, y)]
    assert len({id(estimator._fitted.model) for estimator in estimators}) == 5
    before = [estimator.predict_proba(X) for estimator in estimators]
    small(epochs=3).fit(X, y)
    for estimator, expected in zip(estimators, before, strict=True):
        np.testing.assert_array_equal(estimator.predict_proba(X), expected)


@pytest.mark.slow
def test_estimators_in_threads_never_share_a_network(dense_rows, empty_pool):
    X, y = dense_rows
    expected = small(random_state=0, epochs=2).fit(X, y).predict_proba(X)
    gc.collect()
    estimators = []

    def work():
        for _ in range(2):
            estimators.append(small(random_state=0, epochs=2).fit(X, y))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(estimator._fitted.model) for estimator in estimators}) == 6
    for estimator in estimators:
        np.testing.assert_array_equal(estimator.predict_proba(X), expected)


class Failure(keras.callbacks.Callback):
    may_keep_model = False  # so that only the failure keeps the network from the pool

    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("in the middle")


@pytest.mark.slow
def test_a_fit_that_fails_gives_no_half_trained_network_on(dense_rows, empty_pool):
    X, y = dense_rows
    with pytest.raises(RuntimeError, match="in the middle"):
        small(callbacks=[Failure()]).fit(X, y)
    gc.collect()
    assert len(empty_pool) == 0


def test_a_refit_leaves_its_first_network_to_others(dense_rows, empty_pool):
    X, y = dense_rows
    clf = small().fit(X, y)
    first = clf._fitted.network
    clf.fit(X, y)
    assert clf._fitted.network is not first  # the old one is kept until the new one is trained
    assert len(empty_pool) == 1
    clf.fit(X, y)
    assert clf._fitted.network is first


@pytest.mark.slow
def test_predictions_while_the_same_estimator_is_fitted_again(dense_rows, empty_pool):
    """Every answer is that of one of its fits, never of another estimator's network."""
    X, y = dense_rows
    clf, other = small(random_state=0, epochs=2).fit(X, y), small(random_state=7, epochs=2)
    answers = {clf.predict_proba(X).tobytes()}
    answers.add(small(random_state=1, epochs=2).fit(X, y).predict_proba(X).tobytes())
    found, done = [], threading.Event()

    def read():
        while not done.is_set():
            found.append(clf.predict_proba(X).tobytes())

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(12):
        clf.set_params(random_state=number % 2).fit(X, y)
        other.fit(X, y)  # takes the network that has just become free
    done.set()
    for reader in readers:
        reader.join()
    assert len(found) > 20
    assert set(found) <= answers


@pytest.mark.slow
def test_a_model_that_was_handed_out_stays_the_users(dense_rows, empty_pool):
    X, y = dense_rows
    clf = small(random_state=0).fit(X, y)
    model, expected = clf.model_, clf.predict_proba(X)
    del clf
    gc.collect()
    assert len(empty_pool) == 0
    small(random_state=1).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.slow
def test_a_search_builds_one_network_for_each_architecture(dense_rows, empty_pool, monkeypatch):
    X, y = dense_rows
    built = []
    build = GatedDenseClassifier._build
    monkeypatch.setattr(
        GatedDenseClassifier, "_build", staticmethod(lambda c: built.append(c) or build(c))
    )
    grid = {"units": [3, 4], "learning_rate": [1e-3, 1e-2]}
    GridSearchCV(small(), grid, cv=3).fit(X, y)
    assert sorted(config["units"] for config in built) == [3, 4]


def test_a_search_over_five_folds_of_texts_compiles_each_fold_once(monkeypatch):
    built = []
    build = POOL.acquire.__func__
    monkeypatch.setattr(
        NetworkPool,
        "acquire",
        lambda pool, config, make: build(pool, config, lambda c: built.append(c) or make(c)),
    )
    texts = [" ".join(f"w{n}_{k}" for k in range(1 + n // 10)) for n in range(50)]
    pipeline = make_pipeline(
        SequenceVectorizer(), AttentionTextClassifier(encoder="none", embedding_dim=2, epochs=1)
    )
    grid = {"attentiontextclassifier__learning_rate": [0.001, 0.002, 0.003]}
    GridSearchCV(pipeline, grid, cv=KFold(5), refit=False).fit(texts, [0, 1] * 25)
    assert len(built) == 5  # as many as there are sizes of vocabularies
