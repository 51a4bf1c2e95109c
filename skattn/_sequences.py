"""`SequenceVectorizer`: texts to padded rows of token ids."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain, islice, repeat
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from skattn._padding import choose_length, n_kept_at_each_end, pad_rows
from skattn._texts import as_texts, checked_texts
from skattn._tokens import build_token_spans, build_tokens, warn_for_ignored_parameters
from skattn._vocabulary import (
    FIRST_WORD,
    OUT_OF_VOCABULARY,
    PADDING,
    check_words,
    choose_words,
    given_words,
    pack_words,
    unpack_words,
    word_ids,
)

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
_ROWS_AT_ONCE = 4096
_UNKNOWN = "[UNK]"
_STATE_FORMAT = 1


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
    token_pattern : str or None, default=r"(?u)\\b\\w\\w+\\b"
        Regular expression of a token (of its group, if it has one). The default, which is
        scikit-learn's, leaves out punctuation and words of one character;
        ``r"(?u)\\b\\w+\\b|[^\\w\\s]"`` keeps both.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        Sizes of the n-grams of words or of characters that are the tokens.
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        Whether tokens are (n-grams of) words, of characters, or of characters within words. A
        callable gives the tokens of a raw text, as strings.
    min_df, max_df : int or float, default=1 and 1.0
        Words that stand in fewer or in more training texts than this (a number of texts, or as
        a float in [0, 1] a share of them) are left out of the vocabulary. Their tokens stay in
        the sequences, as id 1.
    max_features : int or None, default=None
        Only that many words, the most frequent ones, are in the vocabulary.
    vocabulary : mapping of str to int, iterable of str or None, default=None
        A vocabulary to use instead of that of the training texts. Its indices count from 0, as
        in `CountVectorizer`, and are shifted: word number ``i`` gets the id ``i + 2``.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of every word, as it stands in the output: from 2 on.
    max_length_ : int
        Number of columns of the output.
    vocabulary_size_ : int
        The largest id that can occur, plus one: the number of rows of an embedding table that
        has room for all of them.

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
        "vocabulary": [Mapping, HasMethods("__iter__"), None],
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
        check_is_fitted(self)
        texts = as_texts(X)
        texts = texts if hasattr(texts, "__len__") else list(texts)
        read, known = build_tokens(self._reader()), self.vocabulary_.get
        rows = np.empty((len(texts), self.max_length_), dtype=np.int32)
        texts = checked_texts(texts)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part, lengths = rows[start : start + _ROWS_AT_ONCE], []
            read_tokens = _each_token(islice(texts, len(part)), read, lengths)
            ids = np.fromiter(map(known, read_tokens, repeat(OUT_OF_VOCABULARY)), dtype=np.int32)
            pad_rows(ids, lengths, self.max_length_, self.truncation, out=part)
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
        check_is_fitted(self)
        find_spans = build_token_spans(self._reader())
        kept = []
        for text in checked_texts(as_texts(texts)):
            spans = np.array(find_spans(text), dtype=np.int64).reshape(-1, 2)
            first, last = n_kept_at_each_end(len(spans), self.max_length_, self.truncation)
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
            If an id is negative or beyond the vocabulary.
        """
        check_is_fitted(self)
        ids = check_array(X, dtype=np.int64, ensure_min_samples=0, ensure_min_features=0)
        if ids.size and (ids.min() < 0 or ids.max() >= self.vocabulary_size_):
            raise ValueError(
                f"X holds the ids {ids.min()} to {ids.max()}, but those of this vectorizer go "
                f"from 0 to {self.vocabulary_size_ - 1}."
            )
        tokens = np.array(["", _UNKNOWN, *self._words], dtype=object)
        return [tokens[row[row != PADDING]] for row in ids]

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
        return np.array([f"token{place}" for place in range(self.max_length_)], dtype=object)

    @property
    def vocabulary_(self):
        """The id of every word, from 2 on."""
        if "_ids" not in self.__dict__:
            if "_words" not in self.__dict__:
                raise NotFittedError(f"This {type(self).__name__} has not learned a vocabulary.")
            self._ids = word_ids(self._words)
        return self._ids

    @property
    def vocabulary_size_(self):
        """The largest id that can occur, plus one."""
        return FIRST_WORD + len(self.vocabulary_)

    def _learn(self, X):
        """Read all texts once, set the fitted state, return all ids end to end and the lengths."""
        reader = self._reader()
        warn_for_ignored_parameters(reader)
        fixed = None if self.vocabulary is None else given_words(self.vocabulary)
        read, lengths = build_tokens(reader), []
        read_tokens = _each_token(checked_texts(as_texts(X)), read, lengths)
        if fixed is None:
            words, tokens = self._learn_words(read_tokens, lengths)
        else:
            words, known = fixed, word_ids(fixed).get
            tokens = np.fromiter(map(known, read_tokens, repeat(OUT_OF_VOCABULARY)), dtype=np.int32)
        max_length = choose_length(lengths, self.max_length)
        self.__dict__.pop("_ids", None)
        self._words, self.max_length_ = words, max_length
        return tokens, lengths

    def _learn_words(self, read_tokens, lengths):
        """Number the tokens as they come, then choose and order the words."""
        numbers = defaultdict()
        numbers.default_factory = numbers.__len__
        tokens = np.fromiter(map(numbers.__getitem__, read_tokens), dtype=np.int32)
        if not numbers:
            raise ValueError(
                f"empty vocabulary; the {len(lengths)} texts have no token, or only stop words"
            )
        words, table = choose_words(
            check_words(numbers, "texts, as cut by a custom analyzer or tokenizer,"),
            tokens,
            lengths,
            min_df=self.min_df,
            max_df=self.max_df,
            max_features=self.max_features,
        )
        return words, table.take(tokens, out=tokens, mode="clip")

    def _reader(self):
        """scikit-learn's text analysis with our parameters."""
        return CountVectorizer(**{name: getattr(self, name) for name in _READING})

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_ids", None)
        if "_words" in state:
            state["_packed_words"], state["_word_ends"] = pack_words(state.pop("_words"))
            state["_state_format"] = _STATE_FORMAT
        return state

    def __setstate__(self, state):
        state = dict(state)
        if state.pop("_state_format", _STATE_FORMAT) > _STATE_FORMAT:
            raise ValueError(
                "This SequenceVectorizer was stored by a newer version of skattn; upgrade skattn."
            )
        if "_packed_words" in state:
            state["_words"] = unpack_words(state.pop("_packed_words"), state.pop("_word_ends"))
        super().__setstate__(state)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "max_length_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _each_token(texts, read, lengths):
    """Iterate over the tokens of all texts, noting the number of each text's tokens."""

    def tokens_of_each():
        for text in texts:
            tokens = read(text)
            lengths.append(len(tokens))
            yield tokens

    return chain.from_iterable(tokens_of_each())
