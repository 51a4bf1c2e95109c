"""A Keras model that trains on rows held in its graph."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from skattn.engine._batches import (
    PRETRAINED_BATCHES,
    TEXT_BATCHES,
    filled_up,
    prediction_batches,
)
from skattn.engine._epochs import (
    STEPS,
    Plans,
    Schedule,
    know_direction,
    overrides_batch_hooks,
    plain_settings,
    step_ranges,
)
from skattn.engine._frozen_states import compiled, with_kept_states
from skattn.engine._resident_rows import ResidentRows, as_rows, to_tensor, with_states
from skattn.engine._row_adam import RowAdam
from skattn.engine._stages import COMPILATION, clock, stage
from skattn.engine._threads import two_at_once

_OF_FIT = {"sample_weight", "batch_size", "verbose"}
_OF_EVALUATE = {"return_dict", "verbose"}
STEPS_PER_EXECUTION = 256  # batches in one call of the graph: about a second of work
_NOTHING = np.zeros(3, dtype=np.float32)


@keras.saving.register_keras_serializable(package="skattn")
class ResidentModel(keras.Model):
    """A functional Keras model that trains on rows it holds as variables.

    A batch is a range of the plan that lies in the model: rows are gathered and padded inside
    the graph, and one call of the graph runs many batches. Keras's own `fit` still runs the
    epochs, the validation, the history and the callbacks.
    """

    def setup(
        self,
        kind,
        readouts,
        multilabel=False,
        label_smoothing=0.0,
        scheduled=False,
        frozen=None,
    ):
        """Say what the rows are, what can be read off and how to train; returns the model.

        With `frozen`, layers below the model that are never trained, the model reads token ids
        and the states that those layers have for them.
        """
        self._multilabel, self._label_smoothing = multilabel, label_smoothing
        self._scheduled = scheduled  # whether the training sets the rate of each step
        self._readouts = readouts
        self._resident = ResidentRows(kind, multilabel, self.input_shape, frozen)
        self.frozen = frozen
        self._read_functions, self._test_without_states = {}, None
        self._totals = tf.Variable(_NOTHING, trainable=False)  # loss, correct rows, all rows
        return self

    def start_optimizer(self):
        """Build the optimizer's variables, and remember what they begin with."""
        self.optimizer.build(self.trainable_variables)
        self._optimizer_start = [_constant(v.numpy()) for v in self.optimizer.variables]

    def reset_optimizer(self):
        """Set moments and steps back to what they began with, and keep the learning rate."""
        for variable, start in zip(self.optimizer.variables, self._optimizer_start, strict=True):
            if variable is not getattr(self.optimizer, "_learning_rate", None):
                variable.assign(np.broadcast_to(start, variable.shape))

    # -- files: a plain functional model, which Keras can load -----------------------------------

    def save(self, filepath, *args, **keras_options):
        """Save a plain functional model with these layers and weights, without an optimizer."""
        keras.Model(self.inputs, self.outputs, name=self.name).save(
            filepath, *args, **keras_options
        )

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A plain functional model, where other code of Keras's saves or copies this one."""
        return keras.Model.from_config(config, custom_objects)

    # -- training ------------------------------------------------------------------------------

    def fit(self, x, y, settings=None, epochs=1, initial_epoch=0, callbacks=None, **keras_options):
        """Keras's `fit` over rows that are held in the graph."""
        rows = as_rows(x, self._resident.kind)
        if settings is None:
            shuffled = keras_options.pop("shuffle", True)
            _refuse_others(keras_options if shuffled else {"shuffle": False}, _OF_FIT)
            settings = plain_settings(len(rows), keras_options)
        if self.frozen:
            with stage("frozen layers"):
                rows = with_kept_states(rows, self.frozen, settings.max_state_bytes)
        plans = Plans(rows, y, settings)
        schedule = Schedule(plans, settings.first_epoch + settings.n_done - initial_epoch)
        callbacks = [schedule, *map(know_direction, callbacks or [])]
        stride = 1 if any(map(overrides_batch_hooks, callbacks)) else STEPS_PER_EXECUTION
        if (timer := clock()) is not None:
            callbacks.append(timer)
        steps = step_ranges(0, plans.n_training, stride)
        self._load(rows, y)
        try:
            return super().fit(
                steps,
                steps_per_epoch=len(steps),  # otherwise Keras makes two iterators an epoch
                epochs=epochs,
                initial_epoch=initial_epoch,
                callbacks=callbacks,
                validation_data=plans.held_out_steps(STEPS_PER_EXECUTION),
                shuffle=False,  # the plan shuffles
                verbose=0,
            )
        finally:
            self._resident.clear()

    def evaluate(self, x=None, y=None, sample_weight=None, batch_size=None, **keras_options):
        """Loss and accuracy on these rows; `y` as `fit` takes it, the numbers of the classes.

        Returns
        -------
        list of float, or dict of str to float with ``return_dict=True``
        """
        if getattr(x, "element_spec", None) == STEPS:  # Keras's `fit` asks, for held-out rows
            return super().evaluate(x, **keras_options)
        _refuse_others(keras_options, _OF_EVALUATE)
        rows = as_rows(x, self._resident.kind)
        if len(rows) != len(y):
            raise ValueError(f"x has {len(rows)} rows, but y has {len(y)} targets.")
        given = {"sample_weight": sample_weight, "batch_size": batch_size}
        settings = plain_settings(len(rows), given)._replace(held_out=np.arange(len(rows)))
        plans = Plans(rows, y, settings)
        with self._put_aside():
            self._load(rows, y)
            self._resident.set_plan(plans.held_out)
            steps = plans.held_out_steps(STEPS_PER_EXECUTION)
            found = super().evaluate(steps, verbose=0, return_dict=True)
        found = {name: found[name] for name in self.metrics_names}
        return found if keras_options.get("return_dict") else list(found.values())

    @contextlib.contextmanager
    def _put_aside(self):
        """Inside, other rows may be held, even if a callback asks in the middle of a fit."""
        of_fit, kept = self.test_function, self._resident.keeps_states
        totals = self._totals.numpy()
        with self._resident.put_aside():
            if kept:  # those rows have no kept states, so another function reads them
                self.test_function = self._test_without_states
                self._resident.keeps_states = False
            try:
                yield
            finally:
                self._totals.assign(totals)
                if kept:
                    self._test_without_states, self.test_function = self.test_function, of_fit

    def _load(self, rows, y):
        kept = self._resident.keeps_states
        self._resident.load(rows, y)
        if kept != self._resident.keeps_states:
            self.train_function = self.test_function = None  # they gather states, or compute them

    def train_on_batch(self, *args, **keras_options):
        """Refuse: rows are loaded for a whole fit."""
        raise NotImplementedError(
            "This model trains on rows that it holds: use fit(x, y, epochs=1), or partial_fit of "
            "the estimator."
        )

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """As `evaluate`."""
        return self.evaluate(x, y, sample_weight, return_dict=return_dict)

    def make_train_function(self, force=False):
        """Compile `train_step`; Keras calls this."""
        if force or self.train_function is None:
            with stage(COMPILATION):
                self.train_function = _compile_steps(self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        """Compile `test_step`; Keras calls this."""
        if force or self.test_function is None:
            with stage(COMPILATION):
                self.test_function = _compile_steps(self.test_step)
        return self.test_function

    def train_step(self, steps):
        """Train on the batches `steps[0]` to `steps[1]` of the plan; Keras calls this."""
        loss, _ = self._mean_over_batches(steps, self._train_on_batch)
        return {"loss": loss}

    def test_step(self, steps):
        """The weighted loss and accuracy of the batches; Keras calls this."""
        loss, accuracy = self._mean_over_batches(steps, self._test_on_batch)
        return {"loss": loss, "accuracy": accuracy}

    @property
    def metrics(self):
        """No metric for Keras to reset and read by itself at every epoch: the steps return all."""
        return []

    @property
    def metrics_names(self):
        """What `evaluate` gives, in this order."""
        return ["loss", "accuracy"]

    def reset_metrics(self):
        """Begin the means of an epoch; Keras calls this."""
        self._totals.assign(_NOTHING)

    def _mean_over_batches(self, steps, on_batch):
        """Loss and accuracy of all batches since `reset_metrics`."""

        def body(step, *totals):
            return step + 1, *(t + n for t, n in zip(totals, on_batch(step), strict=True))

        zero = tf.constant(0.0)
        totals = tf.while_loop(
            lambda step, *totals: step < steps[1],
            body,
            (steps[0], zero, zero, zero),
            parallel_iterations=1,
        )[1:]
        loss, correct, size = tf.unstack(self._totals.assign_add(tf.stack(totals)))
        return loss / size, correct / size

    def _train_on_batch(self, step):
        x, y, weights, size = self._resident.batch(step)
        with tf.GradientTape() as tape:
            answers = self(x, training=True)
            loss = tf.reduce_sum(self._row_losses(y, answers, self._label_smoothing) * weights)
            for penalty in self.losses:
                loss += penalty
            scaled = self.optimizer.scale_loss(loss)  # the optimizer divides the gradients
        variables = [v.value for v in self.trainable_variables]
        gradients = tape.gradient(scaled, variables)
        if type(self.optimizer) is not RowAdam:  # others need one gradient a row of a table
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        if self._scheduled:
            self.optimizer.learning_rate.assign(tf.gather(self._resident.rates, step))
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

    def _row_losses(self, y, answers, smoothing=0.0):
        if self._multilabel:
            y = y * (1.0 - smoothing) + 0.5 * smoothing
            return tf.reduce_mean(keras.ops.binary_crossentropy(y, answers), axis=-1)
        if not smoothing:
            return keras.ops.sparse_categorical_crossentropy(y, answers)
        n_classes = answers.shape[-1]
        smooth = tf.one_hot(y, n_classes) * (1.0 - smoothing) + smoothing / n_classes
        return keras.ops.categorical_crossentropy(smooth, answers)

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

    def predict_on_batch(self, x):
        """As `predict`."""
        return self.predict(x)

    def read(self, name, x):
        """One of the model's readouts for each row, in the order of the rows.

        A readout with a time axis is padded on the right with 0, to the longest row or beyond.
        """
        return self._read(name, [name], x)[0]

    def read_answers(self, x):
        """All readouts named in `answers` for each row, by name, in one pass."""
        return dict(zip(self.answers, self._read("answers", self.answers, x), strict=True))

    @property
    def answers(self):
        """Names of the readouts, without those that are as large as the states of a text."""
        return [name for name in self._readouts if name not in ("embedded", "lower", "states")]

    def gradient_times_input(self, x, outputs):
        """For each token, its embedding times the gradient of the output of its row.

        The gradient is that of the probability numbered `outputs[i]` for row `i`.
        """
        if "gradient" not in self._read_functions:
            self._read_functions["gradient"] = self._compile_gradient()
        function = self._read_functions["gradient"]
        outputs = np.asarray(outputs, dtype=np.int32)
        (found,) = self._in_order(
            x, lambda batch, rows: [function(to_tensor(batch), outputs[rows])]
        )
        return found

    def readout_width(self, name):
        """The last dimension of one of the readouts."""
        return int(self._readouts[name].shape[-1])

    def _read(self, key, names, x):
        if key not in self._read_functions:
            self._read_functions[key] = self._compile_readouts(names)
        read = self._read_functions[key]
        return self._in_order(x, lambda batch, _: read(to_tensor(batch)))

    def by_batches(self, x, work, run=map):
        """Let `work` read the rows in batches, which are the same in any order of the rows.

        Parameters
        ----------
        x : array, or rows
        work : callable
            Called with the numbers of the rows of a batch, the last one repeated (see `filled_up`),
            and with these rows as an array.
        run : callable, default=map
            What calls it for all batches, such as `two_at_once`.

        Returns
        -------
        list of (numbers, result)
            The numbers of the rows of each batch, and what `work` made of them.
        """
        rows = as_rows(x, self._resident.kind)
        limits = ()  # rows of features need no padding
        if rows.kind == "tokens":
            limits = PRETRAINED_BATCHES if self.frozen else TEXT_BATCHES
        if len(rows) == 1:  # there is nothing to put in order
            batches = [np.zeros(1, dtype=int)]
        else:
            batches = [*prediction_batches(rows.lengths, rows.hashes(), *limits)]
        batches.reverse()  # the longest first
        filled = map(filled_up, batches)
        results = run(lambda numbers: work(numbers, rows.batch(numbers)), filled)
        return list(zip(batches, results, strict=True))

    def _in_order(self, x, answer):
        """Call `answer` with each batch and the numbers of its rows; its arrays, for all rows."""
        parts = self.by_batches(
            x,
            lambda numbers, batch: [part.numpy() for part in answer(batch, numbers)],
            map if self.frozen else two_at_once,  # a transformer keeps all cores busy
        )
        return [put_together(parts, place) for place in range(len(parts[0][1]))]

    def _compile_readouts(self, names):
        outputs = [self._readouts[name] for name in names]
        readout = keras.Model(self.inputs, outputs, dtype="float32")
        spec = self._resident.spec
        return compiled(
            lambda x: tf.nest.flatten(readout(self._features(x), training=False)), [spec]
        )

    def _features(self, x):
        """What the network reads of a batch of rows."""
        return with_states(self.frozen, x) if self.frozen else x

    def _compile_gradient(self):
        function = self._gradient_at_words if self.frozen else self._gradient_at_table()
        return compiled(function, [self._resident.spec, tf.TensorSpec([None], tf.int32)])

    def _gradient_at_words(self, ids, outputs):
        words, first = self.frozen.words(ids), self.frozen.n_before
        with tf.GradientTape() as tape:
            tape.watch(words)
            answers = self((ids, self.frozen.encode(ids, words)), training=False)
            chosen = tf.reduce_sum(tf.gather(answers, outputs, batch_dims=1))
        each = tf.reduce_sum(tape.gradient(chosen, words) * words, axis=-1)
        return each[:, first : first + tf.shape(ids)[1]] * tf.cast(ids != 0, tf.float32)

    def _gradient_at_table(self):
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

        return gradient_times_input


def put_together(parts, place):
    """One array of what the batches gave, padded with 0 to the widest.

    Parameters
    ----------
    parts : list of (numbers of rows, arrays or dict of arrays)
        As `ResidentModel.by_batches` gives them; the arrays may have more rows.
    place : int or str
        Of the array to put together.
    """
    parts = [(numbers, found[place]) for numbers, found in parts]
    n_rows = sum(len(numbers) for numbers, _ in parts)
    width = max(part.shape[1] for _, part in parts)
    whole = np.zeros((n_rows, width, *parts[0][1].shape[2:]), dtype=np.float32)
    for numbers, part in parts:
        whole[numbers, : part.shape[1]] = part[: len(numbers)]
    return whole


def _constant(values):
    """One number where all are the same, so that nothing as large as the weights is kept."""
    first = values.ravel()[:1]
    return first[0] if values.size and np.all(values == first) else values


def _compile_steps(on_steps):
    """What Keras calls with its iterator: run the next range of batches."""
    run = compiled(on_steps, [STEPS])
    return lambda iterator: run(next(iterator))


def _refuse_others(keras_options, used):
    if others := sorted(set(keras_options) - used):
        raise TypeError(
            f"These options of Keras have no effect here: {', '.join(others)}. Use the parameters "
            "of the estimator."
        )
