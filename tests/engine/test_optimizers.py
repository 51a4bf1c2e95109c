"""Our Adam against Keras's, and optimizers as plain values."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.engine._optimizers import build_optimizer, optimizer_config
from skattn.engine._row_adam import RowAdam, sum_per_row
from skattn.networks._weights import reset_optimizer


def apply(optimizer, start, gradients):
    """The variable after each of the gradients was applied."""
    variable = keras.Variable(np.array(start, dtype=np.float32))
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, variable)])
    return variable.numpy()


def slices(rows, values, shape):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows), tf.constant(shape))


# -- the step --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"learning_rate": 0.5, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1},
        {"weight_decay": 0.1},
    ],
    ids=["defaults", "all set", "weight decay"],
)
def test_dense_gradients_take_the_steps_of_keras(settings):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    gradients = [tf.constant(rng.normal(size=(3, 4)), tf.float32) for _ in range(6)]
    ours = apply(RowAdam(**settings), start, gradients)
    theirs = apply(keras.optimizers.Adam(**settings), start, gradients)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(ours - start).max() > 1e-3


@pytest.mark.parametrize("lazy", [False, True])
def test_a_repeated_id_takes_one_step(lazy):
    twice = slices([1, 1], [[1.0], [1.0]], [3, 1])
    ours = apply(RowAdam(0.1, lazy=lazy), np.zeros((3, 1)), [twice])
    np.testing.assert_allclose(ours.ravel(), [0, -0.1, 0], atol=1e-6)


def test_keras_still_takes_a_wrong_step_for_a_repeated_id():
    # the reason for RowAdam's sum: when this fails, Keras has mended it
    twice = slices([1, 1], [[1.0], [1.0]], [3, 1])
    theirs = apply(keras.optimizers.Adam(0.1), np.zeros((3, 1)), [twice])
    np.testing.assert_allclose(theirs[1], -0.1414, atol=1e-3)


def test_a_table_whose_rows_all_stand_in_the_batch_moves_as_a_dense_one():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 2))
    values = rng.normal(size=(5, 4, 2)).astype(np.float32)
    rows = [2, 0, 1, 2]
    dense = np.zeros((5, 3, 2), dtype=np.float32)
    for step in range(5):
        np.add.at(dense[step], rows, values[step])
    ours = apply(RowAdam(0.1, lazy=True), start, [slices(rows, v, [3, 2]) for v in values])
    theirs = apply(keras.optimizers.Adam(0.1), start, [tf.constant(d) for d in dense])
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_row_drifts_on_outside_the_batch_as_with_kerass_adam_unless_lazy(lazy):
    first, other = slices([0], [[1.0]], [2, 1]), slices([1], [[1.0]], [2, 1])
    ours = apply(RowAdam(0.1, lazy=lazy), np.zeros((2, 1)), [first, other, other])
    dense = [tf.constant(row) for row in ([[1.0], [0.0]], [[0.0], [1.0]], [[0.0], [1.0]])]
    theirs = apply(keras.optimizers.Adam(0.1), np.zeros((2, 1)), dense)
    assert np.allclose(ours, theirs, atol=1e-6) == (not lazy)


def test_lazy_rows_that_are_not_in_the_batch_do_not_move():
    one, other = slices([0], [[1.0]], [2, 1]), slices([1], [[1.0]], [2, 1])
    after_one = apply(RowAdam(0.1, lazy=True), np.zeros((2, 1)), [one])
    after_both = apply(RowAdam(0.1, lazy=True), np.zeros((2, 1)), [one, other])
    assert after_one[1] == 0
    assert after_both[0] == after_one[0] < 0


def test_a_gradient_is_summed_per_row():
    summed = sum_per_row(slices([4, 1, 4], [[1.0, 2.0], [5.0, 0.0], [3.0, 1.0]], [6, 2]))
    assert dict(
        zip(summed.indices.numpy().tolist(), summed.values.numpy().tolist(), strict=True)
    ) == {
        4: [4.0, 3.0],
        1: [5.0, 0.0],
    }


def test_a_word_twice_in_a_text_takes_one_step_in_a_fit():
    X = np.array([[2, 2, 2], [3, 3, 3]])
    parameters = {"encoder": "none", "attention": "uniform", "embedding_dim": 2, "epochs": 1}
    parameters |= {"learning_rate": 0.1, "random_state": 0, "embeddings": np.zeros((4, 2))}
    clf = AttentionTextClassifier(**parameters).fit(X, [0, 1])
    moved = clf.model_.get_layer("embedding").get_weights()[0]
    np.testing.assert_allclose(np.abs(moved[2:]), 0.1, rtol=1e-3)
    assert not np.any(moved[:2])


@pytest.mark.parametrize("optimizer", ["lazyadam", "adam"])
def test_words_that_a_chunk_lacks_rest_with_lazyadam_alone(optimizer):
    settings = {"encoder": "none", "embedding_dim": 2, "vocabulary_size": 8, "random_state": 0}
    clf = AttentionTextClassifier(optimizer=optimizer, **settings)
    tables = [
        clf.partial_fit(X, [0, 1]).model_.get_layer("embedding").get_weights()[0]
        for X in ([[2, 3], [4, 2]], [[5, 6], [7, 5]])
    ]
    still = np.all(tables[0] == tables[1], axis=1)
    assert still[2:].tolist() == [optimizer == "lazyadam"] * 3 + [False] * 3


@pytest.mark.parametrize("optimizer", ["lazyadam", pytest.param("adam", marks=pytest.mark.slow)])
def test_features_that_a_sparse_chunk_lacks_rest(optimizer):
    clf, kernels = GatedDenseClassifier(units=4, optimizer=optimizer, random_state=0), []
    for columns in ([0, 1], [2, 3]):
        X = sparse.csr_array((np.ones(4), ([0, 1, 2, 3], columns * 2)), shape=(4, 5))
        clf.partial_fit(X, [0, 1] * 2)
        kernels.append(clf.model_.get_layer("hidden").get_weights()[0])
    still = np.all(kernels[0] == kernels[1], axis=1)
    assert still.tolist() == [True, True, False, False, True]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lazyadam", "adamw", "sgd"])
def test_weight_decay_shrinks_kernels_and_no_embedding(optimizer):
    table = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    settings = {"encoder": "none", "embeddings": table, "learning_rate": 0.1, "random_state": 0}
    weights = []
    for decay in (0.0, 0.5):
        clf = AttentionTextClassifier(
            optimizer=optimizer, weight_decay=decay, epochs=1, **settings
        ).fit([[2, 3], [4, 2]], [0, 1])
        weights.append({v.path: v.numpy() for v in clf.model_.trainable_variables})
    plain, decayed = weights
    assert len(plain) == 5  # the table, and a kernel and a bias each of score and last layer
    for path in plain:
        if path.endswith("/kernel"):
            assert np.abs(plain[path] - decayed[path]).max() > 1e-3, path
        else:
            np.testing.assert_allclose(plain[path], decayed[path], atol=1e-6, err_msg=path)
    np.testing.assert_array_equal(decayed["embedding/embeddings"][5:], table[5:])


def clipped(settings):
    """The settings of an optimizer that looks at a whole gradient before it steps."""
    return keras.optimizers.Adam(0.1, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"clipnorm": 0.01},
        {"clipvalue": 0.001},
        {"global_clipnorm": 0.01},
        {"use_ema": True},
        {"gradient_accumulation_steps": 2},
        {"amsgrad": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_setting_of_adam_acts_as_on_a_dense_gradient(settings):
    X, y = np.array([[2, 2, 3], [3, 2, 0], [4, 4, 2], [4, 3, 3]]), np.array([0, 1, 0, 1])
    parameters = {"encoder": "none", "attention": "uniform", "embedding_dim": 2, "random_state": 0}
    clf = AttentionTextClassifier(epochs=1, optimizer=clipped(settings), **parameters).fit(X, y)
    model = clf.model_
    table = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    kernel = np.random.default_rng(1).normal(size=(2, 2)).astype(np.float32)
    model.set_weights([table, kernel, np.zeros(2, np.float32)])
    reset_optimizer(model)
    model.fit(X, y, batch_size=4, epochs=2)
    by_hand = clipped(settings)
    embedding, layer, bias = (keras.Variable(v) for v in (table, kernel, np.zeros(2, np.float32)))
    by_hand.build([embedding, layer, bias])
    for _ in range(2):
        with tf.GradientTape() as tape:
            kept = tf.cast(X != 0, tf.float32)[:, :, None]
            mean = tf.reduce_sum(tf.gather(embedding.value, X) * kept, 1) / tf.reduce_sum(kept, 1)
            answers = tf.nn.softmax(mean @ layer.value + bias.value)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, answers))
        variables = [embedding, layer, bias]
        gradients = tape.gradient(loss, [v.value for v in variables])
        by_hand.apply_gradients(
            zip([tf.convert_to_tensor(g) for g in gradients], variables, strict=True)
        )
    by_hand.finalize_variable_values(variables)
    for ours, theirs in zip(model.get_weights(), variables, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


# -- as plain values -------------------------------------------------------------------------------


def test_a_name_stays_a_name():
    assert optimizer_config("sgd") == "sgd"


def test_of_an_object_only_the_configuration_is_used():
    given = keras.optimizers.Adam(0.25, beta_1=0.5)
    apply(given, np.zeros(2), [tf.ones(2)] * 3)
    built = build_optimizer(optimizer_config(given), learning_rate=0.1)
    assert built is not given
    assert int(built.iterations) == 0
    assert float(built.learning_rate) == 0.25  # its own rate wins
    assert built.beta_1 == 0.5
    assert int(given.iterations) == 3


def test_a_name_takes_the_rate_of_the_parameters():
    for name in ("adam", "Adam", "sgd", "rmsprop", "adamw", "lion", "adagrad", "nadam"):
        assert float(build_optimizer(name, 0.125).learning_rate) == 0.125


def test_the_decay_of_adamw_can_be_set_to_zero():
    for given, expected in {None: 0.004, 0.0: 0.0, 0.5: 0.5}.items():
        assert build_optimizer("adamw", 0.1, given).weight_decay == expected
    assert build_optimizer("adam", 0.1, 0.0).weight_decay is None


def test_plain_adam_becomes_ours_and_others_stay_what_they_are():
    assert type(build_optimizer("adam", 0.1)) is RowAdam
    assert [build_optimizer(name, 0.1).lazy for name in ("adam", "lazyadam")] == [False, True]
    assert type(build_optimizer("adamw", 0.1)) is keras.optimizers.AdamW
    amsgrad = optimizer_config(keras.optimizers.Adam(amsgrad=True))
    assert type(build_optimizer(amsgrad, 0.1)) is keras.optimizers.Adam


@pytest.mark.parametrize("kind", [keras.optimizers.SGD, keras.optimizers.Adam])
def test_a_schedule_of_the_rate_survives_as_plain_values(kind):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25)
    config = optimizer_config(kind(schedule))
    built = build_optimizer(config, learning_rate=0.1)
    assert apply(built, [0.0], [tf.constant([1.0])] * 2)[0] == pytest.approx(-0.5 - 0.25, rel=1e-4)
    again = build_optimizer(optimizer_config(built), learning_rate=0.1)  # as in a file
    assert apply(again, [0.0], [tf.constant([1.0])])[0] == pytest.approx(-0.5, rel=1e-4)


@keras.saving.register_keras_serializable(package="tests")
class HalfSteps(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient * 0.5, variable, learning_rate)


def test_a_registered_optimizer_of_the_users_own_is_used():
    built = build_optimizer(optimizer_config(HalfSteps(1.0)), learning_rate=0.1)
    assert type(built) is HalfSteps
    assert apply(built, [0.0], [tf.constant([1.0])])[0] == -0.5


@pytest.mark.parametrize("name", ["adamm", "", "optimizer"])
def test_a_name_that_keras_does_not_know_is_refused(name):
    with pytest.raises(
        ValueError, match=rf"optimizer='{name}' cannot be built.*Use a name such as"
    ):
        build_optimizer(name, 0.1)


@pytest.mark.parametrize(
    "name", ["adam", "nadam", "adagrad", "ftrl", "rmsprop", "adadelta", "lion"]
)
def test_every_optimizer_begins_as_keras_begins_it(name):
    X = np.array([[2, 3], [4, 0]] * 4)
    settings = {"encoder": "none", "units": 2, "embedding_dim": 2, "epochs": 1, "random_state": 0}
    clf = AttentionTextClassifier(optimizer=name, **settings).fit(X, [0, 1] * 4)
    model = clf.model_
    reset_optimizer(model)
    fresh = build_optimizer(name, 1e-3)
    fresh.build(model.trainable_variables)
    for ours, keras_own in zip(model.optimizer.variables, fresh.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), keras_own.numpy())
