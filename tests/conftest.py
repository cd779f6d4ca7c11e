"""Names the plugins that hold the fixtures: browser, databases, stand-in account, pipeline."""

pytest_plugins = ("fix_browser", "fix_databases", "fix_galera", "fix_harvest", "fix_pipeline")
