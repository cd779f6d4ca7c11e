"""Tables that the pages have in common, and the sums in them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from harvest_report import parts
from harvest_report.parts import Bar, Column, Hours, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harvest_report.database import Row

MOST_ROWS: Final = 200
"""How many rows a table has; those after them become one."""

NEAR_PERCENT: Final = 80
"""From how much of a budget on its bar has another colour."""

FULL_PERCENT: Final = 100


def aged(
    caption: str,
    currency: str,
    rows: Sequence[Row],
    ages: Sequence[tuple[str, str, str]],
    whole: str,
    *,
    heads: Sequence[tuple[str, str]],
    more: Sequence[tuple[str, Callable[[Row], str]]] = (),
) -> Table:
    """Make a table of amounts of one currency by age.

    Args:
        caption: Of the table.
        currency: Of all amounts.
        rows: What a query gave.
        ages: The result column, the CSS class and the name of each age.
        whole: The result column of their sum.
        heads: The name and the result column of what the amounts are of.
        more: Further columns, at the end.
    """
    names = [whole, *(each for each, _, _ in ages)]
    shown = rows[:MOST_ROWS]

    def amounts(some: Sequence[Row]) -> list[str]:
        """Add them up; without a rate their ages are as unknown as their sum."""
        is_known = total(some, whole) is not None
        return [amount(total(some, name) if is_known else None, currency) for name in names]

    drawn = parts.bars([(css, parts.number(row[name])) for name, css, _ in ages] for row in shown)
    cells: list[list[parts.Cell]] = [
        [
            *(str(row[name] or parts.UNKNOWN) for _, name in heads),
            bar,
            *amounts([row]),
            *(make(row) for _, make in more),
        ]
        for row, bar in zip(shown, drawn, strict=True)
    ]
    if len(rows) > MOST_ROWS:
        rest = rows[MOST_ROWS:]
        cells.append(
            [
                f"{len(rest)} others",
                *("" for _ in heads[1:]),
                Bar([]),
                *amounts(rest),
                *("" for _ in more),
            ]
        )
    return Table(
        caption,
        [
            *(Column(head) for head, _ in heads),
            Column("", "bar"),
            Column("Sum", "number"),
            *(Column(title, "number") for _, _, title in ages),
            *(Column(title, "number") for title, _ in more),
        ],
        cells,
        [
            "Sum",
            *("" for _ in heads[1:]),
            Bar([]),
            *amounts(rows),
            *("" for _ in more),
        ],
        [(css, title) for _, css, title in ages],
        is_long=True,
    )


def amount(value: Any, currency: str) -> str:
    """An amount without its currency, which the caption names."""
    return parts.money_text(value, currency).removesuffix(f" {currency}")


def total(rows: Sequence[Row], name: str) -> float | None:
    """Add up a result column; `None` if no row has a figure."""
    found = [parts.number(row[name]) for row in rows if row[name] is not None]
    return sum(found) if found else None


def by_currency(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Part rows by their currency, in the order of its code."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["currency"] or ""].append(row)
    return sorted(found.items())


def sums(rows: Sequence[Row], name: str) -> list[tuple[float | None, str]]:
    """Add up a result column for each currency."""
    return [(total(of_it, name), currency) for currency, of_it in by_currency(rows)]


def by_month(rows: Sequence[Row], months: Sequence[str]) -> list[Hours]:
    """Add up hours and billable hours for each month, also for those without any."""
    found = {month: [0.0, 0.0] for month in months}
    for row in rows:
        both = found[row["month"]]
        both[0] += parts.number(row["hours"])
        both[1] += parts.number(row["billable_hours"])
    return [Hours(month, hours, billable) for month, (hours, billable) in found.items()]


def sums_of(rows: Sequence[Hours]) -> tuple[float, float]:
    """Add up hours and billable hours."""
    return sum(row.hours for row in rows), sum(row.billable for row in rows)


def month_section(months: Sequence[Hours]) -> Mapping[str, Any]:
    """Make chart and table of hours by month."""
    table = Table(
        "Hours by month",
        [Column("Month"), *(Column(name, "number") for name in ("Hours", "Billable", "Share"))],
        [
            [parts.month_name(month), *hours_cells(hours, billable)]
            for month, hours, billable in months
        ],
        ["All months", *hours_cells(*sums_of(months))],
        is_long=True,
    )
    chart = parts.month_chart("Hours by month, billable and not billable", months)
    return {"chart": chart, "tables": [table]}


def client_table(
    clients: Sequence[tuple[str, Mapping[str, float]]], whole: tuple[str, Mapping[str, float]]
) -> Table:
    """Make the table of hours by client; each has `hours` and `billable`."""
    drawn = parts.bars(parts.split(each["hours"], each["billable"]) for _, each in clients)
    heads = ("Hours", "Billable", "Share")
    return Table(
        "Hours by client",
        [Column("Client"), Column("", "bar"), *(Column(name, "number") for name in heads)],
        [
            [client, bar, *hours_cells(each["hours"], each["billable"])]
            for (client, each), bar in zip(clients, drawn, strict=True)
        ],
        [whole[0], Bar([]), *hours_cells(whole[1]["hours"], whole[1]["billable"])],
        parts.BILLABLE_LEGEND,
        is_long=True,
    )


def budget_table(rows: Sequence[Row]) -> Table:
    """Make the table of budgets in hours; its bars are as long as what was used."""
    drawn = []
    for row in rows:
        used = parts.number(row["used_percent"])
        most = max(used, FULL_PERCENT)
        css = "over" if used > FULL_PERCENT else "near" if used >= NEAR_PERCENT else "billable"
        drawn.append(Bar([(css, used * 100 / most)], FULL_PERCENT * 100 / most))
    has_clients = "client" in (rows[0] if rows else {})
    return Table(
        "Budgets of hours, by project",
        [
            Column("Project"),
            *([Column("Client")] if has_clients else []),
            Column("", "bar"),
            *(Column(name, "number") for name in ("Budget", "Used", "Left", "Share")),
        ],
        [
            [
                str(row["project"] or parts.UNKNOWN),
                *([str(row["client"] or parts.UNKNOWN)] if has_clients else []),
                bar,
                parts.hours_text(row["budget"]),
                parts.hours_text(row["hours"]),
                parts.hours_text(parts.number(row["budget"]) - parts.number(row["hours"])),
                parts.percent_text(parts.number(row["used_percent"]), 100),
            ]
            for row, bar in zip(rows, drawn, strict=True)
        ],
        legend=(
            ("billable", "used"),
            ("near", "80 % and more"),
            ("over", "over budget"),
            ("limit", "budget"),
        ),
        is_long=True,
    )


def left_out(rows: Sequence[Any]) -> list[str]:
    """Say how many rows a table does not show."""
    more = len(rows) - MOST_ROWS
    return [f"{more} more are not shown."] if more > 0 else []


def hours_cells(hours: Any, billable: Any) -> list[str]:
    """Hours, billable hours and their share."""
    return [
        parts.hours_text(hours),
        parts.hours_text(billable),
        parts.percent_text(parts.number(billable), parts.number(hours)),
    ]


def hours_or_none(hours: float) -> str:
    """Hours with one decimal, and nothing for none."""
    return parts.decimal_text(hours, 1) if round(hours, 2) else ""


def person(row: Row) -> str:
    """The name of a person."""
    return f"{row['first_name'] or ''} {row['last_name'] or ''}".strip() or parts.UNKNOWN


def short_month(month: str) -> str:
    """The month and two digits of the year, with an apostrophe."""
    name = parts.month_name(month)
    return f"{name[:3]} \N{RIGHT SINGLE QUOTATION MARK}{name[-2:]}"


def day_text(day: Any) -> str:
    """A day such as 9 April 2031."""
    return f"{day.day} {parts.month_name(day.isoformat())}"
