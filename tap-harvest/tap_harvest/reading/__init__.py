"""How streams are read."""
