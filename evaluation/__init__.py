"""What an edit is worth: metrics of two pictures and their masks, and a report in words.

What each metric is: docs/methods.md#metrics.
"""
