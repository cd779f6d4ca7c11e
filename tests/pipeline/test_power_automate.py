"""docs/power-automate.md: what the stored procedure takes from the array that Harvest sends."""

from __future__ import annotations

import json
import re
from contextlib import closing, contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pymssql
import requests
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.databases import Database
    from harvest_sandbox import Sandbox

PAGE: Final = Path(__file__).parents[2] / "docs" / "power-automate.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
MAKE, GRANT, TRY, EMPTY = re.findall(r"```sql\n(.+?)```", TEXT, re.DOTALL)
TABLE, PROCEDURE = MAKE.split("\nGO\n")
CALL, CLEAN = TRY.split("DELETE ")
FIELDS: Final = re.findall(r"^    (\w+) (\S.*?) '\$\.(.+?)',?$", PROCEDURE, re.MULTILINE)
"""Name, type and path of each column that `OPENJSON` makes."""


def value(record: dict[str, Any], path: str) -> Any:
    """What a record has at a path."""
    return reduce(lambda part, name: part[name], path.split("."), record)


@contextmanager
def made(database: Database) -> Iterator[Any]:
    """The table and the procedure of the page; a cursor, each statement of which is committed."""
    given = make_url(database.url)
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
        try:
            yield cursor
        finally:
            cursor.execute("DROP PROCEDURE dbo.load_time_entries")


def call(cursor: Any, entries: str) -> Any:
    """Call the procedure with an array; gives how many rows it updated and inserted."""
    cursor.execute("EXEC dbo.load_time_entries @entries = %s", (entries,))
    return cursor.fetchone()


def flow(cursor: Any, harvest: Sandbox, **query: str) -> list[Any]:
    """What the steps of the page do, page by page of Harvest; gives the answers of the calls."""
    answers = []
    page = 1
    while page:
        body = requests.get(
            f"{harvest.api_url}/time_entries",
            params=query | {"page": str(page)},
            headers={
                "Authorization": f"Bearer {harvest.token}",
                "Harvest-Account-Id": harvest.account_id,
                "User-Agent": "flow@example.com",
            },
            timeout=60,
        ).json()
        answers.append(call(cursor, json.dumps(body["time_entries"], ensure_ascii=False)))
        page = body["next_page"] or 0
    return answers


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
    with made(mssql_database) as cursor:

        def load(rows: list[dict[str, Any]]) -> Any:
            return call(cursor, json.dumps(rows))

        assert load(entries) == (0, len(entries))
        older = {**entries[0], "updated_at": "2001-01-01T00:00:00Z", "notes": "older"}
        newer = {**entries[1], "updated_at": "2031-01-01T00:00:00Z", "notes": "newer"}
        assert load([older, newer]) == (1, 0)
        assert load([]) == (0, 0)
        for counts in ((0, 1), (1, 0)):
            cursor.execute(CALL)
            assert cursor.fetchone() == counts
        cursor.execute(f"DELETE {CLEAN}")

    rows = {row["id"]: row for row in mssql_database.rows("time_entries")}
    assert len(rows) == len(entries)
    assert rows[newer["id"]]["notes"] == "newer"
    for entry in entries[2:]:
        row = rows[entry["id"]]
        assert float(row["hours"]) == entry["hours"]
        assert row["client_name"] == entry["client"]["name"]


def test_the_flow_keeps_the_table_as_harvest_is(mssql_database: Database, harvest: Sandbox) -> None:
    """No entry twice; an edit is an update; a deleted one stays until all are loaded again.

    The note has no escapes of JSON, as Babelfish leaves them in texts.
    """
    with made(mssql_database) as cursor:

        def ids() -> set[int]:
            cursor.execute("SELECT id FROM dbo.time_entries")
            return {row_id for (row_id,) in cursor.fetchall()}

        entries = {entry["id"] for entry in harvest.rows("time_entries")}
        first = flow(cursor, harvest, per_page="5")
        assert len(first) > 1
        assert sum(inserted for _, inserted in first) == len(entries)
        again = flow(cursor, harvest, per_page="2000")
        assert again == [(len(entries), 0)]

        gone, edited, *_ = sorted(entries)
        before = harvest.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        harvest.advance(seconds=60)
        harvest.delete("time_entries", gone)
        harvest.change("time_entries", edited, notes="note \u2713")
        new = harvest.add("time_entries", hours=1.5)["id"]
        assert flow(cursor, harvest, per_page="2000", updated_since=before) == [(1, 1)]
        assert ids() == entries | {new}
        cursor.execute(f"SELECT notes FROM dbo.time_entries WHERE id = {edited}")
        assert cursor.fetchone() == ("note \u2713",)

        cursor.execute(EMPTY)
        flow(cursor, harvest, per_page="2000")
        assert ids() == entries - {gone} | {new}
