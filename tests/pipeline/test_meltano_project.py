"""A Meltano project of a user's own, made by the lines of docs/meltano.md."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from packaging.requirements import Requirement
from sqlalchemy import create_engine, text

from pipeline.git_server import git_server
from pipeline.test_queries import VALUES
from tap_harvest.tap import TapHarvest
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fixtures.databases import Database
    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
PAGE: Final = (ROOT / "docs" / "meltano.md").read_text(encoding="utf-8")
ADDRESS: Final = "https://github.com/..."
"""What the page has in the place of the repository's address."""


def block(heading: str, number: int = 0, language: str = "sh") -> str:
    """A block of the page, by its heading and its number below it."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n([^`]*)^```", part, re.MULTILINE)[number]


class Project:
    """A folder with an empty home directory, in which the lines of the page are run."""

    def __init__(self, folder: Path, repository: str) -> None:
        """Make the project.

        Args:
            folder: An empty folder.
            repository: The URL to put in the place of `ADDRESS`.
        """
        self._home = folder / "home"
        self._home.mkdir()
        self._repository = repository
        self.folder = folder
        self.run(block("A new project"))
        self.folder = folder / "my-project"

    def run(self, script: str, **variables: str) -> str:
        """Run lines of the page; return what they printed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, self._repository)],
            cwd=self.folder,
            env=os.environ
            | {
                "HOME": str(self._home),
                "PATH": f"{BIN}:{os.environ['PATH']}",
                # What was downloaded before need not be downloaded again.
                "UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"),
                "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            }
            | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def settings(self) -> dict[str, Any]:
        """Read meltano.yml."""
        found: dict[str, Any] = yaml.safe_load((self.folder / "meltano.yml").read_text("utf-8"))
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A fresh project with the three plugins, added by the lines of the page."""
    with git_server(tmp_path_factory.mktemp("repository")) as repository:
        made = Project(tmp_path_factory.mktemp("user"), repository)
        made.run(block("Add the plugins") + block("Add the plugins", 1))
        yield made


@pytest.fixture
def synced(project: Project, harvest: Sandbox, new_database: Callable[[str], Database]) -> Database:
    """A PostgreSQL database that the lines of the page fill."""
    database = new_database("postgres")
    lines = block("Sync")
    for name, value in (
        ("TAP_HARVEST_ACCESS_TOKEN", harvest.token),
        ("TAP_HARVEST_ACCOUNT_ID", harvest.account_id),
        ("DATABASE_URL", database.url),
    ):
        lines = re.sub(rf"^{name}=.*$", f"{name}={value}", lines, flags=re.MULTILINE)
    project.run(
        lines,
        TAP_HARVEST_API_URL=harvest.api_url,
        TAP_HARVEST_IDENTITY_URL=harvest.identity_url,
        HARVEST_REPORT_AS_OF=VALUES["as_of"],
    )
    return database


def test_a_fresh_project_syncs_and_runs_every_query(
    project: Project, synced: Database, harvest: Sandbox
) -> None:
    """With the definitions from git, without a setting but the token, account and database."""
    url = synced.url.replace("postgresql:", "postgresql+psycopg:")
    page = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    queries = re.findall(
        r"^`(\w+)`\. Streams: .*?^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    empty = set()
    engine = create_engine(url)
    with engine.connect() as connection:
        client = connection.execute(text("SELECT min(client__id) FROM time_entries")).scalar_one()
        values = VALUES | {"client_id": client}
        for name, query in queries:
            if not connection.execute(text(query), values).fetchall():
                empty.add(name)
    engine.dispose()

    assert len(queries) > 20
    assert empty <= {"deleted_time", "client_budgets"}
    assert len(synced.rows("time_entries")) == len(harvest.rows("time_entries"))
    html = (project.folder / "harvest-report.html").read_text(encoding="utf-8")
    assert "As of 30 June 2026." in html
    assert project.folder.joinpath(".env").stat().st_mode & 0o077 == 0


def test_the_plugins_are_installed_again_without_the_shell(project: Project) -> None:
    """As a scheduler does, from meltano.yml alone."""
    printed = project.run("meltano install loader target-harvest-sql")

    assert "Installed loader 'target-harvest-sql'" in printed
    assert "not set" not in printed


def test_the_schedule_of_the_page_is_one(project: Project) -> None:
    """Its job is the pair of plugins."""
    project.run(block("Schedules"))

    settings = project.settings()
    assert settings["jobs"] == [
        {"name": "harvest-to-sql", "tasks": ["tap-harvest target-harvest-sql"]}
    ]
    assert settings["schedules"][0]["job"] == "harvest-to-sql"


def test_the_stream_maps_of_the_page_compute_and_filter(pipeline: Pipeline) -> None:
    """They name streams and columns of the tap."""
    [environment] = yaml.safe_load(block("Settings", language="yaml"))["environments"]
    plugins = environment["config"]["plugins"]
    pipeline.tap_config |= plugins["extractors"][0]["config"] | {"start_date": "2020-01-01"}
    pipeline.streams = ("time_entries", "users")
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    people, entries = (pipeline.database.rows(stream) for stream in ("users", "time_entries"))
    assert {len(row["email"]) for row in people} == {32}  # MD5, in hexadecimal.
    assert entries
    assert all(row["hours"] > 0 for row in entries)
    known = TargetHarvestSQL.config_jsonschema["properties"]
    assert plugins["loaders"][0]["config"].keys() <= known.keys()


def test_the_select_rules_of_the_page_leave_something_out() -> None:
    """Each pattern names streams or columns of the catalog."""
    settings = yaml.safe_load(block("Choose what is read", language="yaml"))
    [tap] = settings["plugins"]["extractors"]
    catalog = TapHarvest(validate_config=False, config={}).catalog_dict
    columns = [
        f"{stream['tap_stream_id']}.{column}"
        for stream in catalog["streams"]
        for column in stream["schema"]["properties"]
    ]

    for pattern in tap["select"]:
        assert fnmatch.filter(columns, pattern.removeprefix("!")), pattern


def test_the_reports_that_dbt_is_told_of_are_all() -> None:
    """The page names them by the word that the package knows for all of them."""
    given = yaml.safe_load(block("Models with dbt", 1, language="yaml"))["vars"]
    text = (ROOT / "transform/models/staging/harvest/_harvest__sources.yml").read_text("utf-8")
    tables = yaml.safe_load(text)["sources"][0]["tables"]
    known = [each["name"] for each in tables if "'*_report' not in" in each["config"]["enabled"]]
    catalog = TapHarvest(validate_config=False, config={}).catalog_dict
    streams = [stream["tap_stream_id"] for stream in catalog["streams"]]

    assert given == {"harvest_missing_streams": ["*_report"]}
    assert sorted(known) == sorted(fnmatch.filter(streams, "*_report"))


def test_what_pip_gets_is_one_requirement_of_our_packages() -> None:
    """From git as the definitions have it, and from the package index."""
    urls = re.findall(
        r"^pip_url: (.*)$", block("From the package index", language="yaml"), re.MULTILINE
    )
    from_git = [yaml.safe_load(path.read_text("utf-8")) for path in ROOT.glob("plugins/*/*.yml")]
    asked = [Requirement(*shlex.split(url)) for url in urls]
    given = [Requirement(*shlex.split(plugin["pip_url"])) for plugin in from_git]

    assert len(asked) == len(given) == 3
    packages = {requirement.name: requirement for requirement in given}
    for requirement in asked:
        assert requirement.extras <= packages[requirement.name].extras
        assert requirement.url is None
    for plugin, requirement in zip(from_git, given, strict=True):
        # What is not known before a release is this variable, and nothing else.
        assert requirement.url == f"git+${{HARVEST_TO_SQL}}#subdirectory={plugin['name']}"
        assert plugin.keys().isdisjoint({"repo", "variant"})
    [quoted] = re.findall(r"`\"('target-harvest-sql.*?')\"`", PAGE)
    assert Requirement(*shlex.split(quoted)).url == packages["target-harvest-sql"].url
