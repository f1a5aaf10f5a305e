"""The CUDA engines on a GPU: are they right, and how fast? `python -m bench.gpu`."""
