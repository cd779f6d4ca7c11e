"""`multipleOf` of a schema, judged by the digits that were sent."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import InvalidRecord
from target_run import record, schema, write

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.records.blocks import join
from target_harvest_sql.records.exact_schema import is_multiple
from target_harvest_sql.records.validation import Validator

if TYPE_CHECKING:
    from fixtures.databases import Database


def spelled(number: str) -> str:
    """A record of table t whose property `k` is written so."""
    return json.dumps(record("t", k="?")).replace('"?"', number)


@pytest.mark.parametrize(
    ("step", "good", "bad"),
    [
        (0.01, ("1.13", "0.07", "-99999999.99", "5", "1.10", "1e-2", "1E2", "0"), "1.131"),
        (1e-06, ("1.13", "0.000001", "123.456789"), "0.0000001"),
        (0.05, ("1.15", "0.05"), "1.13"),
        (1, ("5", "5.0", "1e3", "12345678901234567890"), "5.5"),
        (0.01, ("12345678901234567890.12",), "12345678901234567890.123"),
        (0.01, ("1e999999999",), "1e-999999999"),
    ],
)
def test_a_multiple_is_judged_by_its_digits(
    postgres_database: Database, step: float, good: tuple[str, ...], bad: str
) -> None:
    """Not by binary numbers, to which 1.13 is no multiple of 0.01."""
    message = schema("t", keys=[], k={"type": ["number", "null"], "multipleOf": step})
    kept = [number for number in good if "e999" not in number]
    write(postgres_database, message, *map(spelled, kept), spelled("null"))
    with pytest.raises(InvalidRecord, match="a value that breaks `multipleOf` of the schema at k"):
        write(postgres_database, message, spelled(bad))
    if kept != [*good]:  # It is a multiple, which is too large for any column.
        with pytest.raises(DatabaseError, match="number"):
            write(postgres_database, message, *map(spelled, good))

    assert sorted(row["k"] for row in postgres_database.rows("t")[:-1]) == sorted(
        map(Decimal, kept)
    )


def test_a_multiple_is_one_by_exact_division() -> None:
    """Whatever the exponents are, and however large."""
    drawn = random.Random(1)
    for _ in range(2000):
        number = Decimal(drawn.randint(-(10**6), 10**6)).scaleb(drawn.randint(-8, 8))
        step = Decimal(drawn.randint(1, 5000)).scaleb(drawn.randint(-6, 6))
        exact = Fraction(number) / Fraction(step)
        assert is_multiple(number, step) == (exact.denominator == 1)

    assert is_multiple(Decimal("1e999999999"), Decimal("0.01"))
    assert not is_multiple(Decimal("1e-999999999"), Decimal("0.01"))
    assert not is_multiple(Decimal("Infinity"), Decimal("0.01"))


@pytest.mark.parametrize("number", ["1.13", "1.130", "1e2", "null", "12345678901234567.89"])
def test_decimals_are_judged_by_the_fast_decode(number: str) -> None:
    """As most tables of databases have them."""
    decimal = {"type": ["null", "number"], "multipleOf": 0.01, "minimum": -1e20, "maximum": 1e20}
    validator = Validator(schema("t", k=decimal, u="string")["schema"])

    record = f'{{"k": {number}, "u": "5e4, 1.234"}}'.encode()

    assert validator.check([record], join([record])) != [None]
