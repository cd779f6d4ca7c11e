"""What an account does not have, or not show to the token: told plainly, and not fatal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_harvest.http.errors import UnavailableError
from tap_harvest.rights import Wanted, lacks
from tap_harvest.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_run import Run

    from harvest_sandbox import Sandbox

    Sync = Callable[..., Run]

TIME = Wanted("time_entries", "", ("id", "billable_rate", "cost_rate"), hides_rows=True)
USERS = Wanted("users", "", ("id", "default_hourly_rate", "cost_rate"), hides_rows=True)
TASKS = Wanted("tasks", "", ("id", "name"))
INVOICES = Wanted("invoices", "invoice_feature", ("id", "amount"))
LINES = Wanted("invoice_line_items", "invoice_feature", ("id", "amount"))


def test_an_administrator_of_an_open_account_lacks_nothing():
    """No warning where nothing is wrong."""
    company = {"is_active": True, "invoice_feature": True}

    assert list(lacks(900100, ["administrator"], company, [TIME, USERS, INVOICES])) == []
    assert list(lacks(900100, ["administrator"], {}, [TIME, INVOICES])) == []


def test_a_closed_account_is_told():
    """Nothing new comes of it, ever."""
    [line] = lacks(900100, ["administrator"], {"is_active": False}, [TIME])

    assert line.startswith("Account 900100 is closed (is_active of /company is false)")


def test_a_module_that_is_off_is_told_with_its_streams():
    """Once, and only where one of them is to be read."""
    company = {"invoice_feature": False, "estimate_feature": False}

    [line] = lacks(900100, ["administrator"], company, [TIME, INVOICES, LINES])

    assert "invoice module is off in account 900100 (invoice_feature is false)" in line
    assert "nothing comes of invoices, invoice_line_items." in line


@pytest.mark.parametrize(
    ("roles", "columns"),
    [
        (["member"], "cost_rate (time_entries, users), billable_rate (time_entries), default_"),
        (["manager"], "cost_rate (time_entries, users), billable_rate (time_entries), default_"),
        (["manager", "billable_rates_manager"], "cost_rate (time_entries, users)."),
    ],
)
def test_who_is_no_administrator_lacks_rows_and_rates(roles: list[str], columns: str):
    """Which streams and which columns, since Harvest says nothing."""
    rows, rates = lacks(900100, roles, {}, [TIME, USERS, TASKS])

    assert "not an administrator's of account 900100" in rows
    assert "what its owner may not see of time_entries, users." in rows
    assert "stays downstream" in rows
    assert columns in rates


def test_who_reads_no_rates_lacks_none():
    """One line for one reason."""
    assert len(list(lacks(900100, ["member"], {}, [TASKS]))) == 1


def test_rights_that_harvest_does_not_tell_are_told():
    """Nothing is then taken for deleted, which nobody would notice."""
    [line] = lacks(900100, None, {}, [TIME])

    assert "does not say what the access token's owner may do" in line


def test_the_streams_that_hide_rows_are_declared():
    """As Harvest's documentation and real answers tell."""
    assert {stream.name for stream in STREAMS if stream.hides_rows} == {
        *("time_entries", "expenses", "projects", "users"),
        *("project_user_assignments", "project_task_assignments", "user_project_assignments"),
        *("uninvoiced_report", "project_budget_report"),
        *("expense_clients_report", "expense_projects_report", "expense_categories_report"),
        *("expense_team_report", "time_clients_report", "time_projects_report"),
        *("time_tasks_report", "time_team_report"),
    }


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the tap warned of."""
    return [record.message for record in caplog.records if record.levelname == "WARNING"]


def test_a_module_that_is_off_is_skipped_with_one_warning(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Its lists are not asked for, its tables stay as they are, the rest is read."""
    harvest.company["invoice_feature"] = False

    run = sync("invoices", "invoice_line_items", "invoice_payments", "tasks")

    [line] = warnings(caplog)
    assert "invoices, invoice_line_items, invoice_payments." in line
    assert run.streams == ["tasks"]
    assert "/v2/invoices" not in {request.path for request in harvest.requests}


UNDOCUMENTED = (
    *("invoice_item_categories", "estimate_item_categories", "expense_categories"),
    *("expense_clients_report", "expense_projects_report", "expense_categories_report"),
    *("expense_team_report", "uninvoiced_report", "user_teammates"),
)
"""The streams that seem to belong to a module, though no source states it."""


@pytest.mark.parametrize("answer", ["403", "404", "shown"])
def test_a_switch_that_harvest_does_not_document_stops_no_request(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, answer: Any
):
    """Harvest is asked; only its refusal skips such a stream."""
    switches = {name: False for name in harvest.company if name.endswith("_feature")}
    harvest.company.update(switches)
    harvest.switches.inferred_modules = answer != "shown"
    harvest.switches.disabled_module = answer

    run = sync(*UNDOCUMENTED, "tasks")

    if answer == "shown":
        assert warnings(caplog) == []
        assert set(run.streams) == {*UNDOCUMENTED, "tasks"}
    else:
        skipped = [line.split(" missing=")[0] for line in warnings(caplog)]
        expected = [f"Skipped, with its bookmark kept: stream={name}" for name in UNDOCUMENTED]
        assert sorted(skipped) == sorted(expected)
        assert run.streams == ["tasks"]


def test_a_closed_account_is_read(harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture):
    """As far as Harvest still shows it."""
    harvest.company["is_active"] = False

    run = sync("tasks")

    [line] = warnings(caplog)
    assert "is closed" in line
    assert run.ids("tasks") == {row["id"] for row in harvest.rows("tasks")}


@pytest.mark.parametrize("withheld", ["null", "absent"])
def test_a_manager_s_token_reads_what_it_may(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, withheld: Any
):
    """With a line for what is cut, one for what is empty, and one for each list that is hidden."""
    harvest.switches.withheld = withheld
    streams = ("time_entries", "users", "roles", "user_roles", "user_cost_rates", "tasks")

    run = sync(*streams, access_token=harvest.token_for("manager"))

    rows, rates, *skipped = warnings(caplog)
    assert "not see of time_entries, users." in rows
    assert "cost_rate (time_entries, users)" in rates
    assert [line.split(" reason=")[0].split("stream=")[1] for line in skipped] == [
        "tasks missing=tasks",
        "roles missing=roles, user_roles",
        "user_cost_rates missing=user_cost_rates",
    ]
    first, *others = [line.split(" reason=")[1] for line in skipped]
    assert "Use an administrator's token" in first
    assert others == ["as of tasks"] * 2
    assert run.streams == ["time_entries", "users"]
    everything = {row["id"] for row in harvest.rows("time_entries")}
    assert run.ids("time_entries") < everything
    assert {record.get("cost_rate") for record in run.records("time_entries")} == {None}


ASSIGNED = ("user_project_assignments", "user_project_tasks")


def a_member_of_projects(harvest: Sandbox) -> dict[str, Any]:
    """A person without any right but to work in some projects."""
    rows = harvest.rows("project_user_assignments")
    assigned = {row["user"]["id"] for row in rows if row["is_active"]}
    members = (row for row in harvest.rows("users") if row["access_roles"] == ["member"])
    return next(row for row in members if row["id"] in assigned)


@pytest.mark.parametrize("with_users", [True, False])
def test_a_member_s_token_reads_its_own_assignments(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, *, with_users: bool
):
    """Harvest shows no list of people, but to each person where they can work."""
    member = a_member_of_projects(harvest)
    token = harvest.token_for(member["id"])
    streams = [*ASSIGNED, *(["users"] if with_users else [])]

    runs = [sync(*streams, access_token=token)]
    runs.append(sync(*streams, access_token=token, state={"bookmarks": {}}))

    for run in runs:
        rows = run.records("user_project_assignments")
        assert {row["user_id"] for row in rows} == {member["id"]}
        assert {row["id"] for row in rows} == {
            row["id"]
            for row in harvest.rows("project_user_assignments")
            if row["user"]["id"] == member["id"] and row["is_active"]
        }
        assert {row["user_assignment_id"] for row in run.records("user_project_tasks")} == {
            row["id"] for row in rows if row["task_assignments"]
        }
        assert run.bookmarks == {}
        assert run.activated == {}
    skipped = [line for line in warnings(caplog) if line.startswith("Skipped")]
    assert len(skipped) == (2 if with_users else 0)
    assert all("missing=users reason=" in line for line in skipped)
    assert caplog.text.count("users to the token, so only the rows of its owner are read") == 2


def test_a_member_s_assignments_come_with_their_account(harvest: Sandbox, sync: Sync):
    """Where several accounts are read, each shows its own."""
    harvest.switches.second_account = True
    member = a_member_of_projects(harvest)

    run = sync(
        *ASSIGNED,
        access_token=harvest.token_for(member["id"]),
        account_id=None,
        account_ids=[900100, 900101],
    )

    rows = run.records("user_project_assignments")
    assert {(row["account_id"], row["user_id"]) for row in rows} == {
        (900100, member["id"]),
        (900101, member["id"]),
    }


def test_a_member_s_assignments_may_be_withheld_as_well(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Then they are skipped like any other list."""
    harvest.fail(path="/v2/users/me/project_assignments", status=403, times=None)

    run = sync(*ASSIGNED, "tasks", "users_me", access_token=harvest.token_for("member"))

    assert run.streams == ["users_me"]
    assert "stream=user_project_assignments missing=user_project_assignments, " in caplog.text


def test_a_list_of_people_that_is_not_shown_can_end_a_member_s_run(harvest: Sandbox, sync: Sync):
    """For those who would rather know."""
    with pytest.raises(UnavailableError, match="/v2/users,"):
        sync(*ASSIGNED, access_token=harvest.token_for("member"), on_forbidden="fail")


def test_an_administrator_s_token_gets_no_warning(sync: Sync, caplog: pytest.LogCaptureFixture):
    """Of anything."""
    sync()

    assert warnings(caplog) == []


def test_a_person_without_roles_is_told(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Harvest has changed, or shows less."""
    harvest.fail(path="/v2/users/me", rewrite=without_roles)

    run = sync("tasks")

    [line] = warnings(caplog)
    assert "nothing is taken for deleted" in line
    assert "ACTIVATE_VERSION" not in {message["type"] for message in run.messages}


def without_roles(body: bytes) -> bytes:
    """A person as Harvest shows them, without their roles."""
    person = json.loads(body)
    del person["access_roles"]
    return json.dumps(person).encode()


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_that_is_not_shown_is_skipped(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, status: int
):
    """With a warning that names it, its bookmark kept, and everything else read."""
    before = {
        "replication_key": "updated_at",
        "replication_key_value": "2020-01-01T00:00:00Z",
    }
    harvest.fail(status=status, path="/v2/contacts", times=None)

    run = sync("contacts", "tasks", state={"bookmarks": {"contacts": before}})

    assert "Skipped, with its bookmark kept: stream=contacts" in caplog.text
    assert run.streams == ["tasks"]
    assert run.states[-1]["bookmarks"]["contacts"] == before


def test_a_list_that_is_not_shown_can_end_the_run(harvest: Sandbox, sync: Sync):
    """For those who would rather know."""
    harvest.fail(status=403, path="/v2/contacts", times=None)

    with pytest.raises(UnavailableError, match="contacts"):
        sync("contacts", on_forbidden="fail")


def test_a_company_that_is_not_shown_is_skipped(harvest: Sandbox, sync: Sync):
    """Not all who may read time may read the company."""
    harvest.fail(status=403, path="/v2/company", times=None)

    run = sync("company", "invoices", "tasks")

    assert sorted(run.streams) == ["invoices", "tasks"]
