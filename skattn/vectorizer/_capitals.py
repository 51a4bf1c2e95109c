"""Marks for capital letters, which lower-casing would lose; pure functions.

The idea of a token of its own ahead of words with capitals is that of J. Howard and S. Gugger,
"fastai: A layered API for deep learning", 2020; there each such word has one.
"""

import re

import numpy as np

CAPITALIZED, UPPER = "\u21e7", "\u21ea"  # as on the keys Shift and Caps Lock
MARKS = {CAPITALIZED, UPPER}
_WORD = r"[\w\u0300-\u036f]"  # with accents that are characters of their own
_CANDIDATE = re.compile(  # stands between spaces, and its first word may begin with a capital
    rf"(?<!\S)[^\w\s]*(?P<word>(?:[A-Z]|[^\W\d_\x00-\x7f]){_WORD}*)(?P<rest>\S*)"
)
_TRAIL = re.compile(rf".*{_WORD}", re.DOTALL)


def lower_with_marks(text):
    """Lower-case a text, with a mark ahead of each run of words with capitals.

    The mark is "⇪" ahead of words that are capitals throughout and "⇧" ahead of words that begin
    with one. Words of one letter neither begin nor end a run. A mark stands between spaces, so
    that no word is cut and pairs of words within a run stay pairs.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> from skattn.vectorizer._capitals import lower_with_marks
    >>> lower_with_marks("We met Ann Lee. It is URGENT!")
    ' ⇧ we met  ⇧ ann lee. it is  ⇪ urgent!'
    """
    return with_marks(text).lower()


def with_marks(text):
    """Put the marks into a text and leave its letters as they are."""
    pieces, done = [], 0
    for place, _, mark in _marks(text):
        pieces += [text[done:place], " ", mark, " "]
        done = place
    return "".join([*pieces, text[done:]])


def with_marks_and_origins(text):
    """Put the marks in, and say where every character stood.

    Returns
    -------
    marked : str
    starts, ends : int arrays of shape (len(marked),)
        Character ``marked[i]`` comes from ``text[starts[i]:ends[i]]``: a mark from the first word
        of its run and the signs that it begins with, the spaces beside it from nothing.
    """
    starts, ends, done = [], [], 0
    for place, stop, _ in _marks(text):
        starts += [*range(done, place), place, place, place]
        ends += [*range(done + 1, place + 1), place, stop, place]
        done = place
    starts += range(done, len(text))
    ends += range(done + 1, len(text) + 1)
    return with_marks(text), np.array(starts, dtype=np.intp), np.array(ends, dtype=np.intp)


def _marks(text):
    """Iterate over (place, end of the word there, mark), one for each run."""
    last_mark, read = None, 0
    for match in _CANDIDATE.finditer(text):
        word = match["word"]
        if not word[0].isupper() or sum(map(str.isalpha, word)) < 2:
            continue
        mark = UPPER if word.isupper() else CAPITALIZED
        between = text[read : match.start()]
        if mark != last_mark or between != between.upper():  # a word without capitals
            yield match.start(), _end_of_word(match), mark
        last_mark, read = mark, match.end()


def _end_of_word(match):
    """Where the match ends but for signs."""
    inner = _TRAIL.match(match["rest"])
    return match.end("word") + (inner.end() if inner else 0)
