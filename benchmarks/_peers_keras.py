"""The same networks with SciKeras and with plain Keras, written as their users write them."""

import keras
import numpy as np
from keras import layers, ops

PREDICT_BATCH = 256
CONV_WIDTHS = (3, 4, 5)


def gated_network(units, n_features=64, n_classes=10):
    """Dense(relu), multiplied by Dense(sigmoid) of itself, then Dense(softmax)."""
    inputs = keras.Input((n_features,))
    hidden = layers.Dense(units, activation="relu")(inputs)
    gate = layers.Dense(units, activation="sigmoid")(hidden)
    outputs = layers.Dense(n_classes, activation="softmax")(layers.multiply([hidden, gate]))
    return keras.Model(inputs, outputs)


def gated_classifier(units=256, learning_rate=1e-3, epochs=20, random_state=None):
    """The gated network as a SciKeras classifier, the width and the rate open to a search."""
    from scikeras.wrappers import KerasClassifier

    return KerasClassifier(
        model=gated_network,
        model__units=units,
        optimizer="adam",
        optimizer__learning_rate=learning_rate,
        loss="sparse_categorical_crossentropy",
        epochs=epochs,
        batch_size=32,
        verbose=0,
        random_state=random_state,
    )


@keras.saving.register_keras_serializable("skattn_benchmarks")
class MaskedAverage(layers.Layer):
    """Hidden states averaged over time with a masked softmax of their scores."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, states, scores, present, mask=None):
        # states (batch, time, units), scores (batch, time, 1), present (batch, time)
        scores = ops.where(present[:, :, None], scores, -1e9)
        return ops.sum(ops.softmax(scores, axis=1) * states, axis=1)


def attention_network(encoder, size, n_classes, max_length, units=128, embedding_dim=128):
    """Embedding, encoder, Dense(1, tanh) scores, masked softmax over time, sum, softmax.

    Forward encoders run without a mask: padding stands on the right, where it changes no state
    of a token, and the mask costs Keras time. The backward half of `bilstm` needs it.
    """
    ids = keras.Input((max_length,), dtype="int32")
    present = ops.not_equal(ids, 0)
    embedded = layers.Embedding(size, embedding_dim)(ids)
    states = _encode(encoder, embedded, present, units)
    scores = layers.Dense(1, activation="tanh")(states)
    pooled = MaskedAverage()(states, scores, present)
    outputs = layers.Dense(n_classes, activation="softmax")(pooled)
    return keras.Model(ids, outputs)


def _encode(encoder, embedded, present, units):
    """Hidden states of each token: (batch, time, units), or twice as wide in two directions."""
    if encoder == "none":
        return embedded
    if encoder == "conv":
        kept = embedded * ops.cast(present, "float32")[:, :, None]
        return layers.concatenate(
            [
                layers.Conv1D(units, width, padding="same", activation="relu")(kept)
                for width in CONV_WIDTHS
            ]
        )
    if encoder == "bilstm":
        both = layers.Bidirectional(layers.LSTM(units, return_sequences=True))
        return both(embedded, mask=present)
    recurrent = {"lstm": layers.LSTM, "gru": layers.GRU}[encoder]
    return recurrent(units, return_sequences=True)(embedded)


def batches(X, y):
    """Shuffled batches of 32 rows, as `Model.fit` makes them of arrays, but without autotuning.

    Its thread sleeps longer and longer while an epoch lasts, and the next epoch may wait until it
    wakes up. In a race, the epoch also lasts while the others take their turns.
    """
    import tensorflow as tf

    X, y = tf.constant(X), tf.constant(y)
    numbers = tf.data.Dataset.range(len(X)).shuffle(len(X)).batch(32)
    options = tf.data.Options()
    options.autotune.enabled = False
    rows = numbers.map(lambda some: (tf.gather(X, some), tf.gather(y, some))).prefetch(2)
    return rows.with_options(options)


def train_text(turns, config):
    """`Model.fit` on padded rows, an epoch a turn; quality: accuracy on test rows after each."""
    from _data import text_rows
    from _laps import Laps

    X_train, X_test, y_train, y_test, size = text_rows(config)
    n_classes = int(y_train.max()) + 1
    keras.utils.set_random_seed(0)
    model = attention_network(config["encoder"], size, n_classes, config["max_length"])
    model.compile("adam", "sparse_categorical_crossentropy")

    def judge(trained):
        probabilities = trained.predict(X_test, batch_size=PREDICT_BATCH, verbose=0)
        return float(np.mean(probabilities.argmax(1) == y_test))

    model.fit(
        batches(X_train, y_train),
        epochs=config["epochs"],
        callbacks=[Laps(turns, judge)],
        verbose=0,
    )
