"""The seam with ComfyUI, all of it: the only room that imports its modules."""
