"""The scheduled sync as the workflow's own script runs it: each time in a clean checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    empty = {"STATE_DATABASE": "", "STATE_STORAGE": ""}  # As a secret is that is not set.
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
    harvest.change("clients", harvest.rows("clients")[0]["id"], name="Renamed")
    harvest.add("clients", name="New")


def assert_equal(harvest: Sandbox, database: Database) -> None:
    """The destination is the account, row by row, as far as both name the same fields."""
    for stream in STREAMS:
        wanted = {row["id"]: row for row in harvest.rows(stream)}
        found = {row["id"]: row for row in database.rows(stream)}
        assert found.keys() == wanted.keys(), stream
        for key, row in found.items():
            plain = {n: v for n, v in wanted[key].items() if n in row and not isinstance(v, dict)}
            assert {name: row[name] for name in plain} == plain


@pytest.mark.parametrize(
    ("secret", "place"),
    [("STATE_DATABASE", "sqlite:///{}/meltano.db"), ("STATE_STORAGE", "file://{}/state")],
)
def test_runs_in_clean_checkouts_go_on_from_the_state_alone(
    harvest: Sandbox, sqlite_database: Database, tmp_path: Path, secret: str, place: str
) -> None:
    """Wherever the state is kept, each run reads what changed, and the destination is right."""
    secrets = secrets_of(harvest, sqlite_database) | {secret: place.format(tmp_path)}

    first = sync(tmp_path / "first", secrets)
    assert first.returncode == 0, first.stdout
    assert_equal(harvest, sqlite_database)
    edit(harvest)
    harvest.requests.clear()
    second = sync(tmp_path / "second", secrets)

    assert second.returncode == 0, second.stdout
    assert_equal(harvest, sqlite_database)
    [asked] = [request for request in harvest.requests if request.path == "/v2/time_entries"]
    assert "updated_since" in asked.query


def test_a_run_without_a_place_for_the_state_is_refused(
    harvest: Sandbox, sqlite_database: Database, tmp_path: Path
) -> None:
    """Nothing is read where nothing could be remembered, and the page of the job says why."""
    done = sync(tmp_path / "checkout", secrets_of(harvest, sqlite_database))

    assert done.returncode == 1
    assert "::error::Set the secret MELTANO_DATABASE_URI" in done.stdout
    assert harvest.requests == []


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
