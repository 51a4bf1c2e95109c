"""
Attention on words or on states?
================================

The same texts, the same accuracy, two pictures. Which one can you believe?
"""

# %%
# Reviews in which one word tells the mood, somewhere in the text.

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
# Without an encoder each hidden state is one word. With an LSTM it is
# everything up to that word.

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
# Both predict well. But the LSTM's attention is spread over the text, also
# over words after the telling one, because these states remember it.
# Looking at the picture does not settle the matter, an experiment does:
# take words away, and ask the model again.

from skattn import faithfulness_report

for name, model in models.items():
    judged = faithfulness_report(model, texts, n_texts=30, random_state=0)
    print(f"{name}: {judged.verdict}")

# %%
# The whole report on the first model, beside random words, equal weights,
# gradients and leave-one-out. ``print(report)`` gives the same as text.

report = faithfulness_report(
    models["words"], texts, moods, n_texts=30, random_state=0
)
_ = report.plot()

# %%
# The rule, and how each part of it came out:

print(report)
