"""One fit of a `TextClassifier`: check, apply the rules, learn the weights, fit."""

import contextlib
from numbers import Integral

import numpy as np
from sklearn import config_context
from sklearn.utils import check_random_state

from skattn.engine._stages import reported, stage
from skattn.fitting._interruption import fit_within
from skattn.recipe import _parts, _rules, _weighting
from skattn.recipe._data import checked, column_names, facts_of_columns, texts_of
from skattn.recipe._pretrained_rules import model_in, model_of
from skattn.recipe._progress import WholeFitBar
from skattn.recipe._trial import Trial
from skattn.recipe._truncation import USUAL, best_truncation
from skattn.utils._targets import announced_classes, check_targets, check_weights, checked_tuple
from skattn.utils._warnings import warn
from skattn.vectorizer._tokens import check_analysis

PARTS = ("network", "linear")
_OF_OUR_VOCABULARY = ("vocabulary", "embeddings", "n_features", "max_features", "unknown")
_MAX_SEED = 2**31 - 1


def fit_both(estimator, X, y, sample_weight, validation_data=None):
    """Fit the parts of a `TextClassifier`.

    Returns
    -------
    fitted : dict
        The attributes to set.
    interruption : KeyboardInterrupt or None
        To raise when they are set.
    """
    with reported(type(estimator).__name__, estimator.verbose > 1):
        return _fit_both(estimator, X, y, sample_weight, validation_data)


def _fit_both(estimator, X, y, sample_weight, validation_data):
    kept = _parts_of(estimator)
    columns = column_names(estimator.columns)
    before = vars(estimator).copy() if estimator.warm_start else {}
    continued = before.get("network_") if "network" in kept else None
    classes = None
    if continued is not None:
        _refuse_other_columns(before.get("feature_names_in_"), columns)
        _parts.refuse_lost_path(continued[0], estimator)
        classes = before["classes_"]
    weights, network = (sample_weight, estimator.class_weight), "network" in kept
    data = checked(texts_of(X, columns), y, *weights, classes, network)
    given = _given(estimator)
    if not network:
        model = None
    else:  # a network that is continued has its pretrained model already
        model = model_of(given["pretrained"]) if continued is None else model_in(continued)
    facts = _facts(data.texts, len(data.classes), given, model, kept)
    settings = _rules.settings_of(facts, given, model, kept)
    if continued is not None:
        settings |= _still_open(before["settings_"], given, settings)
        if hasattr(continued[0], "embeddings_"):  # the width of the vectors
            settings.pop("embedding_dim", None)
    elif "truncation" in settings and model is not None and not model.static:
        with stage("trial for the truncation"):
            length = given["max_length"] or settings["max_length"].value
            settings["truncation"] = _truncation(data, length, facts.spaces)
    params = _rules.filled_in(given, settings)
    fitted, interruption = _fitted_facts(data.classes, settings, data.y.ndim == 2, columns), None
    judged = kept if list(before.get("weights_", ())) != kept else []  # a warm start keeps them
    trial = Trial(judged, data, given, facts, model, estimator.n_jobs)
    settings_of_sklearn = {"enable_metadata_routing": False, "transform_output": "default"}
    held_out = _held_out(validation_data, columns)
    if held_out is not None and not network:
        warn("validation_data has no effect with network=False: only the network uses it.")
    with (
        config_context(**settings_of_sklearn),
        fit_within(type(estimator).__name__),
        contextlib.closing(trial),
        _bar(estimator, params, trial) as bar,
    ):
        trial.begin(bar)
        if "linear" in kept:
            with stage("linear model"):
                fitted["linear_"] = _parts.fit_linear(data, params, estimator.n_jobs)
        if not judged:
            fitted["weights_"] = before["weights_"]
        elif not trial.beside:
            fitted["weights_"] = trial.weights()
        if "network" in kept:
            network = _parts.fit_network(data, params, continued, bar, held_out)
            fitted["network_"], interruption = network
        if trial.beside:  # the trial ran in other processes while the network was trained
            fitted["weights_"], interruption = _weights_beside(trial, interruption)
    return fitted, interruption


def _weights_beside(trial, interruption):
    """The weights, and the Ctrl-C that ended the training or came while we waited for them."""
    if interruption is None:
        try:
            return trial.weights(), None
        except KeyboardInterrupt as error:
            interruption = error
    weights = trial.usual_weights()
    warn(
        "The fit was interrupted before the weights of the network and of the linear model were "
        f"learned. weights_ has the default values {weights}."
    )
    return weights, interruption


def fit_chunk(estimator, X, y, classes, sample_weight):
    """One epoch of the network on a chunk of texts: the attributes to set."""
    columns, given = column_names(estimator.columns), _given(estimator)
    classes = None if classes is None else announced_classes(classes)
    texts = texts_of(X, columns)
    y, multilabel = check_targets(y, "TextClassifier")
    kept, weights = check_weights(sample_weight, texts, y)
    texts, y = [texts[row] for row in kept], y[kept]
    weights = None if sample_weight is None else weights
    if "network_" in vars(estimator):
        _refuse_other_columns(vars(estimator).get("feature_names_in_"), columns)
        _parts.refuse_lost_path(estimator.network_[0], estimator)
        settings = _still_open(estimator.settings_, given)
        vectorizer, classifier = _parts.make_network(_rules.filled_in(given, settings))
        params = classifier.get_params(deep=False)
        kept = _parts.kept_vectorizer(estimator.network_[0], vectorizer)
        for name in ("vocabulary_size", "embeddings"):
            params[name] = getattr(estimator.network_[-1], name)
        vectorizer, classifier = kept, _parts.continued(estimator.network_[-1], params)
        ids = vectorizer.transform(texts)
    else:
        n_classes = y.shape[1] if multilabel else len(np.unique(y))
        n_classes = n_classes if classes is None else len(classes)
        model = model_of(given["pretrained"])
        facts = _facts(texts, n_classes, given, model, ["network"])
        settings = _rules.settings_of(facts, given, model, ["network"])
        vectorizer, classifier = _parts.make_network(_rules.filled_in(given, settings))
        ids = vectorizer.fit_transform(texts)
        if given["pretrained"] is None:
            classifier.set_params(vocabulary_size=vectorizer.vocabulary_size_)
        if vectorizer.embeddings is not None:
            classifier.set_params(embeddings=vectorizer.embeddings_)
    with fit_within(keeps=False):
        classifier.partial_fit(ids, y, classes, weights)
    return _fitted_facts(classifier.classes_, settings, multilabel, columns) | {
        "network_": _parts.as_pipeline(vectorizer, classifier),
        "weights_": {"network": 1.0},
    }


def weighted_mean(fitted, texts):
    """The mean of the probabilities of the fitted parts, by their weights.

    Parameters
    ----------
    fitted : dict
        The attributes of a fitted `TextClassifier`.
    texts : list of str

    Returns
    -------
    probabilities : ndarray of shape (n_texts, n_classes), float64
    """
    with np.errstate(invalid="ignore"):  # non-finite values raise an error below
        total = sum(
            weight * _weighting.probabilities(fitted[f"{name}_"], texts, fitted["classes_"])
            for name, weight in fitted["weights_"].items()
        )
    if not np.all(np.isfinite(total)):
        raise ValueError(
            "The model gives probabilities that are not finite: its file is damaged, or its "
            "training diverged. Fit it again."
        )
    if fitted["_multilabel"]:
        return np.clip(total, 0.0, 1.0)
    return total / total.sum(axis=1, keepdims=True)


def learns_in_chunks(estimator):
    """Whether `partial_fit` is possible."""
    if not estimator.network:
        raise AttributeError(
            "partial_fit trains the network, and network=False leaves it out: set network=True and "
            "linear=False."
        )
    if estimator.linear:
        raise AttributeError(
            "partial_fit trains the network alone, since a linear support vector machine does not "
            "learn in chunks: set linear=False."
        )
    return True


def _held_out(given, columns):
    """The user's validation data, with its texts as a list."""
    if given is None:
        return None
    given = checked_tuple(given)
    try:
        return (texts_of(given[0], columns), *given[1:])
    except ValueError as error:
        raise ValueError(f"validation_data: {error}") from error


def _facts(texts, n_classes, given, model, kept):
    """The facts of the rules; whether tokens repeat is asked only where a rule needs it."""
    facts = _rules.facts_of(texts, n_classes)
    settings = _rules.settings_of(facts, given, model, kept)
    if "min_df" not in settings or settings["min_df"].value == 1:
        return facts
    params = _rules.filled_in(given, settings)
    return facts._replace(repeats=_parts.tokens_repeat(texts, params, kept))


def _truncation(data, max_length, spaces):
    """The part of long texts to read; compared where the length to cut is known."""
    if isinstance(max_length, Integral):
        return best_truncation(data.texts, data.y, data.weights, max_length, spaces)
    return _rules.Setting(USUAL, "not compared where max_length is a share of the texts")


def _still_open(settings, given, now=None):
    """The settings of an earlier fit, of the parameters that the user still leaves to rules.

    Averaging depends on early stopping, which may have changed: the settings `now` decide. Without
    them, there is none with early stopping, and otherwise it stays as it was.
    """
    earlier = _rules.from_plain(settings)
    if "weight_averaging" in earlier:
        if now is not None and "weight_averaging" in now:
            earlier["weight_averaging"] = now["weight_averaging"]
        elif given["early_stopping"]:
            earlier["weight_averaging"] = _rules.about_averaging(given)
    return {name: setting for name, setting in earlier.items() if given[name] is None}


def _refuse_other_columns(before, now):
    before = None if before is None else before.tolist()
    if before != now:
        raise ValueError(f"columns={now!r} are not those of the fit before: {before!r}.")


def _fitted_facts(classes, settings, multilabel, columns):
    return {
        "classes_": classes,
        "settings_": _rules.as_plain(settings),
        "_multilabel": multilabel,
    } | facts_of_columns(columns)


def _parts_of(estimator):
    kept = [name for name in PARTS if getattr(estimator, name)]
    if not kept:
        raise ValueError("network=False and linear=False leave nothing to fit: keep one of them.")
    return kept


def _given(estimator):
    """The parameters, with one number as the seed of both parts."""
    given = estimator.get_params(deep=False)
    beside = [name for name in _OF_OUR_VOCABULARY if given[name] is not None]
    if given["pretrained"] is not None and beside:
        raise ValueError(
            f"{' and '.join(beside)} cannot be set beside pretrained: the model has its own "
            "tokenizer and vectors. Choose one."
        )
    check_analysis(given)
    seed = given["random_state"]
    if seed is not None and not isinstance(seed, (int, np.integer)):
        given["random_state"] = int(check_random_state(seed).randint(_MAX_SEED))
    return given


@contextlib.contextmanager
def _bar(estimator, params, trial):
    """One progress bar for the whole fit, or None."""
    if not estimator.verbose or not estimator.network:
        yield None
        return
    bar = WholeFitBar(params["epochs"] + trial.n_epochs, type(estimator).__name__)
    try:
        yield bar
    finally:
        bar.close()
