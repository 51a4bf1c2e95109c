"""The rules of `TextClassifier` for a network that starts from a pretrained model."""

import itertools
import math
from numbers import Integral
from typing import NamedTuple

from skattn.estimators._text_config import is_static
from skattn.utils._pretrained_folder import find_folder, n_positions, read_config

_FLOPS = 24  # of a layer for one token, times its width squared
_TRAINING = 3  # training costs as much as three forward passes
TOKENS_A_WORD = 1.3
_SPECIAL = 2  # tokens that a model adds to a text
MOST_WORK = 4e13  # floating-point operations of a fit: a few minutes on two cores
MOST_WORK_A_TEXT = 2e10  # so that few texts take a minute
MOST_TOKENS, FEWER_TOKENS = 256, 128
MOST_EPOCHS, USUAL_EPOCHS, LEAST_EPOCHS = 20, 5, 3
PASSES = 25_000  # number of texts times epochs, if this is between the limits above
LEAST_PASSES = 3_000  # the same, at least
FEW_TEXTS = 256
ALL_LAYERS_FROM = 20  # texts per class, on average, unless there are few texts
FEWER_LAYERS = 2


class Model(NamedTuple):
    """The properties of a pretrained model that the rules use."""

    static: bool  # one table of vectors
    n_layers: int = 0
    width: int = 0
    max_tokens: int = 0  # of a text


def model_of(pretrained):
    """Read the configuration of a pretrained model; None if `pretrained` is None."""
    if pretrained is None:
        return None
    config = read_config(find_folder(pretrained))
    if is_static(config):
        return Model(static=True)
    n_layers = config.get("num_hidden_layers", config.get("n_layers"))
    width = config.get("hidden_size", config.get("dim"))
    sizes = [
        size if isinstance(size, int) else usual  # the network's own reading names what is wrong
        for size, usual in ((n_layers, 12), (width, 768))
    ]
    positions = n_positions(config) or MOST_TOKENS
    return Model(False, *sizes, min(positions - _SPECIAL, MOST_TOKENS))


def model_in(network):
    """The same for the model in a fitted network, whose folder may be gone.

    Parameters
    ----------
    network : Pipeline
        Of a vectorizer and a classifier.
    """
    if not hasattr(network[0], "_tokenizer"):
        return None
    backbone = network[-1]._fitted.config.get("backbone")
    if not backbone:
        return Model(static=True)
    most = backbone["n_positions"] - len(backbone["prefix"]) - len(backbone["suffix"])
    return Model(False, len(backbone["layers"]), backbone["width"], min(most, MOST_TOKENS))


class Plan(NamedTuple):
    """How long a network with a pretrained transformer is trained."""

    epochs: int
    tuned_layers: int
    max_length: int


def settings_for(model, facts, given):
    """The settings of the network's parameters as {name: (value, reason)}.

    Parameters
    ----------
    model : Model
    facts : Facts
    given : dict
        All parameters; those that are not None stay, and the plan takes them into account.
    """
    plan, why = _plan(model, facts, given)
    usual = {
        "encoder": "none",
        "extra_pooling": "none",
        "learning_rate": 1e-3,
        "weight_decay": 0.01,
        "learning_rate_schedule": "linear",
        "optimizer": "adam",
        "dropout": 0.1,
        "label_smoothing": 0.0,
        "weight_averaging": False,
    }
    reason = "usual for a pretrained transformer"
    settings = {name: (value, reason) for name, value in usual.items()}
    settings |= {name: (value, why) for name, value in plan._asdict().items()}
    others = {"batch_size": 32, "attention": "additive", "tuned_rate": 0.2}
    settings |= {name: (value, reason) for name, value in others.items()}
    settings["truncation"] = ("both", reason)
    if few(facts):
        why = f"fewer than {FEW_TEXTS} texts: "
        settings["batch_size"] = (8, why + "smaller batches make more steps")
        settings["attention"] = ("uniform", why + "too few to learn where to look")
        if plan.tuned_layers == model.n_layers:
            settings["tuned_rate"] = (0.05, why + "all layers change, but only a little")
    elif not _all_layers(facts):
        why = f"{FEW_TEXTS} or more texts, but fewer than {ALL_LAYERS_FROM} per class"
        settings["tuned_layers"] = (plan.tuned_layers, why)
    return settings


def few(facts):
    """Tell whether the texts are too few for the usual training of a pretrained transformer.

    Parameters
    ----------
    facts : Facts
    """
    return facts.n_texts < FEW_TEXTS


def _all_layers(facts):
    return few(facts) or facts.n_texts >= ALL_LAYERS_FROM * facts.n_classes


def _plan(model, facts, given):
    """The longest training within the bound on the work, and the reason in words."""
    epochs = min(max(math.ceil(PASSES / facts.n_texts), USUAL_EPOCHS), MOST_EPOCHS)
    bound = min(MOST_WORK, MOST_WORK_A_TEXT * max(facts.n_texts, FEW_TEXTS))
    wished = Plan(
        given["epochs"] or epochs,
        model.n_layers if _all_layers(facts) else min(FEWER_LAYERS, model.n_layers),
        given["max_length"] if isinstance(given["max_length"], Integral) else model.max_tokens,
    )
    if given["tuned_layers"] is not None:
        tuned = given["tuned_layers"]
        wished = wished._replace(tuned_layers=model.n_layers if tuned == "all" else tuned)
    least = min(math.ceil(PASSES / facts.n_texts), LEAST_EPOCHS)
    least = min(max(math.ceil(LEAST_PASSES / facts.n_texts), least), MOST_EPOCHS)
    plans = list(_ever_shorter(wished, least, given))
    plan = next((plan for plan in plans if work(model, facts, plan) <= bound), None)
    n_texts = f"{facts.n_texts:,} texts of {facts.n_words:.0f} words on average"
    if plan is None:
        return plans[-1], f"{n_texts}: as little as possible, but two cores take a long time"
    if plan == wished:
        return plan, f"two cores train {n_texts} in a few minutes, so nothing was reduced"
    return plan, f"{n_texts}: reduced to what two cores train in a few minutes"


def _ever_shorter(wished, least_epochs, given):
    """Plans: fewer epochs; where the fewest are too many, fewer layers; and then fewer tokens.

    A single layer comes last: two layers that read fewer tokens were more accurate.
    """
    lengths, layers, epochs = [wished.max_length], [wished.tuned_layers], [wished.epochs]
    if given["max_length"] is None and wished.max_length > FEWER_TOKENS:
        lengths.append(FEWER_TOKENS)
    if given["tuned_layers"] is None:
        layers += range(wished.tuned_layers - 1, 0, -1)
    if given["epochs"] is None:
        epochs += range(wished.epochs - 1, least_epochs - 1, -1)
    cut = sorted(itertools.product(lengths, layers), key=lambda plan: plan[1] < FEWER_LAYERS)
    for (max_length, tuned_layers), n_epochs in itertools.product(cut, epochs):
        yield Plan(n_epochs, tuned_layers, max_length)


def work(model, facts, plan):
    """Floating-point operations of a fit: the frozen layers once, the others in every epoch.

    Parameters
    ----------
    model : Model
    facts : Facts
    plan : Plan
    """
    tokens = facts.n_texts * min(facts.n_words * TOKENS_A_WORD + 2, plan.max_length)
    frozen = model.n_layers - plan.tuned_layers
    passes = frozen + _TRAINING * plan.epochs * plan.tuned_layers
    return _FLOPS * tokens * model.width**2 * passes
