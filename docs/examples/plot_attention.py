"""
Plot attention on words
=======================

Show which words a network attends to, as a plot and as an HTML page.
"""

# %%
# The texts are short messages to a shop, each about an account, a bill or
# a delivery. To avoid a download, we generate them from a few sentences.

from itertools import product

openings = ["Hello,", "Good morning,", "Dear team,", "Hi there,"]
stories = [
    "I wrote to you last week",
    "nobody answers the phone",
    "this is the third time",
]
problems = {
    "account": [
        "my password is not accepted",
        "the account is locked",
        "I cannot log in",
    ],
    "billing": [
        "the invoice is too high",
        "please refund my payment",
        "I was charged twice",
    ],
    "delivery": [
        "the parcel never came",
        "your courier lost my box",
        "it was shipped elsewhere",
    ],
}
texts, topics = [], []
for topic, sentences in problems.items():
    for opening, sentence, story in product(openings, sentences, stories):
        texts += [
            f"{opening} {sentence} and {story}.",
            f"{opening} {story} and {sentence}.",
        ]
        topics += [topic, topic]

# %%
# With ``encoder="none"``, attention applies directly to the word
# embeddings, and ``attention="additive"`` does not limit the weights.
# ``word_dropout=0.2`` hides a fifth of the words during training, so that
# the network learns to handle unknown words.

from sklearn.pipeline import make_pipeline

from skattn import (
    AttentionDisplay,
    AttentionTextClassifier,
    SequenceVectorizer,
)

model = make_pipeline(
    SequenceVectorizer(),
    AttentionTextClassifier(
        encoder="none",
        attention="additive",
        word_dropout=0.2,
        epochs=20,
        random_state=0,
    ),
)
_ = model.fit(texts, topics)

# %%
# The darker a word, the more attention it received. The darkest shade is
# the word with the largest weight in its text, unless attention is spread
# evenly; then all words stay pale.

new_texts = [
    "Where is my parcel? I wrote to you last week.",
    "Nobody answers the phone and my password is wrong.",
    "Good morning, the invoice came twice.",
    "Is the courier on the way, or is he lost?",
]
new_topics = ["delivery", "account", "billing", "delivery"]
display = AttentionDisplay.from_estimator(model, new_texts, new_topics)
_ = display.plot()

# %%
# In a notebook, the display shows the texts with their predicted
# probabilities. ``display.save_html("page.html")`` saves them as a page
# that works offline. You can filter it by class, and see the weight of a
# word with the mouse or the keyboard.

display

# %%
# The same weights as a data frame, with one row per word:

from skattn import explain_texts

explain_texts(model, new_texts)[1].to_frame().round(3)
