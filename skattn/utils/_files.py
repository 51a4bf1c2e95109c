"""Write files whole: a full disk or a killed process leaves the old file as it was."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """Give a file to write bytes into, which takes the place of `path` in one step at the end.

    A reader sees the old file or the new one, and after an error the old one stays. The new file
    lies beside the old one until then, so that the folder must be writable.

    Parameters
    ----------
    path : str or os.PathLike
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    if path.exists() and not path.is_file():  # a pipe, a terminal: nothing is there to keep
        with path.open("wb") as file:
            yield file
        return
    temporary = _beside(path)
    try:
        with temporary.open("xb") as file:
            yield file
            _sync(file)
        _take_place(temporary, path)
    except BaseException as error:
        _remove(temporary)
        _name_path(path, error)
        raise


def replace_all(contents):
    """Write several files that belong together: all are on the disk before the first is replaced.

    Parameters
    ----------
    contents : dict of Path to bytes
        In the order in which the files are replaced.
    """
    temporaries, name = {}, None
    try:
        for name, content in contents.items():
            path = Path(os.path.realpath(name))  # a link stays a link
            temporaries[path] = _beside(path)
            with temporaries[path].open("xb") as file:
                file.write(content)
                _sync(file)
        for path, temporary in temporaries.items():
            _take_place(temporary, path)
    except BaseException as error:
        for temporary in temporaries.values():
            _remove(temporary)
        _name_path(name, error)
        raise


def _name_path(path, error):
    """Add the path to an error that names none, as that of a full disk."""
    if isinstance(error, OSError) and error.errno and error.filename is None:
        error.filename = str(path)


def _beside(path):
    """A new name in the folder of a file."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist. Make it first.")
    return path.with_name(f".unfinished-{secrets.token_hex(8)}")


def _sync(file):
    """Bring to the disk what was written; a full disk is an error here."""
    file.flush()
    os.fsync(file.fileno())


def _take_place(temporary, path):
    if path.exists():
        shutil.copymode(path, temporary)
    os.replace(temporary, path)
    _sync_folder(path.parent)


def _remove(temporary):
    with contextlib.suppress(OSError):
        temporary.unlink()


def _sync_folder(folder):
    """Make a new name in a folder last through a power cut, where the system can."""
    with contextlib.suppress(OSError):  # not on every system
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
