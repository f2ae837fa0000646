"""What happens between model calls: pure torch, one file per method.

What each computes, with its source: docs/methods.md.
"""
