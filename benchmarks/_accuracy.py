"""What the runs that judge accuracy share: the sets, their results in a file, the tables' cells."""

import json
import sys
from pathlib import Path

from _environment import stamp

SETS = ("trec", "mr", "sms_spam", "snips", "banking77", "r8", "imdb_5k")
PUBLISHED = {
    "trec": 91.2,
    "mr": 76.1,
    "sms_spam": 97.6,
    "snips": 97.0,
    "banking77": 93.7,
    "r8": 97.07,
    "imdb_5k": 90.6,
}
BASELINE = "tf-idf + LinearSVC"
SIZES = ("all", "500", "32c", "8c", "2c")  # texts to train on; "c": for each class
ONLY_AT = {  # because of the time that they take
    "SetFit": ("8c", "2c"),
    "pretrained, mean of the states": ("500",),
    "pretrained, no layer tuned": ("500",),
    "pretrained, one layer tuned": ("500",),
    "pretrained, all layers tuned": ("500",),
}


def accuracies(results, contender, set_name, size="all", column="accuracy"):
    """A contender's accuracies on a set with so many training texts, one a seed."""
    return [found[column] for found in results.get(f"{contender}|{set_name}|{size}", {}).values()]


def open_results(options):
    """The results of an earlier run with the same output, or none; a run goes on with them."""
    output = Path(options.output) if options.output else None
    answer = json.loads(output.read_text()) if output and output.exists() else {"results": {}}
    if answer.get("split", options.split) != options.split:
        sys.exit(f"{output} holds results of --split {answer['split']}: name another file.")
    return answer | {"environment": stamp(), "split": options.split}


def write_results(options, answer):
    """Write all results so far, if the run has an output."""
    if options.output:
        Path(options.output).write_text(json.dumps(answer, indent=1) + "\n")
