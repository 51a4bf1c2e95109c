"""The linear model of `TextClassifier`: character TF-IDF, log-count ratios, probabilities."""

import array
from collections import Counter, defaultdict
from numbers import Real

import numpy as np
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skattn.utils._saved_state import Stored
from skattn.vectorizer._tokens import (
    build_find_words,
    build_preprocess,
    check_analysis,
    checked_tokens,
    composed_stop_words,
)

SHARPNESS = 4.0


class UnicodeTfidf(Stored, TfidfVectorizer):
    """`TfidfVectorizer` for all scripts, several times as fast for ``analyzer="char_wb"``.

    Combining marks, such as the vowel signs of Hindi, do not end a word, and accented letters are
    first composed, as in `SequenceVectorizer`. Otherwise the features are those of scikit-learn.

    N-grams of characters within words do not depend on neighboring words, so the counts of a text
    are the sum of the counts of its words: a product of two sparse matrices, (texts x distinct
    words) times (distinct words x n-grams). Parameters and attributes are those of
    `sklearn.feature_extraction.text.TfidfVectorizer`.

    Examples
    --------
    >>> from skattn.recipe._linear import UnicodeTfidf
    >>> vectorizer = UnicodeTfidf(analyzer="char_wb", ngram_range=(2, 3)).fit(["to be"])
    >>> vectorizer.get_feature_names_out().tolist()
    [' b', ' be', ' t', ' to', 'be', 'be ', 'e ', 'o ', 'to', 'to ']
    """

    keeps_marks = True  # for explanations, which find the tokens in the text
    _parameter_constraints = TfidfVectorizer._parameter_constraints | {
        "input": [StrOptions({"content"})],  # the others would open the files that texts name
        "dtype": [Options(type, {np.float32, np.float64})],
    }
    _check_parameters = staticmethod(check_analysis)

    def build_preprocessor(self):
        """scikit-learn's preprocessing, of a text with composed accents."""
        return build_preprocess(super().build_preprocessor(), self.preprocessor)

    def get_stop_words(self):
        """scikit-learn's, with composed accents as the texts have."""
        return composed_stop_words(self, super().get_stop_words())

    def build_tokenizer(self):
        """scikit-learn's tokenizer, with marks as letters."""
        return build_find_words(super().build_tokenizer(), self.tokenizer, self.token_pattern)

    def build_analyzer(self):
        """scikit-learn's analyzer; a user's own must return tokens."""
        analyzer = super().build_analyzer()
        return checked_tokens(analyzer, "analyzer") if callable(self.analyzer) else analyzer

    def _count_vocab(self, raw_documents, fixed_vocab):
        """Count as `CountVectorizer` does, in `fit` and in `transform`."""
        if self.analyzer != "char_wb":
            return super()._count_vocab(raw_documents, fixed_vocab)
        preprocess = self.build_preprocessor()
        words = _Numbered()
        texts = _rows(
            (
                Counter(map(words.__getitem__, preprocess(self.decode(text)).split()))
                for text in raw_documents
            ),
            words,
            self.dtype,
        )
        vocabulary = self.vocabulary_ if fixed_vocab else _Numbered()
        grams = self._counts_of_words(words, vocabulary)
        if not fixed_vocab:
            vocabulary = dict(vocabulary)
            if not vocabulary:
                raise ValueError("empty vocabulary; perhaps the texts hold white space only")
        counts = texts @ grams
        counts.sort_indices()
        return vocabulary, counts

    def _counts_of_words(self, words, vocabulary):
        """How often each n-gram of the vocabulary occurs in each word."""
        find = vocabulary.__getitem__ if isinstance(vocabulary, _Numbered) else vocabulary.get

        def counts_in(word):
            counts = Counter(map(find, self._char_wb_ngrams(word)))
            counts.pop(None, None)
            return counts

        return _rows(map(counts_in, words), vocabulary, self.dtype)


class _Numbered(defaultdict):
    """Keys, numbered in the order in which they are first asked for."""

    def __missing__(self, key):
        self[key] = number = len(self)
        return number


def _rows(counts, vocabulary, dtype):
    """Dictionaries {column: count} as a sparse matrix, with a column for each of a vocabulary.

    The dictionaries are read one at a time, while the vocabulary may still grow.
    """
    columns, values, ends = array.array("i"), array.array("i"), [0]
    for row in counts:
        columns.extend(row.keys())
        values.extend(row.values())
        ends.append(len(columns))
    parts = (np.asarray(values, dtype=dtype), np.asarray(columns, dtype=np.int32), ends)
    return sparse.csr_matrix(parts, shape=(len(ends) - 1, len(vocabulary)))


class LogCountRatio(Stored, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Weight each feature by how unevenly it is spread over the classes.

    For each class, let :math:`n` be the number of its texts that contain a feature, :math:`m` the
    number of other texts that do, and :math:`s` the share of the class in all texts. If the feature
    did not depend on the class, :math:`n_0 = s (n + m)` and :math:`m_0 = (1 - s) (n + m)` would be
    expected. The log-count ratio [1]_ of the feature and the class is

    .. math:: r = \log\frac{n + \alpha}{n_0 + \alpha} - \log\frac{m + \alpha}{m_0 + \alpha}

    and the column of the feature is multiplied by the square root of the largest :math:`|r|` of all
    classes. On validation splits, the root was more accurate than :math:`|r|` itself, and the
    largest of all classes gave better probabilities than their mean, with which the margins are
    small if there are many classes. Smoothing the expected counts too bounds the ratio of rare
    features: that of a feature of one text is below :math:`2 \log(1 + 1 / \alpha)`, however small
    its class. With one class nothing is changed.

    Parameters
    ----------
    alpha : float, default=1.0
        Added to the counts.

    Attributes
    ----------
    ratios_ : ndarray of shape (n_features,)
        The factor of each column.

    References
    ----------
    .. [1] Wang & Manning, "Baselines and bigrams: simple, good sentiment and topic
       classification", 2012, section 2. There, two classes are compared, each smoothed count is
       divided by the sum of those of its class, and the ratio is used without the root.

    Examples
    --------
    >>> from skattn.recipe._linear import LogCountRatio
    >>> LogCountRatio().fit([[1, 1], [0, 1]], ["a", "b"]).ratios_.round(2).tolist()
    [0.83, 0.0]
    """

    _parameter_constraints = {"alpha": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, *, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y, sample_weight=None):
        """Count in how many rows of each class each feature occurs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; None: 1.

        Returns
        -------
        self : object
        """
        self._validate_params()
        X, y = validate_data(self, X, y, accept_sparse="csr")
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        classes = np.unique(y[weights > 0])
        self.ratios_ = np.ones(X.shape[1])
        if len(classes) < 2:
            return self

        def count(rows):  # called twice for each class, or all counts would be in memory
            return weights[rows] @ (X[rows] > 0)

        total, largest = sum(count(y == label) for label in classes), np.zeros(X.shape[1])
        for label in classes:
            inside, share = count(y == label), weights[y == label].sum() / weights.sum()
            outside = np.maximum(total - inside, 0)  # rounding may lead below 0
            ratios = self._log_ratio(inside, share * total)
            ratios -= self._log_ratio(outside, (1 - share) * total)
            np.maximum(largest, np.abs(ratios), out=largest)
        self.ratios_ = np.sqrt(largest)
        return self

    def _log_ratio(self, found, expected):
        return np.log(found + self.alpha) - np.log(expected + self.alpha)

    def transform(self, X):
        """Multiply each column by its factor.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        if sparse.issparse(X):
            return X @ sparse.diags_array(self.ratios_)
        return X * self.ratios_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


class MarginClassifier(Stored, LinearSVC):
    """A linear support vector machine with probabilities.

    The probabilities are the softmax of four times the decision function, so that they can be
    averaged with those of a network. They rank the classes as the decision function does, and need
    no cross-validation. For calibrated probabilities use
    `sklearn.calibration.CalibratedClassifierCV`. The parameters are those of
    `sklearn.svm.LinearSVC`.

    Examples
    --------
    >>> from skattn.recipe._linear import MarginClassifier
    >>> clf = MarginClassifier(random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> clf.predict_proba([[0.0]]).round(1).tolist()
    [[0.9, 0.1]]
    """

    __metadata_request__fit = {"sample_weight": True}  # as an attribute, skops could not save it

    def predict_proba(self, X):
        """Softmax of four times the margins.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        margins = SHARPNESS * self.decision_function(X)
        if margins.ndim == 1:
            margins = np.stack([-margins, margins], axis=1)
        return softmax(margins, axis=1)
