"""`AttentionTextClassifier`: token ids -> embedding -> encoder -> attention -> softmax."""

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skattn.estimators import _text_config, _token_ids
from skattn.estimators._attention_values import attention_aggregate, in_place, weights_on_tokens
from skattn.estimators._base import BaseNetworkClassifier
from skattn.estimators._evidence import token_evidence
from skattn.networks._attention_pooling import SCORES
from skattn.networks._encoders import CONV_WIDTHS, ENCODERS
from skattn.networks._networks import build_text_network
from skattn.networks._transformer import PRECISIONS
from skattn.utils._sklearn_compat import fit_context

OUT_OF_VOCABULARY = 1


class AttentionTextClassifier(BaseNetworkClassifier):
    """Classify rows of token ids by attention over the hidden states of an encoder.

    The default is the network of a well-known Stack Overflow question [1]_: an embedding, an LSTM,
    a score :math:`e_t = \\tanh(w \\cdot h_t + b)` for each hidden state :math:`h_t`, weights
    :math:`\\alpha = \\mathrm{softmax}(e)` over the tokens (padding excluded), their weighted sum
    :math:`\\sum_t \\alpha_t h_t`, and a softmax layer. The loss is the cross-entropy.

    Parameters
    ----------
    encoder : {"lstm", "bilstm", "gru", "bigru", "conv", "transformer", "none"}, default=None
        Turns embedded tokens into hidden states. ``"bilstm"`` and ``"bigru"`` concatenate a forward
        and a backward recurrent layer, ``"conv"`` concatenates convolutions of several widths,
        ``"transformer"`` is a block of self-attention, and ``"none"`` applies attention directly to
        the embeddings. None: ``"lstm"``, or ``"none"`` with `pretrained`.
    attention : {"feedforward", "additive", "dot", "multihead", "uniform", "max"}, default=None
        How the hidden states are scored; see `AttentionPooling`. None: ``"feedforward"``, or
        ``"additive"`` on a pretrained transformer.
    units : int, default=128
        Width of the hidden states, in each direction or for each width of the convolution.
    conv_widths : tuple of int, default=(3, 4, 5)
        Widths, in tokens, of the convolutions of ``encoder="conv"``.
    n_layers : int, default=1
        Number of stacked encoder layers.
    n_heads : int, default=4
        Number of heads of ``attention="multihead"``.
    head_penalty : float, default=0.0
        Penalty on heads that attend to the same tokens, for ``attention="multihead"``.
    segment_length : int, default=None
        Number of tokens in a segment, for hierarchical attention over long texts [2]_: one encoder
        and attention run over the tokens of each segment, then another encoder and attention run
        over the segments. The weight of a token is its weight within the segment times the weight
        of the segment. None: no segments. Training on long texts is faster with segments. Cannot
        be set with a pretrained transformer.
    extra_pooling : {"max", "mean"}, default=None
        Whether to concatenate the maximum or the mean of each unit over time with the weighted sum.
    embedding_dim : int, default=128
        Width of the embedding.
    embeddings : array-like of shape (n_ids, embedding_dim), default=None
        Initial embedding. Row 0 is for padding, row 1 for words that are not in the vocabulary. It
        determines `vocabulary_size` and `embedding_dim`.
    embedding_trainable : bool, default=True
        Whether to train the embedding.
    vocabulary_size : int, default=None
        Number of rows of the embedding. Ids that are not below this number are replaced by id 1
        (out of vocabulary). None: the largest id in the training data plus one, which must be below
        2**24. Set it if you train in chunks with `partial_fit`, because it cannot change once the
        network is built.
    pretrained : str or os.PathLike, default=None
        A pretrained transformer or static model (model2vec) from which the network starts: a folder
        in the format of Hugging Face or KerasHub, or the name of a model on the Hugging Face hub,
        ``"owner/name"`` or ``"owner/name@revision"``. X must come from `SequenceVectorizer` with
        the same `pretrained`. Needs the extra `pretrained`.
    tuned_layers : int or "all", default=2
        How many of the upper layers of a pretrained transformer to train. The embeddings and the
        other layers are frozen.
    tuned_rate : float, default=0.2
        Learning rate of these layers, as a fraction of `learning_rate`.
    cache_size : float, default=1000
        Maximum memory, in MB, for the outputs of the frozen layers on the training texts, which are
        computed once per fit. They need two bytes per number, about 0.8 kB per token for a model of
        width 384. If they need more than this, they are computed again for every batch.
    precision : {"float32", "bfloat16"}, default="float32"
        Number format for the matrix products of a pretrained transformer. ``"bfloat16"`` is faster
        on a processor with AMX or AVX-512 BF16 and slow on others. All weights stay in float32.
    epochs : int, default=None
        Number of passes over the training data; with `early_stopping`, the maximum number. None:
        10, or 5 on a pretrained transformer.
    batch_size : int, default=32
        Number of rows per step of the optimizer. Each batch contains texts of similar length.
    optimizer : str, dict or keras.optimizers.Optimizer, default="adam"
        The name of a Keras optimizer, ``"lazyadam"`` (Adam that changes only those rows of the
        embedding whose tokens occur in the batch), or an optimizer object or its configuration.
        Only the configuration is used, and its learning rate takes precedence over `learning_rate`.
    learning_rate : float, default=1e-3
        Learning rate, unless `optimizer` brings its own.
    weight_decay : float, default=None
        Decoupled weight decay of the kernels, unless `optimizer` brings its own. It does not affect
        biases and embeddings. None: 0 (``"adamw"``: 0.004), or 0.01 on a pretrained transformer.
    l2 : float, default=0.0
        L2 penalty on the kernels of the attention scores and of the output layer.
    dropout : float, default=0.0
        Dropout rate before the output layer.
    embedding_dropout : float, default=0.0
        Dropout rate after the embedding.
    word_dropout : float, default=0.0
        Share of the tokens that are replaced by id 1 (out of vocabulary) during training.
    label_smoothing : float, default=0.0
        Share of the target probability that is spread evenly over the classes during training.
    learning_rate_schedule : {"constant", "cosine", "linear"}, default=None
        ``"cosine"`` and ``"linear"`` raise the learning rate over the first tenth of the steps,
        then lower it to 0 along half a cosine or a straight line. None: ``"constant"``, or
        ``"linear"`` on a pretrained transformer.
    weight_averaging : bool, default=False
        Whether to average the weights of the network over the second half of the epochs. Cannot be
        combined with `early_stopping`.
    class_weight : dict or "balanced", default=None
        Weights of the classes. ``"balanced"`` gives each class the same total weight. Classes that
        are not in a dict have weight 1. A dict that contains all classes of `y` may contain other
        classes too, because a cross-validation fold may lack a class.
    early_stopping : bool, default=False
        Whether to stop training when the score on a validation set no longer improves, and to
        restore the weights of the best epoch.
    validation_fraction : float, default=None
        Share of the rows to use as a validation set, stratified by class. None means 0.1 with
        `early_stopping`, and no validation set otherwise. With a number, the scores on the
        validation set are always recorded in `history_`.
    n_iter_no_change : int, default=3
        Number of epochs without improvement before early stopping.
    tol : float, default=1e-4
        The smallest change that counts as an improvement.
    scoring : str or callable, default="loss"
        What early stopping monitors on the validation set: ``"loss"`` or a scikit-learn scorer.
    callbacks : list of keras.callbacks.Callback, default=None
        Keras callbacks. `fit` uses copies of them. A callback that runs after every batch slows
        down training.
    checkpoint : str or os.PathLike, default=None
        A folder in which `fit` saves its state after each epoch. If the process is killed, fitting
        with the same parameters on the same data resumes after the last complete epoch, with
        identical results (your own callbacks start anew). The file is deleted when the fit ends.
    warm_start : bool, default=False
        Whether `fit` continues with the network of the previous fit.
    save_optimizer : bool, default=True
        Whether saved files include the state of the optimizer, so that training can be continued
        (after `partial_fit`, or with `warm_start`).
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the rows and the dropout. With an int, results
        are identical on the same machine with the same number of threads.
    verbose : int, default=0
        0 prints nothing, 1 shows one progress bar, and 2 also prints at the end of `fit` where the
        time went.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of columns of X.
    vocabulary_size_ : int
        Number of rows of the embedding.
    model_ : keras.Model
        The network.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that wraps the network.
    history_ : dict of str to list of float
        The ``loss`` of each epoch; with a validation set also ``val_loss``, ``val_accuracy`` and,
        if `scoring` is a scorer, ``val_score``. Continued training appends to these lists; NaN
        marks an epoch without a value.
    n_iter_ : int
        Number of epochs of the last fit.
    best_iteration_ : int
        The epoch whose weights were restored, counted from 1 over all epochs of `history_`,
        including those of earlier fits with `warm_start`. Only with `early_stopping`.

    See Also
    --------
    SequenceVectorizer : Turns texts into token ids.
    TextClassifier : Combines both with a linear model.

    Notes
    -----
    Zeros are padding wherever they occur: they never reach the network and get no attention. If a
    row contains only padding, its probabilities depend only on the bias of the output layer.

    References
    ----------
    .. [1] "How to add an attention mechanism in Keras?", Stack Overflow, question 42918446.
    .. [2] Yang et al., "Hierarchical attention networks for document classification", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import AttentionTextClassifier
    >>> X = np.array([[2, 3, 0], [2, 4, 5], [6, 3, 0], [6, 5, 4]] * 8)
    >>> y = ["with 2", "with 2", "with 6", "with 6"] * 8
    >>> clf = AttentionTextClassifier(encoder="none", epochs=30, random_state=0).fit(X, y)
    >>> clf.predict([[2, 5, 0], [4, 6, 0]]).tolist()
    ['with 2', 'with 6']
    >>> clf.attention_weights([[2, 5, 0]]).shape
    (1, 3)
    """

    _parameter_constraints = BaseNetworkClassifier._parameter_constraints | {
        "encoder": [StrOptions(set(ENCODERS)), None],
        "attention": [StrOptions(set(SCORES)), None],
        "units": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, 1000, closed="both")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "head_penalty": [Interval(Real, 0, None, closed="left")],
        "segment_length": [Interval(Integral, 1, None, closed="left"), None],
        "extra_pooling": [StrOptions({"max", "mean"}), None],
        "conv_widths": ["array-like"],
        "embedding_dropout": [Interval(Real, 0, 1, closed="left")],
        "word_dropout": [Interval(Real, 0, 1, closed="left")],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "embeddings": ["array-like", None],
        "embedding_trainable": ["boolean"],
        "vocabulary_size": [Interval(Integral, 2, None, closed="left"), None],
        "pretrained": [str, PathLike, None],
        "tuned_layers": [Interval(Integral, 0, None, closed="left"), StrOptions({"all"})],
        "tuned_rate": [Interval(Real, 0, None, closed="neither")],
        "precision": [StrOptions(set(PRECISIONS))],
        "cache_size": [Interval(Real, 0, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate_schedule": [StrOptions({"constant", "cosine", "linear"}), None],
    }

    def __init__(
        self,
        *,
        encoder: str | None = None,
        attention: str | None = None,
        units: int = 128,
        conv_widths: Iterable[int] = CONV_WIDTHS,
        n_layers: int = 1,
        n_heads: int = 4,
        head_penalty: float = 0.0,
        segment_length: int | None = None,
        extra_pooling: str | None = None,
        embedding_dim: int = 128,
        embeddings: ArrayLike | None = None,
        embedding_trainable: bool = True,
        vocabulary_size: int | None = None,
        pretrained: str | PathLike[str] | None = None,
        tuned_layers: int | str = 2,
        tuned_rate: float = 0.2,
        cache_size: float = 1000,
        precision: str = "float32",
        epochs: int | None = None,
        batch_size: int = 32,
        optimizer: Any = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float | None = None,
        l2: float = 0.0,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        learning_rate_schedule: str | None = None,
        weight_averaging: bool = False,
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
        verbose: int = 0,
    ) -> None:
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
        self.embeddings = embeddings
        self.embedding_trainable = embedding_trainable
        self.vocabulary_size = vocabulary_size
        self.pretrained = pretrained
        self.tuned_layers = tuned_layers
        self.tuned_rate = tuned_rate
        self.cache_size = cache_size
        self.precision = precision
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
        self.verbose = verbose

    _build = staticmethod(build_text_network)

    @fit_context
    def _fit_with_vectors(self, X, y, vectors, sample_weight=None, validation_data=None):
        """`fit`, starting from the word vectors that a vectorizer has read."""
        given = {"vectors": vectors, "validation_data": validation_data}
        return self._train(X, y, sample_weight, before=self._network_to_go_on_with(), **given)

    def attention_weights(self, X: ArrayLike) -> NDArray[np.float32]:
        """The weight of each token in the weighted sum that the output layer receives.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_tokens)
            Token ids.

        Returns
        -------
        weights : ndarray of shape (n_samples, n_tokens), float32
            Exactly 0 on padding. Each row sums to 1 (to 0 if it contains only padding). With
            several heads, the mean of their weights.
        """
        X, weights, _ = self._read("attention", X)
        return in_place(X, weights)

    def segment_attention_weights(self, X: ArrayLike) -> NDArray[np.float32]:
        """The weight of each segment, with hierarchical attention.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_tokens)
            Token ids.

        Returns
        -------
        weights : ndarray of shape (n_samples, n_segments), float32
            Segment ``i`` contains the tokens from ``i * segment_length`` to
            ``(i + 1) * segment_length - 1`` of the text, not counting padding. Each row sums to 1;
            the weight is 0 where there is no segment.
        """
        check_is_fitted(self)
        if not self._fitted_segment_length:
            raise ValueError(
                "This network was fitted with segment_length=None, so it has only one level of "
                "attention. Set segment_length and fit again, or use attention_weights."
            )
        X, weights, fitted = self._read("segment_attention", X)
        longest = int((X != 0).sum(axis=1).max())
        return weights[:, : max(1, -(-longest // fitted.config["segment_length"]))]

    @property
    def vocabulary_size_(self) -> int:
        """Rows of the embedding table."""
        return self._fact("config")["vocabulary_size"]

    # -- used by skattn.inspection ------------------------------------------------------------

    @property
    def _fitted_segment_length(self):
        """Tokens in a segment of the fitted network, or None with one level of attention."""
        return self._fact("config")["segment_length"] or None

    @property
    def _attention_aggregate(self):
        """Which attention `_attention_on_tokens` gives, in words."""
        return attention_aggregate(self._fact("config"))

    @property
    def _attention_supplement(self):
        """What the output layer receives besides the weighted sum, in words; "" if nothing."""
        extra = self._fact("config")["extra_pooling"]
        return f" (the {extra} of all words, also used, has none)" if extra else ""

    def _attention_on_tokens(self, X):
        """`attention_weights`, those of a convolution's windows shared among their tokens."""
        X, weights, fitted = self._read("attention", X)
        return in_place(X, weights_on_tokens(X, weights, fitted))

    def _evidence_on_tokens(self, X):
        """What each token of each row adds to each probability, and what is there without."""
        check_is_fitted(self)
        fitted = self._fitted
        X = self._within(fitted.config, self._check_X(X, reset=False))
        return token_evidence(X, fitted)

    def _gradient_times_input(self, X, outputs):
        """Gradient of the probability of each row's class by each embedded token, times it."""
        check_is_fitted(self)
        fitted = self._fitted
        X = self._within(fitted.config, self._check_X(X, reset=False))
        return in_place(X, fitted.model.gradient_times_input(X, outputs))

    # -- what the network is built from --------------------------------------------------------

    def _check_X(self, X, reset):
        _token_ids.refuse_texts_and_sparse(X)
        X = _token_ids.check_token_ids(validate_data(self, X, reset=reset, dtype="numeric"))
        if reset:
            _token_ids.refuse_joined_vocabularies(X)
        return X

    def _within(self, config, X):
        if config.get("backbone"):
            _text_config.refuse_too_long(config, X)
        beyond = X >= config["vocabulary_size"]
        return np.where(beyond, OUT_OF_VOCABULARY, X) if beyond.any() else X

    def _check_origin(self, X, vectors):
        _text_config.check_origin(self, X, vectors)

    def _beginning(self, X, vectors, before):
        if self.pretrained is None:
            return _text_config.Beginning(table=_text_config.initial_table(self, vectors))
        if before is not None:  # its network has everything; the folder may be gone
            return _text_config.Beginning()
        return _text_config.read_beginning(self, X)

    def _settings(self, beginning, before):
        known = before.config.get("backbone") if before else beginning.transformer
        return _text_config.with_defaults(self.get_params(deep=False), is_transformer=bool(known))

    def _network_config(self, params, X, beginning, before):
        return _text_config.network_config(self, params, X, beginning, before)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        return tags
