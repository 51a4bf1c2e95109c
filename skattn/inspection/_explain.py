"""What the model looked at: attention on the words of the original text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skattn.inspection._attention import find_attention, predicts_the_most_probable
from skattn.utils._optional import import_pandas
from skattn.utils._texts import text_list
from skattn.utils._typing import Texts

__all__ = ["TextExplanation", "explain_texts"]

_SHOWN = 60  # characters of a token in a `repr`


@dataclass(frozen=True, eq=False, repr=False)
class TextExplanation:
    """The prediction for one text, and the attention on its tokens.

    Attributes
    ----------
    text : str
        The text as the vectorizer received it: the original text, unless an earlier step changed
        it.
    tokens : tuple of str of length n_tokens
        The tokens as written in `text`. The attention of an n-gram of words is shared evenly among
        its words.
    spans : ndarray of shape (n_tokens, 2)
        Start and end of each token: ``text[start:end]``. Tokens beyond ``max_length`` are not
        included.
    weights : ndarray of shape (n_tokens,)
        Attention per token; sums to 1 (to 0 in a text without tokens).
    classes : ndarray of shape (n_classes,)
        The model's classes.
    probabilities : ndarray of shape (n_classes,)
        The whole model's probability of each class.
    prediction : label
        The predicted class; with several labels a text the most probable one.
    share : float
        The share of the predicted probability that comes from the attention networks, in [0, 1]. It
        is 1 unless other models vote too; words that only those models use have no weight here.
    aggregate : str
        What the weights are, such as ``"attention weights"`` or the mean over several heads or
        networks.

    segment_spans : ndarray of shape (n_segments, 2) or None
        With hierarchical attention (``segment_length``), the characters of each segment.
    segment_weights : ndarray of shape (n_segments,) or None
        The attention on each segment; sums to 1. A token's weight is its weight within its
        segment times this.

    See Also
    --------
    explain_texts : Returns these objects.
    AttentionDisplay : Shows them.
    faithfulness_report : Tests whether to believe them.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import TextExplanation
    >>> TextExplanation(
    ...     text="What a goal!", tokens=("What", "goal"), spans=np.array([[0, 4], [7, 11]]),
    ...     weights=np.array([0.2, 0.8]), classes=np.array(["film", "sport"]),
    ...     probabilities=np.array([0.1, 0.9]), prediction="sport")
    TextExplanation(sport 90.0 %: goal 80.0 %, What 20.0 %)
    """

    text: str
    tokens: tuple[str, ...]
    spans: NDArray[np.intp]
    weights: NDArray[np.float64]
    classes: NDArray[Any]
    probabilities: NDArray[np.float64]
    prediction: Any
    share: float = 1.0
    aggregate: str = "attention weights"
    segment_spans: NDArray[np.intp] | None = None
    segment_weights: NDArray[np.float64] | None = None

    @property
    def probability(self) -> float:
        """Probability of the predicted class."""
        return float(self.probabilities[self.position])

    @property
    def position(self) -> int:
        """Position of the predicted class in `classes`."""
        return int(np.flatnonzero(self.classes == self.prediction)[0])

    def top_tokens(self, n: int | None = 5) -> list[tuple[str, float]]:
        """Return the `n` tokens with the largest weights, the largest first; ties in reading order.

        Parameters
        ----------
        n : int, default=5
            How many at most.

        Returns
        -------
        tokens : list of (str, float)
            Each token with its weight.
        """
        if n is not None and n < 0:
            raise ValueError(f"n must be 0 or more, got {n}.")
        order = np.argsort(-self.weights, kind="stable")[:n]
        return [(self.tokens[i], float(self.weights[i])) for i in order]

    def to_frame(self) -> Any:
        """Return one row per token as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``token``, ``start``, ``end``, ``weight``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = import_pandas("TextExplanation.to_frame")
        columns = {
            "token": list(self.tokens),
            "start": self.spans[:, 0],
            "end": self.spans[:, 1],
            "weight": self.weights,
        }
        return pandas.DataFrame(columns)

    def __repr__(self) -> str:
        heaviest = ", ".join(
            f"{_printable(token)} {100 * weight:.1f} %" for token, weight in self.top_tokens(3)
        )
        outcome = f"{_printable(self.prediction)} {100 * self.probability:.1f} %"
        return f"TextExplanation({outcome}: {heaviest or 'no tokens'})"


def explain_texts(pipeline: Any, texts: Texts) -> list[TextExplanation]:
    """Assign a fitted model's attention to the words of the texts.

    Attention is the weight of each word's hidden state in the representation that the classifier
    reads. Whether it *explains* the prediction is another question, which
    :func:`faithfulness_report` answers by experiment.

    Parameters
    ----------
    pipeline : fitted classifier of raw texts
        A :class:`~sklearn.pipeline.Pipeline` (nested ones too) in which a `SequenceVectorizer`
        feeds an `AttentionTextClassifier`; or a search over one (``best_estimator_``), a
        :class:`~sklearn.calibration.CalibratedClassifierCV` (the mean over its fitted members),
        or a :class:`~sklearn.ensemble.VotingClassifier` with ``voting="soft"`` and at least one
        such member (the mean over them, weighted by each one's share of the decision). Steps
        before the vectorizer are applied; spans then count characters of the text that they
        return, which is kept as ``text``.
    texts : iterable of str
        Raw texts.

    Returns
    -------
    explanations : list of TextExplanation
        One a text, in order.

    Raises
    ------
    TypeError
        If `pipeline` holds no attention on raw texts.
    ValueError
        If `texts` is not an iterable of str, or if several attention members read or cut the
        texts differently.

    See Also
    --------
    AttentionDisplay.from_estimator : The same as a picture or a page.

    References
    ----------
    .. [1] D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly learning to
       align and translate", ICLR 2015.

    Examples
    --------
    >>> from skattn import explain_texts, make_text_classifier
    >>> texts = ["a fine film", "a dull film"] * 20
    >>> model = make_text_classifier(random_state=0).fit(texts, ["good", "bad"] * 20)
    >>> explanation = explain_texts(model, ["such a fine film!"])[0]
    >>> explanation.tokens
    ('such', 'a', 'fine', 'film', '!')
    >>> float(explanation.weights.sum().round(5))
    1.0
    """
    texts = text_list(texts)
    check_is_fitted(pipeline)
    source = find_attention(pipeline)
    if not texts:
        return []
    probabilities = np.asarray(pipeline.predict_proba(texts), dtype=np.float64)
    classes = np.asarray(pipeline.classes_)
    positions = _predicted(pipeline, texts, probabilities)
    attention = source.attention(texts, positions)
    networks = source.networks()
    aggregate = _aggregate(networks)
    segments = networks[0].segments(texts) if len(networks) == 1 else None
    segments = segments or [(None, None)] * len(texts)
    return [
        TextExplanation(
            text=read.text,
            tokens=tuple(read.text[start:end] for start, end in read.spans),
            spans=read.spans,
            weights=read.values,
            classes=classes,
            probabilities=row,
            prediction=classes[position],
            share=min(read.share, 1.0),
            aggregate=aggregate,
            segment_spans=limits,
            segment_weights=segment_weights,
        )
        for read, row, position, (limits, segment_weights) in zip(
            attention, probabilities, positions, segments, strict=True
        )
    ]


def _predicted(pipeline, texts, probabilities):
    """Position of each prediction in the classes; the top one where there are several labels."""
    if predicts_the_most_probable(pipeline):
        return probabilities.argmax(axis=1)
    labels = np.asarray(pipeline.predict(texts))
    if labels.ndim > 1:
        return probabilities.argmax(axis=1)
    place = {label: position for position, label in enumerate(pipeline.classes_)}
    return np.array([place[label] for label in labels])


def _aggregate(networks):
    """Say in words which attention the weights are."""
    described = " and ".join(dict.fromkeys(map(_described, networks)))
    return described if len(networks) == 1 else f"mean over {len(networks)} networks of {described}"


def _described(network):
    classifier, vectorizer = network.classifier, network.vectorizer
    words = getattr(classifier, "_attention_aggregate", "attention weights")
    if getattr(vectorizer, "analyzer", None) == "word" and vectorizer.ngram_range[1] > 1:
        words += ", those of n-grams shared among their words"
    return words + getattr(classifier, "_attention_supplement", "")


def _printable(value):
    """At most `_SHOWN` characters; those that a terminal would obey become their escapes."""
    text = str(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
