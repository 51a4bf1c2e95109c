"""The two classifiers, the state that they write to files, and their export to ONNX."""
