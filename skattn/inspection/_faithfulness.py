"""`faithfulness_report`: whether explanations explain predictions, tested by erasing words."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, Options
from sklearn.utils.validation import check_is_fitted

from skattn.inspection import _refits
from skattn.inspection._erasure import Bootstrap, agreement, erased_texts, is_constant, one_left_out
from skattn.inspection._explain import (
    NO_ATTENTION,
    check_labels,
    explain_texts,
    placed,
    rows_of,
)
from skattn.inspection._faithfulness_report import METRICS, FaithfulnessReport
from skattn.inspection._parts._attention import find_attention
from skattn.inspection._parts._fitted_models import ensemble_of, final_model, reads_a_column
from skattn.inspection._parts._labels import warn_of_strangers
from skattn.utils._sklearn_compat import validated
from skattn.utils._typing import Texts

__all__ = ["faithfulness_report"]

N_TEXTS_AT_ONCE = 64  # whose variants are predicted in one call
MOST_CHARACTERS = 20_000_000  # in the variants of several texts
N_DIGITS = 6  # of a probability; what a float32 network says beyond them is noise


@validated(
    {
        "n_texts": [Interval(Integral, 1, None, closed="left"), None],
        "n_random": [Interval(Integral, 1, None, closed="left")],
        "n_bootstrap": [Interval(Integral, 1, None, closed="left")],
        "refit": [tuple, list, None],
        "n_seeds": [Options(Integral, {0}), Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }
)
def faithfulness_report(
    pipeline: Any,
    texts: Texts,
    y: ArrayLike | None = None,
    *,
    n_texts: int | None = 50,
    n_random: int = 5,
    n_bootstrap: int = 1000,
    refit: tuple[Texts, ArrayLike] | None = None,
    n_seeds: int = 0,
    random_state: int | np.random.RandomState | None = None,
) -> FaithfulnessReport:
    """Test whether evidence and attention explain the predictions of a model on these texts.

    Words are removed from the texts, those with the highest evidence or attention first, and the
    model predicts again. The effect is compared with removing random words, the first words of the
    text (which is the order of uniform attention), and the highest-ranked words by gradient x input
    and by leave-one-out. The predictions are those of the whole `pipeline`, even if attention is
    only one part of it.

    Parameters
    ----------
    pipeline : fitted classifier of raw texts
        Any classifier that :func:`explain_texts` supports.
    texts : iterable of str
        Raw texts, preferably from a test set.
    y : array-like of shape (n_texts,), default=None
        True classes. They add the accuracy to the report, and are required with `refit`.
    n_texts : int, default=50
        Number of texts to draw at random for the experiment; None uses all texts. Texts with fewer
        than two tokens are left out. Each text needs one prediction per word and at most
        ``20 * (5 + n_random)`` more, so long texts take time.
    n_random : int, default=5
        Number of random orders of the words of each text.
    n_bootstrap : int, default=1000
        Number of bootstrap samples of the texts for each 95 % confidence interval.
    refit : tuple (training_texts, training_y), default=None
        Training data on which to fit the same model with ``attention="uniform"``. The report
        contains its accuracy. If it is as high as that of the model itself, learned attention
        contributes nothing.
    n_seeds : int, default=0
        Number of models (2 or more) to fit on the data of `refit` with different seeds. The report
        then says how well their attention agrees. 0 leaves this out.
    random_state : int, RandomState instance or None, default=None
        Determines the sample of texts, the random orders, the bootstrap samples and the seeds.

    Returns
    -------
    report : FaithfulnessReport
        ``print(report)`` shows the verdicts, the rule and the table.

    Raises
    ------
    TypeError
        As :func:`explain_texts`.
    ValueError
        If no text has two tokens, or if the steps before the vectorizer are not idempotent, that
        is, if they change a text again that they have already processed. Words cannot be removed
        from such texts.

    Notes
    -----
    For each text, with :math:`p` the probability of the predicted class and :math:`r_k` the top
    :math:`k` % of its tokens (rounded up, at least one; ties are in the order of the text),

    * comprehensiveness is the mean of :math:`p(x) - p(x \\setminus r_k)`, high if the words
      mattered,
    * sufficiency is the mean of :math:`p(x) - p(r_k)`, low if they are enough,

    both over :math:`k` = 1, 5, 10, 20 and 50 [1]_. To remove a word, it is replaced by a space in
    the text. Both are measured a second time with each removed word replaced by a word that no
    model knows, so that the other words keep their positions. Evidence ranks words by what they add
    to the predicted class, so words against this class come last. Kendall's tau compares the
    absolute scores of the words with the absolute changes of :math:`p` when one word is left out,
    and with the absolute values of gradient x input [2]_. For evidence, which has a sign, the
    signed values are compared. Tau counts as 0 if a ranking is constant, and changes of :math:`p`
    below one millionth count as 0. For random orders, all values are means over `n_random` draws.

    The rule: evidence (or attention) is called faithful if **all** of these conditions hold:

    1. Its comprehensiveness is higher than that of random words: the confidence interval of the
       paired difference lies above 0.
    2. Its sufficiency is lower than that of random words, by the same test.
    3. Its comprehensiveness has at least half of the lead that leave-one-out has over random words.
       Being better than chance would be too easy.
    4. The confidence interval of its Kendall's tau with leave-one-out lies above 0.
    5. It is constant (equal for all words, up to a thousandth) in at most half of the texts.

    A verdict of "not faithful" can also mean that there were too few texts, which makes the
    confidence intervals wide. Whether attention can be an explanation is disputed [2]_ [3]_ [4]_.
    Texts with removed words differ from the training texts, which limits every measure of this
    kind.

    References
    ----------
    .. [1] J. DeYoung et al., "ERASER: a benchmark to evaluate rationalized NLP models", ACL 2020.
    .. [2] S. Jain, B. C. Wallace, "Attention is not explanation", NAACL 2019.
    .. [3] S. Wiegreffe, Y. Pinter, "Attention is not not explanation", EMNLP 2019.
    .. [4] S. Serrano, N. A. Smith, "Is attention interpretable?", ACL 2019.

    Examples
    --------
    >>> from skattn import TextClassifier, faithfulness_report
    >>> texts = ["a fine film", "a dull film"] * 20
    >>> model = TextClassifier(random_state=0).fit(texts, ["good", "bad"] * 20)
    >>> report = faithfulness_report(model, texts, n_texts=10, random_state=0)
    >>> report.n_texts
    10
    """
    check_is_fitted(pipeline)
    texts = rows_of(pipeline, texts)
    refit = _check_arguments(pipeline, texts, y, refit, n_seeds)
    rng = check_random_state(random_state)
    ask = _prediction_of_read_texts(pipeline)
    explanations, seen, n_dropped = _sample(pipeline, ask, texts, n_texts, rng)
    positions = np.array([e.position for e in explanations])
    gradients = _gradients(pipeline, seen, explanations, positions)
    scores = _all_scores(ask, explanations, gradients, n_random, rng)
    bootstrap = Bootstrap(len(explanations), n_bootstrap, rng)
    extras = {}
    if y is not None:
        extras["accuracy"] = _refits.accuracy(pipeline, texts, y)
    if refit is not None:
        extras["uniform_accuracy"] = _refits.uniform_accuracy(pipeline, refit, texts, y)
    if n_seeds:
        seeds = rng.randint(np.iinfo(np.int32).max, size=n_seeds)
        extras["seed_agreement"] = _refits.seed_agreement(pipeline, refit, seen, seeds)
    return FaithfulnessReport.from_scores(
        scores,
        bootstrap,
        constant={
            name: float(np.mean([is_constant(_judged(e)[name]) for e in explanations]))
            for name in _judged(explanations[0])
        },
        share=float(np.mean([e.share for e in explanations])),
        n_dropped=n_dropped,
        **extras,
    )


def _judged(explanation):
    """The two rankings that the rule is for, as far as the model has them."""
    found = {}
    if explanation.evidence is not None:
        found["evidence"] = explanation.evidence_for(explanation.prediction)
    if explanation.aggregate != NO_ATTENTION:
        found["attention"] = explanation.weights
    return found


def _gradients(pipeline, texts, explanations, positions):
    """Gradient x input on the tokens of each explanation; None without a network."""
    attention = find_attention(pipeline)
    if attention is None:
        return [None] * len(explanations)
    found = attention.gradients(texts, positions)
    return [placed(g.values, g.spans, e.spans) for g, e in zip(found, explanations, strict=True)]


def _check_arguments(pipeline, texts, y, refit, n_seeds):
    labels = check_labels(pipeline, texts, y)
    if labels is not None:
        warn_of_strangers(labels, np.asarray(pipeline.classes_))
    if refit is not None and (len(refit) != 2 or y is None):
        raise ValueError(
            "refit=(training_texts, training_y) compares accuracies: give it as a pair, and the "
            "true classes of `texts` as y."
        )
    if refit is not None and find_attention(pipeline) is None:
        raise ValueError(
            "refit compares attention weights, but this model has none. Leave out refit and "
            "n_seeds."
        )
    if n_seeds and refit is None:
        raise ValueError("n_seeds needs refit=(training_texts, training_y) to train on.")
    if refit is None:
        return None
    texts, labels = refit
    return (list(texts) if isinstance(texts, Iterator) else texts), labels  # read several times


def _sample(pipeline, ask, texts, n_texts, rng):
    """Explanations of up to `n_texts` texts with an order to judge, their rows, and the others."""
    rows = rng.permutation(len(texts))[:n_texts]
    drawn = _safe_indexing(texts, rows)
    explanations = explain_texts(pipeline, drawn)
    kept = [row for row, found in enumerate(explanations) if len(found.tokens) > 1]
    if not kept:
        raise ValueError("None of the texts has two tokens or more: there is no order to judge.")
    explanations = [explanations[row] for row in kept]
    drawn = _safe_indexing(drawn, kept)
    if not isinstance(drawn, list) or [e.text for e in explanations] != drawn:
        _check_stable(ask, explanations)
    return explanations, drawn, len(rows) - len(kept)


def _prediction_of_read_texts(pipeline):
    """`predict_proba` for texts as the vectorizer reads them, columns joined."""
    model, steps = final_model(pipeline)
    if getattr(model, "_column_spans", None) is not None:
        return model._predict_joined
    if reads_a_column(steps):
        raise TypeError(
            "faithfulness_report cannot erase words from a text that a ColumnTransformer takes out "
            "of a frame: fit the same steps on this column alone, without the ColumnTransformer."
        )
    if _reads_columns(model):
        raise TypeError(
            f"faithfulness_report cannot erase words from the columns that the classifiers in a "
            f"{type(model).__name__} read: give it one of these classifiers."
        )
    return pipeline.predict_proba


def _reads_columns(model):
    """Tell whether a classifier in a vote or a calibration reads columns of a frame."""
    if getattr(model, "_column_spans", None) is not None:
        return True
    ensemble = ensemble_of(model)
    members = [] if ensemble is None else ensemble.models
    return any(_reads_columns(final_model(member).model) for member in members)


def _check_stable(ask, explanations):
    """Words are erased from the text that the vectorizer read; the model must agree on it."""
    try:
        again = np.asarray(ask([e.text for e in explanations]))
    except Exception as error:
        raise ValueError(
            "Words are removed from the text that the vectorizer receives, but the model does not "
            f"take such texts ({error}). Give faithfulness_report the part of the pipeline that "
            "does."
        ) from error
    before = np.array([e.probabilities for e in explanations])
    if not np.allclose(again, before, atol=1e-4):
        raise ValueError(
            "A step before the vectorizer changes a text again that it has already changed, so "
            "words cannot be removed from what the vectorizer received: make that step "
            "idempotent, or give faithfulness_report the part of the pipeline behind it."
        )


def _all_scores(ask, explanations, gradients, n_random, rng):
    """{ranking: {metric: array of shape (n_texts,)}}."""
    rows = []
    for part in _groups(explanations):
        group = explanations[part]
        one_less = [one_left_out(e.text, e.spans) for e in group]
        left_out = [drop.round(N_DIGITS) for drop in _drops(ask, group, one_less)]
        rankings = [
            _rankings(explanation, gradient, drop, n_random, rng)
            for explanation, gradient, drop in zip(group, gradients[part], left_out, strict=True)
        ]
        variants = [_variants(e, r) for e, r in zip(group, rankings, strict=True)]
        drops = [drop.round(N_DIGITS) for drop in _drops(ask, group, variants)]
        rows += [_metrics(r, drop) for r, drop in zip(rankings, drops, strict=True)]
    return {
        name: {metric: np.array([row[name][metric] for row in rows]) for metric in METRICS}
        for name in rows[0]
    }


def _groups(explanations):
    """Slices of texts whose variants without a word fit into memory together."""
    sizes = [len(e.tokens) * len(e.text) for e in explanations]
    start, total = 0, 0
    for stop, size in enumerate(sizes):
        total += size
        if stop > start and (total > MOST_CHARACTERS or stop - start == N_TEXTS_AT_ONCE):
            yield slice(start, stop)
            start, total = stop, size
    yield slice(start, len(sizes))


def _rankings(explanation, gradient, left_out, n_random, rng):
    """{ranking: scores of the tokens, (n_orders, n_tokens)}."""
    n_tokens = len(explanation.tokens)
    rankings = {name: scores[None] for name, scores in _judged(explanation).items()}
    rankings["random"] = rng.uniform(size=(n_random, n_tokens))
    rankings["uniform"] = np.full((1, n_tokens), 1 / n_tokens)
    if gradient is not None:
        rankings["gradient x input"] = gradient[None]
    return rankings | {"leave-one-out": left_out[None]}


def _variants(explanation, rankings):
    """All erased texts of one text, in a row."""
    variants = []
    for scores in np.concatenate(list(rankings.values())):
        for erased in erased_texts(explanation.text, explanation.spans, scores):
            variants += erased
    return variants


def _drops(ask, explanations, variants):
    """How far the predicted class's probability falls in each variant of each text."""
    places = {}
    for text in (text for row in variants for text in row):
        places.setdefault(text, len(places))
    probabilities = np.asarray(ask(list(places)), dtype=np.float64)
    drops = []
    for explanation, row in zip(explanations, variants, strict=True):
        now = probabilities[[places[text] for text in row], explanation.position]
        drops.append(explanation.probability - now)
    return drops


def _metrics(rankings, drops):
    """{ranking: {metric: number}} of one text; the mean over the orders of a ranking."""
    n_orders = sum(map(len, rankings.values()))
    erased = drops.reshape(n_orders, 4, -1).mean(axis=2)  # mean over the fractions
    size = {name: np.abs(scores) for name, scores in rankings.items()}
    metrics, start = {}, 0
    for name, orders in size.items():
        space, unknown = erased[start : start + len(orders)].mean(axis=0).reshape(2, 2)
        known = rankings if name == "evidence" else size  # it has a sign, as the changes have
        taus = [
            np.mean([agreement(scores, known[other][0]) for scores in known[name]])
            if other in size
            else np.nan
            for other in ("leave-one-out", "gradient x input")
        ]
        metrics[name] = dict(zip(METRICS, (*space, *taus, *unknown), strict=True))
        start += len(orders)
    return metrics
