"""Three ways to insert rows into a SQL Server or Azure SQL of the reader's own."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import make_url

from benchmarks.page import Section, table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Sequence

ABOUT: Final = """
Time entries are inserted into a new table in three ways: a statement for each row, a driver's
`executemany`, and one JSON parameter for many rows, which `OPENJSON` takes apart. Row by row, each
row is a transaction, as in a flow; the other two commit once. The ways take turns. The table is
dropped at the end.
"""
COLUMNS: Final = {
    "id": ("bigint", "$.id"),
    "spent_date": ("date", "$.spent_date"),
    "hours": ("decimal(9, 2)", "$.hours"),
    "notes": ("nvarchar(400)", "$.notes"),
    "billable": ("bit", "$.billable"),
    "client_id": ("bigint", "$.client.id"),
    "client_name": ("nvarchar(400)", "$.client.name"),
    "project_name": ("nvarchar(400)", "$.project.name"),
    "task_name": ("nvarchar(400)", "$.task.name"),
    "user_name": ("nvarchar(400)", "$.user.name"),
}
"""The type and the JSON path of each column."""

Row = tuple[Any, ...]


class WrongCountError(Exception):
    """The table has not as many rows as were inserted."""


def arguments(parser: ArgumentParser) -> None:
    """Server, size and repetition."""
    parser.add_argument(
        "--url",
        required=True,
        help="mssql+pymssql://user:password@host/database or mssql+mssqlpython://…; the user may "
        "create a table in its default schema",
    )
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--single", type=int, default=500, help="so many are inserted row by row")
    parser.add_argument("--chunk", type=int, default=2_000, help="so many are in one parameter")
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def connect(url: str) -> tuple[Any, str]:
    """Connect by the driver that a URL names; gives the place of a value in a statement as well."""
    at = make_url(url)
    options = {name: str(value) for name, value in at.query.items()}
    if at.drivername == "mssql+mssqlpython":
        import mssql_python  # type: ignore[import-not-found,unused-ignore] # Not a dependency.

        server = f"{at.host},{at.port}" if at.port else at.host
        sign_in = {
            "server": server,
            "database": at.database,
            "uid": at.username,
            "pwd": at.password,
        }
        given = {name: value for name, value in (sign_in | options).items() if value is not None}
        return mssql_python.connect(autocommit=True, **given), "?"
    import pymssql

    given = at.translate_connect_args(host="server", username="user")
    return pymssql.connect(autocommit=True, **given, **options), "%s"


def entry(number: int) -> dict[str, Any]:
    """A time entry as Harvest sends it, with the fields of the table."""
    return {
        "id": number,
        "spent_date": f"2031-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "hours": number % 800 / 100,
        "notes": f"Review of page {number}: headings, links and the table of prices",
        "billable": number % 3 > 0,
        "client": {"id": number % 50, "name": f"Example client {number % 50}"},
        "project": {"name": f"Website {number % 100}"},
        "task": {"name": "Programming"},
        "user": {"name": f"Person {number % 30}"},
    }


def row(record: dict[str, Any]) -> Row:
    """The values of an entry, in the order of the columns."""
    values = []
    for _, path in COLUMNS.values():
        value: Any = record
        for name in path.split(".")[1:]:
            value = value[name]
        values.append(value)
    return tuple(values)


class Table:
    """A table of the server, and the three ways to fill it.

    Args:
        connection: By a driver of SQL Server; each statement is its own transaction.
        place: What stands for a value in a statement.
    """

    def __init__(self, connection: Any, place: str) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._place = place
        self._name = f"harvest_bench_{secrets.token_hex(4)}"
        names = ", ".join(COLUMNS)
        places = ", ".join([place] * len(COLUMNS))
        fields = ", ".join(f"{name} {type_} '{path}'" for name, (type_, path) in COLUMNS.items())
        self._insert = f"INSERT INTO {self._name} ({names}) VALUES ({places})"
        self._insert_json = (
            f"INSERT INTO {self._name} ({names}) SELECT {names} FROM OPENJSON({place}) "
            f"WITH ({fields})"
        )

    def create(self) -> None:
        """Create it."""
        columns = ", ".join(f"{name} {type_}" for name, (type_, _) in COLUMNS.items())
        self._cursor.execute(f"CREATE TABLE {self._name} ({columns}, PRIMARY KEY (id))")

    def drop(self) -> None:
        """Drop it."""
        self._cursor.execute(f"DROP TABLE {self._name}")

    def insert_singly(self, records: Sequence[dict[str, Any]]) -> None:
        """Insert row by row."""
        for record in records:
            self._cursor.execute(self._insert, row(record))

    def insert_many(self, records: Sequence[dict[str, Any]]) -> None:
        """Insert by the driver's `executemany`."""
        self._in_transaction(lambda: self._cursor.executemany(self._insert, [*map(row, records)]))

    def insert_json(self, records: Sequence[dict[str, Any]], chunk: int) -> None:
        """Insert by one parameter for `chunk` rows."""

        def insert() -> None:
            for start in range(0, len(records), chunk):
                text = json.dumps(records[start : start + chunk])
                self._cursor.execute(self._insert_json, (text,))

        self._in_transaction(insert)

    def _in_transaction(self, work: Callable[[], object]) -> None:
        self._cursor.execute("BEGIN TRANSACTION")
        work()
        self._cursor.execute("COMMIT TRANSACTION")

    def seconds(self, insert: Callable[[], object], records: int) -> float:
        """Empty the table, and measure how long it takes to fill it.

        Raises:
            WrongCountError: If the table then has another number of rows.
        """
        self._cursor.execute(f"DELETE FROM {self._name}")
        started = time.perf_counter()
        insert()
        seconds = time.perf_counter() - started
        self._cursor.execute(f"SELECT COUNT(*) FROM {self._name}")
        [found] = self._cursor.fetchone()
        if found != records:
            message = f"{records} rows were inserted, but the table has {found}."
            raise WrongCountError(message)
        return seconds


def run(options: Namespace) -> Iterator[str]:
    """Insert in three ways, in turn."""
    connection, place = connect(options.url)
    with closing(connection):
        yield from measured(connection, place, options)


def measured(connection: Any, place: str, options: Namespace) -> Iterator[str]:
    """Measure on a connection that is open."""
    records = [entry(number) for number in range(options.records)]
    few = records[: options.single]
    filled = Table(connection, place)
    ways: dict[str, tuple[Callable[[], None], int, int]] = {
        "row by row": (lambda: filled.insert_singly(few), len(few), len(few)),
        "`executemany`": (lambda: filled.insert_many(records), len(records), len(records)),
        "one JSON parameter": (
            lambda: filled.insert_json(records, options.chunk),
            len(records),
            -(-len(records) // options.chunk),
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    filled.create()
    try:
        for _ in range(options.runs):
            for name, (insert, count, _) in ways.items():
                taken[name].append(filled.seconds(insert, count))
    finally:
        filled.drop()
    yield f"The median of {options.runs} runs:"
    yield table(
        ("", "rows", "statements", "seconds", "rows/s"),
        [
            (name, f"{count:,}", f"{statements:,}", f"{s:.2f}", f"{count / s:,.0f}")
            for name, (_, count, statements) in ways.items()
            for s in [median(taken[name])]
        ],
    )
    if place == "%s":
        yield "The `executemany` of pymssql sends a statement for each row; Microsoft's sends many."


SECTION: Final = Section(
    name="mssql",
    title="Three ways into SQL Server",
    about=ABOUT,
    measure=run,
    arguments=arguments,
)
