"""The text columns of a frame, joined into one text a row."""

import numpy as np

from skattn.utils._optional import import_pandas
from skattn.utils._texts import text_list

NAMES_ARE_TEXTS = (
    "Names of columns must be strings: rename them, in pandas by X.columns = [str(name) for name "
    "in X.columns]."
)


def texts_of_columns(X, columns):
    """One text a row of a frame: the texts of its columns, a line for each.

    Parameters
    ----------
    X : pandas, polars or Arrow frame
    columns : sequence of str

    Returns
    -------
    texts : list of str
    """
    parts = _columns(X, columns)
    return ["\n".join(row) for row in zip(*parts, strict=True)]


def spans_of_columns(X, columns):
    """Where the text of each column lies in each joined text.

    Returns
    -------
    spans : list of dict of str to (int, int)
    """
    parts = _columns(X, columns)
    spans = []
    for row in zip(*parts, strict=True):
        starts = np.cumsum([0, *(len(text) + 1 for text in row)]).tolist()
        ends = [start + len(text) for start, text in zip(starts, row, strict=False)]
        spans.append(dict(zip(columns, zip(starts, ends, strict=False), strict=True)))
    return spans


def frame_of(X, columns):
    """A pandas frame of some of the columns in a dict, by position.

    Parameters
    ----------
    X : dict of str to column of texts
    columns : sequence of str
    """
    pandas = import_pandas("Explaining a dict of columns")
    parts = [text_column(pandas, part) for part in _columns(X, columns)]
    return pandas.DataFrame(dict(zip(columns, parts, strict=True)))


def text_column(pandas, texts):
    """A Series of texts, of dtype object if they hold what Arrow cannot: lone surrogates.

    Parameters
    ----------
    pandas : module
    texts : list of str
    """
    try:
        return pandas.Series(texts)
    except UnicodeEncodeError:
        return pandas.Series(texts, dtype=object)


def _columns(X, columns):
    """The texts of each column."""
    if hasattr(X, "collect_schema") and not hasattr(X, "to_dict"):
        raise ValueError("X is a lazy frame of polars: collect it first, X.collect().")
    parts = [_column(X, name) for name in columns]
    lengths = dict(zip(columns, map(len, parts), strict=True))
    if len(set(lengths.values())) > 1:
        raise ValueError(f"The columns of X differ in length: {lengths}.")
    return parts


def _column(X, name):
    names = X if isinstance(X, dict) else getattr(X, "columns", None)
    if hasattr(X, "column_names") and not hasattr(X, "iloc"):  # an Arrow table
        names = X.column_names
    if names is None or getattr(X, "ndim", 2) != 2:
        raise ValueError(
            f"The text column {name!r} was asked for, but X is no frame with named columns: "
            f"got {type(X).__name__}. Pass a pandas, polars or Arrow frame, or a dict of columns."
        )
    if name not in list(names):
        names = list(names)
        hint = f" {NAMES_ARE_TEXTS}" if name in map(str, names) else ""
        raise ValueError(f"X has no column {name!r}; it has {names}.{hint}")
    try:
        return text_list(X[name])
    except ValueError as error:
        raise ValueError(f"Column {name!r}: {error}") from error
