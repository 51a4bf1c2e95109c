"""The FastAPI service of the user guide, run by uvicorn and asked by several clients at once."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from skattn import TextClassifier
from skattn.serving import export

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("fastapi", reason="FastAPI is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = PROJECT / "docs" / "user_guide"
TEXTS = ["a good film", "a bad film", "good story", "bad story"] * 5
LABELS = ["pos", "neg", "pos", "neg"] * 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(folder, *options):
    """The service on a port of this machine; its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), *options]
    settings = {"CLASSIFIER": str(folder), "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(command, cwd=GUIDE, env=os.environ | settings)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            assert process.poll() is None, "the service has ended"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/docs", timeout=5).close()
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def ask(address, texts):
    body = json.dumps({"texts": texts}).encode()
    request = urllib.request.Request(
        f"{address}/predict", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(epochs=2, random_state=0).fit(TEXTS, LABELS)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two processes"])
def test_the_service_answers_several_clients_at_once(options, fitted, tmp_path):
    export(fitted, tmp_path)
    questions = [TEXTS[start::8] for start in range(8)] * 4
    with running(tmp_path, *options) as address, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda texts: ask(address, texts), questions))
        with pytest.raises(urllib.error.HTTPError, match="422"):
            ask(address, [])
    for texts, answer in zip(questions, answers, strict=True):
        assert answer["labels"] == fitted.predict(texts).tolist()
        expected = fitted.predict_proba(texts)
        np.testing.assert_allclose(answer["probabilities"], expected, rtol=0, atol=1e-5)
    assert answers[:8] * 4 == answers  # the same bits, whatever else was asked meanwhile
