"""Subword tokens of a ``tokenizers.Tokenizer``, with their exact places in the text."""

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def is_subword_tokenizer(analyzer):
    """Tell a ``tokenizers.Tokenizer`` by what it can do, without importing its package."""
    return not callable(analyzer) and hasattr(analyzer, "encode") and hasattr(analyzer, "to_str")


def check_subword_tokenizer(analyzer):
    """Refuse a tokenizer that pads or cuts the texts itself."""
    for name in ("padding", "truncation"):
        if getattr(analyzer, name, None) is not None:
            raise ValueError(
                f"The analyzer has its own {name} enabled, which SequenceVectorizer does itself; "
                f"call analyzer.no_{name}() first."
            )


def build_subwords(analyzer):
    """Return the function text -> list of subword tokens."""
    return lambda text: _encode(analyzer, text).tokens


def build_subword_spans(analyzer):
    """Return the function text -> list of (start, end), one pair for each subword token."""
    return lambda text: [_trimmed(text, *span) for span in _encode(analyzer, text).offsets]


def _trimmed(text, start, end):
    """A span without the white space at its ends, which some tokenizers count in."""
    token = text[start:end]
    kept = token.strip()
    first = start + len(token) - len(token.lstrip()) if kept else start
    return first, first + len(kept) if kept else end


def _encode(analyzer, text):
    """Encode a text; a lone surrogate, which the package refuses, counts as U+FFFD."""
    return analyzer.encode(_LONE_SURROGATE.sub("\ufffd", text), add_special_tokens=False)


def subword_tokenizer_from_json(json_text):
    """Rebuild a tokenizer from its own JSON, which holds data and no code."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ImportError(
            "This SequenceVectorizer has a subword analyzer: install the package tokenizers "
            "to load it (pip install 'skattn[tokenizers]')."
        ) from error
    return Tokenizer.from_str(json_text)
