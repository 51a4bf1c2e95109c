"""An ONNX graph under construction, and Keras's layers as ONNX operators."""

import numpy as np

OPSET = 18
IR_VERSION = 9  # what onnxruntime has read since 1.16


class Graph:
    """Nodes and constants; each method returns the name of what it computes."""

    def __init__(self, helper, halves=True):
        self.helper, self.nodes, self.constants = helper, [], []
        self.halves = halves  # whether frozen matrices are written in half precision

    def op(self, kind, *inputs, n_outputs=1, **attributes):
        """Add an operator; numbers and arrays among the inputs become constants."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        outputs = [f"v{len(self.nodes)}_{i}" for i in range(n_outputs)]
        self.nodes.append(self.helper.make_node(kind, names, outputs, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def constant(self, value):
        """Numbers that belong to the network: float32, int64 for whole ones, halves as they are."""
        array = np.asarray(value)
        if array.dtype != np.float16:
            array = np.asarray(array, dtype=np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"c{len(self.constants)}"
        kind = self.helper.np_dtype_to_tensor_dtype(array.dtype)
        data = np.ascontiguousarray(array).tobytes()
        tensor = self.helper.make_tensor(name, kind, array.shape, data, raw=True)
        self.constants.append(tensor)
        return name

    def output(self, value, name):
        """Give a value the name under which users ask for it."""
        self.nodes.append(self.helper.make_node("Identity", [value], [name]))

    def as_type(self, value, dtype):
        kind = self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.op("Cast", value, to=kind)

    def shape(self, value, axis):
        """One entry of a shape, as an array of one number."""
        return self.op("Shape", value, start=axis, end=axis + 1)

    def model(self, inputs, outputs, metadata):
        """The finished model."""
        helper = self.helper
        graph = helper.make_graph(self.nodes, "skattn", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, producer_name="skattn", ir_version=IR_VERSION
        )
        helper.set_model_props(model, metadata)
        return model


def dense(graph, x, layer):
    """A `keras.layers.Dense`."""
    answer = graph.op("MatMul", x, layer.kernel.numpy())
    if layer.use_bias:
        answer = graph.op("Add", answer, layer.bias.numpy())
    return activation(graph, answer, layer.activation.__name__)


def activation(graph, x, name):
    """One of the activations that our networks use."""
    if name == "linear":
        return x
    kind = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax"}[name]
    return graph.op(kind, x, axis=-1) if name == "softmax" else graph.op(kind, x)


def lstm(graph, hidden, layers, lengths):
    """One `keras.layers.LSTM`, or the forward and the backward one of a pair."""
    return _recurrent(graph, "LSTM", hidden, layers, lengths, _lstm_weights)


def gru(graph, hidden, layers, lengths):
    """One `keras.layers.GRU`, or the forward and the backward one of a pair."""
    settings = {"linear_before_reset": 1}
    return _recurrent(graph, "GRU", hidden, layers, lengths, _gru_weights, **settings)


def _recurrent(graph, kind, hidden, layers, lengths, weights, **settings):
    kernel, recurrent, bias = map(np.stack, zip(*map(weights, layers), strict=True))
    answer = graph.op(
        kind,
        graph.op("Transpose", hidden, perm=[1, 0, 2]),  # (time, batch, units)
        kernel,
        recurrent,
        bias,
        lengths,
        n_outputs=2,  # all steps, the last one
        hidden_size=layers[0].units,
        direction="bidirectional" if len(layers) == 2 else "forward",
        **settings,
    )[0]  # (time, directions, batch, units)
    answer = graph.op("Transpose", answer, perm=[2, 0, 1, 3])
    return graph.op("Reshape", answer, np.array([0, 0, len(layers) * layers[0].units]))


def _lstm_weights(layer):
    """Keras keeps the gates in the order i, f, c, o; ONNX in the order i, o, f, c."""

    def ordered(array):
        i, f, c, o = np.split(array, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1).T

    kernel, recurrent, bias = layer.get_weights()
    return ordered(kernel), ordered(recurrent), np.concatenate([ordered(bias), 0 * bias])


def _gru_weights(layer):
    kernel, recurrent, bias = layer.get_weights()  # both keep the order z, r, h
    return kernel.T, recurrent.T, bias.ravel()


def convolution(graph, hidden, layer):
    """A `keras.layers.Conv1D` with padding="same"."""
    kernel, bias = layer.get_weights()  # (width, inputs, units)
    left = (len(kernel) - 1) // 2
    answer = graph.op(
        "Conv",
        graph.op("Transpose", hidden, perm=[0, 2, 1]),
        kernel.transpose(2, 1, 0),
        bias,
        pads=[left, len(kernel) - 1 - left],
    )
    answer = graph.op("Transpose", answer, perm=[0, 2, 1])
    return activation(graph, answer, layer.activation.__name__)


def normalization(graph, x, layer):
    """A `keras.layers.LayerNormalization`."""
    scale, offset = layer.gamma.numpy(), layer.beta.numpy()
    return graph.op("LayerNormalization", x, scale, offset, axis=-1, epsilon=layer.epsilon)


def self_attention(graph, x, layer, keep):
    """A `keras.layers.MultiHeadAttention` of a sequence with itself; `keep` is (batch, time)."""

    def heads(part):
        kernel, bias = part.get_weights()  # (width, heads, size), (heads, size)
        each = graph.op("MatMul", x, kernel.reshape(len(kernel), -1))
        each = graph.op("Add", each, bias.ravel())
        each = graph.op("Reshape", each, np.array([0, 0, *bias.shape]))
        return graph.op("Transpose", each, perm=[0, 2, 1, 3])  # (batch, heads, time, size)

    query, key, value = map(heads, (layer.query_dense, layer.key_dense, layer.value_dense))
    scores = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 1, 3, 2]))
    scores = graph.op("Mul", scores, float(layer.key_dim) ** -0.5)
    seen = graph.op("Unsqueeze", keep, np.array([1, 2]))
    hidden = graph.op("Mul", graph.op("Sub", 1.0, seen), -1e9)
    weights = graph.op("Softmax", graph.op("Add", scores, hidden), axis=-1)
    answer = graph.op("Transpose", graph.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    kernel, bias = layer.output_dense.get_weights()  # (heads, size, width), (width,)
    flat = kernel.reshape(-1, kernel.shape[-1])
    answer = graph.op("Reshape", answer, np.array([0, 0, len(flat)]))
    return graph.op("Add", graph.op("MatMul", answer, flat), bias)
