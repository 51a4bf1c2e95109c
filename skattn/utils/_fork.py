"""Processes that were forked after TensorFlow had started: say so, instead of waiting for ever.

TensorFlow computes in threads of its own, and a fork takes none of them along. What asks such a
child for a computation never comes back.
"""

import os
import sys

_state = {"forked_late": False}


def refuse_after_late_fork():
    """An error where TensorFlow had started before this process was forked.

    Raises
    ------
    RuntimeError
    """
    if _state["forked_late"]:
        raise RuntimeError(
            "This process was forked from one in which TensorFlow had already started. Its "
            "threads are not copied by a fork, so this call would never return. Load (or fit) the "
            "model in each worker after the fork, fit and predict nothing before it, or start the "
            "workers without a fork: multiprocessing.get_context('spawn'), joblib's 'loky'."
        )


def _note_a_late_fork():
    """Run in every forked child, when nothing else runs there yet."""
    tensorflow = sys.modules.get("tensorflow")
    threading = getattr(getattr(tensorflow, "config", None), "threading", None)
    if threading is None:  # not imported, or only half
        return
    n_threads = threading.get_inter_op_parallelism_threads()
    try:  # TensorFlow takes another number only until it starts, and tells it in no other way
        threading.set_inter_op_parallelism_threads(n_threads + 1)
    except RuntimeError:
        _state["forked_late"] = True
    else:
        threading.set_inter_op_parallelism_threads(n_threads)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_note_a_late_fork)
