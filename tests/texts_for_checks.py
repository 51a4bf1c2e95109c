"""scikit-learn's checks feed rows of numbers; here the rows become texts on their way."""

import numpy as np
from sklearn.utils.validation import check_array

from skattn import SequenceVectorizer, TextClassifier

_COLUMNS = "texts have no columns to count"
EXPECTED_TO_FAIL = {
    "check_n_features_in": _COLUMNS,
    "check_n_features_in_after_fitting": _COLUMNS,
    "check_classifiers_train": f"{_COLUMNS}, which its last step does",
    "check_transformer_general": f"{_COLUMNS}, which its last step does",
    "check_sample_weight_equivalence_on_dense_data": "TF-IDF counts texts, not weights",
    "check_transformer_preserve_dtypes": "ids are whole numbers, whatever the texts were made of",
}


def as_texts(X):
    """One text a row: a word for each column, of its number and its rounded value."""
    values = np.round(2 * np.asarray(check_array(X), dtype=float)).astype(int)
    return [
        " ".join(f"c{column}v{value}".replace("-", "m") for column, value in enumerate(row))
        for row in values
    ]


class _OnRows:
    """Mixin of an estimator of texts that takes rows of numbers."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = False, True
        return tags

    def transform(self, X):
        return super().transform(as_texts(X))


class ClassifierOnRows(_OnRows, TextClassifier):
    """`TextClassifier` of rows of numbers."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(as_texts(X), y, sample_weight)

    def fit_transform(self, X, y=None, sample_weight=None):
        return self.fit(X, y, sample_weight).transform(X)

    def predict(self, X):
        return super().predict(as_texts(X))

    def predict_proba(self, X):
        return super().predict_proba(as_texts(X))


class VectorizerOnRows(_OnRows, SequenceVectorizer):
    """`SequenceVectorizer` of rows of numbers."""

    def fit(self, X, y=None):
        return super().fit(as_texts(X), y)

    def fit_transform(self, X, y=None):
        return super().fit_transform(as_texts(X), y)
