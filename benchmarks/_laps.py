"""A Keras callback that lets training take part in a race epoch by epoch."""

import keras


class Laps(keras.callbacks.Callback):
    """Gives each epoch its turn: the clock stops after the epoch and starts with the word.

    `judge(model)` is the quality after the epoch; it costs no time of the race.
    """

    def __init__(self, turns, judge):
        super().__init__()
        self._turns = turns
        self._judge = judge

    def __deepcopy__(self, memo):
        return self  # the line to the other process cannot be copied

    def on_train_begin(self, logs=None):
        next(self._turns)

    def on_epoch_end(self, epoch, logs=None):
        self._turns.stop_and_judge(lambda: self._judge(self.model))
        next(self._turns, None)
