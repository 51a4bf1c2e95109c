"""`make_text_classifier`: the recommended classifier for raw texts."""

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from skattn.estimators._attention_text import AttentionTextClassifier
from skattn.recipe._choice import ChoiceByData
from skattn.recipe._linear import CharacterTfidf, LogCountRatio, MarginClassifier
from skattn.recipe._vote import TextVote
from skattn.vectorizer._sequence_vectorizer import SequenceVectorizer

WORDS_AND_SIGNS = r"(?u)\w+|[^\w\s]"

# chosen on inner validation splits of training parts; see the page on accuracy
SHARED = {
    "token_pattern": WORDS_AND_SIGNS,
    "min_df": 2,
    "attention": "additive",
    "dropout": 0.5,
    "label_smoothing": 0.1,
    "optimizer": "lazyadam",
    "learning_rate": 3e-3,
    "weight_decay": 0.01,
    "learning_rate_schedule": "cosine",
    "weight_averaging": True,
}
SHORT_TEXTS = SHARED | {
    "max_length": 256,
    "encoder": "conv",
    "conv_widths": (1, 2, 3, 4, 5),
    "units": 64,
    "embedding_dim": 128,
    "extra_pooling": "max",
    "embedding_dropout": 0.5,
    "word_dropout": 0.2,
    "batch_size": 64,
    "epochs": 12,
}
MANY_CLASSES = SHORT_TEXTS | {
    "embedding_dropout": 0.3,
    "word_dropout": 0.1,
    "epochs": 20,
}
LONG_TEXTS = SHARED | {
    "ngram_range": (1, 2),
    "unknown": "drop",
    "max_length": 800,
    "encoder": "none",
    "embedding_dim": 64,
    "embedding_dropout": 0.3,
    "word_dropout": 0.2,
    "epochs": 20,
}
LONG_TEXTS_OF_TWO_CLASSES = LONG_TEXTS | {"epochs": 10}  # more overfit
LONG_TEXTS_WEIGHTS = (1, 2)  # of the attention network and the linear member
DOUBTFUL_WEIGHTS = (1, 8)
FULL_EPOCHS_TO = 25_000  # texts


class EmbeddingPipeline(Pipeline):
    """A pipeline whose classifier begins with the vectors that its vectorizer has read.

    A `Pipeline` hands on the token ids only. Here `fit` also hands the vectorizer's
    ``embeddings_`` to the classifier.
    """

    def fit(self, X, y=None, **params):
        """Fit the vectorizer, then the classifier with its vectors.

        Parameters
        ----------
        X : iterable of str
        y : array-like of shape (n_samples,)
        **params
            Of the classifier, as ``classifier__sample_weight``.

        Returns
        -------
        self : object
        """
        classifier = self.steps[-1][1]
        if len(self.steps) < 2 or not isinstance(classifier, AttentionTextClassifier):
            return super().fit(X, y, **params)
        before = Pipeline(self.steps[:-1], memory=self.memory, verbose=self.verbose)
        ids = before.fit_transform(X, y)
        self.steps[:-1] = before.steps  # with `memory`, other objects have been fitted
        prefix = f"{self.steps[-1][0]}__"
        strangers = [name for name in params if not name.startswith(prefix)]
        if strangers:
            raise TypeError(f"fit got {strangers}; parameters for fit are named {prefix}...")
        params = {name.removeprefix(prefix): value for name, value in params.items()}
        classifier._fit_with_vectors(ids, y, before.steps[-1][1].embeddings_, **params)
        return self

    def fit_transform(self, X, y=None, **params):
        """Fit both, and give what the classifier makes of the texts before its last layer.

        Parameters
        ----------
        X : iterable of str
        y : array-like of shape (n_samples,)
        **params
            As for `fit`.

        Returns
        -------
        representation : ndarray of shape (n_samples, n_features_out)
        """
        return self.fit(X, y, **params).transform(X)


def make_text_classifier(
    *,
    linear: bool = True,
    random_state: int | np.random.RandomState | None = None,
    **params: Any,
) -> Any:
    """Make the recommended classifier for raw texts, ready to fit.

    It averages the probabilities of two pipelines:

    - ``"attention"``: `SequenceVectorizer` and `AttentionTextClassifier`. For texts of up to 60
      words on average the network is a convolution over 1 to 5 tokens with attention; for longer
      texts attention is applied directly to the embeddings of words and pairs of words. The number
      of epochs and the dropout depend on the number of classes. Beyond 25,000 texts the number of
      epochs falls in proportion, to no less than a third, unless `epochs` is given.
    - ``"linear"``: TF-IDF of words, pairs of words and characters, with a linear support vector
      machine; with two classes the features are weighted by their log-count ratios. For texts of
      more than 60 words its weight is doubled.

    With 500 texts or more, both are first fitted on a part of the texts (4,000, or a quarter if
    that is more) and compared on up to 2,000 others. If the linear model alone is clearly more
    accurate than the vote, its weight is eight times that of the network, and ``doubtful_`` is
    True. This may double the time of `fit`. ``set_params(doubtful_weights=None)`` turns it off, and
    so does `class_weight`, since accuracy is then not the goal.

    `explain_texts` shows the attention on each word, and its share of the decision.

    Parameters
    ----------
    linear : bool, default=True
        False: only the attention network with its default parameters, as a
        ``Pipeline([("vectorizer", ...), ("classifier", ...)])``.
    random_state : int, RandomState instance or None, default=None
        Seeds both models.
    **params
        Parameters of `SequenceVectorizer` and `AttentionTextClassifier`, in place of the
        recommended ones. ``class_weight`` also applies to the linear model. ``embeddings``
        (pretrained vectors) is a parameter of the vectorizer; the network starts from its vectors.

    Returns
    -------
    classifier : sklearn.ensemble.VotingClassifier or sklearn.pipeline.Pipeline
        Not fitted. Only the second accepts several labels per text. In a grid search its parameters
        have names such as ``attention__short__classifier__units``, or
        ``classifier__units`` with ``linear=False``.

    Raises
    ------
    TypeError
        If a parameter belongs to neither of the two, or if `linear` is not a bool.

    Examples
    --------
    >>> from skattn import make_text_classifier
    >>> texts = ["a good film", "a bad film", "good story", "bad story"] * 5
    >>> labels = ["pos", "neg", "pos", "neg"] * 5
    >>> clf = make_text_classifier(epochs=5, random_state=0).fit(texts, labels)
    >>> clf.predict(["what a good story"]).tolist()
    ['pos']
    """
    if not isinstance(linear, (bool, np.bool_)):
        raise TypeError(f"linear must be True or False, got {linear!r}.")
    if not linear:
        return _network_pipeline({"random_state": random_state} | params)
    if params.get("early_stopping"):  # the best epoch instead of the mean of the epochs
        params = {"weight_averaging": False} | params
    own = {"random_state": random_state} | params
    rules = (SHORT_TEXTS, MANY_CLASSES, LONG_TEXTS, LONG_TEXTS_OF_TWO_CLASSES)
    networks = [_network_pipeline(rule | own) for rule in rules]
    full_epochs_to = None if "epochs" in params else FULL_EPOCHS_TO
    members = [
        ("attention", ChoiceByData(*networks, full_epochs_to=full_epochs_to)),
        ("linear", _linear_pipeline(params.get("class_weight"), random_state)),
    ]
    return TextVote(
        members,
        voting="soft",
        long_weights=LONG_TEXTS_WEIGHTS,
        doubtful_weights=None if params.get("class_weight") else DOUBTFUL_WEIGHTS,
    )


def _network_pipeline(params):
    vectorizer, classifier = SequenceVectorizer(), AttentionTextClassifier()
    names = vectorizer.get_params()
    unknown = [name for name in params if name not in names | classifier.get_params()]
    if unknown:
        raise TypeError(
            f"make_text_classifier got {unknown}, which neither SequenceVectorizer nor "
            "AttentionTextClassifier has. See their documentation for the names."
        )
    vectorizer.set_params(**{name: params[name] for name in params if name in names})
    classifier.set_params(**{name: params[name] for name in params if name not in names})
    kind = Pipeline if vectorizer.embeddings is None else EmbeddingPipeline
    return kind([("vectorizer", vectorizer), ("classifier", classifier)])


def _linear_pipeline(class_weight, random_state):
    settings = {"sublinear_tf": True, "min_df": 2}
    words = TfidfVectorizer(token_pattern=WORDS_AND_SIGNS, ngram_range=(1, 2), **settings)
    characters = CharacterTfidf(analyzer="char_wb", ngram_range=(2, 5), **settings)
    classifier = MarginClassifier(C=0.5, class_weight=class_weight, random_state=random_state)
    return Pipeline(
        [
            ("features", FeatureUnion([("words", words), ("characters", characters)])),
            ("ratios", LogCountRatio()),
            ("classifier", classifier),
        ]
    )
