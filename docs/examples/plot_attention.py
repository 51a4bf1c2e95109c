"""
What did it look at?
====================

Attention on the words of the text, as a picture and as a page.
"""

# %%
# Short messages to a shop, about an account, a bill or a delivery. A few
# sentences in every combination, so that nothing has to be downloaded.

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
# With ``encoder="none"`` the attention looks at the embedded words
# themselves, and ``attention="additive"`` lets it be as sharp as it likes.
# ``word_dropout=0.2`` hides every fifth word in training, so that the
# network learns what an unknown word means: nothing.

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
# The darker a word, the more attention it got. Words are shaded within
# their text: full colour is the heaviest word, unless the attention is
# spread evenly, which stays pale.

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
# In a notebook the display shows the texts with their probabilities.
# ``display.save_html("page.html")`` writes them into one page that needs no
# network: filter it by class, and point at a word, or move there with the
# keyboard, to read its weight.

display

# %%
# The numbers behind it, one row for each word:

from skattn import explain_texts

explain_texts(model, new_texts)[1].to_frame().round(3)
