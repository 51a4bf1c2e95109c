"""TensorFlow's threads in worker processes, and a second thread for predictions.

TensorFlow takes every core and ignores what joblib asks for. Only a worker process of joblib (loky,
or a Dask or Ray worker) is touched, and only before TensorFlow has started there. The user's own
process never is.
"""

import contextlib
import multiprocessing
import os
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import joblib
import tensorflow as tf

SHARE = "OMP_NUM_THREADS"  # what joblib, Dask and Ray set in their workers


def limit_in_worker():
    """In a worker process, give TensorFlow the worker's share of the cores; True if it took it."""
    share = os.environ.get(SHARE, "")
    if not share.isdigit() or int(share) < 1 or not is_worker():
        return False
    try:
        tf.config.threading.set_intra_op_parallelism_threads(int(share))
        tf.config.threading.set_inter_op_parallelism_threads(int(share))
    except RuntimeError:  # TensorFlow has started: other code of the worker came first
        return False
    return True


def two_at_once(work, items):
    """The results of ``work(item)``, in the order of the items; two are computed at the same time.

    An operation of TensorFlow uses all cores, but it ends when the last of them is ready. The cores
    that wait can compute another batch. With one core, one item, a GPU, or where no thread can be
    started (because Python is about to end), this thread does everything. An error, such as Ctrl-C,
    waits for the item that the other thread is at.
    """
    items = list(items)
    if len(items) < 2 or _n_threads() < 2:
        return [work(item) for item in items]
    results, left = [None] * len(items), deque(enumerate(items))

    def work_on_what_is_left():
        try:
            while True:
                try:
                    place, item = left.popleft()
                except IndexError:
                    return
                results[place] = work(item)
        except BaseException:
            left.clear()
            raise

    with ThreadPoolExecutor(1) as pool:
        try:
            other = None
            with contextlib.suppress(RuntimeError):
                other = pool.submit(work_on_what_is_left)
            work_on_what_is_left()
            if other is not None:
                other.result()
        finally:
            left.clear()
    return results


def _n_threads():
    """How many threads an operation of TensorFlow may use; 1 for a GPU."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    given = tf.config.threading.get_intra_op_parallelism_threads()
    variable = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return given or (variable.isdigit() and int(variable)) or joblib.cpu_count()


def is_worker():
    """Whether this process was started by loky, by Dask's nanny or by Ray to do work."""
    process = multiprocessing.current_process()
    if type(process).__module__.startswith(("joblib.externals.loky", "loky")):
        return True
    if process.name.startswith("Dask Worker process"):
        return True
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized() and _runs_ray_tasks(ray)


def _runs_ray_tasks(ray):
    return getattr(ray, "get_runtime_context", None) is not None and (
        ray.get_runtime_context().worker.mode == ray.WORKER_MODE
    )
