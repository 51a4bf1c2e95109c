"""Run the contract tests on other versions of our dependencies, and write what came out.

    python tests/versions.py [--folder DIR] [NAME ...]

makes one virtual environment a name ("lowest", "scikit-learn 1.7", ...; all without names), runs
`TESTS` in it and writes `docs/versions.rst`. Needs a network, 3 GB a name, and ten minutes a name.
"""

import argparse
import datetime
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "versions.rst"
TESTS = [
    "test_contract.py",
    "utils/test_targets.py",
    "estimators/test_token_ids.py",
    "estimators/test_skops.py",
    "fitting/test_interruption.py",
]
TOOLS = ["pytest>=8.0", "hypothesis>=6.100", "pandas>=2.1", "polars>=1.0"]
SHOWN = ["scikit-learn", "tensorflow", "keras", "scikeras", "numpy", "scipy", "joblib", "skops"]
HEADER = """Tested versions
===============

skattn is tested with the following combinations of dependencies. The tests cover scikit-learn's
estimator checks, input validation, saved files and interrupted fits. To repeat them, run
``python tests/versions.py``. This table is from {date}, with Python {python}.

The row "lowest" uses the lowest versions that ``pyproject.toml`` allows, including those of the
extra ``skops``. No other extras are installed.

.. list-table::
   :header-rows: 1

"""


def requirements():
    """Our dependencies and those of the extra "skops", as in pyproject.toml."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["skops"]]


def matrix():
    """What to install beside the package, by name."""
    lowest = [requirement.replace(">=", "==") for requirement in requirements()]
    newest = {
        f"scikit-learn {minor}": [*requirements(), f"scikit-learn=={minor}.*"]
        for minor in ("1.7", "1.8", "1.9")
    }
    return {"lowest": lowest} | newest


def run(name, installed, folder):
    """Install, test, and give the versions found, the tests' last line, and whether all passed."""
    home = folder / re.sub(r"\W+", "-", name)
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", *TOOLS, *installed]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, f"cannot be installed: {done.stderr.strip().splitlines()[-1]}", False
    tests = [str(PROJECT / "tests" / test) for test in TESTS]
    # warnings of old versions about each other are not ours: they are shown, not errors
    command = [python, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    print(done.stdout[-4000:])
    freeze = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    versions = dict(line.lower().split("==") for line in freeze.stdout.split() if "==" in line)
    last_line = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]
    return versions, re.sub(r" in [0-9.]+s.*", "", last_line), done.returncode == 0


def write(results):
    """The page with one row a name."""
    rows = [["", *SHOWN, "result"]]
    for name, (versions, result, _) in results.items():
        rows.append([name, *(versions.get(package, "") for package in SHOWN), result])
    table = "".join("   * - " + "\n     - ".join(row) + "\n" for row in rows)
    header = HEADER.format(date=datetime.date.today(), python=platform.python_version())
    PAGE.write_text(header + table, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=", ".join(matrix()))
    parser.add_argument("--folder", type=Path, help="for the environments; None: a temporary one")
    options = parser.parse_args()
    chosen = {n: i for n, i in matrix().items() if not options.names or n in options.names}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        results = {name: run(name, installed, folder) for name, installed in chosen.items()}
    write(results)
    print(PAGE.read_text())
    return 0 if all(passed for *_, passed in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
