"""HTML pages of a Harvest account that tap-harvest and a target wrote into a SQL database."""
