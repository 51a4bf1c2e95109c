"""Only worker processes have their TensorFlow threads set, before TensorFlow starts."""

import multiprocessing

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
