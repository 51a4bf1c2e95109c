"""Rows, targets and plan as variables inside the graph, and batches gathered from them."""

import contextlib

import numpy as np
import tensorflow as tf
from scipy import sparse

from skattn.engine._rows import DenseRows, SparseAsDenseRows, SparseRows, StateRows, TokenRows

WIDTH_STEP = 8  # in tokens
PRETRAINED_WIDTH_STEP = 2  # there a padded token costs more than compiling for another width


class ResidentRows:
    """Rows, targets and plan as variables with a free first dimension, and batches of them."""

    def __init__(self, kind, multilabel, input_shape, frozen=None):
        self.kind, self.frozen = kind, frozen
        self.width = None if frozen else input_shape[-1]
        dtypes = {
            "tokens": [tf.int32, tf.int32],
            "dense": [tf.float32],
            "sparse": [tf.float32, tf.int32, tf.int32],
        }[kind]
        self.arrays = [_free_variable(dtype, 2 if kind == "dense" else 1) for dtype in dtypes]
        if frozen:  # the states of their texts, and where each text's begin
            self.arrays += [_free_variable(tf.float16, 2), _free_variable(tf.int32, 1)]
        self.keeps_states = False
        self.targets = _free_variable(*((tf.float32, 2) if multilabel else (tf.int32, 1)))
        self.rates = _free_variable(tf.float32, 1)  # of the steps, with a schedule
        self.plan = [_free_variable(d, 1) for d in (tf.int32, tf.int32, tf.float32, tf.float32)]

    @property
    def spec(self):
        """What the network takes: the type of one batch."""
        if self.kind == "tokens":
            return tf.TensorSpec([None, None], tf.int32)
        kind = tf.TensorSpec if self.kind == "dense" else tf.SparseTensorSpec
        return kind([None, self.width], tf.float32)

    def load(self, rows, y):
        """Hold these rows; a batch can be gathered once a plan is set."""
        self.keeps_states = isinstance(rows, StateRows)
        for variable, array in zip(self.arrays, rows.arrays(), strict=not self.frozen):
            variable.assign(array)
        self.targets.assign(np.asarray(y, dtype=self.targets.dtype.as_numpy_dtype))

    @contextlib.contextmanager
    def put_aside(self):
        """Inside, other rows may be held; afterwards, those of now and their plan are back."""
        held = [(variable, variable.read_value()) for variable in self._variables()]
        kept = self.keeps_states
        try:
            yield
        finally:
            self.keeps_states = kept
            for variable, value in held:
                variable.assign(value)

    def set_plan(self, plan):
        """Follow this plan from now on."""
        for variable, array in zip(self.plan, plan, strict=True):
            variable.assign(array)

    def clear(self):
        """Let go of everything held."""
        for variable in self._variables():
            variable.assign(np.zeros([0] * variable.shape.rank, variable.dtype.as_numpy_dtype))

    def _variables(self):
        return [*self.arrays, self.targets, self.rates, *self.plan]

    def batch(self, step):
        """Features, targets, weights and number of rows of one batch, inside the graph."""
        rows, bounds, weights, sizes = self.plan
        start, stop = tf.gather(bounds, step), tf.gather(bounds, step + 1)
        rows = rows[start:stop]
        gather = {"tokens": self._tokens, "dense": self._dense, "sparse": self._sparse}[self.kind]
        features = self._states(rows) if self.frozen else gather(rows)
        return features, tf.gather(self.targets, rows), weights[start:stop], sizes[step]

    def _dense(self, rows):
        return tf.ensure_shape(tf.gather(self.arrays[0], rows), [None, self.width])

    def _tokens(self, rows):
        tokens, offsets = self.arrays[:2]
        step = PRETRAINED_WIDTH_STEP if self.frozen else WIDTH_STEP
        places, inside = _places(offsets, rows, step)
        return tf.where(inside, tf.gather(tokens, tf.where(inside, places, 0)), 0)

    def _states(self, rows):
        """Token ids, and the states of the frozen layers for them."""
        ids = self._tokens(rows)
        if not self.keeps_states:
            return with_states(self.frozen, ids)
        states, starts = self.arrays[2:]
        columns = tf.range(tf.shape(ids)[1] + self.frozen.n_special)
        lengths = tf.reduce_sum(tf.cast(ids != 0, tf.int32), axis=1) + self.frozen.n_special
        inside = columns < lengths[:, None]
        places = tf.where(inside, tf.gather(starts, rows)[:, None] + columns, 0)
        states = tf.ensure_shape(tf.gather(states, places), [None, None, self.frozen.width])
        return ids, tf.cast(states, tf.float32)

    def _sparse(self, rows):
        values, columns, offsets = self.arrays
        places, inside = _places(offsets, rows, WIDTH_STEP)
        cells = tf.where(inside)
        kept = tf.boolean_mask(places, inside)
        indices = tf.stack([cells[:, 0], tf.cast(tf.gather(columns, kept), tf.int64)], axis=1)
        shape = tf.stack([tf.size(rows, tf.int64), tf.constant(self.width, tf.int64)])
        return tf.SparseTensor(indices, tf.gather(values, kept), shape)


def _places(offsets, rows, step):
    """Where the entries of each row lie in the flat arrays, and which exist: (batch, width).

    The width is the longest row's, rounded up to a multiple of `step`: for every shape that it
    meets TensorFlow keeps memory and programs of its own.
    """
    starts = tf.gather(offsets, rows)
    lengths = tf.gather(offsets, rows + 1) - starts
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    columns = tf.range(longest + (-longest) % step)
    return starts[:, None] + columns, columns < lengths[:, None]


def with_states(frozen, ids):
    """Token ids, and the states of the frozen layers as the layers above them read them."""
    return ids, tf.cast(frozen.states(ids), tf.float32)


def _free_variable(dtype, rank):
    return tf.Variable(
        np.zeros([0] * rank, dtype.as_numpy_dtype), trainable=False, shape=[None] * rank
    )


def as_rows(x, kind):
    """X as the rows of this kind; rows stay as they are."""
    if isinstance(x, tf.data.Dataset):
        raise TypeError(
            "The network of a fitted classifier reads arrays, not a tf.data.Dataset: pass x, and "
            "to fit and evaluate also y, as arrays."
        )
    if kind == "tokens":
        return x if isinstance(x, TokenRows) else TokenRows.from_ids(np.asarray(x))
    if isinstance(x, DenseRows | SparseRows):
        return x
    if kind == "sparse":
        return SparseRows(x)
    return SparseAsDenseRows(x) if sparse.issparse(x) else DenseRows(x)


def to_tensor(batch):
    """A batch of rows as the tensor that the network takes."""
    if not hasattr(batch, "tocoo"):
        return tf.convert_to_tensor(batch)
    cells = batch.tocoo()
    indices = np.stack([cells.row, cells.col], axis=1).astype(np.int64)
    return tf.SparseTensor(indices, cells.data, batch.shape)
