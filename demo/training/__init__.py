"""How the miniature was made; not shipped."""
