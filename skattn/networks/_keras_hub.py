"""The weights of a KerasHub preset, under the names that Hugging Face's layout has for them.

The file holds numbers and no code. One tensor is read at a time, and no link to another file is
followed.
"""

from pathlib import Path

WEIGHTS = "model.weights.h5"
_POSITIONS = "embeddings.position_embeddings"
_JOINT = "token_and_position_embedding"  # holds both tables of DistilBERT and RoBERTa
_JOINT_TABLES = {"word": f"{_JOINT}/token_embedding", "position": f"{_JOINT}/position_embedding"}
_TABLES = {
    "bert": {
        "word": "reversible_embedding",
        "position": "position_embedding",
        "token_type": "embedding",
    },
    "distilbert": _JOINT_TABLES,
    "roberta": _JOINT_TABLES,
}
_ATTENTION_IN = tuple(f"_self_attention_layer/{name}_dense" for name in ("query", "key", "value"))
_ATTENTION_OUT = "_self_attention_layer/output_dense"
_PARTS = {  # of a layer, under our names
    "attention_in": _ATTENTION_IN,
    "attention_out": _ATTENTION_OUT,
    "attention_norm": "_self_attention_layer_norm",
    "dense_in": "_feedforward_intermediate_dense",
    "dense_out": "_feedforward_output_dense",
    "dense_norm": "_feedforward_layer_norm",
}


def open_preset(folder, backbone, layer, parts):
    """Open the weights of a preset.

    Parameters
    ----------
    folder : Path
    backbone : dict
        The model's configuration.
    layer : str
        How the names of a layer begin in Hugging Face's layout, with ``{}`` for its number.
    parts : dict
        How they end: the name, or names, of each part of a layer.

    Returns
    -------
    get : callable
        Name in Hugging Face's layout -> array. Raises a ValueError that names the file if that
        does not hold what the presets of this model hold.
    names : list of str
    """
    path = Path(folder) / WEIGHTS
    tables = {f"embeddings.{n}_embeddings": g for n, g in _TABLES[backbone["kind"]].items()}
    pairs = {"embeddings.LayerNorm": "layer_normalization"}
    for number in backbone["layers"]:
        encoder = "transformer_encoder" + (f"_{number}" if number else "")
        for part, groups in _PARTS.items():
            names = parts[part]
            if part != "attention_in":
                names, groups = [names], [groups]
            for name, group in zip(names, groups, strict=True):
                pairs[layer.format(number) + name] = f"{encoder}/{group}"
    places = {f"{name}.weight": (group, 0, 1) for name, group in tables.items()}
    for name, group in pairs.items():
        places |= {f"{name}.weight": (group, 0, 2), f"{name}.bias": (group, 1, 2)}

    def get(name):
        group, index, n_arrays = places[name]
        try:
            array = _read(path, f"layers/{group}/vars", index, n_arrays)
            if group.endswith((*_ATTENTION_IN, _ATTENTION_OUT)):
                array = _without_heads(array, group, index, backbone)
            if group == tables[_POSITIONS] and len(array) != backbone["n_positions"]:
                raise ValueError(f"it has {len(array)} positions, and config.json fewer or more.")
        except (OSError, RuntimeError, ValueError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
        return array.T if n_arrays == 2 else array

    return get, list(places)


def _read(path, place, index, n_arrays):
    """One of the arrays of a layer."""
    import h5py

    with h5py.File(path) as file:
        found = file
        for part in [*place.split("/"), str(index)]:
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"it has no {place!r}, as KerasHub writes it with Keras 3.")
            parent, found = found, found[part]
        written = isinstance(found, h5py.Dataset) and not (found.external or found.is_virtual)
        if not written or found.id.get_storage_size() != found.nbytes:
            raise ValueError(f"the numbers of {place!r} are not in it as Keras writes them.")
        if found.dtype.kind != "f" or len(parent) != n_arrays:
            raise ValueError(
                f"{place!r} has {len(parent)} arrays of the type {found.dtype}, as quantized "
                "models have. Save the preset in float32."
            )
        return found[()]


def _without_heads(array, group, index, backbone):
    """The kernel or the bias of an attention, with the axes of the heads joined."""
    heads = (backbone["n_heads"], backbone["width"] // backbone["n_heads"])
    if group.endswith(_ATTENTION_OUT):
        wanted, joined = [(*heads, backbone["width"]), (backbone["width"],)], (-1, array.shape[-1])
    else:
        wanted, joined = [(backbone["width"], *heads), heads], (len(array), -1)
    if array.shape != wanted[index]:
        raise ValueError(
            f"{group!r} has an array of the shape {array.shape} where config.json asks for "
            f"{wanted[index]}."
        )
    return array.reshape(joined if index == 0 else -1)
