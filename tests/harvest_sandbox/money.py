"""Sums that come out to the cent, and the totals of invoices and estimates."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harvest_sandbox.tables import Bill, LineItem

CENT = Decimal("0.01")


@lru_cache(maxsize=65536)
def exact(value: float | None) -> Decimal:
    """The number with the digits that it prints; `None` counts as 0."""
    return Decimal(0) if value is None else Decimal(str(value))


def cents(value: Decimal) -> float:
    """The number rounded half up to two decimals."""
    return float(value.quantize(CENT, ROUND_HALF_UP))


def total(values: Iterable[float | None]) -> float:
    """The sum, without the rounding errors of binary fractions."""
    return cents(sum((exact(value) for value in values), Decimal(0)))


def line_amount(line: LineItem) -> float:
    """Quantity times unit price."""
    return _product(line.quantity, line.unit_price)


@lru_cache(maxsize=65536)
def _product(quantity: float, unit_price: float) -> float:
    return cents(exact(quantity) * exact(unit_price))


@dataclass(frozen=True)
class Totals:
    """What the lines of a bill come to, in its currency."""

    amount: float
    discount_amount: float
    tax_amount: float
    tax2_amount: float


def totals(bill: Bill) -> Totals:
    """Add up the lines: first the discount, then the taxes on what it leaves of the taxed lines."""
    amounts = [(line, exact(line_amount(line))) for line in bill.line_items]
    lines = sum((amount for _, amount in amounts), Decimal(0))
    kept = 1 - exact(bill.discount) / 100
    discount = exact(cents(lines * (1 - kept)))
    taxed = sum((amount for line, amount in amounts if line.taxed), Decimal(0))
    taxed2 = sum((amount for line, amount in amounts if line.taxed2), Decimal(0))
    tax = exact(cents(taxed * kept * exact(bill.tax) / 100))
    tax2 = exact(cents(taxed2 * kept * exact(bill.tax2) / 100))
    return Totals(cents(lines - discount + tax + tax2), float(discount), float(tax), float(tax2))
