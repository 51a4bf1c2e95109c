"""One progress bar for all networks of a fit."""

from skattn.fitting._callbacks import ProgressBar


class WholeFitBar(ProgressBar):
    """A progress bar that continues from one network to the next, until it is closed.

    `fit` deep-copies callbacks, but all networks must share this one.
    """

    progress = None

    def on_train_begin(self, logs=None):
        if self.progress is None:
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        pass

    def close(self):
        """End the bar, whatever happened."""
        if self.progress is not None:
            self.progress.stop()

    def __deepcopy__(self, memo):
        return self
