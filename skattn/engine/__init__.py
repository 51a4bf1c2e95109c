"""A Keras model that trains on rows held in the graph: rows, batches, epochs, optimizers."""
