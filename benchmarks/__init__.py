"""How fast, compared with what: `python -m benchmarks` prints tables; docs/benchmarks.md says what they mean."""
