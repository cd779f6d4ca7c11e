"""The container syncs the stand-in account. Run by `make image`, which builds it; needs Docker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from support.destination import differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.databases import Database
    from harvest_sandbox import Sandbox

IMAGE: Final = "harvest-to-sql"
STREAMS: Final = ("clients", "projects", "time_entries")


def docker_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a container to its end; return what it printed."""
    return subprocess.run(
        ["docker", "run", "--rm", "--network=host", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_container_syncs_and_goes_on(
    harvest: Sandbox, new_database: Callable[[str], Database]
) -> None:
    """Two containers share nothing but the state in the database."""
    database = new_database("postgres")
    settings = {
        "TAP_HARVEST_ACCESS_TOKEN": harvest.token,
        "TAP_HARVEST_ACCOUNT_ID": harvest.account_id,
        "TAP_HARVEST_API_URL": harvest.api_url,
        "TAP_HARVEST_IDENTITY_URL": harvest.identity_url,
        "TAP_HARVEST__SELECT": str([f"{stream}.*" for stream in STREAMS]).replace("'", '"'),
        "DATABASE_URL": database.url,
        "MELTANO_DATABASE_URI": database.url,
    }
    options = [f"--env={name}={value}" for name, value in settings.items()]
    for is_first in (True, False):
        harvest.requests.clear()
        done = docker_run(*options, IMAGE)

        assert done.returncode == 0, done.stdout
        [asked] = [each for each in harvest.requests if each.path == "/v2/time_entries"]
        assert ("updated_since" not in asked.query) == is_first
        wanted = {stream: harvest.rows(stream) for stream in STREAMS}
        assert differences(wanted, database) == []
        harvest.add("clients", name="New")


def test_a_container_without_a_place_for_the_state_is_refused() -> None:
    """It would forget what it read."""
    done = docker_run(IMAGE)

    assert done.returncode == 1
    assert done.stdout.startswith("Set MELTANO_DATABASE_URI or MELTANO_STATE_BACKEND_URI")


def test_the_container_holds_no_compiler_and_its_user_may_not_change_programs() -> None:
    """A container that is broken into is of little use."""
    script = """
        test "$(id -u)" != 0
        for tool in cc gcc c++ ld make uv git; do if command -v $tool; then exit 1; fi; done
        if touch /app/venv/made; then exit 1; fi
        tap-harvest --version && target-harvest-sql --version && harvest-report --version
    """
    done = docker_run("--entrypoint=sh", IMAGE, "-ec", script)

    assert done.returncode == 0, done.stdout
