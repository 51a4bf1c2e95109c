"""Held-out rows of the user's own: `fit(X, y, validation_data=(X, y))`."""

import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import get_scorer, log_loss

from skattn import AttentionTextClassifier, GatedDenseClassifier
from skattn.fitting._fit import rows_that_count
from skattn.utils._targets import encode_targets

SMALL = {"units": 8, "epochs": 4, "random_state": 0}


@pytest.mark.slow
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_the_scores_are_those_of_the_given_rows(dense_rows, container):
    X, y = container(dense_rows[0]), dense_rows[1]
    clf = GatedDenseClassifier(**SMALL).fit(X[:60], y[:60], validation_data=(X[60:], y[60:]))
    alone = GatedDenseClassifier(**SMALL).fit(X[:60], y[:60])
    np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))  # not trained on
    expected = log_loss(y[60:], clf.predict_proba(X[60:]), labels=[0, 1, 2])
    assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert clf.history_["val_accuracy"][-1] == pytest.approx(clf.score(X[60:], y[60:]))


def test_weights_and_scorers(dense_rows):
    X, y = dense_rows
    weights = np.arange(30) % 3  # some rows count for nothing
    clf = GatedDenseClassifier(scoring="accuracy", **SMALL)
    clf.fit(X[:60], y[:60], validation_data=(X[60:], y[60:], weights))
    found = clf.history_["val_score"][-1]
    assert found == pytest.approx(clf.score(X[60:], y[60:], weights))


def test_rows_of_classes_of_weight_zero_do_not_count():
    y = np.array(list("abc"))
    targets = encode_targets(y, False)
    X, given, factors = np.arange(3)[:, None], np.array([1.0, 5, 2]), np.array([1.0, 0, 3])
    data = rows_that_count(X, y, targets, given, factors)
    assert data.X.ravel().tolist() == [0, 2]
    assert data.y.tolist() == ["a", "c"]
    assert data.weights.tolist() == [1, 6]
    assert data.sample_weight.tolist() == [1, 2]
    assert data.targets.encoded.tolist() == [0, 2]


@pytest.mark.parametrize("class_weight", [{1: 9.0}, "balanced"])
def test_class_weights_count_in_the_losses_and_not_in_the_scores(dense_rows, class_weight):
    X, y = dense_rows[0], np.minimum(dense_rows[1], 1)
    clf = GatedDenseClassifier(class_weight=class_weight, scoring="accuracy", **SMALL)
    clf.fit(X[:60], y[:60], validation_data=(X[60:], y[60:]))
    totals = np.bincount(y[:60])
    factors = [1, 9] if class_weight != "balanced" else 60 / (2 * totals)
    expected = log_loss(y[60:], clf.predict_proba(X[60:]), sample_weight=np.take(factors, y[60:]))
    assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert clf.history_["val_score"][-1] == pytest.approx(clf.score(X[60:], y[60:]))


def test_a_class_that_the_rows_of_a_warm_start_lack_has_the_weight_one(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(class_weight="balanced", warm_start=True, **SMALL).fit(X, y)
    known = y < 2
    clf.fit(X[known], y[known], validation_data=(X, y))
    expected = log_loss(y, clf.predict_proba(X))  # 30 rows each
    assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_a_class_of_weight_zero_in_them(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(class_weight={2: 0}, **SMALL)
    clf.fit(X[:60], y[:60], validation_data=(X[60:], y[60:]))
    kept = y[60:] != 2
    alone = GatedDenseClassifier(class_weight={2: 0}, **SMALL)
    alone.fit(X[:60], y[:60], validation_data=(X[60:][kept], y[60:][kept]))
    assert clf.history_ == alone.history_
    with pytest.raises(ValueError, match="validation_data: class_weight gives every row"):
        clf.fit(X[:60], y[:60], validation_data=(X[60:][~kept], y[60:][~kept]))


def test_a_scorer_object_is_its_name(dense_rows):
    X, y = dense_rows[0], np.minimum(dense_rows[1], 1)
    weights = (np.arange(len(y)) % 4 + 1.0) * np.where(y == 0, 1, 9)
    found, plain = [], []
    for scoring in ("f1_macro", get_scorer("f1_macro")):
        clf = GatedDenseClassifier(
            scoring=scoring, class_weight="balanced", validation_fraction=0.3, **SMALL
        )
        found.append(clf.fit(X, y, weights).history_["val_score"])
        plain.append(clf.fit(X, y).history_["val_score"])
    assert found[0] == found[1]
    assert plain[0] == plain[1] != found[0]


@pytest.mark.parametrize("scoring", ["adjusted_rand_score", "roc_auc_ovo"])
def test_a_scorer_that_takes_no_weights_beside_class_weights(dense_rows, scoring):
    X, y = dense_rows
    clf = GatedDenseClassifier(
        scoring=scoring, class_weight={0: 2.0}, validation_fraction=0.3, **SMALL
    )
    clf.fit(X, y)
    assert len(clf.history_["val_score"]) == 4


@pytest.mark.parametrize(
    "containers", [(np.asarray, sparse.csr_array), (sparse.csr_array, np.asarray)]
)
def test_dense_and_sparse_rows_together(dense_rows, containers):
    X, y = dense_rows
    clf = GatedDenseClassifier(**SMALL)
    clf.fit(containers[0](X[:60]), y[:60], validation_data=(containers[1](X[60:]), y[60:]))
    expected = log_loss(y[60:], clf.predict_proba(X[60:]), labels=[0, 1, 2])
    assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_early_stopping_follows_them(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(
        early_stopping=True, n_iter_no_change=1, units=8, epochs=50, random_state=0
    )
    clf.fit(X, y, validation_data=(X[:30], (y[:30] + 1) % 3))  # wrong labels: it gets worse
    assert clf.n_iter_ < 10
    losses = clf.history_["val_loss"]
    assert clf.best_iteration_ == int(np.argmin(losses)) + 1


def test_texts_with_ids_that_training_has_not_seen(texts_as_ids):
    X, y = texts_as_ids
    unseen = X.copy()
    unseen[:, 0] = 10_000
    clf = AttentionTextClassifier(encoder="none", embedding_dim=4, epochs=1)
    clf.fit(X, y, validation_data=(unseen, y))
    assert clf.vocabulary_size_ == X.max() + 1


def test_several_labels(dense_rows):
    X, y = dense_rows
    several = np.stack([y > 0, y < 2], axis=1).astype(int)
    clf = GatedDenseClassifier(**SMALL)
    clf.fit(X[:60], several[:60], validation_data=(X[60:], several[60:]))
    assert clf.history_["val_accuracy"][-1] == pytest.approx(clf.score(X[60:], several[60:]))
    with pytest.raises(
        ValueError,
        match="validation_data: y has one label per row, but the training y has a matrix",
    ):
        clf.fit(X, several, validation_data=(X, y))


def test_a_checkpoint_knows_them_apart(dense_rows, tmp_path):
    X, y = dense_rows

    class Killed(Exception):
        pass

    def die(epoch, logs=None):
        if epoch == 2:
            raise Killed

    def fit(n_training, **parameters):
        clf = GatedDenseClassifier(**SMALL, **parameters)
        held_out = X[n_training:], y[n_training:]
        return clf.fit(X[:n_training], y[:n_training], validation_data=held_out)

    killer = keras.callbacks.LambdaCallback(on_epoch_begin=die)
    with pytest.raises(Killed):
        fit(60, checkpoint=tmp_path, callbacks=[killer])
    (left,) = tmp_path.iterdir()
    other = fit(70, checkpoint=tmp_path)  # the same rows; no warning: from the beginning
    assert other.history_ == fit(70).history_
    assert list(tmp_path.iterdir()) == [left]
    with pytest.warns(UserWarning, match="goes on after epoch 2 of 4"):
        fit(60, checkpoint=tmp_path)


WRONG = [
    ({"validation_fraction": 0.1}, lambda X, y: (X, y), ValueError, "exclude each other"),
    ({}, lambda X, y: X, TypeError, r"tuple \(X, y\)"),
    ({}, lambda X, y: (X[:, :2], y), ValueError, "validation_data: X has 2 features"),
    ({}, lambda X, y: (X, y[:5]), ValueError, "validation_data: .*inconsistent"),
    (
        {},
        lambda X, y: (X, y + 7),
        ValueError,
        "validation_data: .*new classes.*train on rows of these",
    ),
    ({}, lambda X, y: (X * np.nan, y), ValueError, "validation_data: Input X contains NaN"),
]


@pytest.mark.parametrize(("parameters", "make", "kind", "message"), WRONG)
def test_what_is_wrong_is_named(dense_rows, parameters, make, kind, message):
    X, y = dense_rows
    with pytest.raises(kind, match=message):
        GatedDenseClassifier(**SMALL, **parameters).fit(X, y, validation_data=make(X, y))


def test_dense_rows_validate_a_fit_that_goes_on_with_sparse_ones(dense_rows, tmp_path):
    X, y = dense_rows
    clf = GatedDenseClassifier(
        units=4, epochs=2, warm_start=True, scoring="accuracy", checkpoint=tmp_path
    )
    clf.fit(X, y).fit(sparse.csr_matrix(X), y, validation_data=(X, y))
    assert len(clf.history_["val_score"]) == 4
