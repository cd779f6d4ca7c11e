"""Several accounts in one run: whose rows are whose, and what is known of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError, FatalAPIError
from tap_run import Run, landed, run_tap, selecting

from harvest_sandbox import Sandbox
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Sync = Callable[..., Run]

FIRST, SECOND = 900100, 900101
DAY = 24 * 3600
REPORTS = [stream.name for stream in STREAMS if stream.name.endswith("_report")]
LISTS = [stream.name for stream in STREAMS if stream.name not in REPORTS]


@pytest.fixture
def config(harvest: Sandbox, config: dict[str, Any]) -> dict[str, Any]:
    """Settings by which a tap reads both stand-in accounts."""
    harvest.switches.second_account = True
    del config["account_id"]
    return {**config, "account_ids": [FIRST, SECOND], "report_start_date": "2026-06-01"}


@pytest.fixture(scope="module")
def everything() -> Iterator[tuple[Sandbox, Run]]:
    """Two small accounts, and a first sync of both."""
    with Sandbox(time_entries=60, second_account=True) as harvest:
        config = {
            "access_token": harvest.token,
            "account_ids": [FIRST, SECOND],
            "api_url": harvest.api_url,
            "identity_url": harvest.identity_url,
            "report_start_date": "2026-06-01",
        }
        costly = ("user_", "invoice_messages", "invoice_payments", "estimate_messages")
        streams = [stream.name for stream in STREAMS if not stream.name.startswith(costly)]
        yield harvest, run_tap(TapHarvest(config=config, catalog=selecting(*streams)))


def owned(account_id: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the tap writes them."""
    return sorted(({"account_id": account_id, **row} for row in rows), key=lambda row: row["id"])


def found(stream: str, account_id: int, *runs: Run) -> set[int]:
    """The ids that a target holds of an account after some runs."""
    return {row["id"] for row in landed(*runs)[stream].values() if row["account_id"] == account_id}


def ids(account: Any, stream: str) -> set[int]:
    """The ids of what an account holds now."""
    return {row["id"] for row in account.rows(stream)}


def deletable(account: Any, stream: str = "contacts") -> int:
    """The id of a row that may be deleted."""
    return min(ids(account, stream))


def asked(harvest: Sandbox, path: str) -> list[tuple[str, bool]]:
    """The accounts that a list was asked of, and whether for changes only."""
    return [
        (request.headers["harvest-account-id"], "updated_since" in request.query)
        for request in harvest.requests
        if request.path == path
    ]


# Whose rows are whose.


@pytest.mark.parametrize("stream", ["clients", "time_entries", "invoices", "roles", "tasks"])
def test_rows_of_both_accounts_are_there_under_their_own_keys(
    everything: tuple[Sandbox, Run], stream: str
):
    """Also where both have a row of the same id."""
    harvest, run = everything
    accounts = {FIRST: harvest, SECOND: harvest.second}

    rows = landed(run)[stream]

    assert ids(harvest, stream) & ids(harvest.second, stream)
    for account_id, account in accounts.items():
        mine = [row for key, row in rows.items() if key[0] == account_id]
        assert sorted(mine, key=lambda row: row["id"]) == owned(account_id, account.rows(stream))


def test_every_record_begins_with_its_account(everything: tuple[Sandbox, Run]):
    """Lists, objects, what is made from records, and reports."""
    _, run = everything

    assert {"company", "users_me", "invoice_line_items", "time_team_report"} < set(run.streams)
    for stream in run.streams:
        firsts = {next(iter(record.items())) for record in run.records(stream)}
        assert firsts == {("account_id", FIRST), ("account_id", SECOND)}, stream


def test_every_key_begins_with_the_account(everything: tuple[Sandbox, Run]):
    """It is an integer, never null, in schema and catalog alike."""
    _, run = everything
    schemas = [message for message in run.messages if message["type"] == "SCHEMA"]
    catalog = TapHarvest(validate_config=False, config={"account_ids": [FIRST]}).catalog_dict

    entries = [(entry["schema"], entry["key_properties"]) for entry in catalog["streams"]]
    assert len(entries) == len(STREAMS)
    for schema, keys in [*entries, *((one["schema"], one["key_properties"]) for one in schemas)]:
        assert keys[0] == "account_id"
        assert keys.count("account_id") == 1
        assert next(iter(schema["properties"])) == "account_id"
        assert schema["properties"]["account_id"]["type"] == ["integer"]
        assert schema["required"] == keys


def test_accounts_are_read_one_after_the_other_within_a_stream(everything: tuple[Sandbox, Run]):
    """So that its version is activated once, after the last of them."""
    _, run = everything
    messages = [
        (message["type"], message.get("record", {}).get("account_id"))
        for message in run.messages
        if message.get("stream") == "clients"
    ]

    assert list(dict.fromkeys(messages)) == [
        ("SCHEMA", None),
        ("RECORD", FIRST),
        ("RECORD", SECOND),
        ("ACTIVATE_VERSION", None),
    ]
    assert messages.count(("ACTIVATE_VERSION", None)) == 1
    assert len(run.versions("clients")) == 1


def test_digits_stay_as_harvest_sent_them(config: dict[str, Any], harvest: Sandbox):
    """A field is added to the bytes; the others are not taken apart."""
    entry = harvest.add("time_entries", hours=1.0, notes='Ü\n"')

    run = run_tap(TapHarvest(config=config, catalog=selecting("time_entries")))

    [record] = [
        record
        for record in run.records("time_entries")
        if (record["account_id"], record["id"]) == (FIRST, entry["id"])
    ]
    assert record == {"account_id": FIRST, **entry}
    assert isinstance(record["hours"], float)


def test_one_account_alone_can_say_whose_its_rows_are(sync: Sync):
    """For whoever will add another one."""
    run = sync("clients", account_ids=[FIRST])

    assert {record["account_id"] for record in run.records("clients")} == {FIRST}
    assert list(run.states[-1]["bookmarks"]["clients"]) == ["accounts"]


def test_a_catalog_of_a_time_before_keeps_no_rows_apart(config: dict[str, Any]):
    """Its keys would let the rows of one account replace those of the other."""
    old = selecting("clients")
    assert list(old["streams"][0]["key_properties"]) == ["id"]

    run = run_tap(TapHarvest(config=config, catalog=old))

    [schema] = [message for message in run.messages if message["type"] == "SCHEMA"]
    assert schema["key_properties"] == ["account_id", "id"]
    assert schema["schema"]["properties"]["account_id"]["type"] == ["integer"]


@pytest.mark.parametrize("stream", ["clients", "company", "time_team_report"])
def test_a_catalog_of_several_accounts_serves_one(config: dict[str, Any], stream: str):
    """Its keys would name an account that no record has."""
    several = TapHarvest(config=config, catalog=selecting(stream)).catalog_dict
    keys = {entry["tap_stream_id"]: entry["key_properties"] for entry in several["streams"]}
    assert keys[stream][0] == "account_id"
    alone = {**config, "account_id": FIRST}
    del alone["account_ids"]

    run = run_tap(TapHarvest(config=alone, catalog=several))

    plain = run_tap(TapHarvest(config=alone, catalog=selecting(stream)))
    assert run.messages[0] == plain.messages[0]
    assert run.records(stream) == plain.records(stream)


# What is known of each.


def test_each_account_has_its_own_bookmark(harvest: Sandbox, sync: Sync):
    """A change of one is read, and no more than changes are asked of the other."""
    first = sync("clients")
    harvest.advance(seconds=DAY / 2)
    changed = harvest.second.change("clients", min(ids(harvest.second, "clients")), name="New")
    harvest.requests.clear()

    second = sync("clients", state=first.states[-1])

    assert asked(harvest, "/v2/clients") == [(str(FIRST), True), (str(SECOND), True)]
    assert {"account_id": SECOND, **changed} in second.records("clients")
    entries = second.states[-1]["bookmarks"]["clients"]["accounts"]
    assert entries[str(SECOND)]["replication_key_value"] == changed["updated_at"]
    assert entries[str(FIRST)]["replication_key_value"] < changed["updated_at"]
    assert second.versions("clients") == first.versions("clients")


def test_an_error_names_the_account(harvest: Sandbox, sync: Sync):
    """By its id, beside the stream."""
    harvest.fail(path="/v2/clients", account_id=str(SECOND), status=422)

    with pytest.raises(FatalAPIError, match=f'stream "clients", account {SECOND}'):
        sync("clients")


@pytest.mark.parametrize("stream", ["invoice_payments", "user_project_assignments"])
def test_lists_below_records_resume_by_account(harvest: Sandbox, sync: Sync, stream: str):
    """What hangs below the rows of one account is asked of that account."""
    first = sync(stream)
    harvest.advance(seconds=DAY / 2)
    harvest.requests.clear()

    second = sync(stream, state=first.states[-1])

    for account_id, account in ((FIRST, harvest), (SECOND, harvest.second)):
        # Harvest shows people only the projects that are current.
        there = {row["id"] for row in account.rows(stream) if row.get("is_active", True)}
        assert found(stream, account_id, first) == there
        entry = second.states[-1]["bookmarks"][stream]["accounts"][str(account_id)]
        assert entry["swept_at"] == "2026-06-30T12:00:00Z"
    assert stream not in second.activated


def test_reports_resume_by_account(sync: Sync, caplog: pytest.LogCaptureFixture):
    """Each has its windows, and what they will take is told once, for both."""
    caplog.set_level("INFO")
    first = sync("time_team_report", report_start_date="2026-04-01")

    second = sync("time_team_report", report_start_date="2026-04-01", state=first.states[-1])

    entries = second.states[-1]["bookmarks"]["time_team_report"]["accounts"]
    assert entries.keys() == {str(FIRST), str(SECOND)}
    assert {entry["replication_key_value"] for entry in entries.values()} == {"2026-05-31"}
    lines = [record.message for record in caplog.records if "Reports to read" in record.message]
    assert ["requests=6" in line for line in lines] == [True, False]
    assert ["requests=4" in line for line in lines] == [False, True]
    assert landed(first, second) == landed(first)


@pytest.mark.parametrize("stream", ["time_team_report", "clients", "invoice_payments"])
@pytest.mark.parametrize("are_several", [True, False])
def test_a_state_of_the_other_setting_is_not_used(
    sync: Sync, caplog: pytest.LogCaptureFixture, stream: str, *, are_several: bool
):
    """Its tables have other keys: a warning says so, and the stream is read from the beginning."""
    alone: dict[str, Any] = {"account_ids": None, "account_id": FIRST}
    before, now, names = (
        (alone, {}, ("`account_id`", "`account_ids`"))
        if are_several
        else ({}, alone, ("`account_ids`", "`account_id`"))
    )
    whole = sync(stream, **now)
    first = sync(stream, **before)
    assert "another key" not in caplog.text

    second = sync(stream, state=first.states[-1], **now)

    assert second.records(stream) == whole.records(stream)
    assert second.states[-1] == whole.states[-1]
    [line] = [record.message for record in caplog.records if "another key" in record.message]
    assert f"was made with {names[0]}, and now the settings have {names[1]}." in line
    assert f": {stream}. " in line


def test_an_account_that_is_added_is_read_whole(harvest: Sandbox, sync: Sync):
    """And its rows come beside the others, none of which is taken for deleted."""
    first = sync("contacts", account_ids=[FIRST])
    harvest.advance(seconds=3600)

    second = sync("contacts", state=first.states[-1])

    for account_id, account in ((FIRST, harvest), (SECOND, harvest.second)):
        assert found("contacts", account_id, first, second) == ids(account, "contacts")
    assert "contacts" in second.activated


def test_an_account_that_is_taken_out_keeps_its_rows(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Nobody knows which of them are still there; a warning says how to remove them."""
    first = sync("contacts")
    harvest.delete("contacts", deletable(harvest))
    harvest.advance(seconds=2 * DAY)

    second = sync("contacts", account_ids=[FIRST], state=first.states[-1])
    third = sync("contacts", account_ids=[FIRST])

    assert f"not in `account_ids`: {SECOND}." in caplog.text
    assert second.activated == {}
    assert found("contacts", SECOND, first, second) == ids(harvest.second, "contacts")
    assert found("contacts", SECOND, first, second, third) == set()
    assert found("contacts", FIRST, first, second, third) == ids(harvest, "contacts")


# What was deleted.


def test_what_is_deleted_in_one_account_leaves_the_rows_of_the_other(harvest: Sandbox, sync: Sync):
    """Though they have the same id."""
    first = sync("contacts", "roles", "user_roles")
    gone = deletable(harvest.second)
    assert gone in ids(harvest, "contacts")
    harvest.second.delete("contacts", gone)
    harvest.second.delete("roles", min(ids(harvest.second, "roles")))
    harvest.advance(seconds=2 * DAY)

    second = sync("contacts", "roles", "user_roles", state=first.states[-1])

    for stream in ("contacts", "roles"):
        for account_id, account in ((FIRST, harvest), (SECOND, harvest.second)):
            assert found(stream, account_id, first, second) == ids(account, stream)


def test_all_accounts_are_reconciled_when_one_is_due(harvest: Sandbox, sync: Sync):
    """They share a table, of which a version is activated."""
    first = sync("contacts")
    state = first.states[-1]
    state["bookmarks"]["contacts"]["accounts"][str(SECOND)]["swept_at"] = "2026-06-01T00:00:00Z"
    harvest.advance(seconds=3600)
    harvest.delete("contacts", deletable(harvest))
    harvest.requests.clear()

    second = sync("contacts", state=state)

    assert asked(harvest, "/v2/contacts") == [(str(FIRST), False), (str(SECOND), False)]
    assert found("contacts", FIRST, first, second) == ids(harvest, "contacts")


def test_a_reconcile_that_stops_anywhere_removes_no_row_that_is_there(
    harvest: Sandbox, config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]
):
    """Until all accounts were read whole, nobody knows what is gone; the next run finds out."""
    streams = ("contacts", "roles", "user_roles")
    catalog = selecting(*streams)

    def sync(state: dict[str, Any] | None) -> Run:
        tap = TapHarvest(config={**config, "page_size": 10}, catalog=catalog, state=state)
        try:
            tap.sync_all()
        except FatalAPIError:
            pass
        finally:
            tap.account.client.close()
        return Run([json.loads(line) for line in capfdbinary.readouterr().out.splitlines()])

    first = sync(None)
    for account in (harvest, harvest.second):
        account.delete("contacts", deletable(account))
        account.delete("roles", deletable(account, "roles"))
    harvest.advance(seconds=2 * DAY)
    harvest.requests.clear()
    whole = landed(sync(None))
    requests = len(harvest.requests)

    for position in range(requests):
        harvest.faults.clear()
        harvest.fail(status=401, after=position)
        stopped = sync(first.states[-1])
        harvest.faults.clear()
        harvest.advance(seconds=60)
        kept = stopped.until_last_state()
        resumed = sync((kept if kept.states else first).states[-1])

        for stream in streams:
            assert landed(first, stopped)[stream].items() >= whole[stream].items(), position
            assert landed(first, kept, resumed)[stream] == whole[stream], position
    assert requests > 10


def test_an_account_that_was_read_and_offers_a_module_no_more_keeps_its_rows(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """It was skipped, so nothing is removed; the warning names the account by its id."""
    first = sync("invoices")
    harvest.second.company["invoice_feature"] = False
    harvest.advance(seconds=2 * DAY)

    second = sync("invoices", state=first.states[-1])

    assert "invoice module is off in account 900101" in caplog.text
    assert harvest.company["name"] not in caplog.text
    assert "invoices" not in second.activated
    assert found("invoices", SECOND, first, second) == ids(harvest.second, "invoices")


def test_an_account_that_never_offered_a_module_holds_nothing_up(harvest: Sandbox, sync: Sync):
    """There are no rows of it that could be taken for deleted."""
    harvest.second.company["invoice_feature"] = False
    first = sync("invoices")
    harvest.advance(seconds=3600)
    harvest.requests.clear()

    second = sync("invoices", state=first.states[-1])

    assert "invoices" in first.activated
    assert "invoices" not in second.activated
    assert asked(harvest, "/v2/invoices") == [(str(FIRST), True)]


def test_a_list_that_one_account_does_not_show_is_skipped_there(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """The other is read, its bookmark moves, and nothing is removed."""
    harvest.fail(path="/v2/clients", account_id=str(FIRST), status=403, times=None)

    run = sync("clients", "tasks")

    assert {record["account_id"] for record in run.records("clients")} == {SECOND}
    assert {record["account_id"] for record in run.records("tasks")} == {FIRST, SECOND}
    assert run.states[-1]["bookmarks"]["clients"]["accounts"].keys() == {str(SECOND)}
    assert "clients" not in run.activated
    assert "tasks" in run.activated
    assert "stream=clients account=900100" in caplog.text


def test_a_token_that_sees_a_part_of_one_account_removes_nothing(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Whose administrator it is, is told by account."""
    user = min(ids(harvest.second, "users"))
    harvest.second.change("users", user, access_roles=["manager"])

    run = sync("tasks", "time_entries", "users")

    assert found("users", SECOND, run) < ids(harvest.second, "users")
    assert "administrator's of account 900101" in caplog.text
    assert "administrator's of account 900100" not in caplog.text
    assert run.activated == {}


# Which accounts there are.


def test_an_account_that_the_token_does_not_reach_is_named_before_anything_is_written(
    harvest: Sandbox, config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]
):
    """With those that it does; Forecast's are none."""
    tap = TapHarvest(config={**config, "account_ids": [FIRST, 900200, 900300]}, state={})

    with pytest.raises(ConfigValidationError) as caught:
        tap.sync_all()
    tap.account.client.close()

    text = str(caught.value)
    assert "does not reach 900200, 900300 of `account_ids`" in text
    assert "reaches are: 900100, 900101." in text
    assert [request.path for request in harvest.requests] == ["/api/v2/accounts"]
    assert capfdbinary.readouterr().out == b""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"account_id": FIRST, "account_ids": [SECOND]}, "Both `account_id` and `account_ids`"),
        ({"account_ids": []}, "`account_ids` is empty"),
        ({"account_ids": [FIRST, str(FIRST)]}, "names 900100 more than once"),
        ({"account_ids": FIRST}, "`account_ids` is not a list of the numbers"),
        ({"account_ids": [FIRST, "mine"]}, "`account_ids` is not a list of the numbers"),
    ],
    ids=["both", "empty", "twice", "one", "no number"],
)
def test_accounts_that_cannot_be_right_are_named(settings: dict[str, Any], sentence: str):
    """Before the first request."""
    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={"access_token": "71001.pt.secret", **settings})

    [text] = caught.value.errors
    assert sentence in text


@pytest.mark.parametrize("text", ["[900100, 900101]", '["900100", "900101"]'])
def test_accounts_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str):
    """As JSON."""
    monkeypatch.setenv("TAP_HARVEST_ACCOUNT_IDS", text)

    tap = TapHarvest(config={"access_token": "71001.pt.secret"}, parse_env_config=True)

    assert [account.id for account in tap.accounts.all] == [FIRST, SECOND]


@pytest.mark.parametrize(
    "entry", [{"accounts": []}, {"accounts": {"mine": {}}}, {"accounts": {"900100": []}}]
)
def test_bookmarks_of_accounts_that_are_none_are_read_from_the_beginning(
    sync: Sync, entry: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    """With a warning, as any other bookmark that cannot be used."""
    run = sync("tasks", state={"bookmarks": {"tasks": entry}})

    assert "A bookmark cannot be used" in caplog.text
    assert "tasks" in run.activated
