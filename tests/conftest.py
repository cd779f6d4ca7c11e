"""Names the plugins that hold the fixtures: databases, stand-in Harvest account, pipeline."""

pytest_plugins = ("fix_databases", "fix_galera", "fix_harvest", "fix_pipeline")
