"""What the README's claims stand on, measured.

speed/ time and memory, leak/ edit success and leakage, locate/ regions that nobody drew, turns/
drift over many edits, papers/ loaders of the papers' own benchmarks; results/ is what they wrote.
"""
