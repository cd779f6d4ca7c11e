"""Compares the tables of a database after a sync with the rows of the account."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from support.account_tables import key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fixtures.databases import Database
    from support.account_tables import Row


MARIADB_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.0+)?Z")
"""A date-time as the driver of MariaDB returns it. Harvest sends no parts of seconds."""


def differences(wanted: Mapping[str, list[Row]], database: Database) -> list[str]:
    """List the differences, one a line. Rows that are marked as deleted are ignored.

    Args:
        wanted: The rows of each table, as Harvest shows them.
        database: Where they are, with the objects inside them spread over columns, one level deep.
    """
    return [line for name, rows in wanted.items() for line in _differences(name, rows, database)]


def _differences(name: str, wanted: list[Row], database: Database) -> Iterator[str]:
    statement = f'SELECT * FROM "{name}" WHERE _sdc_deleted_at IS NULL'
    rows = [{c: _plain(value) for c, value in row.items()} for row in database.query(statement)]
    found = {key(name, row): row for row in rows}
    expected = {key(name, row): row for row in wanted}
    if len(rows) > len(found):
        yield f"{name}: {len(rows) - len(found)} rows are there twice"
    for row_key, row in expected.items():
        if row_key not in found:
            yield f"{name} {row_key}: is missing"
            continue
        for column, value in _flattened(row).items():
            if (has := _value(found[row_key], column, value)) != value:
                yield f"{name} {row_key}: {column} is {has!r}, and not {value!r}"
    for row_key in found.keys() - expected.keys():
        yield f"{name} {row_key}: is too much"


def _flattened(row: Row) -> Row:
    """Flatten a row as the target does with a depth of 1: objects become columns."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}__{inner}": part for inner, part in value.items()}
        else:
            flat[name] = value
    if row.get("is_running"):
        # They grow with the clock, and move no `updated_at`: README of the tap, "Limits".
        del flat["hours"], flat["rounded_hours"]
    return flat


def _value(row: Row, column: str, wanted: Any) -> Any:
    """Return the value of a column, with JSON parsed. If null is wanted, all parts must be null."""
    value = row.get(column)
    if wanted is None:
        parts = (part for name, part in row.items() if name.startswith(f"{column}__"))
        return next((part for part in (value, *parts) if part is not None), None)
    if isinstance(wanted, list | dict) and value is not None:
        return json.loads(value)
    return value


def _plain(value: Any) -> Any:
    """Convert a value of any driver to the value that JSON would have."""
    match value:
        case str() if moment := MARIADB_MOMENT.fullmatch(value):
            return f"{moment[1]}T{moment[2]}Z"
        case dt.datetime():
            moment = value.astimezone(dt.UTC) if value.tzinfo else value
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case dt.date():
            return value.isoformat()
        case Decimal():
            return float(value)
    return value
