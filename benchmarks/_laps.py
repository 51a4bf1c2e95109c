"""A Keras callback that lets training take part in a race epoch by epoch."""

import keras


class Laps(keras.callbacks.Callback):
    """Gives each epoch its turn: the clock stops after the epoch and starts with the word."""

    def __init__(self, turns):
        super().__init__()
        self._turns = turns

    def __deepcopy__(self, memo):
        return self  # the line to the other process cannot be copied

    def on_train_begin(self, logs=None):
        next(self._turns)

    def on_epoch_end(self, epoch, logs=None):
        next(self._turns, None)
