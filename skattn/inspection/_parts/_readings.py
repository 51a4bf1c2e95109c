"""What each word of a text adds to each output of a model, and means of such readings."""

from typing import NamedTuple

import numpy as np

from skattn.inspection._parts._emoji import first_tokens, merged
from skattn.vectorizer._scripts import letters_with_marks, words_and_signs
from skattn.vectorizer._tokens import build_token_spans


class CannotSplit(TypeError):
    """A model, or a part of it, for which it is not known what each word adds."""


class Reading(NamedTuple):
    """A model's answer to one text, split up: the base and the values add up to it."""

    text: str  # as the model saw it
    spans: np.ndarray  # (n_tokens, 2), characters of `text`
    values: np.ndarray  # (n_tokens, n_outputs)
    base: np.ndarray  # (n_outputs,), what no token adds


def mean_of(readings, weights):
    """The weighted mean of several models' readings of one text, over all of their tokens."""
    text = readings[0].text
    if any(reading.text != text for reading in readings):
        raise ValueError(
            "The members of this model read different texts (their steps before the vectorizer "
            "differ), so their words cannot be matched. Explain each member separately."
        )
    spans = readings[0].spans
    for reading in readings[1:]:
        spans = united(spans, reading.spans)
    moved = [onto(spans, reading) for reading in readings]
    values = sum(w * reading.values for w, reading in zip(weights, moved, strict=True))
    base = sum(w * reading.base for w, reading in zip(weights, moved, strict=True))
    return Reading(text, spans, values, base)


def united(spans, others):
    """The spans, and those of the others that overlap none of them; in reading order."""
    if np.array_equal(spans, others):
        return spans
    first, stop = touched(spans, others)
    found = np.concatenate([spans, others[first == stop]])
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def onto(spans, reading):
    """The reading with its values on other spans: each is shared evenly by those it touches.

    What touches none of them is in the base.
    """
    if np.array_equal(spans, reading.spans):
        return reading
    first, stop = touched(spans, reading.spans)
    values = shared(first, stop, reading.values, len(spans))
    lost = reading.values[first == stop].sum(axis=0)
    return reading._replace(spans=spans, values=values, base=reading.base + lost)


def touched(spans, others):
    """For each of the others the first of the spans that it touches and the one after the last.

    `spans` are in reading order. Other spans without width touch what they stand at.
    """
    empty = others[:, 0] == others[:, 1]
    ends = np.maximum.accumulate(spans[:, 1]) if len(spans) else spans[:, 1]
    first = np.searchsorted(ends, others[:, 0] - empty, side="right")
    stop = np.searchsorted(spans[:, 0], others[:, 1] + empty, side="left")
    return first, np.maximum(first, stop)


def shared(first, stop, values, n_spans):
    """Share each row of values (n, n_outputs) evenly among the spans from `first` to `stop`."""
    counts = stop - first
    before = np.repeat(np.cumsum(counts) - counts, counts)
    place = np.repeat(first, counts) + np.arange(len(before)) - before
    parts = np.repeat(values / np.maximum(counts, 1)[:, None], counts, axis=0)
    total = np.zeros((n_spans, values.shape[1]))
    np.add.at(total, place, parts)
    return total


def per_word(spans, values):
    """Share the value of each n-gram evenly among the words in it; the sum stays.

    The words are the tokens that have no other token within them. The boundaries of words, which
    ``analyzer="char_wb"`` makes tokens of no width, are shared among what stands beside them. Where
    words overlap even so (n-grams of characters, pairs of words without the words themselves),
    everything stays as it is.

    Parameters
    ----------
    spans : int array of shape (n_tokens, 2)
    values : array of shape (n_tokens,) or (n_tokens, n_outputs)

    Returns
    -------
    spans, values : arrays of shape (n_words, 2) and (n_words, ...)
    """
    empty = spans[:, 0] == spans[:, 1]
    if not empty.any() and not _overlap(spans):
        return spans, values  # the tokens are words already
    words = innermost(spans)
    first = np.searchsorted(words[:, 0], spans[:, 0])
    stop = np.searchsorted(words[:, 1], spans[:, 1], side="right")  # at least one word in each
    first[empty], stop[empty] = touched(words, spans[empty])
    if _overlap(words) or np.any(first >= stop):
        return spans, values
    columns = values.reshape(len(values), -1)
    return words, shared(first, stop, columns, len(words)).reshape(-1, *values.shape[1:])


def in_words(vectorizer, text, spans, values):
    """Values of a vectorizer's tokens as those of words: n-grams are shared, pieces are summed.

    Tokens that are seen as one, such as those of an emoji, are summed too.

    Parameters
    ----------
    vectorizer : SequenceVectorizer
        Fitted.
    text : str
    spans : array-like of shape (n_tokens, 2)
    values : ndarray of shape (n_tokens,) or (n_tokens, n_outputs)

    Returns
    -------
    spans, values : arrays of shape (n_words, 2) and (n_words, ...)
    rest : float or ndarray of shape (n_outputs,)
        The sum over tokens that are in no word: of white space, in some pretrained tokenizers.
    """
    spans, values, rest = _in_words(vectorizer, text, np.reshape(spans, (-1, 2)), values)
    places = None if _overlap(spans) else first_tokens(text, spans)
    if places is not None:
        spans, values = merged(spans, places), np.add.reduceat(values, places)
    return spans, values, rest


def _in_words(vectorizer, text, spans, values):
    spans, values = per_word(spans, values)
    none = np.zeros(values.shape[1:])
    if hasattr(vectorizer, "_tokenizer"):
        words = words_in(text)  # its tokenizer cuts rare words into pieces
    elif vectorizer.analyzer == "word" and (vectorizer.ngram_range[0] > 1 or _overlap(spans)):
        words = _single_words(vectorizer, text)  # pairs of words without the words themselves
    elif vectorizer.analyzer == "char" and not _overlap(spans):
        words = _as_spans(letters_with_marks(text))  # each mark is a token of its own
    else:
        return spans, values, none
    if not len(spans):
        return spans, values, none
    first, stop = touched(words, spans)
    columns = values.reshape(len(values), -1)
    summed = shared(first, stop, columns, len(words)).reshape(-1, *values.shape[1:])
    read = shared(first, stop, np.ones((len(spans), 1)), len(words))[:, 0] > 0
    return words[read], summed[read], values[first == stop].sum(axis=0)


def _single_words(vectorizer, text):
    """Spans of the words whose n-grams a vectorizer reads."""
    reader = vectorizer._reader()
    reader.ngram_range = (1, 1)
    return innermost(_as_spans(build_token_spans(reader)(text)))


def tells_case(vectorizer):
    """Whether a fitted vectorizer may read "US" and "us" as two words."""
    if hasattr(vectorizer, "_tokenizer"):
        normalizer = vectorizer._tokenizer.normalizer
        return normalizer is None or normalizer.normalize_str("A") == "A"
    own = not isinstance(vectorizer.analyzer, str) or vectorizer.preprocessor is not None
    return own or not vectorizer.lowercase  # what a user's own function does is not known


def _overlap(spans):
    return np.any(spans[1:, 0] < spans[:-1, 1])


def innermost(spans):
    """The distinct `spans` that have a width and no other within them, in reading order."""
    spans = np.unique(spans[spans[:, 0] < spans[:, 1]], axis=0)
    if not len(spans):
        return spans
    starts, ends = spans.T
    repeated = np.r_[False, starts[1:] == starts[:-1]]  # a shorter one begins at the same place
    next_start = np.searchsorted(starts, starts, side="right")
    earliest_end = np.r_[np.minimum.accumulate(ends[::-1])[::-1], np.iinfo(ends.dtype).max]
    return spans[~repeated & (earliest_end[next_start] > ends)]


def is_one_letter(token):
    """Whether a token is a single character with its marks, an emoji, or nothing."""
    return len(as_seen(token, _as_spans(letters_with_marks(token)))) <= 1


def words_in(text):
    """Spans of what a text falls into where no model has words."""
    return as_seen(text, _as_spans(words_and_signs(text)))


def as_seen(text, spans):
    """Spans of words, the parts of an emoji merged."""
    places = first_tokens(text, spans)
    return spans if places is None else merged(spans, places)


def _as_spans(spans):
    return np.array(spans, dtype=np.intp).reshape(-1, 2)
