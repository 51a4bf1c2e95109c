"""The only module that imports SciKeras: our network inside its `KerasClassifier`."""

import numpy as np
from scikeras.wrappers import KerasClassifier
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer


class EncodedTargets(TransformerMixin, BaseEstimator):
    """Passes on targets that are already encoded, and turns probabilities into labels."""

    def __init__(self, classes=None, multilabel=False):
        self.classes = classes
        self.multilabel = multilabel

    def fit(self, y):
        return self

    def transform(self, y):
        return y

    def inverse_transform(self, probabilities, return_proba=False):
        if return_proba:
            return probabilities
        if self.multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes[probabilities.argmax(axis=1)]


class NetworkClassifier(KerasClassifier):
    """SciKeras's `KerasClassifier` around a network that is built, for checked data.

    SciKeras builds, fits, predicts, and keeps the history. Our estimators check and encode before
    that, because SciKeras's own checks do not hold on current versions of scikit-learn.
    """

    def __init__(self, model=None, *, targets=None, **parameters):
        super().__init__(model=model, **parameters)
        self.targets = targets

    @property
    def target_encoder(self):
        return self.targets

    @property
    def feature_encoder(self):
        """Passes on X as it is, although `sklearn.set_config` may ask for frames."""
        return FunctionTransformer().set_output(transform="default")

    def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
        return X if sparse.issparse(X) else np.asarray(X), y


def wrap(network, classes, multilabel):
    """A SciKeras classifier around `network`.

    Parameters
    ----------
    network : ResidentModel
        Compiled.
    classes : ndarray of shape (n_classes,)
    multilabel : bool
    """
    return NetworkClassifier(
        model=lambda: network,
        targets=EncodedTargets(classes, multilabel),
        loss=network.loss,
        optimizer=network.optimizer.name,
        warm_start=True,  # the network goes on from the weights that it has
        verbose=0,
    )


def run_epochs(classifier, X, y, callbacks, **fit_options):
    """Let SciKeras fit the network, without leaving the callbacks in the classifier."""
    batch_size = fit_options["settings"].batch_size
    classifier.set_params(callbacks=callbacks, batch_size=batch_size)
    try:
        classifier.fit(X, y, **fit_options)
    finally:
        classifier.set_params(callbacks=None)


def end_fit(classifier, history):
    """Give SciKeras's classifier the history, and take the callbacks of the fit from it."""
    classifier.history_ = {name: list(values) for name, values in history.items()}
    classifier._fit_callbacks = classifier._predict_callbacks = []


def wrap_trained(network, classes, multilabel, history):
    """A SciKeras classifier around a trained network, ready to predict."""
    classifier = wrap(network, classes, multilabel)
    classifier.initialize(X=np.zeros((1, 1)), y=np.zeros(1))
    end_fit(classifier, history)
    return classifier
