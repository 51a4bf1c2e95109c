"""Seconds an epoch of the attention network on texts: skattn, Keras, skorch, PyTorch by hand.

python benchmarks/bench_text.py --data DIR --output text.json
"""

import time

import numpy as np
from _harness import alone, ask, parser, read_options, write
from _race import Contender

ENCODERS = ("lstm", "none", "conv", "gru", "bilstm")
USUAL = ENCODERS[:3]  # the others are as the LSTM, and an epoch of theirs takes as long
GOALS = {"Keras padded": 6.0, "skorch padded": 3.0, "PyTorch by length": 1.0}
PADDED_ROUNDS = {"lstm": 4}  # else 1: an epoch of theirs may take most of a minute
LEVEL = {"PyTorch by length": 1.0}
# Multiply-adds of a token: 4 gates (GRU: 3) of 128 units from 128 + 128 inputs; 3 + 4 + 5 taps
PRODUCTS = {
    "lstm": 4 * 128 * 256,
    "gru": 3 * 128 * 256,
    "bilstm": 8 * 128 * 256,
    "conv": 12 * 128**2,
}


def own(turns, config):
    """`AttentionTextClassifier.fit`, an epoch a turn."""
    from _data import text_rows
    from _laps import Laps

    from skattn import AttentionTextClassifier

    X_train, X_test, y_train, y_test, size = text_rows(config)

    def judge(model):
        return float(np.mean(model.predict(X_test).argmax(axis=1) == y_test))

    classifier = AttentionTextClassifier(
        encoder=config["encoder"],
        units=128,
        embedding_dim=128,
        vocabulary_size=size,
        epochs=config["epochs"],
        callbacks=[Laps(turns, judge)],
        random_state=0,
    )
    classifier.fit(X_train, y_train)


def keras_padded(turns, config):
    from _peers_keras import train_text

    return train_text(turns, config)


def skorch_padded(turns, config):
    from _peers_torch import train_text_padded

    return train_text_padded(turns, config)


def torch_by_length(turns, config):
    from _peers_torch import train_text_by_length

    return train_text_by_length(turns, config)


def sgemm(config):
    """GFLOP/s of the fastest of some products of two square float32 matrices by TensorFlow."""
    import tensorflow as tf

    side = 256 if config["quick"] else 2048
    square = tf.random.stateless_normal((side, side), seed=(0, 1))
    fastest = np.inf
    for _ in range(12):
        start = time.perf_counter()
        (square @ square).numpy()
        fastest = min(fastest, time.perf_counter() - start)
    return {"gflops": 2 * side**3 / fastest / 1e9}


def tokens_an_epoch(config):
    """Tokens of the training rows without their padding."""
    from _data import text_rows

    return int((text_rows(config)[0] != 0).sum())


def contenders(encoder, config, rounds, warm_up):
    """All four; the padded ones, whose epochs may take a minute, get fewer rounds."""
    few = min(PADDED_ROUNDS.get(encoder, 1), rounds)
    config = {**config, "encoder": encoder, "epochs": rounds + warm_up}
    padded = {**config, "epochs": few + warm_up}
    return [
        Contender("skattn", own, config),
        Contender("Keras padded", keras_padded, padded, ("keras",), few),
        Contender("skorch padded", skorch_padded, padded, ("skorch", "torch"), few),
        Contender("PyTorch by length", torch_by_length, config, ("torch",)),
    ]


def main():
    options_parser = parser(__doc__)
    options_parser.add_argument("--encoders", nargs="+", choices=ENCODERS)
    options = read_options(options_parser)
    rounds = options.rounds or (1 if options.quick else 4)
    config = {
        "data": options.data,
        "quick": options.quick,
        "max_length": 40 if options.quick else 400,
    }
    encoders = options.encoders or (("lstm",) if options.quick else USUAL)
    rate = alone(options, sgemm, config)["gflops"]
    tokens = tokens_an_epoch(config)
    print(f"{tokens:,} tokens an epoch; float32 matrix products at {rate:.0f} GFLOP/s")
    answers = []
    for encoder in encoders:
        answer = ask(
            options,
            f"One epoch, encoder={encoder!r}",
            contenders(encoder, config, rounds, options.warm_up),
            rounds=rounds,
            learning=True,
            tolerance=0.5 if options.quick else 0.03,
            goals=LEVEL if encoder in ("none", "conv") else GOALS,
            tokens=tokens,
            sgemm_gflops=rate,
        )
        answer["share_of_sgemm"] = shares(answer, encoder)
        answers.append(answer)
    write(options, "text", answers)


def shares(answer, encoder):
    """Each contender's share of the sgemm rate: products forward and twice as many backward."""
    if encoder not in PRODUCTS:
        return {}
    gigaflops = 3 * 2 * PRODUCTS[encoder] * answer["tokens"] / 1e9
    found = {
        name: gigaflops / result["median"] / answer["sgemm_gflops"]
        for name, result in answer["contenders"].items()
        if "median" in result
    }
    print("  share of the sgemm rate: " + ", ".join(f"{n} {s:.0%}" for n, s in found.items()))
    return found


if __name__ == "__main__":
    main()
