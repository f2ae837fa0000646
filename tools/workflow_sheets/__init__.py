"""The shipped workflows, written once and kept as graph and as API twin."""
