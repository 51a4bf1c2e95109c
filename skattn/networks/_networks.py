"""The two networks, built and compiled from plain hyperparameters."""

import functools

import keras

from skattn.engine._model import ResidentModel
from skattn.engine._optimizers import build_optimizer, slow_down
from skattn.networks._attention_pooling import AttentionPooling
from skattn.networks._encoders import ENCODERS
from skattn.networks._layers import (
    AnyToken,
    CutSegments,
    JoinSegments,
    SparseDense,
    SpreadWeights,
    ToDense,
    TokenMask,
    WordDropout,
    glorot,
)
from skattn.networks._transformer import (
    FrozenLayers,
    StatesMask,
    TokenStates,
    TunedLayer,
    n_lower,
    tuned_sets,
)

CLIP_NORM = 1.0  # of the gradient, where layers of a pretrained model are tuned


def _in_float32(build):
    """Build in float32 whatever policy the program has set; Keras holds one for each thread."""

    @functools.wraps(build)
    def build_in_float32(config):
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32")
        try:
            return build(config)
        finally:
            keras.config.set_dtype_policy(policy)

    return build_in_float32


@_in_float32
def build_text_network(config):
    """Embedding -> encoder -> attention over time -> softmax, compiled.

    Parameters
    ----------
    config : dict
        The hyperparameters, as `AttentionTextClassifier` names them, with ``n_outputs``.

    Returns
    -------
    ResidentModel
        Its readouts are ``"probabilities"``, ``"attention"``, ``"representation"`` and
        ``"embedded"``, the input of the encoder; with segments also ``"segment_attention"``, and
        without them ``"states"``, its output. On a pretrained transformer, ``"states"`` are those
        of its last layer, and ``"lower"``, those after a third of its layers, stand in for
        ``"embedded"``.
    """
    if config.get("backbone"):
        return _build_on_pretrained(config)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    if config["segment_length"]:
        context, readouts = _segmented(ids, config)
    else:
        embedded = _embed(ids, config)
        context, weights, states = _encode_and_attend(embedded, _mask(ids), config)
        readouts = {"attention": weights, "embedded": embedded, "states": states}
    l2 = _penalty(config["l2"])
    answers = _answers(_dropout(config["dropout"], "dropout")(context), config, l2)
    readouts |= {"probabilities": answers, "representation": context}
    return _compiled(ids, answers, "tokens", readouts, config)


def _embed(ids, config):
    embedding = keras.layers.Embedding(
        config["vocabulary_size"],
        config["embedding_dim"],
        embeddings_initializer=keras.initializers.RandomUniform(seed=0),
        name="embedding",
        trainable=config["embedding_trainable"],
    )
    if config["word_dropout"]:
        ids = WordDropout(config["word_dropout"], name="word_dropout")(ids)
    return _dropout(config["embedding_dropout"], "embedding_dropout")(embedding(ids))


def _mask(ids, name="mask"):
    return TokenMask(name=name)(ids)


def _encode_and_attend(hidden, mask, config, prefix=""):
    """(batch, time, width) -> context (batch, units), weights (batch, time) and the states."""
    for layer in range(config["n_layers"]):
        hidden = ENCODERS[config["encoder"]](hidden, mask, config, f"{prefix}encoder_{layer + 1}")
    pooling = AttentionPooling(
        config["attention"],
        heads=config["n_heads"],
        penalty=config["head_penalty"],
        kernel_regularizer=_penalty(config["l2"]),
        kernel_initializer=glorot(),
        name=f"{prefix}attention",
    )
    context, weights = pooling(hidden, mask=mask)
    if config["extra_pooling"]:
        score = {"max": "max", "mean": "uniform"}[config["extra_pooling"]]
        pooling = AttentionPooling(
            score, kernel_initializer=glorot(), name=f"{prefix}extra_pooling"
        )
        extra, _ = pooling(hidden, mask=mask)
        context = keras.layers.Concatenate(name=f"{prefix}pooled")([context, extra])
    return context, weights, hidden


def _segmented(ids, config):
    """Attention over the tokens of each segment, then over the segments (Yang et al. 2016)."""
    segments = CutSegments(config["segment_length"], name="segments")(ids)
    embedded = _embed(segments, config)
    vectors, token_weights, _ = _encode_and_attend(embedded, _mask(segments), config, "token_")
    join = JoinSegments(name="joined")
    token_weights = JoinSegments(name="joined_weights")(token_weights, ids)
    segment_mask = AnyToken(name="segment_mask")(JoinSegments(name="joined_ids")(segments, ids))
    context, segment_weights, _ = _encode_and_attend(
        join(vectors, ids), segment_mask, config, "segment_"
    )
    weights = SpreadWeights(name="attention")(token_weights, segment_weights, ids)
    readouts = {"attention": weights, "segment_attention": segment_weights, "embedded": embedded}
    return context, readouts


def _build_on_pretrained(config):
    """Tuned layers of a transformer -> encoder -> attention over the tokens -> softmax, compiled.

    The embeddings and the frozen layers are not part of the Keras model; see `model.frozen`.

    The last layer starts from zeros (A. Kolesnikov et al., "Big Transfer (BiT)", ECCV 2020): the
    first gradients of random weights would change the pretrained layers at random, which costs
    accuracy where there are few labels.
    """
    backbone, tuned_layers = config["backbone"], config["tuned_layers"]
    frozen = FrozenLayers(backbone, tuned_layers)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    states = keras.Input((None, frozen.width), dtype="float32", name="states")
    mask = StatesMask(frozen.n_special, name="states_mask")(ids)
    lower = hidden = states
    sets = tuned_sets(backbone, tuned_layers)
    tuned = {
        number: TunedLayer(backbone, name=f"tuned_{place + 1}")
        for place, number in enumerate(dict.fromkeys(sets))
    }
    below = max(0, n_lower(backbone) - frozen.n_layers)
    for place, number in enumerate(sets):
        if place == below:  # in ALBERT, Keras could not tell the output of one layer from the next
            lower = hidden = keras.layers.Identity(name="lower_states")(hidden)
        hidden = tuned[number](hidden, mask)
    hidden = TokenStates(len(backbone["prefix"]), name="token_states")(hidden, ids)
    context, weights, _ = _encode_and_attend(hidden, _mask(ids), config)
    context_in = _dropout(config["dropout"], "dropout")(context)
    l2 = _penalty(config["l2"])
    answers = _answers(context_in, config, l2, initializer="zeros")
    readouts = {"attention": weights, "probabilities": answers, "representation": context}
    readouts |= {"states": hidden, "lower": lower}  # what the encoder reads; after a third of all
    model = _compiled([ids, states], answers, "tokens", readouts, config, frozen)
    if isinstance(config["optimizer"], str):
        model.optimizer.global_clipnorm = CLIP_NORM
    if config["optimizer"] is not None:
        variables = [v for layer in tuned.values() for v in layer.trainable_variables]
        slow_down(model.optimizer, variables, config["tuned_rate"])
    return model


@_in_float32
def build_gated_network(config):
    """Dense ReLU layer multiplied by its own gate -> softmax, compiled.

    With ``gate="inputs"`` the features themselves are multiplied by their gate first.

    Parameters
    ----------
    config : dict
        The hyperparameters, as `GatedDenseClassifier` names them, with ``n_outputs``,
        ``n_features`` and ``sparse``.

    Returns
    -------
    ResidentModel
        Its readouts are ``"probabilities"``, ``"gate"`` and ``"representation"``.
    """
    l2 = _penalty(config["l2"])
    kind = "sparse" if config["sparse"] else "dense"
    features = keras.Input(
        (config["n_features"],), name="features", dtype="float32", sparse=config["sparse"]
    )
    settings = {
        "activation": config["gate_activation"],
        "kernel_initializer": glorot(),
        "name": "attention_probs",
    }

    def dense_relu(inputs, layer=keras.layers.Dense):
        return layer(
            config["units"],
            activation="relu",
            kernel_regularizer=l2,
            kernel_initializer=glorot(),
            name="hidden",
        )(inputs)

    if config["gate"] == "inputs":  # every feature is read: a batch of sparse rows becomes dense
        dense = ToDense(name="dense_features")(features) if config["sparse"] else features
        gate = keras.layers.Dense(config["n_features"], **settings)(dense)
        gated = keras.layers.Multiply(name="attention_mul")([dense, gate])
        representation = dense_relu(gated)
    else:
        layer = SparseDense if config["sparse"] else keras.layers.Dense
        hidden = dense_relu(features, layer)  # (batch, units)
        gate = keras.layers.Dense(config["units"], **settings)(hidden)
        representation = keras.layers.Multiply(name="attention_mul")([hidden, gate])
    answers = _answers(_dropout(config["dropout"], "dropout")(representation), config, l2)
    readouts = {"probabilities": answers, "gate": gate, "representation": representation}
    return _compiled(features, answers, kind, readouts, config)


def _penalty(l2):
    return keras.regularizers.L2(l2) if l2 else None


def _dropout(rate, name):
    """Dropout, or nothing at a rate of 0; seeded at every epoch by the training."""
    return keras.layers.Dropout(rate, seed=0, name=name) if rate else lambda inputs: inputs


def _answers(representation, config, l2, initializer=None):
    return keras.layers.Dense(
        config["n_outputs"],
        activation="sigmoid" if config["multilabel"] else "softmax",
        kernel_regularizer=l2,
        kernel_initializer=initializer or glorot(),
        name="probabilities",
    )(representation)


def _compiled(inputs, outputs, kind, readouts, config, frozen=None):
    model = ResidentModel(inputs, outputs).setup(
        kind,
        readouts,
        multilabel=config["multilabel"],
        label_smoothing=config["label_smoothing"],
        scheduled=config["learning_rate_schedule"] != "constant",
        frozen=frozen,
    )
    if config["optimizer"] is None:  # only the shapes of the weights are needed
        return model
    losses = {True: "binary_crossentropy", False: "sparse_categorical_crossentropy"}
    model.compile(
        optimizer=build_optimizer(
            config["optimizer"],
            config["learning_rate"],
            config["weight_decay"],
            lazy=kind == "sparse",
        ),
        loss=losses[config["multilabel"]],
        auto_scale_loss=False,  # nothing is computed in float16
    )
    if model._scheduled and not isinstance(model.optimizer._learning_rate, keras.Variable):
        raise ValueError(
            f"learning_rate_schedule={config['learning_rate_schedule']!r} needs a learning rate "
            "that is a number, but the optimizer has a schedule of its own. Use one of the two."
        )
    model.start_optimizer()
    return model
