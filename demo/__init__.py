"""Procedural scenes and the miniature FLUX trained on them: torch, safetensors and Pillow.

How they were made is in ``demo/training/`` of the repository; what they show, in
``benchmarks/results/``.
"""
