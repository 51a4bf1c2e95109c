"""TensorFlow's threads are set in workers only; predictions compute two batches at once."""

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf

from skattn.engine import _threads


@pytest.fixture
def asked(monkeypatch):
    """The thread counts that TensorFlow was asked for."""
    asked = []
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, asked.append)
    return asked


@pytest.fixture
def dask_worker(monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "Dask Worker process (x)")


def test_the_users_own_process_is_left_alone(asked, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert not _threads.is_worker()
    assert not _threads.limit_in_worker()
    assert asked == []


@pytest.mark.usefixtures("dask_worker")
def test_a_worker_takes_its_share(asked, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert _threads.limit_in_worker()
    assert asked == [3, 3]


@pytest.mark.usefixtures("dask_worker")
@pytest.mark.parametrize("share", [None, "", "many", "0", "-1"])
def test_without_a_share_nothing_is_set(share, asked, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if share is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", share)
    assert not _threads.limit_in_worker()
    assert asked == []


@pytest.mark.usefixtures("dask_worker")
def test_tensorflow_that_has_started_is_left_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "61")
    tf.constant(1.0) + 1.0
    assert not _threads.limit_in_worker()
    assert tf.config.threading.get_intra_op_parallelism_threads() != 61


def test_two_items_are_worked_on_at_once(monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 4)
    both, running, most = threading.Barrier(2, timeout=60), [], []

    def work(item):
        running.append(item)
        both.wait()
        most.append(len(running))
        both.wait()
        running.remove(item)
        both.wait()
        return -item

    assert _threads.two_at_once(work, range(6)) == [0, -1, -2, -3, -4, -5]
    assert most == [2] * 6


@pytest.mark.parametrize(("n_threads", "n_items"), [(1, 3), (4, 1), (4, 0)])
def test_one_thread_or_one_item_needs_no_other_thread(n_threads, n_items, monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: n_threads)
    found = _threads.two_at_once(lambda _: threading.get_ident(), range(n_items))
    assert found == [threading.get_ident()] * n_items


@pytest.mark.parametrize(("variable", "n_threads"), [("1", 1), ("3", 3), ("", 5), ("many", 5)])
def test_the_number_of_threads_may_be_in_the_environment(variable, n_threads, monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 0)
    monkeypatch.setattr(_threads.joblib, "cpu_count", lambda: 5)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", variable)
    assert _threads._n_threads() == n_threads


def test_a_gpu_computes_one_batch_at_a_time(monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 4)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    assert _threads._n_threads() == 1


def test_an_error_of_an_item_is_raised(monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        _threads.two_at_once(lambda item: 1 // item, [1, 0, 2])


def test_an_interruption_leaves_the_other_items(monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 2)
    main, begun, interrupted = threading.get_ident(), [], threading.Event()

    def work(item):
        begun.append(item)
        if threading.get_ident() == main:
            interrupted.set()
            raise KeyboardInterrupt
        assert interrupted.wait(60)
        time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        _threads.two_at_once(work, range(1000))
    assert len(begun) < 100


def test_where_no_thread_can_be_started_the_items_are_worked_on_here(monkeypatch):
    def submit(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 2)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    found = _threads.two_at_once(lambda _: threading.get_ident(), range(3))
    assert found == [threading.get_ident()] * 3
