"""`trusted_types`: the types in a skops file of ours that skops does not trust by default."""

_TYPES = (
    "skattn.recipe._linear.UnicodeTfidf",
    "skattn.estimators._gated_dense.GatedDenseClassifier",
    "skattn.recipe._linear.LogCountRatio",
    "skattn.recipe._linear.MarginClassifier",
    "skattn.vectorizer._sequence_vectorizer.SequenceVectorizer",
    "skattn.estimators._attention_text.AttentionTextClassifier",
    "skattn.recipe._text_classifier.TextClassifier",
    "sklearn.multiclass._ConstantPredictor",  # of a label that all training texts have, or none
)


def trusted_types() -> list[str]:
    """Return the types to trust when you load a model of this package with skops.

    None of these types runs code from the file. Those of skattn check the format of the state, the
    parameters, and that no method is replaced; the networks, the vectorizer and `TextClassifier`
    also check what was learned. Types that skops trusts by default (scikit-learn's public
    estimators, NumPy, plain values) are not in the list.

    Returns
    -------
    types : list of str
        Class names, for the parameter ``trusted`` of `skops.io.load`.

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
