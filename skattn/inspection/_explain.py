"""What decided: evidence and attention on the words of the original text."""

from typing import Any

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skattn.inspection._parts._attention import find_attention, predicts_the_most_probable
from skattn.inspection._parts._evidence import find_evidence
from skattn.inspection._parts._fitted_models import (
    ensemble_of,
    final_model,
    names_from_outside_in,
    reads_a_column,
    transformed,
)
from skattn.inspection._parts._labels import check_true_labels, like_classes
from skattn.inspection._parts._readings import CannotSplit, onto, tells_case, united
from skattn.inspection._text_explanation import TextExplanation
from skattn.utils._additive import settled
from skattn.utils._at_hand import results_at_hand
from skattn.utils._frames import frame_of
from skattn.utils._targets import as_plain_labels, refuse_unordered
from skattn.utils._texts import text_list
from skattn.utils._typing import Texts

__all__ = ["explain_texts"]

NO_ATTENTION = "no attention"  # what `aggregate` says of a model without


def explain_texts(pipeline: Any, texts: Texts, *, target: Any = None) -> list[TextExplanation]:
    """Explain predictions: the evidence of each word for each class, and the attention it got.

    *Evidence* is what each word adds to the probability of each class; it can be negative. The
    evidence of all words and the base add up to the probabilities of the whole model. *Attention*
    is the weight of each word's hidden state in the weighted sum that the output layer of a network
    receives. Use :func:`faithfulness_report` to test whether evidence and attention really
    *explain* the predictions.

    Parameters
    ----------
    pipeline : fitted classifier of raw texts
        A `TextClassifier`; a :class:`~sklearn.pipeline.Pipeline`, possibly nested, of a
        `SequenceVectorizer` and an `AttentionTextClassifier`; or a pipeline of a
        :class:`~sklearn.feature_extraction.text.TfidfVectorizer` (or a
        :class:`~sklearn.feature_extraction.text.CountVectorizer`, or a
        :class:`~sklearn.pipeline.FeatureUnion` of them) and a linear classifier with
        ``predict_proba``, such as :class:`~sklearn.linear_model.LogisticRegression`. Also a search
        over one of these (its ``best_estimator_``), a
        :class:`~sklearn.calibration.CalibratedClassifierCV` (the mean over its fitted classifiers),
        or a :class:`~sklearn.ensemble.VotingClassifier` with ``voting="soft"``. If there are steps
        before the vectorizer, spans refer to the text that these steps return, which is stored as
        ``text``.
    texts : iterable of str, str, or data frame
        Raw texts, or a single text. If the model takes a data frame with several columns, pass such
        a data frame; a `TextClassifier` joins the texts of its `columns` with line breaks, in their
        order.
    target : label or array-like of shape (n_texts,), default=None
        The class to explain, for all texts or for each text; for example the true class, to find
        out why it was not predicted. None: the predicted class. The explanations always contain the
        evidence for every class.

    Returns
    -------
    explanations : list of TextExplanation
        One per text, in the same order.

    Raises
    ------
    TypeError
        If neither evidence nor attention can be computed for `pipeline`. If only the evidence
        cannot be computed, `evidence` is None and `unexplained` gives the reason.
    ValueError
        If `texts` is neither a text nor an iterable of texts, if `target` is not one of the
        classes, or if the parts of the model preprocess the texts in different ways.

    See Also
    --------
    EvidenceDisplay : Plots the evidence in one text or in many.
    AttentionDisplay : Shows evidence and attention as an HTML page.

    Notes
    -----
    How a probability is divided among the words:

    * *A network without an encoder*, not on a pretrained transformer: with the attention weights
      [1]_ held fixed, the logits are linear in the embeddings. The contribution of a word to a
      logit is therefore exact: its attention weight times the kernel of the output layer times the
      difference between its embedding and that of an unknown word [2]_.
    * *A network with an encoder, or on a pretrained transformer*: each hidden state depends on
      several words. The contributions to the logits are integrated gradients [3]_ on the path from
      the embedding of an unknown word to the embeddings of the text. The integral is approximated
      by the gradient at the midpoint of the path, and the remaining error is distributed among the
      words in proportion to their contributions. With a pretrained transformer, the path consists
      of hidden states after a third of its layers instead of embeddings, and the contributions of
      the pieces of a word are added. If there are more than eight classes or labels (three with a
      pretrained transformer), this is done only for the two most probable classes of each text
      (with several labels, for the three most probable); for the others, the path consists of the
      last hidden states. With ``segment_length``, it is done for all classes.
    * *A linear model* on counts or TF-IDF features: the contributions are exact, coefficient times
      feature value. If a word occurs several times, its contribution is divided evenly among the
      occurrences. The contribution of a word n-gram is divided evenly among its words, and that of
      a character n-gram among the words that it overlaps.
    * *From logits to probabilities*: the evidence of a word is its Shapley value [4]_, which is the
      change that the word makes to the probability, averaged over subsets of the other words. For
      short texts, all subsets are used; for longer texts, 64 to 256 of them. Calibration is handled
      in the same way. The evidence of a voting classifier is the weighted mean over its
      classifiers.

    Contributions that do not belong to a word, such as an intercept, are part of
    ``base_probabilities``.

    References
    ----------
    .. [1] D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly learning to
       align and translate", ICLR 2015.
    .. [2] G. Kobayashi et al., "Attention is not only a weight: analyzing transformers with vector
       norms", EMNLP 2020.
    .. [3] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.
    .. [4] L. S. Shapley, "A value for n-person games", 1953; sampled as in G. Owen,
       "Multilinear extensions of games", 1972.

    Examples
    --------
    >>> from skattn import TextClassifier, explain_texts
    >>> texts = ["a fine film", "a dull film"] * 20
    >>> model = TextClassifier(random_state=0).fit(texts, ["good", "bad"] * 20)
    >>> explanation = explain_texts(model, "such a fine film!")[0]
    >>> explanation.tokens
    ('such', 'a', 'fine', 'film', '!')
    >>> explanation.top_evidence("good", n=1)[0][0][0]
    'fine'
    >>> float((explanation.base_probabilities + explanation.evidence.sum(axis=0)).sum().round(5))
    1.0
    """
    check_is_fitted(pipeline)
    pipeline = _as_it_is_now(pipeline)
    texts = rows_of(pipeline, texts)
    if len(texts) == 0:
        return []
    with results_at_hand():
        return _explained(pipeline, texts, target)


def _as_it_is_now(model):
    """A `TextClassifier` as it is now, although another thread may fit it again meanwhile."""
    if not hasattr(type(model), "_snapshot"):  # a FrozenEstimator has the attributes of its model
        return model
    view = object.__new__(type(model))
    view.__dict__ = model._snapshot()
    return view


def _explained(pipeline, texts, target):
    attention = find_attention(pipeline)
    readings, case_sensitive, unexplained = _evidence(pipeline, texts, attention)
    probabilities = np.asarray(pipeline.predict_proba(texts), dtype=np.float64)
    classes = np.asarray(pipeline.classes_)
    positions = _predicted(pipeline, texts, probabilities)
    targets = positions if target is None else _positions(target, classes, len(texts))
    looked, segments = _looked(attention, texts, targets)
    columns = _columns(pipeline, texts)
    networks = attention.networks() if attention is not None else []
    labels = as_plain_labels(classes)
    return [
        _explanation(
            looked[i],
            readings[i],
            classes=classes,
            probabilities=probabilities[i],
            prediction=labels[positions[i]],
            target=labels[targets[i]],
            aggregate=_aggregate(networks) if networks else NO_ATTENTION,
            segment_spans=segments[i][0],
            segment_weights=segments[i][1],
            unexplained=unexplained,
            columns=columns[i],
            case_sensitive=case_sensitive,
        )
        for i in range(len(texts))
    ]


def explained(model, texts, y):
    """Explanations for a display, and the name of the model.

    Parameters
    ----------
    model : fitted classifier of raw texts
    texts : iterable of str, str, or frame
    y : array-like of shape (n_texts,) or None

    Returns
    -------
    explanations : list of TextExplanation
    name : str
        Of the model.
    """
    check_is_fitted(model)
    rows = rows_of(model, texts)
    check_labels(model, rows, y)
    return explain_texts(model, rows), names_from_outside_in(model)


def check_labels(model, rows, y):
    """Check true labels, if there are some, before anything is explained; those of one a text."""
    if y is None:
        return None
    refuse_unordered(y)
    check_consistent_length(rows, y)
    classes = np.asarray(model.classes_)
    labels = like_classes(y, classes)
    if labels.ndim != 1:
        return None
    check_true_labels(labels, classes)
    return labels


def rows_of(model, texts):
    """A list of texts, or the data frame if the model does not read a column of texts.

    Parameters
    ----------
    model : fitted classifier
    texts : iterable of str, str, data frame, or dict of columns

    Returns
    -------
    rows : list of str, data frame or array
    """
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, dict) and (columns := _named_columns(model)) is not None:
        return frame_of(texts, columns)
    names = ("columns", "column_names")
    is_table = isinstance(texts, np.ndarray) or any(hasattr(texts, name) for name in names)
    if is_table and len(getattr(texts, "shape", ())) == 2 and not _reads_texts(model):
        return texts
    return text_list(texts)


def _named_columns(model):
    """The columns that a `TextClassifier` reads, if the model begins with one; else None."""
    first = _first_step(*final_model(model))
    return first.feature_names_in_ if getattr(first, "_column_spans", None) else None


def _first_step(last, steps):
    return next((step for step in steps if hasattr(step, "fit")), last)


def _reads_texts(model):
    """Tell from scikit-learn's tags whether the model takes a column of texts."""
    last, steps = final_model(model)
    if reads_a_column(steps):
        return False
    first = _first_step(last, steps)
    if hasattr(first, "_column_spans"):  # TextClassifier; its parameter may have been changed
        return first._column_spans is None
    if get_tags(first).input_tags.string:
        return True
    ensemble = ensemble_of(first)
    members = [] if ensemble is None else ensemble.models
    members += [step for _, step in getattr(first, "transformer_list", ())]
    return any(map(_reads_texts, members))


def _columns(pipeline, texts):
    """Where the text of each column lies, of a model that reads named columns; else None."""
    model, steps = final_model(pipeline)
    if getattr(model, "_column_spans", None) is None:
        return [None] * len(texts)
    return model._column_spans(transformed(steps[:-1], texts))


def _evidence(pipeline, texts, attention):
    """What each word adds, and whether its case counts; or None for each text, and why."""
    names = names_from_outside_in(pipeline)
    try:
        found = find_evidence(pipeline)
        return found.evidence(texts), any(map(tells_case, found.vectorizers())), ""
    except CannotSplit as error:
        if attention is None:
            raise TypeError(f"Nothing to explain in {names}: {error}") from None
        tells = any(tells_case(network.vectorizer) for network in attention.networks())
        return [None] * len(texts), tells, str(error)


def _looked(attention, texts, targets):
    """Attention on the tokens of each text, and on its segments where it has some."""
    nothing = [(None, None)] * len(texts)
    if attention is None:
        return [None] * len(texts), nothing
    networks = attention.networks()
    segments = networks[0].segments(texts) if len(networks) == 1 else None
    return attention.attention(texts, targets), segments or nothing


def _explanation(looked, reading, **facts):
    """Attention and evidence of one text, on the same tokens."""
    if looked is None:
        text, spans = reading.text, reading.spans
        weights, share = np.zeros(len(spans)), 0.0
    else:
        text, spans, weights, share = looked
    if reading is not None:
        if reading.text != text:
            raise ValueError(
                "The members of this model read different texts (their steps before the vectorizer "
                "differ), so their words cannot be matched. Explain each member separately."
            )
        own, spans = spans, united(spans, reading.spans)
        weights = placed(weights, own, spans)
        reading = onto(spans, reading)
        evidence, base = settled(reading.values, reading.base, facts["probabilities"])
        facts |= {"evidence": evidence, "base_probabilities": base}
    return TextExplanation(
        text=text,
        tokens=tuple(text[start:end] for start, end in spans),
        spans=spans,
        weights=weights,
        share=share,
        **facts,
    )


def placed(weights, own, spans):
    """Values of the own spans, in their places among all spans; 0 elsewhere."""
    if len(own) == len(spans):
        return weights
    place = {span: i for i, span in enumerate(map(tuple, spans.tolist()))}
    placed = np.zeros(len(spans))
    placed[[place[span] for span in map(tuple, own.tolist())]] = weights
    return placed


def _positions(target, classes, n_texts):
    """The position of each text's target in the classes."""
    place = {label: position for position, label in enumerate(as_plain_labels(classes))}
    labels = like_classes(target, classes)
    one = labels.item() if not labels.ndim else ""
    if labels.ndim > 1 or (hasattr(one, "__iter__") and not isinstance(one, str | bytes)):
        raise ValueError(
            "target must be a class, or an array-like with a class for each text, got "
            f"{target!r:.60}."
        )
    labels = as_plain_labels(labels if labels.ndim else np.repeat(labels, n_texts))
    if len(labels) != n_texts:
        raise ValueError(f"target has {len(labels)} labels for {n_texts} texts.")
    strangers = [label for label in labels if label not in place]
    if strangers:
        known = as_plain_labels(classes)
        raise ValueError(f"target {strangers[0]!r} is not one of the classes {known}.")
    return np.array([place[label] for label in labels])


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
        words += "; the weight of each n-gram is divided among its words"
    return words + getattr(classifier, "_attention_supplement", "")
