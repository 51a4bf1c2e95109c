"""A served text classifier answers as the fitted one does, without TensorFlow."""

import json
import multiprocessing
import os
import pickle
import sys
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import murmurhash3_32
from tiny_models import KINDS, build_model, build_static_model

from skattn import AttentionTextClassifier, SequenceVectorizer, TextClassifier, export_onnx
from skattn.recipe._linear import UnicodeTfidf
from skattn.serving import ServedClassifier, export, load
from skattn.serving._parts import N_TOKENS_AT_ONCE, _batches, _find_columns
from skattn.serving._reader import Reader, murmurhash3
from skattn.vectorizer._tokens import build_tokens

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

SUBJECTS = ["the film", "this story", "a play", "Une comédie", "İstanbul", "das Buch"]
VERDICTS = {
    "good": ["is very good", "touched me", "was a joy!"],
    "bad": ["is bad, bad", "bored me", "was a shame"],
    "odd": ["is odd", "puzzled me?", "was strange & new"],
}
TEXTS = [f"{s} {v}" for s in SUBJECTS for verdicts in VERDICTS.values() for v in verdicts]
LABELS = [name for _ in SUBJECTS for name, verdicts in VERDICTS.items() for _ in verdicts]
UNSEEN = [
    "",
    "???",
    "a film that nobody knows",
    "good " * 90,
    "GOOD film İSTANBUL ﬁlm é e\u0301",
    "  white \n space\t ",
    "\ud800 lone surrogate",
    "हिन्दी cafe\u0301 film",
    *TEXTS[::7],
]
SMALL = {"epochs": 2, "random_state": 0, "units": 4, "embedding_dim": 4}


def check_same(model, folder, texts=UNSEEN, tolerance=1e-5, **params):
    """Export and load; the same answers."""
    export(model, folder, **params)
    served = load(folder)
    expected = model.predict_proba(texts)
    np.testing.assert_allclose(served.predict_proba(texts), expected, rtol=0, atol=tolerance)
    assert served.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(served.classes_, model.classes_)
    np.testing.assert_array_equal(served.predict(texts), model.predict(texts))
    return served


def pipeline(**params):
    network = AttentionTextClassifier(encoder="none", **SMALL)
    return make_pipeline(SequenceVectorizer(**params), network)


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(**SMALL).fit(TEXTS, LABELS)


# -- the same answers ------------------------------------------------------------------------------


def test_text_classifier(fitted, tmp_path):
    check_same(fitted, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"settings.json", "model.onnx", "words.npz", "linear.npz"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"network": False},
        {"linear": False},
        {"analyzer": "char"},
        {"analyzer": "char_wb", "strip_accents": "ascii"},
        {"lowercase": False, "stop_words": "english", "ngram_range": (1, 2), "unknown": "drop"},
        {"strip_accents": "unicode", "max_length": 3, "truncation": "both", "min_df": 2},
        {"n_features": 64, "max_length": 5, "stop_words": ["is", "was"]},
        {"segment_length": 3, "encoder": "none", "extra_pooling": "max"},
    ],
    ids=lambda params: "-".join(params),
)
def test_settings_of_the_analysis(params, tmp_path):
    check_same(TextClassifier(**SMALL | params).fit(TEXTS, LABELS), tmp_path)


def test_weights_of_8_bits(fitted, tmp_path):
    for weights in ("float32", "int8"):
        check_same(fitted, tmp_path, tolerance=0.02, weights=weights)
        in_int8 = b"DequantizeLinear" in (tmp_path / "model.onnx").read_bytes()
        assert in_int8 == (weights == "int8")


@pytest.mark.slow
def test_two_classes(tmp_path):
    labels = [label == "bad" for label in LABELS]
    served = check_same(TextClassifier(**SMALL).fit(TEXTS, labels), tmp_path)
    assert served.classes_.dtype == bool


@pytest.mark.slow
def test_several_labels_a_text(tmp_path):
    labels = np.array([[label == "bad", label != "odd", 1] for label in LABELS]).astype(int)
    with pytest.warns(UserWarning, match="Label 2 is present in all training examples"):
        model = TextClassifier(**SMALL).fit(TEXTS, labels)
    served = check_same(model, tmp_path)
    assert served.predict(UNSEEN)[:, 2].all()


def test_a_class_that_only_one_part_knows(tmp_path):
    weights = {"good": 1.0, "bad": 0.0, "odd": 1.0}
    model = TextClassifier(**SMALL, class_weight=weights).fit(TEXTS, LABELS)
    assert len(model.linear_.classes_) == 2
    check_same(model, tmp_path)


def test_columns_of_a_frame(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"title": SUBJECTS * 9, "text": TEXTS})
    model = TextClassifier(**SMALL, columns=["title", "text"]).fit(frame, LABELS)
    served = check_same(model, tmp_path, frame)
    lists = {"text": TEXTS, "title": SUBJECTS * 9}
    np.testing.assert_array_equal(served.predict_proba(lists), served.predict_proba(frame))


@pytest.mark.parametrize("labels", [[7, 8, 9], [1.0, 2.0, 3.0], np.array(["a", "bb", "c"], object)])
def test_a_pipeline_with_labels_of_any_kind(labels, tmp_path):
    y = np.asarray(labels)[np.arange(len(TEXTS)) % 3]
    check_same(pipeline().fit(TEXTS, y), tmp_path)


@pytest.mark.parametrize("params", [{}, {"max_length": 4}])
def test_hashed_tokens(params, tmp_path):
    check_same(pipeline(n_features=32, **params).fit(TEXTS, LABELS), tmp_path)


@pytest.fixture(scope="module")
def subwords():
    """A tokenizer of the texts."""
    tokenizers = pytest.importorskip("tokenizers")
    subwords = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="?"))
    subwords.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=60, special_tokens=["?"])
    subwords.train_from_iterator(TEXTS, trainer)
    return subwords


@pytest.mark.slow
def test_subwords(subwords, tmp_path):
    check_same(pipeline(analyzer=subwords).fit(TEXTS, LABELS), tmp_path)
    check_same(TextClassifier(**SMALL, analyzer=subwords).fit(TEXTS, LABELS), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tuned_layers", [0, 1])
def test_pretrained_models(kind, tuned_layers, tmp_path):
    folder = build_model(tmp_path / "model", kind)
    settings = {"pretrained": folder, "epochs": 1, "random_state": 0}
    network = AttentionTextClassifier(tuned_layers=tuned_layers, encoder="none", **settings)
    model = make_pipeline(SequenceVectorizer(pretrained=folder), network).fit(TEXTS, LABELS)
    # states in half precision, of which a few are rounded the other way
    check_same(model, tmp_path / "served", [*UNSEEN, "[SEP] <s> the film"], tolerance=1e-4)


@pytest.mark.slow
def test_static_pretrained_models(tmp_path):
    folder = build_static_model(tmp_path / "model")
    network = AttentionTextClassifier(pretrained=folder, encoder="none", epochs=1, random_state=0)
    model = make_pipeline(SequenceVectorizer(pretrained=folder), network).fit(TEXTS, LABELS)
    check_same(model, tmp_path / "served")
    model = TextClassifier(pretrained=folder, epochs=1, random_state=0).fit(TEXTS, LABELS)
    check_same(model, tmp_path / "served")


def test_the_order_of_the_texts_changes_no_bit(fitted, tmp_path):
    export(fitted, tmp_path)
    served, texts = load(tmp_path), TEXTS * 30  # several batches
    backwards = served.predict_proba(texts[::-1])[::-1]
    np.testing.assert_array_equal(served.predict_proba(texts), backwards)


def test_batches_depend_on_the_rows_only():
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 3, size=(200, 20))
    rows[np.arange(20) >= rng.integers(0, 21, size=200)[:, None]] = 0
    lengths = np.count_nonzero(rows, axis=1)
    order = rng.permutation(200)
    batches = [rows[batch].tolist() for batch in _batches(rows, lengths)]
    assert batches == [rows[order][b].tolist() for b in _batches(rows[order], lengths[order])]
    assert len(batches) > 1
    widths = [max(np.count_nonzero(batch, axis=1)) for batch in batches]
    assert widths == sorted(widths)
    sizes = [len(batch) * width for batch, width in zip(batches, widths, strict=True)]
    assert N_TOKENS_AT_ONCE / 2 < max(sizes) <= N_TOKENS_AT_ONCE


# -- the analysis without scikit-learn -------------------------------------------------------------

ANALYSES = [
    {"analyzer": analyzer, "strip_accents": strip, "lowercase": lower, "ngram_range": (1, 3)}
    for analyzer in ("word", "char", "char_wb")
    for strip in (None, "ascii", "unicode")
    for lower in (True, False)
]


@pytest.mark.parametrize("params", ANALYSES, ids=lambda p: "-".join(map(str, p.values())))
@given(text=st.text())
def test_reads_as_scikit_learn_does(params, text):
    theirs = CountVectorizer(**params, stop_words="english")
    settings = params | {"token_pattern": theirs.token_pattern}
    settings["stop_words"] = sorted(theirs.get_stop_words())
    served = build_tokens(Reader(**settings))(text)
    assert served == build_tokens(theirs)(text)
    assert sorted(served) == sorted(UnicodeTfidf(**theirs.get_params()).build_analyzer()(text))


@pytest.mark.parametrize("strip", [None, "ascii", "unicode"])
@given(text=st.text() | st.text(alphabet="J\u030cT\u0308각é "))
def test_counts_characters_as_the_linear_model_does(strip, text):
    """What is composed, then lower-cased or stripped of accents, may not be composed any more."""
    vectorizer = UnicodeTfidf(analyzer="char_wb", strip_accents=strip, ngram_range=(1, 2))
    texts = [text, "a word, J\u030c T\u0308 and 각"]
    counts = vectorizer.set_params(use_idf=False, norm=None).fit_transform(texts)
    names = ["analyzer", "lowercase", "strip_accents", "ngram_range"]
    settings = {name: vectorizer.get_params()[name] for name in names}
    settings |= {"stop_words": None, "token_pattern": None}
    columns = Counter(_find_columns(settings, vectorizer.vocabulary_)(text))
    assert columns == dict(zip(counts[0].indices, counts[0].data, strict=True))


@given(st.binary())
def test_hashes_as_scikit_learn_does(data):
    assert murmurhash3(data) == murmurhash3_32(data, positive=True)


# -- without TensorFlow ----------------------------------------------------------------------------

SERVE = """
import sys

ABSENT = "tensorflow keras scikeras sklearn scipy joblib jinja2 markupsafe rich pandas".split()

class Refusing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ABSENT:
            raise ImportError(f"{name} must not be imported here")

sys.meta_path.insert(0, Refusing())
import json, time
start = time.perf_counter()
from skattn import serving
served = serving.load(sys.argv[1])
texts = json.loads(open(sys.argv[2]).read())
probabilities = served.predict_proba(texts).tolist()
seconds = time.perf_counter() - start
memory = next(int(line.split()[1]) for line in open("/proc/self/status") if "VmHWM" in line) / 1024
print(json.dumps([probabilities, served.predict(texts).tolist(), seconds, memory]))
"""


def test_in_a_process_where_importing_tensorflow_fails(fitted, run_python, tmp_path):
    export(fitted, tmp_path / "served")
    texts = [text for text in UNSEEN if "\ud800" not in text]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    output = run_python(SERVE, tmp_path / "served", tmp_path / "texts.json").stdout
    probabilities, labels, _, memory = json.loads(output)
    np.testing.assert_allclose(probabilities, fitted.predict_proba(texts), rtol=0, atol=1e-5)
    assert labels == fitted.predict(texts).tolist()
    assert memory < 200  # MiB


def test_onnxruntime_is_asked_for_by_name(fitted, tmp_path, monkeypatch):
    export(fitted, tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        load(tmp_path)


# -- threads and processes -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fitted", "served"])
def test_eight_threads_at_once_give_the_same_bits(kind, fitted, tmp_path):
    model = fitted
    if kind == "served":
        export(fitted, tmp_path)
        model = load(tmp_path)
    parts = [TEXTS[start::8] for start in range(8)]
    expected, answers = [model.predict_proba(part) for part in parts], {}
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        answers[number] = [model.predict_proba(parts[number]) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expectation in enumerate(expected):
        for answer in answers[number]:
            np.testing.assert_array_equal(answer, expectation)


def test_a_served_classifier_can_be_pickled(fitted, tmp_path, monkeypatch):
    export(fitted, tmp_path / "served")
    monkeypatch.chdir(tmp_path)
    served = load("served", n_threads=2)
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(served))
    assert isinstance(again, ServedClassifier)
    assert again._n_threads == 2
    assert repr(again) == repr(served)


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "x", True])
def test_odd_numbers_of_threads(n_threads, tmp_path):
    with pytest.raises(ValueError, match="n_threads must be a whole number of 1 or more, got"):
        load(tmp_path, n_threads=n_threads)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["spawn", "loky"])
@pytest.mark.parametrize("kind", ["fitted", "served"])
def test_other_processes_give_the_same_answers(kind, way, fitted, tmp_path):
    model = fitted
    if kind == "served":
        export(fitted, tmp_path)
        model = load(tmp_path)
    parts = [TEXTS[:9], TEXTS[9:]]
    if way == "loky":
        jobs = [joblib.delayed(model.predict_proba)(part) for part in parts]
        answers = joblib.Parallel(n_jobs=2)(jobs)
    else:
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            answers = list(pool.map(model.predict_proba, parts))
    expected = np.concatenate([model.predict_proba(part) for part in parts])
    # TensorFlow sums in another order with another number of threads
    tolerance = 0 if kind == "served" else 1e-6
    np.testing.assert_allclose(np.concatenate(answers), expected, rtol=0, atol=tolerance)


FORK = """
import multiprocessing, sys
from skattn import serving
served = serving.load(sys.argv[1], n_threads=int(sys.argv[2]))
expected = served.predict_proba(["a good film"]).tolist()  # threads, if any, have started

def ask(pipe):
    pipe.send(served.predict_proba(["a good film"]).tolist())

fork = multiprocessing.get_context("fork")
near, far = fork.Pipe()
child = fork.Process(target=ask, args=(far,))
child.start()
print("hangs" if not near.poll(30) else "same" if near.recv() == expected else "other")
child.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_child_forked_after_loading_answers(n_threads, fitted, run_python, tmp_path):
    export(fitted, tmp_path / "served")
    assert run_python(FORK, tmp_path / "served", n_threads).stdout == "same\n"


# -- what is refused -------------------------------------------------------------------------------


def shout(text):
    return text.upper()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("preprocessor", shout),
        ("tokenizer", str.split),
        ("analyzer", str.split),
        ("strip_accents", shout),
    ],
)
def test_functions_of_the_user_are_refused_by_name(name, function, tmp_path):
    params = {name: function} | ({"token_pattern": None} if name == "tokenizer" else {})
    for model in (pipeline(**params), TextClassifier(**SMALL, **{name: function})):
        model.fit(TEXTS, LABELS)
        with pytest.raises(ValueError, match=f"^{name}=<.* is your own function"):
            export(model, tmp_path / "served")
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize(
    "model",
    [
        None,
        LogisticRegression(),
        AttentionTextClassifier(),
        make_pipeline(SequenceVectorizer(), LogisticRegression()),
        make_pipeline(SequenceVectorizer(), "passthrough", AttentionTextClassifier()),
    ],
)
def test_other_models_are_refused(model, tmp_path):
    with pytest.raises(TypeError, match=r"pipeline of SequenceVectorizer and.*best_estimator_"):
        export(model, tmp_path)


@pytest.mark.parametrize("unit", ["D", "s", "us", "ns"])
def test_labels_that_are_dates_are_refused(unit, tmp_path):
    days = np.array(["2020-01-01", "2021-01-01"], dtype=f"M8[{unit}]")
    model = pipeline().fit(TEXTS, days[np.arange(len(TEXTS)) % 2])
    with pytest.raises(ValueError, match=r"^The label np.datetime64.*2020-01-01.* is a datetime64"):
        export(model, tmp_path / "served")
    assert not (tmp_path / "served").exists()


MISSING = {
    "onnx": ("export", {}, r"^skattn.serving.export needs the package onnx: .*skattn\[onnx\]"),
    "onnxruntime.quantization": (
        "export",
        {"weights": "int8"},
        r'^skattn.serving.export with weights="int8" needs the package onnxruntime: .*\[onnx\]',
    ),
    "onnxruntime": ("load", {}, "needs the package onnxruntime: pip install onnxruntime"),
    "tokenizers": ("load", {}, r"install the package tokenizers .*skattn\[tokenizers\]"),
}


@pytest.mark.parametrize("package", MISSING)
def test_a_package_that_is_missing_is_named(package, subwords, tmp_path, monkeypatch):
    way, options, message = MISSING[package]
    model = pipeline(analyzer=subwords).fit(TEXTS, LABELS)
    if way == "load":
        export(model, tmp_path / "served")
    before = list(tmp_path.rglob("*"))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=message):
        load(tmp_path / "served") if way == "load" else export(model, tmp_path, **options)
    assert list(tmp_path.rglob("*")) == before


def test_unfitted_models_are_refused(tmp_path):
    for model in (TextClassifier(), pipeline()):
        with pytest.raises(NotFittedError):
            export(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_error_of_export_onnx_points_here(fitted, tmp_path):
    with pytest.raises(TypeError, match=r"skattn\.serving\.export"):
        export_onnx(fitted, tmp_path / "model.onnx")


def test_no_answer_holds_a_nan(fitted, tmp_path):
    export(fitted, tmp_path)
    served = load(tmp_path)
    linear = next(part for *_, part in served._parts if hasattr(part, "intercepts"))
    linear.intercepts[:] = np.nan
    for ask in (served.predict, served.predict_proba):
        with pytest.raises(ValueError, match=r"not finite.*Export it again"):
            ask(UNSEEN)


def test_bad_texts_are_named(fitted, tmp_path):
    export(fitted, tmp_path)
    served = load(tmp_path)
    with pytest.raises(ValueError, match="one bare string"):
        served.predict("a good film")
    with pytest.raises(ValueError, match="1 of 2 texts are missing"):
        served.predict(["a good film", None])
    with pytest.raises(ValueError, match=r"Row 1 .* is not a text but 7"):
        served.predict(["a good film", 7])


# -- files -----------------------------------------------------------------------------------------


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no settings\.json"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no settings\.json"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.onnx", "words.npz", "linear.npz"])
def test_files_of_two_exports_are_told_apart(name, fitted, tmp_path):
    export(fitted, tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is not the file that"):
        load(tmp_path)


def test_damaged_and_newer_settings_are_refused(fitted, tmp_path):
    export(fitted, tmp_path)
    path = tmp_path / "settings.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"format": 99}))
    with pytest.raises(ValueError, match="another version of skattn"):
        load(tmp_path)
    for damaged in (path.read_text()[:40], "[]", "{}"):
        path.write_text(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            load(tmp_path)


def test_an_export_replaces_the_one_before(fitted, tmp_path):
    export(fitted, tmp_path / "served")
    check_same(pipeline().fit(TEXTS, LABELS), tmp_path / "served")
    assert not (tmp_path / "served" / "linear.npz").exists()


def test_files_that_are_not_of_an_export_stay(fitted, tmp_path):
    theirs = {"tokenizer.json": b"{}", "notes.txt": b"mine"}
    for name, content in theirs.items():
        (tmp_path / name).write_bytes(content)
    export(fitted, tmp_path)  # which has no tokenizer.json
    export(TextClassifier(network=False, **SMALL).fit(TEXTS, LABELS), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in theirs} == theirs
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*theirs, "linear.npz", "settings.json"]
    )
    (tmp_path / "words.npz").write_bytes(b"mine too")
    with pytest.raises(FileExistsError, match=r"has a words.npz that is not of an earlier export"):
        export(fitted, tmp_path)
    assert (tmp_path / "words.npz").read_bytes() == b"mine too"
    other = tmp_path / "other"
    other.mkdir()
    (other / "tokenizer.json").write_bytes(b"{}")
    for settings in ('{"editor": "dark"}', "{} // a comment", "[]", '{"format": 1, "files": null}'):
        (other / "settings.json").write_text(settings)
        with pytest.raises(FileExistsError, match=r"settings.json that is not of an earlier"):
            export(fitted, other)
        assert (other / "settings.json").read_text() == settings
        assert (other / "tokenizer.json").exists()


def test_a_full_disk_leaves_the_old_export(fitted, tmp_path, monkeypatch):
    export(fitted, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_):
        raise OSError("No space left on device")

    other = pipeline().fit(TEXTS, LABELS)
    monkeypatch.setattr("skattn.utils._files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export(other, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


class Cleaning(SequenceVectorizer):
    def transform(self, X):
        return super().transform([text.replace("good", "bad") for text in X])


class Certain(TextClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X).round()


class Named(SequenceVectorizer):
    """Changes nothing."""


def test_code_of_a_subclass_is_not_exported(tmp_path):
    texts, labels = ["a good film", "a bad film"] * 10, ["good", "bad"] * 10
    classifier = AttentionTextClassifier(encoder="none", epochs=1)
    models = [make_pipeline(Cleaning(), classifier), Certain(epochs=1)]
    for model, name in zip(models, ["Cleaning has its own transform", "Certain has"], strict=True):
        with pytest.raises(TypeError, match=f"{name}.*cannot be exported"):
            export(model.fit(texts, labels), tmp_path / "refused")
    export(make_pipeline(Named(), classifier).fit(texts, labels), tmp_path / "named")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are UTF-8 elsewhere")
def test_a_folder_whose_name_is_no_utf8(tmp_path):
    folder = os.path.join(tmp_path, os.fsdecode(b"caf\xe9"))
    model = TextClassifier(epochs=1, units=2, random_state=0)
    model.fit(["good film", "bad film"] * 9, ["a", "b"] * 9)
    export(model, folder)
    assert load(folder).predict(["good film"]).tolist() == ["a"]
