"""A pretrained transformer as ONNX operators: the layers that stay, and the tuned ones."""

import numpy as np

from skattn.networks._transformer import (
    embedding_shapes,
    frozen_layers,
    layer_shapes,
    tuned_sets,
)


def pretrained_states(graph, model, config, ids):
    """The states of a text's own tokens after the last layer, (batch, time, width).

    Parameters
    ----------
    graph : Graph
    model : ResidentModel
        With the layers that stay in `model.frozen`.
    config : dict
    ids : str
        Token ids (batch, time), 0 is padding.
    """
    backbone, tuned_layers = config["backbone"], config["tuned_layers"]
    frozen = [tensor.numpy() for tensor in model.frozen.tensors]
    frozen = [_half_where_exact(a) if graph.halves else a.astype(np.float32) for a in frozen]
    n_special = len(backbone["prefix"]) + len(backbone["suffix"])
    lengths = graph.as_type(graph.op("Greater", ids, 0), np.int64)
    lengths = graph.op("ReduceSum", lengths, np.array([1]), keepdims=1)  # (batch, 1)
    steps = graph.op("Add", graph.shape(ids, 1), np.array([n_special]))
    places = graph.op("Range", 0, graph.op("Squeeze", steps, np.array([0])), 1)
    seen = graph.op("Less", places, graph.op("Add", lengths, n_special))
    seen = graph.as_type(seen, np.float32)  # (batch, time + special tokens)

    names = list(embedding_shapes(backbone))
    w = dict(zip(names, frozen, strict=False))
    own = _model_ids(graph, backbone, ids, lengths, places)
    hidden = graph.as_type(graph.op("Gather", w["words"], own), np.float32)
    known = graph.op("Min", places, backbone["n_positions"] - 1)
    hidden = graph.op("Add", hidden, graph.op("Gather", _single(graph, w["positions"]), known))
    hidden = _normalized(graph, hidden, w["norm_gamma"], w["norm_beta"], backbone)
    if "projection_kernel" in w:
        hidden = _dense(graph, hidden, w["projection_kernel"], w["projection_bias"])

    below, n_each = frozen_layers(backbone, tuned_layers), len(layer_shapes(backbone))
    for number in below:
        start = len(names) + list(dict.fromkeys(below)).index(number) * n_each
        hidden = _layer(graph, hidden, seen, frozen[start : start + n_each], backbone)
    # rounded as in training, see `FrozenLayers.states`
    hidden = graph.as_type(graph.as_type(hidden, np.float16), np.float32)
    above = tuned_sets(backbone, tuned_layers)
    for number in above:
        layer = model.get_layer(f"tuned_{list(dict.fromkeys(above)).index(number) + 1}")
        weights = [variable.numpy() for variable in layer.trainable_weights]
        hidden = _layer(graph, hidden, seen, weights, backbone)
    first = np.array([len(backbone["prefix"])])
    last = graph.op("Add", graph.shape(ids, 1), first)
    return graph.op("Slice", hidden, first, last, np.array([1]))


def _half_where_exact(array):
    """Matrices in half precision where that loses nothing, which halves the file."""
    half = array.astype(np.float16) if array.ndim > 1 else array
    return half if np.array_equal(half, array) else array


def _single(graph, array):
    """A constant in single precision, whatever it is kept in."""
    return graph.as_type(graph.constant(array), np.float32) if array.dtype == np.float16 else array


def _model_ids(graph, backbone, ids, lengths, places):
    """The model's own ids, with its special tokens around each text."""
    prefix, suffix = backbone["prefix"], backbone["suffix"]
    own = graph.op(
        "Where", graph.op("Greater", ids, 1), graph.op("Sub", ids, 2), backbone["unknown"]
    )
    own = graph.op("Pad", own, np.array([0, len(prefix), 0, len(suffix)]))
    for place, number in enumerate(prefix):
        own = graph.op("Where", graph.op("Equal", places, place), number, own)
    for place, number in enumerate(suffix):
        end = graph.op("Add", lengths, len(prefix) + place)
        own = graph.op("Where", graph.op("Equal", places, end), number, own)
    return own


def _layer(graph, hidden, seen, weights, backbone):
    """One layer, as `transformer_layer` has it."""
    w = dict(zip(layer_shapes(backbone), weights, strict=True))
    mixed = _self_attention(graph, hidden, seen, w, backbone)
    mixed = _dense(graph, mixed, w["attention_out_kernel"], w["attention_out_bias"])
    hidden = graph.op("Add", hidden, mixed)
    hidden = _normalized(
        graph, hidden, w["attention_norm_gamma"], w["attention_norm_beta"], backbone
    )
    inner = _dense(graph, hidden, w["dense_in_kernel"], w["dense_in_bias"])
    inner = _ACTIVATIONS[backbone["activation"]](graph, inner)
    outer = _dense(graph, inner, w["dense_out_kernel"], w["dense_out_bias"])
    hidden = graph.op("Add", hidden, outer)
    return _normalized(graph, hidden, w["dense_norm_gamma"], w["dense_norm_beta"], backbone)


def _self_attention(graph, hidden, seen, w, backbone):
    n_heads, width = backbone["n_heads"], backbone["width"]
    joined = _dense(graph, hidden, w["attention_in_kernel"], w["attention_in_bias"])
    parts = graph.op("Split", joined, axis=-1, num_outputs=3, n_outputs=3)
    shape = np.array([0, 0, n_heads, width // n_heads])
    query, key, value = (graph.op("Reshape", part, shape) for part in parts)
    query = graph.op("Transpose", query, perm=[0, 2, 1, 3])  # (batch, heads, time, size)
    query = graph.op("Mul", query, float(width // n_heads) ** -0.5)
    scores = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 2, 3, 1]))
    away = graph.op("Mul", graph.op("Sub", 1.0, graph.op("Unsqueeze", seen, np.array([1, 2]))), 1e9)
    weights = graph.op("Softmax", graph.op("Sub", scores, away), axis=-1)
    mixed = graph.op("MatMul", weights, graph.op("Transpose", value, perm=[0, 2, 1, 3]))
    mixed = graph.op("Transpose", mixed, perm=[0, 2, 1, 3])
    return graph.op("Reshape", mixed, np.array([0, 0, width]))


def _dense(graph, x, kernel, bias):
    return graph.op("Add", graph.op("MatMul", x, _single(graph, kernel)), bias)


def _normalized(graph, x, gamma, beta, backbone):
    return graph.op("LayerNormalization", x, gamma, beta, axis=-1, epsilon=backbone["epsilon"])


def _gelu(graph, x):
    half = graph.op("Mul", x, 0.5)
    share = graph.op("Erf", graph.op("Mul", x, 0.5**0.5))
    return graph.op("Mul", half, graph.op("Add", share, 1.0))


def _gelu_by_tanh(graph, x):
    cube = graph.op("Mul", graph.op("Mul", graph.op("Mul", x, x), x), 0.044715)
    share = graph.op("Tanh", graph.op("Mul", graph.op("Add", x, cube), (2 / np.pi) ** 0.5))
    return graph.op("Mul", graph.op("Mul", x, 0.5), graph.op("Add", share, 1.0))


_ACTIVATIONS = {
    "gelu": _gelu,
    "gelu_new": _gelu_by_tanh,
    "gelu_pytorch_tanh": _gelu_by_tanh,
    "relu": lambda graph, x: graph.op("Relu", x),
}
