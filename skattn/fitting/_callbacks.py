"""Keras callbacks for the estimators' parameters: early stopping, scores, progress."""

import copy
from numbers import Real

import keras
import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from sklearn.metrics import check_scoring

from skattn.engine._stages import stage
from skattn.utils._warnings import warn

_LARGEST_TOL = 1e30  # nothing improves by so much, and float32 still holds it


class AnswerNotFinite(ValueError):
    """A network has predicted infinity or NaN."""


def refuse_infinite(answers):
    """Raise an error if a network's answers (n_rows, ...) are infinite or NaN."""
    if not np.isfinite(answers).all():
        row = int(np.argwhere(~np.isfinite(answers).all(axis=1))[0, 0])
        raise AnswerNotFinite(
            f"The network's answer for row {row} (counting from 0) is infinite or NaN: its values "
            "are missing or too large for float32. Scale the features as in training, for example "
            "by sklearn.preprocessing.StandardScaler."
        )


class HeldOutScore(keras.callbacks.Callback):
    """Adds ``val_score``, a scorer's value on the held-out part, to the logs of each epoch."""

    def __init__(self, score):
        super().__init__()
        self.score = score

    def on_epoch_end(self, epoch, logs=None):
        try:
            with stage("validation"):
                score = self.score()
        except AnswerNotFinite:  # training ends, with an error about its divergence
            self.model.stop_training = True
            logs["val_score"] = np.nan
            return
        except ValueError as error:
            said = (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".:")
            raise ValueError(
                f"scoring cannot judge the validation set: {said}. Use another scoring, such as a "
                "function of (estimator, X, y), or a validation set with all classes."
            ) from error
        score = score.item() if isinstance(score, np.ndarray) and not score.ndim else score
        if not isinstance(score, Real):
            raise ValueError(f"scoring must give one number, but it gave {score!r:.60}.")
        if score != score:
            raise ValueError(
                "scoring gave NaN for the validation set, as roc_auc does for a single class. Use "
                "another scoring, or a validation set with all classes."
            )
        logs["val_score"] = float(score)


class ProgressBar(keras.callbacks.Callback):
    """One bar for the whole fit, in 80 columns: loss, validation score and the time left."""

    def __init__(self, epochs, label, n_done=0):
        super().__init__()
        self.epochs, self.n_done, self.label = epochs, n_done, label
        self.progress = None

    def on_train_begin(self, logs=None):
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self.task = self.progress.add_task(
            self.label, total=self.epochs, completed=self.n_done, figures=""
        )
        self.progress.start()

    def on_epoch_end(self, epoch, logs=None):
        names = ["loss", "val_score" if "val_score" in logs else "val_loss"]
        figures = [f"{name} {logs[name]:.3f}" for name in names if name in logs]
        self.progress.update(self.task, advance=1, figures=" ".join(figures))

    def on_train_end(self, logs=None):
        if self.progress is not None:
            self.progress.stop()


class RateWatch(keras.callbacks.Callback):
    """Notices if a callback before it sets a learning rate that a schedule sets again."""

    noticed = False

    def __init__(self, resumed):
        super().__init__()
        self.resumed = resumed  # then the rate is that of the checkpoint, which is read later

    def on_train_begin(self, logs=None):
        self.expected = None if self.resumed else float(self.model.optimizer.learning_rate)

    def on_epoch_begin(self, epoch, logs=None):
        if self.expected is not None:
            rate = float(self.model.optimizer.learning_rate)
            self.noticed = self.noticed or not np.isclose(rate, self.expected, atol=0)

    def on_epoch_end(self, epoch, logs=None):
        self.expected = float(self.model._resident.rates[-1])

    def warn(self):
        """Warn if something was noticed; after the fit, when no code of Keras is between."""
        if self.noticed:
            warn(
                "A callback has set the learning rate, which has no effect: "
                "learning_rate_schedule sets it again at every step. Set "
                "learning_rate_schedule='constant'."
            )


class WeightAveraging(keras.callbacks.Callback):
    """Ends with the mean of the weights after each epoch from `first` on, counted from 0.

    Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.
    """

    def __init__(self, first):
        super().__init__()
        self.first = first

    def on_train_begin(self, logs=None):
        self.mean, self.n_epochs = None, 0

    def on_epoch_end(self, epoch, logs=None):
        if epoch < self.first:
            return
        weights, self.n_epochs = self.model.get_weights(), self.n_epochs + 1
        if self.mean is None:
            self.mean = weights
        self.mean = [
            mean + (weight - mean) / self.n_epochs
            for mean, weight in zip(self.mean, weights, strict=True)
        ]

    def on_train_end(self, logs=None):
        if self.mean is not None:
            self.model.set_weights(self.mean)


class EpochTasks(keras.callbacks.Callback):
    """Reports each epoch to scikit-learn's callbacks, and stops when one of them asks for it.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the fit.
    report : dict
        What every report holds: the estimator, X, y, metadata and the attributes that make a
        fitted copy of the estimator.
    """

    def __init__(self, context, report):
        super().__init__()
        self.context, self.report = context, report

    def on_epoch_begin(self, epoch, logs=None):
        self.task = self.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(**self.report)

    def on_epoch_end(self, epoch, logs=None):
        if self.task.call_on_fit_task_end(**self.report):
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.context.call_on_fit_task_end(**self.report)


class OwnEarlyStopping(keras.callbacks.EarlyStopping):
    """That of ``early_stopping=True``, which a checkpoint tells from one of the user's."""


def early_stopping(monitor, patience, tol):
    """Stop when `monitor` no longer improves by `tol`, and go back to the best epoch."""
    return OwnEarlyStopping(
        monitor=monitor,
        mode="min" if monitor.endswith("loss") else "max",
        min_delta=min(tol, _LARGEST_TOL),
        patience=patience,
        restore_best_weights=True,
    )


def _listed(callbacks):
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def copies(callbacks):
    """Copies of the user's callbacks: a fit must not change its parameters."""
    callbacks = _listed(callbacks)
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                f"callbacks must be keras.callbacks.Callback objects, got {callback!r}. "
                "Pass a list of objects, not of classes."
            )
    return [copy.deepcopy(callback) for callback in callbacks]


def rate_setter(callbacks):
    """The name of a callback of the user's that sets the learning rate, None without any."""
    kinds = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
    found = [type(each).__name__ for each in _listed(callbacks) if isinstance(each, kinds)]
    return found[0] if found else None


def refuse_two_schedules(callbacks, schedule):
    """Raise an error if a callback sets a rate that a schedule would set again at every step."""
    setter = rate_setter(callbacks)
    if setter and schedule != "constant":
        raise ValueError(
            f"learning_rate_schedule={schedule!r} sets the learning rate of every step, so "
            f"{setter} in callbacks would have no effect. Leave out the callback, or set "
            "learning_rate_schedule='constant' before the first fit."
        )


def of_fit(request, data, settings, fitted):
    """The callbacks that an estimator's parameters ask for, in the order of their work.

    Parameters
    ----------
    request : FitRequest
    data : TrainingData
    settings : FitSettings
    fitted : FittedNetwork
        Whose network is about to be trained.
    """
    params, epochs, callbacks = request.params, settings.n_epochs, []
    keeping = any(getattr(each, "may_keep_model", True) for each in _listed(params["callbacks"]))
    if keeping or callable(params["scoring"]) or request.report_epochs:
        fitted.network.exposed = True
    by_loss = isinstance(params["scoring"], str) and params["scoring"] == "loss"
    if len(settings.held_out) and not by_loss:
        callbacks.append(_score_callback(request, data, settings, fitted))
    if params["early_stopping"] and len(settings.held_out):
        monitor = "val_loss" if by_loss else "val_score"
        callbacks.append(early_stopping(monitor, params["n_iter_no_change"], params["tol"]))
    if params["weight_averaging"] and epochs > 1:
        callbacks.append(WeightAveraging(settings.first_epoch + epochs // 2))
    if request.report_epochs:
        callbacks.append(request.report_epochs(fitted, data, epochs))
    if params["verbose"]:
        callbacks.append(ProgressBar(epochs, request.name, settings.n_done))
    if params["callbacks"] and request.config["learning_rate_schedule"] != "constant":
        return [*callbacks, *copies(params["callbacks"]), RateWatch(settings.n_done > 0)]
    return callbacks + copies(params["callbacks"])


def _score_callback(request, data, settings, fitted):
    """The callback that scores the held-out rows with the network as it is after each epoch."""
    scoring = request.params["scoring"]
    estimator = request.as_fitted(fitted)
    scorer = check_scoring(estimator, scoring=scoring)
    held_out = settings.held_out
    X, y, weights = data.X[held_out], data.y[held_out], data.sample_weight[held_out]
    # not those of the classes: the score is the one that the user would compute
    takes_weights = hasattr(scorer, "_accept_sample_weight") and scorer._accept_sample_weight()
    options = {"sample_weight": weights} if takes_weights and np.ptp(weights) > 0 else {}
    return HeldOutScore(lambda: scorer(estimator, X, y, **options))
