"""One progress bar for all networks of a fit."""

from skattn.fitting._callbacks import ProgressBar


class WholeFitBar(ProgressBar):
    """A bar that goes on from one network to the next, until it is closed.

    Networks copy their callbacks; this one is the same for all.
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
