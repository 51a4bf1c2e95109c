"""Where the characters of a preprocessed text come from; pure functions."""

import re
import unicodedata

import numpy as np

from skattn.vectorizer._scripts import align_composed


def align(text, preprocess, composed=True):
    """Compose and preprocess a text and say where each of its new characters stood.

    Lower-casing and accent stripping, as scikit-learn does them, can change the length of a text
    ("İ" becomes two characters, "ﬁ" as well, a combining accent none), but each character on its
    own becomes the same number of characters as within the text: canonical reordering moves only
    combining marks, which stripping removes.

    Returns
    -------
    processed : str
    starts, ends : int arrays of shape (len(processed),)
        Character ``processed[i]`` comes from ``text[starts[i]:ends[i]]``.
    """
    if composed:
        text, text_starts, text_ends = align_composed(text)
    else:
        text_starts, text_ends = np.arange(len(text)), np.arange(1, len(text) + 1)
    processed = preprocess(text)
    lengths = _piece_lengths(text, processed, preprocess)
    ends = np.arange(1, len(text) + 1)
    for position in np.flatnonzero(lengths[1:] == 0)[::-1]:  # position of the character before
        if unicodedata.combining(text[position + 1]):
            ends[position] = ends[position + 1]  # a dropped accent belongs to its letter
    starts = np.repeat(text_starts, lengths)
    return processed, starts, np.repeat(text_ends[ends - 1], lengths)


def _piece_lengths(text, processed, preprocess):
    """Count the characters that each character of the text becomes."""
    if text.isascii():
        return np.ones(len(text), dtype=np.int64)
    sizes = {character: len(preprocess(character)) for character in set(text)}
    lengths = np.fromiter(map(sizes.__getitem__, text), dtype=np.int64, count=len(text))
    if lengths.sum() != len(processed):
        raise ValueError(f"Cannot align the preprocessed text with the original {text[:40]!r}.")
    return lengths


def word_spans(processed, starts, ends, pattern, seen=None):
    """List (token, (start, end)) for what the pattern finds in `processed`, or where it finds
    it in `seen`, a text of the same length."""
    group = min(pattern.groups, 1)
    found = []
    for match in pattern.finditer(processed if seen is None else seen):
        first, stop = match.span(group)
        if first < 0:  # an optional group without a part in the match counts as an empty token
            first = stop = match.start()
        found.append((processed[first:stop], _original_span(starts, ends, first, stop)))
    return found


def _original_span(starts, ends, first, stop):
    """Translate a span of the preprocessed text; an empty one has a place but no width."""
    if first < stop:
        return int(starts[first]), int(ends[stop - 1])
    place = int(starts[first]) if first < len(starts) else int(ends[-1]) if len(ends) else 0
    return place, place


def collapse_spaces(processed, starts, ends):
    """List the span of each character after runs of white space became one space."""
    matches = re.finditer(r"\s\s+|.", processed, re.DOTALL)
    return [(int(starts[m.start()]), int(ends[m.end() - 1])) for m in matches]
