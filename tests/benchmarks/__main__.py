"""`make bench`: how fast, and with how many requests and megabytes, entries reach a database."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measure import Measurement, measure
from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

BIN: Final = Path(sys.executable).parent
DATABASES: Final = {"SQLite": "sqlite:///{}/bench.db", "DuckDB": "duckdb:///{}/bench.duckdb"}
LINE: Final = "{:<36}{:>10}{:>12}{:>11}{:>9}{:>11}"
Command = list[str | Path]


def main() -> None:
    """Measure the tap alone, the target alone, and both joined by a pipe; print a table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--time-entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="so many of each; the median is shown")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        Sandbox(time_entries=options.time_entries, seed=1, budgets=True) as harvest,
    ):
        folder = Path(name)
        messages = folder / "messages.jsonl"
        tap = tap_command(folder, harvest)
        say(f"{options.time_entries:,} time entries, median of {options.runs} runs\n")
        say(LINE.format("", "seconds", "records/s", "requests", "tap MB", "target MB"))

        def report(title: str, run: Callable[[], Measurement], *columns: str) -> None:
            harvest.requests.clear()
            runs = [run() for _ in range(options.runs)]
            middle = statistics.median_low(run.seconds for run in runs)
            peaks = max(runs, key=lambda run: run.peak_bytes).peak_bytes
            memory = dict(zip(columns, peaks, strict=True))
            say(
                LINE.format(
                    title,
                    f"{middle:.2f}",
                    f"{options.time_entries / middle:,.0f}",
                    len(harvest.requests) // options.runs or "",
                    *(f"{memory[c] / 1e6:.0f}" if c in memory else "" for c in ("tap", "target")),
                )
            )

        report("tap-harvest > file", lambda: measure(tap, destination=messages), "tap")
        for engine, url in DATABASES.items():
            report(
                f"file > target-harvest-sql, {engine}",
                lambda url=url: measure(target_command(folder, url), source=messages),
                "target",
            )
            report(
                f"tap-harvest > target-harvest-sql, {engine}",
                lambda url=url: measure(tap, target_command(folder, url)),
                "tap",
                "target",
            )


def tap_command(folder: Path, harvest: Sandbox) -> Command:
    """The tap, with time entries alone selected."""
    config = write(
        folder / "tap.json",
        {
            "access_token": harvest.token,
            "account_id": harvest.account_id,
            "api_url": harvest.api_url,
            "identity_url": harvest.identity_url,
        },
    )
    discovered = subprocess.run(
        [BIN / "tap-harvest", "--config", config, "--discover"], check=True, capture_output=True
    )
    catalog = json.loads(discovered.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "time_entries"
    return [
        *(BIN / "tap-harvest", "--config", config),
        *("--catalog", write(folder / "catalog.json", catalog)),
    ]


def target_command(folder: Path, url: str) -> Command:
    """The target, into a database that is not there yet."""
    for old in folder.glob("bench.*"):
        old.unlink()
    config = {
        "sqlalchemy_url": url.format(folder),
        "flattening_enabled": True,
        "flattening_max_depth": 1,
    }
    return [BIN / "target-harvest-sql", "--config", write(folder / "target.json", config)]


def write(path: Path, content: Any) -> Path:
    """Put the content into the file as JSON; return its path."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


main()
