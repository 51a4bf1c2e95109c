"""A linear model of counted words, split up: coefficient times value, shared among the words."""

import copy
import re

import numpy as np
from scipy import sparse
from scipy.special import expit, logit
from sklearn.base import OneToOneFeatureMixin
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import SVC, NuSVC

from skattn.inspection._parts._fitted_models import names_from_outside_in, transformed
from skattn.inspection._parts._readings import (
    CannotSplit,
    Reading,
    as_seen,
    innermost,
    onto,
    shared,
    touched,
    united,
    words_in,
)
from skattn.utils._additive import carried, settled, softmax
from skattn.vectorizer._tokens import build_token_spans, build_tokens

TOLERANCE = 1e-5  # of a probability
CERTAIN = 1e3  # a margin whose sigmoid is 1
SMALLEST = 1e-10  # a probability below says nothing exact of its logit
N_PROBES = 32  # rows of one feature each, besides the texts and a row of zeros


def reads_words(steps):
    """Whether one of the steps counts words, as `TfidfVectorizer` does."""
    return _place_of_counts(steps) is not None


class LinearModel:
    """A linear classifier and the steps that make its features from texts."""

    def __init__(self, classifier, steps):
        place = _place_of_counts(steps)
        self.classifier = classifier
        self.text_steps, self.steps = steps[:place], steps[place:]
        readers, width = _after(self.steps)
        self.coef, self.intercept = _coefficients(classifier, width)  # (n_outputs, n_features)
        if width != self.coef.shape[1]:
            raise CannotSplit(
                f"The steps give {width} features, but {type(classifier).__name__} has "
                f"coefficients for {self.coef.shape[1]}. Put the selection of features into a step "
                "before it."
            )
        self.readers = [_Reader(vectorizer, columns) for vectorizer, columns in readers]

    # -- margins -------------------------------------------------------------------------------

    def margins(self, texts):
        """One :class:`Reading` a text, of the margins."""
        return self._margins(texts)[0]

    def read(self, texts):
        """The margins, and the classifier's probabilities of each text."""
        if not hasattr(self.classifier, "predict_proba"):
            raise CannotSplit(
                f"{type(self.classifier).__name__} gives no probabilities to split up: wrap it in "
                "a CalibratedClassifierCV, or use LogisticRegression."
            )
        readings, X, margins = self._margins(texts)
        probabilities = np.asarray(self.classifier.predict_proba(X), dtype=np.float64)
        rows = self._probes(X)
        known = np.asarray(self.classifier.predict_proba(rows), dtype=np.float64)
        self.link = _link(  # a function, and the matrix from margins to what it reads
            np.concatenate([margins, self._responses(rows)]),
            np.concatenate([probabilities, known]),
            names_from_outside_in(self.classifier),
        )
        return readings, probabilities

    def _probes(self, X):
        """Rows whose margins are near the intercepts, in the format of X.

        A few texts alone do not tell how margins become probabilities: one text of two classes
        agrees with any slope.
        """
        largest = np.abs(self.coef).max(axis=0, initial=0)
        first = np.argsort(-largest, kind="stable")[:N_PROBES]
        first = first[largest[first] > 0]
        places = np.arange(1, len(first) + 1, dtype=np.int32), first.astype(np.int32)
        shape = (len(first) + 1, self.coef.shape[1])
        rows = sparse.csr_array((1 / largest[first], places), shape=shape)
        return rows if sparse.issparse(X) else rows.toarray()

    def _responses(self, X):
        return np.asarray(X @ self.coef.T) + self.intercept

    def _margins(self, texts):
        seen = transformed(self.text_steps, texts)
        X = transformed(self.steps, seen)
        margins = self._responses(X)
        empty = sparse.csr_array(transformed(self.steps, [""])).toarray()[0]
        rows = sparse.csr_array(X)
        readings = []
        for row, (text, response) in enumerate(zip(seen, margins, strict=True)):
            own = slice(rows.indptr[row], rows.indptr[row + 1])
            reading = self._of_text(str(text), rows.indices[own], rows.data[own], empty)
            readings.append(reading._replace(base=response - reading.values.sum(axis=0)))
        return readings, X, margins

    def _of_text(self, text, columns, values, empty):
        """Values on the words of one text, and no base yet."""
        order = np.argsort(columns)
        columns, values = columns[order], values[order]
        read = [reader.occurrences(text) for reader in self.readers]
        spans = np.zeros((0, 2), dtype=np.intp)
        for words in [words for words, _, _ in read if words is not None]:
            spans = united(spans, as_seen(text, words))
        if any(words is None for words, _, _ in read):
            spans = united(spans, words_in(text))
        total = np.zeros((len(spans), len(self.coef)))
        for words, found, numbers in read:
            place = np.searchsorted(columns, numbers)
            held = place < len(columns)
            held[held] = columns[place[held]] == numbers[held]
            found, numbers = found[held], numbers[held]
            _, same, counts = np.unique(numbers, return_inverse=True, return_counts=True)
            value = values[place[held]] - empty[numbers]
            each = self.coef[:, numbers].T * (value / counts[same])[:, None]
            if words is not None:
                first = np.searchsorted(words[:, 0], found[:, 0])
                stop = np.searchsorted(words[:, 1], found[:, 1], side="right")
                none = first >= stop  # a token without width
                first[none], stop[none] = touched(words, found[none])
                own = Reading(text, words, shared(first, stop, each, len(words)), 0.0)
                total += onto(spans, own).values
            else:
                total += shared(*touched(spans, found), each, len(spans))
        return Reading(text, spans, total, np.zeros(len(self.coef)))

    # -- probabilities -------------------------------------------------------------------------

    def in_probabilities(self, reading, probabilities):
        """A reading of margins as one of probabilities."""
        function, to_logits = self.link
        values, base = carried(function, reading.values @ to_logits, reading.base @ to_logits)
        values, base = settled(values, base, probabilities)
        return reading._replace(values=values, base=base)


class _Reader:
    """A fitted vectorizer, and the column of the features that each of its tokens has."""

    def __init__(self, vectorizer, columns):
        self.vectorizer = vectorizer
        self.columns = columns  # of the classifier's features, -1 where dropped
        self.vocabulary = vectorizer.vocabulary_
        self.of_words = vectorizer.analyzer == "word"
        marks = getattr(vectorizer, "keeps_marks", False)  # scikit-learn's end words at them
        _refuse_own_methods(vectorizer)
        try:
            self.spans = build_token_spans(vectorizer, marks)
        except ValueError as error:
            raise CannotSplit(str(error)) from error
        self.tokens = build_tokens(vectorizer, marks)
        if self.of_words:
            single = copy.copy(vectorizer)
            single.ngram_range = (1, 1)
            self.words = build_token_spans(single, marks)

        elif vectorizer.analyzer == "char_wb":
            self.preprocess = vectorizer.build_preprocessor()
            self.numbers_of, self.spans_of = {}, {}  # columns by word, spans by its length

    def occurrences(self, text):
        """The words (None for characters), and each token's span and column."""
        if not self.of_words and hasattr(self, "preprocess") and text.isascii():
            return None, *self._word_by_word(text)
        spans, numbers = self._read(text)
        words = None
        if self.of_words:
            # a character that becomes several tokens, as "½" without its form, is one word
            words = innermost(np.array(self.words(text), dtype=np.intp).reshape(-1, 2))
        return words, spans, numbers

    def _read(self, text):
        spans = np.array(self.spans(text), dtype=np.intp).reshape(-1, 2)
        numbers = self._columns_of(text)
        return spans[numbers >= 0], numbers[numbers >= 0]

    def _columns_of(self, text):
        """The column of each token, -1 where it has none."""
        numbers = np.array([self.vocabulary.get(token, -1) for token in self.tokens(text)], int)
        return np.where(numbers >= 0, self.columns[numbers], -1) if len(numbers) else numbers

    def _word_by_word(self, text):
        """N-grams within words of ASCII: those of a word are the same wherever it stands."""
        spans, numbers = [np.zeros((0, 2), dtype=np.intp)], [np.zeros(0, dtype=int)]
        for match in re.finditer(r"\S+", self.preprocess(text)):
            word, size = match[0], len(match[0])
            if word not in self.numbers_of:
                self.numbers_of[word] = self._columns_of(word)
            if size not in self.spans_of:
                spans_of_word = np.array(self.spans("x" * size), dtype=np.intp)
                self.spans_of[size] = spans_of_word.reshape(-1, 2)
            spans.append(self.spans_of[size] + match.start())
            numbers.append(self.numbers_of[word])
        spans, numbers = np.concatenate(spans), np.concatenate(numbers)
        return spans[numbers >= 0], numbers[numbers >= 0]


def _refuse_own_methods(vectorizer):
    """Refuse a subclass that reads texts in its own way, as scikit-learn suggests for stemming."""
    for name in ("build_analyzer", "build_preprocessor", "build_tokenizer", "decode"):
        home = getattr(type(vectorizer), name).__module__.partition(".")[0]
        if home not in ("sklearn", "skattn"):
            raise CannotSplit(
                f"{type(vectorizer).__name__} has its own {name}, which does not tell where in the "
                "text its tokens stand."
            )


def _place_of_counts(steps):
    """The number of the step that counts; None if none does."""
    return next((i for i, step in enumerate(steps) if _vectorizers(step)), None)


def _thawed(step):
    return _thawed(step.estimator) if isinstance(step, FrozenEstimator) else step


def _vectorizers(step):
    step = _thawed(step)
    if isinstance(step, FeatureUnion):
        return [v for _, part in step.transformer_list for v in _vectorizers(part)]
    if isinstance(step, Pipeline):
        return [v for _, part in step.steps for v in _vectorizers(part)]
    return [step] if hasattr(step, "build_analyzer") else []


def _after(steps):
    """[(vectorizer, its columns)] after all of the steps, and the number of columns."""
    readers, width = _at_the_start(steps[0])
    for step in steps[1:]:
        kept = _kept_columns(step, width)
        moved = np.full(width + 1, -1)  # the last for columns that are dropped already
        moved[kept] = np.arange(len(kept))
        readers = [(vectorizer, moved[columns]) for vectorizer, columns in readers]
        width = len(kept)
    return readers, width


def _is_skipped(step):
    return step is None or isinstance(step, str)  # "drop" or "passthrough"


def _at_the_start(step):
    """[(vectorizer, its columns)] and the number of columns that this step gives."""
    step = _thawed(step)
    if isinstance(step, Pipeline):
        return _after([part for _, part in step.steps if not _is_skipped(part)])
    if isinstance(step, FeatureUnion):
        readers, width = [], 0
        for _, part in step.transformer_list:
            if _is_skipped(part):
                continue
            found, wide = _at_the_start(part)
            readers += [(v, np.where(c >= 0, c + width, -1)) for v, c in found]
            width += wide
        return readers, width
    if not hasattr(step, "vocabulary_"):
        raise CannotSplit(
            f"{type(step).__name__} does not say which word each of its columns is: use a "
            "TfidfVectorizer or CountVectorizer."
        )
    return [(step, np.arange(len(step.vocabulary_)))], len(step.vocabulary_)


def _kept_columns(step, width):
    """Which of the columns a step keeps, each by itself."""
    step = _thawed(step)
    if hasattr(step, "get_support"):
        return step.get_support(indices=True)
    if isinstance(step, OneToOneFeatureMixin):
        return np.arange(width)
    raise CannotSplit(
        f"{type(step).__name__} may mix the columns of the counted words, so it is not known to "
        "which words the classifier's coefficients belong."
    )


def _coefficients(classifier, n_features):
    """(n_outputs, n_features) and (n_outputs,)."""
    if hasattr(classifier, "estimators_") and hasattr(classifier, "label_binarizer_"):
        models = classifier.estimators_  # of OneVsRestClassifier
        parts = [_of_one_label(model, n_features) for model in models]
        if all(len(coef) == 1 for coef, _ in parts):
            return np.concatenate([c for c, _ in parts]), np.concatenate([b for _, b in parts])
    elif isinstance(classifier, (SVC, NuSVC)) and len(classifier.classes_) > 2:
        raise CannotSplit(
            f"{names_from_outside_in(classifier)} compares classes in pairs, so it is not known "
            "what a word adds to one of them. Use LinearSVC."
        )
    elif hasattr(classifier, "coef_") and hasattr(classifier, "intercept_"):
        coef = classifier.coef_
        coef = np.atleast_2d(coef.toarray() if sparse.issparse(coef) else np.asarray(coef))
        return coef.astype(np.float64), np.zeros(len(coef)) + classifier.intercept_
    elif isinstance(classifier, (MultinomialNB, ComplementNB)):
        alone = isinstance(classifier, ComplementNB) and len(classifier.classes_) > 1
        prior = np.zeros(len(classifier.classes_)) if alone else classifier.class_log_prior_
        return classifier.feature_log_prob_, prior  # Rennie et al. leave the prior out
    raise CannotSplit(
        f"{names_from_outside_in(classifier)} is not linear in the counted words, so their part in "
        "its answer is not known."
    )


def _of_one_label(model, n_features):
    """The same; a label that all texts had, or none, is certain whatever the words."""
    if type(model).__name__ != "_ConstantPredictor":
        return _coefficients(model, n_features)
    certain = CERTAIN if model.predict([[0.0]])[0] else -CERTAIN
    return np.zeros((1, n_features)), np.array([certain])


# -- from margins to probabilities -----------------------------------------------------------------


def _link(margins, probabilities, name):
    """How the margins of a classifier become probabilities, found from its answers.

    By a softmax, sigmoids, or sigmoids that are made to sum to 1, of the margins times a number.

    Returns
    -------
    function : callable
    to_logits : ndarray of shape (n_margins, n_outputs)
        The function reads margins times this matrix.
    """
    if margins.shape[1] == 1 and probabilities.shape[1] == 2:
        to_logits = np.array([[0.0, 1.0]])
    else:
        to_logits = np.eye(margins.shape[1])
    logits = margins @ to_logits
    ways = [(softmax, 1.0), (_shares, 1.0)]
    if logits.shape == probabilities.shape:
        ways.append((softmax, _scale_of_softmax(logits, probabilities)))
        ways.append((expit, _scale_of_sigmoid(logits, probabilities)))
    for function, scale in ways:
        if _close(function(scale * logits), probabilities):
            return function, scale * to_logits
    raise CannotSplit(
        f"Evidence cannot be computed for {name}: it is not known how it computes probabilities "
        "from its decision function."
    )


def _shares(z):
    shares = expit(z)
    total = shares.sum(axis=-1, keepdims=True)
    even = np.full_like(shares, 1 / shares.shape[-1])  # as scikit-learn's SGDClassifier has it
    return np.divide(shares, total, out=even, where=total > 0)


def _close(found, probabilities):
    return found.shape == probabilities.shape and np.allclose(found, probabilities, atol=TOLERANCE)


def _scale_of_softmax(z, probabilities):
    """The number by which the margins are multiplied, from the differences of the logits."""
    known = probabilities > SMALLEST
    logs = np.log(np.maximum(probabilities, SMALLEST))
    most = probabilities.argmax(axis=1)[:, None]
    rise, run = (v - np.take_along_axis(v, most, axis=1) for v in (logs, z))
    return _slope(run[known], rise[known])


def _scale_of_sigmoid(z, probabilities):
    known = (probabilities > SMALLEST) & (probabilities < 1 - SMALLEST)
    return _slope(z[known], logit(probabilities[known]))


def _slope(x, y):
    total = float(x @ x)
    return float(x @ y) / total if total > 0 else 1.0
