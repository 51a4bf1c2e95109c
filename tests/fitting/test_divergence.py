"""A fit that diverges, or cannot be, says so and leaves the estimator as it was."""

import keras
import numpy as np
import pytest

from skattn import AttentionTextClassifier, GatedDenseClassifier


def test_a_diverged_fit_is_an_error_and_changes_nothing(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=2, random_state=0).fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(optimizer="sgd", learning_rate=1e30)
    with pytest.raises(ValueError, match=r"diverged.*smaller learning_rate"):
        clf.fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("rate", [1e10, 1e30])
def test_a_diverged_fit_is_not_blamed_on_the_scoring(dense_rows, scoring, rate):
    clf = GatedDenseClassifier(
        units=4,
        epochs=3,
        optimizer="sgd",
        learning_rate=rate,
        early_stopping=True,
        scoring=scoring,
        random_state=0,
    )
    with pytest.raises(
        ValueError, match=rf"diverged.*learning_rate \(it is {rate}".replace("+", ".")
    ):
        clf.fit(*dense_rows)


class Spoil(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.set_weights([weights * np.nan for weights in self.model.get_weights()])


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_early_stopping_does_not_hide_a_divergence(dense_rows, scoring):
    clf = GatedDenseClassifier(
        units=4, epochs=5, callbacks=[Spoil()], early_stopping=True, scoring=scoring
    )
    with pytest.raises(ValueError, match="Training diverged"):
        clf.fit(*dense_rows)


def test_the_rate_of_an_optimizer_object_is_the_one_to_change(dense_rows):
    clf = GatedDenseClassifier(units=4, epochs=2, optimizer=keras.optimizers.SGD(1e30))
    with pytest.raises(
        ValueError, match=r"diverged.*smaller learning rate in optimizer .it is 1e\+30"
    ):
        clf.fit(*dense_rows)


def test_weights_spoilt_by_the_last_step_are_an_error(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=1, batch_size=len(X), learning_rate=1e39)
    with pytest.raises(ValueError, match=r"diverged: weights are.*smaller learning_rate"):
        clf.fit(X, y)
    assert not hasattr(clf, "classes_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"optimizer": keras.optimizers.Adam}, r"the class Adam.*Adam\(\)"),
        (
            {
                "optimizer": keras.optimizers.SGD(
                    keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
                ),
                "learning_rate_schedule": "cosine",
            },
            "a schedule of its own",
        ),
    ],
)
def test_optimizers_that_cannot_be_used(dense_rows, params, message):
    with pytest.raises((TypeError, ValueError), match=message):
        GatedDenseClassifier(units=4, epochs=1, **params).fit(*dense_rows)


@pytest.mark.parametrize("widths", [(), (0,), (2.5,), (3, 3)])
def test_widths_of_a_convolution_are_whole_numbers(texts_as_ids, widths):
    with pytest.raises(ValueError, match="conv_widths"):
        AttentionTextClassifier(encoder="conv", conv_widths=widths).fit(*texts_as_ids)


def test_a_segment_is_no_longer_than_the_rows(texts_as_ids):
    X, y = texts_as_ids
    settings = {"encoder": "none", "units": 2, "embedding_dim": 2, "epochs": 1, "random_state": 0}
    clf = AttentionTextClassifier(segment_length=10**9, **settings).fit(X, y)
    assert clf.segment_attention_weights(X).shape == (len(X), 1)


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_a_diverged_fit_leaves_no_checkpoint(dense_rows, tmp_path, scoring):
    X, y = dense_rows
    held_out = X[:20].copy(), y[:20]
    held_out[0][0] = 3e38
    clf = GatedDenseClassifier(
        units=4, epochs=5, scoring=scoring, checkpoint=tmp_path, random_state=0
    )
    if scoring == "loss":
        clf.set_params(optimizer="sgd", learning_rate=1e30)
    for _ in range(2):
        with pytest.raises(ValueError, match="Training diverged"):
            clf.fit(X, y, validation_data=held_out)
        assert list(tmp_path.iterdir()) == []


class NoteEverySecond(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch % 2 == 0:
            logs["val_score"] = 0.5


def test_a_score_of_the_users_that_an_epoch_lacks_is_no_divergence(dense_rows):
    clf = GatedDenseClassifier(units=4, epochs=2, callbacks=[NoteEverySecond()]).fit(*dense_rows)
    assert np.isnan(clf.history_["val_score"][-1])
