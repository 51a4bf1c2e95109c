"""The weights of two models, learned from predictions on texts that neither was fitted on."""

import numpy as np
from sklearn.model_selection import train_test_split

from skattn.utils._at_hand import once

N_TEXTS_AT_ONCE = 8192  # bounds the memory of their features
LEAST_TEXTS = 200  # with fewer, the held-out texts are too few to learn weights from
TRAINING_TEXTS = 4000  # at most, or a quarter of the texts if that is more
JUDGED_TEXTS = 2000  # at most
JUDGED_SHARE = 0.2
WITH_FEW_TEXTS = 0.25  # the weight of the network, if it is not learned
OF_A_TRANSFORMER, ON_LONG_TEXTS, ON_FEW_TEXTS = 0.5, 0.4, 0.6
SHARES = np.linspace(0, 1, 41)


def split(y):
    """Rows to fit on and rows to compare weights on, stratified if that is possible.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)

    Returns
    -------
    training, judged : ndarray of int
        At most 4,000 rows (or a quarter of them, if that is more), and at most 2,000.
    """
    n_judged = min(JUDGED_TEXTS, int(JUDGED_SHARE * len(y)))
    n_training = min(max(TRAINING_TEXTS, len(y) // 4), len(y) - n_judged)
    sizes = {"train_size": n_training, "test_size": n_judged}
    strata = None
    if y.ndim == 1:
        counts = np.unique(y, return_counts=True)[1]
        if counts.min() > 1 and len(counts) <= min(sizes.values()):
            strata = y
    return train_test_split(np.arange(len(y)), stratify=strata, random_state=0, **sizes)


def share_of_the_first(first, second, truth, sample_weight):
    r"""The weight of the first of two models in the mean of their probabilities.

    Shares :math:`w` on a grid from 0 to 1 are tried. The result is their mean, weighted by
    :math:`e^{-L(w)}`, where :math:`L(w)` is the Brier loss of :math:`w p_1 + (1 - w) p_2`
    summed over the texts: the exponentially weighted average, for which this loss has good bounds
    [1]_. With few texts the result is close to one half.

    Parameters
    ----------
    first, second : ndarray of shape (n_samples, n_classes)
        The probabilities of the two models.
    truth : ndarray of shape (n_samples, n_classes)
        1 for the true class or labels, otherwise 0.
    sample_weight : ndarray of shape (n_samples,)
        Only the ratios matter.

    Returns
    -------
    share : float
        In [0, 1].

    References
    ----------
    .. [1] Vovk & Zhdanov, "Prediction with expert advice for the Brier game", Journal of Machine
       Learning Research 10, 2009.
    """
    weights = sample_weight / sample_weight.mean()
    losses = np.array(
        [weights @ np.sum((w * first + (1 - w) * second - truth) ** 2, axis=1) for w in SHARES]
    )
    belief = np.exp(losses.min() - losses)
    return float(belief @ SHARES / belief.sum())


def by_rule(kept, transformer, long, few):
    """The weights of the models if they are not learned.

    With few texts, a network that starts from random weights is the weaker model, and one that
    starts from a pretrained transformer is the stronger one. Long texts are truncated for the
    transformer, but not for the linear model.

    Parameters
    ----------
    kept : list of {"network", "linear"}
    transformer : bool
        Whether the network starts from a pretrained transformer.
    long : bool
        Whether the texts are long.
    few : bool
        Whether there are few texts for a transformer.

    Returns
    -------
    weights : dict of str to float
    """
    if len(kept) == 1:
        return {kept[0]: 1.0}
    share = WITH_FEW_TEXTS
    if transformer:
        share = ON_LONG_TEXTS if long else ON_FEW_TEXTS if few else OF_A_TRANSFORMER
    return {"network": share, "linear": 1.0 - share}


def truth_table(y, classes):
    """1 for the true class or labels of each row, otherwise 0.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    truth : ndarray of shape (n_samples, n_classes)
    """
    return (y if y.ndim == 2 else y[:, None] == classes).astype(np.float64)


def probabilities(model, texts, classes):
    """Probabilities of a model that may not know all classes; 0 for unknown classes.

    Parameters
    ----------
    model : fitted classifier
        In multilabel problems, all models have the same labels.
    texts : list of str
    classes : ndarray of shape (n_classes,)
        Sorted, as are those of the model.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_classes), float64
    """
    starts = range(0, len(texts), N_TEXTS_AT_ONCE)
    parts = (texts[start : start + N_TEXTS_AT_ONCE] for start in starts)
    found = once(
        model, "probabilities", texts, lambda: np.concatenate([*map(model.predict_proba, parts)])
    )
    found = np.asarray(found, dtype=np.float64)
    if found.shape[1] == len(classes):
        return found
    whole = np.zeros((len(found), len(classes)))
    whole[:, np.searchsorted(classes, model.classes_)] = found
    return whole
