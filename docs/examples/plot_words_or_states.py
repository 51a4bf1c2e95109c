"""
Attention on words or on states?
================================

Two models with the same accuracy, but different attention. Which one can
you trust?
"""

# %%
# In these reviews, a single word decides whether the review is good or
# bad.

from itertools import product

heads = [
    "we saw it on Monday",
    "this is the second one",
    "it was raining",
    "my friend came",
]
moods_of = {
    "wonderful": "good",
    "superb": "good",
    "tedious": "bad",
    "clumsy": "bad",
}
texts, moods = [], []
for (word, mood), (head, tail) in product(
    moods_of.items(), product(heads, repeat=2)
):
    texts.append(f"{head} and it was {word} and {tail}")
    moods.append(mood)

# %%
# Without an encoder, each hidden state represents one word. With an LSTM,
# it represents the text up to and including that word.

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skattn import (
    AttentionDisplay,
    AttentionTextClassifier,
    SequenceVectorizer,
)


def fitted(encoder, attention):
    classifier = AttentionTextClassifier(
        encoder=encoder,
        attention=attention,
        epochs=15,
        learning_rate=0.005,
        random_state=0,
    )
    return make_pipeline(SequenceVectorizer(), classifier).fit(texts, moods)


models = {
    "words": fitted("none", "additive"),
    "LSTM states": fitted("lstm", "feedforward"),
}
shown = slice(0, None, 40)
figure, panels = plt.subplots(2, figsize=(8, 4.5))
for panel, (name, model) in zip(panels, models.items(), strict=True):
    display = AttentionDisplay.from_estimator(
        model, texts[shown], moods[shown]
    )
    display.plot(panel)
    panel.set_title(f"attention on {name}", loc="left")

# %%
# Both models predict well. But the LSTM's attention is spread over the
# text and also falls on words after the decisive one, because the later
# states still contain it. To find out which plot you can trust, run an
# experiment: remove words and let the model predict again.

from skattn import faithfulness_report

for name, model in models.items():
    judged = faithfulness_report(model, texts, n_texts=30, random_state=0)
    print(f"{name}: {judged.verdict}")

# %%
# The full report on the first model compares attention with random words,
# equal weights, gradients and leave-one-out.

report = faithfulness_report(
    models["words"], texts, moods, n_texts=30, random_state=0
)
_ = report.plot()

# %%
# ``print`` shows the same report as text, with the rule for the verdict:

print(report)
