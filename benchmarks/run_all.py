"""Run every benchmark of speed, one after the other, and write the tables of the site.

    python benchmarks/run_all.py --data DIR --pretrained MODEL

The results go to a folder for this kind of machine, such as `results/avx512`. The tables are
written from them if it is the kind that the pages show (`SHOWN` in `report.py`). A script that
fails does not stop the others; its name is told at the end.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from _environment import kind_of_machine
from report import SHOWN

HERE = Path(__file__).parent
EXTRA = {
    "streaming": ["--texts", "300000"],  # memory is flat long before
    "pretrained": ["--rounds", "1"],  # of a minute each
}
NAMES = (
    "dense",
    "text",
    "fasttext",
    "predict",
    "pretrained",
    "serving",
    "recipe",
    "files",
    "import",
    "vectorizer",
    "memory",
    "streaming",
)


def run(script, *arguments):
    """Run a script of this folder; whether it ended well."""
    start = time.perf_counter()
    print(f"\n=== {script}", flush=True)
    status = subprocess.run([sys.executable, HERE / script, *arguments]).returncode
    print(f"=== {script}: status {status}, {time.perf_counter() - start:.0f} s", flush=True)
    return status == 0


def arguments_for(name, options):
    """Command line of one benchmark."""
    given = ["--output", str(options.results / f"{name}.json"), *EXTRA.get(name, ())]
    if options.data:
        given += ["--data", options.data]
    if options.pretrained and name in ("pretrained", "serving"):
        given += ["--pretrained", options.pretrained]
    return given + (["--quick"] if options.quick else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="folder of real texts; see README.md")
    parser.add_argument("--pretrained", metavar="MODEL", help="folder of a pretrained model")
    parser.add_argument("--results", type=Path, metavar="DIR", help="instead of that folder")
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="smoke test; writes no tables")
    options = parser.parse_args()
    if options.results is None:
        kind = "quick" if options.quick else kind_of_machine()
        options.results = HERE / "results" / kind
    if "pretrained" in options.only and not options.pretrained:
        print("pretrained: skipped, --pretrained names no model")
    names = [name for name in options.only if name != "pretrained" or options.pretrained]
    options.results.mkdir(parents=True, exist_ok=True)
    failed = [name for name in names if not run(f"bench_{name}.py", *arguments_for(name, options))]
    if options.results == HERE / "results" / SHOWN and not run("report.py"):
        failed.append("report")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
