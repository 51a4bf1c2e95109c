"""Files are written whole or not at all."""

import errno
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import skattn
from skattn import AttentionDisplay, GatedDenseClassifier, TextExplanation, export_onnx
from skattn.utils._files import replacing


def write(path, content=b"new"):
    with replacing(path) as file:
        file.write(content)


def save_page(path):
    explanation = TextExplanation(
        text="good film",
        tokens=["good", "film"],
        spans=np.array([[0, 4], [5, 9]]),
        weights=np.array([0.2, 0.8]),
        classes=np.array(["film", "sport"]),
        probabilities=np.array([0.9, 0.1]),
        prediction="film",
    )
    AttentionDisplay([explanation]).save_html(path)


def save_onnx(path):
    pytest.importorskip("onnx")
    export_onnx(GatedDenseClassifier(units=2, epochs=1).fit(np.eye(4), [0, 1, 0, 1]), path)


@pytest.mark.parametrize("save", [write, save_page, save_onnx])
@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(save, broken, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, fail)
        with pytest.raises(OSError, match=rf"No space left.*{path}"):
            save(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    save(path)
    assert path.read_bytes() != b"old"


def test_an_interruption_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write(path, b"old")

    def interrupted():
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="modes and links as on Unix")
def test_modes_links_and_pipes_stay_what_they_are(tmp_path):
    path, link, plain = tmp_path / "file", tmp_path / "link", tmp_path / "plain"
    write(path)
    plain.write_bytes(b"")
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    link.symlink_to(path)
    write(link, b"through the link")
    assert link.is_symlink()
    assert path.read_bytes() == b"through the link"
    assert path.stat().st_mode & 0o777 == 0o640
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write(tmp_path / "pipe", b"through the pipe")
    reader.join(10)
    assert read == [b"through the pipe"]


def test_nothing_is_written_in_another_way():
    ways = re.compile(r"write_text|write_bytes|mkstemp|\bopen\([^)]*[\"'][wax]b?\+?[\"']")
    package = Path(skattn.__file__).parent
    writers = [p.name for p in package.rglob("*.py") if ways.search(p.read_text(encoding="utf-8"))]
    assert writers == ["_files.py"]
