"""Runs the tap in this process, or as the command that users run, and reads its messages."""

from __future__ import annotations

import io
import json
import os
import subprocess
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support import commands
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from harvest_sandbox import Sandbox


@dataclass
class Run:
    """The messages of a tap, in order.

    Attributes:
        messages: The messages.
        error: The error that ended the run early; `None` if the run was complete.
    """

    messages: list[dict[str, Any]]
    error: Exception | None = None

    def records(self, stream: str) -> list[dict[str, Any]]:
        """The records of a stream, in order."""
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def ids(self, stream: str) -> set[int]:
        """The ids of a stream's records."""
        return {record["id"] for record in self.records(stream)}

    @property
    def streams(self) -> list[str]:
        """The streams that have records, in the order of their first record."""
        names = (message["stream"] for message in self.messages if message["type"] == "RECORD")
        return list(dict.fromkeys(names))

    @property
    def states(self) -> list[dict[str, Any]]:
        """The values of all STATE messages."""
        return [message["value"] for message in self.messages if message["type"] == "STATE"]

    @property
    def bookmarks(self) -> dict[str, str]:
        """The bookmarks of the last STATE message, by stream."""
        entries = self.states[-1]["bookmarks"] if self.states else {}
        return {
            stream: entry["replication_key_value"]
            for stream, entry in entries.items()
            if "replication_key_value" in entry
        }

    def versions(self, stream: str) -> set[int | None]:
        """Return the versions in the records of a stream."""
        return {
            message.get("version")
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        }

    @property
    def activated(self) -> dict[str, int]:
        """The versions that were activated, by stream."""
        return {
            message["stream"]: message["version"]
            for message in self.messages
            if message["type"] == "ACTIVATE_VERSION"
        }

    def until_last_state(self) -> Run:
        """Return the messages up to the last STATE, which a target always keeps."""
        last = [message["type"] for message in reversed(self.messages)]
        after = last.index("STATE") if "STATE" in last else len(last)
        return Run(self.messages[: len(self.messages) - after])


def landed(*runs: Run) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """Return the records of each stream by key, as a target has them after some runs.

    The last record of a key counts, and removes the row where it says that it was deleted; an
    activated version removes what an older one brought.
    """
    keys: dict[str, list[str]] = {}
    tables: dict[str, dict[tuple[Any, ...], tuple[int, dict[str, Any]]]] = {}
    for message in (message for run in runs for message in run.messages):
        if message["type"] == "SCHEMA":
            keys[message["stream"]] = message["key_properties"]
            tables.setdefault(message["stream"], {})
        elif message["type"] == "RECORD":
            record = message["record"]
            key = tuple(record[name] for name in keys[message["stream"]])
            table = tables[message["stream"]]
            if record.get("_sdc_deleted_at"):
                table.pop(key, None)
            else:
                table[key] = (message.get("version", -1), record)
        elif message["type"] == "ACTIVATE_VERSION":
            table = tables[message["stream"]]
            for key in [key for key, (version, _) in table.items() if version < message["version"]]:
                del table[key]
    return {
        stream: {key: record for key, (_, record) in table.items()}
        for stream, table in tables.items()
    }


def run_tap(tap: TapHarvest) -> Run:
    """Sync a tap, and return its messages."""
    run = try_tap(tap)
    if run.error:
        raise run.error
    return run


def try_tap(tap: TapHarvest) -> Run:
    """Sync a tap, and return its messages and its error, if any."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    error = None
    try:
        with redirect_stdout(output):
            tap.sync_all()
    except Exception as caught:  # noqa: BLE001  # The test looks at it.
        error = caught
    finally:
        tap.account.client.close()
    output.seek(0)
    return Run([json.loads(line) for line in output], error)


def selecting(*streams: str) -> dict[str, Any]:
    """Return a catalog in which these streams are selected, or all if none is named."""
    catalog = TapHarvest(validate_config=False, config={}).catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = not streams or entry["tap_stream_id"] in streams
    return catalog


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command of the tap."""
    ended = commands.run([commands.TAP, *arguments], env=environment | {"PATH": os.environ["PATH"]})
    return subprocess.CompletedProcess(
        ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
    )


def settings(harvest: Sandbox) -> dict[str, str]:
    """Return the environment variables by which the command reads the stand-in account."""
    return {
        "TAP_HARVEST_ACCESS_TOKEN": harvest.token,
        "TAP_HARVEST_ACCOUNT_ID": str(harvest.account_id),
        "TAP_HARVEST_API_URL": harvest.api_url,
        "TAP_HARVEST_PAGE_SIZE": "50",
        "TAP_HARVEST_REPORT_START_DATE": "2026-05-01",
    }
