"""The rules by which `TextClassifier` sets parameters that are None, each with its reason."""

import math
import re
from numbers import Real
from typing import Any, NamedTuple

from skattn.engine._optimizers import optimizer_config
from skattn.fitting._callbacks import rate_setter
from skattn.recipe import _pretrained_rules

WORDS_AND_SIGNS = r"(?u)\w+|[^\w\s]"

LONG_FROM = 60  # words per text on average
MANY_FROM = 20  # classes
FEW = 100  # texts
FULL_EPOCHS_TO = 25_000  # texts
LEAST_SHARE_OF_EPOCHS = 1 / 3
CHARACTERS_A_WORD = 1.5  # of a script without spaces
_FIND_WORDS = ("tokenizer", "token_pattern")  # in any script

# Thai, Lao, Myanmar, Khmer, kana and Han
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_LETTER = re.compile(r"[^\W\d_]")


class Facts(NamedTuple):
    """The properties of the training texts that the rules use."""

    n_texts: int
    n_words: float  # a text, on average
    n_classes: int
    spaces: bool  # between words
    repeats: bool = True  # whether a token occurs in two texts, however the models read them


class Setting(NamedTuple):
    """A value, and the reason for it in words for the user."""

    value: Any
    reason: str


def facts_of(texts, n_classes):
    """Measure texts.

    Parameters
    ----------
    texts : list of str
    n_classes : int

    Returns
    -------
    Facts
        `repeats` is not measured here: the settings determine the tokens.
    """
    n_letters = sum(len(_LETTER.findall(text)) for text in texts)
    n_unspaced = sum(len(_WITHOUT_SPACES.findall(text)) for text in texts)
    spaces = 2 * n_unspaced <= n_letters
    if spaces:
        n_words = sum(len(re.findall(r"\w+", text)) for text in texts)
    else:
        n_words = n_letters / CHARACTERS_A_WORD
    n_words /= max(len(texts), 1)
    return Facts(len(texts), n_words, int(n_classes), spaces)


def settings_of(facts, given, model=None, kept=("network", "linear")):
    """The value of every parameter that was left at None, and why.

    Parameters
    ----------
    facts : Facts
    given : dict
        All parameters; those that are None are set here if a rule knows them.
    kept : collection of {"network", "linear"}
        The parts to fit; nothing is set that none of them uses.
    model : skattn.recipe._pretrained_rules.Model or None
        The pretrained model that the network begins with.

    Returns
    -------
    settings : dict of str to Setting
        Without those that were given.
    """
    rules = _about_reading(facts, given) if "linear" in kept or model is None else {}
    if "network" not in kept:
        pass
    elif model is not None and not model.static:
        found = _pretrained_rules.settings_for(model, facts, given)
        rules |= {name: Setting(*pair) for name, pair in found.items()}
    else:
        rules |= _about_the_network(facts) | _about_training(facts, given)
        if model is not None or given.get("embeddings") is not None:  # the width of the vectors
            del rules["embedding_dim"]
        if model is not None:  # it has its own tokenizer
            del rules["ngram_range"], rules["unknown"]
    if "network" in kept:
        rules |= _of_the_optimizer(given.get("optimizer"), rules["learning_rate"].value)
        setter = rate_setter(given.get("callbacks"))
        if setter:
            why = f"{setter} in callbacks sets the learning rate"
            rules["learning_rate_schedule"] = Setting("constant", why)
    return {name: setting for name, setting in rules.items() if given.get(name) is None}


def _about_reading(facts, given):
    settings = {
        "min_df": Setting(2, "a word that occurs in one text only tells nothing about others"),
        "token_pattern": Setting(WORDS_AND_SIGNS, "words of one letter and punctuation count too"),
        "analyzer": Setting("word", "the texts have spaces between words"),
    }
    if facts.n_texts < FEW:
        settings["min_df"] = Setting(1, f"with fewer than {FEW} texts most words occur once")
    elif not facts.repeats:
        settings["min_df"] = Setting(1, "punctuation aside, no token occurs in two texts")
    finds_words = [name for name in _FIND_WORDS if given.get(name) is not None]
    if finds_words:
        settings["analyzer"] = Setting("word", f"{finds_words[0]} is given")
    elif not facts.spaces:
        settings["analyzer"] = Setting("char", "the texts have no spaces between words")
    return settings


def _about_the_network(facts):
    length = f"{facts.n_words:.0f} words per text on average"
    if facts.n_words > LONG_FROM:
        why = f"long texts ({length}, more than {LONG_FROM})"
        values = {
            "encoder": "none",
            "ngram_range": (1, 2),
            "unknown": "drop",
            "max_length": 800,
            "embedding_dim": 64,
            "units": 128,
            "conv_widths": (3, 4, 5),
            "extra_pooling": "none",
            "batch_size": 32,
        }
    else:
        why = f"short texts ({length}; long is more than {LONG_FROM})"
        values = {
            "encoder": "conv",
            "ngram_range": (1, 1),
            "unknown": "keep",
            "max_length": 256,
            "embedding_dim": 128,
            "units": 64,
            "conv_widths": (1, 2, 3, 4, 5),
            "extra_pooling": "max",
            "batch_size": 64,
        }
    return {name: Setting(value, why) for name, value in values.items()}


def _about_training(facts, given):
    usual = {
        "truncation": "head",
        "attention": "additive",
        "dropout": 0.5,
        "label_smoothing": 0.1,
        "optimizer": "lazyadam",
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
        "learning_rate_schedule": "cosine",
    }
    settings = {name: Setting(value, "for all texts") for name, value in usual.items()}
    settings |= _noise_and_epochs(facts)
    settings["weight_averaging"] = about_averaging(given)
    return settings


def _of_the_optimizer(optimizer, usual_rate):
    """What an optimizer object, or its configuration, decides itself; nothing for a name."""
    if optimizer is None or isinstance(optimizer, str):
        return {}
    plain = optimizer_config(optimizer)
    config = plain.get("config") or {} if isinstance(plain, dict) else None
    if not isinstance(config, dict):  # an error tells later
        return {}
    rate, why = config.get("learning_rate"), "that of the optimizer"
    found = {}
    if "weight_decay" in config:
        found["weight_decay"] = Setting(float(config["weight_decay"] or 0.0), why)
    if rate is None:
        return found
    if isinstance(rate, Real):
        return found | {"learning_rate": Setting(float(rate), why)}
    why = "the optimizer has a schedule of its own"
    return found | {
        "learning_rate": Setting(usual_rate, f"not used: {why}"),
        "learning_rate_schedule": Setting("constant", why),
    }


def about_averaging(given):
    """The setting of `weight_averaging`.

    Parameters
    ----------
    given : dict
        All parameters.
    """
    if given.get("early_stopping"):
        return Setting(False, "early stopping keeps the best epoch instead")
    return Setting(True, "the mean over epochs is steadier than the last epoch")


def _noise_and_epochs(facts):
    """Dropout of the embedding and of words, and the number of epochs."""
    long, many = facts.n_words > LONG_FROM, facts.n_classes > MANY_FROM
    if long:
        noise = (0.3, 0.2)
        epochs = 20 if facts.n_classes > 2 else 10
        why = "long texts" + (" of two classes are learned soon" if epochs == 10 else "")
    else:
        noise, epochs = ((0.3, 0.1), 20) if many else ((0.5, 0.2), 12)
        why = f"short texts of {'more than' if many else 'up to'} {MANY_FROM} classes"
    settings = {
        "embedding_dropout": Setting(noise[0], why),
        "word_dropout": Setting(noise[1], why),
        "epochs": Setting(epochs, why),
    }
    if facts.n_texts > FULL_EPOCHS_TO:
        share = max(FULL_EPOCHS_TO / facts.n_texts, LEAST_SHARE_OF_EPOCHS)
        fewer = f"{why}; fewer epochs for more than {FULL_EPOCHS_TO:,} texts"
        settings["epochs"] = Setting(math.ceil(epochs * share), fewer)
    return settings


def filled_in(given, settings):
    """All parameters, with the settings in place of None.

    The linear model has its own n-grams where the user gave none.
    """
    values = {name: setting.value for name, setting in settings.items()}
    return given | values | {"linear_ngram_range": given["ngram_range"]}


def as_plain(settings):
    """The settings as plain values, for a user and for a file."""
    return {name: setting._asdict() for name, setting in sorted(settings.items())}


def from_plain(settings):
    """The inverse of `as_plain`."""
    return {name: Setting(**setting) for name, setting in settings.items()}
