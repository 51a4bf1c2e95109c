"""A classifier in a service: cold start, memory, latency and throughput on this machine.

The network and the recipe out of joblib files, and exported by `skattn.serving` with weights of 32
and of 8 bits; with --pretrained the network on a pretrained transformer too. Each is a process of
its own, served by uvicorn and asked through the loopback device by clients in this process, which
share the cores with it.

python benchmarks/bench_serving.py --data DIR --output serving.json
"""

import contextlib
import http.client
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _data import texts as read_texts
from _harness import alone, measured, parser, read_options, write

HERE = Path(__file__).parent
N_CLIENTS = 8
TOLERANCE = {"network": 1e-5, "recipe": 1e-5, "pretrained": 1e-4}  # see `skattn.serving.export`
START = """
import json, sys
source = sys.argv[1]
if sys.argv[2] == "exported":
    from skattn.serving import load
else:
    from joblib import load
texts, classifier = json.load(sys.stdin), load(source)
print(len(classifier.predict_proba(texts[:1])), flush=True)
probabilities = classifier.predict_proba(texts)
status = open("/proc/self/status").read().splitlines()
print(json.dumps([next(int(l.split()[1]) for l in status if "VmHWM" in l), probabilities.tolist()]))
"""


def fit_and_save(config):
    """Fit every model on the training texts and save it in both ways; the texts to ask about."""
    import joblib
    from sklearn.pipeline import make_pipeline

    from skattn import AttentionTextClassifier, SequenceVectorizer, TextClassifier
    from skattn.serving import export

    texts, asked, y, y_asked = read_texts(config)
    training = {"epochs": 1 if config["quick"] else 3, "random_state": 0}
    models = {"recipe": TextClassifier(**training)}
    if not config["quick"]:
        network = AttentionTextClassifier(**training)
        models = {"network": make_pipeline(SequenceVectorizer(max_length=400), network)} | models
    if config["pretrained"]:
        given = {"pretrained": config["pretrained"]}
        network = AttentionTextClassifier(tuned_layers=1, encoder="none", **given, **training)
        models["pretrained"] = make_pipeline(SequenceVectorizer(**given), network)
        n_texts = config["n_pretrained"]  # what it has learned does not change its speed
    for name, model in models.items():
        kept = slice(n_texts if name == "pretrained" else None)
        model.fit(texts[kept], y[kept])
        joblib.dump(model, config["folder"] / f"{name}.joblib")
        export(model, config["folder"] / name)
        export(model, config["folder"] / f"{name}_int8", weights="int8")
    kept = slice(config["n_asked"])
    return {"asked": asked[kept], "classes": y_asked[kept], "names": list(models)}


def sources(folder, names):
    """What to serve -> the file or the folder."""
    for name in names:
        yield f"{name}, joblib", folder / f"{name}.joblib"
        yield f"{name}, exported", folder / name
        yield f"{name}, exported in int8", folder / f"{name}_int8"


def first_answers(source, texts, rounds):
    """Median seconds from the start of a process to its answer to one text; memory, answers."""
    kind = "exported" if source.is_dir() else "joblib"
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", START, source, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        ) as process:
            with contextlib.suppress(BrokenPipeError):  # if it fails, it says why itself
                process.stdin.write(json.dumps(texts))
                process.stdin.close()
            process.stdout.readline()
            seconds.append(time.perf_counter() - start)
            answer = process.stdout.read()
        if process.returncode:
            raise SystemExit(f"The process that loads {source.name} has failed.")
    memory, probabilities = json.loads(answer)
    return np.median(seconds), memory / 1024, np.array(probabilities)


@contextlib.contextmanager
def served(source):
    """A function that gives connections to a service of the source."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "_service:app", "--port", str(port)]
    settings = {"CLASSIFIER": str(source), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [*command, "--log-level", "error"], cwd=HERE, env=os.environ | settings
    )
    try:
        while not _listens(port):
            if process.poll() is not None:
                raise SystemExit(f"The service of {source.name} has ended.")
            time.sleep(0.05)
        yield lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    finally:
        process.terminate()
        process.wait()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(connection, texts):
    """Seconds that an answer took."""
    start = time.perf_counter()
    connection.request("POST", "/", json.dumps(texts))
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"The service answered {answer.status}: {content[:200]}")
    return time.perf_counter() - start


def load_test(source, texts):
    """Latency of one client that asks for one text at a time, and answers a second to several."""
    with served(source) as connect:
        with contextlib.closing(connect()) as connection:
            for text in texts[:20]:  # warm-up
                ask(connection, [text])
            alone_seconds = [ask(connection, [text]) for text in texts]

        def client(number):
            with contextlib.closing(connect()) as connection:
                return [ask(connection, [text]) for text in texts[number::N_CLIENTS]]

        with ThreadPoolExecutor(N_CLIENTS) as clients:
            start = time.perf_counter()
            together = np.concatenate(list(clients.map(client, range(N_CLIENTS))))
            seconds = time.perf_counter() - start
    return {
        "alone": np.percentile(alone_seconds, [50, 99]) * 1000,
        "together": np.percentile(together, [50, 99]) * 1000,
        "a second": len(texts) / seconds,
    }


def difference(answers, names):
    """What is unequal between a model and its export, else None."""
    for name in names:
        gap = np.abs(answers[f"{name}, joblib"] - answers[f"{name}, exported"]).max()
        if gap > TOLERANCE[name]:
            return f"The export of the {name} differs from it by {gap:.2g}."
    return None


def start_answer(options, config, found):
    """Cold start of each with one text, and its memory with fifty; no web server."""
    rows, answers, rounds = [], {}, options.rounds or (1 if options.quick else 3)
    for name, source in sources(config["folder"], found["names"]):
        seconds, memory, answers[name] = first_answers(source, found["asked"][:50], rounds)
        exported = source.is_dir()
        rows.append((f"{name}: seconds to the first answer", seconds, "s", 1 if exported else None))
        rows.append((f"{name}: most memory", memory, "MiB", 200 if exported else None))
    unequal = difference(answers, found["names"])
    return measured(
        "A new process: its first answer, to one text, and its memory after 50", rows, unequal
    )


def accuracies(config, found):
    """Accuracy of each export: what 8 bits cost."""
    from skattn.serving import load

    rows = []
    for name, source in sources(config["folder"], found["names"]):
        if source.is_dir():
            right = np.mean(load(source).predict(found["asked"]) == np.asarray(found["classes"]))
            rows.append((f"{name}: accuracy", 100 * right, "%", None))
    return measured(f"Accuracy of the exports on {len(found['asked'])} texts", rows)


def short_texts(config, found):
    """Median time of one text of ten words, by a call in this process."""
    import joblib

    from skattn.serving import load

    texts = [" ".join(text.split()[:10]) for text in found["asked"][:200]]
    rows = []
    for name, source in sources(config["folder"], found["names"]):
        model = (load if source.is_dir() else joblib.load)(source)
        seconds = []
        for text in [*texts[:20], *texts]:
            start = time.perf_counter()
            model.predict_proba([text])
            seconds.append(time.perf_counter() - start)
        rows.append((name, 1000 * np.median(seconds[20:]), "ms", None))  # after the warm-up
    return measured("One text of ten words, by a call in the same process", rows)


def load_answer(config, found):
    """Latency and throughput of each over HTTP."""
    rows = []
    for name, source in sources(config["folder"], found["names"]):
        result = load_test(source, found["asked"])
        for who in ("alone", "together"):
            clients = "1 client" if who == "alone" else f"{N_CLIENTS} clients"
            for share, value in zip(("p50", "p99"), result[who], strict=True):
                rows.append((f"{name}: {share}, {clients}", value, "ms", None))
        rows.append((f"{name}: texts a second, {N_CLIENTS} clients", result["a second"], "", None))
    return measured("One text a request, by uvicorn on the loopback device", rows)


def main():
    options_parser = parser(__doc__)
    options_parser.add_argument(
        "--pretrained", metavar="MODEL", help="folder of a pretrained transformer"
    )
    options = read_options(options_parser)
    with TemporaryDirectory() as folder:
        config = {
            "data": options.data,
            "quick": options.quick,
            "pretrained": options.pretrained,
            "folder": Path(folder),
            "n_asked": 20 if options.quick else 500,
            "n_pretrained": 500,
        }
        found = alone(options, fit_and_save, config)
        answers = [start_answer(options, config, found)]
        answers += [accuracies(config, found), short_texts(config, found)]
        missing = [n for n in ("fastapi", "uvicorn") if importlib.util.find_spec(n) is None]
        if missing:
            print(f"  The web service: skipped, {missing[0]} is not installed")
        else:
            answers.append(load_answer(config, found))
        write(options, "serving", answers)


if __name__ == "__main__":
    main()
