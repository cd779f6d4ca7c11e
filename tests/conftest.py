"""Names the plugins that hold the fixtures: the stand-in Harvest account and the databases."""

pytest_plugins = ("fix_harvest", "fix_databases")
