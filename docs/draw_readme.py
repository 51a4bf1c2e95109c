"""Draw the picture of README.md: train on a few sentences, explain messages that are new.

Run ``python docs/draw_readme.py`` from a checkout; it needs the extra ``plot`` and writes
``docs/_static/readme.png``.
"""

from itertools import product
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from skattn import AttentionDisplay, TextClassifier

PATH = Path(__file__).parent / "_static" / "readme.png"
WIDTH, HEIGHT, DPI = 7.2, 2.6, 200  # inches, pixels per inch
MARGIN = 0.3  # inches, between the edge of the card and the texts

OPENINGS = ["Hello,", "Good morning,", "Dear team,", "Hi there,"]
STORIES = [
    "I wrote to you last week",
    "nobody answers the phone",
    "this is the third time",
    "my colleague had the same in May",
]
PROBLEMS = {
    "account": [
        "my password is not accepted",
        "I cannot log in any more",
        "the account is locked",
        "the login page is blank",
    ],
    "billing": [
        "the invoice is far too high",
        "please refund my payment",
        "my card was charged twice",
        "this invoice was paid in March",
    ],
    "delivery": [
        "the parcel never came",
        "your courier lost my parcel",
        "it was shipped to an old address",
        "the courier left it in the rain",
    ],
}
NEW = [
    ("account", "Nobody answers the phone, and my password is still wrong."),
    ("delivery", "I wrote to you last week because the courier never came. Where is my parcel?"),
    ("billing", "Good morning, this is the second invoice in May and I was charged twice."),
]


def train():
    """A classifier of messages to a shop, trained on every combination of the sentences."""
    texts, labels = [], []
    for label, problems in PROBLEMS.items():
        for opening, problem, story in product(OPENINGS, problems, STORIES):
            texts += [f"{opening} {problem} and {story}.", f"{opening} {story} and {problem}."]
            labels += [label, label]
    classifier = TextClassifier(
        linear=False, encoder="none", attention="additive", word_dropout=0.2, epochs=20,
        random_state=0,
    )  # fmt: skip
    return classifier.fit(texts, labels)


def draw(classifier):
    """The new messages on a white card, which can be read on light and dark pages alike."""
    labels, texts = zip(*NEW, strict=True)
    figure = plt.figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="none", layout="none")
    ground = figure.add_axes((0, 0, 1, 1))
    ground.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    ground.set_axis_off()
    style = "round,pad=0,rounding_size=0.14"
    edge = 0.02
    card = FancyBboxPatch(
        (edge, edge), WIDTH - 2 * edge, HEIGHT - 2 * edge, boxstyle=style, fc="white", ec="#d0d7de"
    )
    ground.add_patch(card)
    box = (MARGIN / WIDTH, 0, 1 - 2 * MARGIN / WIDTH, 1 - 0.25 / HEIGHT)
    axes = figure.add_axes(box, facecolor="none")
    AttentionDisplay.from_estimator(classifier, texts, labels).plot(axes)
    return figure


if __name__ == "__main__":
    draw(train()).savefig(PATH, dpi=DPI)
    print(f"{PATH}: {PATH.stat().st_size / 1000:.0f} kB")
