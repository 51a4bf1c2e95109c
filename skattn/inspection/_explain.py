"""What decided: evidence and attention on the words of the original text."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skattn.inspection._parts._attention import find_attention, predicts_the_most_probable
from skattn.inspection._parts._evidence import find_evidence
from skattn.inspection._parts._fitted_models import (
    final_model,
    names_from_outside_in,
    transformed,
)
from skattn.inspection._parts._readings import CannotSplit, onto, united
from skattn.inspection._text_explanation import TextExplanation
from skattn.utils._additive import settled
from skattn.utils._texts import text_list
from skattn.utils._typing import Texts

__all__ = ["explain_texts"]

NO_ATTENTION = "no attention"  # what `aggregate` says of a model without


def explain_texts(pipeline: Any, texts: Texts, *, target: Any = None) -> list[TextExplanation]:
    """Say what each word of the texts adds to the probability of each class, and is attended to.

    *Evidence* has a sign, belongs to a class and covers the whole model: with the base it adds up
    to the model's probabilities. *Attention* is the weight of each word's hidden state in the
    representation that a network's last layer reads. Whether either *explains* the prediction is
    another question, which :func:`faithfulness_report` answers by experiment.

    Parameters
    ----------
    pipeline : fitted classifier of raw texts
        A :class:`~sklearn.pipeline.Pipeline` (nested ones too) in which a `SequenceVectorizer`
        feeds an `AttentionTextClassifier`, or in which a
        :class:`~sklearn.feature_extraction.text.TfidfVectorizer` (or a
        :class:`~sklearn.feature_extraction.text.CountVectorizer`, or a
        :class:`~sklearn.pipeline.FeatureUnion` of them) feeds a linear classifier; or a search over
        one (``best_estimator_``), a :class:`~sklearn.calibration.CalibratedClassifierCV` (the mean
        over its fitted members), or a :class:`~sklearn.ensemble.VotingClassifier` with
        ``voting="soft"``, such as :func:`make_text_classifier` gives. Steps before the
        vectorizer are applied; spans then count characters of the text that they return, which is
        kept as ``text``.
    texts : iterable of str, str, or frame
        Raw texts; a single one counts as a list of one. A frame of several columns, where the model
        takes one; the columns of a `TextClassifier` are joined by line breaks, in their order.
    target : label or array-like of shape (n_texts,), default=None
        The class to explain, for all texts or for each: a true class, say, to ask why it was not
        predicted. None: the predicted one. Evidence for every class is there in any case.

    Returns
    -------
    explanations : list of TextExplanation
        One a text, in order.

    Raises
    ------
    TypeError
        If `pipeline` has neither attention nor evidence on raw texts. If it has attention but a
        part of it cannot be split up, `evidence` is None and `unexplained` says which part.
    ValueError
        If `texts` is no text and no iterable of texts, if `target` is none of the classes, or if
        several parts of the model read or cut the texts differently.

    See Also
    --------
    EvidenceDisplay : Evidence as a picture, of one text or of many.
    AttentionDisplay.from_estimator : Evidence and attention as a page.

    Notes
    -----
    How a probability is split up:

    * *A network without an encoder* is linear in its pooled states once the attention is there. So
      what a word adds to a logit is exact: its weight times the last layer's kernel times the
      difference between its vector and that of an unknown word [2]_.
    * *With an encoder*, where a state holds several words, it is the integrated gradient along the
      embeddings that enter the encoder, from the unknown word's to the text's [3]_, by
      Gauss-Legendre with three nodes (one beyond 12 classes). On inner splits of two training sets,
      with five encoders, this was as faithful as with sixteen nodes, more so than gradient x input,
      and an unknown word was a better beginning than a vector of zeros. What the few nodes leave
      over is shared among the words in proportion to their parts. With a pretrained transformer the
      way begins at its word vectors and runs through all of its layers, which was more faithful
      than to begin below the tuned ones; the pieces that its tokenizer makes of a word are summed.
    * *A linear model* of counted words is exact: coefficient times value, shared evenly among the
      places of a word. An n-gram of words is shared evenly by its words, one of characters by the
      words that it touches.
    * *From logits to probabilities* a word's part is its Shapley value [4]_: what it adds to the
      probability on average, beside every number and choice of the other words. Up to seven words
      all choices are tried, beyond that 64 to 256. A calibration is followed in the same way, a
      vote is the weighted mean of its members.

    What belongs to no word, such as an intercept, is in ``base_probabilities``.

    References
    ----------
    .. [1] D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly learning to
       align and translate", ICLR 2015.
    .. [2] G. Kobayashi et al., "Attention is not only a weight: analyzing transformers with vector
       norms", EMNLP 2020.
    .. [3] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.
    .. [4] L. S. Shapley, "A value for n-person games", 1953; sampled after G. Owen, "Multilinear
       extensions of games", 1972.

    Examples
    --------
    >>> from skattn import explain_texts, make_text_classifier
    >>> texts = ["a fine film", "a dull film"] * 20
    >>> model = make_text_classifier(random_state=0).fit(texts, ["good", "bad"] * 20)
    >>> explanation = explain_texts(model, "such a fine film!")[0]
    >>> explanation.tokens
    ('such', 'a', 'fine', 'film', '!')
    >>> explanation.top_evidence("good", n=1)[0][0][0]
    'fine'
    >>> float((explanation.base_probabilities + explanation.evidence.sum(axis=0)).sum().round(5))
    1.0
    """
    check_is_fitted(pipeline)
    texts = _rows(texts)
    attention = find_attention(pipeline)
    readings, unexplained = _evidence(pipeline, texts, has_attention=attention is not None)
    if len(texts) == 0:
        return []
    probabilities = np.asarray(pipeline.predict_proba(texts), dtype=np.float64)
    classes = np.asarray(pipeline.classes_)
    positions = _predicted(pipeline, texts, probabilities)
    targets = positions if target is None else _positions(target, classes, len(texts))
    looked, segments = _looked(attention, texts, targets)
    columns = _columns(pipeline, texts)
    networks = attention.networks() if attention is not None else []
    labels = classes.tolist()
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
        )
        for i in range(len(texts))
    ]


def explained(model, texts, y):
    """Explanations for a display: one a text, and as many labels.

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
    rows = _rows(texts)
    if y is not None:
        check_consistent_length(rows, y)
    return explain_texts(model, rows), names_from_outside_in(model)


def _rows(texts):
    """A list of texts; a frame of several columns stays, since the model says what it reads."""
    if isinstance(texts, str):
        return [texts]
    shape = getattr(texts, "shape", ())
    is_frame = hasattr(texts, "columns") or hasattr(texts, "column_names")
    return texts if is_frame and len(shape) == 2 and shape[1] > 1 else text_list(texts)


def _columns(pipeline, texts):
    """Where the text of each column lies, of a model that reads named columns; else None."""
    model, steps = final_model(pipeline)
    if getattr(model, "_column_spans", None) is None:
        return [None] * len(texts)
    return model._column_spans(transformed(steps[:-1], texts))


def _evidence(pipeline, texts, has_attention):
    """What each word adds, None for each text where that is not known, and why it is not."""
    names = names_from_outside_in(pipeline)
    try:
        readings, unexplained = find_evidence(pipeline).evidence(texts), ""
    except CannotSplit as error:
        readings, unexplained = [None] * len(texts), str(error)
    if unexplained and not has_attention:
        raise TypeError(f"Nothing to explain in {names}: {unexplained}")
    return readings, unexplained


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
                "differ), so their words cannot be laid over one another: explain each member by "
                "itself."
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
        share=min(share, 1.0),
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
    place = {label: position for position, label in enumerate(classes.tolist())}
    labels = np.asarray(target)
    labels = labels.tolist() if labels.ndim else [labels.item()] * n_texts
    if len(labels) != n_texts:
        raise ValueError(f"target has {len(labels)} labels for {n_texts} texts.")
    strangers = [label for label in labels if label not in place]
    if strangers:
        raise ValueError(f"target {strangers[0]!r} is none of the classes {classes.tolist()}.")
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
        words += ", those of n-grams shared among their words"
    return words + getattr(classifier, "_attention_supplement", "")
