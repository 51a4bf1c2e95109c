"""Explanations and faithfulness of models that read columns of data frames."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from skattn import (
    AttentionTextClassifier,
    EvidenceDisplay,
    GatedDenseClassifier,
    GateDisplay,
    SequenceVectorizer,
    TextClassifier,
    explain_texts,
    faithfulness_report,
)

Y = np.array(["good", "bad"] * 20)
FRAME = pd.DataFrame(
    {
        "title": [f"title {row % 7}" for row in range(40)],
        "body": [f"a {'fine' if row % 2 == 0 else 'dull'} film {row % 5}" for row in range(40)],
    }
)
LINEAR = {"network": False, "random_state": 0}


def words_of(explanation):
    return " ".join(explanation.tokens)


@pytest.mark.parametrize("columns", ["body", ["body"], ("body",), FRAME.columns[1:]])
def test_a_frame_of_one_column(columns):
    model = TextClassifier(columns=columns, **LINEAR).fit(FRAME, Y)
    for frame in (FRAME, FRAME[["body"]], pl.DataFrame(FRAME.to_dict("list"))):
        explanation = explain_texts(model, frame)[0]
        assert words_of(explanation) == "a fine film 0"
        np.testing.assert_allclose(explanation.probabilities, model.predict_proba(frame)[0])


def test_a_dict_of_columns():
    model = TextClassifier(columns=["title", "body"], **LINEAR).fit(FRAME, Y)
    columns = FRAME.to_dict("list")
    expected = EvidenceDisplay.from_estimator(model, FRAME, Y).to_frame()
    found = EvidenceDisplay.from_estimator(model, columns, Y).to_frame()
    pd.testing.assert_frame_equal(found, expected)
    shuffled = {name: FRAME[name].set_axis(FRAME.index[::-1]) for name in FRAME.columns}
    for odd in (shuffled, columns | {"other": ["columns", "are not read"]}):
        found = EvidenceDisplay.from_estimator(model, odd, Y).to_frame()
        pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(ValueError, match=r"differ in length: \{'title': 40, 'body': 2\}"):
        explain_texts(model, columns | {"body": ["too", "few"]})
    model.set_params(columns=None)  # for the next fit
    assert explain_texts(model, columns)[0].columns == explain_texts(model, FRAME)[0].columns
    assert faithfulness_report(model, columns, Y, n_texts=4).accuracy == model.score(columns, Y)
    with pytest.raises(ValueError, match="got dict"):
        explain_texts(TextClassifier(**LINEAR).fit(FRAME["body"], Y), columns)


def test_tokens_that_arrow_cannot_hold():
    model = TextClassifier(**LINEAR).fit(FRAME["body"], Y)
    texts = ["a fine \ud800 film"] * 2
    assert explain_texts(model, texts)[0].to_frame()["token"][2] == "\ud800"
    both = TextClassifier(columns=["title", "body"], **LINEAR).fit(FRAME, Y)
    assert "\ud800" in explain_texts(both, {"title": texts, "body": texts})[0].tokens
    words = EvidenceDisplay.from_estimator(model, texts).to_frame(min_texts=1)["word"]
    assert "\ud800" in set(words)


def test_a_step_that_picks_a_column():
    pick = FunctionTransformer(lambda frame: frame["body"])
    model = make_pipeline(pick, TextClassifier(**LINEAR)).fit(FRAME, Y)
    assert words_of(explain_texts(model, FRAME[["body"]])[0]) == "a fine film 0"


@pytest.mark.parametrize(
    "features",
    [TfidfVectorizer(), FeatureUnion([("words", TfidfVectorizer())])],
    ids=["one", "union"],
)
def test_a_column_of_texts_is_a_list_of_them(features):
    model = make_pipeline(features, LogisticRegression()).fit(FRAME["body"], Y)
    for texts in (FRAME[["body"]], FRAME["body"], FRAME["body"].tolist()):
        assert len(explain_texts(model, texts)) == 40


LOGISTIC = make_pipeline(make_column_transformer((TfidfVectorizer(), "body")), LogisticRegression())
OF_ONE_COLUMN = {
    "words": LOGISTIC,
    "union": make_pipeline(
        make_column_transformer((FeatureUnion([("words", TfidfVectorizer())]), "body")),
        LogisticRegression(),
    ),
    "vote": VotingClassifier([("a", LOGISTIC), ("b", LOGISTIC)], voting="soft"),
    "calibration": CalibratedClassifierCV(LOGISTIC, cv=2),
    "search": GridSearchCV(LOGISTIC, {"logisticregression__C": [1]}, cv=2),
    "passthrough": make_pipeline(
        make_column_transformer(("passthrough", ["body"])), TextClassifier(**LINEAR)
    ),
}


@pytest.mark.parametrize("model", OF_ONE_COLUMN.values(), ids=OF_ONE_COLUMN)
@pytest.mark.parametrize("frame", [FRAME, pl.DataFrame(FRAME.to_dict("list"))], ids=["pd", "pl"])
def test_a_column_transformer_of_one_text_column(model, frame):
    model = clone(model).fit(frame, Y)
    explanation = explain_texts(model, frame)[0]
    assert explanation.text == "a fine film 0"
    assert explanation.top_evidence("good", n=1)[0][0][0] == "fine"
    np.testing.assert_allclose(explanation.probabilities, model.predict_proba(frame)[0])


@pytest.fixture(scope="module")
def network():
    reading = make_pipeline(FunctionTransformer(), SequenceVectorizer())
    return make_pipeline(
        make_column_transformer((reading, ["body"]), ("drop", ["title"])),
        AttentionTextClassifier(encoder="none", units=4, epochs=1, random_state=0),
    ).fit(FRAME, Y)


def test_a_network_behind_a_column_transformer(network):
    explanation = explain_texts(network, FRAME)[0]
    assert words_of(explanation) == "fine film"
    np.testing.assert_allclose(explanation.probabilities, network.predict_proba(FRAME)[0])
    assert len(EvidenceDisplay.from_estimator(network, FRAME[:2]).explanations) == 2
    with pytest.raises(TypeError, match=r"reads column \['body'\] of a data frame"):
        explain_texts(network, "a fine film")


@pytest.mark.parametrize(
    "columns",
    [
        make_column_transformer((TfidfVectorizer(), "body"), (TfidfVectorizer(), "title")),
        ColumnTransformer([("a", TfidfVectorizer(), "body")], transformer_weights={"a": 2}),
        make_column_transformer((OrdinalEncoder(), ["body"])),
    ],
    ids=["two", "weights", "categories"],
)
def test_a_column_transformer_that_hides_the_words_is_named(columns):
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)
    with pytest.raises(TypeError, match="A ColumnTransformer is explained only if"):
        explain_texts(model, FRAME)


def test_faithfulness_behind_a_column_transformer_says_what_to_do():
    for model in (clone(LOGISTIC), make_pipeline(FunctionTransformer(), *clone(LOGISTIC))):
        with pytest.raises(TypeError, match="on this column alone, without the ColumnTransformer"):
            faithfulness_report(model.fit(FRAME, Y), FRAME, Y)


def test_gates_behind_a_column_transformer_have_its_names():
    columns = make_column_transformer((TfidfVectorizer(), "body"))
    gated = GatedDenseClassifier(gate="inputs", epochs=1, units=4, random_state=0)
    display = GateDisplay.from_estimator(make_pipeline(columns, gated).fit(FRAME, Y), FRAME, Y)
    assert "tfidfvectorizer__film" in display.names


def test_faithfulness_of_a_model_of_columns():
    model = TextClassifier(columns=["title", "body"], **LINEAR)
    search = GridSearchCV(model, {"min_df": [1]}, cv=2).fit(FRAME, Y)
    joined = [f"{title}\n{body}" for title, body in FRAME.itertuples(index=False)]
    plain = TextClassifier(min_df=1, **LINEAR).fit(joined, Y)
    options = {"n_texts": 10, "n_random": 2, "random_state": 0}
    expected = faithfulness_report(plain, joined, Y, **options).to_frame()
    for fitted, frame in ((search, FRAME), (search, pl.DataFrame(FRAME.to_dict("list")))):
        report = faithfulness_report(fitted, frame, Y, **options)
        pd.testing.assert_frame_equal(report.to_frame(), expected)
        assert report.accuracy == 1.0


@pytest.mark.slow
def test_seeds_of_a_model_of_columns():
    model = TextClassifier(
        columns=["body"], linear=False, epochs=1, units=4, embedding_dim=4, random_state=0
    ).fit(FRAME, Y)
    report = faithfulness_report(
        model, FRAME, Y, refit=(FRAME, Y), n_seeds=2, n_texts=4, n_random=2, random_state=0
    )
    assert report.seed_agreement is not None


def test_a_vectorizer_is_explained_by_its_texts():
    assert SequenceVectorizer().__sklearn_tags__().input_tags.string
    assert TextClassifier().__sklearn_tags__().input_tags.string
    assert TextClassifier(columns="body").__sklearn_tags__().input_tags.two_d_array
