"""Evidence of the networks: what each token or feature adds to each logit."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from skattn.engine._batches import filled_up
from skattn.engine._frozen_states import compiled
from skattn.engine._model import put_together
from skattn.engine._resident_rows import as_rows, to_tensor
from skattn.networks._attention_pooling import fixed_weights
from skattn.networks._recurrence import loop_only
from skattn.networks._transformer import n_lower

LOWER = "path"  # the states that paths through all layers lead to
UNKNOWN = 1  # the id of a token out of vocabulary
NODE = 0.5  # on the path from 0 to 1, the middle
N_NODES_OF_FEATURES = 8
N_AT_ONCE = 8  # logits that share a forward pass
MANY, MANY_IN_A_TRANSFORMER = 8, 3  # logits; of more only some are followed through all layers
N_CLASSES_FOLLOWED, N_LABELS_FOLLOWED = 2, 3
_TRACE_LOCK = threading.Lock()


def logit_parts(model, config, X):
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

    With many classes, each of them would need a backward pass. So only the two largest logits of a
    row (three with several labels) are followed down to the embeddings, or to these states; the
    paths of the others begin and end at the last states, those of the encoder or of the
    transformer. On validation splits of trec, snips and banking77, this was as faithful for the two
    most probable classes as following three logits, and faster. (With segments, all logits are
    followed.)

    The network reads the texts once: from this pass come the ends of the paths, and also its
    answers.

    Parameters
    ----------
    model : ResidentModel
        Of `build_text_network`.
    config : dict
        From which it was built.
    X : int array of shape (n_rows, n_columns)
        Checked token ids.

    Returns
    -------
    answers : dict of str to ndarray
        What the network answers for these rows, as `ResidentModel.read_answers` has it.
    parts : list of n_rows ndarrays of shape (n_tokens, n_logits), float64
        In the order of the tokens. They need not add up exactly.
    logits, base : ndarray of shape (n_rows, n_logits), float64
        Of the rows, and of rows of unknown tokens. A softmax needs differences only: there the
        mean of the logits, or the first one, is subtracted from all.
    """
    rows, n_logits = as_rows(X, "tokens"), model.readout_width("probabilities")
    many = n_logits > (MANY_IN_A_TRANSFORMER if model.frozen else MANY)
    many = many and "states" in model._readouts and (model.frozen or config["encoder"] != "none")
    read = _compiled(model, ("evidence", many), lambda model: _compile_reading(model, many))
    unknown = read(tf.fill([1, 1], UNKNOWN))["states"] if many else None

    def read_and_split(numbers, batch):
        ids = tf.constant(batch)
        lengths, place = np.unique(rows.lengths[numbers], return_inverse=True)
        blank = np.where(np.arange(batch.shape[1]) < filled_up(lengths)[:, None], UNKNOWN, 0)
        found, start = read(ids), read(tf.constant(blank, tf.int32))
        with np.errstate(all="ignore"):  # of infinite answers; the caller refuses them
            parts, logits, base = _split(model, config, ids, found, start, place, unknown)
        answers = {name: found[name].numpy() for name in model.answers}
        own = zip(parts, rows.lengths[numbers], strict=True)
        parts = [part[:n_tokens].astype(float) for part, n_tokens in own]
        return answers | {"logits": logits, "base": base, "parts": parts}

    batches = model.by_batches(rows, read_and_split)
    answers = {name: put_together(batches, name) for name in model.answers}
    parts, logits, base = [None] * len(rows), *np.zeros((2, len(rows), n_logits))
    for numbers, found in batches:
        logits[numbers], base[numbers] = (found[n][: len(numbers)] for n in ("logits", "base"))
        for row, own in zip(numbers, found["parts"], strict=False):
            parts[row] = own
    return answers, parts, logits, base


def _split(model, config, ids, found, start, place, unknown):
    """The parts, the logits and the base of one batch.

    Parameters
    ----------
    model, config
        As of `logit_parts`.
    ids : int32 tensor of shape (batch, time)
    found, start : dict of str to tensor
        What was read of these texts, and of texts of unknown tokens.
    place : int array of shape (batch,)
        Which of the latter is as long as each text.
    unknown : float32 tensor of shape (1, 1, width) or None
        With many logits, the state of a single unknown token.

    Returns
    -------
    parts : ndarray of shape (batch, time, n_logits)
    logits, base : ndarray of shape (batch, n_logits)
    """
    logits = _logits(model, found["representation"].numpy())
    base = _logits(model, start["representation"].numpy())[place]
    mixing = config["encoder"] != "none"
    lower = _path(model, _of_lower_states if model.frozen else _of_embeddings)
    begin = tf.gather(tf.reshape(start[LOWER], [tf.shape(start["representation"])[0], -1]), place)
    begin = tf.reshape(begin, tf.shape(found[LOWER]))
    lower_ends = begin, found[LOWER] - begin
    if not mixing and not model.frozen:
        parts = _pooled(model, lower, ids, *lower_ends)
        values = parts, logits, base
        return values if config["multilabel"] else tuple(v - v[..., :1] for v in values)
    if unknown is None:
        wanted, logits, base = _wanted(config, logits, base)
        parts = _integrated(model, lower, ids, wanted[None], *lower_ends)
        return np.pad(parts, [(0, 0), (0, 0), (logits.shape[1] - len(wanted), 0)]), logits, base
    wanted = np.eye(logits.shape[1], dtype=np.float32)
    if not config["multilabel"]:
        wanted -= 1 / len(wanted)
        logits, base = logits @ wanted, base @ wanted
    last = _path(model, _of_states)
    last_ends = unknown, found["states"] - unknown
    if mixing and model.frozen:
        parts = _integrated(model, last, ids, wanted[None], *last_ends)
    else:
        parts = _pooled(model, last, ids, *last_ends) @ wanted
    n_followed = N_LABELS_FOLLOWED if config["multilabel"] else N_CLASSES_FOLLOWED
    largest = np.argsort(-logits, axis=1, kind="stable")[:, :n_followed]
    followed = _integrated(model, lower, ids, wanted[largest], *lower_ends)
    np.put_along_axis(parts, largest[:, None, :], followed, axis=2)
    return parts, logits, base


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

    def split(numbers, batch):
        batch = to_tensor(batch)
        place = numbers if stored is None else _stored_values(stored, numbers)
        for node, weight in zip(*_legendre(N_NODES_OF_FEATURES), strict=True):
            for column, logit in enumerate(wanted, start=first):
                found = gradient(batch, tf.constant(logit), tf.constant(node, tf.float32)).numpy()
                if stored is not None and found.ndim == 2:  # a network that reads dense rows
                    held = stored[numbers].tocoo()
                    found = found[held.row, held.col]
                parts[place, ..., column] += weight * found  # a repeated row adds once

    model.by_batches(rows, split)
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


def _integrated(model, path, ids, wanted, start, way):
    """Gradients of combinations of logits in the middle of the path, times the path.

    Parameters
    ----------
    model : ResidentModel
    path : _Path
    ids : int32 tensor of shape (batch, time)
    wanted : float32 array of shape (batch, n_wanted, n_logits) or (1, n_wanted, n_logits)
        The combinations of logits of each row, or of all rows.
    start, way : float32 tensor
        Where the path begins, and how far it goes.

    Returns
    -------
    parts : ndarray of shape (batch, time, n_wanted)
    """
    n_wanted = wanted.shape[1]
    n_each = -(-n_wanted // -(-n_wanted // N_AT_ONCE))
    wanted = np.pad(wanted, [(0, 0), (0, -n_wanted % n_each), (0, 0)])
    gradients = _compiled(
        model, (path.name, n_each), lambda model: _compile_gradients(model, path, n_each)
    )
    parts = [
        gradients(ids, tf.constant(wanted[:, begin : begin + n_each]), start, way).numpy()
        for begin in range(0, wanted.shape[1], n_each)
    ]
    return np.concatenate(parts, axis=2)[:, :, :n_wanted]


def _pooled(model, path, ids, start, way):
    """The parts of all logits where the rest of the network pools only; these are exact.

    Parameters
    ----------
    model, path, ids, start, way
        As of `_integrated`.

    Returns
    -------
    parts : ndarray of shape (batch, time, n_logits)
    """
    pooled = _compiled(model, (path.name, "pooled"), lambda model: _compile_pooled(model, path))
    return pooled(ids, start, way).numpy()


def _compiled(model, name, compile_it):
    """What is compiled once for each network."""
    if name in model._read_functions:
        return model._read_functions[name]
    with _TRACE_LOCK:
        if name not in model._read_functions:
            model._read_functions[name] = compile_it(model)
    return model._read_functions[name]


class _Path(NamedTuple):
    """Where in the network a path lies, and what leads on from there."""

    name: str  # of the states there
    context: Callable  # ids and a point of the path -> the pooled states
    first: int  # the step of the first token of the text
    shape: tuple  # of the states


def _path(model, compose):
    """A path of this model; `compose` is one of the functions below, called once a model."""
    return _compiled(model, compose.__name__, compose)


def _compile_reading(model, with_states):
    """Graph: ids -> the answers and the states that the paths lead to, by name."""
    names = [*model.answers, *(["states"] if with_states else [])]
    outputs = {name: model._readouts[name] for name in names}
    outputs[LOWER] = model._readouts["lower" if model.frozen else "embedded"]
    readout = keras.Model(model.inputs, outputs, dtype="float32")

    def read(ids):
        if not model.frozen:
            return readout(ids, training=False)
        frozen, below = model.frozen, n_lower(model.frozen.backbone)
        lower = frozen.run(ids, frozen.embed(ids, frozen.words(ids)), 0, below)
        states = tf.cast(frozen.run(ids, lower, below), tf.float16)  # as the network reads them
        found = readout([ids, tf.cast(states, tf.float32)], training=False)
        return found | {LOWER: lower} if below <= frozen.n_layers else found

    return compiled(read, [model._resident.spec])


def _compile_gradients(model, path, n_wanted):
    """Graph: ids, wanted and a path -> gradients in the middle of the path, times the way."""
    last = model.get_layer("probabilities")

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
    points = [tf.TensorSpec(path.shape, tf.float32)] * 2
    return compiled(gradients_times_way, [model._resident.spec, wanted, *points])


def _compile_pooled(model, path):
    """Graph: ids and a path -> what each token adds to each logit through its attention weights.

    A pooled vector consists of blocks as wide as a state. Each unit of a block is a weighted sum of
    the same unit of the states, so the gradients of its sum are the weights.
    """
    kernel = model.get_layer("probabilities").kernel

    def attended(ids, start, way):
        with tf.GradientTape(persistent=True) as tape:
            here = start + way
            tape.watch(here)
            with fixed_weights():
                context = path.context(ids, here)
            n_blocks = context.shape[-1] // here.shape[-1]
            sums = [tf.reduce_sum(block) for block in tf.split(context, n_blocks, axis=-1)]
        each = tf.concat([tape.gradient(total, here) * way for total in sums], axis=-1)
        return _of_tokens(tf.linalg.matmul(each, kernel), ids, path)

    points = [tf.TensorSpec(path.shape, tf.float32)] * 2
    return compiled(attended, [model._resident.spec, *points])


def _of_tokens(parts, ids, path):
    """The parts (batch, ..., n_logits) of the tokens of the texts; 0 on padding."""
    parts = tf.reshape(parts, [tf.shape(ids)[0], -1, parts.shape[-1]])
    parts = parts[:, path.first : path.first + tf.shape(ids)[1]]
    return parts * tf.cast(ids != 0, tf.float32)[:, :, None]


def _of_embeddings(model):
    """Through the embeddings."""
    embedded = model._readouts["embedded"]
    rest = _rest(model, embedded)
    return _Path(
        "embedded", lambda ids, point: rest([ids, point], training=False), 0, embedded.shape
    )


def _of_lower_states(model):
    """Through the states of a transformer, after some layers."""
    frozen, below = model.frozen, n_lower(model.frozen.backbone)
    rest = _rest(model, model._readouts["lower"])

    def context(ids, states):
        return rest([ids, frozen.run(ids, states, below)], training=False)

    return _Path("lower", context, frozen.n_before, (None, None, frozen.width))


def _of_states(model):
    """Through the states that the encoder gives, or those of the transformer."""
    states = model._readouts["states"]
    rest = _rest(model, states)
    return _Path("states", lambda ids, point: rest([ids, point], training=False), 0, states.shape)


def _rest(model, tensor):
    """The layers from a tensor to the pooled states."""
    inputs = [model.inputs[0], tensor]
    return keras.Model(inputs, model._readouts["representation"], dtype="float32")


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
