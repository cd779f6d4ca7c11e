"""The account as a whole: the same from the same seed, as a program, and under its switches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from harvest_sandbox import Sandbox
from harvest_sandbox.endpoints import endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Api

TESTS = Path(__file__).parents[1]
LISTS = [
    e.stream for e in endpoints().values() if e.kind == "list" and e.stream != "user_teammates"
]


def content(harvest: Sandbox) -> dict[str, list[dict[str, object]]]:
    """Every list of an account."""
    return {stream: harvest.rows(stream) for stream in LISTS}


def test_a_seed_decides_the_account(harvest_factory: Callable[..., Sandbox]):
    """The same seed and size give the same account; another seed gives another."""
    one = content(harvest_factory(seed=7))

    assert content(harvest_factory(seed=7)) == one
    assert content(harvest_factory(seed=8)) != one


@pytest.mark.parametrize("size", [0, 1, 50, 2500])
def test_accounts_come_in_any_size(harvest_factory: Callable[..., Sandbox], size: int):
    """An account has exactly the time entries that were asked for."""
    assert len(harvest_factory(time_entries=size).rows("time_entries")) == size


def test_nothing_lies_in_the_future(reading: Api):
    """No row was made or changed after the account's present moment."""
    now = f"{reading.harvest.now:%Y-%m-%dT%H:%M:%SZ}"

    for stream, rows in content(reading.harvest).items():
        assert max(str(row["updated_at"]) for row in rows) <= now, stream
        assert all(str(row["created_at"]) <= str(row["updated_at"]) for row in rows), stream


def test_an_unknown_switch_is_refused():
    """A misspelt switch is an error that names it and those there are."""
    with pytest.raises(
        TypeError, match=r"There is no switch lattency; the switches are .*latency_seconds"
    ):
        Sandbox(lattency=1)


def test_whole_numbers_print_as_the_switch_says(harvest: Sandbox, api: Api):
    """Decimals print with a point, or whole ones without."""
    with_point = api.get("/time_entries", per_page=2000).text
    harvest.switches.whole_numbers = "5"
    without = api.get("/time_entries", per_page=2000).text

    assert '"hours":1.0,' in with_point
    assert '"hours":1,' in without
    assert ".0," not in without
    assert json.loads(with_point) == json.loads(without)


def test_records_can_carry_unknown_keys(harvest: Sandbox, api: Api):
    """With the switch, every record has a key that no documentation names."""
    plain = api.get("/clients/4001").json()
    harvest.switches.extra_keys = True

    assert api.get("/clients/4001").json().keys() - plain.keys() == {"undocumented_key"}
    assert harvest.rows("clients")[0].keys() - plain.keys() == {"undocumented_key"}


def test_records_can_lack_documented_keys(harvest: Sandbox, api: Api):
    """With the switch, records lack the keys that it names."""
    harvest.switches.missing_keys = frozenset({"address", "rounded_hours"})

    assert "address" not in api.get("/clients").json()["clients"][0]
    assert "rounded_hours" not in api.get("/time_entries").json()["time_entries"][0]


@pytest.mark.parametrize("honoured", [True, False])
def test_roles_may_honour_updated_since(harvest: Sandbox, api: Api, honoured: bool):
    """The list of roles obeys or ignores `updated_since`."""
    harvest.switches.roles_updated_since = honoured

    roles = api.get("/roles", updated_since="2026-06-30T00:00:00Z").json()["roles"]

    assert len(roles) == (0 if honoured else 5)


def test_a_second_account_has_rows_of_its_own_with_the_same_ids(harvest: Sandbox, api: Api):
    """The header chooses; an edit of one account leaves the other as it was."""
    harvest.switches.second_account = True
    first = harvest.rows("clients")

    harvest.second.change("clients", first[0]["id"], name="Abroad")
    harvest.second.company["invoice_feature"] = False
    abroad = replace(api, account_id=harvest.second.account_id)
    shown = abroad.get("/clients").json()["clients"]

    assert shown == harvest.second.rows("clients")
    assert "Abroad" in {row["name"] for row in shown}
    assert {row["id"] for row in shown} & {row["id"] for row in first}
    assert api.get("/clients").json()["clients"] == harvest.rows("clients") == first
    assert abroad.get("/invoices").status_code == 403
    assert api.get("/invoices").status_code == 200


def test_a_second_account_is_not_reached_while_the_switch_is_off(harvest: Sandbox, api: Api):
    """As any account that the token does not reach."""
    abroad = replace(api, account_id=harvest.second.account_id)

    assert abroad.get("/clients").status_code == 401


def test_a_fault_can_concern_one_account(harvest: Sandbox, api: Api):
    """The other one goes on."""
    harvest.switches.second_account = True
    abroad = replace(api, account_id=harvest.second.account_id)
    harvest.fail(path="/v2/clients", account_id=abroad.account_id, status=500)

    assert api.get("/clients").status_code == 200
    assert abroad.get("/clients").status_code == 500


def test_links_can_point_elsewhere(harvest: Sandbox, api: Api):
    """With the switch, `links` name another host."""
    harvest.switches.links_url = "http://example.com/v2"

    links = api.get("/clients", per_page=2).json()["links"]

    assert links["next"].startswith("http://example.com/v2/clients?")


def test_times_of_day_follow_the_company(harvest: Sandbox, api: Api):
    """`started_time` reads 3:00pm or 15:00, as the company's clock setting says."""
    row = next(row for row in harvest.rows("time_entries") if "pm" in (row["ended_time"] or ""))
    harvest.company["clock"] = "24h"

    hour, minute = row["ended_time"].removesuffix("pm").split(":")
    expected = f"{int(hour) % 12 + 12}:{minute}"
    assert api.get(f"/time_entries/{row['id']}").json()["ended_time"] == expected


def test_the_account_runs_as_a_program():
    """The program prints where it listens as one line of JSON, and SIGTERM ends it well."""
    command = [sys.executable, "-m", "harvest_sandbox", "--time-entries", "50", "--budgets"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as program:
        assert program.stdout is not None
        ready = json.loads(program.stdout.readline())
        headers = {
            "Authorization": f"Bearer {ready['token']}",
            "Harvest-Account-Id": ready["account_id"],
            "User-Agent": "tests (tests@example.org)",
        }
        with requests.Session() as session:
            answer = session.get(f"{ready['api_url']}/time_entries", headers=headers, timeout=10)
        program.terminate()
        code = program.wait(10)

    assert answer.json()["total_entries"] == 50
    assert ready["api_url"] == f"{ready['identity_url']}/v2"
    assert code == 0
