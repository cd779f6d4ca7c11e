"""The page for one client: nothing on it tells of rates, costs or other clients.

The queries of this page do not read rates and amounts. People and notes are read only if they are
asked for.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from harvest_report import parts
from harvest_report.parts import Bar, Column, Section, Table, Tile
from harvest_report.periods import to_day
from harvest_report.tables import (
    MOST_ROWS,
    budget_table,
    by_month,
    hours_cells,
    left_out,
    month_section,
    sums_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from harvest_report.database import Database, Row
    from harvest_report.name_filter import NameFilter
    from harvest_report.periods import Period

MOST_ENTRIES: Final = 5000
"""How many entries a page lists; with more, it has no list."""

TOO_MANY: Final = "The list of entries is too large for a page. Choose a shorter period."
"""A warning for the sender."""


class ClientPage:
    """Runs the queries of a client's page, and makes its tiles and sections."""

    def __init__(
        self,
        database: Database,
        period: Period,
        client_id: int,
        *,
        name_filter: NameFilter,
        people: bool,
        notes: bool,
        entries: bool = True,
    ) -> None:
        """Read nothing yet.

        Args:
            database: Where the figures are.
            period: The days of the page.
            client_id: Whose page it is.
            name_filter: What every text from the database goes through.
            people: Whether the page names who did the work.
            notes: Whether the list has the notes of entries.
            entries: Whether there is a list of entries.
        """
        self._database = database
        self._text = name_filter
        self._people = people
        self._notes = notes
        self._entries = entries
        self._period = period
        self._values = period.parameters | {
            "client_id": client_id,
            "most_rows": MOST_ENTRIES + 1,
        }
        self.tiles: list[Tile] = []
        """The figures at the top; there are more after each section."""
        self.warnings: list[str] = []
        """What is missing on the page, for its sender."""

    def sections(self) -> Iterator[Section]:
        """Make the sections, in their order on the page; those that lack something are left out."""
        by_task = "client_hours_by_month_and_task"
        yield from self._section(by_task, "hours", "Hours by month", self._by_month)
        project, task, person = (
            self._by(name, title)
            for name, title in (("project", "Project"), ("task", "Task"), ("person", "Person"))
        )
        yield from self._section("client_hours_by_project", "projects", "Projects", project)
        yield from self._section(by_task, "tasks", "Tasks", task)
        if self._people:
            yield from self._section("client_hours_by_person", "people", "People", person)
        yield from self._section("client_budgets", "budgets", "Budgets used", self._budgets)
        if self._entries:
            yield from self._list()
        else:
            self.warnings.append(TOO_MANY)

    def _section(
        self,
        query: str,
        key: str,
        title: str,
        fill: Callable[[Sequence[Row]], Mapping[str, Any]],
    ) -> Iterator[Section]:
        if rows := self._rows(query, title):
            yield Section(key, title, **fill(rows))

    def _rows(self, query: str, title: str, without: Collection[str] = ()) -> Sequence[Row]:
        """Run a query. What it lacks is a warning for the sender; the client has no use for it."""
        if told := self._database.missing(query, without):
            self.warnings.append(f"The page has no section {title}. {told}")
            return []
        return self._database.rows(query, without, **self._values)

    def _by_month(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        months = by_month(rows, self._period.months)
        hours, billable = sums_of(months)
        self.tiles += [
            Tile("Hours", [parts.hours_text(hours)]),
            Tile("Billable", [parts.percent_text(billable, hours)], f"{billable:,.2f} h"),
        ]
        return month_section(months)

    def _by(self, name: str, title: str) -> Callable[[Sequence[Row]], Mapping[str, Any]]:
        def fill(rows: Sequence[Row]) -> Mapping[str, Any]:
            sums: dict[str, list[float]] = defaultdict(lambda: [0, 0])
            for row in rows:
                both = sums[self._text(row[name]) or parts.UNKNOWN]
                both[0] += parts.number(row["hours"])
                both[1] += parts.number(row["billable_hours"])
            ordered = sorted(sums.items(), key=lambda each: (-each[1][0], each[0]))
            drawn = parts.bars(parts.split(*both) for _, both in ordered[:MOST_ROWS])
            table = Table(
                f"Hours by {name}",
                [
                    Column(title),
                    Column("", "bar"),
                    *(Column(head, "number") for head in ("Hours", "Billable", "Share")),
                ],
                [
                    [text, bar, *hours_cells(*both)]
                    for (text, both), bar in zip(ordered, drawn, strict=False)
                ],
                ["Sum", Bar([]), *hours_cells(*map(sum, zip(*sums.values(), strict=True)))],
                parts.BILLABLE_LEGEND,
                is_long=True,
            )
            return {"tables": [table], "notes": left_out(ordered)}

        return fill

    def _budgets(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        shown = [{**row, "project": self._text(row["project"])} for row in rows[:MOST_ROWS]]
        lead = "Hours used until the end of the period, of the hours agreed."
        return {"lead": lead, "tables": [budget_table(shown)], "notes": left_out(rows)}

    def _list(self) -> Iterator[Section]:
        asked = {"person": self._people, "notes": self._notes}
        without = [name for name, is_asked in asked.items() if not is_asked]
        rows = self._rows("client_entries", "Entries", without)
        if len(rows) > MOST_ENTRIES:
            self.warnings.append(TOO_MANY)
        elif rows:
            yield Section("entries", "Entries", tables=[self._entries_table(rows)])

    def _entries_table(self, rows: Sequence[Row]) -> Table:
        texts = [Column("Project"), Column("Task")]
        names = ["project", "task"]
        if self._people:
            texts.append(Column("Person"))
            names.append("person")
        if self._notes:
            texts.append(Column("Notes", "long"))
            names.append("notes")
        return Table(
            f"{len(rows):,} entries" if len(rows) > 1 else "1 entry",
            [Column("Day", "day"), *texts, Column("Hours", "number"), Column("Billable")],
            [
                [
                    str(to_day(row["spent_date"]) or parts.UNKNOWN),
                    *(self._text(row[name]) for name in names),
                    parts.hours_text(row["hours"]),
                    "yes" if row["billable"] else "no",
                ]
                for row in rows
            ],
            [
                "Sum",
                *("" for _ in texts),
                parts.hours_text(sum(parts.number(row["hours"]) for row in rows)),
                "",
            ],
        )
