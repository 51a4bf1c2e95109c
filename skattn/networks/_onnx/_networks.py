"""The two networks as ONNX models."""

import numpy as np

from skattn.networks._onnx import _graph as layers
from skattn.networks._onnx._graph import Graph
from skattn.networks._onnx._transformer import pretrained_states


def onnx_model(helper, model, config, classes, halves=True):
    """A network as an ONNX model.

    Parameters
    ----------
    helper : module
        ``onnx.helper``.
    model : ResidentModel
    config : dict
        From which the network was built.
    classes : str
        The labels as JSON, for the metadata.
    halves : bool, default=True
        Whether frozen matrices are written in half precision.

    Returns
    -------
    onnx.ModelProto
    """
    text = "vocabulary_size" in config
    return (_text_model if text else _gated_model)(Graph(helper, halves), model, config, classes)


def _gated_model(graph, model, config, classes):
    hidden_layer, gate_layer = model.get_layer("hidden"), model.get_layer("attention_probs")
    if config["gate"] == "inputs":
        gate = layers.dense(graph, "features", gate_layer)
        answer = layers.dense(graph, graph.op("Mul", "features", gate), hidden_layer)
    else:
        hidden = layers.dense(graph, "features", hidden_layer)
        gate = layers.dense(graph, hidden, gate_layer)
        answer = graph.op("Mul", hidden, gate)
    graph.output(layers.dense(graph, answer, model.get_layer("probabilities")), "probabilities")
    graph.output(gate, "gate")
    value = graph.helper.make_tensor_value_info
    gates = value("gate", 1, ["batch", gate_layer.units])
    inputs = [value("features", 1, ["batch", config["n_features"]])]
    outputs = [value("probabilities", 1, ["batch", config["n_outputs"]]), gates]
    return graph.model(inputs, outputs, {"classes": classes})


def _text_model(graph, model, config, classes):
    known = graph.op("Less", "token_ids", config["vocabulary_size"])
    ids = graph.op("Where", known, "token_ids", 1)  # beyond the table: out of vocabulary
    if config.get("segment_length"):
        context, weights = _segmented(graph, model, config, ids)
    else:
        if config.get("backbone"):
            hidden = pretrained_states(graph, model, config, ids)
        else:
            hidden = _embed(graph, model, ids)
        context, weights = _encode_and_attend(graph, model, config, hidden, ids)
    answer = layers.dense(graph, context, model.get_layer("probabilities"))
    graph.output(answer, "probabilities")
    graph.output(weights, "attention")
    value = graph.helper.make_tensor_value_info
    inputs = [value("token_ids", 7, ["batch", "tokens"])]  # 7: int64
    outputs = [value("probabilities", 1, ["batch", config["n_outputs"]])]
    outputs += [value("attention", 1, ["batch", "tokens"])]
    return graph.model(inputs, outputs, {"classes": classes})


def _embed(graph, model, ids):
    return graph.op("Gather", model.get_layer("embedding").embeddings.numpy(), ids)


def _encode_and_attend(graph, model, config, hidden, ids, prefix=""):
    """Context (batch, units) and weights (batch, time); an id of 0 marks padding."""
    keep = graph.as_type(graph.op("Not", graph.op("Equal", ids, 0)), np.float32)
    for number in range(config["n_layers"]):
        name = f"{prefix}encoder_{number + 1}"
        hidden = _encode(graph, model, config["encoder"], hidden, keep, name)
    context, weights = _attend(graph, model.get_layer(f"{prefix}attention"), hidden, keep)
    if config.get("extra_pooling"):
        extra = _attend(graph, model.get_layer(f"{prefix}extra_pooling"), hidden, keep)[0]
        context = graph.op("Concat", context, extra, axis=-1)
    return context, weights


def _encode(graph, model, encoder, hidden, keep, name):
    lengths = graph.op("ReduceSum", keep, np.array([1]), keepdims=0)
    lengths = graph.as_type(lengths, np.int32)
    if encoder in ("lstm", "gru"):
        cell = {"lstm": layers.lstm, "gru": layers.gru}[encoder]
        return cell(graph, hidden, [model.get_layer(name)], lengths)
    if encoder in ("bilstm", "bigru"):
        pair = [model.get_layer(f"{name}_{way}") for way in ("forward", "backward")]
        cell = {"bilstm": layers.lstm, "bigru": layers.gru}[encoder]
        return cell(graph, hidden, pair, lengths)
    if encoder == "conv":
        kept = graph.op("Mul", hidden, graph.op("Unsqueeze", keep, np.array([2])))
        widths = [layer for layer in model.layers if layer.name.startswith(f"{name}_width_")]
        parts = [layers.convolution(graph, kept, layer) for layer in widths]
        return graph.op("Concat", *parts, axis=-1)
    if encoder == "transformer":
        return _transformer(graph, model, hidden, keep, name)
    if encoder == "none":
        return hidden
    raise NotImplementedError(f"encoder={encoder!r} has no translation to ONNX operators yet.")


def _transformer(graph, model, hidden, keep, name):
    names = {layer.name for layer in model.layers}
    if f"{name}_input" in names:
        hidden = layers.dense(graph, hidden, model.get_layer(f"{name}_input"))
    hidden = _add_positions(graph, hidden, model.get_layer(f"{name}_narrow").units)
    normal = layers.normalization(graph, hidden, model.get_layer(f"{name}_attention_norm"))
    heads = model.get_layer(f"{name}_self_attention")
    hidden = graph.op("Add", hidden, layers.self_attention(graph, normal, heads, keep))
    normal = layers.normalization(graph, hidden, model.get_layer(f"{name}_dense_norm"))
    wide = layers.dense(graph, normal, model.get_layer(f"{name}_wide"))
    narrow = layers.dense(graph, wide, model.get_layer(f"{name}_narrow"))
    return graph.op("Add", hidden, narrow)


def _add_positions(graph, hidden, width):
    rates = np.exp(np.arange(0, width, 2, dtype=np.float32) * np.float32(-9.21034 / width))
    steps = graph.op("Squeeze", graph.shape(hidden, 1), np.array([0]))
    steps = graph.as_type(graph.op("Range", 0, steps, 1), np.float32)
    angles = graph.op("Mul", graph.op("Unsqueeze", steps, np.array([1])), rates)
    waves = graph.op("Concat", graph.op("Sin", angles), graph.op("Cos", angles), axis=-1)
    waves = graph.op("Slice", waves, np.array([0]), np.array([width]), np.array([1]))
    return graph.op("Add", hidden, waves)


def _attend(graph, layer, hidden, keep):
    """An `AttentionPooling`: context and weights."""
    kept = graph.op("Unsqueeze", keep, np.array([2]))  # (batch, time, 1)
    if layer.score == "max":
        return _max_pooling(graph, hidden, kept)
    scores = hidden
    for scorer in layer.scorers:
        scores = layers.dense(graph, scores, scorer)
    if layer.score == "uniform":
        scores = graph.op("Mul", kept, 0.0)
    if layer.score == "dot":
        scores = graph.op("Mul", scores, float(layer.scorers[0].kernel.shape[0]) ** -0.5)
    highest = graph.op("ReduceMax", _hide(graph, scores, kept), np.array([1]), keepdims=1)
    exponents = graph.op("Exp", graph.op("Min", graph.op("Sub", scores, highest), 0.0))
    exponents = graph.op("Mul", exponents, kept)
    total = graph.op("ReduceSum", exponents, np.array([1]), keepdims=1)
    weights = graph.op("Div", exponents, graph.op("Max", total, 1e-30))
    heads = graph.op("MatMul", graph.op("Transpose", weights, perm=[0, 2, 1]), hidden)
    context = graph.op("Flatten", heads, axis=1)
    return context, graph.op("ReduceMean", weights, np.array([2]), keepdims=0)


def _hide(graph, values, kept):
    """The values, and -1e9 on padding."""
    away = graph.op("Mul", graph.op("Sub", 1.0, kept), -1e9)
    return graph.op("Add", graph.op("Mul", values, kept), away)


def _max_pooling(graph, hidden, kept):
    """The maximum over time, and the share of the units that have theirs at each step."""
    highest = graph.op("ReduceMax", _hide(graph, hidden, kept), np.array([1]), keepdims=1)
    some = graph.op("ReduceMax", kept, np.array([1]), keepdims=1)
    highest = graph.op("Mul", highest, some)
    there = graph.as_type(graph.op("Equal", hidden, highest), np.float32)
    there = graph.op("Mul", there, kept)
    ties = graph.op("Max", graph.op("ReduceSum", there, np.array([1]), keepdims=1), 1.0)
    weights = graph.op("ReduceMean", graph.op("Div", there, ties), np.array([2]), keepdims=0)
    return graph.op("Squeeze", highest, np.array([1])), weights


def _segmented(graph, model, config, ids):
    """Attention over the tokens of each segment, then over the segments."""
    length = config["segment_length"]
    width = graph.shape(ids, 1)
    missing = graph.op("Mod", graph.op("Neg", width), np.array([length]))
    pads = graph.op("Concat", np.array([0, 0, 0]), missing, axis=0)
    padded = graph.op("Pad", ids, pads)
    segments = graph.op("Reshape", padded, np.array([-1, length]))
    hidden = _embed(graph, model, segments)
    vectors, token_weights = _encode_and_attend(graph, model, config, hidden, segments, "token_")
    n_rows = graph.shape(ids, 0)

    def side_by_side(values, columns):
        shape = graph.op("Concat", n_rows, np.array([-1, columns]), axis=0)
        return graph.op("Reshape", values, shape)

    n_units = int(model.get_layer("joined").output.shape[-1])
    joined_ids = side_by_side(segments, length)
    any_token = graph.op("ReduceMax", joined_ids, np.array([2]), keepdims=0)
    context, segment_weights = _encode_and_attend(
        graph, model, config, side_by_side(vectors, n_units), any_token, "segment_"
    )
    weights = graph.op(
        "Mul",
        side_by_side(token_weights, length),
        graph.op("Unsqueeze", segment_weights, np.array([2])),
    )
    weights = graph.op("Flatten", weights, axis=1)
    return context, graph.op("Slice", weights, np.array([0]), width, np.array([1]))
