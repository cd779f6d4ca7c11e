"""Random work in a stand-in account: rows added, changed and deleted in every chapter of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from support.account_tables import LISTS, PARENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from harvest_sandbox import Sandbox

    Values = Mapping[str, Mapping[str, tuple[object, ...]]]

TEXTS: Final = (None, "", "In the afternoon ✅", 'O\'Neill, "Harbour" \\ Sons', "One\nand\ttwo")
NAMES: Final = ("Example Harbour", "Example Orchard", "Example Mill")
DAYS: Final = ("2024-02-29", "2026-05-31", "2026-06-01", "2026-06-29", "2026-06-30")
AMOUNTS: Final = (0.0, 0.25, 7.5, 1234.56)

TOLD: Final[Values] = {
    "clients": {"address": TEXTS},
    "contacts": {"title": TEXTS},
    "projects": {"notes": TEXTS},
    "users": {"telephone": TEXTS},
    "time_entries": {"notes": TEXTS, "hours": AMOUNTS, "spent_date": DAYS},
    "expenses": {"notes": TEXTS, "total_cost": AMOUNTS, "spent_date": DAYS},
    "invoices": {"subject": TEXTS},
    "estimates": {"subject": TEXTS},
    "invoice_payments": {"notes": TEXTS},
}
"""Fields, and values for them, of which no other row shows anything."""
UNTOLD: Final[Values] = {
    **{
        name: {"name": NAMES}
        for name in (
            *("clients", "projects", "tasks", "roles", "expense_categories"),
            *("invoice_item_categories", "estimate_item_categories"),
        )
    },
    "users": {"first_name": NAMES},
    "project_user_assignments": {"is_active": (True, False), "budget": AMOUNTS},
    "project_task_assignments": {"is_active": (True, False)},
}
"""Fields that other rows show as well, whose `updated_at` need not move with them."""
CHILDREN: Final = (
    *("invoice_messages", "invoice_payments", "estimate_messages"),
    *("user_billable_rates", "user_cost_rates"),
)
MAKE_MORE: Final = {
    *("project_user_assignments", "project_task_assignments"),
    *("user_billable_rates", "user_cost_rates"),
}
"""What is added to these shows in other rows, or takes the place of some."""
FEW: Final = 5
"""So many rows of a list are left."""


def work(harvest: Sandbox, chance: Random, *, told: bool) -> None:
    """Some edits, in a moment of the account.

    Args:
        harvest: The account.
        chance: Decides them.
        told: Only such that Harvest tells of by an `updated_at`: no deletions, and nothing that
            other rows show as well.
    """
    harvest.advance(seconds=chance.choice((0, 1, 60, 600)))
    kinds = [_add, _change] if told else [_add, _change, _delete, _shorten]
    for _ in range(chance.randint(1, 4)):
        chance.choice(kinds)(harvest, chance, told)


def _add(harvest: Sandbox, chance: Random, told: bool) -> None:
    names = [name for name in (*LISTS, *CHILDREN) if not told or name not in MAKE_MORE]
    name = chance.choice(names)
    if name in PARENTS:
        parent, parent_key = PARENTS[name]
        # A mail that changes no estimate's state moves none, so that nothing tells of it.
        event = {"event_type": "send"} if told and name == "estimate_messages" else {}
        harvest.add(name, **{parent_key: _id(harvest, chance, parent)}, **event)
    else:
        harvest.add(name)


def _change(harvest: Sandbox, chance: Random, told: bool) -> None:
    fields = chance.choice([TOLD] if told else [TOLD, UNTOLD])
    name = chance.choice(sorted(fields))
    field = chance.choice(sorted(fields[name]))
    value = chance.choice(fields[name][field])
    harvest.change(name, _id(harvest, chance, name), **{field: value})


def _delete(harvest: Sandbox, chance: Random, _: bool) -> None:
    name = chance.choice([*LISTS, *CHILDREN[:3]])
    rows = [row["id"] for row in harvest.rows(name)]
    if name == "users":
        rows = rows[1:]  # The first is the administrator whose token the tap has.
    if len(rows) > FEW:
        with suppress(ValueError):  # Harvest allows it only where no other row needs this one.
            harvest.delete(name, chance.choice(rows))


def _shorten(harvest: Sandbox, chance: Random, _: bool) -> None:
    """Take the first line off a bill, or the first person out of a role."""
    name, part = chance.choice(
        (("invoices", "line_items"), ("estimates", "line_items"), ("roles", "user_ids"))
    )
    row = harvest.row(name, _id(harvest, chance, name))
    left = row[part][1:]
    if part == "line_items":
        left = [{"id": line["id"], "kind": line["kind"]} for line in left]
    harvest.change(name, row["id"], **{part: left})


def _id(harvest: Sandbox, chance: Random, name: str) -> int:
    return int(chance.choice(harvest.rows(name))["id"])
