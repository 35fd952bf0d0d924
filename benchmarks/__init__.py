"""Benchmarks; README.md says what each measures and how to read the figures."""
