"""A pretrained transformer as ONNX operators: token ids -> the states of a text's tokens."""

import numpy as np

from skattn.networks._transformer import embedding_shapes, layer_shapes, tuned_sets


def token_states(graph, model, config, ids):
    """The states that the encoder or the attention reads: (batch, tokens, width).

    Parameters
    ----------
    graph : Graph
    model : ResidentModel
        With frozen layers.
    config : dict
        From which it was built.
    ids : str
        The name of the token ids, padded with 0 on the right.
    """
    frozen, backbone = model.frozen, config["backbone"]
    n_tokens = graph.shape(ids, 1)
    n_states = graph.op("Squeeze", graph.op("Add", n_tokens, frozen.n_special), np.array([0]))
    places = graph.op("Range", 0, n_states, 1)  # (states,)
    kept = graph.as_type(graph.op("Not", graph.op("Equal", ids, 0)), np.int64)
    lengths = graph.op("ReduceSum", kept, np.array([1]), keepdims=1)  # (batch, 1)
    seen = graph.op("Less", places, graph.op("Add", lengths, frozen.n_special))
    hidden = _embedded(graph, frozen, _model_ids(graph, frozen, ids, places, lengths), places)
    away = graph.op("Mul", graph.op("Sub", 1.0, graph.as_type(seen, np.float32)), -1e9)
    away = graph.op("Unsqueeze", away, np.array([1, 2]))  # (batch, 1, 1, states)
    for weights in frozen.weights_of_layers():
        hidden = _layer(graph, hidden, away, [w.numpy() for w in weights], backbone)
    hidden = graph.as_type(graph.as_type(hidden, np.float16), np.float32)  # as in training
    sets = tuned_sets(backbone, config["tuned_layers"])
    tuned = {n: model.get_layer(f"tuned_{i + 1}") for i, n in enumerate(dict.fromkeys(sets))}
    for number in sets:
        hidden = _layer(graph, hidden, away, tuned[number].get_weights(), backbone)
    first = np.array([frozen.n_before])
    return graph.op("Slice", hidden, first, graph.op("Add", n_tokens, first), np.array([1]))


def _model_ids(graph, frozen, ids, places, lengths):
    """The model's own ids, with its special tokens around each text."""
    prefix, suffix = frozen.backbone["prefix"], frozen.backbone["suffix"]
    is_word = graph.op("Greater", ids, 1)
    own = graph.op("Where", is_word, graph.op("Sub", ids, 2), frozen.backbone["unknown"])
    own = graph.op("Pad", own, np.array([0, len(prefix), 0, len(suffix)]))
    for place, number in enumerate(prefix):
        own = graph.op("Where", graph.op("Equal", places, place), number, own)
    for place, number in enumerate(suffix):
        end = graph.op("Add", lengths, len(prefix) + place)
        own = graph.op("Where", graph.op("Equal", places, end), number, own)
    return own


def _embedded(graph, frozen, ids, places):
    w = dict(zip(embedding_shapes(frozen.backbone), frozen.tensors, strict=False))
    w = {name: tensor.numpy() for name, tensor in w.items()}
    places = graph.op("Min", places, frozen.backbone["n_positions"] - 1)
    hidden = graph.op(
        "Add", graph.op("Gather", w["words"], ids), graph.op("Gather", w["positions"], places)
    )
    hidden = _normalized(graph, hidden, w["norm_gamma"], w["norm_beta"], frozen.backbone)
    if "projection_kernel" in w:
        return _dense(graph, hidden, w["projection_kernel"], w["projection_bias"])
    return hidden


def _layer(graph, hidden, away, weights, backbone):
    """One transformer layer; `away` is added to the scores, -1e9 where there is no state."""
    w = dict(zip(layer_shapes(backbone), weights, strict=True))
    n_heads, width = backbone["n_heads"], backbone["width"]
    size = width // n_heads
    joined = _dense(graph, hidden, w["attention_in_kernel"], w["attention_in_bias"])
    joined = graph.op("Reshape", joined, np.array([0, 0, 3, n_heads, size]))
    heads = graph.op("Transpose", joined, perm=[2, 0, 3, 1, 4])
    query, key, value = (graph.op("Gather", heads, part, axis=0) for part in range(3))
    key = graph.op("Transpose", key, perm=[0, 1, 3, 2])
    scores = graph.op("MatMul", graph.op("Mul", query, size**-0.5), key)
    scores = graph.op("Softmax", graph.op("Add", scores, away), axis=-1)
    mixed = graph.op("Transpose", graph.op("MatMul", scores, value), perm=[0, 2, 1, 3])
    mixed = graph.op("Reshape", mixed, np.array([0, 0, width]))
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


def _dense(graph, x, kernel, bias):
    return graph.op("Add", graph.op("MatMul", x, kernel), bias)


def _normalized(graph, x, gamma, beta, backbone):
    return graph.op("LayerNormalization", x, gamma, beta, axis=-1, epsilon=backbone["epsilon"])


def _gelu(graph, x):
    shifted = graph.op("Add", graph.op("Erf", graph.op("Mul", x, 0.5**0.5)), 1.0)
    return graph.op("Mul", graph.op("Mul", x, 0.5), shifted)


def _gelu_by_tanh(graph, x):
    cubic = graph.op("Mul", graph.op("Mul", graph.op("Mul", x, x), x), 0.044715)
    inner = graph.op("Mul", graph.op("Add", x, cubic), (2 / np.pi) ** 0.5)
    shifted = graph.op("Add", graph.op("Tanh", inner), 1.0)
    return graph.op("Mul", graph.op("Mul", x, 0.5), shifted)


_ACTIVATIONS = {
    "gelu": _gelu,
    "gelu_new": _gelu_by_tanh,
    "gelu_pytorch_tanh": _gelu_by_tanh,
    "relu": lambda graph, x: graph.op("Relu", x),
}
