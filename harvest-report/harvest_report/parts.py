"""The parts of a page: sections, tables with bars in them, columns of months; figures as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NO_CENTS: Final = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
"""Currencies without a minor unit (ISO 4217)."""

UNKNOWN: Final = "\N{EM DASH}"
"""What stands in place of a figure that the database does not have."""


@dataclass(frozen=True)
class Bar:
    """A horizontal bar in a cell of a table, with a line where a limit is."""

    parts: Sequence[tuple[str, float]]
    """The CSS class and the length of each part, in percent of the cell."""
    limit: float | None = None
    """Where the line stands, in percent of the cell."""

    @property
    def placed(self) -> list[tuple[str, str, str]]:
        """Class, begin and length of each part, as SVG wants them."""
        begin, found = 0.0, []
        for name, length in self.parts:
            if length > 0:
                found.append((name, f"{begin:.2f}", f"{length:.2f}"))
            begin += length
        return found


Cell = str | Bar

MOST_LABELS: Final = 12
"""How many labels fit below a chart."""


class Hours(NamedTuple):
    """Hours of a month, a person, a client or a project."""

    name: str
    """Of a month such as 2031-04."""
    hours: float
    billable: float
    """How many of the hours are billable."""


Row = TypeVar("Row")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    kind: Literal["text", "day", "number", "bar", "long"] = "text"


@dataclass(frozen=True)
class Table:
    """Figures, in words that are not HTML yet."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None
    """The last row."""
    legend: Sequence[tuple[str, str]] = ()
    """The CSS class and the meaning of each part of a bar."""
    is_long: bool = False
    """Whether a screen shows it in a frame that scrolls."""


@dataclass(frozen=True)
class MonthBar:
    """One month of a chart: what its column shows, in units of the drawing."""

    label: str
    year: str
    told: str
    """What the column says in words."""
    x: float
    width: float
    parts: Sequence[tuple[str, float, float]]
    """Class, top and height of each part."""


@dataclass(frozen=True)
class MonthChart:
    """Columns of hours by month."""

    title: str
    bars: Sequence[MonthBar]
    ticks: Sequence[tuple[float, str]]
    """Where the lines are, and what hours they stand for."""
    legend: Sequence[tuple[str, str]]

    WIDTH: Final = 720
    HEIGHT: Final = 420
    LEFT: Final = 72
    """Room for the hours at the left, in units of the drawing."""
    BOTTOM: Final = 372
    TOP: Final = 12


@dataclass(frozen=True)
class Section:
    """A headed part of a page. Without tables it says why there are none."""

    key: str
    title: str
    lead: str = ""
    chart: MonthChart | None = None
    tables: Sequence[Table] = ()
    told: str = ""
    """What is missing and what to do, or that there is nothing."""
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Tile:
    """One of the figures at the top."""

    name: str
    figures: Sequence[str]
    told: str = ""


@dataclass(frozen=True)
class Content:
    """What the rows of a query make of a section, and of the top of the page."""

    chart: MonthChart | None = None
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    tiles: Sequence[Tile] = ()


BILLABLE_LEGEND: Final = (("billable", "billable"), ("other", "not billable"))


def month_chart(title: str, months: Sequence[Hours]) -> MonthChart:
    """Draw hours by month.

    Args:
        title: What a screen reader says of it.
        months: One after the other.
    """
    most = max((each.hours for each in months), default=0)
    step = tick_step(most)
    top = max(ceil(most / step), 1) * step
    scale = (MonthChart.BOTTOM - MonthChart.TOP) / top
    slot_width = (MonthChart.WIDTH - MonthChart.LEFT) / max(len(months), 1)
    width = min(slot_width * 0.64, 64)
    bars = []
    labels = _axis_labels([each.name for each in months])
    for number, (month, hours, billable) in enumerate(months):
        label, year = labels[number]
        rest = max(hours - billable, 0) * scale
        height = max(billable, 0) * scale
        bars.append(
            MonthBar(
                label=label,
                year=year,
                told=f"{month_name(month)}: {hours_text(hours)} h, "
                f"{hours_text(billable)} h billable",
                x=MonthChart.LEFT + slot_width * number + (slot_width - width) / 2,
                width=width,
                parts=[
                    ("billable", MonthChart.BOTTOM - height, height),
                    ("other", MonthChart.BOTTOM - height - rest, rest),
                ],
            )
        )
    ticks = [
        (MonthChart.BOTTOM - step * number * scale, f"{step * number:,.10g}")
        for number in range(round(top / step) + 1)
    ]
    return MonthChart(title, bars, ticks, BILLABLE_LEGEND)


def _axis_labels(months: Sequence[str]) -> list[tuple[str, str]]:
    """The month and the year below each column: so few of them that they do not overlap."""
    if len(months) > 2 * MOST_LABELS:
        years_apart = ceil(len(months) / 12 / MOST_LABELS)
        is_shown = {f"{year}-01" for year in range(0, 10_000, years_apart)}
        return [("", month[:4] if month in is_shown else "") for month in months]
    months_apart = ceil(len(months) / MOST_LABELS)
    return [
        (
            month_name(month)[:3] if number % months_apart == 0 else "",
            month[:4] if number == 0 or month.endswith("-01") else "",
        )
        for number, month in enumerate(months)
    ]


def tick_step(most: float) -> float:
    """A round distance of lines, so that about four of them are below a figure."""
    if most <= 0:
        return 1
    raw = most / 4
    unit = 10 ** floor(log10(raw))
    return float(next(unit * each for each in (1, 2, 2.5, 5, 10) if unit * each >= raw))


def bars(
    figures: Iterable[Sequence[tuple[str, float]]], limits: Iterable[float | None] | None = None
) -> list[Bar]:
    """Make the bars of a column, the longest of which fills its cell.

    Args:
        figures: For each row, the class and the figure of each part.
        limits: For each row, the figure at which a line stands.
    """
    rows = list(figures)
    ends = list(limits) if limits is not None else [None] * len(rows)
    lengths = [sum(max(figure, 0) for _, figure in row) for row in rows]
    most = max([*lengths, *(end or 0 for end in ends)], default=0) or 1
    return [
        Bar(
            [(name, max(figure, 0) * 100 / most) for name, figure in row],
            None if end is None else end * 100 / most,
        )
        for row, end in zip(rows, ends, strict=True)
    ]


def split(hours: Any, billable: Any) -> list[tuple[str, float]]:
    """The parts of a bar of hours."""
    return [("billable", number(billable)), ("other", number(hours) - number(billable))]


def folded(rows: Sequence[Row], most: int, fold: Callable[[Sequence[Row]], Row]) -> list[Row]:
    """Keep the first rows, and make one of the others, so that a page stays small."""
    if len(rows) <= most:
        return list(rows)
    return [*rows[:most], fold(rows[most:])]


def number(value: Any) -> float:
    """A figure that a database gave; null counts as 0."""
    return float(value or 0)


def decimal_text(value: Any, decimals: int) -> str:
    """A figure with so many decimals. Sums of many figures may give -0.001, which is 0.00."""
    return f"{round(number(value), decimals) + 0.0:,.{decimals}f}"


def hours_text(value: Any) -> str:
    """Hours with two decimals."""
    return decimal_text(value, 2)


def percent_text(part: float, whole: float) -> str:
    """A share in whole percent; a dash if there is no whole."""
    return f"{decimal_text(part * 100 / whole, 0)} %" if round(whole, 2) else UNKNOWN


def money_text(value: Any, currency: str) -> str:
    """An amount with its currency; a dash for null."""
    if value is None:
        return UNKNOWN
    decimals = 0 if currency in NO_CENTS else 2
    return f"{decimal_text(value, decimals)} {currency}".strip()


def round_money_text(value: Any, currency: str) -> str:
    """An amount in whole units of its currency; a dash for null."""
    return UNKNOWN if value is None else f"{decimal_text(value, 0)} {currency}".strip()


def month_name(month: str) -> str:
    """`2031-04` is `April 2031`."""
    names = "January February March April May June July August September October November December"
    return f"{names.split()[int(month[5:7]) - 1]} {month[:4]}"
