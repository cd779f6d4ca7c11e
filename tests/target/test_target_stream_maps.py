"""Stream maps that join streams in one table, or leave a stream out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_run import activate, record, schema, state, write

if TYPE_CHECKING:
    from fixtures.databases import Database

ID = {"type": "integer"}
ONE_TABLE = {"a": {"__alias__": "c"}, "b": {"__alias__": "c"}}


@pytest.mark.parametrize("load_method", ["upsert", "append-only", "overwrite"])
def test_streams_of_different_schemas_share_a_table(database: Database, load_method: str) -> None:
    """The table has the columns of both, and every record is there when the state comes out."""
    states = write(
        database,
        schema("a", id=ID, x="string"),
        record("a", id=1, x="one"),
        schema("b", id=ID, y="integer"),
        record("b", id=2, y=2),
        record("a", id=3, x="three"),
        state(at=1),
        stream_maps=ONE_TABLE,
        load_method=load_method,
        overwrite_requires="end_of_input",
    )

    assert database.rows("c") == [
        {"id": 1, "x": "one", "y": None},
        {"id": 2, "x": None, "y": 2},
        {"id": 3, "x": "three", "y": None},
    ]
    assert states == ['{"at": 1}']


def test_a_column_of_streams_that_share_a_table_widens_for_both(database: Database) -> None:
    """The stream whose schema came first goes on to write into the wider column."""
    write(
        database,
        schema("a", id=ID, v="integer"),
        record("a", id=1, v=1),
        schema("b", id=ID, v="string"),
        record("b", id=2, v="two"),
        record("a", id=3, v=3),
        stream_maps=ONE_TABLE,
    )

    assert [row["v"] for row in database.rows("c")] == ["1", "two", "3"]


def test_the_last_record_of_streams_that_share_a_table_wins(database: Database) -> None:
    """Also where records of one key come from both streams in turn."""
    write(
        database,
        schema("a", id=ID, v="string", x="string"),
        schema("b", id=ID, v="string", y="string"),
        record("a", id=1, v="a"),
        record("b", id=1, v="b"),
        record("b", id=2, v="b"),
        record("a", id=2, v="a"),
        record("a", id=3, v="a"),
        record("b", id=3, v="b"),
        record("a", id=3, v="last"),
        stream_maps=ONE_TABLE,
    )

    assert [row["v"] for row in database.rows("c")] == ["b", "a", "last"]


@pytest.mark.parametrize("hard_delete", [False, True])
@pytest.mark.parametrize("other", ["string", "integer"])
def test_a_version_of_one_stream_keeps_the_rows_of_another(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture, other: str, *, hard_delete: bool
) -> None:
    """Versions of two streams cannot be compared, so nothing is removed, and a warning says so."""
    write(
        sqlite_database,
        schema("a", id=ID, v="integer"),
        schema("b", id=ID, v=other),
        record("a", 100, id=1),
        record("b", 200, id=2),
        activate("a", 100),
        activate("b", 200),
        activate("b", 200),
        stream_maps=ONE_TABLE,
        hard_delete=hard_delete,
    )

    rows = sqlite_database.rows("c", metadata=True)
    assert [(row["id"], row.get("_sdc_deleted_at")) for row in rows] == [(1, None), (2, None)]
    told = [line for line in caplog.messages if "no rows of older versions are removed" in line]
    assert len(told) == 1
    assert "a, b" in told[0]


@pytest.mark.parametrize(
    "stream_maps", [{"a": None}, {"a": "__NULL__"}, {"b": {}, "__else__": None}]
)
def test_a_stream_that_is_left_out_has_no_table(
    sqlite_database: Database, stream_maps: dict[str, object]
) -> None:
    """None is made, and none of the key's demands concern it."""
    write(
        sqlite_database,
        schema("a", id=ID),
        record("a", id=1),
        schema("b", id=ID),
        record("b", id=2),
        stream_maps=stream_maps,
        primary_key_required=True,
    )

    tables = sqlite_database.query("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert [row["name"] for row in tables] == ["b"]


def test_overwrite_keeps_the_table_of_a_stream_that_is_left_out(database: Database) -> None:
    """The run has no records for it."""
    write(database, schema("a", id=ID), record("a", id=1))
    write(
        database,
        schema("a", id=ID),
        record("a", id=2),
        load_method="overwrite",
        overwrite_requires="end_of_input",
        stream_maps={"a": None},
    )

    assert database.rows("a") == [{"id": 1}]
