"""`GatedDenseClassifier`: features -> dense layer times its own gate -> softmax."""

from collections.abc import Callable, Mapping
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skattn.engine._rows import canonical
from skattn.estimators._base import BaseNetworkClassifier
from skattn.estimators._evidence import feature_evidence
from skattn.networks._networks import build_gated_network
from skattn.utils._typing import MatrixLike

MAX_GATED_FEATURES = 4096  # a gate on the inputs has a kernel of n_features x n_features


class GatedDenseClassifier(BaseNetworkClassifier):
    """Classify rows of features with a dense layer that is multiplied by a learned gate.

    With :math:`h = \\mathrm{relu}(W x + b)` the network is
    :math:`\\mathrm{softmax}(V (h \\odot \\sigma(U h + c)) + d)`. The loss is the cross-entropy.
    The network of an answer to a well-known Stack Overflow question [1]_ is
    ``GatedDenseClassifier(units=1800, l2=0.01, epochs=20, batch_size=600,
    validation_fraction=0.2)``.

    Parameters
    ----------
    units : int, default=256
        Width of the dense layer.
    gate : {"hidden", "inputs"}, default="hidden"
        What the gate multiplies: the hidden layer, or the features (at most 4096 features). With
        ``"inputs"``, `gate_values` returns how far the gate of each feature is open. That is not
        its importance, because a large weight may follow a nearly closed gate; see `evidence`.
    gate_activation : {"sigmoid", "softmax"}, default="sigmoid"
        With ``"sigmoid"``, the gates are independent; with ``"softmax"``, they sum to 1.
    epochs : int, default=50
        Number of passes over the training data; with `early_stopping`, the maximum number.
    batch_size : int, default=32
        Number of rows per step of the optimizer.
    optimizer : str, dict or keras.optimizers.Optimizer, default="adam"
        The name of a Keras optimizer, ``"lazyadam"`` (here the same as ``"adam"``: for sparse X,
        with the default `gate`, `l2` and `weight_decay`, both change the first layer only for
        features that occur in the batch), or an optimizer object or its configuration. Only the
        configuration of an object is used, and its learning rate takes precedence over
        `learning_rate`.
    learning_rate : float, default=1e-3
        Learning rate, unless `optimizer` brings its own.
    weight_decay : float, default=None
        Decoupled weight decay of the kernels, unless `optimizer` brings its own. It does not affect
        biases. None: 0, or 0.004 with ``"adamw"``.
    l2 : float, default=0.0
        L2 penalty on the kernels of the dense layer and of the output layer.
    dropout : float, default=0.0
        Dropout rate before the output layer.
    label_smoothing : float, default=0.0
        Share of the target probability that is spread evenly over the classes during training.
    learning_rate_schedule : {"constant", "cosine", "linear"}, default="constant"
        ``"cosine"`` and ``"linear"`` raise the learning rate over the first tenth of the steps,
        then lower it to 0 along half a cosine or a straight line.
    weight_averaging : bool, default=False
        Whether to average the weights of the network over the second half of the epochs. Cannot be
        combined with `early_stopping`.
    class_weight : dict or "balanced", default=None
        Weights of the classes. ``"balanced"`` gives each class the same total weight. Classes that
        are not in a dict have weight 1. A dict that contains all classes of `y` may contain other
        classes too, because a cross-validation fold may lack a class.
    early_stopping : bool, default=False
        Whether to stop training when the score on a validation set no longer improves, and to
        restore the weights of the best epoch.
    validation_fraction : float, default=None
        Share of the rows to use as a validation set, stratified by class. None means 0.1 with
        `early_stopping`, and no validation set otherwise. With a number, the scores on the
        validation set are always recorded in `history_`.
    n_iter_no_change : int, default=5
        Number of epochs without improvement before early stopping.
    tol : float, default=1e-4
        The smallest change that counts as an improvement.
    scoring : str or callable, default="loss"
        What early stopping monitors on the validation set: ``"loss"`` or a scikit-learn scorer.
    callbacks : list of keras.callbacks.Callback, default=None
        Keras callbacks. `fit` uses copies of them. A callback that runs after every batch slows
        down training.
    checkpoint : str or os.PathLike, default=None
        A folder in which `fit` saves its state after each epoch. If the process is killed, fitting
        with the same parameters on the same data resumes after the last complete epoch, with
        identical results (your own callbacks start anew). The file is deleted when the fit ends.
    warm_start : bool, default=False
        Whether `fit` continues with the network of the previous fit.
    save_optimizer : bool, default=True
        Whether saved files include the state of the optimizer, so that training can be continued
        (after `partial_fit`, or with `warm_start`).
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the rows and the dropout. With an int, results
        are identical on the same machine with the same number of threads.
    verbose : int, default=0
        0 prints nothing, 1 shows one progress bar, and 2 also prints at the end of `fit` where the
        time went.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has feature names.
    model_ : keras.Model
        The network.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that wraps the network.
    history_ : dict of str to list of float
        The ``loss`` of each epoch; with a validation set also ``val_loss``, ``val_accuracy`` and,
        if `scoring` is a scorer, ``val_score``. Continued training appends to these lists; NaN
        marks an epoch without a value.
    n_iter_ : int
        Number of epochs of the last fit.
    best_iteration_ : int
        The epoch whose weights were restored, counted from 1 over all epochs of `history_`,
        including those of earlier fits with `warm_start`. Only with `early_stopping`.

    Notes
    -----
    The network computes in float32. Scale the features first, for example with
    `sklearn.preprocessing.StandardScaler`. Sparse input is not converted to a dense array, with
    two exceptions: ``gate="inputs"`` converts each batch, and so does a network that was first
    fitted on dense input. With the default `optimizer`, `gate`, `l2` and `weight_decay`, each
    training step on sparse input changes the first layer only for features that occur in the batch.

    References
    ----------
    .. [1] "How to add an attention mechanism in Keras?", Stack Overflow, question 42918446.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skattn import GatedDenseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = make_pipeline(StandardScaler(), GatedDenseClassifier(random_state=0))
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints = BaseNetworkClassifier._parameter_constraints | {
        "units": [Interval(Integral, 1, None, closed="left")],
        "gate": [StrOptions({"hidden", "inputs"})],
        "gate_activation": [StrOptions({"sigmoid", "softmax"})],
    }

    def __init__(
        self,
        *,
        units: int = 256,
        gate: str = "hidden",
        gate_activation: str = "sigmoid",
        epochs: int = 50,
        batch_size: int = 32,
        optimizer: Any = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float | None = None,
        l2: float = 0.0,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        learning_rate_schedule: str = "constant",
        weight_averaging: bool = False,
        class_weight: Mapping[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 5,
        tol: float = 1e-4,
        scoring: str | Callable[..., float] = "loss",
        callbacks: Any = None,
        checkpoint: str | PathLike[str] | None = None,
        warm_start: bool = False,
        save_optimizer: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.gate = gate
        self.gate_activation = gate_activation
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.l2 = l2
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.learning_rate_schedule = learning_rate_schedule
        self.weight_averaging = weight_averaging
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.save_optimizer = save_optimizer
        self.random_state = random_state
        self.verbose = verbose

    _build = staticmethod(build_gated_network)

    def gate_values(self, X: MatrixLike) -> NDArray[np.float32]:
        """How far each gate is open, for each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        gates : ndarray of shape (n_samples, units) or (n_samples, n_features), float32
            Values between 0 and 1: one per hidden unit with ``gate="hidden"``, one per feature with
            ``gate="inputs"``.
        """
        return self._read("gate", X)[1]

    def evidence(self, X: MatrixLike) -> tuple[Any, NDArray[np.float64]]:
        """What each feature adds to the probability of each class.

        The contributions of the features to the logits are integrated gradients [1]_ on the path
        from a row of zeros to the row. (If the features are standardized, a row of zeros is the
        mean row.) Shapley values [2]_ turn these contributions to logits into contributions to
        probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        evidence : {ndarray, scipy.sparse.coo_array} of shape (n_samples, n_features, n_classes)
            Negative values speak against a class. If `X` is sparse, this is a sparse array with
            three dimensions, which needs SciPy 1.15.
        base : ndarray of shape (n_samples, n_classes)
            The probabilities of a row of zeros; ``base + evidence.sum(axis=1)`` equals
            ``predict_proba(X)``.

        References
        ----------
        .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML
           2017.
        .. [2] L. S. Shapley, "A value for n-person games", 1953.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skattn import GatedDenseClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = GatedDenseClassifier(epochs=20, random_state=0).fit(scale(X), y)
        >>> evidence, base = clf.evidence(scale(X))
        >>> evidence.shape, base.shape
        ((150, 4, 3), (150, 3))
        >>> bool(abs(base + evidence.sum(axis=1) - clf.predict_proba(scale(X))).max() < 0.001)
        True
        """
        check_is_fitted(self)
        fitted, given = self._fitted, self._check_X(X, reset=False)
        rows = self._within(fitted.config, given)
        if sparse.issparse(rows):
            rows = canonical(rows)
        evidence, base = feature_evidence(rows, fitted)
        if sparse.issparse(evidence) and not sparse.issparse(given):
            evidence = evidence.toarray()
        return evidence, base

    @property
    def _fitted_gate(self):
        """What the gate of the fitted network multiplies; `gate` may have been changed since."""
        return self._fact("config")["gate"]

    def _check_X(self, X, reset):
        if sparse.issparse(X) and X.ndim == 2:
            X = _undamaged(X)
        try:
            return validate_data(self, X, reset=reset, accept_sparse="csr", dtype=np.float32)
        except np.exceptions.DTypePromotionError as error:
            raise TypeError(
                f"X must be rows of numbers ({error}). Turn other columns, such as dates, into "
                "numbers first."
            ) from error
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise ValueError(
                f"{error}. X must be rows of numbers: encode categories first; raw texts are for "
                "skattn.TextClassifier."
            ) from error

    def _within(self, config, X):
        return sparse.csr_array(X) if config["sparse"] else X

    def _network_config(self, params, X, beginning, before):
        if self.gate == "inputs" and X.shape[1] > MAX_GATED_FEATURES:
            raise ValueError(
                f"gate='inputs' has a gate for each of the {X.shape[1]} features and a kernel of "
                f"their square; at most {MAX_GATED_FEATURES} are allowed. Use gate='hidden', or "
                "select features first."
            )
        return {
            "n_features": int(X.shape[1]),
            "sparse": before.config["sparse"] if before else sparse.issparse(X),
            "units": int(self.units),
            "gate": self.gate,
            "gate_activation": self.gate_activation,
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _undamaged(X):
    """X in a compressed format; refuse indices outside the matrix, which SciPy reads unchecked."""
    try:
        if X.format == "coo":
            X = type(X)((X.data, (X.row, X.col)), shape=X.shape)  # checks the indices
        if X.format == "lil" and list(map(len, X.rows)) != list(map(len, X.data)):
            raise ValueError("a row has more indices than values, or fewer")
        X = X if hasattr(X, "check_format") else X.tocsr()
        X = type(X)((X.data, X.indices, X.indptr), shape=X.shape)  # the check may change it
        X.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(
            f"X is a damaged sparse matrix: {error}. Build it again from its rows."
        ) from error
    return X
