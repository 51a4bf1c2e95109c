"""Read a pretrained model from its folder: the weights of a transformer, or a table of vectors."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skattn.networks._keras_hub import WEIGHTS as PRESET_WEIGHTS
from skattn.networks._keras_hub import open_preset
from skattn.networks._transformer import (
    ACTIVATIONS,
    PRECISIONS,
    embedding_shapes,
    frozen_layers,
    frozen_shapes,
    layer_shapes,
    tuned_sets,
)

_PICKLES = ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.pt")
_MAX_LAYERS = 1000
_FACTS = {
    "kind": str,
    "n_words": int,
    "n_positions": int,
    "width": int,
    "word_width": int,
    "inner_width": int,
    "n_heads": int,
    "layers": list,
    "activation": str,
    "epsilon": float,
    "dropout": float,
    "attention_dropout": float,
    "prefix": list,
    "suffix": list,
    "unknown": int,
    "fingerprint": str,  # of the weights that are never trained
    "tuned_fingerprint": str,  # of those with which the tuned layers begin
    "precision": str,
}
_HALF_MAX = 65504.0  # the largest number of half precision
_BERT = {
    "attention_in": ["attention.self.query", "attention.self.key", "attention.self.value"],
    "attention_out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "dense_in": "intermediate.dense",
    "dense_out": "output.dense",
    "dense_norm": "output.LayerNorm",
}
_DISTILBERT = {
    "attention_in": ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    "attention_out": "attention.out_lin",
    "attention_norm": "sa_layer_norm",
    "dense_in": "ffn.lin1",
    "dense_out": "ffn.lin2",
    "dense_norm": "output_layer_norm",
}
_ALBERT = {
    "attention_in": ["attention.query", "attention.key", "attention.value"],
    "attention_out": "attention.dense",
    "attention_norm": "attention.LayerNorm",
    "dense_in": "ffn",
    "dense_out": "ffn_output",
    "dense_norm": "full_layer_layer_norm",
}
# model_type of config.json -> where a layer lies, its parts, and the projection of its vectors
_LAYOUTS = {
    "bert": ("encoder.layer.{}.", _BERT, None),
    "roberta": ("encoder.layer.{}.", _BERT, None),
    "xlm-roberta": ("encoder.layer.{}.", _BERT, None),
    "camembert": ("encoder.layer.{}.", _BERT, None),
    "electra": ("encoder.layer.{}.", _BERT, "embeddings_project"),
    "distilbert": ("transformer.layer.{}.", _DISTILBERT, None),
    "albert": (
        "encoder.albert_layer_groups.{}.albert_layers.{}.",
        _ALBERT,
        "encoder.embedding_hidden_mapping_in",
    ),
}
_WORDS = "embeddings.word_embeddings.weight"


class Pretrained(NamedTuple):
    """A pretrained transformer, divided into its frozen part and the layers to train."""

    backbone: dict  # its configuration: plain values
    frozen: list  # arrays in the order of `frozen_shapes`
    tuned: list  # for each set of tuned weights a list of arrays


def backbone_config(given, n_positions, tokenizer, folder, precision="float32"):
    """The configuration of a transformer from its config.json.

    Parameters
    ----------
    given : dict
        What config.json holds.
    n_positions : int
        Tokens that the model has positions for.
    tokenizer : ModelTokenizer
    folder : Path
        For messages.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the products with kernels.

    Raises
    ------
    ValueError
        If it is a model of another kind.
    """
    kind = given.get("model_type")
    if kind not in _LAYOUTS:
        raise ValueError(
            f"{folder / 'config.json'} has model_type={kind!r}. Known are "
            f"{', '.join(sorted(_LAYOUTS))}, and static models of model2vec."
        )
    try:
        backbone = _from_config(kind, given)
    except KeyError as error:
        raise ValueError(f"{folder / 'config.json'} has no {error}.") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{folder / 'config.json'} has a wrong value: {error}.") from error
    if not isinstance(n_positions, int):
        raise ValueError(
            f"{folder / 'config.json'} has no max_position_embeddings that is a whole number."
        )
    if given.get("inner_group_num", 1) != 1:
        raise ValueError(
            f"{folder / 'config.json'} has inner_group_num={given['inner_group_num']!r}; only 1 is "
            "known."
        )
    if given.get("position_embedding_type") not in (None, "absolute"):
        raise ValueError(
            f"{folder / 'config.json'} has position_embedding_type="
            f"{given['position_embedding_type']!r}; only 'absolute' is known."
        )
    if backbone["activation"] not in ACTIVATIONS:
        raise ValueError(
            f"{folder / 'config.json'} has the activation {backbone['activation']!r}. Known are "
            f"{', '.join(ACTIVATIONS)}."
        )
    backbone |= {
        "n_positions": n_positions,
        "prefix": list(tokenizer.prefix),
        "suffix": list(tokenizer.suffix),
        "unknown": int(tokenizer.unknown),
        "precision": precision,
    }
    if not _is_sound(backbone):
        raise ValueError(
            f"{folder / 'config.json'} and the tokenizer describe no model that can be built, with "
            f"{n_positions} positions, {len(backbone['layers'])} layers, "
            f"{backbone['n_heads']} heads and a width of {backbone['width']}."
        )
    return backbone


def _from_config(kind, given):
    if kind == "distilbert":
        names = ("dim", "n_layers", "n_heads", "hidden_dim", "activation", "dropout")
    else:
        names = (
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "hidden_act",
            "hidden_dropout_prob",
        )
    width, n_layers, n_heads, inner_width, activation, dropout = (given[name] for name in names)
    attention = "attention_dropout" if kind == "distilbert" else "attention_probs_dropout_prob"
    layers = list(range(n_layers))
    if kind == "albert":
        n_groups = given.get("num_hidden_groups", 1)
        layers = [layer * n_groups // n_layers for layer in layers]
    return {
        "kind": kind,
        "n_words": int(given["vocab_size"]),
        "width": int(width),
        "word_width": int(given.get("embedding_size", width)),
        "inner_width": int(inner_width),
        "n_heads": int(n_heads),
        "layers": layers,
        "activation": activation,
        "epsilon": float(given.get("layer_norm_eps", 1e-12)),
        "dropout": float(dropout),
        "attention_dropout": float(given[attention]),
    }


def max_tokens(backbone):
    """The most tokens of a text, its special tokens not counted."""
    return backbone["n_positions"] - len(backbone["prefix"]) - len(backbone["suffix"])


def read_pretrained(folder, backbone, tuned_layers):
    """Read the weights of a transformer.

    The kernels and the vectors of tokens that are never trained are rounded to half precision, so
    that a file may hold them in it and still give the same answers.

    Parameters
    ----------
    folder : Path
    backbone : dict
        As `backbone_config` gives it.
    tuned_layers : int

    Returns
    -------
    Pretrained
    """
    weights = _Weights(folder, backbone)
    embeddings = weights.embeddings()
    lower = dict.fromkeys(frozen_layers(backbone, tuned_layers))
    upper = dict.fromkeys(tuned_sets(backbone, tuned_layers))
    frozen = [a if name == "positions" else _half(a) for name, a in embeddings.items()]
    for number in lower:
        frozen += map(_half, weights.layer(number).values())
    tuned = [list(weights.layer(number).values()) for number in upper]
    hashes = {
        "fingerprint": fingerprint(frozen),
        "tuned_fingerprint": fingerprint(array for layer in tuned for array in layer),
    }
    return Pretrained(backbone | hashes, frozen, tuned)


def fingerprint(arrays):
    """A hash of the weights."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _half(array):
    """Matrices in half precision, unless a number is too large for it."""
    if array.ndim < 2 or np.abs(array).max() > _HALF_MAX:
        return array
    return array.astype(np.float16)


def open_safetensors(folder):
    """The tensors of model.safetensors by name, as a function name -> array, and their names.

    Raises
    ------
    FileNotFoundError
        If there is none. Pickles, which may hold code, are never read.
    """
    path = Path(folder) / "model.safetensors"
    if not path.is_file():
        pickles = [name for name in _PICKLES if (Path(folder) / name).is_file()]
        instead = f", only {' and '.join(pickles)}, which is not read since it may hold code"
        raise FileNotFoundError(
            f"The pretrained model's folder {str(folder)!r} has no model.safetensors"
            f"{instead if pickles else ''}. Save the model in that form: "
            "transformers.AutoModel.from_pretrained(folder).save_pretrained(folder)."
        )
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            f'To read {path} needs the package safetensors: pip install "skattn[pretrained]"'
        ) from error
    try:
        opened = safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Fetch the model again.") from error
    return opened.get_tensor, list(opened.keys())


class _Weights:
    """The weights of a folder under our own names."""

    def __init__(self, folder, backbone):
        self.path = Path(folder) / "model.safetensors"
        if self.path.is_file() or not (Path(folder) / PRESET_WEIGHTS).is_file():
            self.get, names = open_safetensors(folder)
        else:
            self.path = Path(folder) / PRESET_WEIGHTS
            self.get, names = open_preset(folder, backbone, *_LAYOUTS[backbone["kind"]][:2])
        self.names, self.backbone = set(names), backbone
        words = [name for name in names if name.endswith(_WORDS)]
        if len(words) != 1:
            raise ValueError(f"{self.path} holds no '{_WORDS}': it is no {backbone['kind']} model.")
        self.prefix = words[0].removesuffix(_WORDS)
        self.place, self.parts, self.projection = _LAYOUTS[backbone["kind"]]

    def embeddings(self):
        """The tables, the normalization and the projection, in the order of their shapes."""
        words = self.tensor(_WORDS)
        positions = self.tensor("embeddings.position_embeddings.weight")
        positions = positions[len(positions) - self.backbone["n_positions"] :]
        segments = "embeddings.token_type_embeddings.weight"
        if self.prefix + segments in self.names:
            positions = positions + self.tensor(segments)[0]  # every text is a first segment
        found = {"words": words, "positions": positions} | self.norm("norm", "embeddings.LayerNorm")
        if self.backbone["word_width"] != self.backbone["width"]:
            found |= self.dense("projection", self.projection)
        return self.checked(found, embedding_shapes(self.backbone))

    def layer(self, number):
        """One set of a layer's weights, in the order of their shapes."""
        place = self.place.format(number, 0)  # a group of an ALBERT has one layer
        found = {}
        for part, name in self.parts.items():
            if part == "attention_in":
                three = [self.dense(part, place + one) for one in name]
                found |= {key: np.concatenate([w[key] for w in three], axis=-1) for key in three[0]}
            else:
                found |= (self.norm if "norm" in part else self.dense)(part, place + name)
        return self.checked(found, layer_shapes(self.backbone))

    def dense(self, part, name):
        kernel = np.ascontiguousarray(self.tensor(f"{name}.weight").T)
        return {f"{part}_kernel": kernel, f"{part}_bias": self.tensor(f"{name}.bias")}

    def norm(self, part, name):
        old = f"{self.prefix}{name}.gamma" in self.names
        gamma, beta = ("gamma", "beta") if old else ("weight", "bias")
        return {
            f"{part}_gamma": self.tensor(f"{name}.{gamma}"),
            f"{part}_beta": self.tensor(f"{name}.{beta}"),
        }

    def tensor(self, name):
        if self.prefix + name not in self.names:
            raise ValueError(
                f"{self.path} has no {self.prefix + name!r}, which a {self.backbone['kind']} "
                "model has. Is config.json that of another model?"
            )
        try:
            array = np.asarray(self.get(self.prefix + name)).astype(np.float32)
        except (TypeError, AttributeError) as error:  # a type that NumPy does not have
            raise ValueError(
                f"{self.path} holds {self.prefix + name!r} in a type that NumPy does not have "
                f"({error}). Save the model in float32 or float16."
            ) from error
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{self.path} holds infinite numbers or NaN in {name!r}.")
        return array

    def checked(self, found, shapes):
        for name, shape in shapes.items():
            if found[name].shape != shape:
                raise ValueError(
                    f"{self.path} has weights of the shape {found[name].shape} where config.json "
                    f"asks for {shape} ({name}). Is config.json that of another model?"
                )
        return {name: found[name] for name in shapes}


def check_backbone(backbone, tuned_layers):
    """Raise an error if the configuration of a transformer in a file is not valid."""
    if not isinstance(backbone, dict) or set(backbone) != set(_FACTS):
        raise ValueError("its pretrained model is not described as one")
    for name, kind in _FACTS.items():
        value = backbone[name]
        values = value if kind is list and isinstance(value, list) else [value]
        wanted = int if kind is list else kind
        if any(type(one) is not wanted for one in values):
            raise ValueError(f"its pretrained model has {name}={value!r:.60}")
    if not _is_sound(backbone) or not 0 <= tuned_layers <= len(backbone["layers"]):
        raise ValueError("its pretrained model has sizes that none has")


def _is_sound(backbone):
    """Whether a transformer of this configuration can be built."""
    sizes = ("n_words", "n_positions", "width", "word_width", "inner_width", "n_heads")
    n_words = backbone["n_words"]
    special = [*backbone["prefix"], *backbone["suffix"], backbone["unknown"]]
    return (
        all(0 < backbone[name] < 2**24 for name in sizes)
        and backbone["width"] % backbone["n_heads"] == 0
        and all(0 <= number < n_words for number in special)
        and all(0 <= backbone[name] < 1 for name in ("dropout", "attention_dropout"))
        and 0 < backbone["epsilon"] < 1
        and backbone["activation"] in ACTIVATIONS
        and backbone["precision"] in PRECISIONS
        and 0 < len(backbone["layers"]) <= _MAX_LAYERS
        and all(0 <= number < len(backbone["layers"]) for number in backbone["layers"])
        and max_tokens(backbone) > 0
    )


def check_frozen(config, frozen):
    """Raise an error if the frozen weights in a file do not match the configuration."""
    if not config.get("backbone"):
        if frozen:
            raise ValueError("it has weights of a pretrained model, but its configuration has none")
        return
    wanted = frozen_shapes(config["backbone"], config["tuned_layers"])
    found = [array.shape for array in frozen or []]
    if found != wanted:
        raise ValueError(f"its frozen weights are {found}, but its configuration needs {wanted}")
    if fingerprint(frozen) != config["backbone"]["fingerprint"]:
        raise ValueError("its frozen weights are not those that it was trained with")


def is_static(given):
    """Whether a config.json is that of a static model."""
    named = given.get("architectures") or []
    return given.get("model_type") == "model2vec" or "StaticModel" in named


def read_static(folder, tokenizer):
    """The vectors of a static model, as a table for the ids of `SequenceVectorizer`.

    Parameters
    ----------
    folder : Path
    tokenizer : ModelTokenizer

    Returns
    -------
    ndarray of shape (2 + n_tokens, embedding_dim), float32
        Row 0 is zero, row 1 the vector of the model's unknown token.
    """
    get, names = open_safetensors(folder)
    path = folder / "model.safetensors"
    if "embeddings" not in names or get("embeddings").ndim != 2:
        raise ValueError(f"{path} holds no table 'embeddings', which a model of model2vec has.")
    vectors = get("embeddings").astype(np.float32)
    if "mapping" in names:  # tokens that share vectors
        mapping = get("mapping")
        inside = (mapping >= 0) & (mapping < len(vectors))
        if mapping.ndim != 1 or mapping.dtype.kind not in "iu" or not np.all(inside):
            raise ValueError(f"{path}: 'mapping' does not hold rows of 'embeddings'.")
        vectors = vectors[mapping]
    if "weights" in names:
        weights = get("weights").astype(np.float32)
        if weights.shape != vectors.shape[:1]:
            shape = weights.shape
            raise ValueError(f"{path} has weights of shape {shape} for {len(vectors)} vectors.")
        vectors = vectors * weights[:, None]
    if len(tokenizer.words) > len(vectors):
        raise ValueError(
            f"{folder / 'tokenizer.json'} has {len(tokenizer.words)} tokens, but {path} has "
            f"{len(vectors)} vectors: it is the tokenizer of another model."
        )
    if not np.all(np.isfinite(vectors)):
        raise ValueError(f"{path} holds infinite numbers or NaN.")
    table = np.zeros((2 + len(vectors), vectors.shape[1]), dtype=np.float32)
    table[2:] = vectors
    table[1] = vectors[tokenizer.unknown]
    return table
