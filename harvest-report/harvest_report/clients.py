"""The clients in the database, and which of them a page is for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harvest_report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harvest_report.database import Database


@dataclass(frozen=True)
class Client:
    """A client that has time."""

    client_id: int
    name: str
    """Its name today."""
    names: frozenset[str]
    """All its names: rows that did not change since a client was renamed have the older one."""
    other_names: frozenset[str]
    """All names of all other clients."""


def find_client(database: Database, asked: str) -> Client:
    """Find a client by name or id.

    An id goes before a name, a name of today before an older one, and the exact case before
    another one.

    Args:
        database: Where the clients are.
        asked: The name or the id.

    Raises:
        ReportError: No client, or more than one client, has that name or id.
    """
    if told := database.missing("clients_held"):
        raise ReportError(f"The page for a client cannot be made. {told}")
    names: dict[int, set[str]] = defaultdict(set)
    for row in database.rows("clients_held"):
        names[row["id"]].add(row["name"] or "")
    held = set(names)
    today = {each: min(names[each]) for each in held}
    if not database.missing("client_names"):
        for row in database.rows("client_names"):
            names[row["id"]].add(row["name"] or "")
            today[row["id"]] = row["name"] or ""
    [client_id] = _matching({each: (today[each], names[each]) for each in held}, asked.strip())
    others = {name for each, of_it in names.items() if each != client_id for name in of_it}
    return Client(client_id, today[client_id], frozenset(names[client_id]), frozenset(others))


def _matching(clients: Mapping[int, tuple[str, set[str]]], asked: str) -> list[int]:
    """Find the only client that fits best."""
    folded = asked.casefold()
    ways: list[Callable[[int, str, set[str]], bool]] = [
        lambda client_id, *_: asked == str(client_id),
        lambda _, today, __: asked == today.strip(),
        lambda _, __, names: asked in {name.strip() for name in names},
        lambda _, __, names: folded in {name.strip().casefold() for name in names},
    ]
    for fits in ways:
        found = [client_id for client_id, told in clients.items() if fits(client_id, *told)]
        if len(found) > 1:
            raise ReportError(
                "Several clients have the name that --client gives. Give an id: "
                f"{', '.join(map(str, sorted(found)))}."
            )
        if found:
            return found
    raise ReportError(
        "No client with tracked time has the name or id that --client gives. "
        "`harvest-report clients` lists them."
    )
