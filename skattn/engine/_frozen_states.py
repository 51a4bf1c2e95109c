"""States of layers that are never trained: computed once a fit, and held as rows."""

import numpy as np
import tensorflow as tf

from skattn.engine._batches import PRETRAINED_BATCHES, filled_up, prediction_batches
from skattn.engine._rows import StateRows


def with_kept_states(rows, frozen, max_bytes):
    """The rows with the states of the frozen layers, or as they are where those are too many.

    Equal texts share their states.

    Parameters
    ----------
    rows : TokenRows
    frozen : object
        With ``states(ids)``, ``n_special`` and ``width``.
    max_bytes : int
        The most that the states may take.
    """
    hashes = rows.hashes()
    _, first, place = np.unique(hashes, return_index=True, return_inverse=True)
    lengths = rows.lengths[first] + frozen.n_special
    ends = np.cumsum(lengths)
    if ends[-1] * frozen.width * np.float16().nbytes > max_bytes:
        return rows
    starts = (ends - lengths).astype(np.int32)
    compute = compiled(frozen.states, [tf.TensorSpec([None, None], tf.int32)])
    states = np.empty((ends[-1], frozen.width), dtype=np.float16)
    for numbers in prediction_batches(rows.lengths[first], hashes[first], *PRETRAINED_BATCHES):
        ids = rows.batch(filled_up(first[numbers]))
        part = compute(tf.convert_to_tensor(ids)).numpy()[: len(numbers)]
        columns = np.arange(part.shape[1])
        inside = columns < lengths[numbers][:, None]
        states[(starts[numbers][:, None] + columns)[inside]] = part[inside]
    return StateRows(rows, states, starts[place])


def compiled(function, signature):
    """The function as a graph, traced here and now.

    A `tf.function` that is traced when it is first called would make TensorFlow warn of retracing
    once several networks were built.
    """
    graph = tf.function(function, input_signature=signature, autograph=False)
    return graph.get_concrete_function()
