"""The demo's command line: ``python -m skattn`` (what it then does is in ``_run.py``)."""

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from skattn import __version__
from skattn.demo import _tables as data
from skattn.demo._screen import Screen


def main(argv: list[str] | None = None) -> int:
    """Run the demo and return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        The command line without the program's name; None means ``sys.argv``.

    Returns
    -------
    status : int
        0; 1 if the saved and loaded classifier predicts something else; 2 if the input cannot be
        used (one line on stderr says why); 130 after Ctrl-C.

    Examples
    --------
    >>> from skattn.demo._command_line import main
    >>> main(["--data", "no-such-file.csv"])
    2
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a pound sign must not end the demo
    try:
        options = _parse(argv)
        _check_folder(options.output)
        corpus = data.load_corpus(
            options.data, options.text, options.label, options.encoding, options.max_rows
        )
        screen = Screen(Console(highlight=False))
        screen.show_corpus(corpus)
        with screen.step("Starting TensorFlow"), _native_messages_hidden():
            from skattn.demo import _run

            _run.start_tensorflow()
        return _run.run(corpus, options.output, screen, options.pretrained)
    except data.DemoError as error:
        print("skattn:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skattn: stopped", file=sys.stderr)
        return 130


class _OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the rest of the demo does."""

    def error(self, message):
        raise data.DemoError(f"{message} (python -m skattn --help lists the options)")


def _parse(argv):
    """The command line -> options."""
    parser = _OneLineParser(
        prog="python -m skattn",
        description="Train a text classifier, compare it with TF-IDF and a linear SVM, and see the "
        "words for and against each prediction. Without --data: 2127 BBC news articles.",
    )
    parser.add_argument("--data", metavar="FILE", help="a CSV or TSV file with a header, or .gz")
    parser.add_argument("--text", metavar="COLUMN", default="text", help="default: text")
    parser.add_argument("--label", metavar="COLUMN", default="label", help="default: label")
    parser.add_argument("--encoding", metavar="NAME", help="the file's encoding; default: UTF-8")
    parser.add_argument(
        "--max-rows",
        metavar="N",
        type=_positive_int,
        default=5000,
        help="work on a sample of N rows if the file has more; default: 5000",
    )
    parser.add_argument(
        "--output", metavar="FOLDER", default=".", help="where the two files go; default: here"
    )
    parser.add_argument(
        "--pretrained",
        metavar="MODEL",
        help="compare with a classifier that begins with this pretrained transformer: a folder in "
        "Hugging Face's layout, or a name on its hub, as owner/name",
    )
    parser.add_argument("--version", action="version", version=f"skattn {__version__}")
    return parser.parse_args(argv)


def _positive_int(text):
    """For argparse: its error names the option."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _check_folder(folder):
    """Learn now, not after the training, that the results cannot be written."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise data.DemoError(f"cannot write to the folder {folder}: {reason}") from None
    for name in (data.PIPELINE_FILE, data.PAGE_FILE):
        if (Path(folder) / name).is_dir():
            raise data.DemoError(f"cannot write the file {name} to {folder}: a folder has its name")


@contextlib.contextmanager
def _native_messages_hidden():
    """Keep what C++ code writes to file descriptor 2 off the screen; show it if the block fails."""
    try:
        screen = os.dup(2)
    except OSError:  # no stderr to keep clean
        yield
        return
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(screen, 2)
            hidden.seek(0)
            os.write(2, hidden.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
