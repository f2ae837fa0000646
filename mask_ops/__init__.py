"""Where an instance is: boxes, token grids, smoothing, overlaps."""
