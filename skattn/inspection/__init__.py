"""What a fitted model looked at, and whether to believe it. Imports no estimator and no Keras."""
