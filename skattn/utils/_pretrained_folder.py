"""The folder of a pretrained model: find it, read its small files, open its tokenizer.

Only data is read: JSON and vocabularies here, and weights by the networks. Nothing of a folder is
executed.
"""

import json
import os
import re
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

_KERAS_HUB = ("keras_hub.", "keras_nlp.")  # its name now and before
_BACKBONES = {
    "BertBackbone": "bert",
    "DistilBertBackbone": "distilbert",
    "RobertaBackbone": "roberta",
}
_SIZES = {  # name in a preset -> the most that a model has
    "vocabulary_size": 2**24,
    "max_sequence_length": 2**24,
    "num_layers": 1000,
    "num_heads": 2**24,
    "hidden_dim": 2**24,
    "intermediate_dim": 2**24,
}
_ON_HUB = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_WANTED = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "model.weights.h5",  # this and those below of presets of KerasHub
    "assets/tokenizer/*",
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
    hub = import_extra(
        "huggingface_hub",
        f"pretrained={name!r} is not a folder on this machine, and to download it",
    )
    try:
        return hub.snapshot_download(owner_name, revision=revision or None, allow_patterns=_WANTED)
    except Exception as error:  # of many kinds, those of its HTTP library among them
        raise OSError(
            f"pretrained={name!r} is not a folder on this machine, and could not be downloaded "
            f"from the Hugging Face hub: {error}. On a machine with internet access, run `hf "
            f"download {owner_name} --local-dir FOLDER`, copy the folder to this machine, and pass "
            "its path as pretrained."
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
    """Return the content of config.json; that of a KerasHub preset in Hugging Face's names.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it holds no JSON object, or belongs to a preset of another kind of model.
    """
    config = read_json(folder, "config.json")
    return _config_of_preset(folder, config) if _is_preset(config) else config


def _is_preset(config):
    return str(config.get("module")).startswith(_KERAS_HUB)


def _config_of_preset(folder, config):
    """The configuration of a KerasHub preset in Hugging Face's names."""
    path, name, sizes = Path(folder) / "config.json", config.get("class_name"), config.get("config")
    kind = _BACKBONES.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(sizes, dict):
        raise ValueError(
            f"{str(folder)!r} is a preset of KerasHub with a {name}, and only those with "
            f"{', '.join(_BACKBONES)} can be read. Give the same model in Hugging Face's layout: a "
            "folder with config.json, model.safetensors and tokenizer.json, or its name on the "
            "Hugging Face hub."
        )
    for size, most in _SIZES.items():
        if type(sizes.get(size)) is not int or not 0 < sizes[size] <= most:
            raise ValueError(f"{path} has {size}={sizes.get(size)!r:.60}. Fetch the model again.")
    dropout = sizes.get("dropout")
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        raise ValueError(f"{path} has dropout={dropout!r:.60}. Fetch the model again.")
    if not (Path(folder) / "model.weights.h5").is_file():
        raise FileNotFoundError(
            f"The preset {str(folder)!r} has no model.weights.h5. Save it in one file: "
            "backbone.save_to_preset(folder)."
        )
    roberta = kind == "roberta"
    n_rows = sizes["max_sequence_length"]
    if kind == "distilbert":
        names = ("dim", "hidden_dim", "n_layers", "n_heads")
        more = {"activation": "gelu", "dropout": dropout, "attention_dropout": dropout}
    else:
        names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
        more = {
            "hidden_act": "gelu" if roberta else "gelu_new",  # as KerasHub computes them
            "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout,
            "layer_norm_eps": 1e-5 if roberta else 1e-12,
        }
    if roberta:  # Hugging Face's table of positions has two rows more, which no text uses
        more["pad_token_id"], n_rows = 1, n_rows + 2
    values = ("hidden_dim", "intermediate_dim", "num_layers", "num_heads")
    return {
        "model_type": kind,
        "library": "keras_hub",  # tells `read_tokenizer` how to read the rest
        "vocab_size": sizes["vocabulary_size"],
        "max_position_embeddings": n_rows,
        **{name: sizes[value] for name, value in zip(names, values, strict=True)},
        **more,
    }


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
    if config.get("model_type") not in _PAD_FIRST:
        return most
    padding = config.get("pad_token_id")
    return most - (padding if isinstance(padding, int) else 1) - 1


def read_tokenizer(folder, config):
    """The tokenizer in a folder, as a `ModelTokenizer`.

    Parameters
    ----------
    folder : Path
    config : dict
        What config.json holds.
    """
    path = Path(folder) / "tokenizer.json"
    if config.get("library") == "keras_hub":
        found = open_tokenizer(_tokenizer_of_preset(folder), str(path))
        return _with_known_tokens(found, path, config)
    if not path.is_file():
        others = ("vocab.txt", "sentencepiece.bpe.model", "spiece.model", "vocab.json")
        has = [name for name in others if (Path(folder) / name).is_file()]
        instead = f" (only {' and '.join(has)})" if has else ""
        raise FileNotFoundError(
            f"The pretrained model's folder {str(folder)!r} has no tokenizer.json{instead}. Save "
            "the tokenizer in that form: transformers.AutoTokenizer.from_pretrained(folder)"
            ".save_pretrained(folder)."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not valid JSON: {error}. Fetch the model again.") from error
    return _with_known_tokens(open_tokenizer(text, str(path)), path, config)


def _with_known_tokens(found, path, config):
    """The tokenizer, if it has no more tokens than the model knows."""
    n_known = config.get("vocab_size")
    if isinstance(n_known, int) and len(found.words) > n_known:
        raise ValueError(
            f"{path} has {len(found.words)} tokens, but the model knows {n_known}: it is the "
            "tokenizer of another model."
        )
    return found


def _tokenizer_of_preset(folder):
    """The tokenizer of a KerasHub preset, as the JSON of the package tokenizers."""
    tokenizers = import_extra("tokenizers", "A pretrained model's tokenizer")
    if not (Path(folder) / "tokenizer.json").is_file():
        raise FileNotFoundError(
            f"The preset {str(folder)!r} has no tokenizer.json. Save the tokenizer too: "
            "tokenizer.save_to_preset(folder)."
        )
    told = read_json(folder, "tokenizer.json").get("config")
    assets = Path(folder) / "assets" / "tokenizer"
    try:
        if told.get("split") is False:
            raise ValueError("it has split=False, for texts that are split already")
        if (assets / "merges.txt").is_file():
            built = _byte_pairs(tokenizers, assets, told)
        else:
            built = _word_pieces(tokenizers, assets, told)
    except Exception as error:  # the package raises plain exceptions
        raise ValueError(
            f"The tokenizer of the preset {str(folder)!r} cannot be read: {error}."
        ) from error
    return built.to_str()


def _word_pieces(tokenizers, assets, told):
    """The tokenizer of BERT and DistilBERT."""
    with open(assets / "vocabulary.txt", encoding="utf-8") as lines:
        ids = {line.rstrip(): number for number, line in enumerate(lines)}
    unknown = told.get("oov_token", "[UNK]")
    special = [unknown, "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    if absent := [word for word in special[:3] if word not in ids]:
        raise ValueError(f"vocabulary.txt has no {absent[0]}")
    model = tokenizers.models.WordPiece(
        ids, unk_token=unknown, continuing_subword_prefix=told.get("suffix_indicator", "##")
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(
        lowercase=bool(told.get("lowercase")), strip_accents=bool(told.get("strip_accents"))
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(
        ("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"])
    )
    tokenizer.add_special_tokens([word for word in special if word in ids])
    return tokenizer


def _byte_pairs(tokenizers, assets, told):
    """The tokenizer of RoBERTa."""
    model = tokenizers.models.BPE.from_file(
        str(assets / "vocabulary.json"), str(assets / "merges.txt")
    )
    tokenizer = tokenizers.Tokenizer(model)
    spaced = bool(told.get("add_prefix_space"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    ends = [(word, tokenizer.token_to_id(word)) for word in ("</s>", "<s>")]
    if None in (number for _, number in ends):
        raise ValueError("vocabulary.json has no '<s>' and '</s>'")
    tokenizer.post_processor = tokenizers.processors.RobertaProcessing(
        *ends, trim_offsets=True, add_prefix_space=spaced
    )
    special = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    tokenizer.add_special_tokens(
        [word for word in special if tokenizer.token_to_id(word) is not None]
    )
    return tokenizer


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
