"""What is DuckDB's own: its stage, how it is opened, and the file that carries a batch."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url
from target_run import record, schema, write

from target_harvest_sql.drivers.duckdb import AnonymousFile, DuckDBDriver

if TYPE_CHECKING:
    from fixtures.databases import Database

ID = {"type": "integer"}


@pytest.fixture(params=["anonymous", "registered"])
def _file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of file that carries a batch."""
    if request.param == "anonymous" and not AnonymousFile.exists:
        pytest.skip("This system has no anonymous files.")
    monkeypatch.setattr(AnonymousFile, "exists", request.param == "anonymous")


def test_what_a_column_rounds_has_not_changed(duckdb_database: Database) -> None:
    """The column was made by somebody else, and holds less than the stream sends."""
    duckdb_database.query("CREATE TABLE t (id BIGINT PRIMARY KEY, v FLOAT)")
    messages = [schema("t", id=ID, v="number"), record("t", id=1, v=0.1)]
    write(duckdb_database, *messages)
    [before] = duckdb_database.rows("t", metadata=True)
    write(duckdb_database, *messages)

    [after] = duckdb_database.rows("t", metadata=True)
    assert after == before


def test_a_stream_may_have_the_name_of_a_stage(duckdb_database: Database) -> None:
    """A stage hides no table but while a batch of another one is written."""
    names = ("t", "t__stage", "t__stage__stage")
    for value in ("a", "b"):
        messages = [
            (schema(name, id=ID, v="string"), record(name, id=1, v=f"{name} {value}"))
            for name in names
        ]
        write(duckdb_database, *(m for pair in (*messages, *messages) for m in pair))

    assert [row["v"] for name in names for row in duckdb_database.rows(name)] == [
        f"{name} b" for name in names
    ]


def test_rows_come_after_rows_that_are_there(duckdb_database: Database) -> None:
    """New keys are inserted and known ones updated, though both are in one batch."""
    people = schema("t", keys=["a", "b"], a="integer", b="string", v="string")
    write(duckdb_database, people, record("t", a=1, b="x", v="old"), record("t", a=1, b="y", v="="))
    write(
        duckdb_database,
        people,
        record("t", a=1, b="x", v="new"),
        record("t", a=1, b="y", v="="),
        record("t", a=2, b="x", v="added"),
    )

    found = {(row["a"], row["b"]): row["v"] for row in duckdb_database.rows("t")}
    assert found == {(1, "x"): "new", (1, "y"): "=", (2, "x"): "added"}


@pytest.mark.parametrize(
    ("query", "threads", "threshold"),
    [
        ("", "1", "85.8 MiB"),
        ("?threads=2", "2", "85.8 MiB"),
        ("?checkpoint_threshold=32MiB", "1", "32.0 MiB"),
    ],
)
def test_the_url_has_the_last_word(query: str, threads: str, threshold: str) -> None:
    """What follows `?` is DuckDB's configuration, and stands above ours."""
    with closing(DuckDBDriver(make_url(f"duckdb:///:memory:{query}"))) as driver:
        found = driver.execute(
            "SELECT current_setting('threads')::VARCHAR, current_setting('checkpoint_threshold')",
            {},
        )

    assert found == [(threads, threshold)]


@pytest.mark.usefixtures("_file")
def test_each_batch_is_read_anew(duckdb_database: Database) -> None:
    """From the same file, shorter and longer; one batch is larger than a buffer of a file."""
    sent = ["x" * 100_000, "y", "z", "w" * 50]
    write(
        duckdb_database,
        schema("t", id=ID, v="string"),
        *(record("t", id=n, v=v) for n, v in enumerate(sent)),
        batch_size_rows=1,
    )

    assert [row["v"] for row in duckdb_database.rows("t")] == sent


@pytest.mark.usefixtures("_file")
def test_connections_write_side_by_side(duckdb_database: Database) -> None:
    """In one process, to one file: each carries a batch of its own."""
    url = make_url(duckdb_database.url)
    read = "SELECT v FROM read_json($batch, columns = {'v': 'INTEGER'})"
    with (
        closing(DuckDBDriver(url)) as one,
        closing(DuckDBDriver(url)) as other,
        one.carry(b'{"v": 1}\n') as first,
        other.carry(b'{"v": 2}\n') as second,
    ):
        found = [one.execute(read, {"batch": first}), other.execute(read, {"batch": second})]

    assert found == [[(1,)], [(2,)]]
