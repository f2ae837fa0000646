"""What people look at: who sees whom, regions, found masks. Pillow and torch, no ComfyUI."""
