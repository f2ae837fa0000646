"""Procedural scenes and the miniature FLUX trained on them; needs torch, numpy and Pillow only."""
