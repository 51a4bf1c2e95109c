"""One fit: from checked data to a trained network. SciKeras runs the epochs."""
