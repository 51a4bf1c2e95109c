"""What the runs of `accuracy_text.py` and the tables made from them share."""

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


def accuracies(results, contender, set_name, column="accuracy"):
    """A contender's accuracies on a set, one a seed."""
    return [found[column] for found in results.get(f"{contender}|{set_name}", {}).values()]
