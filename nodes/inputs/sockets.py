"""The pack's own socket types. Their names are for ever."""

from comfy_api.latest import io

Regions = io.Custom("INSTANCE_EDIT_REGIONS")
Bias = io.Custom("INSTANCE_EDIT_BIAS")
Turn = io.Custom("INSTANCE_EDIT_TURN")
CATEGORY = "instance edit"
"""Each node adds its shelf: regions, methods, find, turns, look or demo."""
