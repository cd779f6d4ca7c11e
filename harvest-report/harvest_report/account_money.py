"""The sections of the account's page that tell of money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harvest_report import parts
from harvest_report.parts import Content, Tile
from harvest_report.periods import to_day
from harvest_report.tables import aged, by_currency, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harvest_report.database import Row

AGES: Final = (
    ("up_to_30_days", "age-30", "up to 30 days"),
    ("up_to_60_days", "age-60", "31 to 60 days"),
    ("up_to_90_days", "age-90", "61 to 90 days"),
    ("older", "age-more", "over 90 days"),
)
"""The result column, the CSS class and the name of each age."""

NOT_DUE: Final = ("not_due", "not-due", "not yet due")


def uninvoiced_work(rows: Sequence[Row]) -> Content:
    """What is on no invoice, by currency, and a tile."""
    if all(row["amount"] is None for row in rows):
        note = "The token may not see rates, so the amounts are not known."
    else:
        note = "Time without a rate has no amount."
    tile = Tile("Uninvoiced", [parts.round_money_text(*each) for each in sums(rows, "amount")])
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
    return Content(tables=tables, notes=[note], tiles=[tile])


def receivables(rows: Sequence[Row]) -> Content:
    """What is due of open invoices, by currency, and two tiles."""
    overdue = [
        (parts.number(due) - parts.number(early), currency)
        for (due, currency), (early, _) in zip(
            sums(rows, "due"), sums(rows, "not_due"), strict=True
        )
    ]
    tiles = [
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
    return Content(tables=tables, tiles=tiles)
