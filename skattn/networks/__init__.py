"""The two networks: layers, encoders, attention, their weights, and the same as ONNX."""
