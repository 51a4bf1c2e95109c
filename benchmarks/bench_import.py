"""Seconds of `import skattn` in a new process, beside scikit-learn's and TensorFlow's.

python benchmarks/bench_import.py --output import.json
"""

import subprocess
import sys

from _harness import ask, measured, parser, read_options, write
from _race import Contender

OWN = "import skattn"
STATEMENTS = {
    OWN: "import skattn",
    "nothing": "pass",
    "import sklearn": "import sklearn",
    "import tensorflow": "import tensorflow",
    "a skattn estimator": "from skattn import AttentionTextClassifier",
    "SequenceVectorizer": "from skattn import SequenceVectorizer",
    "SciKeras": "from scikeras.wrappers import KerasClassifier",
}
N_HEAVIEST = 12


def start_python(turns, config):
    """A new process a round that runs one statement."""
    for _ in turns:
        run(["-c", config["statement"]])
        turns.stop()


def run(arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def own_seconds(statement):
    """Package -> seconds that its own modules take, from `-X importtime`."""
    seconds = {}
    for line in run(["-X", "importtime", "-c", statement]).splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            package = parts[2].strip().split(".")[0]
            seconds[package] = seconds.get(package, 0) + int(parts[0]) / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def heaviest(statement):
    """The packages that take longest to import."""
    found = list(own_seconds(statement).items())[:N_HEAVIEST]
    rows = [(package, seconds, "s", None) for package, seconds in found]
    return measured(f"Where the time of `{statement}` goes", rows)


def main():
    options = read_options(parser(__doc__))
    statements = {n: s for n, s in STATEMENTS.items() if not options.quick or "skattn" in n}
    who = [Contender(n, start_python, {"statement": s}) for n, s in statements.items()]
    timed = ask(
        options,
        "A new process",
        who,
        rounds=options.rounds or (1 if options.quick else 5),
        tolerance=0,
        goals={"import sklearn": 1.0},
        own=OWN,
    )
    answers = [timed, heaviest(STATEMENTS[OWN])]
    if not options.quick:
        answers.append(heaviest(STATEMENTS["a skattn estimator"]))
    write(options, "import", answers)


if __name__ == "__main__":
    main()
