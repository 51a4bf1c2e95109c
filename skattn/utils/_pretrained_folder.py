"""The folder of a pretrained model: find it, read its small files, open its tokenizer.

Only data is read: JSON here, and safetensors by the networks. Nothing of a folder is executed.
"""

import json
import os
import re
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

_KERAS_HUB = ("keras_hub.", "keras_nlp.")  # its name now and before
_ON_HUB = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_WANTED = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
]
_PAD_FIRST = {"roberta", "xlm-roberta", "camembert"}  # positions count on from the padding id
_UNKNOWN_NAMES = ("<unk>", "[UNK]", "<pad>", "[PAD]")


class ModelTokenizer(NamedTuple):
    """A model's own tokenizer and what the network must know of it."""

    tokenizer: object  # tokenizers.Tokenizer, without padding and truncation
    words: list  # the token of each of the model's ids
    prefix: list  # the model's ids of the special tokens before a text
    suffix: list  # and after it
    unknown: int  # the model's id of an unknown token


def find_folder(pretrained):
    """The local folder that `pretrained` names, fetched from the hub where it is a name there.

    Parameters
    ----------
    pretrained : str or os.PathLike
        A folder, or ``owner/name`` or ``owner/name@revision`` of the Hugging Face hub.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, and it is no name of the hub either.
    OSError
        If the hub does not give the model.
    """
    folder = Path(pretrained)
    if folder.is_dir():
        return folder
    name = os.fspath(pretrained)
    if isinstance(pretrained, os.PathLike) or not _ON_HUB.fullmatch(name):
        raise FileNotFoundError(
            f"pretrained={name!r} is no folder. Give a folder with config.json, model.safetensors "
            "and tokenizer.json, or the name of a model on the Hugging Face hub, owner/name."
        )
    return Path(_fetched(name))


def _fetched(name):
    """The folder into which `huggingface_hub` puts (or has put) a model of the hub."""
    owner_name, _, revision = name.partition("@")
    hub = import_extra("huggingface_hub", f"pretrained={name!r} is no folder here, and to fetch it")
    try:
        return hub.snapshot_download(owner_name, revision=revision or None, allow_patterns=_WANTED)
    except Exception as error:  # of many kinds, those of its HTTP library among them
        raise OSError(
            f"pretrained={name!r} is no folder here, and the Hugging Face hub did not give it: "
            f"{error}. Where there is a network, run `hf download {owner_name} --local-dir "
            "FOLDER`, copy the folder, and give its path."
        ) from error


def import_extra(module, caller):
    """A package of the extra `pretrained`, or an error that says what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{caller} needs the package {module}: pip install "skattn[pretrained]"'
        ) from error


def read_json(folder, name, default=None):
    """A JSON object among the files of a folder.

    Raises
    ------
    FileNotFoundError
        If there is no such file and no default.
    ValueError
        If it does not hold a JSON object.
    """
    path = Path(folder) / name
    if not path.is_file():
        if default is not None:
            return default
        raise FileNotFoundError(
            f"The pretrained model's folder {str(folder)!r} has no {name}. Give a folder in "
            "Hugging Face's layout: config.json, model.safetensors and tokenizer.json."
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}. Fetch the model again.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold a JSON object. Fetch the model again.")
    return found


def read_config(folder):
    """Return the content of config.json.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it holds no JSON object, or belongs to a preset of KerasHub.
    """
    config = read_json(folder, "config.json")
    if str(config.get("module")).startswith(_KERAS_HUB):
        raise ValueError(
            f"{str(folder)!r} is a preset of KerasHub. Give the same model in Hugging Face's "
            "layout: a folder with config.json, model.safetensors and tokenizer.json, or its name "
            "on the Hugging Face hub."
        )
    return config


def n_positions(config):
    """For how many tokens a model has positions, its special tokens among them; None: any number.

    Parameters
    ----------
    config : dict
        What config.json holds.
    """
    most = config.get("max_position_embeddings")
    if not isinstance(most, int):
        return None
    padded_first = config.get("model_type") in _PAD_FIRST
    return most - (config.get("pad_token_id", 1) + 1 if padded_first else 0)


def read_tokenizer(folder, config):
    """The tokenizer in a folder, as a `ModelTokenizer`.

    Parameters
    ----------
    folder : Path
    config : dict
        What config.json holds.
    """
    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        others = ("vocab.txt", "sentencepiece.bpe.model", "spiece.model", "vocab.json")
        has = [name for name in others if (Path(folder) / name).is_file()]
        instead = f" (only {' and '.join(has)})" if has else ""
        raise FileNotFoundError(
            f"The pretrained model's folder {str(folder)!r} has no tokenizer.json{instead}. Save "
            "the tokenizer in that form: transformers.AutoTokenizer.from_pretrained(folder)"
            ".save_pretrained(folder)."
        )
    found = open_tokenizer(path.read_text(encoding="utf-8"), str(path))
    n_known = config.get("vocab_size")
    if isinstance(n_known, int) and len(found.words) > n_known:
        raise ValueError(
            f"{path} has {len(found.words)} tokens, but the model knows {n_known}: it is the "
            "tokenizer of another model."
        )
    return found


def open_tokenizer(text, source):
    """A tokenizer from its JSON, which holds data and no code."""
    tokenizers = import_extra("tokenizers", "A pretrained model's tokenizer")
    try:
        tokenizer = tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the package raises plain exceptions
        raise ValueError(f"{source} is no tokenizer of the package tokenizers: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # "[SEP]" in a user's text is text
    prefix, suffix = _special_tokens(tokenizer)
    return ModelTokenizer(tokenizer, _words(tokenizer), prefix, suffix, _unknown(tokenizer, text))


def _special_tokens(tokenizer):
    encoded = tokenizer.encode("a")
    places = [i for i, special in enumerate(encoded.special_tokens_mask) if not special]
    first, last = (places[0], places[-1] + 1) if places else (1, 1)
    return encoded.ids[:first], encoded.ids[last:]


def _words(tokenizer):
    """The token of each id from 0 on; ids may have gaps, which no text ever has."""
    by_id = {number: word for word, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    return [by_id.get(number, f"[no token {number}]") for number in range(max(by_id) + 1)]


def _unknown(tokenizer, text):
    model = json.loads(text)["model"]
    if isinstance(model.get("unk_id"), int):
        return model["unk_id"]
    names = [model.get("unk_token"), *_UNKNOWN_NAMES]
    found = [tokenizer.token_to_id(name) for name in names if isinstance(name, str)]
    return next((number for number in found if number is not None), 0)
