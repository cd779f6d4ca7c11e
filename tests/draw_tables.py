"""Draws docs/tables.svg: the tables of the default pipeline, their keys, and how they join.

Run by `make docs`. All is taken from the catalog: a column whose name ends like another table's id
refers to that table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "tables.svg"
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
"""The table that a column of this name and `_id` or `__id` refers to."""

WIDTH, ROW, GAP_X, GAP_Y, MARGIN = 225, 17, 90, 16, 20
STYLE: Final = """
  svg { font: 12px ui-monospace, Menlo, Consolas, monospace; background: #fff; }
  rect { fill: #f6f8fa; stroke: #8c959f; } .name { font-weight: bold; }
  text { fill: #1f2328; } .key { fill: #9a6700; }
  path { fill: none; stroke: #54aeff; stroke-opacity: .65; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } rect { fill: #161b22; stroke: #6e7681; }
    text { fill: #e6edf3; } .key { fill: #d29922; }
  }
"""


@dataclass
class Table:
    """A table on the page: the columns that are shown, and where its box stands."""

    name: str
    keys: list[str]
    references: dict[str, str]
    """The table that each column refers to."""
    x: float = 0
    y: float = 0
    columns: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = list(dict.fromkeys([*self.keys, *self.references]))

    @property
    def height(self) -> float:
        """The height of the box."""
        return (len(self.columns) + 1) * ROW + 10

    def line(self, column: str) -> float:
        """The height at which a column stands."""
        return self.y + (self.columns.index(column) + 2) * ROW


def tables() -> dict[str, Table]:
    """All tables but those of reports, which sum up others, and those that refer to nothing."""
    found = [
        Table(
            entry["tap_stream_id"],
            entry["key_properties"],
            dict(references(entry["tap_stream_id"], entry["schema"]["properties"])),
        )
        for entry in TapHarvest(validate_config=False, config={}).catalog_dict["streams"]
        if not entry["tap_stream_id"].endswith("_report")
    ]
    referred = {target for table in found for target in table.references.values()}
    return {table.name: table for table in found if table.references or table.name in referred}


def references(stream: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The columns of a stream that name a row of another table."""
    for name, definition in properties.items():
        if name in TARGETS and "id" in definition.get("properties", {}):
            yield f"{name}__id", TARGETS[name]
        elif name.removesuffix("_id") in TARGETS and name.endswith("_id"):
            yield name, TARGETS[name.removesuffix("_id")]
    if stream == "user_teammates":
        yield "id", "users"  # Each row is a person, under the id of the manager.


def place(found: Mapping[str, Table]) -> None:
    """Put each table to the right of all that it refers to, as near to their height as it goes."""
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in depths:
            targets = found[name].references.values()
            depths[name] = max((depth(target) + 1 for target in targets), default=0)
        return depths[name]

    stacks = [
        [found[name] for name in found if depth(name) == column]
        for column in range(max(map(depth, found)) + 1)
    ]
    tallest = max(map(_stacked, stacks))
    for column, stack in enumerate(stacks):
        stack.sort(key=lambda table: (_middle(table, found), table.name))
        y = MARGIN + (tallest - _stacked(stack)) / 2
        for table in stack:
            table.x, table.y = MARGIN + column * (WIDTH + GAP_X), y
            y += table.height + GAP_Y


def _stacked(stack: Sequence[Table]) -> float:
    return sum(table.height + GAP_Y for table in stack)


def _middle(table: Table, found: Mapping[str, Table]) -> float:
    heights = [found[target].y for target in table.references.values()]
    return sum(heights) / len(heights) if heights else 0


def drawing() -> str:
    """The page."""
    found = tables()
    place(found)
    width = max(table.x for table in found.values()) + WIDTH + MARGIN
    height = max(table.y + table.height for table in found.values()) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        "<title>The tables, their keys, and how they join</title>",
        f"<style>{STYLE}</style>",
        *(line for table in found.values() for line in _lines(table, found)),
        *(part for table in found.values() for part in _box(table)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lines(table: Table, found: Mapping[str, Table]) -> Iterator[str]:
    for column, target in table.references.items():
        x, y = found[target].x + WIDTH, found[target].y + ROW - 5
        here = table.line(column) - 4
        yield (
            f'<path d="M{table.x:g} {here:g}C{table.x - 50:g} {here:g} '
            f'{x + 50:g} {y:g} {x:g} {y:g}"/>'
        )


def _box(table: Table) -> Iterator[str]:
    yield (
        f'<rect x="{table.x:g}" y="{table.y:g}" width="{WIDTH}" height="{table.height:g}" rx="4"/>'
    )
    x = table.x + 8
    yield f'<text class="name" x="{x:g}" y="{table.y + ROW:g}">{escape(table.name)}</text>'
    for column in table.columns:
        kind = ' class="key"' if column in table.keys else ""
        yield f'<text{kind} x="{x:g}" y="{table.line(column):g}">{escape(column)}</text>'


if __name__ == "__main__":
    PAGE.write_text(drawing(), encoding="utf-8")
