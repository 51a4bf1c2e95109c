"""What the demo does, step by step; importing this module imports TensorFlow."""

import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skattn import AttentionPooling, EvidenceDisplay, explain_texts, make_text_classifier
from skattn.demo._tables import PAGE_FILE, PIPELINE_FILE, DemoError

OURS, BASELINE, PRETRAINED = "skattn", "TF-IDF+SVM", "pretrained"
LEARNING_RATES = (2e-3, 4e-3)
N_FOLDS = 3
N_SEARCH_TEXTS = 600  # settings are compared on a part, then used on the whole
N_SHOWN_TEXTS = 4
N_REPORT_TEXTS = 100


def start_tensorflow():
    """Let TensorFlow write now what it says of the machine at its first computations."""
    for dtype in ("float32", "float16"):  # pretrained transformers are kept in half precision
        AttentionPooling(dtype=dtype)(np.zeros((1, 1, 1), dtype=dtype))


def run(corpus, folder, screen, pretrained=None):
    """Split, tune, fit, compare, save and load, explain; returns the exit status."""
    start = time.perf_counter()
    folder = Path(folder)
    train_texts, texts, train_labels, labels = _split(corpus.texts, corpus.labels, 0.25)
    try:
        pipeline = _tune_and_fit(train_texts, train_labels, screen)
        baseline = _fit_baseline(train_texts, train_labels, screen)
    except ValueError as error:
        raise DemoError(f"cannot learn from these texts: {error}") from None
    predictions = pipeline.predict(texts)
    compared = {OURS: predictions, BASELINE: baseline.predict(texts)}
    if pretrained is not None:
        model = _fit_pretrained(pretrained, train_texts, train_labels, screen)
        compared[PRETRAINED] = model.predict(texts)
    screen.show_report(labels, compared)
    try:
        same = _save_and_load(pipeline, texts, folder / PIPELINE_FILE, screen)
        _explain(pipeline, texts, labels, predictions, screen)
        _write_page(pipeline, texts, labels, folder / PAGE_FILE, screen)
    except OSError as error:  # a full disk, for one
        raise DemoError(f"cannot write to the folder {folder}: {error.strerror or error}") from None
    screen.title(f"Done in {time.perf_counter() - start:.0f} s")
    if pretrained is None:
        screen.say(
            "A pretrained transformer knows more words: python -m skattn --pretrained MODEL, where "
            "MODEL is a folder or a name on the Hugging Face hub.",
            style="dim",
        )
    return 0 if same else 1


def _split(texts, labels, test_size):
    """Two parts with the same share of each class."""
    return train_test_split(texts, labels, test_size=test_size, stratify=labels, random_state=0)


def _tune_and_fit(texts, labels, screen):
    """Cross-validate the settings on a part of the texts, then fit the best on all of them."""
    pipeline = make_text_classifier(random_state=0)
    grid = {"learning_rate": LEARNING_RATES}
    search = GridSearchCV(pipeline, grid, cv=N_FOLDS, refit=False, error_score="raise")
    some_texts, some_labels = texts, labels
    n_searched = max(N_SEARCH_TEXTS, 2 * N_FOLDS * len(set(labels)))
    if len(texts) >= 2 * n_searched:
        some_texts, _, some_labels, _ = _split(texts, labels, 1 - n_searched / len(texts))
    screen.title("Training")
    with screen.step(f"Grid search, {N_FOLDS} folds of {len(some_texts):,} training texts"):
        search.fit(some_texts, some_labels)
    screen.show_search(search.cv_results_)
    with screen.step(f"Training the best on all {len(texts):,} training texts"):
        return pipeline.set_params(**search.best_params_).fit(texts, labels)


def _fit_baseline(texts, labels, screen):
    """The linear model that a neural one has to stand beside."""
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    with screen.step("Training TF-IDF (words and pairs) and a linear SVM on the same texts"):
        return make_pipeline(vectorizer, LinearSVC(C=0.5, random_state=0)).fit(texts, labels)


def _fit_pretrained(pretrained, texts, labels, screen):
    """The recommended classifier, its network begun with a pretrained transformer."""
    model = make_text_classifier(pretrained=pretrained, random_state=0)
    try:
        with screen.step("Training from the pretrained model on the same texts"):
            return model.fit(texts, labels)
    except (OSError, ValueError, ImportError) as error:
        raise DemoError(f"cannot begin with {pretrained}: {error}") from None


def _save_and_load(pipeline, texts, path, screen):
    """Whether the pipeline that comes back from the file gives the very same probabilities."""
    screen.title("Saving")
    before = pipeline.predict_proba(texts)
    joblib.dump(pipeline, path)
    same = np.array_equal(before, joblib.load(path).predict_proba(texts))
    rows, classes = before.shape
    screen.say(f"{path}: {path.stat().st_size / 1e6:.1f} MB, saved with joblib and loaded again.")
    screen.say(
        f"Its {rows:,} x {classes} test probabilities are "
        + ("equal to the last bit." if same else "NOT EQUAL: please report this."),
        style="green" if same else "bold red",
    )
    return same


def _explain(pipeline, texts, labels, predictions, screen):
    """Show a few test texts with the words for and against the prediction."""
    screen.title("The words that decided, in test texts (in points of probability)")
    rows = _rows_to_show(labels, predictions)
    explanations = explain_texts(pipeline, [texts[row] for row in rows])
    for row, explanation in zip(rows, explanations, strict=True):
        screen.show_explanation(explanation, labels[row])


def _rows_to_show(labels, predictions):
    """One right text of each of several classes, and a wrong one if there is one."""
    first_right, wrong = {}, []
    for row, (label, prediction) in enumerate(zip(labels, predictions, strict=True)):
        if label == prediction:
            first_right.setdefault(label, row)
        else:
            wrong.append(row)
    right = list(first_right.values())[: N_SHOWN_TEXTS - bool(wrong)]
    return right + wrong[: N_SHOWN_TEXTS - len(right)]


def _write_page(pipeline, texts, labels, path, screen):
    """The same for more texts, as a page to look through."""
    texts, labels = texts[:N_REPORT_TEXTS], labels[:N_REPORT_TEXTS]
    EvidenceDisplay.from_estimator(pipeline, texts, labels).save_html(path)
    screen.title("The page")
    screen.say(f"{path}: {len(texts)} test texts to look through; open it in a browser.")
    screen.say(
        "Whether these words explain the predictions can be measured: skattn.faithfulness_report.",
        style="dim",
    )
