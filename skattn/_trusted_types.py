"""`trusted_types`: what a skops file of ours may hold beyond what skops trusts by itself."""

_TYPES = (
    "skattn.recipe._linear.CharacterTfidf",
    "skattn.estimators._gated_dense.GatedDenseClassifier",
    "skattn.recipe._linear.LogCountRatio",
    "skattn.recipe._linear.MarginClassifier",
    "skattn.vectorizer._sequence_vectorizer.SequenceVectorizer",
    "skattn.estimators._attention_text.AttentionTextClassifier",
    "skattn.recipe._text_classifier.TextClassifier",
)


def trusted_types() -> list[str]:
    """The types to trust when a pipeline of this package is loaded by skops.

    None of them runs code of the file: all check the format and that no method is replaced, the
    networks and the vectorizer every value. What skops trusts by itself (scikit-learn's
    estimators, NumPy, plain values) need not be named.

    Returns
    -------
    types : list of str
        Names of classes, for the parameter ``trusted`` of `skops.io.load`.

    References
    ----------
    skops, "Secure persistence with skops", https://skops.readthedocs.io.

    Examples
    --------
    >>> import skops.io
    >>> from skattn import SequenceVectorizer, trusted_types
    >>> data = skops.io.dumps(SequenceVectorizer().fit(["a good film"]))
    >>> skops.io.loads(data, trusted=trusted_types()).vocabulary_
    {'film': 2, 'good': 3}
    """
    return list(_TYPES)
