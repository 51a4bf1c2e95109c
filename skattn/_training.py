"""A Keras model whose rows stay in the graph: fast `fit` and `predict` below Keras's own names."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from skattn._batches import (
    group_equal_rows,
    merge_equal_rows,
    prediction_batches,
    shuffled_batches,
)
from skattn._optimizers import RowAdam
from skattn._rows import DenseRows, SparseRows, TokenRows

STEPS_PER_EXECUTION = 256  # batches in one call of the graph: about a second of work


class FitSettings(NamedTuple):
    """What a fit needs beyond Keras's own arguments."""

    weights: np.ndarray  # (n_rows,) float64, above 0
    held_out: np.ndarray  # row numbers of the validation part, maybe none
    batch_size: int
    seed: int
    first_epoch: int = 0  # epochs that the network was trained before this fit


class ResidentModel(keras.Model):
    """A functional Keras model that trains on rows it holds as variables.

    A batch is a range of the plan that lies in the model: rows are gathered and padded inside
    the graph, and one call of the graph runs many batches. Keras's own `fit` still runs the
    epochs, the validation, the history and the callbacks.
    """

    def setup(self, kind, readouts, multilabel=False):
        """Say what the rows are and what can be read off; returns the model."""
        self._multilabel = multilabel
        self._readouts = readouts
        self._resident = ResidentRows(kind, multilabel, self.input_shape)
        self._read_functions = {}
        self._accuracy_tracker = keras.metrics.Mean(name="accuracy")
        return self

    # -- training ------------------------------------------------------------------------------

    def fit(self, x, y, settings=None, epochs=1, initial_epoch=0, callbacks=None, **keras_options):
        """Keras's `fit` over rows that are held in the graph."""
        rows = as_rows(x, self._resident.kind)
        settings = settings or _plain_settings(len(rows), keras_options)
        plans = _Plans(rows, y, settings)
        schedule = _Schedule(plans, settings.first_epoch - initial_epoch)
        callbacks = [schedule, *(callbacks or [])]
        stride = 1 if any(map(_overrides_batch_hooks, callbacks)) else STEPS_PER_EXECUTION
        self._resident.load(rows, y)
        try:
            return super().fit(
                _step_ranges(0, plans.n_training, stride),
                epochs=epochs,
                initial_epoch=initial_epoch,
                callbacks=callbacks,
                validation_data=plans.held_out_steps(STEPS_PER_EXECUTION),
                shuffle=False,  # the plan shuffles
                verbose=0,
            )
        finally:
            self._resident.clear()

    def train_step(self, steps):
        """Train on the batches `steps[0]` to `steps[1]` of the plan; Keras calls this."""
        loss, _, size = self._sum_over_batches(steps, self._train_on_batch)
        self._loss_tracker.update_state(loss / size, sample_weight=size)
        return {"loss": self._loss_tracker.result()}

    def test_step(self, steps):
        """The weighted loss and accuracy of the batches; Keras calls this."""
        loss, correct, size = self._sum_over_batches(steps, self._test_on_batch)
        self._loss_tracker.update_state(loss / size, sample_weight=size)
        self._accuracy_tracker.update_state(correct / size, sample_weight=size)
        return {m.name: m.result() for m in (self._loss_tracker, self._accuracy_tracker)}

    def _sum_over_batches(self, steps, on_batch):
        def body(step, *totals):
            return step + 1, *(t + n for t, n in zip(totals, on_batch(step), strict=True))

        zero = tf.constant(0.0)
        return tf.while_loop(
            lambda step, *totals: step < steps[1],
            body,
            (steps[0], zero, zero, zero),
            parallel_iterations=1,
        )[1:]

    def _train_on_batch(self, step):
        x, y, weights, size = self._resident.batch(step)
        with tf.GradientTape() as tape:
            answers = self(x, training=True)
            loss = tf.reduce_sum(self._row_losses(y, answers) * weights)
            for penalty in self.losses:
                loss += penalty
        variables = [v.value for v in self.trainable_variables]
        gradients = tape.gradient(loss, variables)
        if type(self.optimizer) is not RowAdam:  # others need one gradient a row of a table
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return loss * size, tf.constant(0.0), size

    def _test_on_batch(self, step):
        x, y, weights, size = self._resident.batch(step)
        answers = self(x, training=False)
        loss = tf.reduce_sum(self._row_losses(y, answers) * weights)
        for penalty in self.losses:
            loss += penalty
        correct = tf.reduce_sum(self._row_correct(y, answers) * weights)
        return loss * size, correct * size, size

    def _row_losses(self, y, answers):
        if self._multilabel:
            return tf.reduce_mean(keras.ops.binary_crossentropy(y, answers), axis=-1)
        return keras.ops.sparse_categorical_crossentropy(y, answers)

    def _row_correct(self, y, answers):
        if self._multilabel:
            correct = tf.reduce_all(tf.equal(answers > 0.5, y > 0.5), axis=-1)
        else:
            correct = tf.equal(tf.argmax(answers, -1, tf.int32), y)
        return tf.cast(correct, tf.float32)

    # -- prediction ----------------------------------------------------------------------------

    def predict(self, x, **keras_options):
        """The probabilities of each row, in the order of the rows."""
        return self.read("probabilities", x)

    def read(self, name, x):
        """One of the model's readouts for each row, in the order of the rows.

        A readout with a time axis is padded on the right with 0 to the longest row.
        """
        if name not in self._read_functions:
            self._read_functions[name] = self._compile_readout(name)
        read = self._read_functions[name]
        return self._in_order(x, lambda batch, _: read(to_tensor(batch)))

    def gradient_times_input(self, x, outputs):
        """For each token, its embedding times the gradient of the output of its row.

        The gradient is that of the probability numbered `outputs[i]` for row `i`.
        """
        if "gradient" not in self._read_functions:
            self._read_functions["gradient"] = self._compile_gradient()
        function = self._read_functions["gradient"]
        outputs = np.asarray(outputs, dtype=np.int32)
        return self._in_order(x, lambda batch, rows: function(to_tensor(batch), outputs[rows]))

    def _in_order(self, x, answer):
        rows = as_rows(x, self._resident.kind)
        parts = [
            (numbers, answer(rows.batch(numbers), numbers).numpy())
            for numbers in prediction_batches(rows.lengths, rows.hashes())
        ]
        width = max(part.shape[1] for _, part in parts)
        answers = np.zeros((len(rows), width), dtype=np.float32)
        for numbers, part in parts:
            answers[numbers, : part.shape[1]] = part
        return answers

    def _compile_readout(self, name):
        readout = keras.Model(self.inputs, self._readouts[name])
        spec = self._resident.spec
        return tf.function(lambda x: readout(x, training=False), input_signature=[spec])

    def _compile_gradient(self):
        table = self.get_layer("embedding").embeddings.value

        def gradient_times_input(ids, outputs):
            with tf.GradientTape() as tape:
                tape.watch(table)
                answers = self(ids, training=False)
                chosen = tf.reduce_sum(tf.gather(answers, outputs, batch_dims=1))
            gradient = tape.gradient(chosen, table)  # one slice a token, in their order
            each = tf.reduce_sum(gradient.values * tf.gather(table, gradient.indices), axis=-1)
            each = tf.reshape(each, [tf.shape(ids)[0], -1])[:, : tf.shape(ids)[1]]
            return each * tf.cast(ids != 0, tf.float32)

        signature = [self._resident.spec, tf.TensorSpec([None], tf.int32)]
        return tf.function(gradient_times_input, input_signature=signature)


class ResidentRows:
    """Rows, targets and plan as variables with a free first dimension, and batches of them."""

    def __init__(self, kind, multilabel, input_shape):
        self.kind = kind
        self.width = input_shape[-1]
        dtypes = {
            "tokens": [tf.int32, tf.int32],
            "dense": [tf.float32],
            "sparse": [tf.float32, tf.int32, tf.int32],
        }[kind]
        self.arrays = [_free_variable(dtype, 2 if kind == "dense" else 1) for dtype in dtypes]
        self.targets = _free_variable(*((tf.float32, 2) if multilabel else (tf.int32, 1)))
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
        for variable, array in zip(self.arrays, rows.arrays(), strict=True):
            variable.assign(array)
        self.targets.assign(np.asarray(y, dtype=self.targets.dtype.as_numpy_dtype))

    def set_plan(self, plan):
        """Follow this plan from now on."""
        for variable, array in zip(self.plan, plan, strict=True):
            variable.assign(array)

    def clear(self):
        """Let go of everything held."""
        for variable in [*self.arrays, self.targets, *self.plan]:
            variable.assign(np.zeros([0] * variable.shape.rank, variable.dtype.as_numpy_dtype))

    def batch(self, step):
        """Features, targets, weights and number of rows of one batch, inside the graph."""
        rows, bounds, weights, sizes = self.plan
        start, stop = tf.gather(bounds, step), tf.gather(bounds, step + 1)
        rows = rows[start:stop]
        gather = {"tokens": self._tokens, "dense": self._dense, "sparse": self._sparse}[self.kind]
        return gather(rows), tf.gather(self.targets, rows), weights[start:stop], sizes[step]

    def _dense(self, rows):
        return tf.ensure_shape(tf.gather(self.arrays[0], rows), [None, self.width])

    def _tokens(self, rows):
        tokens, offsets = self.arrays
        places, inside = _places(offsets, rows)
        return tf.where(inside, tf.gather(tokens, tf.where(inside, places, 0)), 0)

    def _sparse(self, rows):
        values, columns, offsets = self.arrays
        places, inside = _places(offsets, rows)
        cells = tf.where(inside)
        kept = tf.boolean_mask(places, inside)
        indices = tf.stack([cells[:, 0], tf.cast(tf.gather(columns, kept), tf.int64)], axis=1)
        shape = tf.stack([tf.size(rows, tf.int64), tf.constant(self.width, tf.int64)])
        return tf.SparseTensor(indices, tf.gather(values, kept), shape)


def _places(offsets, rows):
    """Where the entries of each row lie in the flat arrays: (batch, longest), and which exist."""
    starts = tf.gather(offsets, rows)
    lengths = tf.gather(offsets, rows + 1) - starts
    columns = tf.range(tf.maximum(tf.reduce_max(lengths), 1))
    return starts[:, None] + columns, columns < lengths[:, None]


def _free_variable(dtype, rank):
    return tf.Variable(
        np.zeros([0] * rank, dtype.as_numpy_dtype), trainable=False, shape=[None] * rank
    )


class _Plans:
    """The plan of each epoch: shuffled training batches, then the held-out part's."""

    def __init__(self, rows, y, settings):
        self.settings = settings
        self.training = np.setdiff1d(np.arange(len(rows)), settings.held_out)
        self.lengths = rows.lengths
        self.groups = group_equal_rows(rows.lengths, rows.hashes(), _label_numbers(y))
        self.n_training = _count_batches(len(self.training), settings.batch_size)
        self.held_out = self._plan(settings.held_out, rng=None) if len(settings.held_out) else None

    def epoch(self, number):
        """The plan of an epoch, from the seed and its number alone."""
        rng = np.random.default_rng([self.settings.seed, number])
        plan = self._plan(self.training, rng)
        return plan.joined(self.held_out) if self.held_out else plan

    def held_out_steps(self, stride):
        """The held-out batches as Keras's validation data, None without any."""
        if self.held_out is None:
            return None
        stop = self.n_training + len(self.held_out.sizes)
        return _step_ranges(self.n_training, stop, stride)

    def _plan(self, numbers, rng):
        rng = rng or np.random.default_rng(0)
        order, bounds = shuffled_batches(self.lengths[numbers], self.settings.batch_size, rng)
        return merge_equal_rows(numbers[order], bounds, self.groups, self.settings.weights)


class _Schedule(keras.callbacks.Callback):
    """Sets the plan and the dropout's seeds of each epoch, from the seed and its number alone."""

    def __init__(self, plans, shift):
        super().__init__()
        self.plans, self.shift = plans, shift

    def on_epoch_begin(self, epoch, logs=None):
        number = epoch + self.shift
        self.model._resident.set_plan(self.plans.epoch(number))
        for place, layer in enumerate(self.model.layers):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                seed = [self.plans.settings.seed, number, place]
                generator.state.assign(np.random.SeedSequence(seed).generate_state(2))


def as_rows(x, kind):
    """X as the rows of this kind; rows stay as they are."""
    if kind == "tokens":
        return x if isinstance(x, TokenRows) else TokenRows.from_ids(np.asarray(x))
    wanted = DenseRows if kind == "dense" else SparseRows
    return x if isinstance(x, wanted) else wanted(x)


def to_tensor(batch):
    """A batch of rows as the tensor that the network takes."""
    if not hasattr(batch, "tocoo"):
        return tf.convert_to_tensor(batch)
    cells = batch.tocoo()
    indices = np.stack([cells.row, cells.col], axis=1).astype(np.int64)
    return tf.SparseTensor(indices, cells.data, batch.shape)


def _plain_settings(n_rows, keras_options):
    """Settings for a caller who knows only Keras's arguments."""
    weights = keras_options.get("sample_weight")
    return FitSettings(
        weights=np.ones(n_rows) if weights is None else np.asarray(weights, dtype=np.float64),
        held_out=np.empty(0, dtype=np.int64),
        batch_size=keras_options.get("batch_size") or 32,
        seed=0,
    )


def _step_ranges(start, stop, stride):
    """A data set of pairs (first batch, batch after the last)."""
    starts = np.arange(start, stop, stride, dtype=np.int32)
    return tf.data.Dataset.from_tensor_slices(
        np.stack([starts, np.minimum(starts + stride, stop)], axis=1).astype(np.int32)
    )


def _count_batches(n_rows, batch_size):
    return -(-n_rows // batch_size)


def _label_numbers(y):
    y = np.asarray(y)
    return y if y.ndim == 1 else np.unique(y, axis=0, return_inverse=True)[1].ravel()


def _overrides_batch_hooks(callback):
    """Whether a callback wants to be called at every batch."""
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    base = keras.callbacks.Callback
    return any(
        hook in vars(callback) or getattr(type(callback), hook) is not getattr(base, hook)
        for hook in hooks
    )
