"""What scripts other than Latin need: accents in one form, marks that belong to letters, scripts
without spaces.

Python's ``\\w`` matches no combining mark, so that the vowel signs of Hindi, the tones of Thai or a
decomposed accent would end a word.
"""

import re
import unicodedata
from functools import cache

import numpy as np

_LETTER = "\uffdc"  # stands for a mark while a pattern is matched; no text holds it
_JOINERS = "\u200c\u200d"  # within words of Persian and of Indian languages
_JAMO = "\u1161-\u1175\u11a8-\u11c2"  # the second and third part of a Korean syllable

_EAST_ASIAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f"  # Chinese, kana
_SOUTH_EAST_ASIAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
_OF_UNSPACED = _EAST_ASIAN + _SOUTH_EAST_ASIAN
# Scripts that put no spaces between words, with the mean length beyond which tokens are phrases.
_UNSPACED = {re.compile(f"[{_EAST_ASIAN}]"): 4, re.compile(f"[{_SOUTH_EAST_ASIAN}]"): 10}
_ENOUGH = 2000  # different words, to tell a script by
UNSPACED_HINT = (
    "they are in a script without spaces between words, so that each token is a whole phrase: set "
    "analyzer='char' and ngram_range=(1, 2), or give a tokenizer that finds words"
)


@cache
def _marks():
    """The combining marks as the inside of a character class."""
    candidates = [*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)]
    marks = [c for c in candidates if unicodedata.category(chr(c)).startswith("M")]
    breaks = [i for i in range(1, len(marks)) if marks[i] != marks[i - 1] + 1]
    runs = np.split(np.array(marks), breaks)
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


@cache
def _marks_in_words():
    return re.compile(rf"(?<=\w)(?:[{_marks()}]|[{_JOINERS}](?=\w))+")


@cache
def _words_and_signs():
    return re.compile(rf"[{_OF_UNSPACED}]{_LETTER}*|(?:(?![{_OF_UNSPACED}])\w)+|[^\w\s]")


@cache
def _clusters():
    return re.compile(rf".[{_marks()}{_JAMO}]*", re.DOTALL)


def marks_as_letters(text):
    """The text with a letter in the place of each mark within a word; as long as before."""
    if text.isascii():
        return text
    return _marks_in_words().sub(lambda match: _LETTER * len(match[0]), text)


def words_and_signs(text):
    """Spans of the words and signs of a text; of the letters in scripts without spaces.

    Returns
    -------
    spans : list of (int, int)
    """
    return [match.span() for match in _words_and_signs().finditer(marks_as_letters(text))]


def letters_with_marks(text):
    """Spans of the characters of a text, each with the combining marks after it.

    Returns
    -------
    spans : list of (int, int)
    """
    return [match.span() for match in _clusters().finditer(text)]


def compose(text):
    """The text with composed accents: "e" and an accent become "é"."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def compose_words(words):
    """Words as composed texts have them; one whose form another word has already stays as it is."""
    taken, composed = set(words), []
    for word in words:
        new = compose(word)
        word = word if new in taken else new
        taken.add(word)
        composed.append(word)
    return composed


def align_composed(text):
    """`compose`, and where each character stood.

    Returns
    -------
    composed : str
    starts, ends : int arrays of shape (len(composed),)
    """
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        places = np.arange(len(text) + 1)
        return text, places[:-1], places[1:]
    clusters = _clusters().findall(text)
    composed = [unicodedata.normalize("NFC", cluster) for cluster in clusters]
    starts, ends, place = [], [], 0
    for cluster, new in zip(clusters, composed, strict=True):
        if cluster == new:
            starts += range(place, place + len(new))
            ends += range(place + 1, place + len(new) + 1)
        else:
            starts += [place] * len(new)
            ends += [place + len(cluster)] * len(new)
        place += len(cluster)
    return "".join(composed), np.array(starts, dtype=int), np.array(ends, dtype=int)


def are_phrases(words, occurrences):
    """Whether most tokens are whole phrases of a script without spaces.

    Parameters
    ----------
    words : list of str
    occurrences : int array of shape (n_words,)
    """
    words, occurrences = words[:_ENOUGH], occurrences[:_ENOUGH]
    for script, longest in _UNSPACED.items():
        n_letters = np.array([len(script.findall(word)) for word in words])
        of_script = 2 * n_letters > [len(word) for word in words]
        n_tokens = occurrences[of_script].sum()
        if n_tokens and n_tokens > occurrences.sum() / 2:
            lengths = np.array([len(word) for word in words])
            return (lengths * occurrences)[of_script].sum() / n_tokens > longest
    return False
