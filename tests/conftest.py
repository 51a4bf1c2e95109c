"""Small data and a fresh interpreter for the tests that need one."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from skattn.fitting._network_pool import POOL

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# the machine may be busy, and the same examples fail or pass everywhere
settings.register_profile("skattn", deadline=None, derandomize=True)
settings.load_profile("skattn")

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def pytest_configure(config):
    """Let pytest-xdist keep the order of the files, instead of those with most tests first."""
    config.option.loadscopereorder = False


@pytest.fixture(autouse=True, scope="module")
def no_idle_workers():
    """End joblib's workers after each file.

    They end by themselves after 300 idle seconds, and a call that begins at that very moment may
    wait for them for ever.
    """
    yield
    if (loky := sys.modules.get("joblib.externals.loky")) is not None:
        loky.get_reusable_executor().shutdown(wait=True)


def pytest_collection_modifyitems(items):
    """Begin with the file that takes longest, so that no process works on it alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_workers.py")


@pytest.fixture(scope="module")
def graphs_as_traced():
    """For modules with many small fits: to optimize their graphs would take a third of the time.

    Not for those that compare bits with another process.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    POOL.clear()


@pytest.fixture(scope="session")
def texts_as_ids():
    """60 texts of 1 to 8 tokens, right-padded, and whether a text begins with an even id."""
    rng = np.random.default_rng(0)
    X = rng.integers(2, 30, size=(60, 8), dtype=np.int32)
    X[np.arange(8) >= rng.integers(1, 9, size=60)[:, None]] = 0
    return X, np.where(X[:, 0] % 2 == 0, "even", "odd")


@pytest.fixture(scope="session")
def dense_rows():
    """90 rows of 5 features in three classes that two features tell apart."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, 5)).astype(np.float32)
    y = np.arange(90) % 3
    X[:, 0] += 3 * (y == 1)
    X[:, 1] += 3 * (y == 2)
    return X, y


@pytest.fixture
def benchmarks(monkeypatch):
    """The folder of the benchmarks, whose modules can be imported in this test."""
    folder = PROJECT / "benchmarks"
    if not folder.exists():
        pytest.skip("the source distribution has no benchmarks")
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture(scope="session")
def run_python_in():
    """Run code in another process, in a folder; the completed process with its output."""

    def run(folder, code, *arguments):
        paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        process = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            timeout=300,
        )
        assert process.returncode == 0, process.stderr
        return process

    return run


@pytest.fixture
def run_python(tmp_path, run_python_in):
    """Run code in another process, in an empty folder; the completed process with its output."""
    return functools.partial(run_python_in, tmp_path)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium without a window; tests that want it are skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    driver_program = shutil.which("chromedriver")
    if program is None or driver_program is None:
        pytest.skip("no Chromium with chromedriver on this machine: no page was tried out")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in [*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver_program)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()
