"""Benchmarks: one script a question. `python -m bench.structural --quick` is the shortest."""
