"""What an edit through the handle moves, and what goes with a deleted row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harvest_sandbox import Move

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Api
    from harvest_sandbox import Sandbox

TABLES = (
    *("clients", "contacts", "invoices", "invoice_messages", "invoice_payments"),
    *("invoice_item_categories", "estimates", "estimate_messages", "estimate_item_categories"),
    *("expenses", "expense_categories", "tasks", "time_entries", "projects"),
    *("project_user_assignments", "project_task_assignments", "roles", "users"),
    *("user_billable_rates", "user_cost_rates"),
)


def first(harvest: Sandbox, stream: str, **values: Any) -> dict[str, Any]:
    """The first row of a list that has these values."""
    return next(
        row
        for row in harvest.rows(stream)
        if all(row[name] == value for name, value in values.items())
    )


@pytest.mark.parametrize("stream", TABLES)
def test_a_row_can_be_added_with_nothing_given(harvest: Sandbox, stream: str):
    """A new row gets an id of its own, the present moment, and believable values."""
    harvest.advance(seconds=60)
    before = {row["id"] for row in harvest.rows(stream)}

    row = harvest.add(stream)

    assert row["id"] not in before
    assert row in harvest.rows(stream)
    assert row["created_at"] == row["updated_at"] == f"{harvest.now:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("stream", [name for name in TABLES if name != "roles"])
def test_a_change_moves_its_row_and_no_other_of_its_list(harvest: Sandbox, stream: str):
    """`updated_at` of the changed row moves to the present, and the rest of the list stays."""
    harvest.advance(seconds=60)
    rows = harvest.rows(stream)
    target = rows[len(rows) // 2]

    changed = harvest.change(stream, target["id"])

    assert changed == {**target, "updated_at": f"{harvest.now:%Y-%m-%dT%H:%M:%SZ}"}
    assert [row for row in harvest.rows(stream) if row["id"] != target["id"]] == [
        row for row in rows if row["id"] != target["id"]
    ]


def test_an_unknown_field_is_refused(harvest: Sandbox):
    """A misspelt field is an error that names it and those there are."""
    with pytest.raises(TypeError, match=r"Client has no nmae; its fields are .*name"):
        harvest.add("clients", nmae="x")
    with pytest.raises(KeyError, match="customers is not a table"):
        harvest.add("customers")


def moved(harvest: Sandbox, edit: Callable[[Sandbox], object]) -> set[tuple[str, int]]:
    """The rows that were there before an edit and whose `updated_at` it moved."""
    before = {(name, row["id"]): row["updated_at"] for name in TABLES for row in harvest.rows(name)}
    harvest.advance(seconds=60)
    edit(harvest)
    after = {(name, row["id"]): row["updated_at"] for name in TABLES for row in harvest.rows(name)}
    return {key for key in before.keys() & after.keys() if before[key] != after[key]}


OPEN_INVOICE = 13_000_002
CLIENT_OF_DRAFT = 4_001
SENT_ESTIMATE = 1_000_002


def entry_and_client(harvest: Sandbox) -> tuple[int, int]:
    """An entry that can be billed, and its client."""
    row = first(harvest, "time_entries", is_billed=False, billable=True)
    return row["id"], row["client"]["id"]


MOVES: dict[Move, tuple[Callable[[Sandbox], object], Callable[[Sandbox], set[tuple[str, int]]]]] = {
    Move.PAYMENT_RECORDED: (
        lambda h: h.add("invoice_payments", invoice_id=OPEN_INVOICE, amount=1.0),
        lambda _: {("invoices", OPEN_INVOICE)},
    ),
    Move.INVOICE_SENT: (
        lambda h: h.add("invoice_messages", invoice_id=OPEN_INVOICE, event_type="send"),
        lambda _: {("invoices", OPEN_INVOICE)},
    ),
    Move.INVOICE_MAILED_AGAIN: (
        lambda h: h.add("invoice_messages", invoice_id=OPEN_INVOICE),
        lambda _: {("invoices", OPEN_INVOICE)},
    ),
    Move.INVOICE_PLAIN_MESSAGE: (
        lambda h: h.add("invoice_messages", invoice_id=OPEN_INVOICE, reminder=True),
        lambda _: {("invoices", OPEN_INVOICE)},
    ),
    Move.ESTIMATE_SENT: (
        lambda h: h.add("estimate_messages", estimate_id=SENT_ESTIMATE, event_type="accept"),
        lambda _: {("estimates", SENT_ESTIMATE)},
    ),
    Move.INVOICE_MADE: (
        lambda h: h.add("invoices", client_id=4_002),
        lambda _: {("clients", 4_002)},
    ),
    Move.ESTIMATE_MADE: (
        lambda h: h.add("estimates", client_id=4_002),
        lambda _: {("clients", 4_002)},
    ),
    Move.MESSAGE_DELETED: (
        lambda h: h.delete("estimate_messages", 2_600_001),
        lambda _: {("estimates", SENT_ESTIMATE)},
    ),
    Move.ASSIGNMENT_BUDGET: (
        lambda h: h.change("project_user_assignments", 125_000_001, budget=9.0),
        lambda _: {("projects", 14_300_001)},
    ),
    Move.RATE_ADDED: (
        lambda h: h.add("user_billable_rates", user_id=71_003),
        lambda _: {("users", 71_003)},
    ),
    Move.ROLE_MEMBERS_USER: (
        lambda h: h.change("roles", 618_005, user_ids=[71_003]),
        lambda _: {("users", 71_003)},
    ),
    Move.ROLE_MEMBERS_ROLE: (
        lambda h: h.change("roles", 618_005, user_ids=[71_003]),
        lambda _: {("roles", 618_005)},
    ),
    Move.RENAMED: (
        lambda h: h.change("tasks", 8_000_003, name="Renamed"),
        lambda h: {
            (name, row["id"])
            for name in ("time_entries", "project_task_assignments")
            for row in h.rows(name)
            if row["task"]["id"] == 8_000_003
        },
    ),
}
ITSELF = {
    Move.ASSIGNMENT_BUDGET: {("project_user_assignments", 125_000_001)},
    Move.RENAMED: {("tasks", 8_000_003)},
}


@pytest.mark.parametrize("move", MOVES)
def test_each_move_is_a_switch(harvest: Sandbox, move: Move):
    """An edit moves the other rows of one reason when that switch is on, and nothing when off."""
    edit, others = MOVES[move]
    harvest.switches.moves.clear()

    off = moved(harvest, edit)
    harvest.switches.moves.add(move)
    if move in {Move.ROLE_MEMBERS_USER, Move.ROLE_MEMBERS_ROLE}:
        harvest.change("roles", 618_005, user_ids=[])
    if move is Move.MESSAGE_DELETED:
        on = moved(harvest, lambda h: h.delete("estimate_messages", 2_600_002))
    else:
        on = moved(harvest, edit)

    assert off == ITSELF.get(move, set())
    assert on == ITSELF.get(move, set()) | others(harvest)


def test_the_likely_moves_are_on(harvest: Sandbox):
    """Without switches: a payment moves its invoice, an invoice its client; an estimate nothing."""
    payment = moved(harvest, MOVES[Move.PAYMENT_RECORDED][0])
    estimate = moved(harvest, MOVES[Move.ESTIMATE_MADE][0])
    reminder = moved(harvest, MOVES[Move.INVOICE_PLAIN_MESSAGE][0])

    assert payment == {("invoices", OPEN_INVOICE)}
    assert estimate == reminder == set()


def test_invoicing_bills_and_locks_what_it_bills(harvest: Sandbox):
    """An invoice made from tracked work moves its entries, expenses and client, and no others."""
    entry_id, client_id = entry_and_client(harvest)
    expense = first(harvest, "expenses", is_billed=False, billable=True)

    found = moved(
        harvest,
        lambda h: h.add(
            "invoices", client_id=client_id, time_entry_ids=[entry_id], expense_ids=[expense["id"]]
        ),
    )

    invoice = max(harvest.rows("invoices"), key=lambda row: row["id"])
    entry = first(harvest, "time_entries", id=entry_id)
    assert found == {
        ("clients", client_id),
        ("time_entries", entry_id),
        ("expenses", expense["id"]),
    }
    assert entry["invoice"] == {"id": invoice["id"], "number": invoice["number"]}
    assert entry["is_billed"]
    assert entry["is_locked"]
    assert len(invoice["line_items"]) == 2
    harvest.delete("invoices", invoice["id"])
    entry = first(harvest, "time_entries", id=entry_id)
    assert (entry["invoice"], entry["is_billed"], entry["is_locked"]) == (None, False, False)


def test_paying_settles_an_invoice_and_deleting_the_payment_reopens_it(harvest: Sandbox):
    """State, dates and what is due follow the payments, and each moves `updated_at`."""
    invoice = first(harvest, "invoices", state="open")

    payment = harvest.add(
        "invoice_payments", invoice_id=invoice["id"], amount=invoice["due_amount"]
    )
    paid = first(harvest, "invoices", id=invoice["id"])
    harvest.advance(seconds=60)
    harvest.delete("invoice_payments", payment["id"])
    reopened = first(harvest, "invoices", id=invoice["id"])

    assert (paid["state"], paid["due_amount"]) == ("paid", 0)
    assert paid["paid_date"] == payment["paid_date"]
    assert (reopened["state"], reopened["due_amount"]) == ("open", invoice["due_amount"])
    assert reopened["paid_at"] is None
    assert reopened["updated_at"] > paid["updated_at"]


def test_a_second_mail_moves_when_the_invoice_was_sent(harvest: Sandbox):
    """`sent_at` is the moment of the last mail."""
    harvest.advance(seconds=60)

    message = harvest.add("invoice_messages", invoice_id=OPEN_INVOICE)

    assert first(harvest, "invoices", id=OPEN_INVOICE)["sent_at"] == message["created_at"]


def test_deleting_a_project_takes_its_time_and_expenses(harvest: Sandbox):
    """Entries, expenses and assignments go with the project; its invoices stay."""
    line = next(
        line for row in harvest.rows("invoices") for line in row["line_items"] if line["project"]
    )
    project_id = line["project"]["id"]
    invoices = len(harvest.rows("invoices"))

    harvest.delete("projects", project_id)

    for name in (
        "time_entries",
        "expenses",
        "project_user_assignments",
        "project_task_assignments",
    ):
        assert project_id not in {row["project"]["id"] for row in harvest.rows(name)}
    assert len(harvest.rows("invoices")) == invoices


def test_deleting_an_invoice_takes_its_children(harvest: Sandbox, api: Api):
    """Payments and messages go with their invoice, whose lists are then gone as well."""
    harvest.delete("invoices", OPEN_INVOICE)

    assert api.get(f"/invoices/{OPEN_INVOICE}").status_code == 404
    assert api.get(f"/invoices/{OPEN_INVOICE}/messages").status_code == 404


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ("clients", "projects"),
        ("tasks", "time is tracked"),
        ("users", "time or expenses"),
        ("project_user_assignments", "time or expenses"),
        ("project_task_assignments", "time is tracked"),
        ("expense_categories", "expenses"),
        ("invoice_item_categories", "use_as"),
    ],
)
def test_what_others_need_cannot_be_deleted(harvest: Sandbox, stream: str, reason: str):
    """Deleting a row that others hang on is refused with the reason, and a free row goes."""
    free = harvest.add(stream)
    needed = {
        "project_user_assignments": lambda: first(harvest, "time_entries")["user_assignment"],
        "project_task_assignments": lambda: first(harvest, "time_entries")["task_assignment"],
        "tasks": lambda: first(harvest, "time_entries")["task"],
        "users": lambda: first(harvest, "time_entries")["user"],
        "expense_categories": lambda: first(harvest, "expenses")["expense_category"],
    }.get(stream, lambda: min(harvest.rows(stream), key=lambda row: row["id"]))()

    with pytest.raises(ValueError, match=reason):
        harvest.delete(stream, needed["id"])
    harvest.delete(stream, free["id"])

    ids = {row["id"] for row in harvest.rows(stream)}
    assert needed["id"] in ids
    assert free["id"] not in ids


def test_ids_are_never_used_again(harvest: Sandbox):
    """A row added after a deletion gets a new id."""
    gone = harvest.add("clients")["id"]
    harvest.delete("clients", gone)

    assert harvest.add("clients")["id"] > gone


def test_a_new_rate_without_a_beginning_replaces_all(harvest: Sandbox, api: Api):
    """A rate without a start date is then the only one, and the user's current rate."""
    harvest.add("user_billable_rates", user_id=71_003, amount=150.5, start_date=None)

    rates = api.get("/users/71003/billable_rates").json()["billable_rates"]
    assert [rate["amount"] for rate in rates] == [150.5]
    assert api.get("/users/71003").json()["default_hourly_rate"] == 150.5


def test_a_later_rate_ends_the_one_before(harvest: Sandbox, api: Api):
    """The last day of the former rate is the day before the new one begins."""
    harvest.add("user_cost_rates", user_id=71_001, amount=61.0, start_date="2026-07-01")

    rates = api.get("/users/71001/cost_rates").json()["cost_rates"]
    assert [(rate["start_date"], rate["end_date"]) for rate in rates] == [
        (None, "2026-06-30"),
        ("2026-07-01", None),
    ]
    assert api.get("/users/71001").json()["cost_rate"] == rates[0]["amount"]


def test_names_inside_other_rows_follow_a_rename(harvest: Sandbox):
    """A renamed client shows its new name everywhere, without those rows having moved."""
    found = moved(harvest, lambda h: h.change("clients", 4_001, name="New Name"))

    assert found == {("clients", 4_001)}
    for name in ("contacts", "projects", "time_entries", "expenses", "invoices"):
        names = {
            row["client"]["name"] for row in harvest.rows(name) if row["client"]["id"] == 4_001
        }
        assert names == {"New Name"}, name


def test_moving_an_entry_keeps_the_list_in_order(harvest: Sandbox, api: Api):
    """A changed `spent_date` takes the entry to its new place in the list."""
    oldest = harvest.rows("time_entries")[-1]

    harvest.change("time_entries", oldest["id"], spent_date="2027-01-01")

    assert api.get("/time_entries").json()["time_entries"][0]["id"] == oldest["id"]


def test_stopping_a_timer_banks_its_hours(harvest: Sandbox):
    """A stopped timer keeps the hours that it showed."""
    running = first(harvest, "time_entries", is_running=True)

    stopped = harvest.change("time_entries", running["id"], timer_started_at=None)

    assert (stopped["hours"], stopped["is_running"]) == (running["hours"], False)


def test_deleting_a_person_takes_their_rates_and_places(harvest: Sandbox):
    """Rates, assignments, memberships and teammates go with a person without time."""
    user_id = harvest.add("users")["id"]
    harvest.add("user_cost_rates", user_id=user_id)
    harvest.add("project_user_assignments", user_id=user_id)
    harvest.change("roles", 618_005, user_ids=[user_id])
    rates = len(harvest.rows("user_cost_rates"))

    harvest.delete("users", user_id)

    assert len(harvest.rows("user_cost_rates")) == rates - 1
    assert user_id not in {row["user"]["id"] for row in harvest.rows("project_user_assignments")}
    assert first(harvest, "roles", id=618_005)["user_ids"] == []


def test_deleting_a_role_unlinks_its_people(harvest: Sandbox):
    """The role's name disappears from its users."""
    role = first(harvest, "roles", name="Designer")
    harvest.delete("roles", role["id"])

    assert role["user_ids"]
    assert all("Designer" not in user["roles"] for user in harvest.rows("users"))
