"""A network without an encoder beside fastText, both on two threads and from texts.

How long a whole fit takes to equal accuracy, and tokens a second while training: the tokens of the
epochs that a long fit has more than a short one, over the seconds that it takes longer.

python benchmarks/bench_fasttext.py --data DIR --output fasttext.json
"""

import contextlib
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from _data import TOKEN, text_rows, texts
from _harness import OWN, alone, ask, measured, parser, read_options, write
from _race import Contender

N_THREADS, N_DIMENSIONS = 2, 64
FASTTEXT = "fastText"
EPOCHS = {OWN: 5, FASTTEXT: 25}  # by the accuracy on a held-out part of R8's training texts
GOAL = 0.5  # of fastText's tokens a second


@contextlib.contextmanager
def own_fit(config):
    """Give epochs -> seconds of a fit and accuracy."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(N_THREADS)
    from sklearn.pipeline import make_pipeline

    from skattn import AttentionTextClassifier, SequenceVectorizer

    texts_train, asked, y, y_asked = texts(config)

    def fit(epochs):
        classifier = AttentionTextClassifier(
            encoder="none",
            embedding_dim=N_DIMENSIONS,
            batch_size=128,
            optimizer="lazyadam",
            learning_rate=0.01,
            epochs=epochs,
            random_state=0,
        )
        reader = SequenceVectorizer(max_length=config["max_length"], token_pattern=TOKEN.pattern)
        model = make_pipeline(reader, classifier)
        start = time.perf_counter()
        model.fit(texts_train, y)
        return time.perf_counter() - start, lambda: float(model.score(asked, y_asked))

    yield fit


@contextlib.contextmanager
def fasttext_fit(config):
    """As `own_fit`, by `fasttext.train_supervised` on a file."""
    import fasttext

    texts_train, asked, y, y_asked = texts(config)
    n_words = config["max_length"]
    rows, rows_asked = (
        [" ".join(TOKEN.findall(text.lower())[:n_words]) for text in part]
        for part in (texts_train, asked)
    )

    with TemporaryDirectory() as folder:
        file = Path(folder, "train.txt")
        lines = [f"__label__{label} {row}\n" for label, row in zip(y, rows, strict=True)]
        file.write_text("".join(lines), encoding="utf-8")

        def fit(epochs):
            start = time.perf_counter()
            model = fasttext.train_supervised(
                input=str(file),
                dim=N_DIMENSIONS,
                thread=N_THREADS,
                epoch=epochs,
                lr=0.5,
                minCount=1,
                verbose=0,
            )
            seconds = time.perf_counter() - start

            def judge():
                told = [model.predict(row)[0][0].removeprefix("__label__") for row in rows_asked]
                return sum(a == str(b) for a, b in zip(told, y_asked, strict=True)) / len(told)

            return seconds, judge

        yield fit


FITS = {OWN: own_fit, FASTTEXT: fasttext_fit}


def train(turns, config):
    """A whole fit a turn."""
    with FITS[config["name"]](config) as fit:
        for _ in turns:
            _, judge = fit(config["epochs"])
            turns.stop_and_judge(judge)


def rate(config):
    """Millions of tokens a second; the least seconds of some fits each, the first not counted."""
    with FITS[config["name"]](config) as fit:
        short, long = config["epochs"], 5 * config["epochs"]
        fit(short)
        seconds = {n: min(fit(n)[0] for _ in range(config["repeats"])) for n in (short, long)}
    tokens = (long - short) * config["tokens"]
    return {"rate": tokens / max(seconds[long] - seconds[short], 0.001) / 1e6}


def main():
    options = read_options(parser(__doc__))
    rounds = options.rounds or (1 if options.quick else 5)
    config = {
        "data": options.data,
        "quick": options.quick,
        "max_length": 40 if options.quick else 400,
        "repeats": 1 if options.quick else 3,
    }
    config["tokens"] = int((text_rows(config)[0] != 0).sum())
    configs = {name: config | {"name": name, "epochs": EPOCHS[name]} for name in FITS}
    who = [
        Contender(OWN, train, configs[OWN]),
        Contender(FASTTEXT, train, configs[FASTTEXT], ("fasttext",)),
    ]
    who = [contender for contender in who if contender.name not in options.skip]
    tolerance = 0.5 if options.quick else 0.015
    answers = [
        ask(
            options,
            "A whole fit, from texts",
            who,
            rounds=rounds,
            tolerance=tolerance,
            tokens=config["tokens"],
        )
    ]
    rates = {c.name: alone(options, rate, configs[c.name])["rate"] for c in who if not c.missing()}
    rows = [(f"{name}: tokens a second", value, "million", None) for name, value in rates.items()]
    if FASTTEXT in rates and OWN in rates:
        share = rates[FASTTEXT] / rates[OWN]
        rows.append(("fastText's tokens a second over ours", share, "x", 1 / GOAL))
    answers.append(measured("While training", rows))
    write(options, "fasttext", answers)


if __name__ == "__main__":
    main()
