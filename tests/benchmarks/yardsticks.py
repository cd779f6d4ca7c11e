"""The plainest ways into a table, on the rows that the target has left in it.

`python -m benchmarks.yardsticks` runs one of them in a process of its own, and prints how many
seconds it took, without the start of Python and the connection.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg
from sqlalchemy.engine import make_url

from benchmarks.stores import mariadb_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Rows = Iterable[Sequence[Any]]

CHUNK_BYTES: Final = 1 << 20
METADATA: Final = "_sdc_"


@dataclass(frozen=True)
class Yardstick:
    """A way to write, and what the target is to reach beside it."""

    title: str
    """How the tables call it."""
    engine: str
    aim: float
    """How many times as fast as it the target is to be, at least."""
    run: Callable[[str, Path], float]
    """Takes the database and the messages that are in it; returns seconds."""

    def measure(self, url: str, messages: Path) -> float:
        """Run it in a process of its own; returns seconds.

        Args:
            url: The database that the target has written the messages to.
            messages: The messages.
        """
        number = str(YARDSTICKS.index(self))
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.yardsticks", number, url, messages],
            check=True,
            stdout=subprocess.PIPE,
        )
        return float(ended.stdout)


def copied(url: str, messages: Path) -> float:
    """Write the table's rows into it again as CSV that is there already."""
    del messages
    with (
        closing(psycopg.connect(url, autocommit=True)) as connection,
        connection.cursor() as cursor,
        tempfile.TemporaryFile() as file,
    ):
        with cursor.copy("COPY time_entries TO STDOUT (FORMAT csv)") as source:
            for data in source:
                file.write(data)
        cursor.execute("TRUNCATE time_entries")
        file.seek(0)
        began = time.perf_counter()
        with cursor.copy("COPY time_entries FROM STDIN (FORMAT csv)") as table:
            while data := file.read(CHUNK_BYTES):
                table.write(data)
        return time.perf_counter() - began


def given_to_sqlite(url: str, messages: Path) -> float:
    """Write the table's rows, as tuples that are there already, into one like it."""
    del messages
    with closing(_sqlite(url)) as old, closing(_like(old, url)) as new:
        rows = old.execute("SELECT * FROM time_entries").fetchall()
        return _executed(new, "?", rows)


def parsed_for_sqlite(url: str, messages: Path) -> float:
    """As above, the parsing of the messages included."""
    with closing(_sqlite(url)) as old, closing(_like(old, url)) as new:
        found = old.execute("SELECT * FROM time_entries LIMIT 1")
        return _executed(new, "?", _parsed(messages, found.description, found.fetchone()))


def given_to_mariadb(url: str, messages: Path) -> float:
    """Write the table's rows, as tuples that are there already, into it again."""
    del messages
    with closing(mariadb_connection(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM time_entries")
        rows = cursor.fetchall()
        cursor.execute("TRUNCATE time_entries")
        return _executed(connection, "%s", rows)


def parsed_for_mariadb(url: str, messages: Path) -> float:
    """As above, the parsing of the messages included."""
    with closing(mariadb_connection(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM time_entries LIMIT 1")
        description, like = cursor.description, cursor.fetchone()
        cursor.execute("TRUNCATE time_entries")
        return _executed(connection, "%s", _parsed(messages, description, like))


def _sqlite(url: str) -> sqlite3.Connection:
    return sqlite3.connect(str(make_url(url).database))


def _like(old: sqlite3.Connection, url: str) -> sqlite3.Connection:
    """A new file with the same table, in the mode in which the target writes."""
    path = Path(f"{make_url(url).database}-again")
    path.unlink(missing_ok=True)
    new = sqlite3.connect(path)
    new.execute("PRAGMA journal_mode = WAL")
    new.execute("PRAGMA synchronous = NORMAL")
    [[create]] = old.execute("SELECT sql FROM sqlite_master WHERE name = 'time_entries'")
    new.execute(create)
    return new


def _executed(connection: Any, mark: str, rows: Rows) -> float:
    """Insert rows by `executemany`; returns seconds."""
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM time_entries")
    marks = ", ".join([mark] * len(cursor.description))
    began = time.perf_counter()
    cursor.executemany(f"INSERT INTO time_entries VALUES ({marks})", rows)
    connection.commit()
    return time.perf_counter() - began


def _parsed(
    messages: Path, description: Sequence[Sequence[Any]], like: Sequence[Any]
) -> Iterator[Sequence[Any]]:
    """The records as rows of the table: objects as text, metadata as a row has it.

    Moments end without their Z, which MariaDB refuses.
    """
    names = [column[0] for column in description]
    metadata = tuple(
        value for name, value in zip(names, like, strict=True) if name.startswith(METADATA)
    )
    fields = names[: len(names) - len(metadata)]
    decode, encode = msgspec.json.decode, msgspec.json.encode
    with messages.open("rb") as lines:
        for line in lines:
            message = decode(line)
            if message["type"] == "RECORD":
                record = message["record"]
                values = [
                    encode(value).decode() if isinstance(value, dict) else value
                    for value in map(record.get, fields)
                ]
                yield (
                    *(
                        value[:-1] if isinstance(value, str) and value.endswith("Z") else value
                        for value in values
                    ),
                    *metadata,
                )


COPY: Final = Yardstick("COPY of ready-made CSV", "PostgreSQL", 0.55, copied)
YARDSTICKS: Final = (
    COPY,
    Yardstick("executemany of ready tuples", "SQLite", 1, given_to_sqlite),
    Yardstick("executemany, parsing included", "SQLite", 1.3, parsed_for_sqlite),
    Yardstick("executemany of ready tuples", "MariaDB", 1, given_to_mariadb),
    Yardstick("executemany, parsing included", "MariaDB", 1, parsed_for_mariadb),
)


if __name__ == "__main__":
    number, given_url, given_messages = sys.argv[1:]
    seconds = YARDSTICKS[int(number)].run(given_url, Path(given_messages))
    sys.stdout.write(f"{seconds}\n")
