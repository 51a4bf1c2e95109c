"""`TextExplanation`: one text's prediction, the evidence and the attention on its words."""

import unicodedata
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skattn.inspection._parts._labels import like_classes
from skattn.utils._frames import text_column
from skattn.utils._optional import import_pandas
from skattn.utils._targets import as_plain_labels

__all__ = ["TextExplanation"]

_SHOWN = 60  # characters of a token in a `repr`


@dataclass(frozen=True, eq=False, repr=False)
class TextExplanation:
    """The prediction for one text, what each word adds to it, and the attention on each word.

    Attributes
    ----------
    text : str
        The text that the vectorizer received: the original text, unless an earlier step changed it.
    tokens : tuple of str of length n_tokens
        The tokens as written in `text`. The values of a word n-gram are divided evenly among its
        words.
    spans : ndarray of shape (n_tokens, 2)
        Start and end of each token: ``text[start:end]``. Tokens that no part of the model uses,
        such as those beyond ``max_length``, are not included.
    weights : ndarray of shape (n_tokens,)
        The attention on each token. The weights sum to 1, or to 0 if the text has no tokens or the
        model has no attention.
    classes : ndarray of shape (n_classes,)
        The model's classes.
    probabilities : ndarray of shape (n_classes,)
        The probability of each class, predicted by the whole model.
    prediction : label
        The predicted class; in multilabel problems, the most probable label.
    share : float
        The share of the probability of `target` that comes from the attention networks, in [0, 1]:
        1 if the model has no other parts, 0 if it has no attention. Words that only other parts
        use, such as a linear model, have an attention weight of 0.
    aggregate : str
        What kind of weights these are, such as ``"attention weights"``, or a mean over several
        heads or networks.
    segment_spans : ndarray of shape (n_segments, 2) or None
        With hierarchical attention (``segment_length``), the characters of each segment.
    segment_weights : ndarray of shape (n_segments,) or None
        The attention on each segment. The weights sum to 1. The weight of a token is its weight
        within the segment times the weight of the segment.
    evidence : ndarray of shape (n_tokens, n_classes) or None
        What each token adds to the probability of each class; negative values speak against a
        class. ``base_probabilities + evidence.sum(axis=0)`` equals `probabilities`. The values of
        a token sum to 0 over the classes, except in multilabel problems. None if the evidence of a
        part of the model cannot be computed.
    base_probabilities : ndarray of shape (n_classes,) or None
        The probabilities without the evidence of any word: those that a network gives to the same
        number of unknown tokens (id 1), and those that a linear model gives to an empty text.
        What belongs to no word, such as n-grams of white space, is part of them.
    target : label
        The default class of the methods: the predicted class, unless another `target` was passed to
        :func:`explain_texts`.
    unexplained : str
        Why there is no evidence. Empty if there is evidence.
    columns : dict of str to (int, int) or None
        The start and end of each column's text in `text`, for a `TextClassifier` with `columns`.
    case_sensitive : bool
        Whether the model may treat "US" and "us" as two words. If so, the displays also show them
        as two words.

    See Also
    --------
    explain_texts : Returns these objects, and says how evidence is computed.
    EvidenceDisplay : Shows evidence as a plot.
    AttentionDisplay : Shows both as a page.
    faithfulness_report : Tests whether the explanations are faithful.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import TextExplanation
    >>> explanation = TextExplanation(
    ...     text="What a goal!", tokens=("What", "goal"), spans=np.array([[0, 4], [7, 11]]),
    ...     weights=np.array([0.2, 0.8]), classes=np.array(["film", "sport"]),
    ...     probabilities=np.array([0.1, 0.9]), prediction="sport",
    ...     evidence=np.array([[0.05, -0.05], [-0.45, 0.45]]),
    ...     base_probabilities=np.array([0.5, 0.5]))
    >>> explanation
    TextExplanation(sport 90.0 %: goal +45.0, What -5.0)
    >>> explanation.evidence_for("film").tolist()
    [0.05, -0.45]
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
    evidence: NDArray[np.float64] | None = None
    base_probabilities: NDArray[np.float64] | None = None
    target: Any = None
    unexplained: str = ""
    columns: dict[str, tuple[int, int]] | None = None
    case_sensitive: bool = False

    def __post_init__(self):
        if self.target is None:
            object.__setattr__(self, "target", self.prediction)

    @property
    def probability(self) -> float:
        """Probability of the predicted class."""
        return float(self.probabilities[self.position])

    @property
    def position(self) -> int:
        """Position of the predicted class in `classes`."""
        return self._place(self.prediction)

    def evidence_for(self, label: Any = None) -> NDArray[np.float64]:
        """Return what each token adds to the probability of one class.

        Parameters
        ----------
        label : label, default=None
            One of `classes`; None: `target`.

        Returns
        -------
        evidence : ndarray of shape (n_tokens,)
            Positive values speak for the class, negative values against it.

        Raises
        ------
        ValueError
            If `label` is not one of `classes`.
        TypeError
            If there is no evidence; `unexplained` says why.
        """
        if self.evidence is None:
            raise TypeError(self.unexplained or "This explanation was made without evidence.")
        return self.evidence[:, self._place(self.target if label is None else label)]

    def top_evidence(
        self, label: Any = None, n: int | None = 5
    ) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """Return the tokens that speak most for a class, and those that speak most against it.

        Parameters
        ----------
        label : label, default=None
            One of `classes`; None: `target`.
        n : int, default=5
            Maximum number of tokens in each list; None for all.

        Returns
        -------
        pro, contra : lists of (str, float)
            The tokens with their evidence, the strongest first; ties are in the order of the text.
        """
        _check_number(n)
        evidence = self.evidence_for(label)
        order = np.argsort(-np.abs(evidence), kind="stable")
        ranked = [(self.tokens[i], float(evidence[i])) for i in order]
        pro = [(token, value) for token, value in ranked if value > 0]
        return pro[:n], [(token, value) for token, value in ranked if value < 0][:n]

    def _place(self, label):
        labels = like_classes(label, np.asarray(self.classes))
        places = [] if labels.ndim else np.flatnonzero(self.classes == labels)
        if not len(places):
            raise ValueError(
                f"{label!r} is not one of the classes {as_plain_labels(self.classes)}."
            )
        return int(places[0])

    def top_tokens(self, n: int | None = 5) -> list[tuple[str, float]]:
        """Return the tokens with the largest attention weights.

        Parameters
        ----------
        n : int, default=5
            Maximum number of tokens; None for all.

        Returns
        -------
        tokens : list of (str, float)
            The tokens with their weights, the largest first; ties are in the order of the text.
        """
        _check_number(n)
        order = np.argsort(-self.weights, kind="stable")[:n]
        return [(self.tokens[i], float(self.weights[i])) for i in order]

    def to_frame(self) -> Any:
        """Return one row per token as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame
            The columns ``token``, ``start``, ``end`` and ``weight`` (the attention), and one column
            with the evidence for each class. It has the name of the class, or ``evidence_`` and the
            name if the name is already taken (such as ``evidence_weight``). If the classifier has
            `columns`, a column ``column`` contains the name of the text column, and ``start`` and
            ``end`` refer to the text in this column.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = import_pandas("TextExplanation.to_frame")
        columns = {
            "token": text_column(pandas, list(self.tokens)),
            "start": self.spans[:, 0],
            "end": self.spans[:, 1],
            "weight": self.weights,
        }
        if self.columns is not None:
            columns |= self._places_in_columns()
        if self.evidence is not None:
            taken = {*columns, *self._labels}
            for label, values in zip(self._labels, self.evidence.T, strict=True):
                name = label
                while name in columns or (name != label and name in taken):
                    name = f"evidence_{name}"
                columns[name] = values
        return pandas.DataFrame(columns)

    def _words(self):
        """For each token what it is grouped by: tokens that the model reads alike are one word.

        `str.lower` is what vectorizers use; `str.casefold` would make one word of "Maße" and
        "Masse".
        """
        composed = [unicodedata.normalize("NFC", token) for token in self.tokens]
        return composed if self.case_sensitive else [token.lower() for token in composed]

    def _places_in_columns(self):
        """The column of each token, and its start and end there."""
        names = list(self.columns)
        starts = np.array([start for start, _ in self.columns.values()])
        places = np.searchsorted(starts, self.spans[:, 0], side="right") - 1
        return {
            "start": self.spans[:, 0] - starts[places],
            "end": self.spans[:, 1] - starts[places],
            "column": [names[place] for place in places],
        }

    @property
    def _labels(self):
        return as_plain_labels(self.classes)

    def __repr__(self) -> str:
        if self.evidence is None:
            listed = [f"{_quoted(t)} {100 * weight:.1f} %" for t, weight in self.top_tokens(3)]
        else:
            pro, contra = self.top_evidence(n=3)
            ranked = sorted(pro + contra, key=lambda pair: -abs(pair[1]))[:3]
            listed = [f"{_quoted(token)} {100 * value:+.1f}" for token, value in ranked]
        place = self._place(self.target)
        outcome = f"{_printable(self.target)} {100 * self.probabilities[place]:.1f} %"
        nothing = "no tokens" if not self.tokens else "no word counts"
        return f"TextExplanation({outcome}: {', '.join(listed) or nothing})"


def _printable(value):
    """At most `_SHOWN` characters; those that a terminal would obey become their escapes."""
    text = str(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _quoted(token):
    """A token for a list; one without a letter or digit, such as a comma, is in quotes."""
    shown = _printable(token)
    return shown if any(map(str.isalnum, token)) else f'"{shown}"'


def _check_number(n):
    if n is not None and not (isinstance(n, Integral) and n >= 0):
        raise ValueError(f"n must be a whole number from 0 on, or None for all, got {n!r}.")
