"""docs/power-automate.md: what the stored procedure takes from the array that Harvest sends."""

from __future__ import annotations

import json
import re
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pymssql
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from fixtures.databases import Database
    from harvest_sandbox import Sandbox

PAGE: Final = Path(__file__).parents[2] / "docs" / "power-automate.md"
MAKE, GRANT, TRY = re.findall(r"```sql\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TABLE, PROCEDURE = MAKE.split("\nGO\n")
FIELDS: Final = re.findall(r"^    (\w+) (\S.*?) '\$\.(.+?)',?$", PROCEDURE, re.MULTILINE)
"""Name, type and path of each column that `OPENJSON` makes."""


def value(record: dict[str, Any], path: str) -> Any:
    """What a record has at a path."""
    return reduce(lambda part, name: part[name], path.split("."), record)


def test_each_column_is_a_field_of_an_entry(harvest: Sandbox) -> None:
    """With a type that takes its values, and without a value only where the table allows it."""
    columns = dict(re.findall(r"^  (\w+) (.+?),?$", TABLE, re.MULTILINE))
    python: dict[str, tuple[type, ...]] = {
        "bigint": (int,),
        "bit": (bool,),
        "date": (str,),
        "datetimeoffset(0)": (str,),
        "decimal(9, 2)": (int, float),
        "nvarchar(400)": (str,),
        "nvarchar(max)": (str, type(None)),
    }

    assert [name for name, _, _ in FIELDS] == list(columns)
    for name, type_, path in FIELDS:
        null = " NULL" if name == "notes" else " NOT NULL"
        assert columns[name].removesuffix(" PRIMARY KEY") == f"{type_}{null}"
        for entry in harvest.rows("time_entries"):
            assert isinstance(value(entry, path), python[type_])


def test_update_and_insert_name_every_column() -> None:
    """Of the two, UPDATE leaves out the key alone."""
    names = [name for name, _, _ in FIELDS]
    update = PROCEDURE.split("UPDATE old\n")[1].split("FROM dbo")[0]
    insert = PROCEDURE.split("INSERT INTO dbo.time_entries (")[1].split("FROM #new")[0]
    into, select = insert.split(")\n  SELECT ")

    assert re.findall(r"(\w+) = new\.\1\b", update) == names[1:]
    assert re.findall(r"\w+", into) == re.findall(r"\w+", select) == names


def test_the_procedure_inserts_and_updates(mssql_database: Database, harvest: Sandbox) -> None:
    """The whole array in one call; a later call changes what is newer, and nothing else."""
    entries = harvest.rows("time_entries")
    given = make_url(mssql_database.url)
    with closing(
        pymssql.connect(
            **given.translate_connect_args(host="server", username="user"),
            **{name: str(value) for name, value in given.query.items()},
            autocommit=True,
        )
    ) as connection:
        cursor = connection.cursor()
        for statement in (TABLE, PROCEDURE):
            cursor.execute(statement)

        def load(rows: list[dict[str, Any]]) -> Any:
            cursor.execute("EXEC dbo.load_time_entries @entries = %s", (json.dumps(rows),))
            return cursor.fetchone()

        assert load(entries) == (0, len(entries))
        older = {**entries[0], "updated_at": "2001-01-01T00:00:00Z", "notes": "older"}
        newer = {**entries[1], "updated_at": "2031-01-01T00:00:00Z", "notes": "newer"}
        assert load([older, newer]) == (1, 0)
        assert load([]) == (0, 0)
        cursor.execute(TRY)
        assert cursor.fetchone() == (0, 1)

    rows = {row["id"]: row for row in mssql_database.rows("time_entries")}
    assert len(rows) == len(entries) + 1
    assert rows[newer["id"]]["notes"] == "newer"
    for entry in entries[2:]:
        row = rows[entry["id"]]
        assert float(row["hours"]) == entry["hours"]
        assert row["client_name"] == entry["client"]["name"]
