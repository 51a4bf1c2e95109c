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
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist. Make it first.")
    temporary = path.with_name(f".unfinished-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder):
    """Make a new name in a folder last through a power cut, where the system can."""
    with contextlib.suppress(OSError):  # not on every system
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
