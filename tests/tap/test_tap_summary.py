"""What a person reads in the log: little while all is well, and a table at the end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_run import program, settings

from support import commands
from tap_harvest.streams import STREAMS
from tap_harvest.summary import Tally, summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_run import Run

    from harvest_sandbox import Sandbox

    Sync = Callable[..., Run]


def table(text: str) -> dict[str, list[str]]:
    """The lines of the last summary in a log, by stream: figures, and a note in one piece."""
    lines = text.rsplit("seconds\n", maxsplit=1)[-1].splitlines()
    end = next(number for number, line in enumerate(lines) if line.startswith("total of"))
    return {
        line[:32].strip(): line[32:].split(maxsplit=4) if line[32] == " " else [line[32:]]
        for line in lines[: end + 1]
    }


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], dict[str, list[str]]]:
    """The summary of the last run in this process."""
    caplog.set_level("INFO")
    return lambda: table(caplog.text)


def test_a_run_ends_with_a_line_for_each_stream(harvest: Sandbox, sync: Sync, told: Any):
    """Rows, those that are new, requests; and their sums."""
    run = sync("clients", "invoices", "invoice_line_items", "user_cost_rates", "roles", page_size=5)

    lines = told()
    rows = {name: len(run.records(name)) for name in run.streams}
    assert list(lines) == [
        *("clients", "invoices", "invoice_line_items", "roles", "user_cost_rates"),
        "(what they need)",
        "total of 5 streams",
    ]
    assert {name: int(lines[name][0]) for name in rows} == rows
    assert lines["clients"][:3] == [str(rows["clients"])] * 2 + ["2"]
    assert lines["invoice_line_items"][1:] == [str(rows["invoice_line_items"]), "-", "-"]
    assert lines["roles"][1:3] == ["-", "1"]
    people = len(harvest.rows("users"))
    assert lines["user_cost_rates"][2] == str(people)
    # The person, the company, and the list of all people.
    assert lines["(what they need)"][2] == str(2 + -(-people // 5))
    total = lines["total of 5 streams"]
    assert total[0] == str(sum(rows.values()))
    assert total[2] == str(len(harvest.requests))


def test_a_row_that_only_comes_again_is_no_news(harvest: Sandbox, sync: Sync, told: Any):
    """A list that is read whole, to find what was deleted, brings mostly what is known."""
    first = sync("clients", "tasks")
    harvest.advance(seconds=3600)
    harvest.change("clients", harvest.rows("clients")[3]["id"], name="Renamed")
    harvest.add("clients")

    sync("clients", "tasks", state=first.states[-1], reconcile_days=0)

    assert told()["clients"][:2] == [str(len(harvest.rows("clients"))), "2"]
    assert told()["tasks"][1] == "0"


def test_what_was_skipped_is_told_with_the_reason(harvest: Sandbox, sync: Sync, told: Any):
    """Also of what hangs on it."""
    harvest.company["estimate_feature"] = False
    harvest.fail(status=403, path="/v2/invoices", times=None)

    sync("invoices", "invoice_line_items", "invoice_payments", "estimate_messages", "tasks")

    lines = told()
    for name in ("invoices", "invoice_line_items", "invoice_payments"):
        assert lines[name] == ["skipped: Harvest does not show it to the token"]
    assert lines["estimate_messages"] == ["skipped: estimate_feature is off"]
    assert "total of 1 streams" in lines


def test_a_run_that_fails_tells_how_far_it_got(
    harvest: Sandbox, sync: Sync, told: Any, caplog: pytest.LogCaptureFixture
):
    """What was read, what was begun, and what was not."""
    harvest.fail(status=401, path="/v2/time_entries", after=1)

    with pytest.raises(FatalAPIError):
        sync("tasks", "time_entries", "users", page_size=100)

    lines = told()
    assert "Ended early" in caplog.text
    assert len(lines["tasks"]) == 4
    rows, _, _, outcome = lines["time_entries"]
    assert (rows, outcome) == ("100", "unfinished")
    assert max(map(len, caplog.text.split("Ended early")[1].splitlines())) <= 80
    assert lines["users"] == ["not read"]
    assert "total of 1 streams" in lines


def test_a_run_that_read_nothing_has_no_summary(sync: Sync, caplog: pytest.LogCaptureFixture):
    """The error says it all."""
    caplog.set_level("INFO")

    with pytest.raises(FatalAPIError):
        sync(access_token="wrong")

    assert "not read" not in caplog.text


def test_a_list_that_stays_short_is_told(harvest: Sandbox, sync: Sync, told: Any):
    """Its bookmark stays, so a person should know."""
    for after in (1, 2, 3):  # Before the second page of each walk.
        harvest.fail(
            path="/v2/time_entries",
            after=after,
            edit=lambda: harvest.delete("time_entries", harvest.rows("time_entries")[0]["id"]),
        )

    sync("time_entries", page_size=200)

    assert told()["time_entries"][-1].endswith("the list changed while it was read")


def test_waits_and_repetitions_are_told(harvest: Sandbox, sync: Sync, caplog: Any, told: Any):
    """They are what makes a run long."""
    harvest.fail(status=429, path="/v2/tasks", retry_after=2)

    sync("tasks")

    [seconds] = re.findall(
        r"^Waited ([\d.]+) s for the budgets; requests repeated: 1$",
        caplog.text,
        re.MULTILINE,
    )
    assert float(seconds) > 0
    assert told()["tasks"][2] == "2"


def test_lines_fit_into_80_columns():
    """Those without a note; figures stand below each other."""
    tallies = {
        stream.name: Tally(rows=1_234_567, changed=1_234_567, seconds=86_400, is_read=True)
        for stream in STREAMS
    }

    text = summary(
        "Read to the end:",
        tallies,
        dict.fromkeys(tallies, 10_000),
        seconds=100_000,
        seconds_held=86_400,
        repeats=100_000,
    )

    _, *lines, last = text.splitlines()
    assert {len(line) for line in lines} == {76}
    assert len(last) <= 80
    assert "1,234,567" in lines[1]


@pytest.mark.parametrize(("level", "is_calm"), [("INFO", True), ("DEBUG", False)])
def test_an_ordinary_run_says_little(harvest: Sandbox, level: str, is_calm: bool):
    """Version, cost of reports, summary. All that the SDK says is there for those who ask."""
    run = program("--config=ENV", TAP_HARVEST_LOGLEVEL=level, **settings(harvest))

    assert run.returncode == 0, run.stderr
    assert len(re.findall(r"^2\d{3}-", run.stderr, re.MULTILINE)) == 3 or not is_calm
    for words in ("METRIC", "as child stream", "Beginning sync of"):
        assert (words in run.stderr) is not is_calm
    assert set(table(run.stderr)) >= {stream.name for stream in STREAMS}
    assert harvest.token not in run.stderr


def test_a_trial_ends_with_a_table_too(harvest: Sandbox):
    """Of what came; not with what a whole run would cost."""
    run = program("--config=ENV", "--test", **settings(harvest))

    assert run.returncode == 0, run.stderr
    assert "Tried, the first rows of each stream:" in run.stderr
    assert "Reports to read" not in run.stderr
    lines = table(run.stderr)
    assert lines.keys() >= {stream.name for stream in STREAMS}
    assert lines["clients"][:3] == ["1", "1", "1"]


def test_the_summary_is_no_message(harvest: Sandbox):
    """Standard output belongs to the target."""
    run = program("--config=ENV", **settings(harvest))

    assert "Read to the end" in run.stderr
    assert all(json.loads(line)["type"] for line in run.stdout.splitlines())


def test_metrics_come_where_somebody_takes_them(harvest: Sandbox, tmp_path: Path):
    """By a log configuration that has a handler for them."""
    file = tmp_path / "metrics.log"
    logging = tmp_path / "logging.json"
    logging.write_text(
        json.dumps(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"file": {"class": "logging.FileHandler", "filename": str(file)}},
                "loggers": {"singer_sdk.metrics": {"handlers": ["file"], "propagate": False}},
            }
        )
    )

    run = program("--config=ENV", SINGER_SDK_LOG_CONFIG=str(logging), **settings(harvest))

    assert run.returncode == 0, run.stderr
    assert file.read_text().count("METRIC") >= len(STREAMS)
    assert "METRIC" not in run.stderr


def test_a_run_that_is_stopped_tells_how_far_it_got(harvest: Sandbox):
    """As one that fails."""
    harvest.fail(path="/v2/time_entries", latency_seconds=5)
    with commands.Command(
        [commands.TAP, "--config=ENV"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=settings(harvest),
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if '"SCHEMA","stream":"time_entries"' in line.replace(" ", ""):
                break
        run.terminate()
        _, errors = run.communicate()

    assert run.returncode == 128 + signal.SIGTERM
    assert "Ended early" in errors
    assert len(table(errors)["clients"]) == 4
    assert table(errors)["time_entries"] in (["unfinished"], ["not read"])
