"""The fast path against loops written by hand, and what it must not change."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.engine import _model
from skattn.engine._epochs import FitSettings, Plans
from skattn.engine._resident_rows import as_rows
from skattn.engine._rows import DenseRows
from skattn.networks._weights import reset_optimizer
from skattn.utils._targets import Targets, hold_out

AT_IMPORT = re.compile(
    r"WARNING: All log messages before absl|[IWE]0000 |\d{4}-\d\d-\d\d .*: [IWE] "
)
NOTHING = np.empty(0, dtype=np.int64)


def settings_for(n_rows, **changes):
    defaults = {"weights": np.ones(n_rows), "held_out": NOTHING, "batch_size": 8, "seed": 5}
    return FitSettings(**defaults | changes)


def fitted(kind, X, y, **parameters):
    """An estimator after one epoch, whose network is trained further by the tests."""
    return kind(epochs=1, random_state=0, **parameters).fit(X, y)


def batches_of_epochs(kind, X, y, settings, n_epochs):
    """Row numbers of each batch of each epoch, one entry a row."""
    plans = Plans(as_rows(X, kind), y, settings)
    for number in range(n_epochs):
        plan = plans.epoch(number)
        yield from np.split(plan.rows, plan.bounds[1:-1])


def assert_same_weights(one, two, **tolerances):
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **tolerances)


def train_by_hand(model, optimizer, batches, inputs, y):
    """Keras's documented custom loop: mean cross-entropy over each batch."""
    loss_of = keras.losses.SparseCategoricalCrossentropy()
    for rows in batches:
        with tf.GradientTape() as tape:
            loss = loss_of(y[rows], model(inputs(rows), training=True))
            loss += sum(model.losses)
        variables = model.trainable_variables
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))


# -- the same as a plain loop ----------------------------------------------------------------------


def plain_gated_network(n_features, units, l2):
    """The gated network as a Keras user writes it."""
    penalty = keras.regularizers.L2(l2)
    features = keras.Input((n_features,))
    hidden = keras.layers.Dense(units, "relu", kernel_regularizer=penalty)(features)
    gate = keras.layers.Dense(units, "sigmoid")(hidden)
    gated = keras.layers.Multiply()([hidden, gate])
    answers = keras.layers.Dense(3, "softmax", kernel_regularizer=penalty)(gated)
    return keras.Model(features, answers)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
def test_dense_rows_train_as_in_a_loop_by_hand(dense_rows, optimizer):
    X, y = dense_rows
    clf = fitted(GatedDenseClassifier, X, y, units=6, l2=0.01, optimizer=optimizer)
    plain = plain_gated_network(5, 6, l2=0.01)
    model = clf.model_
    plain.set_weights(model.get_weights())
    by_hand = keras.optimizers.get(optimizer)
    by_hand.learning_rate = 1e-3
    if optimizer == "adamw":  # biases do not decay here
        by_hand.exclude_from_weight_decay(var_names=["bias"])
    settings = settings_for(len(X))
    reset_optimizer(model)
    model.fit(X, y, settings=settings, epochs=4)
    train_by_hand(plain, by_hand, batches_of_epochs("dense", X, y, settings, 4), X.__getitem__, y)
    assert_same_weights(model, plain, atol=2e-6)


@pytest.mark.slow
def test_dense_rows_train_as_in_keras_fit(dense_rows):
    X, y = dense_rows
    clf = fitted(GatedDenseClassifier, X, y, units=6)
    plain = plain_gated_network(5, 6, l2=0.0)
    plain.set_weights(clf.model_.get_weights())
    plain.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    plain.fit(X, y, batch_size=len(X), epochs=5, shuffle=False, verbose=0)
    clf.set_params(optimizer="sgd", learning_rate=0.1)
    other = fitted(GatedDenseClassifier, X, y, units=6, optimizer="sgd", learning_rate=0.1)
    other.model_.set_weights(clf.model_.get_weights())
    other.model_.fit(X, y, batch_size=len(X), epochs=5)
    assert_same_weights(other.model_, plain, atol=1e-6)


def test_sparse_rows_train_as_dense_ones(dense_rows):
    X, y = dense_rows
    X = X * (np.abs(X) > 0.5)  # some zeros, and sgd: Adam is lazy on the rows of a sparse layer
    parameters = {"units": 6, "optimizer": "sgd", "learning_rate": 0.1, "l2": 0.01}
    parameters |= {"epochs": 5, "batch_size": len(X), "random_state": 0}
    dense = GatedDenseClassifier(**parameters).fit(X, y)
    thin = GatedDenseClassifier(**parameters).fit(sparse.csr_array(X), y)
    assert thin._fitted.model._resident.kind == "sparse"
    assert_same_weights(thin._fitted.model, dense._fitted.model, atol=1e-5)
    np.testing.assert_allclose(
        thin.predict_proba(sparse.csr_array(X)), dense.predict_proba(X), atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("frozen_with_adam", [True, False])
def test_texts_train_as_in_a_loop_by_hand(texts_as_ids, frozen_with_adam):
    X, labels = texts_as_ids
    X = X.copy()
    X[:, 0], X[:, 1] = 2 + np.arange(60) % 28, 2 + np.arange(60) // 28  # no two rows are equal
    y = (labels == "odd").astype(np.int32)
    optimizer, rate = ("adam", 0.05) if frozen_with_adam else ("sgd", 0.5)  # a lazy Adam there
    parameters = {"units": 4, "embedding_dim": 4, "optimizer": optimizer, "learning_rate": rate}
    clf = fitted(
        AttentionTextClassifier, X, y, embedding_trainable=not frozen_with_adam, **parameters
    )
    plain = fitted(
        AttentionTextClassifier, X, y, embedding_trainable=not frozen_with_adam, **parameters
    )
    model, plain = clf.model_, plain.model_
    by_hand = keras.optimizers.get(optimizer)
    by_hand.learning_rate = rate
    settings = settings_for(len(X))
    reset_optimizer(model)
    before = model.get_weights()
    model.fit(X, y, settings=settings, epochs=2)

    def padded(rows):  # as wide as all texts: padding must not count
        return tf.constant(X[rows])

    train_by_hand(plain, by_hand, batches_of_epochs("tokens", X, y, settings, 2), padded, y)
    assert_same_weights(model, plain, atol=2e-5)
    moved = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
    assert max(moved[1:]) > 0.05
    assert (moved[0] == 0) == frozen_with_adam


@pytest.mark.slow
@pytest.mark.parametrize("stride", [1, 3])
def test_how_many_batches_one_call_runs_changes_no_bit(dense_rows, monkeypatch, stride):
    X, y = dense_rows
    parameters = {"units": 6, "batch_size": 8, "epochs": 3, "random_state": 0, "dropout": 0.2}
    parameters |= {"validation_fraction": 0.4}
    one = GatedDenseClassifier(**parameters).fit(X, y)
    monkeypatch.setattr(_model, "STEPS_PER_EXECUTION", stride)
    other = GatedDenseClassifier(**parameters).fit(X, y)
    assert_same_weights(one._fitted.model, other._fitted.model, rtol=0)
    np.testing.assert_allclose(one.history_["val_loss"], other.history_["val_loss"], rtol=1e-6)


# -- callbacks at every batch ----------------------------------------------------------------------


class CountBatches(keras.callbacks.Callback):
    calls = []

    def on_train_batch_end(self, batch, logs=None):
        type(self).calls.append((batch, logs["loss"]))


def test_a_hook_for_every_batch_is_called_at_every_batch(dense_rows):
    X, y = dense_rows
    parameters = {"units": 6, "batch_size": 8, "epochs": 2, "random_state": 0}
    CountBatches.calls.clear()
    plain = GatedDenseClassifier(**parameters).fit(X, y)
    hooked = GatedDenseClassifier(callbacks=[CountBatches()], **parameters).fit(X, y)
    assert [batch for batch, _ in CountBatches.calls] == [*range(12), *range(12)]
    assert all(np.isfinite(loss) for _, loss in CountBatches.calls)
    assert_same_weights(plain._fitted.model, hooked._fitted.model, rtol=0)


def test_a_lambda_for_every_batch_is_called_at_every_batch(dense_rows):
    X, y = dense_rows
    calls = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: calls.append(batch)
    )
    GatedDenseClassifier(units=6, batch_size=30, epochs=2, callbacks=[callback]).fit(X, y)
    assert calls == [0, 1, 2, 0, 1, 2]


# -- what the history says -------------------------------------------------------------------------


def cross_entropy(classifier, X, y, weights=None):
    chosen = classifier.predict_proba(X)[np.arange(len(y)), y]
    return np.average(-np.log(np.float64(chosen)), weights=weights)


def test_the_loss_is_the_mean_over_the_rows(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=6, epochs=2, batch_size=32, learning_rate=1e-12).fit(X, y)
    assert clf.history_["loss"] == pytest.approx([cross_entropy(clf, X, y)] * 2, rel=1e-5)
    weights = np.random.default_rng(0).random(len(X)) + 0.1
    clf.fit(X, y, sample_weight=weights)
    assert clf.history_["loss"] == pytest.approx([cross_entropy(clf, X, y, weights)] * 2, rel=1e-5)


def test_the_penalty_is_part_of_the_loss(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=6, epochs=1, learning_rate=1e-12, l2=0.1).fit(X, y)
    kernels = [clf.model_.get_layer(name).get_weights()[0] for name in ("hidden", "probabilities")]
    penalty = 0.1 * sum((kernel**2).sum() for kernel in kernels)
    assert clf.history_["loss"] == pytest.approx([cross_entropy(clf, X, y) + penalty], rel=1e-5)


def test_the_held_out_figures_are_those_of_the_held_out_rows(dense_rows):
    X, y = dense_rows
    weights = np.random.default_rng(0).random(len(X)) + 0.1
    clf = GatedDenseClassifier(units=6, epochs=3, validation_fraction=0.3, random_state=0)
    clf.fit(X, y, sample_weight=weights)
    held_out = hold_out(Targets(y, clf.classes_, False), 0.3, clf._fitted.seed)[0]
    found = {name: values[-1] for name, values in clf.history_.items()}
    part = X[held_out], y[held_out]
    assert found["val_loss"] == pytest.approx(
        cross_entropy(clf, *part, weights[held_out]), rel=1e-5
    )
    assert found["val_accuracy"] == pytest.approx(clf.score(*part, weights[held_out]), rel=1e-5)
    assert {len(values) for values in clf.history_.values()} == {3}


def test_several_labels_have_the_mean_of_their_cross_entropies(dense_rows):
    X, _ = dense_rows
    Y = (X[:, :3] > 0).astype(int)
    clf = GatedDenseClassifier(
        units=6, epochs=1, learning_rate=1e-12, validation_fraction=0.5, random_state=0
    )
    clf.fit(X, Y)
    p = np.float64(clf.predict_proba(X))
    losses = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean(axis=1)
    held_out = hold_out(Targets(Y, np.arange(3), True), 0.5, clf._fitted.seed)[0]
    training = np.setdiff1d(np.arange(len(X)), held_out)
    assert clf.history_["loss"][0] == pytest.approx(losses[training].mean(), rel=1e-4)
    assert clf.history_["val_loss"][0] == pytest.approx(losses[held_out].mean(), rel=1e-4)
    exact = np.all((p > 0.5) == Y, axis=1)[held_out].mean()
    assert clf.history_["val_accuracy"][0] == pytest.approx(exact)


def smoothed(smoothing):
    """A classifier that hardly moves, so that its loss is that of its answers."""
    settings = {"units": 6, "epochs": 1, "learning_rate": 1e-12, "random_state": 0}
    return GatedDenseClassifier(label_smoothing=smoothing, **settings)


def test_smoothed_labels_give_a_share_to_all_classes_in_training_alone(dense_rows):
    X, y = dense_rows
    clf = smoothed(0.3).fit(X, y)
    targets = 0.7 * np.eye(3)[y] + 0.1
    losses = -(targets * np.log(np.float64(clf.predict_proba(X)))).sum(axis=1)
    assert clf.history_["loss"] == pytest.approx([losses.mean()], rel=1e-5)
    assert clf.model_.evaluate(X, y)[0] == pytest.approx(cross_entropy(clf, X, y), rel=1e-5)


def test_smoothed_labels_that_can_all_be_true_move_towards_a_half(dense_rows):
    X, _ = dense_rows
    Y = (X[:, :3] > 0).astype(int)
    clf = smoothed(0.3).fit(X, Y)
    targets, p = 0.7 * Y + 0.15, np.float64(clf.predict_proba(X))
    losses = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(axis=1)
    assert clf.history_["loss"] == pytest.approx([losses.mean()], rel=1e-4)


# -- reading ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["none", "lstm", "bilstm"])
def test_a_row_gets_the_same_answer_alone_and_among_others(encoder, texts_as_ids):
    X, y = texts_as_ids
    clf = fitted(AttentionTextClassifier, X, y, encoder=encoder, units=4, embedding_dim=4)
    together = clf.predict_proba(X)
    alone = np.concatenate([clf.predict_proba(row[None]) for row in X])
    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("units", "dim", "kernel"), [(4, 4, True), (3, 4, False), (4, 5, False)])
def test_an_lstm_of_even_sizes_predicts_one_row_by_the_kernel(units, dim, kernel, texts_as_ids):
    X, y = texts_as_ids
    clf = fitted(AttentionTextClassifier, X, y, encoder="lstm", units=units, embedding_dim=dim)
    clf.predict_proba(X)
    graph = clf._fitted.model._read_functions["probabilities"].graph
    assert ("BlockLSTM" in str(graph.as_graph_def())) is (kernel and not has_a_gpu())


def has_a_gpu():
    return bool(tf.config.list_physical_devices("GPU"))


def test_a_row_alone_is_not_hashed_and_its_answer_is_the_same(dense_rows, monkeypatch):
    X, y = dense_rows
    clf = fitted(GatedDenseClassifier, X, y, units=6)
    hashed = clf.predict_proba(X[[0, 0]])
    monkeypatch.delattr(DenseRows, "hashes")
    np.testing.assert_allclose(clf.predict_proba(X[:1]), hashed[:1], atol=1e-6)
    with pytest.raises(AttributeError, match="hashes"):
        clf.predict_proba(X[:2])


def test_more_rows_than_one_batch_are_all_answered(dense_rows):
    X, y = dense_rows
    clf = fitted(GatedDenseClassifier, X, y, units=6)
    many = np.random.default_rng(0).normal(size=(1300, 5)).astype(np.float32)
    parts = np.concatenate([clf.predict_proba(part) for part in np.split(many, 13)])
    np.testing.assert_allclose(clf.predict_proba(many), parts, atol=1e-6)


def test_the_gradient_of_a_token_is_that_of_its_embedding(texts_as_ids):
    X, y = texts_as_ids
    clf = fitted(AttentionTextClassifier, X, y, encoder="none", embedding_dim=4)
    ids = np.array([[3, 4, 0, 5, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0, 0, 0]])
    found = clf._gradient_times_input(ids, [1, 0])
    assert found.dtype == np.float32
    assert not np.any(found[ids == 0])
    embedding = clf.model_.get_layer("embedding")
    table = embedding.get_weights()[0]
    for (row, column), output in {(0, 0): 1, (0, 3): 1, (1, 0): 0}.items():
        probabilities = []
        for step in (-1e-2, 1e-2):
            moved = table.copy()
            moved[ids[row, column]] *= 1 + step
            embedding.set_weights([moved])
            probabilities.append(clf.predict_proba(ids)[row, output])
        slope = (probabilities[1] - probabilities[0]) / 2e-2
        assert found[row, column] == pytest.approx(slope, abs=1e-4)
    embedding.set_weights([table])


# -- nothing is kept -------------------------------------------------------------------------------


def held_numbers(model):
    resident = model._resident
    return sum(int(tf.size(v)) for v in [*resident.arrays, resident.targets, *resident.plan])


class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("stop here")


def test_the_rows_are_let_go_after_a_fit(dense_rows):
    X, y = dense_rows
    clf = fitted(GatedDenseClassifier, X, y, units=6)
    model = clf.model_
    assert held_numbers(model) == 0
    with pytest.raises(RuntimeError, match="stop here"):
        model.fit(X, y, epochs=1, callbacks=[Interrupt()])
    assert held_numbers(model) == 0


def test_training_can_go_on_with_other_numbers_of_rows(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=6)
    for n in (90, 7, 40):
        clf.partial_fit(X[:n], y[:n], classes=[0, 1, 2])
    assert clf._fitted.model.train_function is not None
    assert np.isfinite(clf.history_["loss"]).all()


@pytest.mark.slow  # starts a process
def test_many_networks_one_after_the_other_make_no_noise(run_python):
    code = """
import numpy as np
from skattn import GatedDenseClassifier
from tensorflow import get_logger
before = get_logger().level
X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
for units in range(1, 8):  # TensorFlow warns of the fifth trace of one line of code
    clf = GatedDenseClassifier(units=units, epochs=1, validation_fraction=0.2).fit(X, y)
    clf.predict(X), clf.gate_values(X), clf.transform(X)
assert get_logger().level == before
"""
    process = run_python(code)
    assert process.stdout == ""
    # TensorFlow's own lines at import have its logger's form; nothing else may be there
    lines = [line for line in process.stderr.splitlines() if not AT_IMPORT.match(line)]
    assert lines == []


# -- the shapes of batches of predictions ----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [1, 17, 37])
def test_rows_that_fill_up_a_batch_are_seen_nowhere(n_rows, dense_rows, texts_as_ids):
    X, y = dense_rows
    gated = fitted(GatedDenseClassifier, X, y)
    plain = gated.model_(X[:n_rows]).numpy()
    np.testing.assert_allclose(gated.predict_proba(X[:n_rows]), plain, atol=1e-6)
    X, y = texts_as_ids
    X = np.pad(np.tile(X, (1, 3)), ((0, 0), (0, 1)))[: max(n_rows, len(X))]  # wide ones too
    X = np.take_along_axis(X, np.argsort(X == 0, axis=1, kind="stable"), axis=1)
    text = fitted(AttentionTextClassifier, X, y, units=4, embedding_dim=4)
    found = text._gradient_times_input(X[:n_rows], np.zeros(len(X[:n_rows]), dtype=int))
    alone = [text._gradient_times_input(row[None], [0])[0] for row in X[:n_rows]]
    np.testing.assert_allclose(found, alone, atol=1e-6)
    assert text.attention_weights(X[:n_rows]).shape == X[:n_rows].shape


@pytest.mark.slow
def test_segments_end_with_the_longest_text():
    X = np.full((20, 40), 2)
    X[:, 33:] = 0  # predicted 36 wide
    X[::2, 0] = 3
    clf = fitted(AttentionTextClassifier, X, np.arange(20) % 2, units=4, segment_length=11)
    assert clf.segment_attention_weights(X).shape == (20, 3)
    np.testing.assert_allclose(clf.segment_attention_weights(X).sum(axis=1), 1, atol=1e-5)


# -- two batches at a time -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [AttentionTextClassifier, GatedDenseClassifier])
def test_predictions_compute_two_batches_at_once_with_the_same_bits(kind, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 4))
    if kind is AttentionTextClassifier:
        X = np.where(np.arange(40) < rng.integers(1, 41, size=(1200, 1)), 2, 0)
    clf = fitted(kind, X[:60], np.arange(60) % 2)
    n_batches = []

    def one_after_the_other(work, items):
        items = list(items)
        n_batches.append(len(items))
        return [work(item) for item in items]

    both = clf.predict_proba(X)
    monkeypatch.setattr(_model, "two_at_once", one_after_the_other)
    np.testing.assert_array_equal(clf.predict_proba(X), both)
    assert n_batches[0] > 1
