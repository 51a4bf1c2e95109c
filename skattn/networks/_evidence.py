"""Evidence of the networks: what each token or feature adds to each logit."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from skattn.engine._batches import PREDICT_TOKENS, filled_up, prediction_batches
from skattn.engine._frozen_states import PRETRAINED_TOKENS, compiled
from skattn.engine._resident_rows import as_rows, to_tensor, with_states
from skattn.networks._attention_pooling import fixed_weights
from skattn.networks._recurrence import loop_only
from skattn.networks._transformer import n_lower

UNKNOWN = 1  # the id of a token out of vocabulary
NODE = 0.5  # on the path from 0 to 1, the middle
N_NODES_OF_FEATURES = 8
N_AT_ONCE = 8  # logits that share a forward pass
MANY, MANY_IN_A_TRANSFORMER = 8, 4  # logits; of more only some are followed through all layers
N_LOGITS_FOLLOWED = 3
_TRACE_LOCK = threading.Lock()


def logit_parts(model, config, X, representation):
    """What each token adds to each logit, compared with a text of as many unknown tokens.

    If no layer mixes the states (``encoder="none"``), this is exact: with the attention weights
    held fixed, the logits are linear in the states, so the contribution of a token is its weight
    times the kernel of the output layer times the difference between its state and that of an
    unknown token. (G. Kobayashi et al., "Attention is not only a weight", EMNLP 2020, use the norms
    of these products; here they keep their signs.)

    Otherwise the contributions are integrated gradients (M. Sundararajan, A. Taly, Q. Yan,
    "Axiomatic attribution for deep networks", ICML 2017) on the path from the embedding of an
    unknown token to the embeddings of the text, whose middle stands for all of it. On validation
    splits of trec and mr, the middle was nearly as faithful as five points, an unknown token was a
    better start of the path than zeros, and both were better than gradient x input.

    In a transformer, the path leads from the states of unknown tokens after a third of the layers
    to those of the text. On validation splits, its middle was more faithful than three points on a
    path from word vector to word vector on mr, snips and banking77, a little less on trec and r8,
    and took less than half the time. Two thirds of the layers were too many; three points on the
    path after a third of them were a little better than one, at twice the time.

    With many classes, each of them would need a backward pass. So only the three largest logits of
    a row are followed down to the embeddings, or to these states; the paths of the others begin and
    end at the last states, those of the encoder or of the transformer. On a validation split of
    banking77, this was as faithful for the predicted class, and faster. (With segments, all logits
    are followed.)

    Parameters
    ----------
    model : ResidentModel
        Of `build_text_network`.
    config : dict
        From which it was built.
    X : int array of shape (n_rows, n_columns)
        Checked token ids.
    representation : ndarray of shape (n_rows, width)
        What the output layer reads of these rows.

    Returns
    -------
    parts : ndarray of shape (n_rows, n_steps, n_logits), float64
        In the order of the tokens, 0 beyond. They need not add up exactly.
    logits, base : ndarray of shape (n_rows, n_logits), float64
        Of the rows, and of rows of unknown tokens. A softmax needs differences only: there the
        mean of the logits, or the first one, is subtracted from all.
    """
    lengths = (X != 0).sum(axis=1)
    if config["encoder"] == "none" and not config.get("backbone"):
        lengths = np.minimum(lengths, 1)  # the states of unknown tokens are all the same
    lengths, row_of = np.unique(lengths, return_inverse=True)
    blank = np.where(np.arange(X.shape[1]) < lengths[:, None], UNKNOWN, 0)
    logits, base = (
        _logits(model, representation),
        _logits(model, model.read("representation", blank)),
    )
    rows, base = as_rows(X, "tokens"), base[row_of]
    mixing = config["encoder"] != "none"
    if not mixing and not model.frozen:
        found = _pooled(model, rows, _of_embeddings), logits, base
        return found if config["multilabel"] else tuple(v - v[..., :1] for v in found)
    place = _of_lower_states if model.frozen else _of_embeddings
    many = logits.shape[1] > (MANY_IN_A_TRANSFORMER if model.frozen else MANY)
    if many and "states" in model._readouts:
        wanted = np.eye(logits.shape[1], dtype=np.float32)
        if not config["multilabel"]:
            wanted -= 1 / len(wanted)
            logits, base = logits @ wanted, base @ wanted
        largest = np.argsort(-logits, axis=1, kind="stable")[:, :N_LOGITS_FOLLOWED]
        if mixing and model.frozen:
            parts = _integrated(model, rows, wanted[None], _of_states)
        else:
            parts = _pooled(model, rows, _of_states) @ wanted
        followed = _integrated(model, rows, wanted[largest], place)
        np.put_along_axis(parts, largest[:, None, :], followed, axis=2)
        return parts, logits, base
    wanted, logits, base = _wanted(config, logits, base)
    parts = _integrated(model, rows, wanted[None], place)
    first = logits.shape[1] - len(wanted)
    return np.pad(parts, [(0, 0), (0, 0), (first, 0)]), logits, base


def feature_parts(model, config, X):
    """What each feature adds to each logit, compared with a row of zeros: integrated gradients.

    Parameters
    ----------
    model : ResidentModel
        Of `build_gated_network`.
    config : dict
        From which it was built.
    X : {ndarray, csr_array} of shape (n_rows, n_features)
        Checked rows.

    Returns
    -------
    parts : ndarray of shape (n_rows, n_features, n_logits) or (n_values, n_logits)
        The second for a sparse X, one row a stored value.
    logits, base : ndarray of shape (n_rows, n_logits) and (1, n_logits)
        As `logit_parts` has them.
    """
    read = [_logits(model, model.read("representation", rows)) for rows in (X, X[:1] * 0)]
    wanted, logits, base = _wanted(config, *read)
    rows = as_rows(X, model._resident.kind)
    stored = sparse.csr_array(X) if sparse.issparse(X) else None
    shape = X.shape if stored is None else (stored.nnz,)
    parts = np.zeros((*shape, logits.shape[1]))
    first = logits.shape[1] - len(wanted)
    gradient = _compiled(model, "feature_evidence", _compile_features)
    for numbers in prediction_batches(rows.lengths, rows.hashes()):
        batch = to_tensor(rows.batch(numbers))
        place = numbers if stored is None else _stored_values(stored, numbers)
        for node, weight in zip(*_legendre(N_NODES_OF_FEATURES), strict=True):
            for column, logit in enumerate(wanted, start=first):
                found = gradient(batch, tf.constant(logit), tf.constant(node, tf.float32)).numpy()
                if stored is not None and found.ndim == 2:  # a network that reads dense rows
                    held = stored[numbers].tocoo()
                    found = found[held.row, held.col]
                parts[place, ..., column] += weight * found
    return parts, logits, base


def _stored_values(X, numbers):
    """The places of the values of these rows among all."""
    parts = [np.arange(X.indptr[number], X.indptr[number + 1]) for number in numbers]
    return np.concatenate([*parts, np.zeros(0, dtype=int)]).astype(int)


def _wanted(config, logits, base):
    """The combinations of logits to look at, and the logits as they combine them."""
    wanted = np.eye(logits.shape[1], dtype=np.float32)
    if config["multilabel"]:
        return wanted, logits, base
    return (wanted - wanted[0])[1:], logits - logits[:, :1], base - base[:, :1]


def _legendre(n_nodes):
    """Nodes and weights of the Gauss-Legendre rule from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return (nodes + 1) / 2, weights / 2


def _logits(model, representation):
    kernel, bias = model.get_layer("probabilities").get_weights()
    return representation.astype(np.float64) @ kernel + bias


def _integrated(model, rows, wanted, place):
    """Gradients of combinations of logits in the middle of the path, times the path.

    Parameters
    ----------
    model : ResidentModel
    rows : TokenRows
    wanted : float32 array of shape (n_rows, n_wanted, n_logits) or (1, n_wanted, n_logits)
        The combinations of logits of each row, or of all rows.
    place : callable
        From the model to its `_Path`.

    Returns
    -------
    parts : ndarray of shape (n_rows, n_steps, n_wanted)
    """
    n_wanted = wanted.shape[1]
    n_each = -(-n_wanted // -(-n_wanted // N_AT_ONCE))
    wanted = np.pad(wanted, [(0, 0), (0, -n_wanted % n_each), (0, 0)])
    parts = np.zeros((len(rows), _longest(rows), wanted.shape[1]))
    ends, gradients = _compiled(
        model, (place.__name__, n_each), lambda model: _compile(model, place(model), n_each)
    )
    for numbers, filled, ids in _batches(model, rows):
        start, way = ends(ids)
        for begin in range(0, wanted.shape[1], n_each):
            own = filled if len(wanted) == len(rows) else np.zeros_like(filled)
            some = tf.constant(wanted[own, begin : begin + n_each])
            found = gradients(ids, some, start, way).numpy()[: len(numbers), : parts.shape[1]]
            parts[numbers, : found.shape[1], begin : begin + n_each] = found
    return parts[:, :, :n_wanted]


def _pooled(model, rows, place):
    """The parts of all logits where the rest of the network pools only; these are exact.

    Returns
    -------
    parts : ndarray of shape (n_rows, n_steps, n_logits)
    """
    pooled = _compiled(
        model, (place.__name__, "pooled"), lambda model: _compile_pooled(model, place(model))
    )
    parts = np.zeros((len(rows), _longest(rows), model.readout_width("probabilities")))
    for numbers, _, ids in _batches(model, rows):
        found = pooled(ids).numpy()[: len(numbers), : parts.shape[1]]
        parts[numbers, : found.shape[1]] = found
    return parts


def _longest(rows):
    return max(1, int(rows.lengths.max(initial=0)))


def _batches(model, rows):
    """Yield the numbers of the rows, those of a filled-up batch, and its ids."""
    most = PRETRAINED_TOKENS if model.frozen else PREDICT_TOKENS
    for numbers in prediction_batches(rows.lengths, rows.hashes(), most):
        filled = filled_up(numbers)
        yield numbers, filled, tf.constant(rows.batch(filled))


def _compiled(model, name, compile_it):
    """What is compiled once for each network."""
    with _TRACE_LOCK:
        if name not in model._read_functions:
            model._read_functions[name] = compile_it(model)
    return model._read_functions[name]


class _Path(NamedTuple):
    """Where the gradients are taken, and what leads there and on."""

    ends: Callable  # ids -> where the path starts, and how far it goes
    context: Callable  # ids and a point of the path -> the pooled states
    first: int  # the step of the first token of the text


def _compile(model, path, n_wanted):
    """Graphs: ids -> ends of the path; ids, wanted and ends -> gradients times the way."""
    last = model.get_layer("probabilities")
    ends = compiled(path.ends, [model._resident.spec])

    def gradients_times_way(ids, wanted, start, way):
        with tf.GradientTape(persistent=True) as tape:
            here = start + NODE * way
            tape.watch(here)
            with loop_only():
                logits = tf.linalg.matmul(path.context(ids, here), last.kernel)
            sums = [tf.reduce_sum(logits * wanted[:, number]) for number in range(n_wanted)]
        each = [tf.reduce_sum(tape.gradient(total, here) * way, axis=-1) for total in sums]
        return _of_tokens(tf.stack(each, axis=-1), ids, path)

    wanted = tf.TensorSpec([None, n_wanted, None], tf.float32)
    points = [tf.TensorSpec(tensor.shape, tf.float32) for tensor in ends.structured_outputs]
    return ends, compiled(gradients_times_way, [model._resident.spec, wanted, *points])


def _compile_pooled(model, path):
    """Graph: ids -> what each token adds to each logit through its attention weights.

    A pooled vector consists of blocks as wide as a state. Each unit of a block is a weighted sum of
    the same unit of the states, so the gradients of its sum are the weights.
    """
    kernel = model.get_layer("probabilities").kernel

    def attended(ids):
        start, way = path.ends(ids)
        with tf.GradientTape(persistent=True) as tape:
            here = start + way
            tape.watch(here)
            with fixed_weights():
                context = path.context(ids, here)
            n_blocks = context.shape[-1] // here.shape[-1]
            sums = [tf.reduce_sum(block) for block in tf.split(context, n_blocks, axis=-1)]
        each = tf.concat([tape.gradient(total, here) * way for total in sums], axis=-1)
        return _of_tokens(tf.linalg.matmul(each, kernel), ids, path)

    return compiled(attended, [model._resident.spec])


def _of_tokens(parts, ids, path):
    """The parts (batch, ..., n_logits) of the tokens of the texts; 0 on padding."""
    parts = tf.reshape(parts, [tf.shape(ids)[0], -1, parts.shape[-1]])
    parts = parts[:, path.first : path.first + tf.shape(ids)[1]]
    return parts * tf.cast(ids != 0, tf.float32)[:, :, None]


def _of_embeddings(model):
    """From the embeddings of unknown tokens to those of the text."""
    embedded = model._readouts["embedded"]
    embed = keras.Model(model.inputs, embedded, dtype="float32")
    rest = _rest(model, embedded)

    def ends(ids):
        start = embed(_unknown(ids), training=False)
        return start, embed(ids, training=False) - start

    return _Path(ends, lambda ids, point: rest([ids, point], training=False), 0)


def _of_lower_states(model):
    """From the states of a transformer's unknown tokens to those of the text, after some layers."""
    frozen, below = model.frozen, n_lower(model.frozen.backbone)
    lower_states = model._readouts["lower"]
    tuned = keras.Model(model.inputs, lower_states, dtype="float32")
    rest = _rest(model, lower_states)

    def lower(ids):
        states = frozen.run(ids, frozen.embed(ids, frozen.words(ids)), 0, below)
        return states if below <= frozen.n_layers else tuned([ids, states], training=False)

    def ends(ids):
        start = lower(_unknown(ids))
        return start, lower(ids) - start

    def context(ids, states):
        return rest([ids, frozen.run(ids, states, below)], training=False)

    return _Path(ends, context, frozen.n_before)


def _of_states(model):
    """From the state of a single unknown token to the states of the text."""
    read = keras.Model(model.inputs, model._readouts["states"], dtype="float32")
    rest = _rest(model, model._readouts["states"])

    def states(ids):
        inputs = with_states(model.frozen, ids) if model.frozen else ids
        return read(inputs, training=False)

    def ends(ids):
        start = states(tf.fill([1, 1], UNKNOWN))  # the same for all texts
        return start, (states(ids) - start) * tf.cast(ids != 0, tf.float32)[:, :, None]

    return _Path(ends, lambda ids, point: rest([ids, point], training=False), 0)


def _rest(model, tensor):
    """The layers from a tensor to the pooled states."""
    inputs = [model.inputs[0], tensor]
    return keras.Model(inputs, model._readouts["representation"], dtype="float32")


def _unknown(ids):
    return tf.where(ids == 0, 0, UNKNOWN)


def _compile_features(model):
    context = keras.Model(model.inputs, model._readouts["representation"], dtype="float32")
    last = model.get_layer("probabilities")

    def gradient_times_way(batch, wanted, place):
        is_sparse = isinstance(batch, tf.SparseTensor)
        way = batch.values if is_sparse else batch
        with tf.GradientTape() as tape:
            here = place * way
            tape.watch(here)
            rows = batch.with_values(here) if is_sparse else here
            states = context(rows, training=False)
            logit = tf.reduce_sum(tf.linalg.matvec(states, tf.linalg.matvec(last.kernel, wanted)))
        return tape.gradient(logit, here) * way

    numbers = [tf.TensorSpec(shape, tf.float32) for shape in ([None], [])]
    return compiled(gradient_times_way, [model._resident.spec, *numbers])
