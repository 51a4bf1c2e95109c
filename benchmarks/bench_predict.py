"""Probabilities of one text and of many: skattn, Keras, PyTorch by hand, with the same weights.

One text also by the network that `skattn.export_onnx` writes, which ONNX Runtime reads.

python benchmarks/bench_predict.py --data DIR --output predict.json
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _data import TOKEN, text_rows, texts, to_ids
from _harness import alone, ask, parser, read_options, write
from _race import Contender

OWN, EXPORTED = "skattn", "skattn as ONNX"
PADDED, CALLED, BY_LENGTH = "Keras predict", "Keras call", "PyTorch by length"
PREDICT_BATCH = 256


def train(config):
    """Train our pipeline; its weights, its words and its answers for the test texts."""
    pipeline, texts_test, size = fit_pipeline(config)
    vectorizer, classifier = pipeline[0], pipeline[-1]
    return {
        "weights": classifier.model_.get_weights(),
        "vocabulary": vectorizer.vocabulary_,
        "size": size,
        "expected": pipeline.predict_proba(texts_test),
    }


def fit_pipeline(config):
    """`SequenceVectorizer` and `AttentionTextClassifier`, fitted; the texts to ask about."""
    from sklearn.pipeline import make_pipeline

    from skattn import AttentionTextClassifier, SequenceVectorizer

    texts_train, texts_test, y_train, _ = texts(config)
    pipeline = make_pipeline(
        SequenceVectorizer(max_length=config["max_length"], token_pattern=TOKEN.pattern),
        AttentionTextClassifier(epochs=1, random_state=0),
    ).fit(texts_train, y_train)
    return pipeline, texts_test, pipeline[-1].vocabulary_size_


def own(turns, config):
    """The pipeline for one text, its classifier for all rows."""
    pipeline, texts_test, _ = fit_pipeline(config)
    classifier = pipeline[-1]
    return answer(turns, config, texts_test, pipeline.predict_proba, classifier.predict_proba)


def exported(turns, config):
    """Our vectorizer, then the network as an ONNX file: the way of a service."""
    import onnxruntime

    from skattn import export_onnx

    pipeline, texts_test, _ = fit_pipeline(config)
    vectorizer, classifier = pipeline
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export_onnx(classifier, path)
        session = onnxruntime.InferenceSession(path)

    def one(texts):
        ids = vectorizer.transform(texts).astype(np.int64)
        ids = ids[:, : max(1, np.count_nonzero(ids))]
        return session.run(["probabilities"], {"token_ids": ids})[0]

    return answer(turns, config, texts_test, one, None)


def keras_predict(turns, config):
    """`Model.predict` on padded rows."""
    model, texts_test, ids = keras_model(config)

    def rows(X):
        return model.predict(X, batch_size=PREDICT_BATCH, verbose=0)

    return answer(turns, config, texts_test, lambda texts: rows(ids(texts)), rows)


def keras_call(turns, config):
    """The model called on the unpadded row, compiled by `tf.function`: the expert's way."""
    import tensorflow as tf

    model, texts_test, ids = keras_model(config, max_length=None)
    compiled = tf.function(model, input_signature=[tf.TensorSpec((None, None), tf.int32)])

    def one(texts):
        row = ids(texts)
        return compiled(row[:, : max(1, np.count_nonzero(row))]).numpy()

    return answer(turns, config, texts_test, one, None)


def keras_model(config, max_length=-1):
    from _peers_keras import attention_network

    length = config["max_length"] if max_length == -1 else max_length
    n_classes = config["expected"].shape[1]
    model = attention_network("lstm", config["size"], n_classes, length)
    model.set_weights(config["weights"])
    return model, texts(config)[1], lambda found: to_ids(found, *id_options(config))


def torch_by_length(turns, config):
    """Batches of sorted lengths; one text as it is."""
    from _peers_torch import Attention, load_keras_weights, predict_by_length

    network = Attention("lstm", config["size"], config["expected"].shape[1])
    load_keras_weights(network, config["weights"])

    def rows(X):
        return predict_by_length(network, X, PREDICT_BATCH)

    def one(found):
        return rows(to_ids(found, *id_options(config)))

    return answer(turns, config, texts(config)[1], one, rows)


def id_options(config):
    return config["vocabulary"], config["max_length"]


def answer(turns, config, texts_test, one, rows):
    """Time what the race asks for; quality: minus the largest difference from our answers."""
    X = text_rows(config)[1]
    single = config["single"]
    for _ in turns:
        if single:
            probabilities = np.concatenate(time_each(turns, texts_test[: config["n_calls"]], one))
        else:
            probabilities = rows(X)
            turns.stop()
    difference = np.abs(probabilities - config["expected"][: len(probabilities)]).max()
    return {"quality": -float(difference)}


def time_each(turns, found, one):
    """The answer for each text; the median time of one is the round's."""
    answers, seconds = [], []
    for text in found:
        start = time.perf_counter()
        answers.append(one([text]))
        seconds.append(time.perf_counter() - start)
    slow = float(np.quantile(seconds, 0.95))
    turns.stop(seconds=float(np.median(seconds)), seconds_95_percent=slow)
    return answers


def main():
    options = read_options(parser(__doc__))
    config = {
        "data": options.data,
        "quick": options.quick,
        "max_length": 40 if options.quick else 400,
        "n_calls": 5 if options.quick else 200,
    }
    config |= alone(options, train, config)
    rounds = options.rounds or (1 if options.quick else 3)
    settings = {"rounds": rounds, "tolerance": 1e-4}

    def contenders(works, **changes):
        needs = {BY_LENGTH: ("torch",), EXPORTED: ("onnx", "onnxruntime")}
        return [Contender(n, w, config | changes, needs.get(n, ())) for n, w in works.items()]

    works = {
        OWN: own,
        PADDED: keras_predict,
        CALLED: keras_call,
        BY_LENGTH: torch_by_length,
        EXPORTED: exported,
    }
    one = ask(
        options,
        "One text to probabilities",
        contenders(works, single=True),
        limit=0.003,
        **settings,
    )
    del works[CALLED], works[EXPORTED]
    many = ask(
        options,
        "All test rows to probabilities",
        contenders(works, single=False),
        goals={PADDED: 3.0, BY_LENGTH: 1.0},
        **settings,
    )
    write(options, "predict", [one, many])


if __name__ == "__main__":
    main()
