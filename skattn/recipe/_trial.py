"""A trial fit of both models, whose predictions on other texts determine their weights."""

from joblib import Parallel, delayed
from sklearn import config_context

from skattn.recipe import _parts, _rules, _weighting

_FOR_THE_REAL_FIT = {"callbacks": None, "checkpoint": None, "verbose": 0}


class Trial:
    """Fit both models on part of the texts, in other processes if `n_jobs` is not 1.

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
        self.transformer = model is not None and not model.static
        enough = len(data.texts) >= _weighting.LEAST_TEXTS and not self.transformer
        self.takes_place = len(kept) == 2 and enough
        self.beside = self.takes_place and n_jobs not in (None, 1)
        if self.takes_place:
            self.training, self.judged = _weighting.split(data.y)
            facts = facts._replace(n_texts=len(self.training))
            given = given | _FOR_THE_REAL_FIT
            self.params = _rules.filled_in(given, _rules.settings_of(facts, given, model))
            self.jobs = Parallel(n_jobs=n_jobs, return_as="generator")

    @property
    def n_epochs(self):
        """Number of epochs for which the trial trains a network in this process."""
        return self.params["epochs"] if self.takes_place and not self.beside else 0

    def begin(self, bar):
        """Start the trial in other processes; in this process it runs when `weights` is called."""
        if self.takes_place:
            training, texts = self.data.rows(self.training), self.data.rows(self.judged).texts
            bar = None if self.beside else bar
            self.answers = self.jobs(
                delayed(answers)(name, training, self.params, texts, bar) for name in self.kept
            )

    def weights(self):
        """The weight of each model: learned from held-out texts if possible, else by a rule."""
        if self.takes_place:
            found = list(self.answers)
            weights = self.data.weights[self.judged]
            if all(answer is not None for answer in found) and weights.any():
                truth = _weighting.truth_table(self.data.y[self.judged], self.data.classes)
                share = _weighting.share_of_the_first(*found, truth, weights)
                return dict(zip(self.kept, (share, 1.0 - share), strict=True))
        return _weighting.by_rule(self.kept, self.transformer)


def answers(name, data, params, texts, bar=None):
    """Probabilities that one model, fitted on `data`, predicts for other texts; None on errors."""
    with config_context(enable_metadata_routing=False, transform_output="default"):
        try:
            if name == "linear":
                model = _parts.fit_linear(data, params)
            else:
                model, interruption = _parts.fit_network(data, params, bar=bar)
                if interruption is not None:
                    raise interruption
        except ValueError:
            return None  # for example only one class is left; the real fit reports real errors
    return _weighting.probabilities(model, texts, data.classes)
