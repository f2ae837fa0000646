"""Loaders of the papers' own benchmarks."""
