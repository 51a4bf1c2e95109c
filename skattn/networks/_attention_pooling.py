"""`AttentionPooling`: a Keras layer, hidden states -> their weighted sum over time."""

import contextlib
import contextvars
from numbers import Integral, Real
from typing import Any

import keras
from keras import ops
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

from skattn.networks._layers import PACKAGE

SCORES = ("feedforward", "additive", "dot", "multihead", "uniform", "max")
_CONSTRAINTS = {
    "score": [StrOptions(set(SCORES))],
    "heads": [Interval(Integral, 1, None, closed="left")],
    "units": [Interval(Integral, 1, None, closed="left"), None],
    "penalty": [Interval(Real, 0, None, closed="left")],
}


_FIXED = contextvars.ContextVar("whether no gradient runs through the weights", default=False)


@contextlib.contextmanager
def fixed_weights():
    """Let no gradient run through attention weights that are computed inside."""
    token = _FIXED.set(True)
    try:
        yield
    finally:
        _FIXED.reset(token)


def masked_softmax(scores, mask):
    """Softmax over the time steps where `mask` is true; exactly 0 elsewhere.

    Parameters
    ----------
    scores : tensor of shape (batch, time, heads)
    mask : boolean tensor of shape (batch, time)

    Returns
    -------
    tensor of shape (batch, time, heads)
        Sums to 1 over time, or to 0 where no step is kept.
    """
    dtype = scores.dtype
    scores = ops.cast(scores, keras.backend.result_type(dtype, "float32"))  # float16 has no 1e9
    keep = ops.cast(mask, scores.dtype)[:, :, None]
    highest = ops.max(scores * keep - 1e9 * (1.0 - keep), axis=1, keepdims=True)
    exponents = ops.exp(ops.minimum(scores - ops.stop_gradient(highest), 0.0)) * keep
    weights = exponents / ops.maximum(ops.sum(exponents, axis=1, keepdims=True), 1e-30)
    return ops.cast(weights, dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class AttentionPooling(keras.layers.Layer):
    """Weighted sum of the hidden states over time, with learned weights.

    Parameters
    ----------
    score : {"feedforward", "additive", "dot", "multihead", "uniform", "max"}, \
            default="feedforward"
        How the score :math:`e_t` of a hidden state :math:`h_t` is computed. The weights are the
        softmax of the scores over the time steps at which the mask is true.

        - ``"feedforward"``: :math:`e_t = \\tanh(w \\cdot h_t + b)` [1]_.
        - ``"additive"``: :math:`e_t = v \\cdot \\tanh(W h_t + b)` [2]_, [3]_.
        - ``"dot"``: :math:`e_t = q \\cdot h_t / \\sqrt{d}` with a learned query [4]_.
        - ``"multihead"``: as ``"additive"``, but with one `v` per head [5]_; the weighted sums of
          the heads are concatenated.
        - ``"uniform"``: the same weight for every time step; nothing is learned.
        - ``"max"``: the maximum of each unit over time instead of a weighted sum; the weight of a
          time step is the share of the units that have their maximum there.
    heads : int, default=4
        Number of heads, for ``score="multihead"``.
    units : int, default=None
        Number of rows of `W`, for ``"additive"`` and ``"multihead"``. None: the width of the hidden
        states.
    penalty : float, default=0.0
        Weight of the penalty :math:`\\|A A^T - I\\|_F^2`, which makes the heads attend to different
        time steps [5]_. Rows of :math:`A` are the weights of the heads.
    kernel_regularizer : keras.Regularizer, default=None
        Regularizer of the kernels that compute the scores.
    kernel_initializer : str or keras.Initializer, default="glorot_uniform"
        Initializer of the kernels that compute the scores.

    References
    ----------
    .. [1] Raffel & Ellis, "Feed-forward networks with attention can solve some long-term memory
       problems", 2015, equation 2.
    .. [2] Bahdanau, Cho & Bengio, "Neural machine translation by jointly learning to align and
       translate", 2015.
    .. [3] Yang et al., "Hierarchical attention networks for document classification", 2016,
       equations 5-7.
    .. [4] Vaswani et al., "Attention is all you need", 2017, equation 1.
    .. [5] Lin et al., "A structured self-attentive sentence embedding", 2017, equations 6-8.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import AttentionPooling
    >>> hidden_states = np.ones((2, 3, 4), dtype="float32")
    >>> mask = np.array([[True, True, True], [True, False, False]])
    >>> context, weights = AttentionPooling()(hidden_states, mask=mask)
    >>> context.shape, weights.numpy()[1].tolist()
    (TensorShape([2, 4]), [1.0, 0.0, 0.0])
    """

    def __init__(
        self,
        score: str = "feedforward",
        heads: int = 4,
        units: int | None = None,
        penalty: float = 0.0,
        kernel_regularizer: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        given = {"score": score, "heads": heads, "units": units, "penalty": penalty}
        validate_parameter_constraints(_CONSTRAINTS, given, type(self).__name__)
        self.score, self.heads, self.units, self.penalty = score, heads, units, penalty
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        """Create the weights for hidden states of shape `input_shape`."""
        if len(input_shape) != 3:
            raise ValueError(
                "AttentionPooling reads hidden states of the shape (batch, time, units), got "
                f"{tuple(input_shape)}."
            )
        self.scorers = [] if self.score in ("uniform", "max") else self._scorers(input_shape[-1])
        shape = input_shape
        for layer in self.scorers:
            layer.build(shape)
            shape = (*shape[:-1], layer.units)
        self.built = True

    def _scorers(self, width):
        def dense(name, units, **settings):
            return keras.layers.Dense(
                units,
                kernel_regularizer=self.kernel_regularizer,
                kernel_initializer=self.kernel_initializer,
                name=name,
                dtype=self.dtype_policy,
                **settings,
            )

        if self.score == "feedforward":
            return [dense("score", 1, activation="tanh")]
        if self.score == "dot":
            return [dense("query", 1, use_bias=False)]
        heads = self.heads if self.score == "multihead" else 1
        return [
            dense("projection", self.units or width, activation="tanh"),
            dense("context_vector", heads, use_bias=False),
        ]

    def call(self, hidden_states: Any, mask: Any = None) -> tuple[Any, Any]:
        """Pool over time.

        Parameters
        ----------
        hidden_states : tensor of shape (batch, time, units)
        mask : boolean tensor of shape (batch, time), default=None
            True for time steps to use, False for padding.

        Returns
        -------
        context : tensor of shape (batch, heads * units)
        weights : tensor of shape (batch, time)
            The mean over the heads; 0 where the mask is false. Each row sums to 1.
        """
        if mask is None:
            mask = ops.ones(ops.shape(hidden_states)[:2], dtype="bool")
        if self.score == "max":
            return _max_pooling(hidden_states, mask)
        weights = masked_softmax(self._scores(hidden_states), mask)  # (batch, time, heads)
        if _FIXED.get():
            weights = ops.stop_gradient(weights)
        context = ops.matmul(ops.transpose(weights, (0, 2, 1)), hidden_states)
        if self.penalty and self.score == "multihead":
            self.add_loss(self.penalty * _overlap(weights))
        width = context.shape[1] * context.shape[2]
        return ops.reshape(context, (-1, width)), ops.mean(weights, axis=-1)

    def _scores(self, hidden_states):
        scores = hidden_states
        for layer in self.scorers:
            scores = layer(scores)
        if self.score == "uniform":
            return ops.zeros_like(hidden_states[:, :, :1])
        return scores / hidden_states.shape[-1] ** 0.5 if self.score == "dot" else scores

    def compute_output_shape(self, input_shape):
        """Shapes of the pooled vectors and of the attention weights."""
        heads = self.heads if self.score == "multihead" else 1
        return (input_shape[0], heads * input_shape[-1]), tuple(input_shape[:2])

    def compute_mask(self, inputs, mask=None):
        """No mask for either output: padded steps have weight 0 already."""
        return None, None

    def get_config(self):
        """The arguments of the constructor, for serialization."""
        return super().get_config() | {
            "score": self.score,
            "heads": self.heads,
            "units": self.units,
            "penalty": self.penalty,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer)
            if self.kernel_regularizer
            else None,
        }

    @classmethod
    def from_config(cls, config):
        """The layer that a configuration of `get_config` describes."""
        if callable(config.get("score")):  # Keras reads "dot" in an .h5 file as a function's name
            config = config | {"score": config["score"].__name__}
        return super().from_config(config)


def _max_pooling(hidden_states, mask):
    """The maximum of each unit over the kept steps, and how many units have theirs at each step."""
    keep = ops.cast(mask, hidden_states.dtype)[:, :, None]
    nothing = ops.full_like(hidden_states, -float("inf"))
    highest = ops.max(ops.where(mask[:, :, None], hidden_states, nothing), axis=1, keepdims=True)
    highest = ops.where(ops.any(mask, axis=1)[:, None, None], highest, ops.zeros_like(highest))
    at_highest = ops.cast(hidden_states == highest, hidden_states.dtype) * keep
    ties = ops.maximum(ops.sum(at_highest, axis=1, keepdims=True), 1.0)
    return highest[:, 0], ops.mean(at_highest / ties, axis=-1)


def _overlap(weights):
    """Mean over the batch of ||A A^T - I||_F^2, A the heads' weights."""
    products = ops.matmul(ops.transpose(weights, (0, 2, 1)), weights)  # (batch, heads, heads)
    apart = products - ops.eye(weights.shape[-1], dtype=weights.dtype)
    return ops.mean(ops.sum(ops.square(apart), axis=(1, 2)))
