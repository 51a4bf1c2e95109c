"""A trial fit of both models, whose predictions on other texts determine their weights."""

import warnings
from concurrent.futures.process import BrokenProcessPool

from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn import config_context

from skattn.engine._stages import stage
from skattn.fitting._interruption import fit_within
from skattn.recipe import _parts, _pretrained_rules, _rules, _weighting

_FOR_THE_REAL_FIT = {"callbacks": None, "checkpoint": None, "verbose": 0}


class Trial:
    """Fit both models on part of the texts, in other processes where joblib has several.

    Parameters
    ----------
    kept : list of {"network", "linear"}
    data : Data
    given : dict
        Parameters of the `TextClassifier`.
    facts : Facts
    model : Model or None
        The pretrained model that the network begins with.
    n_jobs : int or None
    """

    def __init__(self, kept, data, given, facts, model, n_jobs):
        self.kept, self.data = kept, data
        self.long, self.few = facts.n_words > _rules.LONG_FROM, _pretrained_rules.few(facts)
        self.transformer = model is not None and not model.static
        enough = len(data.texts) >= _weighting.LEAST_TEXTS and not self.transformer
        self.takes_place = len(kept) == 2 and enough
        self.n_jobs = n_jobs
        self.here = self.elsewhere = None  # generators of the answers of both models
        self.beside = self.takes_place and _has_processes(n_jobs)
        if self.takes_place:
            self.training, self.judged = _weighting.split(data.y)
            facts = facts._replace(n_texts=len(self.training))
            given = given | _FOR_THE_REAL_FIT
            self.params = _rules.filled_in(given, _rules.settings_of(facts, given, model))

    @property
    def n_epochs(self):
        """Number of epochs for which the trial trains a network in this process."""
        return self.params["epochs"] if self.takes_place and not self.beside else 0

    def begin(self, bar):
        """Start the trial in other processes; in this process it runs when `weights` is called."""
        if not self.takes_place:
            return
        training, texts = self.data.rows(self.training), self.data.rows(self.judged).texts
        given = [(name, training, self.params, texts) for name in self.kept]
        bar = None if self.beside else bar
        self.here = (answers(*arguments, bar) for arguments in given)
        if self.beside:
            jobs = Parallel(n_jobs=self.n_jobs, return_as="generator")
            self.elsewhere = jobs(delayed(answers)(*arguments) for arguments in given)

    def close(self):
        """Give up what other processes may still be doing."""
        if self.elsewhere is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # joblib would warn of unfinished tasks
                self.elsewhere.close()

    def weights(self):
        """The weight of each model: learned from held-out texts if possible, else by a rule."""
        if self.takes_place:
            with stage("trial for the weights", whole=True):
                try:
                    found = list(self.elsewhere if self.beside else self.here)
                except BrokenProcessPool:  # a worker was killed, perhaps for want of memory
                    found = list(self.here)
            weights = self.data.weights[self.judged]
            if all(answer is not None for answer in found) and weights.any():
                truth = _weighting.truth_table(self.data.y[self.judged], self.data.classes)
                share = _weighting.share_of_the_first(*found, truth, weights)
                return dict(zip(self.kept, (share, 1.0 - share), strict=True))
        return self.usual_weights()

    def usual_weights(self):
        """The weight of each model by a rule."""
        return _weighting.by_rule(self.kept, self.transformer, self.long, self.few)


def _has_processes(n_jobs):
    """Tell whether joblib runs several jobs here, in processes of their own, while this one works.

    Some backends (Ray's, multiprocessing) return only when every job is done.
    """
    backend, _ = get_active_backend()
    in_threads = getattr(backend, "uses_threads", False)
    returns_at_once = getattr(backend, "supports_return_generator", False)
    return returns_at_once and not in_threads and effective_n_jobs(n_jobs) > 1


def answers(name, data, params, texts, bar=None):
    """Probabilities that one model, fitted on `data`, predicts for other texts; None on errors."""
    with config_context(enable_metadata_routing=False, transform_output="default"):
        try:
            if name == "linear":
                model = _parts.fit_linear(data, params)
            else:
                with fit_within(keeps=False):
                    model, interruption = _parts.fit_network(data, params, bar=bar)
                if interruption is not None:
                    raise interruption
        except ValueError:
            return None  # for example only one class is left; the real fit reports real errors
    return _weighting.probabilities(model, texts, data.classes)
