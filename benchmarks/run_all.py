"""Run every benchmark, one after the other, and write the tables of the README and the site.

    python benchmarks/run_all.py --data DIR

Takes more than an hour on two cores without AVX-512 that do nothing else. A script that fails does
not stop the others; its name is told at the end.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
EXTRA = {"streaming": ["--texts", "1000000"]}  # a fifth of its default
NAMES = (
    "dense",
    "text",
    "predict",
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
    return given + (["--quick"] if options.quick else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="folder of real texts; see README.md")
    parser.add_argument("--results", type=Path, default=HERE / "results", metavar="DIR")
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="smoke test; writes no tables")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    failed = [
        name for name in options.only if not run(f"bench_{name}.py", *arguments_for(name, options))
    ]
    if not options.quick and not run(
        "report.py", *map(str, sorted(options.results.glob("*.json")))
    ):
        failed.append("report")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
