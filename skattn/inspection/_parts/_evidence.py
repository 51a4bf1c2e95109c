"""Find what can be split up inside a fitted model, and what each word adds to its probabilities.

Everything is found by what an object can do, so that nothing here imports an estimator of ours or
TensorFlow. Each part of a model reads texts and gives one :class:`Reading` a text; a vote is the
weighted mean of its parts' readings, a calibration carries them through its calibrators.
"""

from functools import partial

import numpy as np

from skattn.inspection._parts._attention import find_network
from skattn.inspection._parts._fitted_models import (
    final_model,
    hidden_by_columns,
    names_from_outside_in,
    transformed,
    voters_of,
)
from skattn.inspection._parts._linear import LinearModel, reads_words
from skattn.inspection._parts._readings import CannotSplit, Reading, in_words, mean_of
from skattn.utils._additive import carried
from skattn.utils._targets import as_plain_labels

TOLERANCE = 1e-4  # between a probability as it was followed here and as the model gives it


def find_evidence(model, steps=()):
    """Return what gives the :class:`Reading` of each text, by its method ``evidence``.

    Raises
    ------
    CannotSplit
        If some part of the model cannot be split up; the message names it.
    """
    model, steps = final_model(model, steps)
    network = find_network(model, steps)
    if network is not None:
        return _NetworkEvidence(network)
    if hasattr(model, "calibrated_classifiers_"):
        return _CalibratedEvidence(model, steps)
    ensemble = voters_of(model)
    if ensemble is not None:
        return _VoteEvidence(ensemble, steps, model.classes_)
    if hasattr(model, "cv_results_") and model.refit is False:
        raise CannotSplit(
            f"{type(model).__name__}(refit=False) keeps no fitted model. Set refit=True."
        )
    if not hasattr(model, "predict_proba") and not hasattr(model, "decision_function"):
        raise CannotSplit(f"{names_from_outside_in(model)} gives no probabilities.")
    if reads_words(steps):
        return _LinearEvidence(LinearModel(model, steps))
    raise CannotSplit(
        hidden_by_columns(steps)
        or "Evidence can be computed for a SequenceVectorizer followed by an "
        "AttentionTextClassifier, for a TfidfVectorizer or CountVectorizer followed by a linear "
        "classifier, and for soft voting or calibration of these, but not for "
        f"{names_from_outside_in(model)}."
    )


class _NetworkEvidence:
    def __init__(self, network):
        self.network = network
        if not hasattr(network.classifier, "_evidence_on_tokens"):
            name = type(network.classifier).__name__
            raise CannotSplit(f"{name} shows attention, but not what each word adds to its answer.")

    def evidence(self, texts):
        """One :class:`Reading` a text."""
        seen, ids, spans = self.network.read(texts)
        values, base = self.network.classifier._evidence_on_tokens(ids)
        readings = []
        for row, (text, span, start) in enumerate(zip(seen, spans, base, strict=True)):
            words, own, rest = in_words(self.network.vectorizer, str(text), span, values[row])
            values[row] = None  # not needed any more, and large where there are many classes
            readings.append(Reading(str(text), words, own, start + rest))
        return readings

    def vectorizers(self):
        """What reads the texts."""
        return [self.network.vectorizer]


class _LinearEvidence:
    def __init__(self, linear):
        self.linear = linear

    def vectorizers(self):
        """What reads the texts."""
        return [reader.vectorizer for reader in self.linear.readers]

    def evidence(self, texts):
        """One :class:`Reading` a text, of probabilities."""
        margins, probabilities = self.linear.read(texts)
        return [
            self.linear.in_probabilities(reading, row)
            for reading, row in zip(margins, probabilities, strict=True)
        ]

    def margins(self, texts):
        """One :class:`Reading` a text, of what `decision_function` gives."""
        return self.linear.margins(texts)


class _VoteEvidence:
    def __init__(self, ensemble, steps, classes):
        weights = np.asarray(ensemble.weights, dtype=float)
        kept = np.flatnonzero(weights)
        self.weights = weights[kept] / weights.sum()
        self.models = [ensemble.models[i] for i in kept]
        self.parts = [find_evidence(model, steps) for model in self.models]
        self.classes = np.asarray(classes)

    def vectorizers(self):
        """What reads the texts."""
        return [vectorizer for part in self.parts for vectorizer in part.vectorizers()]

    def evidence(self, texts):
        """One :class:`Reading` a text: the weighted mean."""
        readings = [
            [_in_classes(reading, model, self.classes) for reading in part.evidence(texts)]
            for part, model in zip(self.parts, self.models, strict=True)
        ]
        return [mean_of(each, self.weights) for each in zip(*readings, strict=True)]


class _CalibratedEvidence:
    def __init__(self, model, steps):
        self.members = model.calibrated_classifiers_
        self.parts = [find_evidence(member.estimator, steps) for member in self.members]
        self.steps = steps
        for member, part in zip(self.members, self.parts, strict=True):
            if hasattr(member.estimator, "decision_function") and not hasattr(part, "margins"):
                name = names_from_outside_in(member.estimator)
                raise CannotSplit(
                    f"CalibratedClassifierCV calibrates the decision_function of {name}, whose "
                    "words' part is not known."
                )

    def vectorizers(self):
        """What reads the texts."""
        return [vectorizer for part in self.parts for vectorizer in part.vectorizers()]

    def evidence(self, texts):
        """One :class:`Reading` a text: the mean over the calibrated members."""
        readings = []
        X = transformed(self.steps, texts)
        for member, part in zip(self.members, self.parts, strict=True):
            margins = hasattr(member.estimator, "decision_function")
            read = part.margins(texts) if margins else part.evidence(texts)
            found = [_calibrated(member, reading, margins) for reading in read]
            _check(found, member.predict_proba(X), type(member.calibrators[0]).__name__)
            readings.append(found)
        weights = np.full(len(readings), 1 / len(readings))
        return [mean_of(each, weights) for each in zip(*readings, strict=True)]


def _calibrated(member, reading, margins):
    """A reading of a member's answers, through its calibrators."""
    values, base = carried(partial(_calibrate, member, margins), reading.values, reading.base)
    return reading._replace(values=values, base=base)


def _calibrate(member, margins, answers):
    """What scikit-learn makes of a member's answers of shape (..., n_outputs)."""
    rows = answers.reshape(-1, answers.shape[-1])
    n_classes = len(member.classes)
    if member.method == "temperature":
        if not margins:
            rows = np.clip(rows, 0, 1) / np.clip(rows, 0, 1).sum(axis=1, keepdims=True)
        found = member.calibrators[0].predict(rows)
    else:
        columns = rows.T if margins or rows.shape[1] > 2 else rows.T[1:]
        pairs = zip(member.calibrators, columns, strict=True)
        each = np.stack([calibrator.predict(column) for calibrator, column in pairs], axis=1)
        if n_classes == 2:
            found = np.concatenate([1 - each, each], axis=1)
        else:
            found = np.zeros((len(rows), n_classes))
            # if a fold had two classes, scikit-learn fills the column of the first
            places = np.searchsorted(member.classes, member.estimator.classes_)
            found[:, places[: each.shape[1]]] = each
            total = found.sum(axis=1, keepdims=True)
            even = np.full_like(found, 1 / n_classes)
            found = np.divide(found, total, out=even, where=total > 0)
    return found.reshape(*answers.shape[:-1], n_classes)


def _check(readings, probabilities, name):
    sums = np.array([reading.base + reading.values.sum(axis=0) for reading in readings])
    if np.abs(sums - probabilities).max(initial=0) > 10 * TOLERANCE:
        raise CannotSplit(f"The words' part cannot be followed through the calibration by {name}.")


def _in_classes(reading, model, classes):
    """The reading in the order of the whole model's classes; a member may lack some."""
    own = np.asarray(model.classes_)
    if len(own) == len(classes):  # VotingClassifier encodes its labels
        return reading
    place = {label: position for position, label in enumerate(as_plain_labels(classes))}
    columns = [place[label] for label in as_plain_labels(own)]
    values = np.zeros((len(reading.values), len(classes)))
    base = np.zeros(len(classes))
    values[:, columns], base[columns] = reading.values, reading.base
    return reading._replace(values=values, base=base)
