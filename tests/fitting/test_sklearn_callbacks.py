"""scikit-learn's own callbacks (from 1.9 on) see every epoch of a fit."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skattn import GatedDenseClassifier, trusted_types

sklearn_callback = pytest.importorskip(
    "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
)
X, y = load_iris(return_X_y=True)


def classifier(**params):
    return GatedDenseClassifier(units=8, epochs=3, learning_rate=0.01, random_state=0, **params)


def test_scoring_monitor_has_one_score_an_epoch_and_the_last_is_the_models():
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    clf = classifier().set_callbacks(monitor).fit(X, y)
    scores = monitor.get_logs().data_as_pandas
    epochs = scores[scores.task_name == "epoch"]
    assert len(epochs) == 3
    assert epochs.accuracy.iloc[-1] == clf.score(X, y)
    assert epochs.accuracy.nunique() > 1


@pytest.mark.slow
def test_callbacks_reach_every_fit_of_a_search():
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(classifier().set_callbacks(monitor), {"units": [4, 8]}, cv=2)
    search.fit(X, y)
    scores = monitor.get_logs().data_as_pandas
    assert (scores.task_name == "epoch").sum() == (2 * 2 + 1) * 3


def test_the_progress_bar_shows_every_epoch_and_ends(capsys):
    classifier().set_callbacks(sklearn_callback.ProgressBar()).fit(X, y)
    assert "100%" in capsys.readouterr().out


def test_a_callback_can_stop_the_fit():
    class StopAtOnce:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            return True

    assert classifier().set_callbacks(StopAtOnce()).fit(X, y).n_iter_ == 1


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_weights_reach_the_monitor(class_weight):
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    weights = np.where(y == 0, 1.0, 3.0)
    clf = classifier().set_params(class_weight=class_weight).set_callbacks(monitor)
    clf.fit(X, y, sample_weight=weights)
    last = monitor.get_logs().data_as_pandas.query("task_name == 'epoch'").accuracy.iloc[-1]
    assert last == pytest.approx(clf.score(X, y, sample_weight=weights))


def test_a_skops_file_lacks_them_and_says_so():
    skops_io = pytest.importorskip("skops.io")
    clf = classifier().set_callbacks(sklearn_callback.ScoringMonitor(scoring="accuracy"))
    clf.fit(X, y)
    with pytest.warns(UserWarning, match=r"not in this file.*estimator.set_callbacks\(...\)"):
        data = skops_io.dumps(clf)
    back = skops_io.loads(data, trusted=trusted_types())
    np.testing.assert_array_equal(back.predict_proba(X), clf.predict_proba(X))
    assert vars(pickle.loads(pickle.dumps(clf)))["_skl_callbacks"]
