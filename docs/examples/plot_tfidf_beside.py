"""
Comparison with TF-IDF
======================

When does a network that reads the order of words beat TF-IDF?
"""

# %%
# The two classes use the *same words*: the label depends on who bites
# whom. A bag of words cannot tell them apart. Pairs of words help only
# where the decisive words are next to each other. A network that reads the
# words in order can learn the difference.

import random

people = ["Ann", "Ben", "Cleo", "Dan", "Eve", "Finn"]
animals = ["dog", "cat", "horse", "goose", "parrot", "pony"]
places = [
    "in the garden",
    "last night",
    "near the old mill",
    "again",
    "on the way home",
]
rng = random.Random(0)


def sentence(bitten):
    person, animal = rng.choice(people), f"the {rng.choice(animals)}"
    one, other = (animal, person) if bitten else (person, animal)
    where = rng.choice(places)
    return rng.choice(
        [f"{one} {where} bit {other}", f"{where} {one} quickly bit {other}"]
    )


labels = ["bitten", "bites"] * 150
texts = [sentence(label == "bitten") for label in labels]
print(texts[0], texts[1], sep="\n")

# %%
# We compare all models with the same cross-validation folds.

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skattn import AttentionTextClassifier, SequenceVectorizer


def network(encoder):
    classifier = AttentionTextClassifier(
        encoder=encoder,
        units=32,
        epochs=12,
        learning_rate=0.005,
        random_state=0,
    )
    return make_pipeline(SequenceVectorizer(), classifier)


models = {
    "TF-IDF, words": make_pipeline(TfidfVectorizer(), LinearSVC()),
    "TF-IDF, words and pairs": make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LinearSVC()
    ),
    'network, encoder="none"': network("none"),
    'network, encoder="lstm"': network("lstm"),
}
scores = pd.Series(
    {
        name: cross_val_score(model, texts, labels, cv=3).mean()
        for name, model in models.items()
    }
)
scores.round(2)

# %%
# On most real texts, word order matters less, and TF-IDF with a linear
# model is a strong baseline. Always compare your network with it.
# ``make_text_classifier`` combines both.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
ax.barh(scores.index[::-1], scores[::-1], color="#4c74e0")
ax.axvline(0.5, color="#1b2130", lw=1, ls=":")
ax.set(xlim=(0, 1), xlabel="accuracy, 3 folds (dotted: chance)")
ax.spines[["top", "right"]].set_visible(False)
