"""Where an instance is: boxes, token grids, smoothing, overlaps.

Rules that all methods share: docs/methods.md#shared-rules.
"""
