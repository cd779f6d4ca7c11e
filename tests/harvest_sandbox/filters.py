"""Query parameters that select rows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from harvest_sandbox.clock import day, parsed, stamp
from harvest_sandbox.refusals import invalid
from harvest_sandbox.tables import Invoice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harvest_sandbox.account import Account
    from harvest_sandbox.endpoints import Endpoint


def parameters(account: Account, endpoint: Endpoint, query: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a request that this endpoint knows, paging apart; others are ignored."""
    known = set(endpoint.filters)
    if endpoint.updated_since or (
        endpoint.stream == "roles" and account.switches.roles_updated_since
    ):
        known.add("updated_since")
    return {name: value for name, value in query.items() if name in known}


def value(name: str, kind: str, text: str) -> Any:
    """The value of a parameter.

    Raises:
        Refusal: The text is no value of this kind (422).
    """
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[text]
        if kind == "integer":
            return int(text)
        if kind == "date":
            return day(text)
    except (KeyError, ValueError):
        raise invalid(f"{name} is not a valid {kind}") from None
    return text


def selection(account: Account, endpoint: Endpoint, query: Mapping[str, str]) -> list[Any]:
    """The tests that a row must pass to be listed.

    Raises:
        Refusal: A parameter cannot be read (422).
    """
    table = account.named(endpoint.table)
    inclusive = account.switches.updated_since_inclusive
    return [
        _changed_since(text, inclusive)
        if name == "updated_since"
        else _test(account, table.dated, name, value(name, endpoint.filters[name], text))
        for name, text in parameters(account, endpoint, query).items()
    ]


def _changed_since(text: str, inclusive: bool) -> Callable[[Any], bool]:
    try:
        moment = parsed(text)
    except ValueError:
        raise invalid("updated_since is not a valid date-time") from None
    if inclusive:
        # Rows carry whole seconds: the first that is not before the moment.
        since = stamp(moment + dt.timedelta(microseconds=-moment.microsecond % 1_000_000))
        return lambda row: row.updated_at >= since
    since = stamp(moment)
    return lambda row: row.updated_at > since


def _test(account: Account, dated: str, name: str, wanted: Any) -> Callable[[Any], bool]:
    projects = account.projects.by_id

    def client(row: Any) -> bool:
        owner = row if hasattr(row, "client_id") else projects[row.project_id]
        return bool(owner.client_id == wanted)

    def project(row: Any) -> bool:
        rows = row.line_items if isinstance(row, Invoice) else [row]
        return any(item.project_id == wanted for item in rows)

    tests: dict[str, Callable[[Any], bool]] = {
        # A row without a date is in no window.
        "from": lambda row: (getattr(row, dated) or "") >= wanted,
        "to": lambda row: "" < (getattr(row, dated) or "") <= wanted,
        "client_id": client,
        "project_id": project,
        "is_billed": lambda row: (row.invoice_id is not None) == wanted,
        "is_running": lambda row: (row.timer_started_at is not None) == wanted,
        "external_reference_id": lambda row: (row.external_reference or {}).get("id") == wanted,
    }
    return tests.get(name, lambda row: getattr(row, name) == wanted)
