"""Tiny pretrained models in Hugging Face's layout: random weights, a tokenizer of a few texts."""

import functools
import json

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "the film was a fine story of a boy",
    "a dull film, and the acting was dull",
    "fine acting! the story is good",
    "the boy was dull; İstanbul is ﬁne",
]
WIDTH, INNER, HEADS, LAYERS, POSITIONS = 32, 48, 4, 2, 40
KINDS = ("bert", "distilbert", "roberta", "xlm-roberta", "albert")
_BERT_CONFIG = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": POSITIONS,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
_BERT_LAYER = {
    "attention.self.query": (WIDTH, WIDTH),
    "attention.self.key": (WIDTH, WIDTH),
    "attention.self.value": (WIDTH, WIDTH),
    "attention.output.dense": (WIDTH, WIDTH),
    "attention.output.LayerNorm": (WIDTH,),
    "intermediate.dense": (INNER, WIDTH),
    "output.dense": (WIDTH, INNER),
    "output.LayerNorm": (WIDTH,),
}


def build_model(folder, kind="bert", seed=0, n_layers=LAYERS):
    """Write a tiny model of a kind into a folder, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(kind)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = _config(kind, tokenizer.get_vocab_size()) | {"model_type": kind}
    config["n_layers" if kind == "distilbert" else "num_hidden_layers"] = n_layers
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(_weights(kind, config, n_layers, seed), folder / "model.safetensors")
    return folder


def build_static_model(folder, seed=0):
    """Write a tiny static model in model2vec's layout into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer("bert")
    tokenizer.post_processor = processors.Sequence([])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_type": "model2vec", "architectures": ["StaticModel"]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    table = np.random.default_rng(seed).normal(size=(tokenizer.get_vocab_size(), 8))
    save_file({"embeddings": table.astype(np.float32)}, folder / "model.safetensors")
    return folder


def _tokenizer(kind):
    """The kind of tokenizer that each kind of model has; the same in every call."""
    return Tokenizer.from_str(_trained(kind))


@functools.cache
def _trained(kind):
    """A tokenizer trained on `TEXTS`, as JSON; training breaks ties by chance."""
    if kind == "roberta":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=320, special_tokens=names, initial_alphabet=alphabet, show_progress=False
        )
    elif kind in ("xlm-roberta", "albert"):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        roberta, albert = ["<s>", "<pad>", "</s>", "<unk>"], ["<pad>", "<unk>", "[CLS]", "[SEP]"]
        names = roberta if kind == "xlm-roberta" else albert
        trainer = trainers.UnigramTrainer(
            vocab_size=60, special_tokens=names, unk_token="<unk>", show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        trainer = trainers.WordPieceTrainer(
            vocab_size=80, special_tokens=names, show_progress=False
        )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    first, last = ("<s>", "</s>") if "<s>" in names else ("[CLS]", "[SEP]")
    ids = [(name, tokenizer.token_to_id(name)) for name in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=ids
    )
    tokenizer.enable_truncation(6)  # as some folders have it; it must not matter
    tokenizer.enable_padding(length=6)
    return tokenizer.to_str()


def _config(kind, n_words):
    if kind == "distilbert":
        return {
            "vocab_size": n_words,
            "dim": WIDTH,
            "n_heads": HEADS,
            "hidden_dim": INNER,
            "activation": "gelu",
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "max_position_embeddings": POSITIONS,
        }
    config = _BERT_CONFIG | {"vocab_size": n_words}
    if kind in ("roberta", "xlm-roberta"):
        return config | {"type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5}
    if kind == "albert":
        config |= {"embedding_size": 16, "num_hidden_groups": 1, "inner_group_num": 1}
        config |= {"hidden_act": "gelu_new", "hidden_dropout_prob": 0.0}
        config |= {"attention_probs_dropout_prob": 0.0}
    return config


def _weights(kind, config, n_layers, seed):
    """Random weights in Hugging Face's names; numbers that half precision holds exactly."""
    rng = np.random.default_rng(seed)
    prefix = {"xlm-roberta": "roberta."}.get(kind, f"{kind}.") if kind != "bert" else ""
    words = config.get("embedding_size", WIDTH)
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], words),
        "embeddings.position_embeddings.weight": (POSITIONS, words),
        "embeddings.LayerNorm": (words,),
    }
    if kind != "distilbert":
        shapes["embeddings.token_type_embeddings.weight"] = (config["type_vocab_size"], words)
    if kind == "albert":
        shapes["encoder.embedding_hidden_mapping_in"] = (WIDTH, words)
    place, renamed = _layer_names(kind)
    for layer in range(1 if kind == "albert" else n_layers):
        for name, shape in _BERT_LAYER.items():
            shapes[place.format(layer) + renamed.get(name, name)] = shape
    weights = {}
    for name, shape in shapes.items():
        if name.endswith(".weight"):
            weights[prefix + name] = 0.5 * rng.normal(size=shape)
        else:
            norm = len(shape) == 1
            scale = 0.1 if norm else 1.5 / np.sqrt(shape[-1])
            weights[f"{prefix}{name}.weight"] = scale * rng.normal(size=shape) + norm
            weights[f"{prefix}{name}.bias"] = 0.1 * rng.normal(size=shape[:1])
    return {n: w.astype(np.float16).astype(np.float32) for n, w in weights.items()}


def _layer_names(kind):
    if kind == "distilbert":
        return "transformer.layer.{}.", {
            "attention.self.query": "attention.q_lin",
            "attention.self.key": "attention.k_lin",
            "attention.self.value": "attention.v_lin",
            "attention.output.dense": "attention.out_lin",
            "attention.output.LayerNorm": "sa_layer_norm",
            "intermediate.dense": "ffn.lin1",
            "output.dense": "ffn.lin2",
            "output.LayerNorm": "output_layer_norm",
        }
    if kind == "albert":
        return "encoder.albert_layer_groups.{}.albert_layers.0.", {
            "attention.self.query": "attention.query",
            "attention.self.key": "attention.key",
            "attention.self.value": "attention.value",
            "attention.output.dense": "attention.dense",
            "attention.output.LayerNorm": "attention.LayerNorm",
            "intermediate.dense": "ffn",
            "output.dense": "ffn_output",
            "output.LayerNorm": "full_layer_layer_norm",
        }
    return "encoder.layer.{}.", {}
