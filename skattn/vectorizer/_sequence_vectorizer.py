"""`SequenceVectorizer`: texts to padded rows of token ids."""

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_is_fitted

from skattn.utils._at_hand import OWN_WORDS, TOKENIZER, WORD_VECTORS, note, once
from skattn.utils._saved_state import PickledState
from skattn.utils._sklearn_compat import fit_context
from skattn.utils._texts import as_texts, checked_texts
from skattn.utils._typing import Texts
from skattn.vectorizer._ids import (
    FIRST_WORD,
    OUT_OF_VOCABULARY,
    PADDING,
    HashedIds,
    check_hashing,
    checked_ids,
    look_up,
    word_ids,
)
from skattn.vectorizer._learning import learn
from skattn.vectorizer._padding import LONGEST, n_kept_at_each_end, pad_rows
from skattn.vectorizer._rows_of_ids import rows_of_ids
from skattn.vectorizer._state import from_state, to_state
from skattn.vectorizer._tokens import (
    READING,
    build_token_spans,
    build_tokens,
    check_reading,
)

_LEARNED = ("_words", "_ids", "_tokenizer", "max_length_", "embeddings_", "coverage_")
_UNKNOWN = "[UNK]"


class SequenceVectorizer(PickledState, TransformerMixin, BaseEstimator):
    r"""Turn texts into rows of token ids of equal length, for `AttentionTextClassifier`.

    Each text becomes the ids of its tokens in the order of the text, truncated to `max_length`
    tokens and padded with zeros on the right. Id 0 is always padding, id 1 stands for every token
    that is not in the vocabulary, and the words of the vocabulary have the ids from 2 on, ordered
    by decreasing frequency and then alphabetically.

    Parameters that :class:`~sklearn.feature_extraction.text.CountVectorizer` also has work in the
    same way, with two differences. N-grams are in the order of the text (all n-grams that begin
    with the same token follow each other, the shortest first). And combining marks and zero-width
    joiners do not split a word: accented letters are first converted to their composed form (NFC).

    Parameters
    ----------
    max_length : int, float or None, default=None
        Number of columns of the output. None: the number of tokens of the longest training text. A
        float ``q`` in (0, 1]: the smallest length at which at least the share ``q`` of the training
        texts is not truncated, so that a few very long texts do not make all rows long.
    truncation : {"head", "tail", "both"}, default="head"
        Which tokens of a longer text to keep: the first ones, the last ones, or half of them from
        each end (if `max_length` is odd, one more from the start).
    lowercase : bool, default=True
        Whether to convert the texts to lower case.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        Whether to remove accents and normalize characters.
    preprocessor : callable or None, default=None
        A function from text to text that replaces lowercasing and accent stripping.
    tokenizer : callable or None, default=None
        A function from text to list of tokens that replaces `token_pattern`.
    stop_words : {"english"}, list of str or None, default=None
        Words to remove from the texts. They are not replaced by id 1.
    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        Regular expression that matches a token. If it has a capturing group, the group is the
        token. The default, which is that of scikit-learn, drops punctuation and words of one
        character; ``r"(?u)\b\w+\b|[^\w\s]"`` keeps both.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        Minimum and maximum size of the n-grams of words or characters.
    analyzer : {"word", "char", "char_wb"}, tokenizers.Tokenizer or callable, default="word"
        Whether tokens are (n-grams of) words, of characters, or of characters within words. A
        ``tokenizers.Tokenizer`` (extra `tokenizers`) splits texts into subwords with exact spans;
        its special tokens are not added. A callable returns the tokens of a raw text.
    min_df, max_df : int or float, default=1 and 1.0
        Words that occur in fewer than `min_df` or in more than `max_df` training texts are not in
        the vocabulary, and get id 1. An int is a number of texts, a float is a share of the texts.
    max_features : int or None, default=None
        Maximum number of words in the vocabulary; the most frequent ones are kept.
    vocabulary : mapping of str to int, iterable of str or None, default=None
        A vocabulary to use instead of learning one. Indices count from 0, as in `CountVectorizer`:
        word number ``i`` gets the id ``i + 2``. `min_df`, `max_df` and `max_features` do not
        apply to it.
    unknown : {"keep", "drop"}, default="keep"
        Whether tokens that are not in the vocabulary get id 1 or are removed.
    embeddings : mapping, gensim KeyedVectors, path or None, default=None
        Pretrained word vectors: a mapping of str to vector, an object with `index_to_key` and
        `vectors`, or the path of a text file (or gzip) in the format of GloVe, word2vec and
        fastText. Unless `vocabulary` is set, all words that have a vector get ids, after those of
        the other words, even if they are not in the training texts or the limits above leave them
        out. A pipeline does not pass vectors on: there, use ``TextClassifier(embeddings=...)``.
    n_features : int or None, default=None
        Hash the tokens into this many ids, from 2 to ``n_features + 1``, instead of learning a
        vocabulary, as :class:`~sklearn.feature_extraction.text.HashingVectorizer` does. If
        `max_length` is an int too, there is nothing to learn, and `transform` works without `fit`.
    pretrained : str or os.PathLike, default=None
        A pretrained model whose tokenizer to use, for an `AttentionTextClassifier` with the same
        `pretrained` (needs the extra `pretrained`): a folder in the format of Hugging Face or
        KerasHub, or the name of a model on the Hugging Face hub, ``"owner/name"`` or
        ``"owner/name@revision"``. The id of a token is the model's id plus 2, or 1 for the model's
        unknown token. The ids do not include the model's special tokens, which the classifier adds.
        `max_length` cannot exceed the maximum length of the model. Apart from `max_length`,
        `truncation` and `unknown`, no other parameter can be set together with `pretrained`.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of every word, from 2 on, or 1 if it counts as unknown. Not available with hashing.
    max_length_ : int
        Number of columns of the output.
    vocabulary_size_ : int
        The largest possible id plus one, which is the number of rows that an embedding needs.
    embeddings_ : float32 array of shape (vocabulary_size_, n_dimensions)
        The vector of each id, only with `embeddings`. Row 0 is zero; row 1 and the rows of words
        without a vector are the mean of all vectors.
    coverage_ : dict
        The shares of the ``"tokens"`` of the training texts, and of the words of the
        ``"vocabulary"``, that have a vector. Only with `embeddings`.

    See Also
    --------
    AttentionTextClassifier : Classifies these rows.
    sklearn.feature_extraction.text.CountVectorizer : Counts tokens instead.

    Notes
    -----
    The texts may be a list, a one-dimensional array, a pandas, polars or Arrow column, a data frame
    or an array with exactly one column, or any other iterable of strings.

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
            Interval(Integral, 1, LONGEST, closed="both"),
            Interval(RealNotInt, 0, 1, closed="right"),
            None,
        ],
        "truncation": [StrOptions({"head", "tail", "both"})],
        **{
            name: CountVectorizer._parameter_constraints[name]
            for name in (*READING, "min_df", "max_df", "max_features")
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
        "pretrained": [str, PathLike, None],
    }

    def __init__(
        self,
        *,
        max_length: float | None = None,
        truncation: str = "head",
        lowercase: bool = True,
        strip_accents: str | Callable[[str], str] | None = None,
        preprocessor: Callable[[str], str] | None = None,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: Any = "word",
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        vocabulary: Mapping[str, int] | Iterable[str] | None = None,
        unknown: str = "keep",
        embeddings: Any = None,
        n_features: int | None = None,
        pretrained: str | PathLike[str] | None = None,
    ) -> None:
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
        self.pretrained = pretrained

    @fit_context
    def fit(self, X: Texts, y: object = None) -> Self:
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
            If `X` is not a column of texts, if one of its rows is not a string (the message says
            which), or if the vocabulary is empty.
        """
        if self._is_stateless():
            check_hashing(self.get_params(deep=False))
            check_reading(self._reader())
            as_texts(X)
            self._keep({"max_length_": int(self.max_length)})
        else:
            self._learn(X)
        return self

    @fit_context
    def fit_transform(self, X: Texts, y: object = None) -> NDArray[np.int32]:
        """Fit to the texts and return their ids; each text is tokenized only once.

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
        ids = pad_rows(tokens, lengths, self.max_length_, self.truncation)
        return self._marked(ids)

    def transform(self, X: Texts) -> NDArray[np.int32]:
        """Turn texts into rows of ids.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        ids : int32 array of shape (n_texts, max_length_)
            Padded with 0 on the right; id 1 stands for tokens that are not in the vocabulary.
        """
        self._check_ready()
        texts = as_texts(X)
        texts = texts if hasattr(texts, "__len__") else list(texts)
        return self._marked(once(self, "ids", texts, lambda: self._rows_of_ids(texts)))

    def token_spans(self, texts: Texts) -> list[NDArray[np.int64]]:
        """Return the position of each kept token in the original texts.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        spans : list of int arrays of shape (n_kept, 2)
            For each text, the start and the end (exclusive) of its kept tokens, in the order of the
            non-zero columns of ``transform(texts)``: ``text[start:end]`` is the token as written.
            The span of a word n-gram reaches from its first to its last word.

        Raises
        ------
        ValueError
            If `preprocessor`, `tokenizer`, `analyzer` or `strip_accents` is a function, because a
            function does not tell where its tokens are in the text.
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

    def inverse_transform(self, X: ArrayLike) -> list[NDArray[np.object_]]:
        """Turn rows of ids back into tokens.

        Parameters
        ----------
        X : array-like of int of shape (n_texts, n_columns)

        Returns
        -------
        tokens : list of object arrays of str
            The tokens of each row without the padding; ``"[UNK]"`` for id 1.

        Raises
        ------
        ValueError
            If a number is not an id of this vectorizer. If tokens are hashed, there is no
            vocabulary, and a `NotFittedError` (which is both a `ValueError` and an
            `AttributeError`) is raised.
        """
        check_is_fitted(self)
        tokens = np.array(["", _UNKNOWN, *self.vocabulary_], dtype=object)
        whole = checked_ids(X, len(tokens))
        return [tokens[row[row != PADDING]] for row in whole]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
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
    def vocabulary_(self) -> dict[str, int]:
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
    def vocabulary_size_(self) -> int:
        """The largest id that can occur, plus one."""
        hashing = "_words" not in self.__dict__ and self.n_features is not None
        return FIRST_WORD + (self.n_features if hashing else len(self.vocabulary_))

    def _learn(self, X):
        """Set what is learned; return the ids of all texts in a row, and the lengths."""
        params = self.get_params(deep=False)
        ids, lengths, learned = learn(X, params, self._reader(), type(self))
        self._keep(learned)  # only now, when nothing can fail any more
        return ids, lengths

    def _rows_of_ids(self, texts):
        read, ids = build_tokens(self._reader()), self._ids_of_tokens()
        return rows_of_ids(texts, read, ids, self._n_columns(), self.truncation, self.unknown)

    def _marked(self, ids):
        """The ids; the classifier after this vectorizer asks where they come from."""
        if self.embeddings is not None:
            note(ids, WORD_VECTORS)
        if hasattr(self, "_tokenizer"):
            note(ids, TOKENIZER, self._tokenizer)
        elif self.vocabulary is None:
            note(ids, TOKENIZER, OWN_WORDS)
        return ids

    def _keep(self, learned):
        for name in _LEARNED:
            self.__dict__.pop(name, None)
        self.__dict__.update(learned)

    def _is_stateless(self):
        """Tell whether there is nothing to learn from texts."""
        fixed = self.n_features is not None and isinstance(self.max_length, Integral)
        return fixed and self.pretrained is None

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
            check_hashing(self.get_params(deep=False))
            check_reading(self._reader())

    def _reader(self):
        """scikit-learn's text analysis with our parameters."""
        if "_tokenizer" in self.__dict__:
            return CountVectorizer(analyzer=self._tokenizer)
        return CountVectorizer(**{name: getattr(self, name) for name in READING})

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
