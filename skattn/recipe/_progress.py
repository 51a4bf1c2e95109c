"""One progress bar for all networks of a fit."""

from skattn.fitting._callbacks import ProgressBar


class WholeFitBar(ProgressBar):
    """A progress bar that continues from one network to the next, until it is closed.

    `fit` deep-copies callbacks, but all networks must share this one.
    """

    may_keep_model = False  # a user's callback may; this one ends with the fit

    def on_train_begin(self, logs=None):
        if self.progress is None:
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        pass

    def close(self):
        """End the bar, whatever happened."""
        super().on_train_end()

    def __deepcopy__(self, memo):
        return self
