"""Evidence of the networks: what each token or feature adds to each logit."""

import threading

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from skattn.engine._batches import PREDICT_TOKENS, filled_up, prediction_batches
from skattn.engine._frozen_states import PRETRAINED_TOKENS
from skattn.engine._resident_rows import as_rows, to_tensor
from skattn.networks._attention_pooling import fixed_weights
from skattn.networks._recurrence import loop_only

UNKNOWN = 1  # the id of a token out of vocabulary
N_NODES, FEWER_NODES = 3, 1  # on the path, for up to MANY_LOGITS logits and for more
MANY_LOGITS = 12
N_NODES_OF_FEATURES = 8
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
    unknown token to the embeddings of the text, by the Gauss-Legendre rule. On validation splits of
    trec and mr, three nodes were as faithful as sixteen, an unknown token was a better start of the
    path than zeros, and both were better than gradient x input.

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
    parts : ndarray of shape (n_rows, n_steps, n_logits), float64
        In the order of the tokens, 0 beyond. They need not add up exactly.
    logits, base : ndarray of shape (n_rows, n_logits), float64
        Of the rows, and of rows of unknown tokens. A softmax needs differences only: there the
        first logit is subtracted from all.
    """
    lengths, row_of = np.unique((X != 0).sum(axis=1), return_inverse=True)
    blank = np.where(np.arange(X.shape[1]) < lengths[:, None], UNKNOWN, 0)
    logits, base = _logits(model, X), _logits(model, blank)[row_of]
    wanted, logits, base = _wanted(config, logits, base)
    mixing = config["encoder"] != "none" or bool(model.frozen)
    n_nodes = N_NODES if len(wanted) <= MANY_LOGITS else FEWER_NODES
    nodes, weights = _legendre(n_nodes) if mixing else (np.ones(1), np.ones(1))
    found = _integrated(model, as_rows(X, "tokens"), wanted, nodes, weights, fixed=not mixing)
    first = logits.shape[1] - len(wanted)
    return np.pad(found, [(0, 0), (0, 0), (first, 0)]), logits, base


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
    wanted, logits, base = _wanted(config, _logits(model, X), _logits(model, X[:1] * 0))
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


def _logits(model, X):
    kernel, bias = model.get_layer("probabilities").get_weights()
    return model.read("representation", X).astype(np.float64) @ kernel + bias


def _integrated(model, rows, wanted, nodes, weights, fixed):
    """(n_rows, n_steps, len(wanted)): gradients of combinations of logits, times the way."""
    name = "evidence_fixed" if fixed else "evidence"
    gradient = _compiled(model, name, lambda model: _compile(model, fixed))
    n_steps = max(1, int(rows.lengths.max(initial=0)))
    parts = np.zeros((len(rows), n_steps, len(wanted)))
    most = PRETRAINED_TOKENS if model.frozen else PREDICT_TOKENS
    for numbers in prediction_batches(rows.lengths, rows.hashes(), most):
        filled = filled_up(numbers)
        ids = tf.constant(rows.batch(filled))
        for place, weight in zip(nodes, weights, strict=True):
            for column, logit in enumerate(wanted):
                found = gradient(ids, tf.constant(logit), tf.constant(place, tf.float32)).numpy()
                width = min(found.shape[1], n_steps)
                parts[numbers, :width, column] += weight * found[: len(numbers), :width]
    return parts


def _compiled(model, name, compile_it):
    """The graph (batch, wanted, place) -> gradient at that place of the way, times the way."""
    with _TRACE_LOCK:
        if name not in model._read_functions:
            model._read_functions[name] = compile_it(model)
    return model._read_functions[name]


def _compile(model, fixed):
    vectors, context, first = _path(model)
    last = model.get_layer("probabilities")

    def gradient_times_way(ids, wanted, place):
        start = vectors(tf.where(ids == 0, 0, UNKNOWN))
        way = vectors(ids) - start
        with tf.GradientTape() as tape:
            here = start + place * way
            tape.watch(here)
            with fixed_weights(fixed), loop_only():
                logit = _sum_of_logits(last, context(ids, here), wanted)
        each = tf.reduce_sum(tape.gradient(logit, here) * way, axis=-1)
        each = tf.reshape(each, [tf.shape(ids)[0], -1])[:, first : first + tf.shape(ids)[1]]
        return each * tf.cast(ids != 0, tf.float32)

    return _graph(model, gradient_times_way)


def _path(model):
    """Token ids -> their vectors; ids and vectors -> the pooled states; the first text token."""
    if model.frozen:
        rest = keras.Model(model.inputs, model._readouts["representation"], dtype="float32")
        encode = model.frozen.encode
        return (
            model.frozen.words,
            lambda ids, words: rest([ids, encode(ids, words)], training=False),
            model.frozen.n_before,
        )
    embedded = model._readouts["embedded"]
    embed = keras.Model(model.inputs, embedded, dtype="float32")
    rest = keras.Model(
        [*model.inputs, embedded], model._readouts["representation"], dtype="float32"
    )
    return (
        lambda ids: embed(ids, training=False),
        lambda ids, vectors: rest([ids, vectors], training=False),
        0,
    )


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
            logit = _sum_of_logits(last, context(rows, training=False), wanted)
        return tape.gradient(logit, here) * way

    return _graph(model, gradient_times_way)


def _sum_of_logits(last, states, wanted):
    """The wanted combination of the logits, summed over the rows."""
    return tf.reduce_sum(tf.linalg.matvec(states, tf.linalg.matvec(last.kernel, wanted)))


def _graph(model, function):
    number = tf.TensorSpec([], tf.float32)
    signature = [model._resident.spec, tf.TensorSpec([None], tf.float32), number]
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()
