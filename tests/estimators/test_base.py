"""What both classifiers promise: labels, weights, early stopping, training in parts, errors."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import train_test_split

from skattn import AttentionTextClassifier, GatedDenseClassifier

pytestmark = pytest.mark.usefixtures("graphs_as_traced")


def text(**parameters):
    """A text classifier that trains in no time."""
    defaults = {"encoder": "none", "embedding_dim": 4, "epochs": 2, "random_state": 0}
    return AttentionTextClassifier(**defaults | parameters)


def gated(**parameters):
    return GatedDenseClassifier(**{"units": 4, "epochs": 2, "random_state": 0} | parameters)


both = pytest.mark.parametrize("make", [text, gated], ids=["text", "gated"])


@pytest.fixture(scope="module")
def whole_numbers():
    """Rows that both classifiers take, and three classes that follow from them."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(1, 6, size=(90, 4)), rng.integers(0, 3, size=90)
    X[:, 0] = 6 + 3 * y
    return X, y


def bits(classifier, X):
    return classifier.predict_proba(X).tobytes()


# -- labels ----------------------------------------------------------------------------------------

NAMES = {
    "strings": np.array(["c", "a", "b"]),
    "objects": np.array(["c", "a", "b"], dtype=object),
    "gaps": np.array([70, -3, 5]),
    "floats": np.array([7.0, 1.0, 2.0]),
}


@both
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_labels_of_any_kind_come_back(make, names, whole_numbers):
    X, y = whole_numbers
    clf = make(epochs=1).fit(X, names[y])
    np.testing.assert_array_equal(clf.classes_, np.unique(names))
    predicted = clf.predict(X)
    assert predicted.dtype == clf.classes_.dtype
    assert set(predicted) <= set(names)
    assert clf.predict_proba(X).shape == (90, 3)
    assert clf.score(X, names[y]) == pytest.approx(accuracy_score(names[y], predicted))


@both
def test_two_classes_have_two_columns_also_for_one_row(make, whole_numbers):
    X, y = whole_numbers
    clf = make(epochs=1).fit(X, y > 0)
    assert clf.classes_.tolist() == [False, True]
    assert clf.predict_proba(X[:1]).shape == (1, 2)
    assert clf.predict_proba(X[:1]).dtype == np.float32
    assert clf.predict(X[:1]).dtype == bool
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1, atol=1e-6)


@both
def test_the_columns_follow_the_classes(make, whole_numbers):
    X, y = whole_numbers
    clf = make(epochs=60, learning_rate=0.05).fit(X, np.array(["z", "m", "a"])[y])
    assert clf.score(X, np.array(["z", "m", "a"])[y]) > 0.9
    np.testing.assert_array_equal(clf.classes_[clf.predict_proba(X).argmax(axis=1)], clf.predict(X))


@pytest.mark.slow
@both
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_several_labels_a_row(make, container, whole_numbers):
    X, _ = whole_numbers
    Y = np.stack([X[:, 0] >= 9, X[:, 0] <= 9], axis=1).astype(int)
    clf = make(epochs=60, learning_rate=0.05).fit(X, container(Y))
    probabilities = clf.predict_proba(X)
    assert clf.classes_.tolist() == [0, 1]
    assert probabilities.shape == (90, 2)
    assert probabilities.sum(axis=1).max() > 1.2  # each label has its own sigmoid
    np.testing.assert_array_equal(clf.predict(X), probabilities > 0.5)
    assert clf.predict(X).dtype == np.int64
    assert clf.score(X, Y) > 0.8  # of rows with every label right
    assert clf.__sklearn_tags__().classifier_tags.multi_label


@both
def test_logarithms_are_those_of_the_probabilities(make, whole_numbers):
    X, y = whole_numbers
    clf = make().fit(X, y)
    np.testing.assert_allclose(clf.predict_log_proba(X), np.log(clf.predict_proba(X)), rtol=1e-6)
    clf.model_.get_layer("probabilities").bias.assign([1e4, 0.0, 0.0])
    assert clf.predict_proba(X).min() == 0
    assert np.all(np.isfinite(clf.predict_log_proba(X)))  # never -inf, never a warning


# -- one class -------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_one_class_is_named_before_the_rows_are_judged(make, method):
    unfit = [["a", None], [np.nan, 2.5]]
    with pytest.raises(ValueError, match=r"y holds one class only, 'spam'.*at least two"):
        getattr(make(), method)(unfit, ["spam", "spam"])


@both
def test_one_class_left_by_the_weights_is_named(make, whole_numbers):
    X, y = whole_numbers
    with pytest.raises(ValueError, match="one class only, 2, in the rows of weight above 0"):
        make().fit(X, y, sample_weight=(y == 2).astype(float))


# -- weights ---------------------------------------------------------------------------------------


@pytest.mark.slow
@both
def test_weights_are_repeated_rows_bit_for_bit_in_one_batch(make, whole_numbers):
    X, y = whole_numbers
    weights = np.random.default_rng(0).integers(0, 4, size=len(X))
    repeated = np.random.default_rng(1).permutation(np.repeat(np.arange(len(X)), weights))
    parameters = {"batch_size": 1000, "epochs": 4, "l2": 0.01}
    weighted = make(**parameters).fit(X, y, sample_weight=weights)
    again = make(**parameters).fit(X[repeated], y[repeated])
    assert bits(weighted, X) == bits(again, X)
    assert bits(make(**parameters).fit(X, y), X) != bits(again, X)


@pytest.mark.slow
@both
def test_a_row_of_weight_zero_is_as_if_it_were_not_there(make, whole_numbers):
    X, y = whole_numbers
    weights = np.random.default_rng(0).random(len(X)) * (np.arange(len(X)) % 3 > 0)
    kept = weights > 0
    X_there = np.where(kept[:, None], X, 500)  # an id that would make the table larger
    # small batches, a held-out part and early stopping: nothing may count the rows of weight 0
    parameters = {"batch_size": 16, "early_stopping": True, "validation_fraction": 0.3}
    there = make(**parameters).fit(X[kept], y[kept], sample_weight=weights[kept])
    with_zeros = make(**parameters).fit(np.where(kept[:, None], X, 1), y, sample_weight=weights)
    assert bits(there, X) == bits(with_zeros, X)
    assert there.history_ == with_zeros.history_
    assert make().fit(X_there, y, sample_weight=weights).predict(X).shape == (90,)


@both
def test_only_the_proportions_of_the_weights_count(make, whole_numbers):
    X, y = whole_numbers
    weights = np.random.default_rng(0).random(len(X)) + 0.1
    one = make().fit(X, y, sample_weight=weights)
    other = make().fit(X, y, sample_weight=1024 * weights)
    assert bits(one, X) == bits(other, X)


@both
def test_class_weights_are_weights_of_the_rows(make, whole_numbers):
    X, y = whole_numbers
    names = np.array(["a", "b", "c"])
    by_class = make(class_weight={"a": 3, "c": 0.5}).fit(X, names[y])
    by_row = make().fit(X, names[y], sample_weight=np.array([3, 1, 0.5])[y])
    assert bits(by_class, X) == bits(by_row, X)
    doubled = make(class_weight={"a": 3, "c": 0.5}).fit(X, names[y], sample_weight=np.full(90, 2.0))
    assert bits(doubled, X) == bits(by_row, X)


@both
def test_balanced_weighs_every_class_the_same(make, whole_numbers):
    X, y = whole_numbers
    counts = np.bincount(y)
    by_name = make(class_weight="balanced").fit(X, y)
    by_dict = make(class_weight={c: 90 / (3 * n) for c, n in enumerate(counts)}).fit(X, y)
    np.testing.assert_allclose(by_name.predict_proba(X), by_dict.predict_proba(X), atol=1e-6)


@both
def test_a_class_of_weight_zero_is_never_learned(make, whole_numbers):
    X, y = whole_numbers
    clf = make(class_weight={0: 0}, epochs=60, learning_rate=0.05).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert set(clf.predict(X)) == {1, 2}
    assert clf.score(X[y > 0], y[y > 0]) > 0.9


# -- the held-out part and early stopping ----------------------------------------------------------


@both
def test_nothing_is_held_out_unless_asked_for(make, whole_numbers):
    X, y = whole_numbers
    assert set(make().fit(X, y).history_) == {"loss"}
    held_out = make(validation_fraction=0.25).fit(X, y)
    assert set(held_out.history_) == {"loss", "val_loss", "val_accuracy"}
    assert not hasattr(held_out, "best_iteration_")
    assert held_out.n_iter_ == 2
    scored = make(validation_fraction=0.25, scoring="accuracy").fit(X, y)
    assert scored.history_["val_score"] == pytest.approx(scored.history_["val_accuracy"])


class Watcher:
    """A scorer that keeps the labels it was given."""

    def __init__(self):
        self.labels = []

    def __call__(self, estimator, X, y):
        self.labels.append(np.array(y))
        return estimator.score(X, y)


@both
@pytest.mark.parametrize(("fraction", "n_held_out"), [(None, 9), (0.25, 23)])
def test_the_held_out_part_is_stratified(make, fraction, n_held_out, whole_numbers):
    X, _ = whole_numbers
    y = np.repeat(["a", "b", "c"], [60, 20, 10])
    watcher = Watcher()
    make(early_stopping=True, validation_fraction=fraction, scoring=watcher).fit(X, y)
    labels, counts = np.unique(watcher.labels[0], return_counts=True)
    assert labels.tolist() == ["a", "b", "c"]
    assert counts.sum() == n_held_out
    np.testing.assert_allclose(counts / n_held_out, [2 / 3, 2 / 9, 1 / 9], atol=0.06)


OVERFITTING = {"units": 32, "learning_rate": 0.05, "validation_fraction": 0.3}


def overfitting(make, whole_numbers, **parameters):
    """A fit to labels without a reason, so that the held-out part gets worse soon."""
    X, _ = whole_numbers
    y = np.random.default_rng(3).integers(0, 3, size=len(X))
    parameters = OVERFITTING | {"epochs": 40} | parameters
    return make(early_stopping=True, **parameters).fit(X, y), X, y


@pytest.mark.slow
@both
def test_early_stopping_goes_back_to_the_best_epoch(make, whole_numbers):
    clf, X, y = overfitting(make, whole_numbers, n_iter_no_change=3, tol=0.0)
    losses = clf.history_["val_loss"]
    assert clf.n_iter_ == len(losses) < 40
    assert clf.best_iteration_ == int(np.argmin(losses)) + 1
    assert clf.n_iter_ == clf.best_iteration_ + 3
    best = make(epochs=clf.best_iteration_, **OVERFITTING).fit(X, y)
    assert bits(best, X) == bits(clf, X)
    assert losses[-1] > min(losses)


@pytest.mark.slow
@both
def test_the_best_epoch_is_kept_also_where_the_fit_was_not_stopped(make, whole_numbers):
    clf, X, y = overfitting(make, whole_numbers, n_iter_no_change=100, tol=0.0, epochs=15)
    assert clf.n_iter_ == 15
    assert clf.best_iteration_ == int(np.argmin(clf.history_["val_loss"])) + 1 < 15
    best = make(epochs=clf.best_iteration_, **OVERFITTING).fit(X, y)
    assert bits(best, X) == bits(clf, X)


def test_tol_is_what_counts_as_better(whole_numbers):
    clf, _, _ = overfitting(gated, whole_numbers, n_iter_no_change=2, tol=100.0)
    assert clf.best_iteration_ == 1
    assert clf.n_iter_ == 3


@pytest.mark.parametrize("scoring", ["accuracy", make_scorer(accuracy_score), Watcher()])
def test_early_stopping_by_a_scorer_goes_to_the_highest_score(scoring, whole_numbers):
    clf, _, _ = overfitting(gated, whole_numbers, scoring=scoring, n_iter_no_change=4, tol=0.0)
    scores = clf.history_["val_score"]
    assert clf.best_iteration_ == int(np.argmax(scores)) + 1
    assert clf.n_iter_ == min(40, clf.best_iteration_ + 4)
    np.testing.assert_allclose(scores, clf.history_["val_accuracy"], atol=1e-6)


def test_a_scorer_sees_labels_and_weights_of_the_held_out_rows(whole_numbers):
    X, y = whole_numbers
    weights = np.random.default_rng(0).random(len(X)) + 0.1
    clf = gated(validation_fraction=0.3, scoring="accuracy").fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(clf.history_["val_score"], clf.history_["val_accuracy"], atol=1e-6)
    probabilistic = gated(validation_fraction=0.3, scoring="neg_log_loss").fit(X, y)
    np.testing.assert_allclose(
        np.negative(probabilistic.history_["val_score"]),
        probabilistic.history_["val_loss"],
        rtol=1e-4,
    )


def test_a_scorer_gets_weights_also_where_metadata_is_routed(whole_numbers):
    X, y = whole_numbers
    with config_context(enable_metadata_routing=True):
        clf = gated(validation_fraction=0.3, scoring="accuracy")
        clf.fit(X, y, sample_weight=np.arange(1.0, 91))
    np.testing.assert_allclose(clf.history_["val_score"], clf.history_["val_accuracy"], atol=1e-6)


def test_a_scorer_gets_rows_without_a_warning_of_names(whole_numbers):
    X, y = whole_numbers
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = gated(early_stopping=True, scoring="accuracy").fit(frame, y)
    assert clf.feature_names_in_.tolist() == list("abcd")


def test_an_unknown_scorer_is_refused(whole_numbers):
    with pytest.raises(ValueError, match="'beauty' is not a valid scoring value"):
        gated(early_stopping=True, scoring="beauty").fit(*whole_numbers)


@both
def test_a_class_too_rare_to_stratify_is_told(make, whole_numbers):
    X, _ = whole_numbers
    y = np.repeat(["a", "b"], [89, 1])
    with pytest.warns(
        UserWarning, match="not stratified, because a class has only one row"
    ) as caught:
        make(early_stopping=True, epochs=1).fit(X, y)
    assert caught[0].filename == __file__  # the warning points at the call of fit


@both
def test_a_fraction_that_leaves_nothing_is_refused(make):
    with pytest.raises(ValueError, match=r"validation_fraction=0.9 leaves 0 of 3 rows"):
        make(validation_fraction=0.9).fit([[1], [2], [3]], [0, 1, 0])


@both
def test_balanced_weights_of_chunks_are_refused(make, whole_numbers):
    with pytest.raises(ValueError, match=r"'balanced' cannot be used with partial_fit.*a dict"):
        make(class_weight="balanced").partial_fit(*whole_numbers)


@both
def test_partial_fit_holds_nothing_out(make, whole_numbers):
    X, y = whole_numbers
    clf = make(early_stopping=True, validation_fraction=0.3).partial_fit(X, y)
    assert set(clf.history_) == {"loss"}
    assert bits(clf, X) == bits(make().partial_fit(X, y), X)


# -- training in parts -----------------------------------------------------------------------------


@pytest.mark.slow
@both
def test_partial_fit_again_and_again_is_one_fit(make, whole_numbers):
    X, y = whole_numbers
    parts, whole = make(dropout=0.3), make(dropout=0.3, epochs=3)
    for _ in range(3):
        parts.partial_fit(X, y)
    whole.fit(X, y)
    assert bits(parts, X) == bits(whole, X)
    assert parts.history_ == whole.history_
    assert parts.n_iter_ == 1


@both
def test_chunks_may_lack_classes_that_were_announced(make, whole_numbers):
    X, y = whole_numbers
    names = np.array(["a", "b", "c"])[y]
    clf = make()
    if make is text:
        clf.set_params(vocabulary_size=13)
    clf.partial_fit(X[names == "b"], names[names == "b"], classes=["c", "b", "a"])
    assert clf.classes_.tolist() == ["a", "b", "c"]
    assert clf.predict_proba(X).shape == (90, 3)
    clf.partial_fit(X[names != "b"], names[names != "b"])
    clf.partial_fit(X, names, classes=["a", "b", "c"])
    assert len(clf.history_["loss"]) == 3


@both
def test_a_class_that_was_not_announced_is_named(make, whole_numbers):
    X, y = whole_numbers
    clf = make().partial_fit(X[y < 2], y[y < 2])
    with pytest.raises(
        ValueError, match=r"new classes: \[2\]. The classes so far are \[0, 1\]. Leave"
    ):
        clf.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"classes=\[0, 5\] are not those of the first call"):
        clf.partial_fit(X[y < 2], y[y < 2], classes=[0, 5])
    assert clf.predict_proba(X).shape == (90, 2)


@both
def test_several_labels_have_numbers_for_names(make, whole_numbers):
    X, y = whole_numbers
    several = np.stack([y == 0, y == 1], axis=1).astype(int)
    with pytest.raises(ValueError, match=r"numbers of the columns of y, range\(2\), got \['w', 'x"):
        make().partial_fit(X, several, classes=["w", "x"])
    clf = make().partial_fit(X, several, classes=[0, 1]).partial_fit(X, several, classes=[0, 1])
    assert clf.classes_.tolist() == [0, 1]


@both
def test_partial_fit_takes_weights(make, whole_numbers):
    X, y = whole_numbers
    kept = np.arange(90) % 2 == 0
    weighted = make().partial_fit(X, y, sample_weight=kept.astype(float))
    if make is text:
        weighted = make(vocabulary_size=13).partial_fit(X, y, sample_weight=kept.astype(float))
        assert bits(make(vocabulary_size=13).partial_fit(X[kept], y[kept]), X) == bits(weighted, X)
    else:
        assert bits(make().partial_fit(X[kept], y[kept]), X) == bits(weighted, X)


@pytest.mark.slow
@both
def test_warm_start_goes_on_where_the_last_fit_ended(make, whole_numbers):
    X, y = whole_numbers
    parts = make(dropout=0.3, warm_start=True).fit(X, y).fit(X, y)
    whole = make(dropout=0.3, epochs=4).fit(X, y)
    assert bits(parts, X) == bits(whole, X)
    assert parts.history_ == whole.history_
    assert (parts.n_iter_, whole.n_iter_) == (2, 4)


@pytest.mark.slow
@both
def test_a_warm_start_that_is_set_after_the_fit_goes_on_as_well(make, whole_numbers):
    X, y = whole_numbers
    late = make(dropout=0.3).fit(X, y).set_params(warm_start=True).fit(X, y)
    assert bits(late, X) == bits(make(dropout=0.3, epochs=4).fit(X, y), X)
    chunk = make(epochs=1).fit(X, y).partial_fit(X, y)
    assert bits(chunk, X) == bits(make(epochs=2).fit(X, y), X)


@both
def test_without_warm_start_every_fit_begins_anew(make, whole_numbers):
    X, y = whole_numbers
    clf = make().fit(X[:, :2], y == 1)
    clf.fit(X, y)
    assert bits(clf, X) == bits(make().fit(X, y), X)
    assert clf.n_features_in_ == 4
    assert len(clf.history_["loss"]) == 2


@both
def test_what_was_trained_cannot_change_its_form(make, whole_numbers):
    X, y = whole_numbers
    clf = make(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"\['l2'\] changed since. Set warm_start=False"):
        clf.set_params(l2=0.5).fit(X, y)
    clf.set_params(l2=0.0, learning_rate=1e-12)
    before = clf.predict_proba(X)
    clf.fit(X, y)  # another rate is no other form
    np.testing.assert_allclose(clf.predict_proba(X), before, atol=1e-6)


# -- hyperparameters -------------------------------------------------------------------------------


@pytest.mark.slow
@both
def test_an_optimizer_can_be_a_name_or_an_object(make, whole_numbers):
    X, y = whole_numbers
    by_name = make(optimizer="sgd", learning_rate=0.5).fit(X, y)
    given = keras.optimizers.SGD(0.5)
    by_object = make(optimizer=given).fit(X, y)
    assert bits(by_name, X) == bits(by_object, X)
    assert by_object.optimizer is given
    assert int(given.iterations) == 0  # only its configuration is used
    assert bits(clone(by_object).fit(X, y), X) == bits(by_object, X)
    own_rate_wins = make(optimizer=keras.optimizers.SGD(0.5), learning_rate=9.0).fit(X, y)
    assert bits(own_rate_wins, X) == bits(by_object, X)
    assert bits(make(optimizer="sgd", learning_rate=0.25).fit(X, y), X) != bits(by_name, X)


def test_an_optimizer_may_have_a_schedule_of_its_own(whole_numbers):
    X, y = whole_numbers
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5)
    clf = gated(optimizer=keras.optimizers.SGD(schedule)).fit(X, y)
    assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.1 * 0.5 ** (6 / 3))
    again = clone(clf).fit(X, y)
    assert bits(again, X) == bits(clf, X)
    assert bits(pickle.loads(pickle.dumps(clf)), X) == bits(clf, X)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "lion", "nadam", "adagrad"])
def test_every_usual_optimizer_trains(name, whole_numbers):
    X, y = whole_numbers
    clf = gated(optimizer=name, epochs=5, learning_rate=0.01).fit(X, y)
    assert clf.history_["loss"][-1] < clf.history_["loss"][0]


@both
def test_dropout_acts_in_training_alone(make, whole_numbers):
    X, y = whole_numbers
    clf = make(dropout=0.5).fit(X, y)
    assert bits(clf, X) == bits(clf, X)
    assert bits(clf, X) != bits(make().fit(X, y), X)
    assert bits(make(dropout=0.5).fit(X, y), X) == bits(clf, X)


@pytest.mark.slow
@both
def test_a_strong_penalty_makes_the_last_kernel_small(make, whole_numbers):
    X, y = whole_numbers

    def kernel(l2):
        clf = make(l2=l2, epochs=60, learning_rate=0.05).fit(X, y)
        return np.abs(clf.model_.get_layer("probabilities").get_weights()[0]).max()

    assert kernel(1.0) < 0.25 * kernel(0.0)


@both
def test_the_seed_alone_decides(make, whole_numbers):
    X, y = whole_numbers
    one, again = (bits(make(dropout=0.2).fit(X, y), X) for _ in range(2))
    other = bits(make(dropout=0.2, random_state=1).fit(X, y), X)
    free = [bits(make(dropout=0.2, random_state=None).fit(X, y), X) for _ in range(2)]
    generator = np.random.RandomState(0)
    drawn = [bits(make(random_state=generator).fit(X, y), X) for _ in range(2)]
    same = bits(make(random_state=np.random.RandomState(0)).fit(X, y), X)
    assert one == again
    assert len({one, other, *free}) == 4
    assert drawn[0] == same != drawn[1]


@both
def test_answers_do_not_depend_on_the_order_of_the_rows(make, whole_numbers):
    X, y = whole_numbers
    clf = make().fit(X, y)
    X = np.random.default_rng(0).integers(1, 13, size=(1500, 4))  # more than one batch
    order = np.random.default_rng(1).permutation(1500)
    for method in (clf.predict_proba, clf.transform):
        np.testing.assert_array_equal(method(X[order]), method(X)[order])


@both
@pytest.mark.parametrize("batch_size", [1, 7, 10_000])
def test_any_batch_size_trains(make, batch_size, whole_numbers):
    X, y = whole_numbers
    clf = make(batch_size=batch_size, epochs=1).fit(X[:15], y[:15])
    assert np.isfinite(clf.history_["loss"][0])


# -- representation --------------------------------------------------------------------------------


@both
def test_the_representation_is_what_the_last_layer_sees(make, whole_numbers):
    X, y = whole_numbers
    clf = make().fit(X, y)
    representation = clf.transform(X)
    kernel, bias = clf.model_.get_layer("probabilities").get_weights()
    logits = representation @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    assert representation.dtype == np.float32
    names = clf.get_feature_names_out()
    assert len(names) == representation.shape[1] == 4
    assert names[0] == type(clf).__name__.lower() + "0"
    np.testing.assert_array_equal(make().fit_transform(X, y), representation)


@both
def test_set_output_names_the_columns(make, whole_numbers):
    X, y = whole_numbers
    frame = make().set_output(transform="pandas").fit(X, y).transform(X)
    assert frame.columns.tolist() == make().fit(X, y).get_feature_names_out().tolist()
    assert set(map(str, frame.dtypes)) == {"float32"}


@both
def test_names_of_columns_are_kept_and_compared(make, whole_numbers):
    X, y = whole_numbers
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = make().fit(frame, y)
    assert clf.feature_names_in_.tolist() == list("abcd")
    assert bits(clf, frame) == bits(make().fit(X, y), X)
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[list("dcba")])


# -- errors ----------------------------------------------------------------------------------------

BAD_PARAMETERS = [
    ("units", 0),
    ("units", 2.5),
    ("epochs", 0),
    ("batch_size", 0),
    ("batch_size", "auto"),
    ("learning_rate", 0.0),
    ("learning_rate", "adaptive"),
    ("l2", -0.1),
    ("dropout", 1.0),
    ("dropout", -0.1),
    ("class_weight", "even"),
    ("early_stopping", "yes"),
    ("validation_fraction", 0.0),
    ("validation_fraction", 1.0),
    ("validation_fraction", 5),
    ("n_iter_no_change", 0),
    ("tol", -1e-4),
    ("scoring", 3),
    ("callbacks", "early"),
    ("callbacks", 3),
    ("warm_start", 2.5),
    ("random_state", "zero"),
    ("verbose", "loud"),
    ("optimizer", 3),
    ("optimizer", None),
]


@both
@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_a_parameter_that_makes_no_sense_is_named(make, name, value, whole_numbers):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of .*Classifier must be .*Got"):
        make(**{name: value}).fit(*whole_numbers)


@both
def test_an_optimizer_that_keras_does_not_know_is_named(make, whole_numbers):
    with pytest.raises(ValueError, match=r"optimizer='adamm' cannot be built.*'adam', 'adamw'"):
        make(optimizer="adamm").fit(*whole_numbers)


@both
@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 2], [np.nan, 3]], "Input X contains NaN"),
        ([[1, 2], [np.inf, 3]], "Input X contains infinity"),
        ([1, 2], "Expected 2D array, got 1D array instead"),
        ([[[1], [2]], [[1], [2]]], "Found array with dim 3"),
        (np.empty((0, 2)), "inconsistent numbers of samples|0 sample"),
        (np.empty((2, 0)), r"0 feature\(s\)"),
        ([["a", "b"], ["c", "d"]], "could not convert string to float|X is texts"),
        (np.array([[1j, 2], [3, 4]]), "Complex data not supported"),
        ([[1, 2], [3]], "inhomogeneous"),
    ],
)
def test_rows_that_make_no_sense_are_refused(make, X, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, [0, 1])


@both
def test_rows_and_labels_must_agree_in_number(make, whole_numbers):
    X, y = whole_numbers
    for arguments in ((X, y[:-1]), (X[:-1], y), (X, y, np.ones(3))):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            make().fit(*arguments)


@both
def test_another_number_of_columns_is_refused(make, whole_numbers):
    X, y = whole_numbers
    clf = make().fit(X, y)
    for method in (clf.predict, clf.predict_proba, clf.transform):
        with pytest.raises(ValueError, match=r"X has 3 features, but \w+ is expecting 4 features"):
            method(X[:, :3])
    with pytest.raises(ValueError, match="expecting 4 features"):
        clf.partial_fit(X[:, :3], y)


@both
def test_before_a_fit_every_answer_is_an_error(make, whole_numbers):
    X, _ = whole_numbers
    clf = make()
    reads = clf.gate_values if make is gated else clf.attention_weights
    for method in (clf.predict, clf.predict_proba, clf.predict_log_proba, clf.transform, reads):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            method(X)


@both
def test_a_fold_may_hold_classes_and_values_that_the_training_lacked(make, whole_numbers):
    X, y = whole_numbers
    train, test = train_test_split(np.arange(90), random_state=0)
    clf = make().fit(np.minimum(X[train], 8), y[train])
    assert clf.predict_proba(X[test]).shape == (len(test), 3)
    assert 0 <= clf.score(X[test], np.where(y[test] == 2, 9, y[test])) <= 1


def test_looking_at_an_estimator_builds_no_network_and_keeps_none_from_the_pool(dense_rows):
    clf = GatedDenseClassifier(units=4, epochs=1, random_state=0).fit(*dense_rows)
    back = pickle.loads(pickle.dumps(clf))
    for estimator in (clf, back):
        dir(estimator), repr(estimator), estimator._repr_html_()
    assert not clf._fitted.network.exposed
    assert back._fitted._lease is None
    assert hasattr(clf, "model_")


@pytest.mark.slow
def test_a_network_that_a_callback_or_a_scorer_may_keep_stays_theirs(dense_rows):
    kept = []

    class Keeper(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            kept.append(self.model)

    def score(estimator, X, y):
        kept.append(estimator)
        return estimator.score(X, y)

    X, y = dense_rows
    settings = {"units": 4, "epochs": 1, "random_state": 0}
    GatedDenseClassifier(callbacks=[Keeper()], **settings).fit(X, y)
    GatedDenseClassifier(scoring=score, validation_fraction=0.2, **settings).fit(X, y)
    before = [kept[0].predict(X), kept[1].predict_proba(X)]
    GatedDenseClassifier(**(settings | {"random_state": 7})).fit(X, y)
    np.testing.assert_array_equal(kept[0].predict(X), before[0])
    np.testing.assert_array_equal(kept[1].predict_proba(X), before[1])
    assert kept[1].model_ is not None


@pytest.mark.slow
def test_the_best_epoch_counts_in_the_epochs_of_the_history(dense_rows):
    X, y = dense_rows
    clf = GatedDenseClassifier(units=4, epochs=3, warm_start=True, random_state=0).fit(X, y)
    clf.set_params(early_stopping=True, tol=0.0).fit(X, y)
    clf.partial_fit(X, y)
    losses = np.array(clf.history_["val_loss"])
    assert len(losses) == len(clf.history_["loss"]) == 7
    assert np.isnan(losses).tolist() == [True] * 3 + [False] * 3 + [True]
    clf.fit(X, y)
    assert clf.best_iteration_ == 7 + 1 + np.argmin(clf.history_["val_loss"][7:])


@pytest.mark.parametrize("weighing", ["class_weight", "sample_weight"])
def test_weights_count_between_chunks(dense_rows, weighing):
    """A stream of single rows: with weights divided by their mean nothing would be left of them."""
    X, y = dense_rows[0], np.minimum(dense_rows[1], 1)
    shares = {}
    for weight in (1.0, 50.0):
        by_class = {"class_weight": {0: 1.0, 1: weight}} if weighing == "class_weight" else {}
        clf = GatedDenseClassifier(units=8, optimizer="sgd", random_state=0, **by_class)
        for row in range(30):
            given = None if by_class else [weight if y[row] else 1.0]
            clf.partial_fit(X[row : row + 1], y[row : row + 1], [0, 1], given)
        shares[weight] = clf.predict_proba(X)[:, 1].mean()
    assert shares[50.0] > shares[1.0] + 0.1


@pytest.mark.parametrize("given", [{"sample_weight": [1e101, 1.0]}, {"class_weight": {0: 1e31}}])
def test_weights_of_a_chunk_that_are_too_large_are_named(given):
    clf = GatedDenseClassifier(class_weight=given.pop("class_weight", None))
    with pytest.raises(ValueError, match=r"partial_fit uses sample_weight and .* Divide all"):
        clf.partial_fit([[0.0], [1.0]], [0, 1], **given)


def test_a_chunk_of_classes_of_weight_zero_changes_nothing(dense_rows):
    X, y = dense_rows[0], np.minimum(dense_rows[1], 1)
    clf = GatedDenseClassifier(units=8, class_weight={0: 0.0, 1: 1.0}, random_state=0)
    with pytest.raises(ValueError, match=r"every row of the first chunk the weight 0\. Begin with"):
        clf.partial_fit(X[y == 0], y[y == 0], [0, 1])
    before = clf.partial_fit(X, y, [0, 1]).predict_proba(X)
    clf.partial_fit(X[y == 0], y[y == 0])
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    clf.partial_fit(X[y == 1], y[y == 1])
    assert clf.n_iter_ == 1


def test_an_optimizer_without_a_name_is_shown_as_it_was_given(dense_rows):
    clf = GatedDenseClassifier(optimizer={"name": "adamw"})
    with pytest.raises(
        ValueError, match=r"optimizer=\{'name': 'adamw'\} cannot be built.*may have"
    ):
        clf.fit(*dense_rows)
