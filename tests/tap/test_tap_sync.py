"""What a sync reads and writes, against the stand-in account."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import termios
import time
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError, FatalAPIError
from tap_run import program, run_tap, selecting, settings

from harvest_sandbox import Sandbox
from support import commands
from tap_harvest.http.budget import Budget
from tap_harvest.http.client import Client
from tap_harvest.http.sign_in import PersonalToken
from tap_harvest.reading.kinds import ExplodedStream, Singleton
from tap_harvest.reading.nested import NestedStream
from tap_harvest.state.bookmark import instant_text
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scripted_server import Script
    from tap_run import Run

    Sync = Callable[..., Run]

LISTS = [
    stream.name
    for stream in STREAMS
    if not issubclass(stream, (ExplodedStream, NestedStream, Singleton))
    and not stream.name.endswith("_report")
]


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the order of their ids."""
    return sorted(rows, key=lambda row: row["id"])


@pytest.fixture(scope="module")
def everything() -> Iterator[tuple[Sandbox, Run]]:
    """An account, and one sync of all of it."""
    with Sandbox() as harvest:
        tap = TapHarvest(
            config={
                "access_token": harvest.token,
                "account_id": harvest.account_id,
                "api_url": harvest.api_url,
                "identity_url": harvest.identity_url,
                "report_start_date": "2026-05-01",
            }
        )
        yield harvest, run_tap(tap)


@pytest.mark.parametrize("stream", LISTS)
def test_a_list_is_read_whole_and_unchanged(everything: tuple[Sandbox, Run], stream: str):
    """Every record, with every field as Harvest sends it."""
    harvest, run = everything

    assert by_id(run.records(stream)) == by_id(harvest.rows(stream))


def test_each_stream_has_records(everything: tuple[Sandbox, Run]):
    """None of the 41 comes to nothing."""
    _, run = everything

    assert sorted(run.streams) == sorted(stream.name for stream in STREAMS)


def test_a_sync_costs_two_requests_one_a_list_and_one_a_parent(everything: tuple[Sandbox, Run]):
    """Who reads and what the account offers come first; what is exploded costs nothing."""
    harvest, _ = everything
    paths = [request.path for request in harvest.requests]
    users = harvest.rows("users")

    below = 2 * len(harvest.rows("invoices")) + len(harvest.rows("estimates")) + 3 * len(users)
    below += len([user for user in users if "manager" in user["access_roles"]])
    assert paths[:2] == ["/v2/users/me", "/v2/company"]
    reports = [path for path in paths if "/reports/" in path]
    lists = [path for path in paths if path not in reports]
    assert len(lists) == len(set(lists)) == 2 + len(LISTS) + below
    assert len(reports) == 9 * 2 + 1  # Two months of nine, and the budgets.


def test_a_schema_comes_before_its_records(everything: tuple[Sandbox, Run]):
    """Once a stream, those that ride on another's read included."""
    _, run = everything
    seen: list[str] = []

    for message in run.messages:
        if message["type"] == "SCHEMA":
            assert message["stream"] not in seen
            seen.append(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in seen


def test_the_company_is_known_by_its_account(everything: tuple[Sandbox, Run]):
    """Harvest gives it no id."""
    harvest, run = everything

    [company] = run.records("company")

    assert company.pop("account_id") == int(harvest.account_id)
    assert company == harvest.company


def test_line_items_carry_their_invoice(everything: tuple[Sandbox, Run]):
    """One record a line, with the invoice's id and its time of change."""
    harvest, run = everything

    expected = [
        {**line, "invoice_id": invoice["id"], "updated_at": invoice["updated_at"]}
        for invoice in harvest.rows("invoices")
        for line in invoice["line_items"]
    ]

    assert by_id(run.records("invoice_line_items")) == by_id(expected)


def test_line_items_carry_their_estimate(everything: tuple[Sandbox, Run]):
    """As with invoices."""
    harvest, run = everything

    expected = [
        {**line, "estimate_id": estimate["id"], "updated_at": estimate["updated_at"]}
        for estimate in harvest.rows("estimates")
        for line in estimate["line_items"]
    ]

    assert by_id(run.records("estimate_line_items")) == by_id(expected)


def test_external_references_are_those_of_entries_that_have_one(
    everything: tuple[Sandbox, Run],
):
    """Most entries stand for nothing in another tool. Its account is no account of Harvest's."""
    harvest, run = everything

    expected = {
        entry["id"]: entry["external_reference"]
        for entry in harvest.rows("time_entries")
        if entry["external_reference"]
    }
    records = {
        record.pop("time_entry_id"): record
        for record in run.records("time_entry_external_references")
    }

    assert expected
    assert records.keys() == expected.keys()
    for entry_id, record in records.items():
        record["account_id"] = record.pop("external_account_id")
        assert {name: record[name] for name in expected[entry_id]} == expected[entry_id]


def test_user_roles_are_the_members_of_roles(everything: tuple[Sandbox, Run]):
    """One record for each person of each role."""
    harvest, run = everything

    expected = {(role["id"], user) for role in harvest.rows("roles") for user in role["user_ids"]}

    records = run.records("user_roles")
    assert {(record["role_id"], record["user_id"]) for record in records} == expected


def test_a_list_of_many_pages_is_read_to_its_end(harvest: Sandbox, sync: Sync):
    """In both of Harvest's ways to count pages."""
    run = sync("time_entries", "clients", page_size=7)

    for stream in ("time_entries", "clients"):
        assert run.ids(stream) == {row["id"] for row in harvest.rows(stream)}


def test_only_what_is_selected_is_asked_for(harvest: Sandbox, sync: Sync):
    """A stream that nobody wants costs nothing."""
    run = sync("tasks")

    assert run.streams == ["tasks"]
    assert [request.path for request in harvest.requests][2:] == ["/v2/tasks"]


def test_a_child_is_read_without_its_parent(harvest: Sandbox, sync: Sync):
    """The parent's list is read, but only the child's records are written."""
    run = sync("invoice_line_items")

    assert run.streams == ["invoice_line_items"]
    assert list(run.bookmarks) == ["invoice_line_items"]
    assert harvest.requests[-1].path == "/v2/invoices"


def test_a_catalog_may_hold_the_child_alone(harvest: Sandbox, config: dict[str, Any]):
    """As a runner does that strikes out what is not selected."""
    catalog = selecting("estimate_line_items")
    catalog["streams"] = [
        entry for entry in catalog["streams"] if entry["tap_stream_id"] == "estimate_line_items"
    ]

    run = run_tap(TapHarvest(config=config, catalog=catalog))

    lines = [line["id"] for row in harvest.rows("estimates") for line in row["line_items"]]
    assert sorted(record["id"] for record in run.records("estimate_line_items")) == sorted(lines)


def test_a_key_that_nobody_knows_passes_through(harvest: Sandbox, sync: Sync):
    """Harvest adds keys without notice, and a record may lack any but its key."""
    harvest.switches.extra_keys = True
    harvest.switches.missing_keys = frozenset({"statement_key"})

    run = sync("clients")

    [clients] = [stream for stream in STREAMS if stream.name == "clients"]
    known = clients.schema["properties"].keys()
    for record in run.records("clients"):
        assert record.keys() - known
        assert "statement_key" not in record


def test_a_key_that_nobody_knows_passes_through_a_selection(
    harvest: Sandbox, config: dict[str, Any]
):
    """Leaving a field out does not leave others out."""
    harvest.switches.extra_keys = True
    catalog = selecting("clients")
    [entry] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == "clients"]
    for item in entry["metadata"]:
        if tuple(item["breadcrumb"]) == ("properties", "address"):
            item["metadata"]["selected"] = False

    run = run_tap(TapHarvest(config=config, catalog=catalog))

    expected = [
        {name: value for name, value in row.items() if name != "address"}
        for row in harvest.rows("clients")
    ]
    assert by_id(run.records("clients")) == by_id(expected)


def test_records_are_the_same_with_and_without_a_stream_map(sync: Sync):
    """Bytes that are handed on and records that are taken apart say the same."""
    streams = ("clients", "invoices", "invoice_line_items", "users_me", "company")
    neutral = {stream: {"id": "id"} for stream in streams if stream != "company"}
    neutral["company"] = {"name": "name"}

    verbatim = sync(*streams)
    mapped = sync(*streams, stream_maps=neutral)

    for stream in streams:
        assert mapped.records(stream) == verbatim.records(stream)


@pytest.mark.parametrize("alias", ["tasks", "kinds"])
def test_a_stream_map_changes_and_leaves_out_records(harvest: Sandbox, sync: Sync, alias: str):
    """The SDK's maps work, on names as on filters."""
    maps = {"tasks": {"__alias__": alias, "name": "name.upper()", "__filter__": "is_active"}}

    run = sync("tasks", stream_maps=maps)

    expected = {row["name"].upper() for row in harvest.rows("tasks") if row["is_active"]}
    assert {record["name"] for record in run.records(alias)} == expected


def test_a_tap_can_flatten(harvest: Sandbox, sync: Sync):
    """As the SDK does, for targets that cannot."""
    run = sync("contacts", flattening_enabled=True, flattening_max_depth=1)

    expected = {row["client"]["id"] for row in harvest.rows("contacts")}
    assert {record["client__id"] for record in run.records("contacts")} == expected


@pytest.mark.parametrize("maps", [{}, {"clients": {"id": "id"}}], ids=["bytes", "records"])
def test_numbers_keep_their_digits(
    script: Script, capfdbinary: pytest.CaptureFixture[bytes], maps: dict[str, Any]
):
    """What Harvest prints is what leaves, be it 5, 5.0 or more than a float can hold."""
    rates = '"a":5,"b":5.0,"c":0.10,"d":12345678901234567.891'
    script.says({"id": 1, "access_roles": ["administrator"]}).says({"name": "Example Works"})
    script.says(f'{{"clients":[{{"id":1,{rates}}}],"total_entries":1,"links":{{"next":null}}}}')
    tap = TapHarvest(
        config={
            "access_token": "secret",
            "account_id": 1,
            "api_url": script.url,
            "stream_maps": maps,
        },
        catalog=selecting("clients"),
    )

    tap.sync_all()
    tap.account.client.close()

    assert rates.encode() in capfdbinary.readouterr().out


def test_a_sync_goes_on_where_harvest_holds_it_back(harvest: Sandbox, sync: Sync):
    """Another program uses the budget up; each 429 is waited out, and nothing is missed."""
    harvest.switches.budgets = True
    harvest.switches.budget_requests = 8
    harvest.switches.general_window_seconds = 1

    run = sync("clients", page_size=1)

    assert run.ids("clients") == {row["id"] for row in harvest.rows("clients")}
    assert 429 in {request.status for request in harvest.requests}


def test_a_budget_that_both_sides_count_is_never_overdrawn(harvest: Sandbox):
    """Each window of Harvest's is filled, and no 429 is ever seen."""
    harvest.switches.budgets = True
    harvest.switches.budget_requests = 8
    harvest.switches.general_window_seconds = 1
    client = Client(
        api_url=harvest.api_url,
        identity_url=harvest.identity_url,
        sign_in=PersonalToken(harvest.token),
        user_agent="test",
        page_size=10,
    )
    client.use_account(int(harvest.account_id))
    client.budgets.general = Budget(8, 1)

    pages = list(client.pages("/time_entries", {}, stream="time_entries"))
    client.close()

    assert len(pages) == len(harvest.requests) == 30
    assert {request.status for request in harvest.requests} == {200}


def test_a_refused_token_ends_the_run(sync: Sync):
    """An empty account would be the worse answer."""
    with pytest.raises(FatalAPIError, match="refused the access token"):
        sync("tasks", access_token="wrong")


def test_the_only_account_is_found(harvest: Sandbox, config: dict[str, Any]):
    """Forecast's accounts do not count."""
    del config["account_id"]

    run = run_tap(TapHarvest(config=config, catalog=selecting("tasks", "company")))

    assert run.records("tasks")
    assert run.records("company")[0]["account_id"] == int(harvest.account_id)
    assert harvest.requests[0].path == "/api/v2/accounts"
    assert "harvest-account-id" not in harvest.requests[0].headers


def test_several_accounts_are_listed(harvest: Sandbox, config: dict[str, Any]):
    """So that one can be chosen."""
    harvest.switches.second_account = True
    del config["account_id"]

    with pytest.raises(ConfigValidationError, match="Set `account_id`") as caught:
        run_tap(TapHarvest(config=config, catalog=selecting("tasks")))

    assert str(harvest.account_id) in str(caught.value)
    assert harvest.company["name"] not in str(caught.value)


def test_a_long_list_tells_how_far_it_is(
    sync: Sync, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """Rows done and to do, requests used and left, and the time to go."""
    monkeypatch.setattr("tap_harvest.reading.progress.PROGRESS_SECONDS", 0)
    caplog.set_level(logging.INFO)

    sync("time_entries", page_size=100)

    lines = [record.message for record in caplog.records if "Reading:" in record.message]
    assert [line.split(" requests=")[0] for line in lines] == [
        f"Reading: stream=time_entries rows={rows} of=300" for rows in (100, 200, 300)
    ]
    assert lines[-1].endswith("requests=5 budget_left=95 seconds_to_go=0")


def test_the_program_is_set_by_its_environment(harvest: Sandbox):
    """Each setting has a variable."""
    run = program("--config=ENV", **settings(harvest))

    assert run.returncode == 0, run.stderr
    last = [json.loads(line) for line in run.stdout.splitlines()][-1]
    assert last["type"] in {"STATE", "RECORD"}
    assert harvest.requests[-1].query["per_page"] == "50"


def test_a_trial_reads_one_record_of_each_stream(harvest: Sandbox):
    """`--test` proves token, account and network."""
    run = program("--config=ENV", "--test", **settings(harvest))

    assert run.returncode == 0, run.stderr
    messages = [json.loads(line) for line in run.stdout.splitlines()]
    records = [message["stream"] for message in messages if message["type"] == "RECORD"]
    assert {stream.name for stream in STREAMS} == set(records)
    assert len([name for name in records if name == "clients"]) == 1


def test_a_trial_with_a_refused_token_fails(harvest: Sandbox):
    """And says what to do."""
    run = program(
        "--config=ENV", "--test", **settings(harvest) | {"TAP_HARVEST_ACCESS_TOKEN": "wrong"}
    )

    assert run.returncode == 1
    assert "Create a new one under Developers" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_the_program_reads_state_and_catalog_from_files(harvest: Sandbox, tmp_path: Path):
    """As Singer runners call it."""
    catalog, state = tmp_path / "catalog.json", tmp_path / "state.json"
    catalog.write_text(json.dumps(selecting("tasks")))
    bookmark = {
        "replication_key": "updated_at",
        "replication_key_value": "2020-01-01T00:00:00Z",
        "swept_at": instant_text(harvest.now),
        "version": 1,
    }
    state.write_text(json.dumps({"bookmarks": {"tasks": bookmark}}))

    run = program("--config=ENV", f"--catalog={catalog}", f"--state={state}", **settings(harvest))

    assert run.returncode == 0, run.stderr
    assert harvest.requests[-1].query["updated_since"] == "2019-12-31T23:55:00Z"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1], ids=lambda number: number.name
)
def test_a_run_that_is_stopped_is_no_success(harvest: Sandbox, number: signal.Signals):
    """It ends with the signal's number, and claims nothing that it did not read whole."""
    harvest.fail(path="/v2/time_entries", latency_seconds=20)
    environment = settings(harvest) | {"PATH": os.environ["PATH"]}
    with commands.Command(
        [commands.TAP, "--config=ENV"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        lines = [run.stdout.readline() for _ in range(5)]
        run.send_signal(number)
        lines += run.stdout.readlines()
        said = run.stderr.read()

    messages = [json.loads(line) for line in lines]
    last = [message["value"] for message in messages if message["type"] == "STATE"][-1:]
    assert run.returncode == 128 + number
    assert all("time_entries" not in state["bookmarks"] for state in last)
    assert b"Ended early; until then:" in said


def test_a_signal_that_is_ignored_stays_so(harvest: Sandbox):
    """As `nohup` has it, which lets a run outlive its terminal."""
    harvest.fail(path="/v2/company", latency_seconds=1)
    with subprocess.Popen(
        ["nohup", sys.executable, "-m", "tap_harvest", "--config=ENV"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=settings(harvest) | {"PATH": os.environ["PATH"]},
    ) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.send_signal(signal.SIGHUP)
        run.stdout.read()

    assert run.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Pipes have a size on Linux alone.")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_run_that_is_stopped_ends_with_a_whole_line(
    harvest: Sandbox, tmp_path: Path, unbuffered: str
):
    """Although what reads it is slow, so that it is stopped in the middle of one."""
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps(selecting("time_entries")))
    with commands.Command(
        [commands.TAP, "--config=ENV", f"--catalog={catalog}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=settings(harvest) | {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": unbuffered},
    ) as run:
        assert run.stdout is not None
        fcntl.fcntl(run.stdout, fcntl.F_SETPIPE_SZ, 16_384)
        waiting, before = array("i", [0]), -1
        while waiting[0] < 4096 or waiting[0] != before:  # Until the pipe is full.
            assert run.poll() is None
            before = waiting[0]
            time.sleep(0.3)
            fcntl.ioctl(run.stdout, termios.FIONREAD, waiting)
        run.terminate()
        time.sleep(0.2)
        written = run.stdout.read()

    assert run.returncode == 128 + signal.SIGTERM
    assert written.endswith(b"\n")
    assert all(json.loads(line)["type"] for line in written.splitlines())


def test_reports_wait_behind_everything_else(harvest: Sandbox):
    """Their budget can take a quarter of an hour, and the rest is there before that."""
    run = program("--config=ENV", **settings(harvest))

    assert run.returncode == 0, run.stderr
    is_report = ["/reports/" in request.path for request in harvest.requests]
    assert any(is_report)
    assert is_report == sorted(is_report)


def test_an_error_is_told_once(harvest: Sandbox):
    """Not again as one that nobody expected."""
    run = program("--config=ENV", **settings(harvest) | {"TAP_HARVEST_ACCESS_TOKEN": "wrong"})

    assert run.returncode == 1
    assert run.stderr.count("ERROR") == 1, run.stderr
    assert "unhandled" not in run.stderr


@pytest.mark.parametrize("way", ["sync_all", "run_connection_test", "run_sync_dry_run"])
@pytest.mark.parametrize("fails", [True, False])
def test_the_client_is_closed_where_the_run_ends(
    harvest: Sandbox, config: dict[str, Any], *, way: str, fails: bool
):
    """After an error as well; nothing waits for the collection of garbage."""
    if fails:
        harvest.fail(path="/v2/roles", status=400, times=None)
    tap = TapHarvest(config=config, catalog=selecting("roles"))

    with suppress(FatalAPIError):
        getattr(tap, way)()

    with pytest.raises(FatalAPIError, match="The client is closed"):
        tap.account.client.one("/company", stream="company")
