"""Characters that are seen as one but read as several tokens: emoji and flags."""

import re
import unicodedata

import numpy as np

_JOINER = "\u200d"
# joiner, variation selectors, keycap, skin tones, tags
_ATTACHED = re.compile(f"[{_JOINER}\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]+")
_LETTER_OF_A_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")


def first_tokens(text, spans):
    """Numbers of the tokens that begin a visible unit.

    An emoji may consist of several emoji, joiners and a skin tone, and a flag of two letters.

    Parameters
    ----------
    text : str
    spans : int array of shape (n_tokens, 2)
        In reading order.

    Returns
    -------
    places : int array, or None if each token is seen by itself
    """
    if not (_ATTACHED.search(text) or _LETTER_OF_A_FLAG.search(text)):
        return None
    begins = np.ones(len(spans), dtype=bool)
    for place in range(1, len(spans)):
        (_, before), (start, end) = spans[place - 1], spans[place]
        if before == start:
            begins[place] = not _belongs(text, start, text[start:end], begins[place - 1])
    return None if begins.all() else np.flatnonzero(begins)


def merged(spans, places):
    """Merge the spans from each place up to the next."""
    return np.stack([spans[places, 0], spans[np.r_[places[1:], len(spans)] - 1, 1]], axis=1)


def _belongs(text, start, token, is_first):
    """Whether a token belongs to the one right before it; `is_first`: that one begins a unit."""
    if _ATTACHED.fullmatch(token):
        return True
    if _LETTER_OF_A_FLAG.fullmatch(token):
        return bool(is_first and _LETTER_OF_A_FLAG.fullmatch(text[start - 1]))
    if text[start - 1] != _JOINER or token[:1].isalnum():
        return False
    base = re.sub(f"{_ATTACHED.pattern}$", "", text[max(0, start - 20) : start])[-1:]
    return bool(base) and unicodedata.category(base)[0] in "PS"  # not a letter, which joins others
