"""The weights of a KerasHub preset, under the names that Hugging Face's layout has for them."""

from pathlib import Path

import numpy as np

WEIGHTS = "model.weights.h5"
_EMBEDDINGS = {
    "word_embeddings": ("reversible_embedding", "token_and_position_embedding/token_embedding"),
    "position_embeddings": (
        "position_embedding",
        "token_and_position_embedding/position_embedding",
    ),
    "token_type_embeddings": ("embedding",),
}
_PARTS = {  # of a layer: in BERT's and RoBERTa's names, in DistilBERT's, in KerasHub's
    ("attention.self.query", "attention.q_lin"): "_self_attention_layer/query_dense",
    ("attention.self.key", "attention.k_lin"): "_self_attention_layer/key_dense",
    ("attention.self.value", "attention.v_lin"): "_self_attention_layer/value_dense",
    ("attention.output.dense", "attention.out_lin"): "_self_attention_layer/output_dense",
    ("attention.output.LayerNorm", "sa_layer_norm"): "_self_attention_layer_norm",
    ("intermediate.dense", "ffn.lin1"): "_feedforward_intermediate_dense",
    ("output.dense", "ffn.lin2"): "_feedforward_output_dense",
    ("output.LayerNorm", "output_layer_norm"): "_feedforward_layer_norm",
}


def open_preset(folder, kind):
    """The tensors of a preset by Hugging Face's names, as a function name -> array, and the names.

    Parameters
    ----------
    folder : Path
        With the file ``model.weights.h5``, which holds numbers and no code.
    kind : {"bert", "roberta", "distilbert"}

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    import h5py

    path = Path(folder) / WEIGHTS
    try:
        with h5py.File(path) as file:
            found = dict(_tensors(file["layers"], kind))
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Fetch the model again.") from error
    return found.__getitem__, list(found)


def _tensors(layers, kind):
    """Yield (name, array) for all that the networks may ask for."""
    for name, places in _EMBEDDINGS.items():
        for place in places:
            if place in layers:
                yield f"embeddings.{name}.weight", layers[place]["vars/0"][:]
    yield from _pair("embeddings.LayerNorm", layers["layer_normalization"])
    start = "transformer" if kind == "distilbert" else "encoder"
    number, layer = 0, "transformer_encoder"
    while layer in layers:
        for (bert, distilbert), place in _PARTS.items():
            name = distilbert if kind == "distilbert" else bert
            yield from _pair(f"{start}.layer.{number}.{name}", layers[layer][place])
        number += 1
        layer = f"transformer_encoder_{number}"


def _pair(name, group):
    """Yield a kernel (or the factors of a normalization) and its bias."""
    kernel, bias = (group[f"vars/{i}"][:] for i in (0, 1))
    if kernel.ndim == 3:  # (width, heads, width of a head), or the heads first
        joins_heads = bias.ndim == 1
        kernel = kernel.reshape((-1, len(bias)) if joins_heads else (len(kernel), -1))
    yield f"{name}.weight", np.ascontiguousarray(kernel.T)
    yield f"{name}.bias", bias.reshape(-1)
