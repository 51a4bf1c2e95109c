"""What users of Keras do with callbacks and with `model_` works, or says what to do instead."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss

from skattn import AttentionTextClassifier, GatedDenseClassifier

# Keras's own, of NumPy 2, while it writes a file
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MONITORS = ["loss", "val_loss", "val_accuracy", "val_score"]
SMALL = {"units": 4, "epochs": 4, "validation_fraction": 0.2, "random_state": 0}


@pytest.mark.parametrize("monitor", MONITORS)
def test_callbacks_know_which_way_is_better(dense_rows, tmp_path, monitor):
    better = []

    class Stopping(keras.callbacks.EarlyStopping):
        def on_train_end(self, logs=None):
            better.append(bool(self._is_improvement(0.9, 0.5)))

    stopping = Stopping(monitor)
    callbacks = [
        stopping,
        keras.callbacks.ReduceLROnPlateau(monitor, patience=0),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor, save_best_only=True),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "best.weights.h5", monitor, save_weights_only=True
        ),
    ]
    GatedDenseClassifier(callbacks=callbacks, scoring="accuracy", **SMALL).fit(*dense_rows)
    assert better == ["loss" not in monitor]
    loaded = keras.models.load_model(tmp_path / "best.keras")
    assert loaded.predict(dense_rows[0], verbose=0).shape == (90, 3)


def save_plain(model, path):
    model.save(path)


SAVERS = {"method": save_plain, "function": keras.saving.save_model}


@pytest.mark.slow
@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize("kind", ["gated", "text"])
def test_a_saved_model_is_loaded_by_keras(dense_rows, texts_as_ids, tmp_path, kind, save):
    if kind == "gated":
        X, y = dense_rows
        clf = GatedDenseClassifier(units=4, epochs=1)
    else:
        X, y = texts_as_ids
        clf = AttentionTextClassifier(
            encoder="conv", attention="multihead", units=4, embedding_dim=4, epochs=1
        )
    clf.fit(X, y)
    save(clf.model_, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), clf.predict_proba(X), atol=1e-6)
    assert type(loaded) is type(keras.Model(loaded.inputs, loaded.outputs))


@pytest.mark.slow
def test_a_saved_gated_model_needs_keras_only(dense_rows, run_python, tmp_path):
    GatedDenseClassifier(units=4, epochs=1).fit(*dense_rows).model_.save(tmp_path / "model.keras")
    code = (
        "import sys, keras; keras.models.load_model('model.keras'); print('skattn' in sys.modules)"
    )
    assert run_python(code).stdout.strip() == "False"


@pytest.mark.parametrize("weighted", [False, True])
def test_evaluate(dense_rows, weighted):
    X, y = dense_rows
    weights = np.arange(90) % 4 + 1.0 if weighted else None
    clf = GatedDenseClassifier(units=4, epochs=3, random_state=0).fit(X, y)
    found = clf.model_.evaluate(X, y, sample_weight=weights, batch_size=90, verbose=1)
    expected = log_loss(y, clf.predict_proba(X), sample_weight=weights)
    np.testing.assert_allclose(found, [expected, clf.score(X, y, weights)], rtol=1e-4)
    named = clf.model_.evaluate(X, y, weights, return_dict=True)
    np.testing.assert_allclose(list(named.values()), found, rtol=1e-4)
    assert list(named) == ["loss", "accuracy"] == clf.model_.metrics_names
    np.testing.assert_allclose(clf.model_.test_on_batch(X, y, weights), found, rtol=1e-4)
    np.testing.assert_array_equal(clf.model_.predict_on_batch(X), clf.predict_proba(X))
    with pytest.raises(NotImplementedError, match="partial_fit"):
        clf.model_.train_on_batch(X, y)


def test_options_of_keras_that_have_no_effect_are_refused(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=1, random_state=0).fit(X, y)
    assert len(clf.model_.fit(X, y, epochs=2, batch_size=8, verbose=0).history["loss"]) == 2
    with pytest.raises(TypeError, match="no effect here: class_weight, validation_split"):
        clf.model_.fit(X, y, validation_split=0.5, class_weight={0: 2.0})
    with pytest.raises(TypeError, match="no effect here: shuffle"):
        clf.model_.fit(X, y, shuffle=False)
    with pytest.raises(TypeError, match="no effect here: class_weight"):
        clf.model_.evaluate(X, y, class_weight={0: 2.0})


def test_a_scaled_loss_trains_the_same(dense_rows):
    X, y = dense_rows
    losses = []
    for factor in (None, 1024.0):
        sgd = keras.optimizers.SGD(0.05, loss_scale_factor=factor)
        clf = GatedDenseClassifier(units=4, epochs=3, optimizer=sgd, random_state=0).fit(X, y)
        losses.append(clf.history_["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda network, data: network.fit(data, None),
        lambda network, data: network.evaluate(data),
        lambda network, data: network.predict(data),
    ],
    ids=["fit", "evaluate", "predict"],
)
def test_a_data_set_of_tensorflow_is_refused(dense_rows, call):
    network = GatedDenseClassifier(units=4, epochs=1).fit(*dense_rows).model_
    data = tf.data.Dataset.from_tensor_slices(dense_rows).batch(8)
    with pytest.raises(TypeError, match=r"reads arrays, not a tf.data.Dataset: pass x"):
        call(network, data)


def test_evaluate_needs_a_target_for_each_row(dense_rows):
    X, y = dense_rows
    model = GatedDenseClassifier(units=4, epochs=1).fit(X, y).model_
    with pytest.raises(ValueError, match=f"x has {len(X)} rows, but y has {len(X) - 1} targets"):
        model.evaluate(X, y[:-1])
