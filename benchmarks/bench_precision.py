"""Training in bfloat16 beside float32: is it faster at equal accuracy on this processor?

skattn offers it for pretrained transformers only. For these networks the second contender sets
Keras's policy in its own process and casts the probabilities to float32, as the loss needs.

python benchmarks/bench_precision.py --data DIR --output precision.json
"""

import bench_text
import numpy as np
from _harness import ask, parser, read_options, write
from _race import Contender

ENCODERS = ("none", "conv", "lstm")


def in_bfloat16():
    """From now on networks of this process multiply matrices in bfloat16."""
    import keras
    import tensorflow as tf

    from skattn.engine._model import ResidentModel

    keras.config.set_dtype_policy("mixed_bfloat16")
    for name in ("_row_losses", "_row_correct"):
        setattr(ResidentModel, name, _of_float32(getattr(ResidentModel, name), tf))


def _of_float32(plain, tf):
    """The method, given the probabilities in float32."""
    return lambda model, y, answers, *args: plain(model, y, tf.cast(answers, tf.float32), *args)


def texts(turns, config):
    """`bench_text`'s epochs, in one of the precisions."""
    if config["bfloat16"]:
        in_bfloat16()
    return bench_text.own(turns, config)


def dense(turns, config):
    """The gated network of 1800 units in batches of 600 on generated rows, a fit a turn."""
    if config["bfloat16"]:
        in_bfloat16()
    from sklearn.datasets import make_classification

    from skattn import GatedDenseClassifier

    X, y = make_classification(6000, 200, n_informative=40, n_classes=5, random_state=0)
    X = X.astype(np.float32)
    units, epochs = (16, 1) if config["quick"] else (1800, 5)
    classifier = GatedDenseClassifier(units=units, batch_size=600, epochs=epochs, random_state=0)
    for _ in turns:
        classifier.fit(X[:4800], y[:4800])
        turns.stop_and_judge(lambda: classifier.score(X[4800:], y[4800:]))


def contenders(work, config):
    """The same work in both precisions."""
    return [
        Contender("skattn", work, config | {"bfloat16": False}),
        Contender("in bfloat16", work, config | {"bfloat16": True}),
    ]


def main():
    options = read_options(parser(__doc__))
    rounds = options.rounds or (1 if options.quick else 4)
    config = {
        "data": options.data,
        "quick": options.quick,
        "max_length": 40 if options.quick else 400,
        "epochs": rounds + options.warm_up,
    }
    questions = [("Fit of the gated network, 1800 units, batches of 600", dense, config)]
    for encoder in ENCODERS[: 1 if options.quick else None]:
        question = f"One epoch, encoder={encoder!r}, in bfloat16"
        questions.append((question, texts, config | {"encoder": encoder}))
    answers = [
        ask(
            options,
            question,
            contenders(work, given),
            rounds=rounds,
            tolerance=1.0 if options.quick else 0.02,
            learning=work is texts,
        )
        for question, work, given in questions
    ]
    write(options, "precision", answers)


if __name__ == "__main__":
    main()
