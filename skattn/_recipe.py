"""`make_text_classifier`: the recommended pipeline for raw texts."""

from sklearn.pipeline import Pipeline

from skattn._sequences import SequenceVectorizer
from skattn._text import AttentionTextClassifier


def make_text_classifier(**params):
    vectorizer = {k: v for k, v in params.items() if k in SequenceVectorizer().get_params()}
    classifier = {k: v for k, v in params.items() if k not in vectorizer}
    return Pipeline(
        [
            ("vectorizer", SequenceVectorizer(**vectorizer)),
            ("classifier", AttentionTextClassifier(**classifier)),
        ]
    )
