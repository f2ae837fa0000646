"""The seam with ComfyUI, all of it: the only room that imports its modules.

One edit walked through it: docs/architecture.md.
"""
