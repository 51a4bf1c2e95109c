"""`make_text_classifier`: the recommended classifier for raw texts, in one call."""

from typing import Any

from skattn.recipe._text_classifier import TextClassifier


def make_text_classifier(**params: Any) -> TextClassifier:
    """Make the recommended classifier for raw texts, ready to fit.

    The same as ``TextClassifier(**params)``.

    Parameters
    ----------
    **params
        Parameters of `TextClassifier`.

    Returns
    -------
    classifier : TextClassifier
        Not fitted.

    Raises
    ------
    TypeError
        If `TextClassifier` has no such parameter.

    Examples
    --------
    >>> from skattn import make_text_classifier
    >>> texts = ["a good film", "a bad film", "good story", "bad story"] * 5
    >>> labels = ["pos", "neg", "pos", "neg"] * 5
    >>> clf = make_text_classifier(epochs=5, random_state=0).fit(texts, labels)
    >>> clf.predict(["what a good story"]).tolist()
    ['pos']
    """
    return TextClassifier(**params)
