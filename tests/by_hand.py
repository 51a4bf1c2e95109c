"""A model so simple that its explanations can be worked out by hand."""

import functools

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline

from skattn import SequenceVectorizer

VALUES = {"fine": 0.3, "good": 0.1, "film": 0.0, "the": 0.0, "dull": -0.3, "bad": -0.1}


class AddedValues(ClassifierMixin, BaseEstimator):
    """P(second class) is 0.5 plus the values of the words; attention follows their size."""

    def __init__(self, values=(), attention="values", random_state=None):
        self.values = values
        self.attention = attention
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.table_ = np.zeros(1000)
        self.table_[2 : 2 + len(self.values)] = self.values
        return self

    def predict_proba(self, X):
        second = np.clip(0.5 + self.table_[X].sum(axis=1), 0, 1)
        return np.stack([1 - second, second], axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def attention_weights(self, X):
        size = np.abs(self.table_[X]) + 0.01 if self.attention == "values" else np.ones(X.shape)
        if self.attention == "random":
            size = np.random.default_rng(self.random_state).uniform(size=X.shape)
        size = np.where(X != 0, size, 0.0)
        total = size.sum(axis=1, keepdims=True)
        return np.divide(size, total, out=np.zeros_like(size), where=total > 0)

    def _evidence_on_tokens(self, X):
        values = [self.table_[row[row != 0]] for row in X]
        return [np.stack([-v, v], axis=-1) for v in values], np.full((len(X), 2), 0.5)

    def _gradient_times_input(self, X, outputs):
        sign = np.where(np.asarray(outputs) == 1, 1.0, -1.0)
        return np.where(X != 0, self.table_[X] * sign[:, None], 0.0)


class Chooser(ClassifierMixin, BaseEstimator):
    """Fits the classifier that it is given, and answers through it."""

    def __init__(self, chosen):
        self.chosen = chosen

    def fit(self, X, y):
        self.estimator_ = clone(self.chosen).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        return self.estimator_.predict_proba(X)


def film_model(values=None, attention="values", labels=("bad", "good"), **vectorizer):
    """A fitted pipeline that knows the words of `values` (VALUES unless given)."""
    values = VALUES if values is None else values
    reader = SequenceVectorizer(vocabulary=list(values), **({"max_length": 12} | vectorizer))
    classifier = AddedValues(tuple(values.values()), attention=attention)
    pipeline = Pipeline([("vectorizer", reader), ("classifier", classifier)])
    return pipeline.fit(["the film"] * 4, list(labels) * 2)


def planted_texts(n_texts, seed):
    """Noise with one word that decides: texts, labels, and the number of that word."""
    rng = np.random.default_rng(seed)
    noise = [f"word{number}" for number in range(40)]
    texts, places = [], []
    for i in range(n_texts):
        words = list(rng.choice(noise, size=rng.integers(6, 14)))
        places.append(int(rng.integers(len(words))))
        words[places[-1]] = ("awful", "splendid")[i % 2]
        texts.append(" ".join(words))
    return texts, np.array(["bad", "good"] * (n_texts // 2)), places


@functools.cache
def trained_on_planted_texts(attention):
    """A network that must attend to decide (no recurrence carries words on), or cannot."""
    from skattn import AttentionTextClassifier

    texts, labels, _ = planted_texts(300, seed=0)
    classifier = AttentionTextClassifier(
        encoder="none",
        attention=attention,
        embedding_dim=16,
        epochs=12,
        learning_rate=1e-2,
        random_state=0,
    )
    pipeline = Pipeline([("vectorizer", SequenceVectorizer()), ("classifier", classifier)])
    return pipeline.fit(texts, labels)
