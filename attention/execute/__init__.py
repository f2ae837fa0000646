"""How attention with a bias is computed, exactly and without its Z x Z matrix."""
