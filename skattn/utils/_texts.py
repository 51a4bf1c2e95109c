"""Check raw texts: one column of strings in any common container, or a clear error."""

import numpy as np


def as_texts(X):
    """Give the texts of `X` as a list, or as the iterator that `X` is; rows are checked later."""
    if isinstance(X, (str, bytes)):
        raise ValueError(
            "Expected an iterable over texts, got one bare string; wrap it in a list: [text]."
        )
    if isinstance(X, (set, frozenset)):
        raise ValueError(
            "Expected texts in an order, got a set, whose order is arbitrary; give a list."
        )
    if np.ma.is_masked(X):
        raise ValueError("Some texts are masked. Leave them out: X.compressed().")
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple):
        return _one_column(X, shape)
    if hasattr(X, "to_pylist"):  # an Arrow array or chunked array
        return X.to_pylist()
    if isinstance(X, dict) or not hasattr(X, "__iter__"):
        raise ValueError(
            "Expected a list, a one-dimensional array or a column of texts, "
            f"got {type(X).__name__}."
        )
    return X


def _one_column(X, shape):
    """Turn an array, a Series or a frame with one column into a list."""
    if hasattr(X, "tocsr"):
        raise ValueError(
            f"Expected one column of texts, got a sparse matrix of shape {shape}. Pass the texts "
            "themselves: no vectorizer is needed before."
        )
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
        names = [name for name in getattr(X, "columns", ()) if isinstance(name, str)]
        if len(set(names)) == 1 and len(names) == shape[1]:
            raise ValueError(f"The frame has {len(names)} columns named {names[0]!r}: rename them.")
        raise ValueError(
            f"Expected one column of texts, got {type(X).__name__} of shape {shape}; "
            "select one column, for example with a ColumnTransformer and the column's name, or "
            "name the text columns by TextClassifier(columns=[...])."
        )
    if len(shape) == 2:
        values = X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X)
        return values[:, 0].tolist()
    return X.to_list() if hasattr(X, "to_list") else np.asarray(X).tolist()


def checked_texts(texts):
    """Yield the texts one by one; a row that is not a string is an error that names it."""
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(_complaint(row, text))
        yield text


def text_list(X):
    """Give the texts of `X` as a list of plain str; missing ones are counted and named."""
    texts = list(as_texts(X))
    missing = [row for row, text in enumerate(texts) if is_missing(text)]
    if missing:
        rows = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{len(missing)} of {len(texts)} texts are missing, in the rows {rows} (counting from "
            "0). Leave them out, or replace them by an empty string: in pandas by "
            'column.fillna(""), in polars by column.fill_null("").'
        )
    return [str(text) for text in checked_texts(texts)]


def is_missing(value):
    """Tell None, NaN of any kind and the missing values of pandas from texts and labels."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return getattr(value, "ndim", 0) == 0 and bool(value != value)


def _complaint(row, value):
    """Say which row holds what instead of a text, and what to do."""
    kind = type(value).__name__
    if isinstance(value, (bytes, bytearray)):
        remedy = "decode it first, for example with value.decode('utf-8')"
    elif isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        remedy = 'join its words first, for example with " ".join(words)'
    elif isinstance(value, (int, float)) and not is_missing(value):
        remedy = (
            "convert it first, for example with str(value); numbers beside texts are better scaled "
            "and given to a model as features of their own"
        )
    elif is_missing(value):
        remedy = "replace missing texts first, for example by an empty string"
    else:
        remedy = "convert it first, for example with str(value)"
    return f"Row {row} (counting from 0) is not a text but {_shown(value)} ({kind}); {remedy}."


def _shown(value, limit=40):
    """Shorten the representation of a foreign object."""
    shown = repr(value)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."
