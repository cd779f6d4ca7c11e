"""The scheduled sync as the workflow's own script runs it: each time in a clean checkout."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from destination import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fix_databases import Database
    from harvest_sandbox import Sandbox

ROOT: Final = Path(__file__).resolve().parents[2]
WORKFLOW: Final = ROOT / ".github" / "workflows" / "sync.yml"
STREAMS: Final = ("clients", "projects", "time_entries")


def script(step: str) -> str:
    """What a step of the workflow runs."""
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["sync"]["steps"]
    [found] = [entry["run"] for entry in steps if entry.get("name") == step]
    return str(found)


def checkout(folder: Path) -> Path:
    """A clean checkout, set up: what is in git that a sync needs, and the environment."""
    folder.mkdir()
    shutil.copy(ROOT / "meltano.yml", folder)
    for name in ("tap-harvest", "target-harvest-sql"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    return folder


def sync(folder: Path, secrets: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the workflow's script in a clean checkout, as a runner does; nothing of it is kept."""
    # As secrets and variables are that are not set.
    empty = {"DATABASE_SCHEMA": "", "STATE_DATABASE": "", "STATE_STORAGE": ""}
    done = subprocess.run(
        ["bash", "-e", "-c", script("Sync")],
        cwd=checkout(folder),
        env=os.environ | empty | secrets,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shutil.rmtree(folder)
    return done


def secrets_of(harvest: Sandbox, database: Database) -> dict[str, str]:
    """What the repository's settings hold."""
    return {
        "TAP_HARVEST_ACCESS_TOKEN": harvest.token,
        "TAP_HARVEST_ACCOUNT_ID": harvest.account_id,
        "TAP_HARVEST_API_URL": harvest.api_url,
        "TAP_HARVEST_IDENTITY_URL": harvest.identity_url,
        "TAP_HARVEST__SELECT": str([f"{stream}.*" for stream in STREAMS]).replace("'", '"'),
        "DATABASE_URL": database.url,
    }


def edit(harvest: Sandbox) -> None:
    """What people do between two runs."""
    entry, other = harvest.rows("time_entries")[:2]
    harvest.change("time_entries", entry["id"], notes="corrected")
    harvest.change("time_entries", other["id"], hours=7.25)
    harvest.change("clients", harvest.rows("clients")[0]["id"], address="1 New Street")
    harvest.add("clients", name="New")


def wanted(harvest: Sandbox) -> dict[str, list[dict[str, Any]]]:
    """The tables that the destination is to hold."""
    return {stream: harvest.rows(stream) for stream in STREAMS}


@pytest.mark.parametrize(
    ("engine", "secret", "place"),
    [
        pytest.param("sqlite", "STATE_DATABASE", "sqlite:///{folder}/state.db", id="file"),
        pytest.param("sqlite", "STATE_STORAGE", "file://{folder}/state", id="storage"),
        pytest.param("postgres", "STATE_DATABASE", "{destination}", id="destination"),
    ],
)
def test_runs_in_clean_checkouts_go_on_from_the_state_alone(
    harvest: Sandbox,
    new_database: Callable[[str], Database],
    tmp_path: Path,
    *,
    engine: str,
    secret: str,
    place: str,
) -> None:
    """Wherever the state is kept, each run reads what changed, and the destination is right."""
    database = new_database(engine)
    uri = place.format(folder=tmp_path, destination=database.url)
    secrets = secrets_of(harvest, database) | {secret: uri}

    first = sync(tmp_path / "first", secrets)
    assert first.returncode == 0, first.stdout
    assert differences(wanted(harvest), database) == []
    edit(harvest)
    harvest.requests.clear()
    second = sync(tmp_path / "second", secrets)
    assert second.returncode == 0, second.stdout
    assert differences(wanted(harvest), database) == []
    [asked] = [request for request in harvest.requests if request.path == "/v2/time_entries"]
    # What reads of changes do not bring, but whole ones.
    harvest.delete("time_entries", harvest.rows("time_entries")[0]["id"])
    harvest.change("clients", harvest.rows("clients")[0]["id"], name="Renamed")
    third = sync(tmp_path / "third", secrets | {"TAP_HARVEST_RECONCILE_DAYS": "0"})

    assert third.returncode == 0, third.stdout
    assert differences(wanted(harvest), database) == []
    assert "updated_since" in asked.query


def test_the_tables_go_to_the_schema_that_the_variable_names(
    harvest: Sandbox, new_database: Callable[[str], Database], tmp_path: Path
) -> None:
    """Where it is not set they go to the database's own, as the test above shows."""
    database = new_database("postgres")
    secrets = secrets_of(harvest, database) | {"STATE_STORAGE": f"file://{tmp_path}/state"}

    done = sync(tmp_path / "checkout", secrets | {"DATABASE_SCHEMA": "harvest"})

    assert done.returncode == 0, done.stdout
    found = database.query("SELECT schemaname, relname FROM pg_stat_user_tables")
    assert {(row["schemaname"], row["relname"]) for row in found} == {
        ("harvest", stream) for stream in STREAMS
    }


@pytest.mark.parametrize("kind", ["postgresql", "mssql"])
def test_the_database_of_the_state_is_asked_by_the_driver_that_is_installed(
    harvest: Sandbox, sqlite_database: Database, tmp_path: Path, kind: str
) -> None:
    """A URL need not name it, as `DATABASE_URL` need not. Nobody listens at this one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    secrets = secrets_of(harvest, sqlite_database) | {
        "STATE_DATABASE": f"{kind}://somebody:password@127.0.0.1:{port}/state",
        "MELTANO_DATABASE_MAX_RETRIES": "0",
    }

    done = sync(tmp_path / "checkout", secrets)

    assert done.returncode == 1
    assert "OperationalError" in done.stdout
    assert "refused" in done.stdout
    assert "ModuleNotFoundError" not in done.stdout
    assert harvest.requests == []


def test_a_run_without_a_place_for_the_state_is_refused(
    harvest: Sandbox, sqlite_database: Database, tmp_path: Path
) -> None:
    """Nothing is read where nothing could be remembered, and the page of the job says why."""
    done = sync(tmp_path / "checkout", secrets_of(harvest, sqlite_database))

    assert done.returncode == 1
    assert "::error::Set the secret MELTANO_DATABASE_URI" in done.stdout
    assert harvest.requests == []


@pytest.mark.parametrize(
    ("place", "asked"),
    [("", ""), ("file:///state", ""), ("s3://key:secret@bucket/state", "install meltano[s3]")],
)
def test_what_a_place_for_the_state_needs_is_installed(
    tmp_path: Path, place: str, asked: str
) -> None:
    """Meltano reaches object storage with a package that few need, so it is not in the pins."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for program in (tmp_path / "make", tmp_path / ".venv" / "bin" / "pip"):
        program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/{program.name}.log\n')
        program.chmod(0o755)

    subprocess.run(
        ["bash", "-e", "-c", script("Set up")],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STATE_STORAGE": place},
        check=True,
    )

    log = tmp_path / "pip.log"
    installed = log.read_text(encoding="utf-8") if log.exists() else ""
    assert installed.replace(" --quiet", "").strip() == asked
    assert (tmp_path / "make.log").read_text(encoding="utf-8") == "setup\n"


@pytest.mark.parametrize("log", ["one\ntwo\n", None])
def test_the_page_of_the_job_shows_the_end_of_the_log(tmp_path: Path, log: str | None) -> None:
    """Also where a run failed before there was one."""
    page = tmp_path / "summary.md"
    if log is not None:
        (tmp_path / "sync.log").write_text(log, encoding="utf-8")

    subprocess.run(
        ["bash", "-e", "-c", script("Tell how it went")],
        cwd=tmp_path,
        env=os.environ | {"GITHUB_STEP_SUMMARY": str(page)},
        check=True,
    )

    assert page.read_text(encoding="utf-8") == f"```text\n{log or ''}```\n"
