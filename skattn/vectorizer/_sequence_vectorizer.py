"""`SequenceVectorizer`: texts to padded rows of token ids."""

from collections.abc import Mapping
from itertools import chain, islice
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from skattn.utils._texts import as_texts, checked_texts
from skattn.vectorizer._ids import (
    FIRST_WORD,
    OUT_OF_VOCABULARY,
    PADDING,
    HashedIds,
    look_up,
    word_ids,
)
from skattn.vectorizer._padding import choose_length, drop_unknown, n_kept_at_each_end, pad_rows
from skattn.vectorizer._state import from_state, to_state
from skattn.vectorizer._tokens import (
    build_token_spans,
    build_tokens,
    check_reading,
    warn_for_capitals,
)
from skattn.vectorizer._vocabulary import learn_words

_READING = (
    "strip_accents",
    "lowercase",
    "preprocessor",
    "tokenizer",
    "stop_words",
    "token_pattern",
    "ngram_range",
    "analyzer",
)
_LEARNING = ("vocabulary", "embeddings", "min_df", "max_df", "max_features")
_LEARNED = ("_words", "_ids", "max_length_", "embeddings_", "coverage_")
_ROWS_AT_ONCE = 4096
_UNKNOWN = "[UNK]"


class SequenceVectorizer(TransformerMixin, BaseEstimator):
    r"""Turn texts into rows of token ids of one length, for `AttentionTextClassifier`.

    Each text becomes the ids of its tokens in reading order, cut to `max_length` tokens and
    filled up with zeros on the right. Id 0 is padding and nothing else; id 1 stands for every token
    that is not in the vocabulary; the words of the vocabulary have the ids from 2 on, the most
    frequent first and equally frequent ones in alphabetical order.

    Texts are read by scikit-learn's own text analysis, so the parameters that
    :class:`~sklearn.feature_extraction.text.CountVectorizer` has too mean the same here, with one
    difference: n-grams stand in reading order (all that begin at one token, the shorter first),
    where `CountVectorizer`, which does not care for order, gives all words before all pairs.

    Parameters
    ----------
    max_length : int, float or None, default=None
        Number of columns of the output. None: the number of tokens of the longest training
        text. A float ``q`` in (0, 1]: the smallest length that leaves at least the share ``q``
        of the training texts uncut (one very long text then costs no memory for all others).
    truncation : {"head", "tail", "both"}, default="head"
        Which tokens of a longer text are kept: the first ones, the last ones, or half of them
        from each end (the first half has one more if `max_length` is odd).
    lowercase : bool, default=True
        Convert the texts to lower case before they are cut into tokens.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        Remove accents and do other character normalization before the texts are cut into tokens.
    preprocessor : callable or None, default=None
        Replaces lower-casing and accent stripping: a function from text to text.
    tokenizer : callable or None, default=None
        Replaces `token_pattern`: a function from text to list of tokens.
    stop_words : {"english"}, list of str or None, default=None
        Words that are left out. They are gone, not out of vocabulary.
    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        Regular expression of a token (of its group, if it has one). The default, which is
        scikit-learn's, leaves out punctuation and words of one character;
        ``r"(?u)\b\w+\b|[^\w\s]"`` keeps both.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        Sizes of the n-grams of words or of characters that are the tokens.
    analyzer : {"word", "char", "char_wb"}, tokenizers.Tokenizer or callable, default="word"
        Whether tokens are (n-grams of) words, of characters, or of characters within words. A
        ``tokenizers.Tokenizer`` (extra `tokenizers`) gives subwords by its own normalization,
        with exact spans; of its special tokens none is added. A callable gives the tokens of a
        raw text, as strings.
    min_df, max_df : int or float, default=1 and 1.0
        Words that stand in fewer or in more training texts than this (a number of texts, or as
        a float in [0, 1] a share of them) are left out of the vocabulary. Their tokens stay in
        the sequences, as id 1.
    max_features : int or None, default=None
        Only that many words, the most frequent ones, are in the vocabulary.
    vocabulary : mapping of str to int, iterable of str or None, default=None
        A vocabulary to use instead of that of the training texts. Its indices count from 0, as
        in `CountVectorizer`, and are shifted: word number ``i`` gets the id ``i + 2``.
        `min_df`, `max_df` and `max_features` have no effect on it.
    unknown : {"keep", "drop"}, default="keep"
        Whether tokens out of vocabulary stand in the rows, as id 1, or are left out as if they
        were not in the text.
    embeddings : mapping, gensim KeyedVectors, path or None, default=None
        Pretrained word vectors: a mapping of str to vector, an object with `index_to_key` and
        `vectors`, or the path of a text file (gzip too) as GloVe, word2vec and fastText write
        them. They are laid out by ids in `embeddings_`. After the words of the training texts,
        all words that only the vectors know (a word that `min_df`, `max_df` or `max_features`
        leaves out is among them if it has a vector) get ids of their own, in the order of the
        vectors, so that they still tell something when they turn up at prediction. With
        `vocabulary` given, its words alone have ids. In a grid search give a path: other objects
        are copied for every candidate, and a file is read again only if another one was read in
        between.
    n_features : int or None, default=None
        Hash tokens into that many ids, 2 to ``n_features + 1``, instead of learning a
        vocabulary, as :class:`~sklearn.feature_extraction.text.HashingVectorizer` does (the hash
        is MurmurHash3; different tokens may share an id). With a whole number as `max_length`
        nothing is learned from texts: `transform` needs no `fit`, and a corpus larger than
        memory streams through piece by piece.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of every word, as it stands in the output: from 2 on. Absent if tokens are hashed.
    max_length_ : int
        Number of columns of the output.
    vocabulary_size_ : int
        The largest id that can occur, plus one: the number of rows of an embedding table that
        has room for all of them.
    embeddings_ : float32 array of shape (vocabulary_size_, n_dimensions)
        Only with `embeddings`: the vector of each id. Row 0 (padding) is zero; row 1 (out of
        vocabulary) and the words without a vector of their own have the mean of all vectors.
    coverage_ : dict
        Only with `embeddings`: the shares of the training texts' ``"tokens"`` and of the
        ``"vocabulary"`` learned from them (or given) that have a vector of their own.

    See Also
    --------
    AttentionTextClassifier : The classifier that reads these rows.
    sklearn.feature_extraction.text.CountVectorizer : Counts the same tokens.

    Notes
    -----
    Texts come as a list, a one-dimensional array, a pandas or polars column, a frame or an array
    with exactly one column, or any other iterable of strings.

    Words beyond `max_length` count for the vocabulary. A fitted vectorizer keeps its words as two
    NumPy arrays in its state, so it is quick to pickle, copy and store with skops.

    Examples
    --------
    >>> from skattn import SequenceVectorizer
    >>> texts = ["The cat sat.", "The dog sat on the cat!"]
    >>> vectorizer = SequenceVectorizer(max_length=4)
    >>> vectorizer.fit_transform(texts)
    array([[2, 3, 4, 0],
           [2, 5, 4, 6]], dtype=int32)
    >>> vectorizer.vocabulary_
    {'the': 2, 'cat': 3, 'sat': 4, 'dog': 5, 'on': 6}
    >>> vectorizer.transform(["The bird sat"])
    array([[2, 1, 4, 0]], dtype=int32)
    >>> vectorizer.token_spans(["The bird sat"])[0].tolist()
    [[0, 3], [4, 8], [9, 12]]
    """

    _parameter_constraints: dict = {
        "max_length": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            None,
        ],
        "truncation": [StrOptions({"head", "tail", "both"})],
        **{
            name: CountVectorizer._parameter_constraints[name]
            for name in (*_READING, "min_df", "max_df", "max_features")
        },
        "analyzer": [
            StrOptions({"word", "char", "char_wb"}),
            HasMethods(["encode", "to_str"]),
            callable,
        ],
        "vocabulary": [Mapping, HasMethods("__iter__"), None],
        "unknown": [StrOptions({"keep", "drop"})],
        "embeddings": "no_validation",  # read_embeddings says what it takes
        "n_features": [Interval(Integral, 1, 2**31 - 2, closed="both"), None],
    }

    def __init__(
        self,
        *,
        max_length=None,
        truncation="head",
        lowercase=True,
        strip_accents=None,
        preprocessor=None,
        tokenizer=None,
        stop_words=None,
        token_pattern=r"(?u)\b\w\w+\b",
        ngram_range=(1, 1),
        analyzer="word",
        min_df=1,
        max_df=1.0,
        max_features=None,
        vocabulary=None,
        unknown="keep",
        embeddings=None,
        n_features=None,
    ):
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary and the length of the rows.

        Parameters
        ----------
        X : iterable of str
            The training texts.
        y : None
            Ignored.

        Returns
        -------
        self : SequenceVectorizer

        Raises
        ------
        ValueError
            If `X` is no column of texts, if a row of it is not a string (the message says
            which), or if no word remains.
        """
        if self._is_stateless():
            self._check_hashing()
            check_reading(self._reader())
            as_texts(X)
            self.max_length_ = int(self.max_length)
        else:
            self._learn(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn from the texts and give their ids; each text is read once.

        Parameters
        ----------
        X : iterable of str
            The training texts.
        y : None
            Ignored.

        Returns
        -------
        ids : int32 array of shape (n_texts, max_length_)
        """
        if self._is_stateless():
            return self.fit(X).transform(X)
        tokens, lengths = self._learn(X)
        return pad_rows(tokens, lengths, self.max_length_, self.truncation)

    def transform(self, X):
        """Turn texts into rows of ids.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        ids : int32 array of shape (n_texts, max_length_)
            Padded with 0 on the right; 1 stands for a token out of vocabulary.
        """
        self._check_ready()
        texts = as_texts(X)
        texts = texts if hasattr(texts, "__len__") else list(texts)
        read, ids = build_tokens(self._reader()), self._ids_of_tokens()
        rows = np.empty((len(texts), self._n_columns()), dtype=np.int32)
        texts = checked_texts(texts)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part, lengths = rows[start : start + _ROWS_AT_ONCE], []
            tokens = look_up(_each_token(islice(texts, len(part)), read, lengths), ids)
            if self.unknown == "drop":
                tokens, lengths = drop_unknown(tokens, lengths)
            part[:] = pad_rows(tokens, lengths, rows.shape[1], self.truncation)
        return rows

    def token_spans(self, texts):
        """Find the characters of each kept token in the original texts.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        spans : list of int arrays of shape (n_kept, 2)
            For each text the start and the end (exclusive) of its kept tokens, in the order of
            the non-zero columns of ``transform(texts)``: ``text[start:end]`` is the token as it
            was written. An n-gram of words spans all between its first and its last word; the
            spaces that ``analyzer="char_wb"`` adds around a word have no width.

        Raises
        ------
        ValueError
            If a custom `preprocessor`, `tokenizer`, `analyzer` or accent function is used,
            which does not tell where its tokens stand.
        """
        self._check_ready()
        find_spans, read = build_token_spans(self._reader()), build_tokens(self._reader())
        ids, kept = self._ids_of_tokens(), []
        for text in checked_texts(as_texts(texts)):
            spans = np.array(find_spans(text), dtype=np.int64).reshape(-1, 2)
            if self.unknown == "drop":
                spans = spans[np.asarray(look_up(read(text), ids)) != OUT_OF_VOCABULARY]
            first, last = n_kept_at_each_end(len(spans), self._n_columns(), self.truncation)
            kept.append(np.concatenate([spans[:first], spans[len(spans) - last :]]))
        return kept

    def inverse_transform(self, X):
        """Turn rows of ids back into tokens.

        Parameters
        ----------
        X : array-like of int of shape (n_texts, n_columns)

        Returns
        -------
        tokens : list of object arrays of str
            The tokens of each row without its padding; ``"[UNK]"`` for id 1.

        Raises
        ------
        ValueError
            If a number is no id of this vectorizer, or (as `NotFittedError`, which is an
            `AttributeError` too) if tokens are hashed and no words are known.
        """
        check_is_fitted(self)
        tokens = np.array(["", _UNKNOWN, *self.vocabulary_], dtype=object)
        ids = check_array(X, ensure_min_samples=0, ensure_min_features=0)
        try:
            whole = ids.astype(np.int64)
        except OverflowError:  # a number of more than 64 bits
            whole = np.full(ids.shape, -1)
        if (whole != ids).any() or (whole < 0).any() or (whole >= len(tokens)).any():
            raise ValueError(
                f"X must hold ids of this vectorizer, whole numbers from 0 to {len(tokens) - 1}."
            )
        return [tokens[row[row != PADDING]] for row in whole]

    def get_feature_names_out(self, input_features=None):
        """Name the columns by their positions: "token0", "token1", ...

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : object array of str of shape (max_length_,)
        """
        check_is_fitted(self)
        return np.array([f"token{place}" for place in range(self._n_columns())], dtype=object)

    @property
    def vocabulary_(self):
        """The id of every word, from 2 on."""
        if "_words" not in self.__dict__:
            raise NotFittedError(
                f"This {type(self).__name__} has no vocabulary: it is not fitted, or it hashes "
                "its tokens (n_features is set)."
            )
        if "_ids" not in self.__dict__:
            self._ids = word_ids(self._words)
        return self._ids

    @property
    def vocabulary_size_(self):
        """The largest id that can occur, plus one."""
        hashing = "_words" not in self.__dict__ and self.n_features is not None
        return FIRST_WORD + (self.n_features if hashing else len(self.vocabulary_))

    def _learn(self, X):
        """Read all texts once, set the fitted state, return all ids end to end and the lengths."""
        reader = self._reader()
        check_reading(reader)
        lengths = []
        tokens = _each_token(checked_texts(as_texts(X)), build_tokens(reader), lengths)
        if self.n_features is None:
            options = {name: getattr(self, name) for name in _LEARNING}
            ids, learned = learn_words(tokens, lengths, **options)
            if self.vocabulary is not None:
                warn_for_capitals(reader, learned["_words"])
        else:
            self._check_hashing()
            ids, learned = look_up(tokens, HashedIds(self.n_features)), {}
        if self.unknown == "drop":
            ids, lengths = drop_unknown(ids, lengths)
        learned["max_length_"] = choose_length(lengths, self.max_length)
        for name in _LEARNED:  # only now, when nothing can fail any more
            self.__dict__.pop(name, None)
        self.__dict__.update(learned)
        return ids, lengths

    def _check_hashing(self):
        """Refuse what needs a vocabulary when tokens are hashed."""
        defaults = {"min_df": 1, "max_df": 1.0}
        given = [
            n for n in ("vocabulary", "embeddings", "max_features") if getattr(self, n) is not None
        ]
        given += [name for name, default in defaults.items() if getattr(self, name) != default]
        if given:
            raise ValueError(
                f"{' and '.join(given)} and n_features cannot go together: n_features="
                f"{self.n_features} hashes the tokens and keeps no vocabulary."
            )

    def _is_stateless(self):
        """Tell whether there is nothing to learn from texts."""
        return self.n_features is not None and isinstance(self.max_length, Integral)

    def _n_columns(self):
        """Length of the rows."""
        return self.max_length_ if self.__sklearn_is_fitted__() else int(self.max_length)

    def _ids_of_tokens(self):
        """Map from token to id: the words of the vocabulary, or a hash."""
        hashing = "_words" not in self.__dict__ and self.n_features is not None
        return HashedIds(self.n_features) if hashing else self.vocabulary_

    def _check_ready(self):
        """Refuse to work unfitted, unless there is nothing to learn; then check the parameters."""
        check_is_fitted(self)
        if not self.__sklearn_is_fitted__():
            self._validate_params()
            self._check_hashing()
            check_reading(self._reader())

    def _reader(self):
        """scikit-learn's text analysis with our parameters."""
        return CountVectorizer(**{name: getattr(self, name) for name in _READING})

    def __getstate__(self):
        """Parameters and learned attributes, the words as two arrays, no foreign object."""
        return to_state(super().__getstate__())

    def __setstate__(self, state):
        """Take a state of this or an older version of the package."""
        super().__setstate__(from_state(type(self), state))

    def __sklearn_is_fitted__(self):
        """Tell whether `fit` has been called."""
        return hasattr(self, "max_length_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = not self._is_stateless()
        return tags


def _each_token(texts, read, lengths):
    """Iterate over the tokens of all texts, noting the number of each text's tokens."""

    def tokens_of_each():
        for text in texts:
            tokens = read(text)
            if not isinstance(tokens, list):
                tokens = list(tokens)
            lengths.append(len(tokens))
            yield tokens

    return chain.from_iterable(tokens_of_each())
