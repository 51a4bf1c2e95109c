"""What a `SequenceVectorizer` learns from texts, and the ids of their tokens."""

from numbers import Integral

from sklearn.feature_extraction.text import CountVectorizer

from skattn.utils._texts import as_texts, checked_texts
from skattn.vectorizer._ids import HashedIds, check_hashing, look_up
from skattn.vectorizer._padding import choose_length, drop_unknown, refuse_longer
from skattn.vectorizer._pretrained_tokenizer import read_vocabulary
from skattn.vectorizer._tokens import (
    build_tokens,
    check_reading,
    composes,
    each_token,
    warn_for_capitals,
)
from skattn.vectorizer._vocabulary import learn_words

_LEARNING = ("vocabulary", "embeddings", "min_df", "max_df", "max_features")


def learn(X, params, reader, kind):
    """Learn the vocabulary and the length of the rows.

    Parameters
    ----------
    X : iterable of str
    params : dict
        Of the vectorizer.
    reader : CountVectorizer
        With the parameters of the analysis.
    kind : type
        The class of the vectorizer.

    Returns
    -------
    ids : int32 array of shape (n_tokens,)
        Of all texts in a row.
    lengths : list of int
    learned : dict
        The attributes of a fitted vectorizer.
    """
    model = None
    if params["pretrained"] is not None:
        model = read_vocabulary(params, kind)
        reader = CountVectorizer(analyzer=model.tokenizer)
    else:
        check_reading(reader)
    lengths = []
    tokens = each_token(checked_texts(as_texts(X)), build_tokens(reader), lengths)
    if model is not None:
        ids = look_up(tokens, model.ids)
        learned = {"_words": list(model.ids), "_ids": model.ids, "_tokenizer": model.tokenizer}
    elif params["n_features"] is None:
        given = {name: params[name] for name in _LEARNING}
        ids, learned = learn_words(tokens, lengths, composes(reader), **given)
        if params["vocabulary"] is not None:
            warn_for_capitals(reader, learned["_words"])
    else:
        check_hashing(params)
        ids, learned = look_up(tokens, HashedIds(params["n_features"])), {}
    if params["unknown"] == "drop":
        ids, lengths = drop_unknown(ids, lengths)
    learned["max_length_"] = _length(lengths, params["max_length"], model)
    return ids, lengths, learned


def _length(lengths, max_length, model):
    """The length of the rows; without a number at most what a pretrained model works for."""
    length = choose_length(lengths, max_length)
    if model is not None and model.usual is not None and not isinstance(max_length, Integral):
        length = min(length, model.usual)
    refuse_longer(length, max_length)
    return length
