"""The dbt package in transform/, built by dbt itself on the stand-in account's tables.

dbt has an environment of its own, so that `make transform` runs these tests and `make test` does
not.
"""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from packaging.requirements import Requirement
from sqlalchemy.engine import make_url

from fixtures.pipeline import selecting
from harvest_report.database import open_database
from pipeline.git_server import git_server
from pipeline.test_meltano_project import Project, block
from support.account_tables import account

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fixtures.databases import Database
    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox

ROOT: Final = Path(__file__).resolve().parents[2]
TRANSFORM: Final = ROOT / "transform"
DBT: Final = ROOT / ".venv-dbt" / "bin" / "dbt"
AS_OF: Final = "2026-06-30"
WEEK: Final = ("2026-06-22", "2026-06-28")
"""The last whole week before that day."""
FIRST_WEEK: Final = "2024-06-03"
"""From here on everybody has been in the account."""
WEEKS: Final = 108
"""From that week to the last one."""
VALUES: Final = {
    "from_date": "2000-01-01",
    "to_date": "2031-12-31",
    "as_of": AS_OF,
    "days_30_before": "2026-05-31",
    "days_60_before": "2026-05-01",
    "days_90_before": "2026-04-01",
}
"""The parameters of the queries of harvest-report."""
QUIET: Final = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_USE_COLORS": "false",
    "DBT_VERSION_CHECK": "false",
}

Figures = dict[tuple[Any, ...], list[float]]


class Dbt:
    """Runs dbt on the package, with the package's own profile."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Run nothing yet.

        Args:
            database: Where the tables are. The models come into the schema harvest_models.
            folder: For the files that dbt makes.
        """
        self._engine = database.engine
        self._folder = folder
        url = make_url(database.url)
        self._variables = QUIET | {
            "DBT_PROFILES_DIR": str(TRANSFORM),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "HARVEST_DUCKDB_PATH": url.database or "",
            "PGHOST": url.host or "",
            "PGPORT": str(url.port),
            "PGUSER": url.username or "",
            "PGPASSWORD": str(url.password or ""),
            "PGDATABASE": url.database or "",
        }

    def __call__(self, *arguments: str, **variables: Any) -> str:
        """Run a command that succeeds; return what it printed.

        Args:
            arguments: The command and its options.
            variables: Those of the package, without `harvest_`.
        """
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        given = {"harvest_as_of_date": AS_OF}
        given |= {f"harvest_{name}": value for name, value in variables.items()}
        places = ["--target", self._engine, "--project-dir", str(TRANSFORM)]
        return subprocess.run(
            [DBT, *arguments, *places, "--vars", yaml.safe_dump(given)],
            cwd=self._folder,
            env=os.environ | self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest, pipeline: Pipeline) -> Database:
    """An empty database, into which the pipeline writes."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    pipeline.target_config["sqlalchemy_url"] = found.url
    return found


def sync(pipeline: Pipeline) -> None:
    """Sync, and see that it succeeds."""
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors


def model(database: Database, name: str) -> list[dict[str, Any]]:
    """The rows of a model."""
    return database.query(f'SELECT * FROM harvest_models."{name}"')


def by_name(
    rows: Iterable[Mapping[str, Any]], names: tuple[str, ...], figures: tuple[str, ...]
) -> Figures:
    """The sums of figures by the names that they are of."""
    sums: Figures = defaultdict(lambda: [0.0] * len(figures))
    for row in rows:
        key = tuple(str(row[name]) for name in names)
        for place, figure in enumerate(figures):
            sums[key][place] += float(row[figure] or 0)
    return dict(sums)


def equal(found: Figures, wanted: Figures) -> None:
    """See that there are figures, and that both have the same."""
    assert wanted
    assert found == {key: pytest.approx(each, abs=1e-6) for key, each in wanted.items()}


def check_marts(database: Database) -> None:
    """Each mart has the figures that the query of harvest-report has."""

    def query(name: str, **values: Any) -> list[Mapping[str, Any]]:
        with open_database(database.url) as opened:
            return opened.rows(name, **VALUES | values)

    hours = ("hours", "billable_hours")
    months = [
        row | {"month": str(row["month_start_date"])[:7], "client": row["client_name"]}
        for row in model(database, "harvest__hours_by_client_and_month")
    ]
    equal(
        by_name(months, ("month", "client"), hours),
        by_name(query("hours_by_client_and_month"), ("month", "client"), hours),
    )
    assert all(
        row["billable_share"] == pytest.approx(row["billable_hours"] / row["hours"])
        for row in months
        if row["hours"]
    )
    check_weeks(database, query("utilisation_by_person", **between(FIRST_WEEK, WEEK[1])), hours)

    names = ("first_name", "last_name", "email")
    late = [
        row
        for row in model(database, "harvest__late_timesheets")
        if str(row["week_start_date"]) == WEEK[0]
    ]
    equal(
        by_name(late, names, ("capacity_hours", "hours", "missing_hours")),
        by_name(
            query("late_timesheets", **between(*WEEK)),
            names,
            ("capacity", "hours", "hours_missing"),
        ),
    )
    equal(
        by_name(
            model(database, "harvest__budget_burn"),
            ("client_name", "project_name"),
            ("budget_hours", "hours"),
        ),
        by_name(query("budget_burn"), ("client", "project"), ("budget", "hours")),
    )
    check_money(database, query("uninvoiced_work"), query("receivables"))


def between(first: str, last: str) -> dict[str, Any]:
    """The parameters of the days from the first to the last."""
    return {"from_date": first, "to_date": last, "weeks": WEEKS}


def check_weeks(
    database: Database, wanted: list[Mapping[str, Any]], hours: tuple[str, ...]
) -> None:
    """The weeks of a person add up to their figures of the whole time."""
    rows = model(database, "harvest__utilisation_by_person_and_week")
    weeks = [row for row in rows if FIRST_WEEK <= str(row["week_start_date"]) <= WEEK[0]]
    names = ("first_name", "last_name")
    equal(
        by_name(weeks, names, ("capacity_hours", *hours)),
        by_name(wanted, names, ("capacity", *hours)),
    )
    assert {str(row["week_start_date"]) for row in rows if not row["is_over"]} == {"2026-06-29"}


def check_money(
    database: Database, uninvoiced: list[Mapping[str, Any]], receivables: list[Mapping[str, Any]]
) -> None:
    """Amounts are apart by age and by currency."""
    ages = ("up_to_30_days", "31_to_60_days", "61_to_90_days", "over_90_days")
    columns = tuple(f"amount_{age}" for age in ages)
    wanted_ages = ("up_to_30_days", "up_to_60_days", "up_to_90_days", "older")
    found = model(database, "harvest__uninvoiced_work")
    equal(
        by_name(found, ("client_name", "project_name", "currency"), ("hours", *columns, "amount")),
        by_name(uninvoiced, ("client", "project", "currency"), ("hours", *wanted_ages, "amount")),
    )
    assert len({row["currency"] for row in found}) > 1
    found = model(database, "harvest__receivables")
    equal(
        by_name(found, ("client_name", "currency"), ("amount_not_due", *columns, "due_amount")),
        by_name(receivables, ("client", "currency"), ("not_due", *wanted_ages, "due")),
    )
    assert len({row["currency"] for row in found}) > 1


def test_the_marts_have_the_figures_of_the_report(
    harvest: Sandbox, database: Database, pipeline: Pipeline, tmp_path: Path
) -> None:
    """All models are built, all of dbt's tests pass, and no deleted row is in them."""
    sync(pipeline)
    dbt = Dbt(database, tmp_path)
    printed = dbt("build")
    age = dbt("source", "freshness")

    assert "WARN=0 ERROR=0 SKIP=0" in printed
    assert "PASS freshness of harvest.time_entries" in age
    check_marts(database)
    tables = account(harvest)
    counted = {name: len(model(database, f"stg_harvest__{name}")) for name in tables}
    assert counted == {name: len(rows) for name, rows in tables.items()}

    gone = max(harvest.rows("time_entries"), key=lambda entry: str(entry["spent_date"]))
    harvest.delete("time_entries", gone["id"])
    harvest.advance(seconds=24 * 60 * 60)
    sync(pipeline)
    dbt("run", "--select", "stg_harvest__time_entries+")

    kept = {row["time_entry_id"] for row in model(database, "stg_harvest__time_entries")}
    held = database.query("SELECT count(*) AS n FROM time_entries")
    assert kept == {entry["id"] for entry in harvest.rows("time_entries")}
    assert held == [{"n": len(kept) + 1}]
    check_marts(database)


@pytest.mark.parametrize("database", ["duckdb"], indirect=True)
def test_a_lesser_token_and_bare_tables(
    harvest: Sandbox, database: Database, pipeline: Pipeline, tmp_path: Path
) -> None:
    """Without some streams, without rates and without metadata the rest is built."""
    pipeline.catalog = selecting("time_entries", "users", "clients")
    for entry in pipeline.catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"][-1:] in (["billable_rate"], ["task"]):
                item["metadata"]["selected"] = False
    pipeline.target_config |= {"add_record_metadata": False, "hard_delete": True}
    sync(pipeline)
    known = yaml.safe_load(
        (TRANSFORM / "models/staging/harvest/_harvest__sources.yml").read_text(encoding="utf-8")
    )
    streams = {table["name"] for table in known["sources"][0]["tables"]}
    missing = {name for name in streams if not name.endswith("_report")} | {"*_report"}
    missing -= {"time_entries", "users", "clients"}
    dbt = Dbt(database, tmp_path)
    printed = dbt("build", missing_streams=sorted(missing))
    listed = dbt("--quiet", "ls", streams=["clients", "time_entries", "users"])
    assert listed == dbt("--quiet", "ls", missing_streams=sorted(missing))
    assert "harvest__late_timesheets" in listed

    assert "WARN=0 ERROR=0 SKIP=0" in printed
    made = database.query("SELECT table_name AS t FROM information_schema.tables ORDER BY 1")
    assert {row["t"] for row in made if "__" in row["t"]} == {
        *("stg_harvest__clients", "stg_harvest__time_entries", "stg_harvest__users"),
        *("harvest__hours_by_client_and_month", "harvest__late_timesheets"),
        *("harvest__uninvoiced_work", "harvest__utilisation_by_person_and_week"),
    }
    uninvoiced = model(database, "harvest__uninvoiced_work")
    assert {row["amount"] for row in uninvoiced} == {None}
    assert sum(row["hours"] for row in uninvoiced) == pytest.approx(
        sum(
            entry["hours"]
            for entry in harvest.rows("time_entries")
            if entry["billable"] and not entry["is_billed"] and entry["spent_date"] <= AS_OF
        )
    )


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_what_is_wrong_is_said(database: Database, pipeline: Pipeline, tmp_path: Path) -> None:
    """Tables that are not there, and objects in one column."""
    pipeline.streams = ("clients", "contacts")
    pipeline.target_config["flattening_enabled"] = False
    sync(pipeline)
    dbt = Dbt(database, tmp_path)
    lost = dbt.run("run", "--select", "stg_harvest__clients", schema="elsewhere")
    deep = dbt.run("run", "--select", "stg_harvest__contacts")
    begun = dbt.run("run", "--select", "harvest__late_timesheets", week_start_day="Friday")

    assert [lost.returncode, deep.returncode, begun.returncode] == [1, 1, 2]
    assert '"elsewhere"."clients". Name the schema of Harvest\'s tables in' in lost.stdout
    assert "has the object client in one column. Set flattening_enabled: true" in deep.stdout
    assert "harvest_week_start_day is Friday. Set it to Saturday, Sunday or Monday" in begun.stdout


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_meltano_project_installs_it_from_git(
    database: Database, pipeline: Pipeline, tmp_path: Path
) -> None:
    """By the lines of docs/meltano.md, for tables of another schema that have other names."""
    pipeline.target_config |= {
        "default_target_schema": "raw_harvest",
        "flattening_separator": "_",
        "stream_maps": {"time_entries": {"__alias__": "time_entry"}},
    }
    sync(pipeline)
    repository, user = tmp_path / "repository", tmp_path / "user"
    user.mkdir()
    url = make_url(database.url)
    with git_server(repository) as address:
        project = Project(user, address)
        project.run(block("Models with dbt"))
        add_dbt(project.folder)
        connection = {
            "PGHOST": str(url.host),
            "PGPORT": str(url.port),
            "PGUSER": str(url.username),
            "PGPASSWORD": str(url.password),
            "PGDATABASE": str(url.database),
        }
        lines = block("Models with dbt", 1).splitlines()
        project.run(lines[1], **connection)
        project.run("meltano run dbt:run", **connection)

    assert lines[2] == "meltano run tap-harvest target-harvest-sql dbt:build"
    [counted] = database.query('SELECT sum(hours) AS h FROM raw_harvest."time_entry"')
    rows = database.query("SELECT * FROM analytics.harvest__hours_by_client_and_month")
    assert sum(row["hours"] for row in rows) == counted["h"]


def add_dbt(folder: Path) -> None:
    """Add the plugin of docs/meltano.md, and the variables of the test.

    The plugin is the dbt that is installed already, and has a command more, which is faster.
    """
    settings = yaml.safe_load((folder / "meltano.yml").read_text(encoding="utf-8"))
    added = yaml.safe_load(block("Models with dbt", language="yaml"))
    [dbt] = added["plugins"]["utilities"]
    asked = {Requirement(each).name for each in dbt.pop("pip_url").split()}
    assert asked == {"dbt-core", "dbt-postgres"}
    dbt["executable"] = str(DBT)
    dbt["commands"]["run"] = "run --select +harvest__hours_by_client_and_month stg_harvest__company"
    (folder / "meltano.yml").write_text(yaml.safe_dump(settings | added), encoding="utf-8")
    variables = {
        "harvest_schema": "raw_harvest",
        "harvest_table_names": {"time_entries": "time_entry"},
        "harvest_flattening_separator": "_",
    }
    with (folder / "transform" / "dbt_project.yml").open("a", encoding="utf-8") as project:
        project.write(yaml.safe_dump({"vars": variables}))
