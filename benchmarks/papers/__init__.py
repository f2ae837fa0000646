"""The papers' own benchmarks: loaders, metrics, and `make papers`."""
