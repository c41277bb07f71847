"""Benchmarks: `python -m benchmarks` prints tables; docs/benchmarks.md explains them."""
