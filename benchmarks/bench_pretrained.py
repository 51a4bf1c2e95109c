"""Tuning a pretrained transformer, and predictions of it: skattn beside PyTorch by hand.

The same steps in both: frozen layers computed once, batches by length, AdamW, warm-up, clipping.

python benchmarks/bench_pretrained.py --data DIR --pretrained MODEL --output pretrained.json
"""

import sys
from pathlib import Path

import numpy as np
from _data import texts
from _harness import ask, parser, read_options, write
from _race import Contender

TUNED = {"the two upper layers": 2, "all layers": "all"}
ROWS = 600  # texts to train on, and as many to judge
LEVEL = {"PyTorch by length": 1.0}


def rows_of_ids(config):
    """Ids of the model's own tokenizer, training and test, and the labels."""
    from skattn import SequenceVectorizer

    texts_train, texts_test, y_train, y_test = texts(config, config["set"])
    rows = slice(config["rows"])
    vectorizer = SequenceVectorizer(
        pretrained=config["pretrained"], max_length=config["max_length"]
    )
    X_train = vectorizer.fit_transform(texts_train[rows])
    X_test = vectorizer.transform(texts_test[rows])
    return X_train, X_test, np.asarray(y_train[rows]), np.asarray(y_test[rows])


def classifier(config, **params):
    from skattn import AttentionTextClassifier

    return AttentionTextClassifier(
        pretrained=config["pretrained"],
        tuned_layers=config["tuned_layers"],
        epochs=config["epochs"],
        random_state=0,
        **params,
    )


def own(turns, config):
    """`AttentionTextClassifier.fit`, an epoch a turn."""
    from _laps import Laps

    X_train, X_test, y_train, y_test = rows_of_ids(config)

    def judge(model):
        return float(np.mean(model.predict(X_test).argmax(axis=1) == y_test))

    classifier(config, callbacks=[Laps(turns, judge)]).fit(X_train, y_train)


def own_predictions(turns, config):
    X_train, X_test, y_train, y_test = rows_of_ids(config)
    fitted = classifier(config).fit(X_train, y_train)
    for _ in turns:
        found = fitted.predict(X_test)
        turns.stop_and_judge(lambda found=found: float(np.mean(found == y_test)))


def with_special_tokens(config):
    """The rows as BERT wants them, with its tokens around a text, as our network adds them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(config["pretrained"], "tokenizer.json")))
    tokenizer.no_padding()
    special = tokenizer.encode("").ids
    X_train, X_test, y_train, y_test = rows_of_ids(config)
    framed = (_framed(X, *special) for X in (X_train, X_test))
    return *framed, y_train, y_test, special


def _framed(X, first, last):
    framed = np.zeros((len(X), X.shape[1] + 2), np.int64)
    framed[:, 0] = first
    framed[:, 1:-1] = np.maximum(X - 2, 0)  # our ids are the model's plus 2
    framed[np.arange(len(X)), (X != 0).sum(axis=1) + 1] = last
    return framed


def by_torch(turns, config):
    from _peers_transformers import train

    train(turns, config, *with_special_tokens(config))


def torch_predictions(turns, config):
    from _peers_transformers import predict, train

    rows = with_special_tokens(config)
    network = train(_OneTurn(config["epochs"]), config, *rows)
    for _ in turns:
        found = predict(network, rows[1])
        turns.stop_and_judge(lambda found=found: float(np.mean(found == rows[3])))


class _OneTurn:
    """Turns without a clock."""

    def __init__(self, number):
        self.number = number

    def __iter__(self):
        return iter(range(self.number))

    def stop_and_judge(self, judge):
        pass


def main():
    options_parser = parser(__doc__)
    options_parser.add_argument("--pretrained", metavar="MODEL", help="folder of a small BERT")
    options_parser.add_argument("--set", default="r8", help="folder in DIR")
    options = read_options(options_parser)
    if options.pretrained is None:
        sys.exit("bench_pretrained.py needs --pretrained MODEL, a folder.")
    rounds = options.rounds or (1 if options.quick else 3)
    config = {
        "data": options.data,
        "quick": options.quick,
        "set": options.set,
        "rows": 64 if options.quick else ROWS,
        "max_length": 16 if options.quick else 128,
        "pretrained": options.pretrained,
        "epochs": rounds + options.warm_up,
    }
    needs = ("torch", "transformers")
    tolerance = 1.0 if options.quick else 0.03
    answers = []
    for told, tuned_layers in TUNED.items():
        config = config | {"tuned_layers": tuned_layers}
        answers.append(
            ask(
                options,
                f"One epoch that tunes {told}",
                [
                    Contender("skattn", own, config),
                    Contender("PyTorch by length", by_torch, config, needs),
                ],
                rounds=rounds,
                learning=True,
                tolerance=tolerance,
                goals=LEVEL,
            )
        )
    config = config | {"tuned_layers": 2, "epochs": 2}
    answers.append(
        ask(
            options,
            "Predictions for all test texts",
            [
                Contender("skattn", own_predictions, config),
                Contender("PyTorch by length", torch_predictions, config, needs),
            ],
            rounds=rounds,
            tolerance=tolerance,
            goals=LEVEL,
        )
    )
    write(options, "pretrained", answers)


if __name__ == "__main__":
    main()
