"""Names the plugins: the fixtures, which tests are left out, and how many workers there are."""

pytest_plugins = (
    "fixtures.browser",
    "fixtures.databases",
    "fixtures.galera",
    "fixtures.harvest",
    "fixtures.availability",
    "fixtures.pipeline",
    "fixtures.signals",
    "fixtures.workers",
)
