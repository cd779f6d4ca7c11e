"""The page of the whole account: which sections it has, and the query of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harvest_report.account_hours import (
    budget_burn,
    hours_by_client,
    hours_by_month,
    late_timesheets,
    utilisation,
)
from harvest_report.account_money import receivables, uninvoiced_work
from harvest_report.parts import Content, Section, Tile
from harvest_report.periods import Period, last_week
from harvest_report.tables import day_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harvest_report.database import Database, Row


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
        yield hours("hours", "Hours by month", "", lambda rows: hours_by_month(rows, self._period))
        yield hours(
            "clients",
            "Hours by client and month",
            "All hours, and how much of them is billable.",
            lambda rows: hours_by_client(rows, self._period),
        )
        yield self._section("utilisation_by_person")(
            "people",
            "Utilisation by person",
            f"Hours against capacity (the line) in {self._period.weeks:.1f} weeks. "
            "Holidays are not taken off; people who left are not listed.",
            utilisation,
        )
        yield self._section("budget_burn")(
            "budgets",
            "Budget burn by project",
            "Active projects with a budget of hours. The line is the budget.",
            budget_burn,
        )
        yield self._section("uninvoiced_work")(
            "uninvoiced",
            "Uninvoiced work",
            f"Billable time that is on no invoice, by its age on {day_text(self._period.as_of)}.",
            uninvoiced_work,
        )
        yield self._section("receivables")(
            "receivables",
            "Receivables",
            f"What is due of open invoices, by how late it is on {day_text(self._period.as_of)}.",
            receivables,
        )
        first, last = self._week
        yield self._section("late_timesheets", from_date=first, to_date=last)(
            "late",
            "Late timesheets",
            f"Who tracked less than their capacity in the week of {day_text(first)} to "
            f"{day_text(last)}.",
            late_timesheets,
        )

    def _section(self, query: str, **other: Any) -> Callable[..., Section]:
        def made(
            key: str,
            title: str,
            lead: str,
            fill: Callable[[Sequence[Row]], Content],
        ) -> Section:
            if told := self._database.missing(query):
                return Section(key, title, lead, told=told)
            days = {name: day.isoformat() for name, day in other.items()}
            values = self._period.parameters | {"weeks": self._period.weeks} | days
            if not (rows := self._database.rows(query, **values)):
                return Section(key, title, lead, told="There is nothing to show.")
            content = fill(rows)
            self.tiles += content.tiles
            return Section(key, title, lead, content.chart, content.tables, notes=content.notes)

        return made
