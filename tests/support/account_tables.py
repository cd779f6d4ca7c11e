"""The rows of a stand-in account, as the tables that a sync should produce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harvest_sandbox import Sandbox

Row = dict[str, Any]

LISTS = (
    "clients",
    "contacts",
    "projects",
    "tasks",
    "users",
    "roles",
    "project_user_assignments",
    "project_task_assignments",
    "expense_categories",
    "invoice_item_categories",
    "estimate_item_categories",
    "time_entries",
    "expenses",
    "invoices",
    "estimates",
)

PARENTS = {
    "invoice_messages": ("invoices", "invoice_id"),
    "invoice_payments": ("invoices", "invoice_id"),
    "estimate_messages": ("estimates", "estimate_id"),
    "user_billable_rates": ("users", "user_id"),
    "user_cost_rates": ("users", "user_id"),
    "user_project_assignments": ("users", "user_id"),
    "user_teammates": ("users", "user_id"),
}
"""The nested lists: the parent list of each, and the column with the parent's id."""


def account(harvest: Sandbox, nested: Iterable[str] = PARENTS) -> dict[str, list[Row]]:
    """Return the rows of the account by table: of the lists, and of the tables made from them.

    Args:
        harvest: The account.
        nested: Which of the lists below others to read, with what is exploded from them.
    """
    tables = {name: harvest.rows(name) for name in LISTS}
    for parent, child in (("invoices", "invoice_id"), ("estimates", "estimate_id")):
        tables[f"{child.removesuffix('_id')}_line_items"] = [
            {child: row["id"], **line} for row in tables[parent] for line in row["line_items"]
        ]
    tables["user_roles"] = [
        {"role_id": role["id"], "user_id": user}
        for role in tables["roles"]
        for user in role["user_ids"]
    ]
    tables["time_entry_external_references"] = [
        {
            "time_entry_id": entry["id"],
            **{
                "external_account_id" if name == "account_id" else name: value
                for name, value in entry["external_reference"].items()
            },
        }
        for entry in tables["time_entries"]
        if entry["external_reference"]
    ]
    tables |= {name: below(harvest, name) for name in nested}
    for message in ("invoice_message", "estimate_message"):
        if f"{message}s" in tables:
            tables[f"{message}_recipients"] = [
                {f"{message}_id": row["id"], **recipient, "occurrence": 1}
                for row in tables[f"{message}s"]
                for recipient in row["recipients"]
            ]
    if "user_project_assignments" in tables:
        tables["user_project_tasks"] = [
            {
                "user_id": row["user_id"],
                "task_assignment_id": task["id"],
                "task_id": task["task"]["id"],
            }
            for row in tables["user_project_assignments"]
            for task in row["task_assignments"]
        ]
    return tables


def below(harvest: Sandbox, name: str) -> list[Row]:
    """Return the records of a nested list, each with the id of its parent."""
    parent, parent_key = PARENTS[name]
    end = name.partition("_")[2]
    return [
        {parent_key: row["id"], **part}
        for row in harvest.rows(parent)
        if end != "teammates" or "manager" in row["access_roles"]
        for part in shown(harvest, f"/{parent}/{row['id']}/{end}")
    ]


def report(harvest: Sandbox, path: str, windows: Iterable[tuple[str, str]]) -> list[Row]:
    """Return the rows of a report. Each has the first and the last day of its window."""
    return [
        {"from": first, "to": last, **row}
        for first, last in windows
        for row in shown(harvest, path, **{"from": first, "to": last})
    ]


def shown(harvest: Sandbox, path: str, **query: str) -> list[Row]:
    """Return the rows of a list as one page, as an administrator gets them."""
    headers = {
        "Authorization": f"Bearer {harvest.token}",
        "Harvest-Account-Id": harvest.account_id,
        "User-Agent": "test",
    }
    url = f"{harvest.api_url}{path}"
    answer = requests.get(url, headers=headers, params=query, timeout=10).json()
    return next(part for part in answer.values() if isinstance(part, list))


def key(name: str, row: Row) -> tuple[Any, ...]:
    """Return the values of the key of a row."""
    keys = {
        "invoice_line_items": ("invoice_id", "id"),
        "estimate_line_items": ("estimate_id", "id"),
        "user_roles": ("role_id", "user_id"),
        "time_entry_external_references": ("time_entry_id",),
        "user_billable_rates": ("user_id", "id"),
        "user_cost_rates": ("user_id", "id"),
        "user_teammates": ("user_id", "id"),
        "invoice_message_recipients": ("invoice_message_id", "email", "occurrence"),
        "estimate_message_recipients": ("estimate_message_id", "email", "occurrence"),
        "user_project_tasks": ("user_id", "task_assignment_id"),
        "time_team_report": ("user_id", "currency", "from", "to"),
    }
    return tuple(row[column] for column in keys.get(name, ("id",)))
