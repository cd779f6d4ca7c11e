"""The tap's README and the page of its streams say what the code does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import TOKEN
from tap_run import program, run_tap

from documents import write_streams
from documents.settings_table import SDK_S, default, settings
from harvest_sandbox import Sandbox
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripted_server import Script
    from tap_run import Run

    from tap_harvest.reading.stream import HarvestStream

README = (Path(__file__).parents[2] / "tap-harvest" / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The table under a heading, row by row, without its head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_of_settings_is_the_code_s():
    """Names, variables, types, defaults and descriptions, in the order of the code."""
    assert rows("Settings") == settings(TapHarvest)


def test_about_tells_the_settings_of_the_table():
    """`tap-harvest --about` says the same."""
    run = subprocess.run(
        [sys.executable, "-m", "tap_harvest", "--about", "--format=json"],
        capture_output=True,
        check=True,
    )

    told = json.loads(run.stdout)["settings"]["properties"]
    table = [
        [f"`{name}`", default(setting), setting["description"]] for name, setting in told.items()
    ]
    own = [
        [name, default, description]
        for name, _, _, default, description in rows("Settings")
        if not SDK_S.match(name.strip("`"))
    ]
    assert [row for row in table if row in own] == own
    assert [name for name, *_ in table] == [name for name, *_ in rows("Settings")]


def test_the_table_of_filters_is_the_code_s():
    """Those that the setting `stream_filters` knows."""
    assert rows("Filters") == [
        [f"`{stream.name}`", ", ".join(f"`{name}`" for name in stream.filters)]
        for stream in STREAMS
        if stream.filters
    ]


@dataclass
class Synced:
    """An account that was read twice, with nothing new in between.

    Attributes:
        harvest: The account.
        first: What the first sync wrote.
        paths: The addresses that each sync asked for, those of a list's further pages among them.
    """

    harvest: Sandbox
    first: Run
    paths: tuple[list[str], list[str]]

    def asked(self, stream: type[HarvestStream]) -> tuple[int, int]:
        """How many requests each sync took for a stream."""
        if not stream.path:
            return 0, 0
        form = re.compile(re.sub("{.*?}", "[0-9]+", f"/v2{stream.path}"))
        first, again = (sum(map(bool, map(form.fullmatch, paths))) for paths in self.paths)
        return first, again

    def told(self, claim: str) -> int:
        """What the page says of a cost, in the figures of this account."""
        match claim.split():
            case ["none"]:
                return 0
            case ["1"]:
                return 1
            case ["1", "for", "each", "of", parents, *which]:
                return len(self.parents(parents.strip("`"), " ".join(which)))
            case ["1", "for", "each", "window", *which]:
                return len(WINDOWS[-2:] if which else WINDOWS)
        raise ValueError(claim)

    def pages(self, stream: type[HarvestStream], claim: str) -> int:
        """What the page says of a list whose pages are of so many rows."""
        came = self.first.records(stream.name)
        rows = self.changed(stream.name) if "changed" in claim else came
        return max(1, -(-len(rows) // PAGE_SIZE))

    def parents(self, stream: str, which: str) -> list[dict[str, Any]]:
        """The rows of a list that lists hang on."""
        if which == "that changed":
            return self.changed(stream)
        rows = self.harvest.rows(stream)
        return [row for row in rows if not which or "manager" in row["access_roles"]]

    def changed(self, stream: str) -> list[dict[str, Any]]:
        """The rows that a sync with nothing new reads: those shortly before the bookmark."""
        rows = self.harvest.rows(stream)
        moments = [datetime.fromisoformat(row["updated_at"]) for row in rows]
        since = max(moments) - timedelta(seconds=write_streams.DEFAULTS["lookback_seconds"])
        return [row for row, moment in zip(rows, moments, strict=True) if moment >= since]


PAGE_SIZE = 20
"""Fewer rows than the page tells of, so that a small account has lists of several pages."""
WINDOWS = ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06")
"""The months that are reported; the account's clock stands at the end of the last."""


@pytest.fixture(scope="module")
def synced() -> Iterator[Synced]:
    """A small account, read twice."""
    paths: list[list[str]] = []
    runs: list[Run] = []
    with Sandbox(time_entries=50) as harvest:
        config = {
            "access_token": harvest.token,
            "account_id": harvest.account_id,
            "api_url": harvest.api_url,
            "identity_url": harvest.identity_url,
            "page_size": PAGE_SIZE,
            "report_start_date": f"{WINDOWS[0]}-01",
        }
        for _ in range(2):
            state = runs[0].states[-1] if runs else None
            runs.append(run_tap(TapHarvest(config=config, state=state)))
            paths.append([request.path for request in harvest.requests])
            harvest.requests.clear()
            harvest.advance(seconds=3600)
        first, again = paths
        yield Synced(harvest, runs[0], (first, again))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_stream_costs_the_requests_that_the_page_tells(
    stream: type[HarvestStream], synced: Synced
):
    """In the first sync, and in one with nothing new."""
    claims = write_streams.cost(stream)

    told = tuple(
        synced.pages(stream, claim) if "rows" in claim else synced.told(claim) for claim in claims
    )
    assert synced.asked(stream) == told


def test_the_least_that_a_sync_costs_is_told(synced: Synced):
    """In a sync with nothing new, besides what shortly before the bookmark changed."""
    _, again = synced.paths
    people = len(synced.harvest.rows("users"))
    managers = len(synced.parents("users", "who is a manager"))
    by_change = len(synced.changed("invoices")) * 2 + len(synced.changed("estimates"))

    lists, each = map(int, re.findall(r"[0-9]+", write_streams.least())[:2])
    asked = [path for path in again if "/reports/" not in path or "budget" in path]
    # A list that is read whole has more pages than one here, as they are short.
    assert len(set(asked)) == lists + each * people + managers + by_change


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The diff of CONTRIBUTING, applied to a copy of the tap."""
    root = Path(__file__).parents[2]
    guide = (root / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    diff = guide.split("```diff\n")[1].split("```")[0]
    assert len(diff.splitlines()) < 30
    package = "tap-harvest/tap_harvest"
    shutil.copytree(root / package, tmp_path / package)
    subprocess.run(
        ["git", "apply", "--whitespace=error", "-"],
        input=diff.encode(),
        cwd=tmp_path,
        # The folder of the tests may be inside a repository, whose files are not meant.
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
        check=True,
    )
    return tmp_path / "tap-harvest"


def test_the_example_of_contributing_adds_a_stream(
    example: Path, tmp_path: Path, script: Script
) -> None:
    """It is a diff as git takes it, and the stream is found and read."""
    catalog = tmp_path / "catalog.json"
    environment = {
        "PYTHONPATH": str(example),
        "TAP_HARVEST_ACCESS_TOKEN": TOKEN,
        "TAP_HARVEST_ACCOUNT_ID": "900100",
        "TAP_HARVEST_API_URL": f"{script.url}/v2",
    }
    holiday = {"id": 7, "day": "2031-12-25", "updated_at": "2031-04-09T16:20:05Z"}
    script.says({"access_roles": ["administrator"]}).says({})
    script.says({"holidays": [holiday], "total_entries": 1, "links": {"next": None}})

    found = json.loads(program("--discover", **environment).stdout)["streams"]
    [entry] = [stream for stream in found if stream["tap_stream_id"] == "holidays"]
    catalog.write_text(json.dumps({"streams": [entry]}), encoding="utf-8")
    run = program("--config=ENV", f"--catalog={catalog}", **environment)

    messages = [json.loads(line) for line in run.stdout.splitlines()]
    assert [m["record"] for m in messages if m["type"] == "RECORD"] == [holiday], run.stderr
    assert (entry["key_properties"], entry["replication_key"]) == (["id"], "updated_at")
    assert [request.path for request in script.received][-1] == "/v2/holidays"
