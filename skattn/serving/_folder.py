"""The folder of a served classifier: plain files, and a list of what belongs together."""

import hashlib
import io
import json

import numpy as np

from skattn.utils._files import replace_all

FORMAT = 1  # raise it when older versions of the package cannot read what this one writes
SETTINGS = "settings.json"
_ANEW = "Export the classifier again, to a new folder."
_NAMES = ("model.onnx", "tokenizer.json", "words.npz", "linear.npz")


def write_folder(folder, settings, files):
    """Write all files under temporary names, then give them theirs, the settings last.

    Parameters
    ----------
    folder : Path
        Made if it is not there. An earlier export in it is replaced; other files stay.
    settings : dict
        Plain values.
    files : dict of str to bytes, str or dict of arrays

    Raises
    ------
    FileExistsError
        If a file of another origin has the name of one of ours.
    """
    earlier = _names_of_export(folder)
    if taken := sorted(name for name in {*files, SETTINGS} - earlier if (folder / name).exists()):
        raise FileExistsError(
            f"{str(folder)!r} has a {taken[0]} that is not of an earlier export. Export to another "
            "folder."
        )
    contents = {name: _as_bytes(content) for name, content in files.items()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    settings = {"format": FORMAT, **settings, "files": sums}
    settings["checksum"] = _checksum(settings)
    contents[SETTINGS] = (json.dumps(settings, indent=1) + "\n").encode("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    replace_all({folder / name: content for name, content in contents.items()})
    for name in earlier - set(contents):
        (folder / name).unlink(missing_ok=True)


def _names_of_export(folder):
    """The names of the files that an earlier export may have left in a folder."""
    try:
        found = json.loads((folder / SETTINGS).read_bytes())
        known, files = {"format", "checksum"} <= found.keys(), set(found["files"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return set()  # no settings, or those of something else: nothing of it is touched
    return {SETTINGS, *files.intersection(_NAMES)} if known else set()


def _checksum(settings):
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def read_folder(folder):
    """The settings and the files of a folder, the network as a path.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or a file of it is missing.
    ValueError
        If a newer version wrote it, or if its files do not belong together.
    """
    try:
        text = (folder / SETTINGS).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"{str(folder)!r} has no {SETTINGS}: it is no folder that skattn.serving.export wrote."
        ) from error
    try:
        settings = json.loads(text)
        found = settings["format"]
        names = settings["files"]
        checksum = settings.pop("checksum", None)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{folder / SETTINGS} is damaged ({error!r}). {_ANEW}") from error
    if found != FORMAT:
        raise ValueError(
            f"{str(folder)!r} was written by another version of skattn (format {found}, this one "
            f"reads {FORMAT}). Use the same version to export and to serve."
        )
    if checksum != _checksum(settings):
        raise ValueError(f"{folder / SETTINGS} is damaged: it was changed. {_ANEW}")
    return settings, {name: _read(folder, name, names[name]) for name in names if name in _NAMES}


def _read(folder, name, checksum):
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder / name} is missing. {_ANEW}")
    with open(folder / name, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checksum:
        raise ValueError(
            f"{folder / name} is not the file that {SETTINGS} names: it is damaged, or of another "
            "export. Export the classifier again."
        )
    if name.endswith(".npz"):
        with np.load(folder / name, allow_pickle=False) as arrays:
            return dict(arrays)
    if name.endswith(".json"):
        return (folder / name).read_text(encoding="utf-8")
    return folder / name  # ONNX Runtime reads it with less memory than its content


def _as_bytes(content):
    if isinstance(content, dict):
        file = io.BytesIO()
        np.savez(file, **content)
        return file.getvalue()
    return content.encode("utf-8") if isinstance(content, str) else content
