"""Names the plugins that hold the fixtures: browser, databases, stand-in account, pipeline."""

pytest_plugins = tuple(
    f"fixtures.{name}" for name in ("browser", "databases", "galera", "harvest", "pipeline")
)
