"""Refuse Keras on another backend than TensorFlow, before anything below fails for it."""

import os
import sys

NEEDED = "tensorflow"


def refuse_other_backends():
    """A clear error where Keras runs, or is about to run, on JAX, PyTorch or another backend.

    Raises
    ------
    ImportError
    """
    found = os.environ.get("KERAS_BACKEND") or NEEDED
    if "keras" in sys.modules or found == NEEDED:  # it may have been set in Keras's own file
        import keras

        found = keras.config.backend()
    if found != NEEDED:
        raise ImportError(
            f"The networks of skattn run on TensorFlow, but Keras is set to the backend {found!r}. "
            f"Set the environment variable KERAS_BACKEND={NEEDED} before Keras is imported (or "
            '"backend" in ~/.keras/keras.json).'
        )


refuse_other_backends()
