"""`faithfulness_report`: whether explanations explain predictions, tested by erasing words."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skattn.inspection import _refits
from skattn.inspection._erasure import Bootstrap, agreement, erased_texts, is_constant, one_left_out
from skattn.inspection._explain import NO_ATTENTION, explain_texts, placed
from skattn.inspection._faithfulness_report import METRICS, FaithfulnessReport
from skattn.inspection._parts._attention import find_attention
from skattn.utils._sklearn_compat import validated
from skattn.utils._texts import text_list
from skattn.utils._typing import Texts

__all__ = ["faithfulness_report"]

N_TEXTS_AT_ONCE = 64  # some 10,000 variants, predicted in one call
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

    Words are erased in the order of their evidence, and of their attention, and the whole model
    predicts again. The effect is compared with erasing random words, the first words of the text
    (uniform attention), and words in the order of gradient x input and of leave-one-out. The whole
    `pipeline` is tested, even where attention is only a part of it.

    Parameters
    ----------
    pipeline : fitted classifier of raw texts
        Whatever :func:`explain_texts` takes.
    texts : iterable of str
        Raw texts, best those of a test set.
    y : array-like of shape (n_texts,), default=None
        True classes; adds the accuracy to the report. Needed with `refit`.
    n_texts : int, default=50
        Number of texts to draw at random for the experiment; None takes all. Texts with fewer than
        two tokens are left out. Each text needs one prediction per word and at most ``20 * (5 +
        n_random)`` more, so long texts take time.
    n_random : int, default=5
        Random orders of each text.
    n_bootstrap : int, default=1000
        Draws behind each 95 % interval, over texts.
    refit : tuple (training_texts, training_y), default=None
        Fit the same model with ``attention="uniform"`` on these texts and report its accuracy. If
        it is as high as the accuracy of the model itself, attention contributes nothing.
    n_seeds : int, default=0
        With `refit`: the number of models (2 or more) to fit that differ only in their seed, to
        report how far their attention agrees. 0 leaves this out.
    random_state : int, RandomState instance or None, default=None
        Draws the texts, the random orders, the bootstrap and the seeds.

    Returns
    -------
    report : FaithfulnessReport
        ``print(report)`` shows the verdicts, the rule and the table.

    Raises
    ------
    TypeError
        As :func:`explain_texts`.
    ValueError
        If no text has two tokens, or the words of a text cannot be taken away from it because
        steps before the vectorizer change a text again that they have already changed.

    Notes
    -----
    For each text, with :math:`p` the probability of the predicted class and :math:`r_k` the top
    :math:`k` % of its tokens (rounded up, at least one; equal scores in reading order),

    * comprehensiveness is the mean of :math:`p(x) - p(x \\setminus r_k)`, high if the words
      mattered,
    * sufficiency is the mean of :math:`p(x) - p(r_k)`, low if they are enough,

    both over :math:`k` = 1, 5, 10, 20 and 50 [1]_. A word is taken out by putting a space in its
    place in the text; :math:`r_k` alone are its words with spaces between. Both are measured a
    second time with a word in the place of each erased one that no model knows, which leaves the
    others where they stand. Evidence ranks words by what they add to the predicted class, so words
    against it come last. Kendall's tau compares the size of the scores with the size of the change
    when one word is left out, and of gradient x input [2]_; those of evidence, which has a sign,
    with the signed changes. It counts as 0 where a ranking is constant, and changes below a
    millionth count as none. For random orders the mean of `n_random` draws counts.

    The rule: evidence, or attention, **is** called faithful if all of these hold, and is not
    otherwise.

    1. Its comprehensiveness exceeds that of random words: the interval of the paired difference
       lies above 0.
    2. So does its sufficiency, the other way round.
    3. Its comprehensiveness has at least half of the lead over random words that leave-one-out
       has: better than chance alone is a low bar.
    4. The interval of its tau with leave-one-out lies above 0.
    5. It is not constant (equal for all words, up to a thousandth) in more than half of the texts.

    So a "not" can also mean that the texts were too few to tell; the intervals say so. What
    "explanation" can mean for attention is disputed [2]_ [3]_ [4]_. Words taken away leave texts
    unlike those that the model was trained on, which blurs every measure of this kind.

    References
    ----------
    .. [1] J. DeYoung et al., "ERASER: a benchmark to evaluate rationalized NLP models", ACL 2020.
    .. [2] S. Jain, B. C. Wallace, "Attention is not explanation", NAACL 2019.
    .. [3] S. Wiegreffe, Y. Pinter, "Attention is not not explanation", EMNLP 2019.
    .. [4] S. Serrano, N. A. Smith, "Is attention interpretable?", ACL 2019.

    Examples
    --------
    >>> from skattn import faithfulness_report, make_text_classifier
    >>> texts = ["a fine film", "a dull film"] * 20
    >>> model = make_text_classifier(random_state=0).fit(texts, ["good", "bad"] * 20)
    >>> report = faithfulness_report(model, texts, n_texts=10, random_state=0)
    >>> report.n_texts
    10
    """
    texts = text_list(texts)
    _check_arguments(texts, y, refit, n_seeds)
    check_is_fitted(pipeline)
    rng = check_random_state(random_state)
    explanations, n_dropped = _sample(pipeline, texts, n_texts, rng)
    positions = np.array([e.position for e in explanations])
    seen = [e.text for e in explanations]
    gradients = _gradients(pipeline, explanations, positions)
    scores = _all_scores(pipeline, explanations, gradients, n_random, rng)
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


def _gradients(pipeline, explanations, positions):
    """Gradient x input on the tokens of each explanation; None without a network."""
    attention = find_attention(pipeline)
    if attention is None:
        return [None] * len(explanations)
    found = attention.gradients([e.text for e in explanations], positions)
    return [placed(g.values, g.spans, e.spans) for g, e in zip(found, explanations, strict=True)]


def _check_arguments(texts, y, refit, n_seeds):
    if y is not None:
        check_consistent_length(texts, y)
    if refit is not None and (len(refit) != 2 or y is None):
        raise ValueError(
            "refit=(training_texts, training_y) compares accuracies: give it as a pair, and the "
            "true classes of `texts` as y."
        )
    if n_seeds and refit is None:
        raise ValueError("n_seeds needs refit=(training_texts, training_y) to train on.")


def _sample(pipeline, texts, n_texts, rng):
    """Explanations of up to `n_texts` texts with an order to judge, and how many had none."""
    rows = rng.permutation(len(texts))[:n_texts]
    drawn = [texts[row] for row in rows]
    explanations = explain_texts(pipeline, drawn)
    kept = [explanation for explanation in explanations if len(explanation.tokens) > 1]
    if not kept:
        raise ValueError("None of the texts has two tokens or more: there is no order to judge.")
    if any(e.text != text for e, text in zip(explanations, drawn, strict=True)):
        _check_stable(pipeline, kept)
    return kept, len(drawn) - len(kept)


def _check_stable(pipeline, explanations):
    """Words are erased from the text that the vectorizer read; the model must agree on it."""
    again = np.asarray(pipeline.predict_proba([e.text for e in explanations]))
    before = np.array([e.probabilities for e in explanations])
    if not np.allclose(again, before, atol=1e-4):
        raise ValueError(
            "A step before SequenceVectorizer changes a text again that it has already changed, "
            "so words cannot be erased from what the vectorizer read: make that step idempotent, "
            "or give faithfulness_report the part of the pipeline behind it."
        )


def _all_scores(pipeline, explanations, gradients, n_random, rng):
    """{ranking: {metric: array of shape (n_texts,)}}."""
    rows = []
    for start in range(0, len(explanations), N_TEXTS_AT_ONCE):
        part = slice(start, start + N_TEXTS_AT_ONCE)
        group = explanations[part]
        one_less = [one_left_out(e.text, e.spans) for e in group]
        left_out = [drop.round(N_DIGITS) for drop in _drops(pipeline, group, one_less)]
        rankings = [
            _rankings(explanation, gradient, drop, n_random, rng)
            for explanation, gradient, drop in zip(group, gradients[part], left_out, strict=True)
        ]
        variants = [_variants(e, r) for e, r in zip(group, rankings, strict=True)]
        drops = _drops(pipeline, group, variants)
        rows += [_metrics(r, drop) for r, drop in zip(rankings, drops, strict=True)]
    return {
        name: {metric: np.array([row[name][metric] for row in rows]) for metric in METRICS}
        for name in rows[0]
    }


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


def _drops(pipeline, explanations, variants):
    """How far the predicted class's probability falls in each variant of each text."""
    places = {}
    for text in (text for row in variants for text in row):
        places.setdefault(text, len(places))
    probabilities = np.asarray(pipeline.predict_proba(list(places)), dtype=np.float64)
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
