"""What an `AttentionTextClassifier` asks of its network: defaults, checks, pretrained models."""

import inspect
import os
from collections.abc import Mapping
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_array

from skattn.estimators._token_ids import n_ids
from skattn.fitting._callbacks import rate_setter
from skattn.networks._pretrained import (
    Pretrained,
    backbone_config,
    is_static,
    max_tokens,
    read_pretrained,
    read_static,
)
from skattn.networks._transformer import without_precision
from skattn.utils._at_hand import OWN_WORDS, TOKENIZER, WORD_VECTORS, noted
from skattn.utils._pretrained_folder import find_folder, n_positions, read_config, read_tokenizer
from skattn.utils._warnings import warn

# parameter -> its value without a pretrained transformer, and with one
_DEFAULTS = {
    "encoder": ("lstm", "none"),
    "attention": ("feedforward", "additive"),
    "epochs": (10, 5),
    "weight_decay": (None, 0.01),
    "learning_rate_schedule": ("constant", "linear"),
}
_OF_THE_TABLE = ("embedding_dim", "embeddings", "vocabulary_size")
_OF_THE_WORDS = ("embedding_trainable", "embedding_dropout", "word_dropout")


class Beginning(NamedTuple):
    """What a network begins with besides random weights."""

    table: np.ndarray | None = None  # vectors of the tokens
    transformer: Pretrained | None = None


def with_defaults(params, is_transformer):
    """The parameters, those at None that stand for a default replaced by it."""
    place = 1 if is_transformer else 0
    chosen = {name: values[place] for name, values in _DEFAULTS.items() if params[name] is None}
    if params["encoder"] is None and params["pretrained"] is not None:
        chosen["encoder"] = "none"
    if params["learning_rate_schedule"] is None and rate_setter(params["callbacks"]):
        chosen["learning_rate_schedule"] = "constant"
    return params | chosen


def read_beginning(estimator, X):
    """Read the pretrained model that an estimator names; errors come before any work.

    Parameters
    ----------
    estimator : AttentionTextClassifier
    X : array-like
        The token ids as the user or a pipeline passed them.

    Returns
    -------
    Beginning
    """
    folder = find_folder(estimator.pretrained)
    given = read_config(folder)
    tokenizer = read_tokenizer(folder, given)
    made_by = noted(X, TOKENIZER)
    if made_by is not None and made_by.get_vocab() != tokenizer.tokenizer.get_vocab():
        raise ValueError(
            "The token ids come from a SequenceVectorizer with the vocabulary of another "
            f"pretrained model than {str(folder)!r}. Pass the same pretrained=... to both, or use "
            "TextClassifier(pretrained=...)."
        )
    if is_static(given):
        _refuse(estimator, _OF_THE_TABLE, "a static model has its own table of vectors")
        return Beginning(table=read_static(folder, tokenizer))
    _refuse(
        estimator,
        _OF_THE_TABLE + _OF_THE_WORDS,
        "the vectors of a pretrained transformer stay as they are",
    )
    _refuse(
        estimator,
        ("segment_length",),
        "a transformer reads a text as a whole. For long texts, set truncation where the texts "
        "are read, in SequenceVectorizer or TextClassifier",
    )
    backbone = backbone_config(given, n_positions(given), tokenizer, folder, estimator.precision)
    tuned, n_layers = n_tuned(estimator.tuned_layers, backbone), len(backbone["layers"])
    if tuned > n_layers:
        raise ValueError(
            f"tuned_layers={tuned}, but the model in {str(folder)!r} has {n_layers} layers. Use a "
            "smaller number, or 'all'."
        )
    return Beginning(transformer=read_pretrained(folder, backbone, tuned))


def _refuse(estimator, names, reason):
    defaults = inspect.signature(type(estimator)).parameters
    given = [name for name in names if _differs(getattr(estimator, name), defaults[name].default)]
    if given:
        raise ValueError(f"{' and '.join(given)} cannot be set beside pretrained: {reason}.")


def _differs(value, default):
    return value is not None if default is None else value != default


def network_config(estimator, params, X, beginning, before):
    """What decides the form of the network besides what all networks have.

    Parameters
    ----------
    estimator : AttentionTextClassifier
    params : dict
        Its parameters, as `with_defaults` gives them.
    X : ndarray of shape (n_rows, n_columns)
    beginning : Beginning
    before : FittedNetwork or None
        The network to go on with.
    """
    config = {
        "encoder": params["encoder"],
        "attention": params["attention"],
        "units": int(estimator.units),
        "conv_widths": checked_widths(estimator.conv_widths),
        "n_layers": int(estimator.n_layers),
        "n_heads": int(estimator.n_heads),
        "head_penalty": float(estimator.head_penalty),
        "segment_length": int(min(estimator.segment_length or 0, X.shape[1])),
        "extra_pooling": estimator.extra_pooling,
        "embedding_dropout": float(estimator.embedding_dropout),
        "word_dropout": float(estimator.word_dropout),
        "embedding_trainable": bool(estimator.embedding_trainable),
    }
    if estimator.pretrained is None:
        if before is not None and before.config.get("pretrained"):
            raise ValueError(
                "pretrained is None, but the network to go on with began with a pretrained model. "
                "Set pretrained to the model's folder again (it is not taken from a skops file), "
                "or set warm_start=False and fit again."
            )
        return config | _table_shape(estimator, X, beginning.table, before)
    return config | _pretrained_config(estimator, beginning, before)


def initial_table(estimator, vectors):
    """The vectors that an estimator, or else a vectorizer, gives the embedding to begin with."""
    embeddings = vectors if estimator.embeddings is None else estimator.embeddings
    if embeddings is None:
        return None
    if isinstance(embeddings, Mapping) or hasattr(embeddings, "index_to_key"):
        raise TypeError(
            "embeddings must be a table with a row for each id, but this "
            f"{type(embeddings).__name__} maps words to vectors. Use "
            "TextClassifier(embeddings=...), or pass the embeddings_ of a SequenceVectorizer."
        )
    table = check_array(
        embeddings, dtype=np.float32, ensure_2d=False, allow_nd=True, input_name="embeddings"
    )
    if table.ndim != 2:
        raise ValueError(
            f"embeddings must be a table with a row for each id, got the shape {table.shape}."
        )
    if len(table) < 2:
        raise ValueError(
            f"embeddings has {len(table)} row; it needs row 0 for padding, row 1 for words "
            "out of vocabulary, and one for each further id."
        )
    if estimator.vocabulary_size not in (None, len(table)):
        raise ValueError(
            f"vocabulary_size={estimator.vocabulary_size} but embeddings has {len(table)} rows. "
            "Leave vocabulary_size at None."
        )
    return table


def _table_shape(estimator, X, embeddings, before):
    """Rows and columns of the embedding."""
    if embeddings is not None:
        rows, columns = embeddings.shape
    else:
        given = before is not None and before.lent_vectors
        columns = before.config["embedding_dim"] if given else estimator.embedding_dim
        rows = estimator.vocabulary_size
        if rows is None:
            rows = before.config["vocabulary_size"] if before else n_ids(X)
    return {"vocabulary_size": int(rows), "embedding_dim": int(columns)}


def _same_model(estimator, before):
    """Whether the pretrained model is that of the network before, in another folder."""
    now, config = read_beginning(estimator, None), before.config
    if now.table is not None:
        return now.table.shape == (config["vocabulary_size"], config["embedding_dim"])
    return without_precision(now.transformer.backbone) == without_precision(config.get("backbone"))


def _pretrained_config(estimator, beginning, before):
    """Its transformer, or the shape of its table; of the network before where there is one."""
    name = {"pretrained": os.fspath(estimator.pretrained)}
    if before is not None:
        earlier = before.config.get("pretrained")
        if earlier not in (None, name["pretrained"]) and _same_model(estimator, before):
            name["pretrained"] = earlier
        names = ("vocabulary_size", "embedding_dim", "backbone")
        name |= {key: before.config[key] for key in names if key in before.config}
        if "backbone" in name:
            name["backbone"] = name["backbone"] | {"precision": estimator.precision}
    elif beginning.table is not None:
        rows, columns = beginning.table.shape
        return name | {"vocabulary_size": rows, "embedding_dim": columns}
    else:
        backbone = beginning.transformer.backbone
        name |= {"vocabulary_size": backbone["n_words"] + 2, "embedding_dim": backbone["width"]}
        name |= {"backbone": backbone}
    if "backbone" not in name:
        return name
    return name | {
        "tuned_layers": n_tuned(estimator.tuned_layers, name["backbone"]),
        "tuned_rate": float(estimator.tuned_rate),
    }


def n_tuned(tuned_layers, backbone):
    """How many layers are tuned."""
    return len(backbone["layers"]) if tuned_layers == "all" else int(tuned_layers)


def check_origin(estimator, X, vectors):
    """Compare the `SequenceVectorizer` that made the ids with the network that is to read them.

    Parameters
    ----------
    estimator : AttentionTextClassifier
    X : array-like
        As the user or a pipeline passed it.
    vectors : object
        The vectors that came with the ids, or the fit that is continued; None: neither.
    """
    if estimator.pretrained is not None and noted(X, TOKENIZER) == OWN_WORDS:
        raise ValueError(
            "The token ids come from a SequenceVectorizer without pretrained=..., so they do not "
            "mean the tokens of the pretrained model. Pass the same pretrained=... to both, or use "
            "TextClassifier(pretrained=...)."
        )
    if vectors is None and estimator.embeddings is None and noted(X, WORD_VECTORS):
        warn(
            "The SequenceVectorizer before this classifier has word vectors, but a pipeline does "
            "not pass them on, so the network starts from random ones. Use "
            "TextClassifier(embeddings=...), or pass the vectorizer's embeddings_ to "
            "AttentionTextClassifier(embeddings=...)."
        )


def refuse_too_long(config, X):
    """Refuse rows with more tokens than the pretrained transformer has positions for."""
    most = max_tokens(config["backbone"])
    if X.shape[1] > most and (longest := int((X != 0).sum(axis=1).max())) > most:
        raise ValueError(
            f"X has a row of {longest} tokens, but the pretrained model reads at most {most} "
            f"(besides its special tokens). Use SequenceVectorizer(pretrained=..., max_length="
            f"{most}) or a smaller max_length."
        )


def checked_widths(widths):
    """The widths of convolutions as a list of different whole numbers."""
    widths = list(widths)
    if not widths or not all(isinstance(w, Integral) and w > 0 for w in widths):
        raise ValueError(
            f"conv_widths={tuple(widths)} must be one or more whole numbers from 1 on, in tokens."
        )
    if len(set(widths)) < len(widths):
        raise ValueError(f"conv_widths={tuple(widths)} names a width twice; give each one once.")
    return [int(width) for width in widths]
