"""The page of the whole account: its figures, by section."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harvest_report import parts
from harvest_report.parts import Bar, Column, Section, Table, Tile
from harvest_report.periods import Period, last_week, to_day
from harvest_report.tables import (
    MOST_ROWS,
    aged,
    budget_table,
    by_currency,
    by_month,
    client_table,
    day_text,
    hours_or_none,
    left_out,
    month_section,
    person,
    short_month,
    sums,
    sums_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harvest_report.database import Database, Row

AGES: Final = (
    ("up_to_30_days", "age-30", "up to 30 days"),
    ("up_to_60_days", "age-60", "31 to 60 days"),
    ("up_to_90_days", "age-90", "61 to 90 days"),
    ("older", "age-more", "over 90 days"),
)
"""The result column, the CSS class and the name of each age."""

NOT_DUE: Final = ("not_due", "not-due", "not yet due")


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


class AccountPage:
    """Runs the queries of the account's page, and makes its tiles and sections."""

    def __init__(self, database: Database, period: Period, week_start_day: str) -> None:
        """Read nothing yet.

        Args:
            database: Where the figures are.
            period: The days of the page.
            week_start_day: The English name of the first day of a week.
        """
        self._database = database
        self._period = period
        self._week = last_week(period.as_of, week_start_day)
        self.tiles: list[Tile] = []
        """The figures at the top; there are more after each section."""

    def sections(self) -> Iterator[Section]:
        """Make the sections, in their order on the page."""
        hours = self._section("hours_by_client_and_month")
        yield hours("hours", "Hours by month", "", self._hours_by_month)
        yield hours(
            "clients",
            "Hours by client and month",
            "All hours, and how much of them is billable.",
            self._hours_by_client,
        )
        yield self._section("utilisation_by_person")(
            "people",
            "Utilisation by person",
            f"Hours against capacity (the line) in {self._period.weeks:.1f} weeks. "
            "Holidays are not taken off; people who left are not listed.",
            self._utilisation,
        )
        yield self._section("budget_burn")(
            "budgets",
            "Budget burn by project",
            "Active projects with a budget of hours. The line is the budget.",
            self._budgets,
        )
        yield self._section("uninvoiced_work")(
            "uninvoiced",
            "Uninvoiced work",
            f"Billable time that is on no invoice, by its age on {day_text(self._period.as_of)}.",
            self._uninvoiced,
        )
        yield self._section("receivables")(
            "receivables",
            "Receivables",
            f"What is due of open invoices, by how late it is on {day_text(self._period.as_of)}.",
            self._receivables,
        )
        first, last = self._week
        yield self._section("late_timesheets", from_date=first, to_date=last)(
            "late",
            "Late timesheets",
            f"Who tracked less than their capacity in the week of {day_text(first)} to "
            f"{day_text(last)}.",
            self._late,
        )

    def _section(self, query: str, **other: Any) -> Callable[..., Section]:
        def made(
            key: str,
            title: str,
            lead: str,
            fill: Callable[[Sequence[Row]], Mapping[str, Any]],
        ) -> Section:
            if told := self._database.missing(query):
                return Section(key, title, lead, told=told)
            days = {name: day.isoformat() for name, day in other.items()}
            values = self._period.parameters | {"weeks": self._period.weeks} | days
            if not (rows := self._database.rows(query, **values)):
                return Section(key, title, lead, told="There is nothing to show.")
            return Section(key, title, lead, **fill(rows))

        return made

    def _hours_by_month(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        months = by_month(rows, self._period.months)
        total, billable = sums_of(months)
        self.tiles += [
            Tile("Hours", [f"{total:,.0f}"]),
            Tile("Billable", [parts.percent_text(billable, total)], f"{billable:,.0f} h"),
        ]
        return month_section(months)

    def _hours_by_client(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        names_of: dict[int, str] = {}
        sums_by_client: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for row in rows:  # The newest month comes first, with the newest name.
            names_of.setdefault(row["client_id"], row["client"] or parts.UNKNOWN)
            sums_of_it = sums_by_client[row["client_id"]]
            sums_of_it[row["month"]] += parts.number(row["hours"])
            sums_of_it["hours"] += parts.number(row["hours"])
            sums_of_it["billable"] += parts.number(row["billable_hours"])
        ordered = sorted(
            ((names_of[client_id], each) for client_id, each in sums_by_client.items()),
            key=lambda each: (-each[1]["hours"], each[0]),
        )
        names = ["hours", "billable", *self._period.months]

        def together(
            title: str, clients: Sequence[tuple[str, dict[str, float]]]
        ) -> tuple[str, dict[str, float]]:
            return title, {name: sum(each[name] for _, each in clients) for name in names}

        shown = parts.folded(ordered, MOST_ROWS, lambda rest: together(f"{len(rest)} others", rest))
        whole = together("All clients", ordered)
        return {"tables": [client_table(shown, whole), self._monthly_table(shown, whole)]}

    def _monthly_table(
        self,
        clients: Sequence[tuple[str, dict[str, float]]],
        whole: tuple[str, dict[str, float]],
    ) -> Table:
        months = self._period.months

        def cells(client: str, figures: Mapping[str, float]) -> list[str]:
            by_month = (hours_or_none(figures[month]) for month in months)
            return [client, *by_month, hours_or_none(figures["hours"])]

        return Table(
            "Hours by client and month",
            [
                Column("Client"),
                *(Column(short_month(month), "number") for month in months),
                Column("Sum", "number"),
            ],
            [cells(*each) for each in clients],
            cells(*whole),
            is_long=True,
        )

    def _utilisation(self, rows: Sequence[Row]) -> Mapping[str, Any]:
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
        self.tiles.append(
            Tile(
                "Utilisation",
                [parts.percent_text(whole.billable, whole.capacity)],
                f"billable, of {whole.capacity:,.0f} h capacity",
            )
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
        return {"tables": [table]}

    def _budgets(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        return {"tables": [budget_table(rows[:MOST_ROWS])], "notes": left_out(rows)}

    def _uninvoiced(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        if all(row["amount"] is None for row in rows):
            note = "The token may not see rates, so the amounts are not known."
        else:
            note = "Time without a rate has no amount."
        self.tiles.append(
            Tile("Uninvoiced", [parts.round_money_text(*each) for each in sums(rows, "amount")])
        )
        tables = [
            aged(
                f"Uninvoiced work in {currency}" if currency else "Uninvoiced work",
                currency,
                of_it,
                AGES,
                "amount",
                heads=[("Project", "project"), ("Client", "client")],
                more=[
                    ("Hours", lambda row: parts.hours_text(row["hours"])),
                    ("Oldest", lambda row: str(to_day(row["oldest"]) or "")),
                ],
            )
            for currency, of_it in by_currency(rows)
        ]
        return {"tables": tables, "notes": [note]}

    def _receivables(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        overdue = [
            (parts.number(due) - parts.number(early), currency)
            for (due, currency), (early, _) in zip(
                sums(rows, "due"), sums(rows, "not_due"), strict=True
            )
        ]
        self.tiles += [
            Tile("Receivable", [parts.round_money_text(*each) for each in sums(rows, "due")]),
            Tile("Overdue", [parts.round_money_text(*each) for each in overdue]),
        ]
        tables = [
            aged(
                f"Receivables in {currency}" if currency else "Receivables",
                currency,
                of_it,
                (NOT_DUE, *AGES),
                "due",
                heads=[("Client", "client")],
            )
            for currency, of_it in by_currency(rows)
        ]
        return {"tables": tables}

    def _late(self, rows: Sequence[Row]) -> Mapping[str, Any]:
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
                    *(
                        parts.hours_text(row[name])
                        for name in ("capacity", "hours", "hours_missing")
                    ),
                ]
                for row, bar in zip(shown, drawn, strict=True)
            ],
            legend=(("other", "tracked"), ("missing", "missing")),
            is_long=True,
        )
        return {"tables": [table], "notes": left_out(rows)}
