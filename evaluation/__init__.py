"""What an edit is worth: metrics, benchmarks and the methods that are compared.

Only ``host.py`` imports ComfyUI; everything else reaches it through the nodes handed to it.
"""
