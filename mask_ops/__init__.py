"""Where an instance is: regions, boxes, token grids, overlaps; and masks found by a model.

Rules that all methods share: docs/methods.md#shared-rules.
"""
