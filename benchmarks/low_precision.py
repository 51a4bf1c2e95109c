"""Seconds an epoch in float32 and in `mixed_bfloat16`, for our two networks at two widths each.

    python benchmarks/low_precision.py --data DIR

The policy is set in each contender's own process. skattn has no parameter for it: the page on
performance tells why.
"""

import numpy as np
from _data import digits, text_rows
from _harness import ask, parser, read_options, write
from _race import Contender

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"
TEXT_ROWS = 2_000


def attention(turns, config):
    """`AttentionTextClassifier`, an epoch on part of the texts a turn."""
    from skattn import AttentionTextClassifier

    X, X_test, y, y_test, size = text_rows(config)
    classifier = AttentionTextClassifier(
        units=config["units"], embedding_dim=config["units"], vocabulary_size=size
    )
    train(turns, config, classifier, (X[:TEXT_ROWS], y[:TEXT_ROWS]), (X_test, y_test))


def gated(turns, config):
    """`GatedDenseClassifier` on digits, repeated, an epoch a turn."""
    from skattn import GatedDenseClassifier

    X, X_test, y, y_test = digits()
    classifier = GatedDenseClassifier(units=config["units"], batch_size=config["batch_size"])
    again = np.tile(np.arange(len(X)), 1 if config["quick"] else 8)
    train(turns, config, classifier, (X[again], y[again]), (X_test, y_test))


def train(turns, config, classifier, rows, test_rows):
    """One fit under the policy; quality is the accuracy on the test rows after each epoch."""
    import keras
    from _laps import Laps

    keras.config.set_dtype_policy(config["policy"])  # this process is the contender's own
    X_test, y_test = test_rows

    def judge(model):
        return float(np.mean(model.predict(X_test).argmax(axis=1) == y_test))

    classifier.set_params(epochs=config["epochs"], callbacks=[Laps(turns, judge)], random_state=0)
    classifier.fit(*rows)


def main():
    options = read_options(parser(__doc__))
    quick = options.quick
    rounds = options.rounds or (1 if quick else 5)
    config = {
        "data": options.data,
        "quick": quick,
        "max_length": 40 if quick else 400,
        "epochs": rounds + options.warm_up,
    }
    works = [(attention, units, 32) for units in ((16,) if quick else (128, 256))]
    works += [(gated, *sizes) for sizes in (((32, 32),) if quick else ((256, 32), (1800, 600)))]
    answers = []
    for work, units, batch_size in works:
        sizes = config | {"units": units, "batch_size": batch_size}
        who = [Contender(name, work, sizes | {"policy": name}, ()) for name in (BFLOAT16, FLOAT32)]
        answers.append(
            ask(
                options,
                f"One epoch, {work.__name__}, {units} units, batch {batch_size}",
                who,
                rounds=rounds,
                tolerance=0.5 if quick else 0.05,
                own=BFLOAT16,
                learning=True,
            )
        )
    write(options, "low_precision", answers)


if __name__ == "__main__":
    main()
