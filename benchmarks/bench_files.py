"""`joblib.dump` and `load` of a text classifier of 2.5 million weights, and the file's size.

python benchmarks/bench_files.py --output files.json
"""

import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from _data import generate, token_ids
from _harness import ask, measured, parser, read_options, write
from _race import Contender

OWN, TRAINABLE, SCIKERAS, TORCH = "skattn", "skattn, to train on", "SciKeras", "torch.save"
ROWS = 18_500  # of the embedding: with an LSTM of 128 units 2.5 million weights
MAX_LENGTH = 40


def rows(config):
    texts_train, texts_test, y_train, _ = generate(quick=True)
    X, X_test, _ = token_ids(texts_train, texts_test, MAX_LENGTH)
    limit = config["rows"]
    return np.where(limit > X, X, 1), np.where(limit > X_test, X_test, 1), y_train


def own(config, X, y):
    from skattn import AttentionTextClassifier

    return AttentionTextClassifier(
        vocabulary_size=config["rows"],
        epochs=1,
        warm_start=config["name"] == TRAINABLE,
        random_state=0,
    ).fit(X, y)


def scikeras(config, X, y):
    from _peers_keras import attention_network
    from scikeras.wrappers import KerasClassifier

    return KerasClassifier(
        model=attention_network,
        model__encoder="lstm",
        model__size=config["rows"],
        model__n_classes=2,
        model__max_length=MAX_LENGTH,
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        verbose=0,
    ).fit(X, y)


def dump_and_load(turns, config):
    """One dump and one load a round; quality: minus the largest difference of an answer."""
    make = own if config["name"] in (OWN, TRAINABLE) else scikeras
    X, X_test, y = rows(config)
    classifier = make(config, X, y)
    expected = classifier.predict_proba(X_test)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        for _ in turns:
            start = time.perf_counter()
            joblib.dump(classifier, path)
            dumped = time.perf_counter()
            loaded = joblib.load(path)
            done = time.perf_counter()
            answers = loaded.predict_proba(X_test)
            turns.stop(
                seconds=done - start,
                dump=dumped - start,
                load=done - dumped,
                first_predict=time.perf_counter() - done,
                quality=-float(np.abs(answers - expected).max()),
            )
            del loaded
        size = path.stat().st_size
    weights = classifier.model_.count_params()
    return {"size": size, "weights": weights, "bytes_a_weight_byte": size / (4 * weights)}


def torch_save(turns, config):
    """The weights alone (`state_dict`), as PyTorch's users keep them."""
    import torch
    from _peers_torch import Attention, predict_by_length

    X_test = rows(config)[1]
    network = Attention("lstm", config["rows"], 2)
    expected = predict_by_length(network, X_test)
    weights = sum(value.numel() for value in network.parameters())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        for _ in turns:
            torch.save(network.state_dict(), path)
            loaded = Attention("lstm", config["rows"], 2)
            loaded.load_state_dict(torch.load(path))
            turns.stop()
            difference = np.abs(predict_by_length(loaded, X_test) - expected).max()
        size = path.stat().st_size
    return {
        "quality": -float(difference),
        "size": size,
        "weights": weights,
        "bytes_a_weight_byte": size / (4 * weights),
    }


def main():
    options = read_options(parser(__doc__))
    size = {"rows": 2_000 if options.quick else ROWS}
    who = [
        Contender(name, work, size | {"name": name}, needs)
        for name, work, needs in (
            (OWN, dump_and_load, ()),
            (TRAINABLE, dump_and_load, ()),
            (SCIKERAS, dump_and_load, ()),
            (TORCH, torch_save, ("torch",)),
        )
    ]
    timed = ask(
        options,
        "joblib.dump and joblib.load",
        who,
        rounds=options.rounds or (1 if options.quick else 7),
        tolerance=1e-5,
        limit=0.3,
    )
    sizes = [
        (
            f"{name}: file over its weights",
            found["end"]["bytes_a_weight_byte"],
            "x",
            1.05 if name == OWN else None,
        )
        for name, found in timed["contenders"].items()
        if "end" in found
    ]
    write(options, "files", [timed, measured("Size of the file", sizes)])


if __name__ == "__main__":
    main()
