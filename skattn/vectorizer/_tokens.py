"""Tokens of a text and their places in it, on top of scikit-learn's own text analysis.

`reader` is a ``CountVectorizer`` that holds the analysis parameters; its public
``build_preprocessor``, ``build_tokenizer`` and ``get_stop_words`` do the reading. What is added
here: n-grams in reading order (scikit-learn puts all words before all pairs of words) and spans.

`skattn.serving` has a reader of its own with these methods, so scikit-learn is not imported here.
"""

import re
import unicodedata
from collections.abc import Mapping
from itertools import chain
from numbers import Integral

from skattn.utils._warnings import warn
from skattn.vectorizer._alignment import align, collapse_spaces, word_spans
from skattn.vectorizer._ids import check_words
from skattn.vectorizer._scripts import compose, marks_as_letters
from skattn.vectorizer._subwords import (
    build_subword_spans,
    build_subwords,
    check_subword_tokenizer,
    is_subword_tokenizer,
)

READING = (  # the parameters of the text analysis
    "strip_accents",
    "lowercase",
    "preprocessor",
    "tokenizer",
    "stop_words",
    "token_pattern",
    "ngram_range",
    "analyzer",
)
_SPACES = re.compile(r"\s\s+")
_ESCAPES = re.compile(r"\\u([0-9a-fA-F]{4})|\\U000([0-9a-fA-F]{5})")  # of a pattern


def check_reading(reader):
    """Check the analysis parameters; warn about those that have no effect."""
    check_ngram_range(reader.ngram_range)
    if is_subword_tokenizer(reader.analyzer):
        check_subword_tokenizer(reader.analyzer)
    ignored = [] if reader.analyzer == "word" else ["tokenizer", "stop_words", "token_pattern"]
    if not isinstance(reader.analyzer, str):
        ignored += ["preprocessor", "strip_accents", "ngram_range"]
    if reader.tokenizer is not None:
        ignored += ["token_pattern"]
    defaults = type(reader)().get_params()
    ignored = [n for n in dict.fromkeys(ignored) if getattr(reader, n) not in (defaults[n], None)]
    if ignored:
        cause = "your own analyzer" if reader.analyzer != "word" else "a tokenizer"
        if reader.analyzer in ("char", "char_wb"):  # perhaps set by a rule of TextClassifier
            cause = f"analyzer={reader.analyzer!r}, where tokens are characters"
        warn(f"These parameters have no effect with {cause}: {', '.join(ignored)}.")
    if reader.analyzer == "word":
        _check_words_and_pattern(reader)
        reader.build_analyzer()  # scikit-learn checks the stop words and the pattern here


def check_analysis(params):
    """Check those parameters of the analysis whose constraints let wrong values through.

    Parameters
    ----------
    params : dict
        May lack parameters; None stands for a default.
    """
    if params.get("ngram_range") is not None:
        check_ngram_range(params["ngram_range"])
    if params.get("token_pattern") is not None:
        check_pattern(params["token_pattern"])
    if isinstance(params.get("stop_words"), list):
        check_words(params["stop_words"], "parameter stop_words")


def check_ngram_range(sizes):
    """Refuse what is no range of sizes."""
    whole = len(sizes) == 2 and all(isinstance(size, Integral) for size in sizes)
    if not whole or not 1 <= sizes[0] <= sizes[1]:
        raise ValueError(f"ngram_range={sizes} must be (min_n, max_n) with 1 <= min_n <= max_n.")


def _check_words_and_pattern(reader):
    """Say which parameter it is; scikit-learn would let errors of other modules through."""
    if isinstance(reader.stop_words, list):
        check_words(reader.stop_words, "parameter stop_words")
    if reader.tokenizer is not None:
        return
    if reader.token_pattern is None:
        raise ValueError("token_pattern is None. Give a regular expression, or a tokenizer.")
    check_pattern(reader.token_pattern)


def check_pattern(token_pattern):
    """Refuse what is no regular expression."""
    try:
        re.compile(token_pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"token_pattern={token_pattern!r} is not a regular expression: {error}."
        ) from error


def warn_for_capitals(reader, words):
    """Warn about words that no text can have, since it is lower-cased."""
    lowers = reader.lowercase and reader.preprocessor is None and isinstance(reader.analyzer, str)
    if lowers and any(word != word.lower() for word in words):
        warn(
            f"The vocabulary has upper case characters, but lowercase={reader.lowercase!r}: such "
            "words are never found in a text."
        )


def build_tokens(reader, marks=True):
    """Return the function text -> list of tokens.

    Parameters
    ----------
    reader : CountVectorizer
        With the parameters of the analysis.
    marks : bool, default=True
        Whether the text is composed first, and other combining marks are letters. In scikit-learn,
        it is not composed, and combining marks end a word.
    """
    if is_subword_tokenizer(reader.analyzer):
        return build_subwords(reader.analyzer)
    if callable(reader.analyzer):
        return checked_tokens(reader.build_analyzer(), "analyzer")
    preprocess = reader.build_preprocessor()
    if marks:
        preprocess = build_preprocess(preprocess, reader.preprocessor)
    if reader.analyzer == "char":
        return lambda text: _ngrams(_SPACES.sub(" ", preprocess(text)), reader.ngram_range, "")
    if reader.analyzer == "char_wb":
        return lambda text: padded_word_ngrams(preprocess(text).split(), reader.ngram_range)
    return _build_word_tokens(reader, preprocess, marks)


def build_preprocess(preprocess, preprocessor=None):
    """scikit-learn's preprocessing, of a text with composed accents.

    Parameters
    ----------
    preprocess : callable
        scikit-learn's.
    preprocessor : callable or None
        The user's own, which gets the text as it is.
    """
    name = "strip_accents" if preprocessor is None else "preprocessor"

    def checked(text):
        processed = preprocess(compose(text) if preprocessor is None else text)
        if not isinstance(processed, str):
            raise TypeError(f"{name} must return a text, got {processed!r:.60}.")
        return processed

    return checked


def build_find_words(tokenize, tokenizer, token_pattern):
    """scikit-learn's tokenizer; marks count as letters where its pattern has ``\\w``.

    Parameters
    ----------
    tokenize : callable
        scikit-learn's.
    tokenizer : callable or None
        The user's own, which is left as it is.
    token_pattern : str
    """
    if tokenizer is not None:
        return checked_tokens(tokenize, "tokenizer")
    if not _knows_letters(token_pattern):
        return tokenize
    pattern = re.compile(token_pattern)

    def find_words(text):
        seen = marks_as_letters(text)
        if seen == text:
            return tokenize(text)
        nowhere = range(len(text))
        return [word for word, _ in word_spans(text, nowhere, nowhere, pattern, seen)]

    return find_words


def checked_tokens(function, name):
    """A user's function text -> tokens, with an error if it returns anything else."""

    def tokens(text):
        found = function(text)
        if isinstance(found, (str, bytes, Mapping)) or not hasattr(found, "__iter__"):
            raise TypeError(f"{name} must return a list of tokens, got {found!r:.60}.")
        found = list(found)
        strange = [token for token in found if not isinstance(token, str)]
        if strange:
            raise ValueError(f"The tokens of {name} must be strings, got {strange[0]!r:.60}.")
        return found

    return tokens


def _knows_letters(pattern):
    """Whether a pattern asks Python what a letter is; marks are letters then.

    Not if it names letters or marks beyond ASCII: it knows itself what belongs to a word.
    """
    escapes = [short or long for short, long in _ESCAPES.findall(pattern)]
    named = [*pattern, *(chr(int(code, 16)) for code in escapes)]
    if any(not c.isascii() and unicodedata.category(c)[0] in "LM" for c in named):
        return False
    return r"\w" in pattern or r"\W" in pattern


def _build_word_tokens(reader, preprocess, marks):
    """Return the function text -> words or n-grams of words."""
    tokenize, stop_words = reader.build_tokenizer(), _stop_words(reader, marks)
    if marks:
        tokenize = build_find_words(tokenize, reader.tokenizer, reader.token_pattern)
    plain = tuple(reader.ngram_range) == (1, 1)

    def tokens(text):
        words = tokenize(preprocess(text))
        if stop_words is not None:
            words = [word for word in words if word not in stop_words]
        return words if plain else _ngrams(words, reader.ngram_range, " ")

    return tokens


def composes(reader):
    """Whether tokens have composed accents, because no function of the user makes them."""
    own = (reader.preprocessor, reader.tokenizer, reader.strip_accents)
    return isinstance(reader.analyzer, str) and not any(map(callable, own))


def composed_stop_words(reader, words):
    """Stop words in the form that the tokens have; None stays None."""
    return frozenset(map(compose, words)) if words and composes(reader) else words


def _stop_words(reader, marks):
    words = reader.get_stop_words()
    return composed_stop_words(reader, words) if marks else words


def build_token_spans(reader, marks=True):
    """Return the function text -> list of (start, end), one pair for each token.

    `marks` is as `build_tokens` has it.
    """
    if is_subword_tokenizer(reader.analyzer):
        return build_subword_spans(reader.analyzer)
    own = [name for name in ("preprocessor", "tokenizer") if getattr(reader, name) is not None]
    own += [name for name in ("analyzer", "strip_accents") if callable(getattr(reader, name))]
    if own:
        raise ValueError(
            f"A custom {' or '.join(own)} does not tell where in the text its tokens stand. Use "
            "the built-in analysis (lowercase, strip_accents, token_pattern, analyzer='word', "
            "'char' or 'char_wb')."
        )
    preprocess = reader.build_preprocessor()
    if reader.analyzer == "char":
        return lambda text: _ngram_spans(
            collapse_spaces(*align(text, preprocess, marks)), reader.ngram_range
        )
    if reader.analyzer == "char_wb":
        return lambda text: _padded_word_spans(*align(text, preprocess, marks), reader.ngram_range)
    return _build_word_spans(reader, marks)


def _build_word_spans(reader, marks):
    """Return the function text -> spans of words or of n-grams of words."""
    preprocess, stop_words = reader.build_preprocessor(), _stop_words(reader, marks)
    reader.build_tokenizer()  # checks the pattern
    pattern = re.compile(reader.token_pattern)
    knows_letters = marks and _knows_letters(reader.token_pattern)

    def spans(text):
        processed, starts, ends = align(text, preprocess, marks)
        seen = marks_as_letters(processed) if knows_letters else None
        found = word_spans(processed, starts, ends, pattern, seen)
        kept = [span for word, span in found if stop_words is None or word not in stop_words]
        return _ngram_spans(kept, reader.ngram_range)

    return spans


def _ngrams(units, ngram_range, separator):
    """Join runs of min_n to max_n units, in reading order and the shorter first."""
    shortest, longest = _sizes(ngram_range, units)
    runs = [
        list(map(separator.join, zip(*(units[shift:] for shift in range(n)), strict=False)))
        for n in range(max(shortest, 2), longest + 1)
    ]
    return _in_reading_order([list(units), *runs] if shortest == 1 else runs)


def _sizes(ngram_range, units):
    """The range without sizes that this text is too short for."""
    shortest, longest = ngram_range
    return shortest, min(longest, max(shortest, len(units)))


def _ngram_spans(spans, ngram_range):
    """Span every run of min_n to max_n units, in the order of `_ngrams`."""
    shortest, longest = _sizes(ngram_range, spans)
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    runs = [list(zip(starts, ends[n - 1 :], strict=False)) for n in range(shortest, longest + 1)]
    return _in_reading_order(runs)


def _in_reading_order(runs):
    """Interleave the lists of n-grams by the position of their first unit."""
    n_sizes, n_complete = len(runs), len(runs[-1])  # at so many places n-grams of all sizes begin
    grams = [None] * (n_sizes * n_complete)
    for number, run in enumerate(runs):
        grams[number::n_sizes] = run[:n_complete]
    for place in range(n_complete, len(runs[0])):
        grams += [run[place] for run in runs if place < len(run)]
    return grams


def padded_word_ngrams(words, ngram_range):
    """Character n-grams inside each word, which gets a space on both sides."""
    grams = []
    for word in words:
        padded = f" {word} "
        short = len(padded) < ngram_range[0]  # such a word counts once, as a whole
        grams += [padded] if short else _ngrams(padded, ngram_range, "")
    return grams


def _padded_word_spans(processed, starts, ends, ngram_range):
    """Spans in the order of `padded_word_ngrams`; the added spaces have no width."""
    spans = []
    for match in re.finditer(r"\S+", processed):
        first, last = match.start(), match.end() - 1
        characters = [(starts[i], ends[i]) for i in range(first, last + 1)]
        padded = [(starts[first],) * 2, *characters, (ends[last],) * 2]
        short = len(padded) < ngram_range[0]
        spans += [(starts[first], ends[last])] if short else _ngram_spans(padded, ngram_range)
    return spans


def each_token(texts, read, lengths):
    """Iterate over the tokens of all texts, noting the number of each text's tokens."""

    def tokens_of_each():
        for text in texts:
            tokens = read(text)
            lengths.append(len(tokens))
            yield tokens

    return chain.from_iterable(tokens_of_each())
