"""`TextClassifier`: raw texts -> a network and a linear model, set by rules from the data."""

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skattn.recipe._base import BaseTextClassifier
from skattn.recipe._parts import CONSTRAINTS


class TextClassifier(BaseTextClassifier):
    r"""The recommended classifier of raw texts: a network with attention and a linear model.

    The network is an `AttentionTextClassifier` behind a `SequenceVectorizer`; the linear model is
    a linear support vector machine on TF-IDF of words, pairs of words and characters. The
    probabilities are the weighted mean of both. Parameters that are None are set by rules from the
    length of the texts, their number and the number of classes; `settings_` says how and why.

    Parameters
    ----------
    network : bool, default=True
        Whether to fit the network.
    linear : bool, default=True
        Whether to fit the linear model.
    pretrained : str or os.PathLike, default=None
        A pretrained transformer or a static model for the network to begin with: a folder in
        Hugging Face's layout, or the name of a model on its hub, ``"owner/name"``. It decides how
        the network reads texts; the parameters of reading then apply to the linear model.
    tuned_layers : int or "all", default=None
        How many of the upper layers of a transformer are trained.
    tuned_rate : float, default=0.2
        Learning rate of these layers, as a share of `learning_rate`.
    cache_size : float, default=1000
        The most memory, in MB, for what the frozen layers make of the training texts.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the products with a transformer's weights.
    columns : str or list of str, default=None
        The text columns of a frame. Several are joined, a line for each. Without it X must have a
        single column.
    max_length : int or float, default=None
        Number of tokens that the network reads; a float is the share of texts to leave uncut.
    truncation : {"head", "tail", "both"}, default="head"
        Which tokens of a longer text the network reads.
    lowercase : bool, default=True
        Whether to convert the texts to lower case.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        Whether to remove accents.
    preprocessor : callable, default=None
        Replaces lower-casing and accent stripping.
    tokenizer : callable, default=None
        Replaces `token_pattern`.
    stop_words : {"english"} or list of str, default=None
        Words to leave out.
    token_pattern : str, default=None
        Regular expression of a word.
    ngram_range : tuple (min_n, max_n), default=None
        Range of the sizes of n-grams of words.
    analyzer : {"word", "char", "char_wb"}, tokenizers.Tokenizer or callable, default=None
        Whether tokens are words or characters; see `SequenceVectorizer`.
    min_df : int or float, default=None
        Words that occur in fewer texts are left out.
    max_df : int or float, default=1.0
        Words that occur in more texts are left out.
    max_features : int, default=None
        The largest number of words that the network knows.
    vocabulary : mapping or iterable of str, default=None
        The words that the network knows, instead of those of the training texts.
    unknown : {"keep", "drop"}, default=None
        What the network does with words that it does not know.
    embeddings : mapping, gensim KeyedVectors or path, default=None
        Word vectors with which the network begins; see `SequenceVectorizer`.
    n_features : int, default=None
        Hash the network's tokens into that many ids.
    encoder, attention : str, default=None
        See `AttentionTextClassifier`, as for all parameters of the network.
    units, embedding_dim, batch_size : int, default=None
        Sizes of the network and of its batches.
    conv_widths : tuple of int, default=None
        Widths of ``encoder="conv"``.
    n_layers : int, default=1
        Number of encoders on top of each other.
    n_heads : int, default=4
        Number of heads of ``attention="multihead"``.
    head_penalty : float, default=0.0
        Penalty on heads that look at the same tokens.
    segment_length : int, default=None
        Tokens a segment, for hierarchical attention.
    extra_pooling : {"max", "mean", "none"}, default=None
        What is concatenated with the weighted sum.
    embedding_trainable : bool, default=True
        Whether to train the embedding.
    epochs : int, default=None
        Passes over the training data.
    optimizer : str or keras.optimizers.Optimizer, default=None
        The optimizer of the network.
    learning_rate, weight_decay : float, default=None
        Of an optimizer given by name.
    l2 : float, default=0.0
        Penalty on the kernels of attention and of the last layer.
    dropout, embedding_dropout, word_dropout, label_smoothing : float, default=None
        Regularization of the network.
    learning_rate_schedule : {"constant", "cosine"}, default=None
        How the learning rate changes.
    weight_averaging : bool, default=None
        Whether to average the network's weights over the second half of the epochs.
    class_weight : dict or "balanced", default=None
        Weights of the classes in both models.
    early_stopping : bool, default=False
        Whether to stop when the network no longer improves on held-out texts.
    validation_fraction : float, default=None
        Share of the texts that the network holds out.
    n_iter_no_change : int, default=3
        Epochs without improvement before early stopping.
    tol : float, default=1e-4
        The smallest change that counts as an improvement.
    scoring : str or callable, default="loss"
        What early stopping monitors.
    callbacks : list of keras.callbacks.Callback, default=None
        Callbacks for the network's fit.
    checkpoint : str or os.PathLike, default=None
        A folder into which the network's fit writes its state, so that it can resume.
    warm_start : bool, default=False
        Whether `fit` continues from the network of the previous fit, with its vocabulary and the
        weights of the models.
    save_optimizer : bool, default=True
        Whether files include the state of the optimizer.
    random_state : int, RandomState instance or None, default=None
        Seeds both models.
    n_jobs : int, default=None
        Number of processes for the models whose weights are learned, and for the linear models of
        several labels.
    verbose : int, default=0
        0 is silent, 1 shows one progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    network_ : sklearn.pipeline.Pipeline
        The fitted vectorizer and classifier. Not with ``network=False``.
    linear_ : sklearn.pipeline.Pipeline
        The fitted linear model. Not with ``linear=False``.
    weights_ : dict of str to float
        The weights of ``"network"`` and ``"linear"`` in the mean.
    settings_ : dict of str to dict
        For each parameter set by a rule, its ``"value"`` and the ``"reason"``.
    history_ : dict of str to list of float
        Loss and held-out scores of the network in each epoch; see `AttentionTextClassifier`.
    n_features_in_ : int
        Number of text columns, with `columns` only.
    feature_names_in_ : ndarray of str
        Their names, with `columns` only.

    See Also
    --------
    explain_texts : Shows which words decided.
    AttentionTextClassifier : The network alone, on token ids.

    Notes
    -----
    With 200 texts or more the weights are learned: both models are fitted on a part of the
    texts (80 %; of many texts 4,000, or a quarter if that is more), and every weighting is judged
    by its Brier loss on other texts [1]_. This may double the time of `fit`. With fewer texts the
    network counts 0.25. One that begins with a pretrained transformer counts 0.65, whatever the
    number of texts, and is fitted once.

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
    {'value': 'conv', 'reason': 'short texts (2 words a text on average, up to 60)'}
    """

    _parameter_constraints = {
        **{
            name: [*constraint, None] if isinstance(constraint, list) else constraint
            for name, constraint in CONSTRAINTS.items()
        },
        "network": ["boolean"],
        "linear": ["boolean"],
        "columns": [str, list, None],
        "extra_pooling": [StrOptions({"max", "mean", "none"}), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        network: bool = True,
        linear: bool = True,
        pretrained: str | PathLike[str] | None = None,
        tuned_layers: int | str | None = None,
        tuned_rate: float = 0.2,
        cache_size: float = 1000,
        precision: str = "float32",
        columns: str | list[str] | None = None,
        max_length: float | None = None,
        truncation: str = "head",
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
