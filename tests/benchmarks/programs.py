"""The commands that are measured, and the files that they read."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from harvest_sandbox import Sandbox

BIN: Final = Path(sys.executable).parent
Command = list[str | Path]
Settings = dict[str, Any]


@contextmanager
def served(*, time_entries: int, budgets: bool = False) -> Iterator[Settings]:
    """A stand-in account in a process of its own, so that its memory is nobody else's.

    Args:
        time_entries: How many it has.
        budgets: Whether it answers 429 beyond Harvest's budgets.

    Returns:
        The settings by which the tap reads it.
    """
    command = [sys.executable, "-m", "harvest_sandbox", "--clock=fixed"]
    command += [f"--time-entries={time_entries}", *(["--budgets"] if budgets else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            ready = json.loads(server.stdout.readline())
            yield {"access_token": ready.pop("token"), **ready}
        finally:
            server.terminate()


def settings_of(harvest: Sandbox) -> Settings:
    """The settings by which the tap reads a stand-in account of this process."""
    return {
        "access_token": harvest.token,
        "account_id": harvest.account_id,
        "api_url": harvest.api_url,
        "identity_url": harvest.identity_url,
    }


def tap_command(
    folder: Path,
    account: Settings,
    streams: Collection[str],
    *,
    state: dict[str, Any] | None = None,
    **settings: Any,
) -> Command:
    """The tap, with some streams selected.

    Args:
        folder: Where its files go.
        account: The settings by which the tap reads an account.
        streams: The names of the streams.
        state: Where to resume.
        settings: Further settings.
    """
    config = write(folder / "tap.json", account | settings)
    discovered = subprocess.run(
        [BIN / "tap-harvest", "--config", config, "--discover"], check=True, capture_output=True
    )
    catalog = json.loads(discovered.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
    command: Command = [BIN / "tap-harvest", "--config", config]
    command += ["--catalog", write(folder / "catalog.json", catalog)]
    return command if state is None else [*command, "--state", write(folder / "state.json", state)]


def target_command(folder: Path, url: str, **settings: Any) -> Command:
    """The target, into a database.

    Args:
        folder: Where its file of settings goes.
        url: The database.
        **settings: Further settings.
    """
    config = write(folder / "target.json", {"sqlalchemy_url": url, **settings})
    return [BIN / "target-harvest-sql", "--config", config]


@contextmanager
def time_entries_file(count: int) -> Iterator[Path]:
    """Time entries as a file of the tap's messages, in a folder that others may use as well."""
    with tempfile.TemporaryDirectory() as name:
        messages = Path(name) / "messages.jsonl"
        with served(time_entries=count) as account, messages.open("wb") as file:
            command = tap_command(messages.parent, account, {"time_entries"})
            subprocess.run(command, check=True, stdout=file, stderr=subprocess.DEVNULL)
        yield messages


def last_state(messages: Path) -> dict[str, Any]:
    """The value of the last STATE message of a file."""
    state: dict[str, Any] = {}
    with messages.open(encoding="utf-8") as lines:
        for line in lines:
            if is_a("STATE", line):
                state = json.loads(line)["value"]
    return state


def is_a(kind: str, line: str) -> bool:
    """Whether a message is of a kind, in whichever spacing its tap writes JSON."""
    return line.startswith((f'{{"type":"{kind}"', f'{{"type": "{kind}"'))


def write(path: Path, content: Any) -> Path:
    """Put the content into the file as JSON; return its path."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
