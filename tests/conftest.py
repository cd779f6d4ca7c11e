"""Names the plugins that hold the fixtures, and the one that leaves tests out."""

pytest_plugins = (
    "fixtures.browser",
    "fixtures.databases",
    "fixtures.galera",
    "fixtures.harvest",
    "fixtures.availability",
    "fixtures.pipeline",
)
