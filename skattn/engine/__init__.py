"""A Keras model that trains on rows held in the graph: rows, batches, epochs, optimizers."""

from skattn.engine import _backend as _backend  # first: it refuses other backends of Keras
