"""Writes docs/tables.md: a diagram for each area, with the tables, their keys, and how they join.

Run by `make docs`. All is taken from the catalog: a column whose name ends like another table's id
refers to that table.

Mermaid documentation, "Entity Relationship Diagrams":
https://mermaid.js.org/syntax/entityRelationshipDiagram.html
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
TARGETS: Final = {
    "client": "clients",
    "creator": "users",
    "estimate": "estimates",
    "estimate_message": "estimate_messages",
    "expense_category": "expense_categories",
    "invoice": "invoices",
    "invoice_message": "invoice_messages",
    "project": "projects",
    "role": "roles",
    "task": "tasks",
    "task_assignment": "project_task_assignments",
    "time_entry": "time_entries",
    "user": "users",
    "user_assignment": "project_user_assignments",
}
"""The table that a column refers to, by the column's name without `_id` or `__id`."""
AREAS: Final = {
    "Clients and the company": ("TB", {"clients", "company"}),
    "Time": ("LR", {"time_entries", "tasks"}),
    "Expenses": ("LR", {"expenses"}),
    "Projects": ("TB", {"projects"}),
    "Invoices": ("TB", {"invoices"}),
    "Estimates": ("TB", {"estimates"}),
    "People": ("LR", {"roles", "users"}),
    "Reports": ("LR", {"reports"}),
}
"""The areas: the direction of the diagram, and the modules of the streams."""

TEXT: Final = """# How the tables join

One diagram for each area, which GitHub draws. `make docs` writes this page from the catalog. A box
shows the key of a table (PK) and the columns that refer to another table (FK); the other columns
stand in the catalog (`tap-harvest --discover`), and what each table holds in
[streams.md](streams.md). A box without columns is a table of another area. Names with two
underscores are those of `meltano.yml`, where objects inside a record become columns.
"""


class Table(NamedTuple):
    """A table: the columns of its key and those that refer to other tables.

    Attributes:
        name: Its name.
        keys: The columns of its key.
        references: The table that each column refers to.
        types: The type of each of these columns.
    """

    name: str
    keys: Sequence[str]
    references: Mapping[str, str]
    types: Mapping[str, str]


def tables() -> dict[str, Table]:
    """Return all tables of the default pipeline, by name."""
    catalog = TapHarvest(validate_config=False, config={}).catalog_dict
    return {entry["tap_stream_id"]: _table(entry) for entry in catalog["streams"]}


def _table(entry: Mapping[str, Any]) -> Table:
    name, properties = entry["tap_stream_id"], entry["schema"]["properties"]
    keys, found = entry["key_properties"], dict(references(name, properties))
    types = {column: _type(properties.get(column, {})) for column in (*keys, *found)}
    return Table(name, keys, found, types)


def _type(definition: Mapping[str, Any]) -> str:
    """Return the type of a column. A reference inside an object has the type of an id."""
    if "format" in definition:
        return str(definition["format"])
    kinds = definition.get("type", "integer")
    return kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")


def references(stream: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the columns of a stream that hold the id of a row of another table."""
    for name, definition in properties.items():
        if name in TARGETS and "id" in definition.get("properties", {}):
            yield f"{name}__id", TARGETS[name]
        elif name.removesuffix("_id") in TARGETS and name.endswith("_id"):
            yield name, TARGETS[name.removesuffix("_id")]
    if stream == "user_teammates":
        yield "id", "users"  # Each row is a person, under the id of the manager.


def page() -> str:
    """Return the text of the page."""
    found = tables()
    # The SDK has names on instances; ours are on classes.
    modules = {stream.name: stream.__module__.rpartition(".")[2] for stream in STREAMS}  # type: ignore[misc]
    parts = [TEXT]
    for title, (direction, members) in AREAS.items():
        parts += _area(
            title, direction, [found[name] for name in modules if modules[name] in members]
        )
    return "\n".join(parts)


def _area(title: str, direction: str, found: Sequence[Table]) -> Iterator[str]:
    yield f"## {title}\n\n```mermaid\nerDiagram\n    direction {direction}"
    for table in found:
        yield f"    {table.name} {{"
        for column, kind in table.types.items():
            yield f"        {kind} {column} {', '.join(_marks(table, column))}"
        yield "    }"
    for table in found:
        for column, target in table.references.items():
            one = "||" if column in table.keys else "|o"  # Only keys are never null.
            yield f"    {target} {one}--o{{ {table.name} : {column}"
    yield "```\n"


def _marks(table: Table, column: str) -> Iterator[str]:
    if column in table.keys:
        yield "PK"
    if column in table.references:
        yield "FK"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
