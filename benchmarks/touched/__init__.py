"""What a forward costs, and an edit is worth, when only what it touches is computed."""
