"""Time and memory beside the alternatives."""
