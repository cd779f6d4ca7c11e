"""The pipeline as Meltano runs it, by the project's own meltano.yml and by `make demo`."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from support import commands
from tap_harvest.tap import TapHarvest
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from harvest_sandbox import Sandbox

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
KINDS: Final = {"number": "decimal"}  # Meltano's word for a JSON type, where it differs.


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project's meltano.yml and its plugins installed, and nothing else."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "meltano.yml", folder)
    for package in ("tap-harvest", "target-harvest-sql", "harvest-report"):
        (folder / package).symlink_to(ROOT / package)
    meltano(folder, "install")
    return folder


def meltano(folder: Path, *arguments: str, **variables: str) -> str:
    """Run Meltano in a folder; return what it printed."""
    done = commands.run(
        [commands.MELTANO, *arguments],
        cwd=folder,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def account_of(harvest: Sandbox) -> dict[str, str]:
    """The variables that name the stand-in account."""
    return {
        "TAP_HARVEST_ACCESS_TOKEN": harvest.token,
        "TAP_HARVEST_ACCOUNT_ID": harvest.account_id,
        "TAP_HARVEST_API_URL": harvest.api_url,
        "TAP_HARVEST_IDENTITY_URL": harvest.identity_url,
        "TAP_HARVEST_REPORT_START_DATE": "2026-05-01",  # All of them would use the budget up.
    }


def test_two_variables_and_one_command_fill_warehouse_db(project: Path, harvest: Sandbox) -> None:
    """`meltano run` writes flat tables, and resumes from its state when it runs again."""
    printed = meltano(project, "run", "tap-harvest", "target-harvest-sql", **account_of(harvest))
    first = len(harvest.requests)
    meltano(project, "run", "tap-harvest", "target-harvest-sql", **account_of(harvest))

    with closing(sqlite3.connect(project / "warehouse.db")) as database:
        clients = dict(database.execute("SELECT client__id, client__name FROM time_entries"))
        (count,) = database.execute("SELECT count(*) FROM time_entries").fetchone()
    entries = harvest.rows("time_entries")
    assert count == len(entries)
    assert clients == {entry["client"]["id"]: entry["client"]["name"] for entry in entries}
    resumed = [r for r in harvest.requests[first:] if r.path == "/v2/time_entries"]
    assert [("updated_since" in request.query) for request in resumed] == [True]
    assert "\ntotal of 41 streams " in printed  # The summary; what says the same is left out.
    assert "METRIC" not in printed
    assert "as child stream" not in printed


def test_the_job_and_a_server_named_by_a_variable(project: Path, harvest: Sandbox) -> None:
    """The environment `server` writes where DATABASE_URL says."""
    meltano(
        project,
        *("--environment=server", "run", "harvest-to-sql"),
        **account_of(harvest),
        DATABASE_URL="duckdb:///other.duckdb",
    )

    import duckdb

    with duckdb.connect(project / "other.duckdb", read_only=True) as database:
        counted = database.execute("SELECT count(*) FROM clients").fetchall()
    assert counted == [(len(harvest.rows("clients")),)]


def test_a_sync_can_end_with_a_page(project: Path, harvest: Sandbox) -> None:
    """The utility reads the database that the environment names."""
    run = ("run", "--full-refresh", "tap-harvest", "target-harvest-sql", "harvest-report:page")
    variables = account_of(harvest) | {
        "DATABASE_URL": "sqlite:///page.db",
        "HARVEST_REPORT_AS_OF": "2026-06-30",
        "HARVEST_REPORT_OUT": "made/page.html",
    }
    meltano(project, "--environment=server", *run, **variables)

    html = (project / "made" / "page.html").read_text(encoding="utf-8")
    hours = sum(
        entry["hours"]
        for entry in harvest.rows("time_entries")
        if "2025-07-01" <= entry["spent_date"] <= "2026-06-30"
    )
    assert f"{hours:,.2f}</td>" in html


def test_the_page_is_shown_of_the_database_that_is_there(
    tmp_path: Path, project: Path, harvest: Sandbox
) -> None:
    """`make show` says where the page is, or how to get something to show."""
    done = show(tmp_path)
    assert done.returncode == 1
    assert "There is no warehouse.db and no harvest.db here." in done.stdout
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///named.db\n", encoding="utf-8")
    assert "There is no database file named.db." in show(tmp_path).stderr
    (tmp_path / ".env").unlink()

    variables = account_of(harvest) | {"DATABASE_URL": f"sqlite:///{tmp_path}/harvest.db"}
    run = ("--environment=server", "run", "--full-refresh", "tap-harvest", "target-harvest-sql")
    meltano(project, *run, **variables)
    done = show(tmp_path)
    page = tmp_path / "harvest-report.html"
    assert done.stdout == f"{page.as_uri()}\n"
    assert "As of 30 June 2026." in page.read_text(encoding="utf-8")


def show(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run what `make show` runs, in a folder."""
    named = {"DATABASE_URL", "HARVEST_REPORT_SQLALCHEMY_URL"}
    return subprocess.run(
        [sys.executable, "-m", "demo.show"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in named}
        | {"PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_tap_that_fails_leaves_the_old_table(project: Path, harvest: Sandbox) -> None:
    """With `load_method: overwrite`; the other tables are new."""
    variables = {
        **account_of(harvest),
        "TAP_HARVEST_PAGE_SIZE": "100",
        "TARGET_HARVEST_SQL_LOAD_METHOD": "overwrite",
        "TARGET_HARVEST_SQL_SQLALCHEMY_URL": "sqlite:///overwritten.db",
    }
    run = ("run", "--full-refresh", "tap-harvest", "target-harvest-sql")
    meltano(project, *run, **variables)
    before = len(harvest.rows("time_entries"))
    client = harvest.add("clients", name="Example Harbour")
    harvest.fail(path="/v2/time_entries", status=422, after=2)
    with pytest.raises(AssertionError, match="Nothing proves that"):
        meltano(project, *run, **variables)

    with closing(sqlite3.connect(project / "overwritten.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM time_entries").fetchone()
        clients = database.execute("SELECT id FROM clients").fetchall()
    assert count == before
    assert (client["id"],) in clients


def test_a_server_that_no_variable_names_is_an_error(project: Path, harvest: Sandbox) -> None:
    """Without DATABASE_URL nothing is read, so that no state moves on without its rows."""
    with pytest.raises(AssertionError, match="DATABASE_URL"):
        meltano(project, "--environment=server", "run", "harvest-to-sql", **account_of(harvest))

    assert harvest.requests == []


def test_a_database_that_cannot_be_opened_is_told_in_a_sentence(
    project: Path, harvest: Sandbox
) -> None:
    """The target's own, without the password."""
    url = "postgresql://nobody:secret@127.0.0.1:9/nowhere"  # A port that nobody listens on.
    with pytest.raises(AssertionError) as failed:
        meltano(
            project,
            *("--environment=server", "run", "harvest-to-sql"),
            **account_of(harvest),
            DATABASE_URL=url,
        )

    shown = str(failed.value)
    assert "Correct host and port in `sqlalchemy_url`, or start the server." in shown
    assert "secret" not in shown


def test_the_database_may_be_named_by_its_parts(project: Path) -> None:
    """By variables, without an environment, as both environments set the URL."""
    messages = (
        '{"type":"SCHEMA","stream":"people","key_properties":["id"],'
        '"schema":{"properties":{"id":{"type":"integer"}}}}\n'
        '{"type":"RECORD","stream":"people","record":{"id":1}}\n'
    )
    variables = {
        "DIALECT": "sqlite",
        "DATABASE": "parts.db",
        "CONNECTION_OPTIONS": '{"timeout": 5}',
    }
    done = subprocess.run(
        [BIN / "meltano", "--no-environment", "invoke", "target-harvest-sql"],
        cwd=project,
        env=os.environ | {f"TARGET_HARVEST_SQL_{name}": v for name, v in variables.items()},
        input=messages,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    with closing(sqlite3.connect(project / "parts.db")) as database:
        assert database.execute("SELECT id FROM people").fetchall() == [(1,)]


def test_what_a_killed_run_leaves_is_what_the_docs_delete(project: Path, harvest: Sandbox) -> None:
    """Meltano keeps the token in a file while it runs; `umask 077` hides the file from others."""
    page = (ROOT / "docs" / "state.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^rm -f (\S+)", page, re.MULTILINE)
    secret = harvest.token.encode()
    process = subprocess.Popen(
        [BIN / "meltano", "run", "--state-id-suffix=killed", "harvest-to-sql"],
        cwd=project,
        env=os.environ | account_of(harvest),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        umask=0o077,
    )
    try:
        while not any(secret in path.read_bytes() for path in project.glob(command)):
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    left = [path for path in (project / ".meltano").rglob("*.json") if secret in path.read_bytes()]
    assert left
    assert set(left) <= set(project.glob(command))
    assert {path.stat().st_mode & 0o077 for path in left} == {0}
    for path in project.glob(command):
        path.unlink()


def test_the_documented_copies_of_a_state_work_in_a_script(project: Path, tmp_path: Path) -> None:
    """Nobody is there to answer a question. The copy brings the state back."""
    page = (ROOT / "docs" / "state.md").read_text(encoding="utf-8")
    commands = [line.split()[1:] for line in re.findall(r"`(meltano state copy [^`]+)`", page)]
    ours, state = "sqlite:tap-harvest-to-target-harvest-sql:copied", '{"bookmarks": {"tasks": {}}}'
    wrapped = tmp_path / "state.json"
    wrapped.write_text(f'{{"singer_state": {state}}}', encoding="utf-8")
    meltano(project, "state", "set", "--force", f"--input-file={wrapped}", ours)

    save, bring_back = [
        [ours if word == "ID" else word for word in command] for command in commands
    ]
    meltano(project, *save)
    meltano(project, "state", "clear", "--force", ours)
    meltano(project, *bring_back)

    shown = meltano(project, "state", "get", ours).splitlines()[0]
    assert json.loads(shown) == {"singer_state": json.loads(state)}


def test_the_tap_also_feeds_target_jsonl(project: Path, harvest: Sandbox) -> None:
    """Any other target does as well: here one that writes lines of JSON. Filters are JSON, too."""
    filters = {"TAP_HARVEST_STREAM_FILTERS": '{"tasks": {"is_active": true}}'}
    meltano(project, "run", "tap-harvest", "target-jsonl", **account_of(harvest), **filters)

    def found(stream: str) -> dict[int, Any]:
        lines = (project / "output" / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        return {row["id"]: row for row in map(json.loads, lines)}

    assert found("time_entries") == {entry["id"]: entry for entry in harvest.rows("time_entries")}
    tasks = harvest.rows("tasks")
    assert found("tasks").keys() == {task["id"] for task in tasks if task["is_active"]}
    assert len(found("tasks")) < len(tasks)


def test_the_demo_shows_what_landed_and_resumes(project: Path) -> None:
    """`make demo` tells rows and hours; the second time it reads a day's work instead of all."""
    first, second = (demo(project) for _ in range(2))

    assert "time_entries" in first
    assert "hours" in first
    assert "First sync:" in first
    assert "Resumed from the bookmarks:" in second
    assert f"file://{project}/harvest-report.html" in second.replace("\n", "")
    assert "As of 30 June 2026." in (project / "harvest-report.html").read_text(encoding="utf-8")
    assert rows_read(second) < rows_read(first) / 50
    widest = max(first.splitlines(), key=len)
    assert len(widest) <= 80, widest  # As wide as a terminal.


def demo(folder: Path) -> str:
    """Run the demo in a folder; return what it showed."""
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows_read(shown: str) -> int:
    """The number of rows that the demo says it read."""
    (line,) = (line for line in shown.splitlines() if " rows read" in line)
    return int(line.split(" rows read")[0].split()[-1].replace(",", ""))


@pytest.mark.parametrize("plugin", [TapHarvest, TargetHarvestSQL])
def test_meltano_knows_every_setting(plugin: type[TapHarvest | TargetHarvestSQL]) -> None:
    """meltano.yml names its capabilities and settings, with kind, default and secrecy."""
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (described,) = (
        entry
        for entries in definition["plugins"].values()
        for entry in entries
        if entry["name"] == plugin.name
    )
    # The SDK adds its own settings to the plugin's when they are asked for.
    schema = json.loads(json.dumps(plugin.config_jsonschema))
    plugin.append_builtin_config(schema)

    found = {setting["name"]: setting for setting in described["settings"]}
    assert set(described["capabilities"]) == {str(c.value) for c in plugin.capabilities}
    assert found.keys() == schema["properties"].keys()
    for name, wanted in schema["properties"].items():
        assert found[name]["kind"] == kind_of(name, wanted)
        assert found[name].get("value") == wanted.get("default")
        assert found[name].get("sensitive", False) == wanted.get("secret", False)
        assert found[name]["description"].strip()


def kind_of(name: str, definition: dict[str, Any]) -> str:
    """Meltano's kind for a setting."""
    types = set(definition["type"]) - {"null"}
    if "enum" in definition:
        return "options"
    if name.endswith("_date"):
        return "date_iso8601"
    if "string" in types:
        return "string"
    (type_,) = types
    return KINDS.get(type_, type_)
