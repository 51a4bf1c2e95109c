"""Marks for capital letters, which lower-casing would lose; pure functions.

The idea of a token of its own ahead of a word that is written in capitals is that of J. Howard and
S. Gugger, "fastai: A layered API for deep learning", 2020, section 4.4 (there for every such word).
"""

import re

import numpy as np

CAPITALIZED, UPPER = "\u21e7", "\u21ea"  # as on the keys Shift and Caps Lock
_CANDIDATE = re.compile(r"(?<!\w)(?:[A-Z]|[^\W\d_\x00-\x7f])\w+")  # maybe with a capital
_SENTENCE_END = ".!?\n"


def lower_with_marks(text):
    """Lower-case a text, with a mark and a space ahead of words whose capitals tell something.

    Those are the words of two letters or more that are capitals throughout ("⇪"), and those with a
    capital to begin with that do not begin the text or a sentence ("⇧").

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> from skattn._capitals import lower_with_marks
    >>> lower_with_marks("Call me, Ann. It is URGENT!")
    'call me, ⇧ ann. it is ⇪ urgent!'
    """
    return with_marks(text).lower()


def with_marks(text):
    """Put the marks into a text and leave its letters as they are."""
    pieces, done = [], 0
    for start, _, mark in _marked_words(text):
        pieces += [text[done:start], mark, " "]
        done = start
    return "".join([*pieces, text[done:]])


def with_marks_and_origins(text):
    """Put the marks in, and say where every character stood.

    Returns
    -------
    marked : str
    starts, ends : int arrays of shape (len(marked),)
        Character ``marked[i]`` comes from ``text[starts[i]:ends[i]]``: a mark from its whole word,
        the space behind it from nothing.
    """
    starts, ends, done = [], [], 0
    for start, end, _ in _marked_words(text):
        starts += [*range(done, start), start, start]
        ends += [*range(done + 1, start + 1), end, start]
        done = start
    starts += range(done, len(text))
    ends += range(done + 1, len(text) + 1)
    return with_marks(text), np.array(starts, dtype=np.intp), np.array(ends, dtype=np.intp)


def _marked_words(text):
    """Iterate over (start, end, mark) of the words to mark."""
    for match in _CANDIDATE.finditer(text):
        word, (start, end) = match.group(), match.span()
        if not word[0].isupper():
            continue
        if word.isupper():
            yield start, end, UPPER
        elif not _begins_sentence(text, start):
            yield start, end, CAPITALIZED


def _begins_sentence(text, start):
    """Tell whether the text, a line or the mark of a sentence's end lies before this word."""
    for place in range(start - 1, -1, -1):
        character = text[place]
        if character in _SENTENCE_END:
            return True
        if character.isalnum() or character == "_":  # the word before
            return False
    return True
