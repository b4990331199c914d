"""HRINet-Motion in plain PyTorch: a reference implementation, and what is exported to ONNX."""
