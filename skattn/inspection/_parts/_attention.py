"""Find the attention networks inside a fitted model and read values per token from them.

They are found by what an object can do (``attention_weights``, ``token_spans``), so that nothing
here imports an estimator, or TensorFlow.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from skattn.inspection._parts._fitted_models import (
    final_model,
    hidden_by_columns,
    transformed,
    voters_of,
)
from skattn.inspection._parts._readings import CannotSplit, in_words
from skattn.utils._at_hand import once
from skattn.utils._texts import text_list


class TokenValues(NamedTuple):
    """One value per token of one text, and the share of the decision that they account for."""

    text: str  # as the vectorizer saw it
    spans: np.ndarray  # (n_tokens, 2), characters of `text`
    values: np.ndarray  # (n_tokens,)
    share: float


class AttentionNetwork:
    """One classifier with `attention_weights`, and the steps that turn texts into its ids."""

    def __init__(self, text_steps, vectorizer, classifier):
        self.text_steps = text_steps
        self.vectorizer = vectorizer
        self.classifier = _nameless(classifier)
        self.classes_ = np.asarray(classifier.classes_)

    def read(self, texts):
        """The texts as the vectorizer saw them, their ids and the spans of their tokens."""
        seen = text_list(transformed(self.text_steps, texts))
        return once(self.vectorizer, "tokens", seen, partial(self._tokens, seen))

    def _tokens(self, seen):
        ids = np.asarray(self.vectorizer.transform(seen))
        return seen, ids, self.vectorizer.token_spans(seen)

    def networks(self):
        """Every attention network in this part of the model."""
        return [self]

    def attention(self, texts, positions):
        """Attention per token of each text; `positions` (the class explained) is not needed."""
        measure = getattr(self.classifier, "_attention_on_tokens", None)
        found = self._per_token(texts, measure or self.classifier.attention_weights)
        return [_normalized(values) if rest else values for values, rest in found]

    def gradients(self, texts, positions):
        """Gradient x input per token for the class at each of `positions`; -1 gives zeros."""

        def known_classes_only(ids):
            gradients = self.classifier._gradient_times_input(ids, np.maximum(positions, 0))
            return np.asarray(gradients) * (positions >= 0)[:, None]

        return [values for values, _ in self._per_token(texts, known_classes_only)]

    def segments(self, texts):
        """Spans and weights of each text's segments; None with one level of attention."""
        length = getattr(self.classifier, "_fitted_segment_length", None)
        if not length:
            return None
        _, ids, every = self.read(texts)
        weights = self.classifier.segment_attention_weights(ids)
        found = []
        for spans, row in zip(every, weights, strict=True):
            firsts = np.arange(0, len(spans), length)
            lasts = np.minimum(firsts + length, len(spans)) - 1
            limits = np.stack([spans[firsts, 0], spans[lasts, 1]], axis=1)
            limits[:-1, 1] = np.minimum(limits[:-1, 1], limits[1:, 0])  # n-grams may overlap
            found.append((limits, row[: len(firsts)].astype(np.float64)))
        return found

    def _per_token(self, texts, measure):
        """The values on the words of each text, and what lies on no word."""
        seen, ids, spans = self.read(texts)
        values = np.asarray(measure(ids), dtype=np.float64)  # (n_texts, max_length)
        found = []
        for text, span, value, kept in zip(seen, spans, values, ids != 0, strict=True):
            words, own, rest = in_words(self.vectorizer, str(text), span, value[kept])
            found.append((TokenValues(str(text), words, own, 1.0), rest))
        return found


class Mixture:
    """Models whose probabilities are averaged; some of them have attention networks.

    If `weights` is None the models differ in their training data only and count the same. Otherwise
    they vote, and each counts by its contribution to the predicted class.
    """

    def __init__(self, steps, models, parts, weights, classes):
        self.steps = steps
        self.models = models
        self.parts = parts  # one a model, None where it has no attention
        self.votes = weights is not None
        weights = np.asarray(weights if self.votes else np.ones(len(parts)), dtype=np.float64)
        self.weights = weights / weights.sum()
        self.classes_ = np.asarray(classes)

    def networks(self):
        """Every attention network in this part of the model."""
        return [net for part in self.parts if part is not None for net in part.networks()]

    def attention(self, texts, positions):
        """Attention per token, averaged by each member's share of the decision."""
        shares = self._shares(texts, positions) if self.votes else self._constant(texts)
        merged = self._merge("attention", texts, positions, shares)
        return [_normalized(values) for values in merged]

    def gradients(self, texts, positions):
        """Gradient x input of the mixture's probability, as far as it runs through attention."""
        return self._merge("gradients", texts, positions, self._constant(texts))

    def _constant(self, texts):
        return np.repeat(self.weights[:, None], len(texts), axis=1)  # (n_members, n_texts)

    def _shares(self, texts, positions):
        """Each member's part of the predicted class's probability: (n_members, n_texts)."""
        X = transformed(self.steps, texts)
        rows = np.arange(len(texts))
        votes = np.zeros((len(self.models), len(texts)))
        for member, (model, weight) in enumerate(zip(self.models, self.weights, strict=True)):
            own = self._own_positions(model, positions)
            probabilities = once(model, "probabilities", X, partial(model.predict_proba, X))
            probabilities = np.asarray(probabilities)[rows, np.maximum(own, 0)]
            votes[member] = weight * np.where(own >= 0, probabilities, 0.0)
        total = votes.sum(axis=0)
        return np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)

    def _own_positions(self, model, positions):
        """Positions in the member's own classes, which may lack one; -1 then."""
        if len(model.classes_) == len(self.classes_):  # VotingClassifier encodes its labels
            return positions
        place = {label: position for position, label in enumerate(model.classes_)}
        return np.array([place.get(self.classes_[position], -1) for position in positions])

    def _merge(self, measure, texts, positions, coefficients):
        answers = []
        for part, model, row in zip(self.parts, self.models, coefficients, strict=True):
            if part is not None:
                own = self._own_positions(model, positions)
                answers.append((getattr(part, measure)(texts, own), row))
        return [
            _weighted_union([(values[i], row[i]) for values, row in answers])
            for i in range(len(texts))
        ]


def _nameless(classifier):
    """A view of a classifier that takes ids without feature names, although it was fitted on some.

    A vectorizer with ``set_output(transform="pandas")`` gives them; here all ids are arrays.
    """
    if not hasattr(classifier, "feature_names_in_"):
        return classifier
    view = object.__new__(type(classifier))
    vars(view).update(vars(classifier))
    del vars(view)["feature_names_in_"]
    return view


def find_attention(model, steps=()):
    """The :class:`AttentionNetwork` or :class:`Mixture` within `model`; None where none is."""
    model, steps = final_model(model, steps)
    network = find_network(model, steps)
    ensemble = None if network is not None else voters_of(model)
    if ensemble is None:
        return network
    parts = [find_attention(member, steps) for member in ensemble.models]
    if all(part is None for part in parts):
        return None
    if len(parts) == 1 and ensemble.weights is None:
        return parts[0]
    return Mixture(steps, ensemble.models, parts, ensemble.weights, model.classes_)


def find_network(model, steps):
    """The :class:`AttentionNetwork` that `model` is behind its steps; None for another model."""
    return _network(model, steps) if hasattr(model, "attention_weights") else None


def predicts_the_most_probable(model):
    """Whether `predict` is known to be the argmax of `predict_proba`, so that one will do."""
    if hasattr(model, "best_estimator_") or isinstance(model, Pipeline):
        last = getattr(model, "best_estimator_", None)
        return predicts_the_most_probable(model.steps[-1][1] if last is None else last)
    known = ("attention_weights", "calibrated_classifiers_", "voting", "network_")
    return any(hasattr(model, name) for name in known)


def _network(classifier, steps):
    places = [i for i, step in enumerate(steps) if hasattr(step, "token_spans")]
    for vectorizer in (steps[i] for i in places):
        try:
            vectorizer.token_spans([""])
        except ValueError as error:
            raise CannotSplit(str(error)) from error
    name = type(classifier).__name__
    if not places:
        raise TypeError(
            hidden_by_columns(steps)
            or f"{name} reads token ids, and no SequenceVectorizer stands before it to say which "
            "words they are: explain the fitted Pipeline from texts, not the classifier alone."
        )
    if places[-1] != len(steps) - 1:
        between = ", ".join(type(step).__name__ for step in steps[places[-1] + 1 :])
        raise TypeError(
            f"{between} stands between SequenceVectorizer and {name}: its columns are no longer "
            "the tokens of the text, so the attention cannot be put on the words."
        )
    return AttentionNetwork(steps[:-1], steps[-1], classifier)


def _weighted_union(parts):
    """Sum of (TokenValues, coefficient) pairs over the union of their spans."""
    text = parts[0][0].text
    if any(values.text != text for values, _ in parts):
        raise ValueError(
            "The attention members of this model read different texts (their steps before "
            "SequenceVectorizer differ), so their words cannot be matched. Explain each "
            "member separately."
        )
    total = {}
    for values, coefficient in parts:
        for span, value in zip(values.spans.tolist(), values.values, strict=True):
            total[tuple(span)] = total.get(tuple(span), 0.0) + coefficient * value
    spans = np.array(sorted(total), dtype=np.intp).reshape(-1, 2)
    first = parts[0][0].spans
    agree = all(np.array_equal(values.spans, first) for values, _ in parts)
    if not agree and np.any(spans[1:, 0] < spans[:-1, 1]):
        raise ValueError(
            "The attention members of this model cut the text into different tokens: explain "
            "each member by itself."
        )
    summed = np.array([total[tuple(span)] for span in spans.tolist()], dtype=np.float64)
    share = sum(coefficient * values.share for values, coefficient in parts)
    share = 1.0 if share > 1 - 1e-9 else float(share)  # a sum of rounded weights
    return TokenValues(text, spans, summed, share)


def _normalized(values):
    total = values.values.sum()
    return values._replace(values=values.values / total) if total > 0 else values
