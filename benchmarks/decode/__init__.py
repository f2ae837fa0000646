"""What decoding only around the regions saves, and what it costs in closeness."""
