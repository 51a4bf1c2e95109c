"""`FittedNetwork`: what training returns, the one source of every answer after a fit."""

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skattn.fitting import _scikeras
from skattn.fitting._network_pool import POOL, Lease
from skattn.networks import _weights
from skattn.networks._pretrained import check_frozen
from skattn.utils._at_hand import is_remembered, once
from skattn.utils._fork import refuse_after_late_fork

_RESTORE_LOCK = threading.RLock()


@dataclass(eq=False)
class FittedNetwork:
    """A trained network and the facts of its fit.

    Nothing in it changes after training: training that goes on returns another one.
    Whoever reads from it holds it, and the network goes back to the pool when nobody does.

    Attributes
    ----------
    config : dict
        From which the network was built: plain values.
    build : callable
        Builds the Keras model from `config`.
    classes : ndarray of shape (n_classes,)
    multilabel : bool
    seed : int
    n_epochs : int
        Epochs since the weights were drawn, over all calls of `fit` and `partial_fit`.
    n_iter : int
        Epochs of the last call.
    history : dict of str to list of float
    best_iteration : int or None
        The epoch that early stopping went back to, counted from 1.
    n_features_out : int
        Width of the representation before the last layer.
    keeps_optimizer : bool
        Whether training may go on, so that the optimizer's state is worth keeping.
    lent_vectors : bool
        Whether the embedding began with given word vectors, whose width it has.
    frozen : list of ndarray or None
        The weights of a pretrained model that are never trained.
    """

    config: dict
    build: Callable
    classes: np.ndarray
    multilabel: bool
    seed: int
    n_epochs: int
    n_iter: int
    history: dict
    best_iteration: int | None
    n_features_out: int
    keeps_optimizer: bool
    lent_vectors: bool
    frozen: list | None = None
    _lease: Lease | None = None
    _saved: dict | None = None  # weights out of a file, until they are first needed
    _keras_classifier: object = None

    @property
    def lease(self):
        """The hold on the network, which is built anew if this comes out of a file."""
        refuse_after_late_fork()
        if self._lease is None:
            with _RESTORE_LOCK:
                if self._lease is None:
                    restored = _restored(self.config, self.build, self._saved, self.frozen)
                    self._lease, self._saved = Lease(restored), None
        return self._lease

    @property
    def network(self):
        """The compiled network of the pool."""
        return self.lease.network

    @property
    def model(self):
        """The Keras model."""
        return self.network.model

    def read(self, name, X):
        """One of the network's readouts for each row of checked input."""
        if not is_remembered() or name not in self.model.answers:
            return self.model.read(name, X)
        return once(self, "answers", X, lambda: self.model.read_answers(X))[name]

    def keep(self, answers, X):
        """Let `read` find these answers for X, if results are kept at all."""
        once(self, "answers", X, lambda: answers)

    @property
    def keras_classifier(self):
        """SciKeras's classifier around the network."""
        if self._keras_classifier is None:
            self._keras_classifier = _scikeras.wrap_trained(
                self.model, self.classes, self.multilabel, self.history
            )
        return self._keras_classifier

    def copied(self, config):
        """A lease of a network with the same weights, to train on.

        Parameters
        ----------
        config : dict
            As of this network, but for the learning rate.
        """
        saved = _weights.snapshot(self.model, with_optimizer=True)
        lease = Lease(POOL.acquire(config, self.build))
        if self.frozen:
            lease.network.model.frozen.hold(self.frozen)
        _weights.restore(lease.network.model, saved)
        return lease

    def to_state(self, save_optimizer):
        """Plain values and NumPy arrays, for a file."""
        keeps_optimizer = bool(self.keeps_optimizer and save_optimizer)
        saved = self._saved or _weights.snapshot(self.model, keeps_optimizer)
        return {
            "config": copy.deepcopy(self.config),
            "classes": self.classes,
            "multilabel": self.multilabel,
            "seed": self.seed,
            "n_epochs": self.n_epochs,
            "n_iter": self.n_iter,
            "history": self.history,
            "best_iteration": self.best_iteration,
            "n_features_out": self.n_features_out,
            "keeps_optimizer": keeps_optimizer,
            "lent_vectors": self.lent_vectors,
            "frozen": self.frozen,
            "weights": saved["weights"],
            "optimizer": saved["optimizer"] if keeps_optimizer else None,
        }

    @classmethod
    def from_state(cls, state, build):
        """The inverse of `to_state`, for a state that has been checked."""
        facts = dict(state)
        saved = {name: facts.pop(name) for name in ("weights", "optimizer")}
        return cls(build=build, **facts, _saved=saved)


def _restored(config, build, saved, frozen):
    """A network with weights out of a file.

    Their shapes are compared first with those that the configuration needs, which takes no memory
    for weights: a small file cannot make this process ask for a huge network.
    """
    try:
        _compare(_weights.outline(config, build), saved["weights"])
        check_frozen(config, frozen)
        network = POOL.acquire(config, build)
        if frozen:
            network.model.frozen.hold(frozen)
        _weights.restore(network.model, saved)
    except Exception as error:
        raise ValueError(f"The network of this file cannot be built: {error}") from error
    return network


def _compare(model, weights):
    wanted = [(tuple(v.shape), v.dtype) for v in model.weights]
    found = [(value.shape, value.dtype.name) for value in weights]
    if wanted != found:
        raise ValueError(f"its weights are {found}, but its configuration needs {wanted}")
