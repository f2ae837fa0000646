"""Edit success and leakage of every method on the miniature."""
