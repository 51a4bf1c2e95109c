"""`TextClassifier`: raw texts -> a network and a linear model, with settings chosen by rules."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skattn.recipe._base import BaseTextClassifier
from skattn.recipe._parts import CONSTRAINTS


def _constraints(init):
    """Those of the parameters of both steps; None is allowed where it is the default."""
    parameters = inspect.signature(init).parameters

    def takes_none(name, constraint):
        by_default = parameters[name].default is None
        return by_default and isinstance(constraint, list) and None not in constraint

    return {
        name: [*constraint, None] if takes_none(name, constraint) else constraint
        for name, constraint in CONSTRAINTS.items()
    }


class TextClassifier(BaseTextClassifier):
    r"""The recommended classifier for raw texts: a network with attention and a linear model.

    The network is a `SequenceVectorizer` followed by an `AttentionTextClassifier`; the linear model
    is a linear support vector machine on TF-IDF features of words, pairs of words and character
    n-grams. Except with several labels, a feature counts more the more unevenly it is spread over
    the classes. The predicted probabilities are the weighted mean of those of the two models. Rules
    set most parameters that are None, from the number and the length of the texts and the number of
    classes; `settings_` contains their values and the reasons. Which part of long texts a
    pretrained transformer reads is decided by a comparison on up to 2,000 training texts, which
    takes a few seconds.

    Parameters
    ----------
    network : bool, default=True
        Whether to fit the network.
    linear : bool, default=True
        Whether to fit the linear model.
    pretrained : str or os.PathLike, default=None
        A pretrained transformer or static model from which the network starts: a folder in the
        format of Hugging Face or KerasHub, or the name of a model on the Hugging Face hub,
        ``"owner/name"`` or ``"owner/name@revision"``. The network then uses the tokenizer of this
        model, and parameters such as `lowercase` and `analyzer` apply to the linear model only.
        `vocabulary`, `max_features`, `unknown`, `embeddings`, `n_features` and `embedding_dim`
        cannot be set with it; on a transformer, neither can `embedding_trainable`,
        `embedding_dropout`, `word_dropout` and `segment_length`.
    tuned_layers : int or "all", default=None
        How many of the upper layers of a pretrained transformer to train. None: all of them, or two
        with 256 or more texts but fewer than 20 per class, or fewer if the training would take too
        long.
    tuned_rate : float, default=None
        Learning rate of these layers, as a fraction of `learning_rate`. With None, 0.2, or 0.05 if
        all layers are trained on fewer than 256 texts.
    cache_size : float, default=1000
        Maximum memory, in MB, for the outputs of the frozen layers on the training texts.
    precision : {"float32", "bfloat16"}, default="float32"
        Number format for the matrix products of a pretrained transformer.
    columns : str or list of str, default=None
        The text columns of a data frame. The texts of several columns are joined with line breaks.
        With None, X must have a single column.
    max_length : int or float, default=None
        Maximum number of tokens per text that the network reads. A float is the share of the
        training texts that are not truncated.
    truncation : {"head", "tail", "both"}, default=None
        Which part of a longer text the network reads: its beginning, its end, or half of
        `max_length` tokens from each. With None, the beginning; a pretrained transformer reads the
        part from which a linear model predicts held-out texts best, or ``"both"`` if the parts
        cannot be compared, for example with fewer than 256 texts.
    lowercase : bool, default=True
        Whether to convert the texts to lower case.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        Whether to remove accents.
    preprocessor : callable, default=None
        A function from text to text that replaces lowercasing and accent stripping.
    tokenizer : callable, default=None
        A function from text to list of tokens that replaces `token_pattern`.
    stop_words : {"english"} or list of str, default=None
        Words to remove. The n-grams of characters, which the linear model also uses, keep them.
    token_pattern : str, default=None
        Regular expression that matches a token.
    ngram_range : tuple (min_n, max_n), default=None
        Minimum and maximum number of words in an n-gram.
    analyzer : {"word", "char", "char_wb"}, tokenizers.Tokenizer or callable, default=None
        Whether tokens are words or characters; see `SequenceVectorizer`.
    min_df : int or float, default=None
        Words that occur in fewer texts are not in the vocabulary. A float is a share of the texts.
    max_df : int or float, default=1.0
        Words that occur in more texts are not in the vocabulary. A float is a share of the texts.
    max_features : int, default=None
        Maximum size of the network's vocabulary; see `SequenceVectorizer`.
    vocabulary : mapping or iterable of str, default=None
        The network's vocabulary, instead of the words of the training texts.
    unknown : {"keep", "drop"}, default=None
        Whether the network keeps words that are not in its vocabulary, as one common token, or
        drops them.
    embeddings : mapping, gensim KeyedVectors or path, default=None
        Pretrained word vectors for the network; see `SequenceVectorizer`.
    n_features : int, default=None
        Hash the network's tokens into this many ids instead of learning a vocabulary.
    encoder, attention : str, default=None
        Encoder and attention of the network; `AttentionTextClassifier` describes the possible
        values. None: a rule chooses them, as it does for the other parameters below that describe
        the network's layers or its training and are None. `settings_` lists what rules have chosen.
    units, embedding_dim, batch_size : int, default=None
        Width of the hidden states, width of the embedding, and number of texts in a batch.
    conv_widths : tuple of int, default=None
        Widths, in tokens, of the convolutions of ``encoder="conv"``.
    n_layers : int, default=1
        Number of stacked encoder layers.
    n_heads : int, default=4
        Number of heads of ``attention="multihead"``.
    head_penalty : float, default=0.0
        Penalty on heads that attend to the same tokens.
    segment_length : int, default=None
        Number of tokens per segment, for hierarchical attention. None: no segments.
    extra_pooling : {"max", "mean", "none"}, default=None
        What to concatenate with the weighted sum of the hidden states.
    embedding_trainable : bool, default=True
        Whether to train the embedding.
    epochs : int, default=None
        Number of passes over the training data.
    optimizer : str, dict or keras.optimizers.Optimizer, default=None
        The optimizer of the network.
    learning_rate, weight_decay : float, default=None
        Learning rate and decoupled weight decay, unless `optimizer` brings its own.
    l2 : float, default=0.0
        L2 penalty on the kernels of the attention and of the output layer.
    dropout, embedding_dropout, word_dropout, label_smoothing : float, default=None
        Regularization of the network.
    learning_rate_schedule : {"constant", "cosine", "linear"}, default=None
        How the learning rate changes during training.
    weight_averaging : bool, default=None
        Whether to average the network's weights over the second half of the epochs.
    class_weight : dict or "balanced", default=None
        Weights of the classes in both models. None: all classes have the same weight.
    early_stopping : bool, default=False
        Whether to stop training when the network no longer improves on a validation set.
    validation_fraction : float, default=None
        Share of the texts that are used as the network's validation set. None: a tenth with
        `early_stopping`, otherwise nothing.
    n_iter_no_change : int, default=3
        Number of epochs without improvement before early stopping.
    tol : float, default=1e-4
        The smallest change that counts as an improvement.
    scoring : str or callable, default="loss"
        What early stopping monitors.
    callbacks : list of keras.callbacks.Callback, default=None
        Callbacks for the fit of `network_`. The extra fit that helps to determine `weights_` does
        not use them.
    checkpoint : str or os.PathLike, default=None
        A folder in which the network saves its state after each epoch, so that an interrupted fit
        can be resumed.
    warm_start : bool, default=False
        Whether `fit` goes on training the network of the previous fit. The vocabulary and
        `weights_` then stay the same.
    save_optimizer : bool, default=True
        Whether saved files include the state of the optimizer.
    random_state : int, RandomState instance or None, default=None
        Determines all random numbers of both models. None: another result at each fit.
    n_jobs : int, default=None
        Number of processes for the two extra fits that determine `weights_`, and for the linear
        models of a multilabel problem.
    verbose : int, default=0
        0 prints nothing, 1 shows one progress bar, and 2 also prints at the end of `fit` where the
        time went.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    network_ : sklearn.pipeline.Pipeline
        The fitted vectorizer and network. Only with ``network=True``.
    linear_ : sklearn.pipeline.Pipeline
        The fitted linear model. Only with ``linear=True``.
    weights_ : dict of str to float
        The weights of ``"network"`` and ``"linear"`` in the mean of the probabilities.
    settings_ : dict of str to dict
        For each parameter set by a rule, its ``"value"`` and the ``"reason"``.
    history_ : dict of str to list of float
        Loss and validation scores of the network after each epoch; see `AttentionTextClassifier`.
    n_iter_ : int
        Number of epochs of the network in the last fit. Only with ``network=True``.
    best_iteration_ : int
        The epoch whose weights were restored, counted from 1. Only with `early_stopping`.
    n_features_in_ : int
        Number of text columns. Only with `columns`.
    feature_names_in_ : ndarray of str
        Names of the text columns. Only with `columns`.

    See Also
    --------
    explain_texts : Shows what each word adds to the probabilities.
    AttentionTextClassifier : The network alone, on token ids.

    Notes
    -----
    With 200 or more texts, the weights of the two models are learned. Both models are first fitted
    on part of the texts: on 80 % of up to 5,000 texts, on 4,000 of up to 16,000, and on a quarter
    of more. Shares of the network from 0 to 1 are then compared by their Brier loss on up to 2,000
    other texts, and averaged; the smaller the loss of a share, the more it counts [1]_. This may
    double the time of `fit`. With fewer than 200 texts, the weight of the network is 0.25. A
    network that starts from a pretrained transformer has the weight 0.5 (with fewer than 256 texts
    0.6, and on long texts 0.4), and is fitted only once.

    References
    ----------
    .. [1] Vovk & Zhdanov, "Prediction with expert advice for the Brier game", Journal of Machine
       Learning Research 10, 2009.

    Examples
    --------
    >>> from skattn import TextClassifier
    >>> texts = ["a good film", "a bad film", "good story", "bad story"] * 5
    >>> labels = ["pos", "neg", "pos", "neg"] * 5
    >>> clf = TextClassifier(epochs=5, random_state=0).fit(texts, labels)
    >>> clf.predict(["what a good story"]).tolist()
    ['pos']
    >>> clf.settings_["encoder"]
    {'value': 'conv', 'reason': 'short texts (2 words per text on average; long is more than 60)'}
    """

    def __init__(
        self,
        *,
        network: bool = True,
        linear: bool = True,
        pretrained: str | PathLike[str] | None = None,
        tuned_layers: int | str | None = None,
        tuned_rate: float | None = None,
        cache_size: float = 1000,
        precision: str = "float32",
        columns: str | list[str] | None = None,
        max_length: float | None = None,
        truncation: str | None = None,
        lowercase: bool = True,
        strip_accents: str | Callable[[str], str] | None = None,
        preprocessor: Callable[[str], str] | None = None,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = None,
        ngram_range: tuple[int, int] | None = None,
        analyzer: Any = None,
        min_df: float | None = None,
        max_df: float = 1.0,
        max_features: int | None = None,
        vocabulary: Mapping[str, int] | Iterable[str] | None = None,
        unknown: str | None = None,
        embeddings: Any = None,
        n_features: int | None = None,
        encoder: str | None = None,
        attention: str | None = None,
        units: int | None = None,
        conv_widths: Iterable[int] | None = None,
        n_layers: int = 1,
        n_heads: int = 4,
        head_penalty: float = 0.0,
        segment_length: int | None = None,
        extra_pooling: str | None = None,
        embedding_dim: int | None = None,
        embedding_trainable: bool = True,
        epochs: int | None = None,
        batch_size: int | None = None,
        optimizer: Any = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        l2: float = 0.0,
        dropout: float | None = None,
        embedding_dropout: float | None = None,
        word_dropout: float | None = None,
        label_smoothing: float | None = None,
        learning_rate_schedule: str | None = None,
        weight_averaging: bool | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 3,
        tol: float = 1e-4,
        scoring: str | Callable[..., float] = "loss",
        callbacks: Any = None,
        checkpoint: str | PathLike[str] | None = None,
        warm_start: bool = False,
        save_optimizer: bool = True,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.linear = linear
        self.pretrained = pretrained
        self.tuned_layers = tuned_layers
        self.tuned_rate = tuned_rate
        self.cache_size = cache_size
        self.precision = precision
        self.columns = columns
        self.max_length = max_length
        self.truncation = truncation
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.vocabulary = vocabulary
        self.unknown = unknown
        self.embeddings = embeddings
        self.n_features = n_features
        self.encoder = encoder
        self.attention = attention
        self.units = units
        self.conv_widths = conv_widths
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.head_penalty = head_penalty
        self.segment_length = segment_length
        self.extra_pooling = extra_pooling
        self.embedding_dim = embedding_dim
        self.embedding_trainable = embedding_trainable
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.l2 = l2
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.label_smoothing = label_smoothing
        self.learning_rate_schedule = learning_rate_schedule
        self.weight_averaging = weight_averaging
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.save_optimizer = save_optimizer
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    _parameter_constraints = {
        **_constraints(__init__),
        "network": ["boolean"],
        "linear": ["boolean"],
        "columns": [str, "array-like", None],
        "extra_pooling": [StrOptions({"max", "mean", "none"}), None],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
    }


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
