"""Singer tap for the Harvest API v2."""
