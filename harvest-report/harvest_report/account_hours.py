"""The sections of the account's page that tell of hours."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from harvest_report import parts
from harvest_report.parts import Bar, Column, Content, Table, Tile
from harvest_report.tables import (
    MOST_ROWS,
    budget_table,
    by_month,
    client_table,
    hours_or_none,
    left_out,
    month_section,
    person,
    short_month,
    sums_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harvest_report.database import Row
    from harvest_report.periods import Period

    ClientHours = tuple[str, Mapping[str, float]]
    """The name of a client; its hours by month or year, and as `hours` and `billable`."""

MOST_MONTHS: Final = 24
"""How many columns of months a table has."""

MONTH_WIDTH: Final = len("2031-04")

YEAR_WIDTH: Final = len("2031")


class PersonHours(NamedTuple):
    """What a person tracked, and could have."""

    name: str
    capacity: float
    hours: float
    billable: float

    @classmethod
    def together(cls, name: str, people: Sequence[PersonHours]) -> PersonHours:
        """Add people up."""
        return cls(
            name,
            sum(each.capacity for each in people),
            sum(each.hours for each in people),
            sum(each.billable for each in people),
        )

    def cells(self, bar: Bar) -> list[parts.Cell]:
        """A row of the table of utilisation."""
        return [
            self.name,
            bar,
            *map(parts.hours_text, self[1:]),
            parts.percent_text(self.hours, self.capacity),
            parts.percent_text(self.billable, self.capacity),
        ]


def hours_by_month(rows: Sequence[Row], period: Period) -> Content:
    """Hours by month, and two tiles."""
    months = by_month(rows, period.months)
    total, billable = sums_of(months)
    tiles = [
        Tile("Hours", [parts.decimal_text(total, 0)]),
        Tile("Billable", [parts.percent_text(billable, total)], f"{billable:,.0f} h"),
    ]
    return Content(**month_section(months), tiles=tiles)


def hours_by_client(rows: Sequence[Row], period: Period) -> Content:
    """Hours by client, as bars and by month. More than two years are shown by year."""
    width = MONTH_WIDTH if len(period.months) <= MOST_MONTHS else YEAR_WIDTH
    spans = list(dict.fromkeys(month[:width] for month in period.months))
    names: dict[int, str] = {}
    sums: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:  # The newest month comes first, with the newest name.
        names.setdefault(row["client_id"], row["client"] or parts.UNKNOWN)
        of_it = sums[row["client_id"]]
        of_it[row["month"][:width]] += parts.number(row["hours"])
        of_it["hours"] += parts.number(row["hours"])
        of_it["billable"] += parts.number(row["billable_hours"])
    ordered: list[ClientHours] = sorted(
        ((names[client_id], each) for client_id, each in sums.items()),
        key=lambda each: (-each[1]["hours"], each[0]),
    )
    figures = ["hours", "billable", *spans]

    def together(title: str, clients: Sequence[ClientHours]) -> ClientHours:
        return title, {name: sum(each[name] for _, each in clients) for name in figures}

    shown = parts.folded(ordered, MOST_ROWS, lambda rest: together(f"{len(rest)} others", rest))
    whole = together("All clients", ordered)
    return Content(tables=[client_table(shown, whole), _matrix(shown, whole, spans)])


def _matrix(clients: Sequence[ClientHours], whole: ClientHours, spans: Sequence[str]) -> Table:
    """The hours of each client in each month or year."""

    def cells(client: str, figures: Mapping[str, float]) -> list[str]:
        by_span = (hours_or_none(figures[span]) for span in spans)
        return [client, *by_span, hours_or_none(figures["hours"])]

    is_by_month = len(spans[0]) == MONTH_WIDTH
    return Table(
        f"Hours by client and {'month' if is_by_month else 'year'}",
        [
            Column("Client"),
            *(Column(short_month(span) if is_by_month else span, "number") for span in spans),
            Column("Sum", "number"),
        ],
        [cells(*each) for each in clients],
        cells(*whole),
        is_long=True,
    )


def utilisation(rows: Sequence[Row]) -> Content:
    """Hours of each person against their capacity, and a tile."""
    people = [
        PersonHours(
            person(row),
            *(parts.number(row[name]) for name in ("capacity", "hours", "billable_hours")),
        )
        for row in rows
    ]
    shown = parts.folded(
        people, MOST_ROWS, lambda rest: PersonHours.together(f"{len(rest)} others", rest)
    )
    whole = PersonHours.together("All", people)
    tile = Tile(
        "Utilisation",
        [parts.percent_text(whole.billable, whole.capacity)],
        f"billable, of {whole.capacity:,.0f} h capacity",
    )
    drawn = parts.bars(
        (parts.split(each.hours, each.billable) for each in shown),
        (each.capacity for each in shown),
    )
    heads = ("Capacity", "Hours", "Billable", "Used", "Utilisation")
    table = Table(
        "Hours against capacity, by person",
        [Column("Person"), Column("", "bar"), *(Column(name, "number") for name in heads)],
        [each.cells(bar) for each, bar in zip(shown, drawn, strict=True)],
        whole.cells(Bar([])),
        (*parts.BILLABLE_LEGEND, ("limit", "capacity")),
        is_long=True,
    )
    return Content(tables=[table], tiles=[tile])


def budget_burn(rows: Sequence[Row]) -> Content:
    """How much of each budget of hours is used."""
    return Content(tables=[budget_table(rows[:MOST_ROWS])], notes=left_out(rows))


def late_timesheets(rows: Sequence[Row]) -> Content:
    """Who tracked less than their capacity."""
    shown = rows[:MOST_ROWS]
    drawn = parts.bars(
        (
            [
                ("other", parts.number(row["hours"])),
                ("missing", parts.number(row["hours_missing"])),
            ]
            for row in shown
        ),
    )
    table = Table(
        "Hours that are missing, by person",
        [
            Column("Person"),
            Column("", "bar"),
            *(Column(name, "number") for name in ("Capacity", "Tracked", "Missing")),
        ],
        [
            [
                person(row),
                bar,
                *(parts.hours_text(row[name]) for name in ("capacity", "hours", "hours_missing")),
            ]
            for row, bar in zip(shown, drawn, strict=True)
        ],
        legend=(("other", "tracked"), ("missing", "missing")),
        is_long=True,
    )
    return Content(tables=[table], notes=left_out(rows))
