"""Procedural scenes and the miniature FLUX trained on them: torch, safetensors and Pillow."""
