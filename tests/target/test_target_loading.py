"""What lands in a table: keys, load methods, flattening, stream maps, metadata."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import activate, record, run, schema, state, write

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.databases import Database

PEOPLE = schema("people", id={"type": "integer"}, name="string")
SIZES = pytest.mark.parametrize("batch_size_rows", [1, 3, 10_000])


@SIZES
def test_the_last_record_of_a_key_wins(database: Database, batch_size_rows: int) -> None:
    """Within a batch and across batches."""
    write(
        database,
        PEOPLE,
        record("people", id=1, name="a"),
        record("people", id=2, name="b"),
        record("people", id=1, name="c"),
        record("people", id=1, name="d"),
        batch_size_rows=batch_size_rows,
    )

    assert database.rows("people") == [{"id": 1, "name": "d"}, {"id": 2, "name": "b"}]


def test_newest_first_takes_no_more_room(
    sqlite_database: Database, new_database: Callable[[str], Database]
) -> None:
    """APIs list the newest first, and a file that is filled backwards is twice as large."""
    other = new_database("sqlite")
    records = [record("people", id=n, name="x" * 100) for n in range(2000)]
    write(sqlite_database, PEOPLE, *reversed(records), batch_size_rows=500)
    write(other, PEOPLE, *records, batch_size_rows=500)

    taken, least = (d.query("PRAGMA page_count")[0]["page_count"] for d in (sqlite_database, other))
    assert taken <= least * 1.1


def test_a_batch_may_be_large(database: Database) -> None:
    """Each record of it arrives."""
    records = [record("people", id=n, name=str(n)) for n in range(2500)]
    write(database, PEOPLE, *records)

    assert database.rows("people") == [r["record"] for r in records]


@SIZES
def test_a_stream_without_a_key_is_appended(database: Database, batch_size_rows: int) -> None:
    """Every record is a row, in every run."""
    messages = [schema("log", keys=[], text="string"), *[record("log", text="x")] * 4]

    write(database, *messages, batch_size_rows=batch_size_rows)
    write(database, *messages, batch_size_rows=batch_size_rows)

    assert database.rows("log") == [{"text": "x"}] * 8


def test_append_only_keeps_every_record_of_a_key(database: Database) -> None:
    """`append-only` ignores keys, though they must be there."""
    messages = [PEOPLE, record("people", id=1, name="a"), record("people", id=1, name="a")]

    write(database, *messages, load_method="append-only")

    assert database.rows("people") == [{"id": 1, "name": "a"}] * 2


@pytest.mark.parametrize("name", ["k", "an odd `name`"])
@pytest.mark.parametrize("value", [{"a": 1}, [1]])
@pytest.mark.parametrize("definition", [{}, {"type": ["object", "array"]}])
@pytest.mark.parametrize("validate_records", [True, False])
def test_an_object_is_no_key(
    database: Database, name: str, value: Any, definition: Any, *, validate_records: bool
) -> None:
    """Nor is an array: databases do not compare them as one does."""
    message = schema("t", keys=[name], **{name: definition})
    kind = {"dict": "object", "list": "array"}[type(value).__name__]
    with pytest.raises(
        MissingKeyPropertiesError, match=rf"Line 2.* key property {name} is an {kind}"
    ):
        write(database, message, record("t", **{name: value}), validate_records=validate_records)

    assert database.rows("t") == []


@pytest.mark.parametrize("name", ["id", "an odd `name`", "o__id"])
def test_true_and_1_are_two_keys(database: Database, name: str) -> None:
    """Of a property that may be either, in one batch, wherever it stands."""
    either = {"type": ["integer", "boolean"]}
    inner = {"type": "object", "properties": {"id": either}}
    message = schema(
        "t", keys=[name], **({"o": inner} if name == "o__id" else {name: either}), v=ID
    )
    keys = [{"o": {"id": key}} if name == "o__id" else {name: key} for key in (1, True, 0)]
    sent = (record("t", **key, v=n) for n, key in enumerate(keys))
    write(database, message, *sent, flattening_enabled=True, flattening_max_depth=1)

    assert sorted(row["v"] for row in database.rows("t")) == [0, 1, 2]


@SIZES
def test_a_key_may_be_a_number_or_a_text(database: Database, batch_size_rows: int) -> None:
    """The column is text, and 5 is what "5" is."""
    message = schema("t", keys=["k"], k={"type": ["string", "number"]}, v="integer")
    sent = [record("t", k=key, v=n) for n, key in enumerate([5, "x", "5", 1.5, 7, "1.5"])]
    write(database, message, *sent, batch_size_rows=batch_size_rows)

    assert {row["k"]: row["v"] for row in database.rows("t")} == {"x": 1, "5": 2, "7": 4, "1.5": 5}


@pytest.mark.parametrize(("narrow", "value"), [("integer", 5), ("boolean", True), ("number", 1.5)])
def test_a_key_of_text_holds_what_the_schema_becomes(
    database: Database, narrow: str, value: Any
) -> None:
    """As other columns of text do."""
    write(database, schema("t", k={"type": "string"}, keys=["k"]), record("t", k="x"))
    message = schema("t", k={"type": narrow}, v="integer", keys=["k"])
    write(database, message, record("t", k=value, v=1), record("t", k=value, v=2))

    found = {row["k"]: row["v"] for row in database.rows("t")}
    assert found == {"x": None, json.dumps(value): 2}


def test_composite_and_falsy_keys_are_told_apart(database: Database) -> None:
    """Zero, false and empty text are keys like others."""
    write(
        database,
        schema(
            "t",
            keys=["a", "b", "c"],
            a={"type": "integer"},
            b={"type": "string"},
            c={"type": "boolean"},
            v="integer",
        ),
        record("t", a=0, b="", c=False, v=1),
        record("t", a=0, b="", c=True, v=2),
        record("t", a=0, b="x", c=False, v=3),
        record("t", a=0, b="", c=False, v=4),
    )

    assert sorted(row["v"] for row in database.rows("t")) == [2, 3, 4]


@pytest.mark.parametrize(
    "database", ["duckdb", "postgres", "mariadb", "mysql", "mssql"], indirect=True
)
@pytest.mark.parametrize(
    ("format_", "older", "newer"),
    [
        ("date-time", "2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00Z"),
        ("date-time", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00"),
        ("time", "03:04:05", "03:04:05.0"),
        ("time", "03:04:05Z", "03:04:05"),
        ("time", "03:04:05+00", "03:04:05Z"),
    ],
)
@pytest.mark.parametrize("name", ["at", "an odd `name`", "o__at"])
def test_moments_that_are_one_are_one_key(
    database: Database, format_: str, older: str, newer: str, name: str
) -> None:
    """Where the engine stores moments, two texts of one are one key, and the last wins."""
    definition = {"type": "string", "format": format_}
    inner = {"type": "object", "properties": {"at": definition}}
    properties = {"o": inner} if name == "o__at" else {name: definition}
    sent = [
        record("t", **({"o": {"at": text}} if name == "o__at" else {name: text}), v=n)
        for n, text in enumerate([older, newer, older, newer, older])
    ]
    message = schema("t", keys=[name], **properties, v="integer")
    write(database, message, *sent, flattening_enabled=True, flattening_max_depth=1)

    assert [row["v"] for row in database.rows("t")] == [4]


@pytest.mark.parametrize("size", [{}, {"precision": 10, "scale": 2}])
@SIZES
def test_decimals_are_one_key_if_they_are_to_their_column(
    database: Database, batch_size_rows: int, size: dict[str, int]
) -> None:
    """Two texts are two, two numbers are one; in one batch as across batches."""
    definition = {"type": "string", "format": "singer.decimal", **size}
    message = schema("t", keys=["k"], k=definition, v="integer")
    sent = [record("t", k=text, v=n) for n, text in enumerate(["1.0", "1.00", "1.0"])]
    write(database, message, *sent, batch_size_rows=batch_size_rows)

    are_numbers = database.engine == "postgres" or (
        size and database.engine in {"mariadb", "mysql", "mssql"}
    )
    found = [row["v"] for row in database.rows("t")]
    assert sorted(found) == ([2] if are_numbers else [1, 2])


def test_a_decimal_that_is_no_number_is_no_key(postgres_database: Database) -> None:
    """It is not even equal to itself."""
    definition = {"type": "string", "format": "singer.decimal"}
    for text in ("NaN", "sNaN"):
        with pytest.raises(MissingKeyPropertiesError, match="not of its type"):
            write(postgres_database, schema("t", keys=["k"], k=definition), record("t", k=text))


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
        {"type": "number", "format": "singer.decimal"},
    ],
)
def test_a_decimal_may_be_a_key(database: Database, definition: dict[str, Any]) -> None:
    """Sent as a number too, in a second run as well."""
    message = schema("t", keys=["k"], k=definition, v="integer")
    sent = [(2**64 - 1, 1), (2**64 - 2, 2), (2**64 - 1, 3)]
    write(database, message, *(record("t", k=k, v=v) for k, v in sent))
    write(database, message, *(record("t", k=k, v=v + 1) for k, v in sent))

    found = {int(row["k"]): row["v"] for row in database.rows("t")}
    assert found == {2**64 - 1: 4, 2**64 - 2: 3}


def test_a_row_that_has_not_changed_is_not_rewritten(database: Database) -> None:
    """The moment of the batch stays that of the change; a changed row gets a new one."""
    write(database, PEOPLE, record("people", id=1, name="a"), record("people", id=2, name="b"))
    before = {row["id"]: row["_sdc_batched_at"] for row in database.rows("people", metadata=True)}
    write(database, PEOPLE, record("people", id=1, name="a"), record("people", id=2, name="c"))

    after = {row["id"]: row["_sdc_batched_at"] for row in database.rows("people", metadata=True)}
    assert after[1] == before[1]
    assert after[2] > before[2]


def test_a_value_that_becomes_null_is_written(database: Database) -> None:
    """Null differs from every value."""
    write(database, PEOPLE, record("people", id=1, name="a"))
    write(database, PEOPLE, record("people", id=1, name=None))

    assert database.rows("people") == [{"id": 1, "name": None}]


def test_overwrite_replaces_the_table(database: Database) -> None:
    """Rows of the run before are gone, and so are its columns."""
    write(database, schema("people", id={"type": "integer"}, old="string"), record("people", id=1))
    write(
        database,
        PEOPLE,
        record("people", id=2, name="a"),
        record("people", id=2, name="b"),
        batch_size_rows=1,
        load_method="overwrite",
        overwrite_requires="end_of_input",
    )

    assert database.rows("people") == [{"id": 2, "name": "b"}]


def test_an_interrupted_overwrite_leaves_the_old_table_whole(database: Database) -> None:
    """And prints no state, since nothing of the run is in the table; the next run starts clean."""
    write(database, PEOPLE, record("people", id=1, name="old"))
    messages = [PEOPLE, record("people", 1, id=2, name="new"), activate("people", 1), state(at=2)]
    with pytest.raises(Exception, match="not a Singer message"):
        write(database, *messages, "{broken", load_method="overwrite", batch_size_rows=1)

    assert database.rows("people") == [{"id": 1, "name": "old"}]
    assert write(database, *messages, load_method="overwrite") == ['{"at": 2}']
    assert database.rows("people") == [{"id": 2, "name": "new"}]


def test_overwrite_keeps_a_view_of_the_table_working(sqlite_database: Database) -> None:
    """A view that names the table does not stop its swap."""
    write(sqlite_database, PEOPLE, record("people", id=1, name="old"))
    sqlite_database.query("CREATE VIEW names AS SELECT name FROM people")
    new = (record("people", 1, id=2, name="new"), activate("people", 1))
    write(sqlite_database, PEOPLE, *new, load_method="overwrite")

    assert sqlite_database.rows("names") == [{"name": "new"}]


NESTED = schema(
    "entries",
    id={"type": "integer"},
    client={
        "type": ["object", "null"],
        "properties": {
            "id": {"type": ["integer", "null"]},
            "home": {"type": ["object", "null"], "properties": {"city": {"type": "string"}}},
        },
    },
    tags={"type": ["array", "null"], "items": {"type": "string"}},
)
ENTRIES = [
    record("entries", id=1, client={"id": 7, "home": {"city": "Æ"}}, tags=["a", "b"]),
    record("entries", id=2, client=None, tags=None),
    record("entries", id=3),
]


def decoded(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Rows with JSON columns decoded."""
    return [
        {n: json.loads(v) if n in names and v is not None else v for n, v in row.items()}
        for row in rows
    ]


def test_objects_and_arrays_become_json(database: Database) -> None:
    """Without flattening, a nested value is one JSON value."""
    write(database, NESTED, *ENTRIES)

    assert decoded(database.rows("entries"), "client", "tags") == [
        {"id": 1, "client": {"id": 7, "home": {"city": "Æ"}}, "tags": ["a", "b"]},
        {"id": 2, "client": None, "tags": None},
        {"id": 3, "client": None, "tags": None},
    ]


@pytest.mark.parametrize("add_record_metadata", [True, False])
def test_flattening_makes_columns_of_objects(
    database: Database, *, add_record_metadata: bool
) -> None:
    """As deep as `flattening_max_depth`; what lies deeper stays JSON."""
    write(
        database,
        NESTED,
        *ENTRIES,
        flattening_enabled=True,
        flattening_max_depth=1,
        add_record_metadata=add_record_metadata,
    )

    assert decoded(database.rows("entries"), "client__home", "tags") == [
        {"id": 1, "client__id": 7, "client__home": {"city": "Æ"}, "tags": ["a", "b"]},
        {"id": 2, "client__id": None, "client__home": None, "tags": None},
        {"id": 3, "client__id": None, "client__home": None, "tags": None},
    ]


def test_properties_that_flatten_to_one_name_are_named(database: Database) -> None:
    """The error says what to do, and with another separator both are there."""
    inner = {"type": "object", "properties": {"b": {"type": "integer"}}}
    messages = schema("t", id=ID, a=inner, a__b="integer"), record("t", id=1, a={"b": 1}, a__b=2)
    flattening = {"flattening_enabled": True, "flattening_max_depth": 1}
    with pytest.raises(InvalidInputLine, match=r"the column a__b.*flattening_separator"):
        write(database, *messages, **flattening)
    write(database, *messages, **flattening, flattening_separator=".")

    assert database.rows("t") == [{"id": 1, "a.b": 1, "a__b": 2}]


def test_a_key_may_lie_in_a_flattened_object(database: Database) -> None:
    """The key properties then name the column."""
    owner = {"type": "object", "properties": {"id": {"type": "integer"}}}
    messages = [
        schema("t", keys=["owner__id"], owner=owner, v="integer"),
        record("t", owner={"id": 1}, v=1),
        record("t", owner={"id": 1}, v=2),
    ]

    write(database, *messages, flattening_enabled=True, flattening_max_depth=1)

    assert database.rows("t") == [{"owner__id": 1, "v": 2}]


IDENTITY_MAP = {"entries": {"copy_of_id": "id", "copy_of_id2": None}}


@pytest.mark.parametrize("flattening", [False, True])
def test_the_way_of_a_stream_map_gives_the_same_table(
    database: Database, new_database: Callable[[str], Database], *, flattening: bool
) -> None:
    """A record that a map has decoded lands like one whose bytes were kept."""
    other = new_database(database.engine)
    config = {"flattening_enabled": flattening, "flattening_max_depth": 2}
    messages = [
        schema("entries", **NESTED["schema"]["properties"], rate="number", at="string"),
        *ENTRIES,
        record("entries", id=4, rate=1.10, at="2024-01-01"),
        record("entries", id=5, rate=12345.678901, client={"id": 2**40}),
    ]
    write(database, *messages, **config)
    write(other, *messages, stream_maps=IDENTITY_MAP, **config)

    mapped = [{n: v for n, v in row.items() if n != "copy_of_id"} for row in other.rows("entries")]
    if not flattening:
        mapped, kept = decoded(mapped, "client"), decoded(database.rows("entries"), "client")
    else:
        kept = database.rows("entries")
    names = {"tags"}
    assert decoded(mapped, *names) == decoded(kept, *names)
    assert len(kept) == 5


def test_stream_maps_rename_filter_and_drop(database: Database) -> None:
    """Aliases, filters and removed properties work as in the SDK."""
    maps = {
        "people": {
            "__alias__": "persons",
            "__filter__": "name != 'x'",
            "shout": "name.upper()",
            "name": None,
        }
    }
    write(
        database,
        PEOPLE,
        record("people", id=1, name="a"),
        record("people", id=2, name="x"),
        stream_maps=maps,
    )

    assert database.rows("persons") == [{"id": 1, "shout": "A"}]


def test_a_stream_can_be_left_out(database: Database) -> None:
    """Records of a stream that a map removes are not written, and its states still come out."""
    states = write(
        database,
        PEOPLE,
        record("people", id=1, name="a"),
        state(at=1),
        stream_maps={"people": "__NULL__"},
    )

    assert states == ['{"at": 1}']


def test_metadata_columns_are_those_of_the_sdk(database: Database) -> None:
    """They tell when a record was read, received, batched, and in which run."""
    message = record("people", id=1, name="a") | {"time_extracted": "2024-05-06T07:08:09.123456Z"}
    write(database, PEOPLE, message)

    row = database.rows("people", metadata=True)[0]
    assert str(row["_sdc_extracted_at"]).replace("T", " ").startswith("2024-05-06 07:08:09.123456")
    assert row["_sdc_received_at"] is not None
    assert row["_sdc_batched_at"] >= row["_sdc_received_at"]
    assert row["_sdc_deleted_at"] is None
    assert row["_sdc_table_version"] is None
    assert 0 <= row["_sdc_sequence"] - row["_sdc_sync_started_at"] < 60_000


def test_without_metadata_a_table_has_only_its_properties(database: Database) -> None:
    """Properties of the stream that are called as metadata are left out too, as in the SDK."""
    message = schema("t", id={"type": "integer"}, _sdc_sequence="integer")
    write(database, message, record("t", id=1, _sdc_sequence=5), add_record_metadata=False)

    assert database.rows("t", metadata=True) == [{"id": 1}]


def test_metadata_that_a_record_brings_gives_way(database: Database) -> None:
    """A stream read from a warehouse has `_sdc_` columns of its own; only the deletion is kept."""
    message = schema(
        "t",
        id={"type": "integer"},
        _sdc_sequence="integer",
        _sdc_extracted_at="string",
        _sdc_deleted_at={"type": ["string", "null"], "format": "date-time"},
    )
    at = "2024-05-06T07:08:09Z"
    write(database, message, record("t", id=1, _sdc_sequence=5, _sdc_deleted_at=at))

    row = database.rows("t", metadata=True)[0]
    assert row["_sdc_sequence"] > 5
    assert str(row["_sdc_deleted_at"]).startswith("2024-05-06")


@pytest.mark.parametrize("add_record_metadata", [True, False])
@pytest.mark.parametrize("hard_delete", [True, False])
def test_activating_a_version_removes_older_rows(
    database: Database, *, add_record_metadata: bool, hard_delete: bool
) -> None:
    """Rows of older versions and of none are deleted or marked; pending records count."""
    config = {"add_record_metadata": add_record_metadata, "hard_delete": hard_delete}
    write(database, PEOPLE, record("people", id=1, name="none"), **config)
    write(database, PEOPLE, record("people", 1, id=2, name="old"), **config)
    write(
        database,
        PEOPLE,
        record("people", 2, id=3, name="new"),
        activate("people", 2),
        record("people", 2, id=4, name="later"),
        **config,
    )

    alive = [
        row["id"]
        for row in database.rows("people", metadata=True)
        if hard_delete or row["_sdc_deleted_at"] is None
    ]
    assert alive == [3, 4]
    assert len(database.rows("people")) == (2 if hard_delete else 4)


@SIZES
@pytest.mark.parametrize("add_record_metadata", [True, False])
def test_a_record_that_was_deleted_removes_its_row(
    database: Database, batch_size_rows: int, *, add_record_metadata: bool
) -> None:
    """With `hard_delete`, in whichever batch; a later record of the key brings the row back."""
    at = "2024-05-06T07:08:09Z"
    config = {"hard_delete": True, "add_record_metadata": add_record_metadata}
    write(database, PEOPLE, *(record("people", id=n, name="old") for n in range(4)), **config)
    write(
        database,
        PEOPLE,
        record("people", id=0, name="new", _sdc_deleted_at=None),
        record("people", id=1, name="gone", _sdc_deleted_at=at),
        record("people", id=2, name="gone", _sdc_deleted_at=at),
        record("people", id=9, name="never seen", _sdc_deleted_at=at),
        record("people", id=2, name="back"),
        record("people", id=3, name="changed"),
        record("people", id=3, name="gone", _sdc_deleted_at=at),
        batch_size_rows=batch_size_rows,
        **config,
    )

    assert database.rows("people") == [{"id": 0, "name": "new"}, {"id": 2, "name": "back"}]


@SIZES
@pytest.mark.parametrize("add_record_metadata", [True, False])
def test_a_record_that_was_deleted_marks_its_row(
    database: Database, batch_size_rows: int, *, add_record_metadata: bool
) -> None:
    """Without `hard_delete`, also in a table that has no metadata; one that comes back is alive."""
    at = "2024-05-06T07:08:09Z"
    config = {"add_record_metadata": add_record_metadata, "batch_size_rows": batch_size_rows}
    write(
        database,
        PEOPLE,
        record("people", id=1, name="alive"),
        record("people", id=2, name="gone", _sdc_deleted_at=at),
        record("people", id=3, name="gone", _sdc_deleted_at=at),
        record("people", id=3, name="back"),
        **config,
    )

    found = database.rows("people", metadata=True)
    assert [row["_sdc_deleted_at"] is not None for row in found] == [False, True, False]
    assert (len(found[0]) > 3) == add_record_metadata


def test_pending_records_of_an_older_version_are_removed_too(database: Database) -> None:
    """They are written before the version is activated, not after."""
    write(
        database, PEOPLE, record("people", 1, id=1, name="old"), activate("people", 2),
        hard_delete=True,
    )  # fmt: skip

    assert database.rows("people") == []


def test_a_marked_row_that_comes_back_is_alive(database: Database) -> None:
    """Its mark goes, though its values have not changed; a second activation leaves marks alone."""
    first = record("people", 1, id=1, name="a")
    write(database, PEOPLE, first, activate("people", 1))
    write(database, PEOPLE, activate("people", 2))
    marked = database.rows("people", metadata=True)[0]["_sdc_deleted_at"]
    write(database, PEOPLE, activate("people", 3))
    still = database.rows("people", metadata=True)[0]["_sdc_deleted_at"]
    write(database, PEOPLE, {**first, "version": 4}, activate("people", 4))

    assert marked is not None
    assert still == marked
    assert database.rows("people", metadata=True)[0]["_sdc_deleted_at"] is None


def test_versions_can_be_ignored(database: Database) -> None:
    """`process_activate_version_messages: false` deletes nothing."""
    write(
        database,
        PEOPLE,
        record("people", 1, id=1, name="a"),
        activate("people", 2),
        process_activate_version_messages=False,
        hard_delete=True,
    )

    assert len(database.rows("people")) == 1


@SIZES
def test_a_schema_that_grows_in_mid_run_keeps_the_order(
    database: Database, batch_size_rows: int
) -> None:
    """Records under the old schema are written before those under the new one."""
    write(
        database,
        schema("t", id={"type": "integer"}, a="integer"),
        record("t", id=1, a=1),
        record("t", id=2, a=1),
        schema("t", id={"type": "integer"}, a="integer", b="integer"),
        record("t", id=1, a=2, b=2),
        batch_size_rows=batch_size_rows,
    )

    assert database.rows("t") == [{"id": 1, "a": 2, "b": 2}, {"id": 2, "a": 1, "b": None}]


def test_columns_are_added_to_a_table_that_exists(database: Database) -> None:
    """Old rows get null."""
    write(database, PEOPLE, record("people", id=1, name="a"))
    grown = schema("people", id={"type": "integer"}, name="string", age="integer")
    write(database, grown, record("people", id=2, name="b", age=5))

    assert database.rows("people") == [
        {"id": 1, "name": "a", "age": None},
        {"id": 2, "name": "b", "age": 5},
    ]


def test_a_column_of_text_holds_what_the_schema_becomes(database: Database) -> None:
    """A narrower type needs no change of the table."""
    write(database, PEOPLE, record("people", id=1, name="a"))
    write(
        database,
        schema("people", id={"type": "integer"}, name="integer"),
        record("people", id=2, name=5),
    )

    assert database.rows("people") == [{"id": 1, "name": "a"}, {"id": 2, "name": "5"}]


def test_a_column_widens(database: Database) -> None:
    """Integers become numbers, then text, in a new run or in mid-run; nothing is lost."""
    id_ = {"type": "integer"}
    write(database, schema("t", id=id_, v="integer"), record("t", id=1, v=1))
    write(
        database,
        schema("t", id=id_, v="number"),
        record("t", id=2, v=1.5),
        schema("t", id=id_, v="string"),
        record("t", id=3, v="007"),
    )

    assert database.types("t")["v"] in {"TEXT", "VARCHAR", "longtext", "nvarchar", "text"}
    one = "1.0" if database.engine == "duckdb" else "1"
    assert [row["v"] for row in database.rows("t")] == [one, "1.5", "007"]


ID = {"type": "integer"}
MOMENT = {"type": ["string", "null"], "format": "date-time"}
DAY = {"type": ["string", "null"], "format": "date"}
TIME = {"type": ["string", "null"], "format": "time"}
DECIMAL = {"type": ["string", "null"], "format": "singer.decimal"}


@pytest.mark.parametrize(
    "widening",
    [
        ("integer", 7, "number", 1.5, "7"),
        ("integer", 7, DECIMAL, "1.50", "7"),
        ("integer", 7, "string", "x", "7"),
        ("number", 1.25, DECIMAL, "1.50", "1.25"),
        ("number", 1.25, "string", "x", "1.25"),
        (DAY, "2024-01-02", MOMENT, "2024-01-02T03:04:05Z", "2024-01-02"),
        (DAY, "2024-01-02", "string", "x", "2024-01-02"),
        (MOMENT, "2024-01-02T03:04:05Z", "string", "x", "2024-01-02"),
        (TIME, "10:11:12", "string", "x", "10:11:12"),
        (DECIMAL, "1.50", "string", "x", "1.50"),
    ],
)
def test_what_a_column_held_is_kept_when_it_widens(
    database: Database, widening: tuple[Any, Any, Any, Any, str]
) -> None:
    """In mid-run and in a new run, with nulls; what it held before fits as well."""
    old, value, new, wider, kept = widening
    id_ = {"type": "integer"}
    narrow = [record("t", id=1, v=value), record("t", id=2, v=None)]
    write(
        database,
        schema("t", id=id_, v=old),
        *narrow,
        schema("t", id=id_, v=new),
        record("t", id=3, v=wider),
    )
    write(database, schema("t", id=id_, v=old), record("t", id=4, v=value))

    found = [row["v"] for row in database.rows("t")]
    assert found[1] is None
    assert str(found[0]).startswith(kept)
    assert str(found[2]).startswith(str(wider)[:10])
    assert str(found[3]).startswith(kept)


@pytest.mark.parametrize(
    "other", [("string", "x"), ("integer", 5), ("number", 1.5), (DAY, "2024-01-02")]
)
@pytest.mark.parametrize("truth_first", [True, False])
def test_what_is_neither_wider_nor_narrower_becomes_text(
    database: Database, other: tuple[Any, Any], *, truth_first: bool
) -> None:
    """As JSON writes it, whichever came first."""
    other_type, other_value = other
    truth = [
        schema("t", id=ID, v="boolean"),
        *(record("t", id=n, v=v) for n, v in enumerate((True, False, None))),
    ]
    rest = [schema("t", id=ID, v=other_type), record("t", id=3, v=other_value)]
    write(database, *truth, *rest) if truth_first else write(database, *rest, *truth)
    write(database, schema("t", id=ID, v="boolean"), record("t", id=4, v=True))

    values = [row["v"] for row in database.rows("t")]
    assert values == ["true", "false", None, str(other_value), "true"]


def test_integers_stay_integers_when_truth_values_and_text_share_their_column(
    database: Database,
) -> None:
    """1 and 0 are not the words true and false, whatever the column was first."""
    write(database, schema("t", id=ID, v="boolean"), record("t", id=1, v=True))
    integers = [record("t", id=2, v=1), record("t", id=3, v=0)]
    write(database, schema("t", id=ID, v="integer"), *integers)
    write(database, schema("t", id=ID, v="string"), record("t", id=4, v="x"))

    assert [row["v"] for row in database.rows("t")] == ["true", "1", "0", "x"]


@pytest.mark.parametrize(
    ("old", "value"),
    [
        ("boolean", True),
        ("boolean", False),
        ("integer", 0),
        ("integer", -(2**53)),
        ("number", 0.1 + 0.2),
        ("number", 1e22),
        ("string", 'a "text" \\ \u00e9'),
        ("string", "5"),
        ("string", "null"),
        (DAY, "2024-01-02"),
        (TIME, "10:11:12"),
        ("array", [1, "a"]),
    ],
)
def test_everything_becomes_json(database: Database, old: Any, value: Any) -> None:
    """The value that it was; text stays text where the engine keeps JSON as text.

    There a value that comes as a date when the column has become JSON is the text of a text column.
    """
    write(
        database,
        schema("t", id=ID, v=old, w="string"),
        record("t", id=1, v=value, w="after"),
        record("t", id=2, v=None),
        schema("t", id=ID, v={}, w="string"),
        record("t", id=3, v={"a": 1}),
        record("t", id=4, v="x"),
    )
    write(database, schema("t", id=ID, v=old), record("t", id=5, v=value))

    rows = database.rows("t")
    first, null, *others = [row["v"] for row in rows]
    assert null is None
    assert [json.loads(v) for v in others[:2]] == [{"a": 1}, "x"]
    assert rows[0]["w"] == "after"
    texts = {"sqlite": ("string", DAY, TIME), "mssql": ("string",)}.get(database.engine, ())
    is_text = old in texts
    comes_as_text = is_text or (database.engine == "mssql" and old in (DAY, TIME))
    for found, is_bare in ((first, is_text), (others[2], comes_as_text)):
        read = found if is_bare else json.loads(found)
        # An engine may write the fraction of a second.
        assert read == value or (old == TIME and read.startswith(value))


def test_a_date_time_becomes_json_of_its_instant(database: Database) -> None:
    """SQLite has the text that came, in a column of text."""
    moment = "2024-01-02T03:04:05.25Z"
    write(database, schema("t", id=ID, v=MOMENT), record("t", id=1, v=moment))
    write(database, schema("t", id=ID, v={}), record("t", id=2, v=None))

    [first, _] = [row["v"] for row in database.rows("t")]
    text = first if database.engine == "sqlite" else json.loads(first)
    found = datetime.fromisoformat(text)
    assert (found if found.tzinfo else found.replace(tzinfo=UTC)) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("old", ["number", "integer", "boolean"])
def test_columns_of_text_keep_every_digit(database: Database, old: str) -> None:
    """Where the schema says number, and the table has text since it once said so."""
    write(database, schema("t", id=ID, v="string"), record("t", id=1, v="x"))
    text = {"number": "12345678901234567890.1234567890", "integer": str(2**64), "boolean": "true"}
    line = f'{{"type": "RECORD", "stream": "t", "record": {{"id": 2, "v": {text[old]}}}}}'
    write(database, schema("t", id=ID, v=old), line)

    assert database.rows("t")[1]["v"] == text[old]


def test_a_number_that_becomes_text_has_every_digit(database: Database) -> None:
    """Also those for which fifteen are not enough."""
    values = (0.1 + 0.2, 0.1, 123456789012345680.0, 5e-324, 1.7976931348623157e308)
    write(
        database,
        schema("t", id=ID, v="number"),
        *(record("t", id=n, v=v) for n, v in enumerate(values)),
    )
    write(database, schema("t", id=ID, v="string"), record("t", id=9, v="x"))

    assert [float(row["v"]) for row in database.rows("t")[:-1]] == list(values)


@pytest.mark.parametrize("database", ["duckdb", "mariadb", "mysql", "mssql"], indirect=True)
def test_integers_that_a_double_would_round_stay_integers(database: Database) -> None:
    """The error says what to do, and the table stays as it was."""
    write(database, schema("t", id=ID, v="integer"), record("t", id=1, v=2**53 + 1))
    with pytest.raises(DatabaseError, match=r"singer\.decimal|change its type"):
        write(database, schema("t", id=ID, v="number"), record("t", id=2, v=1.5))

    assert database.rows("t") == [{"id": 1, "v": 2**53 + 1}]


@pytest.mark.parametrize("database", ["duckdb", "postgres"], indirect=True)
def test_a_json_column_holds_what_the_schema_becomes(database: Database) -> None:
    """As the JSON that it is."""
    id_ = {"type": "integer"}
    write(database, schema("t", id=id_, v="object"), record("t", id=1, v={"a": 1}))
    write(database, schema("t", id=id_, v="string"), record("t", id=2, v="x"))
    write(database, schema("t", id=id_, v="boolean"), record("t", id=3, v=True))
    write(database, schema("t", id=id_, v="integer"), record("t", id=4, v=None))

    found = [row["v"] for row in database.rows("t")]
    assert [v and json.loads(v) for v in found] == [{"a": 1}, "x", True, None]


@pytest.mark.parametrize(
    ("engine", "type_"),
    [("duckdb", "UTINYINT"), ("postgres", "interval"), ("mariadb", "float")],
)
def test_a_column_of_a_type_of_others_keeps_it(
    new_database: Callable[[str], Database], engine: str, type_: str
) -> None:
    """It is not ours to make text of it: the error says what to do."""
    database = new_database(engine)
    database.query(f"CREATE TABLE t (id bigint PRIMARY KEY, v {type_})")
    with pytest.raises(DatabaseError, match=f"(?i){type_}.*Change the column's type"):
        write(database, schema("t", id=ID, v="number"), add_record_metadata=False)

    assert type_.lower() in database.types("t")["v"].lower()


@pytest.mark.parametrize(
    ("engine", "wider"),
    [("sqlite", "string"), ("duckdb", "string"), ("duckdb", "number"), ("mariadb", "string")],
)
def test_an_index_that_keeps_a_column_from_widening_is_named(
    new_database: Callable[[str], Database], engine: str, wider: str
) -> None:
    """The error says what to do, and without the index it goes on; no value is lost."""
    database = new_database(engine)
    write(database, schema("t", id=ID, v="integer"), record("t", id=1, v=7))
    database.query("CREATE INDEX by_v ON t (v)")
    message = schema("t", id=ID, v=wider)
    with pytest.raises(DatabaseError, match=r'(?i)prepare the table "t".*drop (the|its) index'):
        write(database, message)
    database.query(f"DROP INDEX by_v{' ON t' if engine == 'mariadb' else ''}")
    write(database, message, record("t", id=2))

    assert [row["v"] and int(row["v"]) for row in database.rows("t")] == [7, None]


def test_sqlite_widens_no_column_that_a_view_shows(sqlite_database: Database) -> None:
    """The error says what to do."""
    write(sqlite_database, schema("t", id=ID, v="integer"), record("t", id=1, v=7))
    sqlite_database.query("CREATE VIEW seen AS SELECT v FROM t")
    with pytest.raises(DatabaseError, match=r'prepare the table "t".*Drop the views'):
        write(sqlite_database, schema("t", id=ID, v="string"))

    assert sqlite_database.rows("seen") == [{"v": 7}]


def test_postgresql_lets_a_view_stop_wider_columns_and_overwrite(
    postgres_database: Database,
) -> None:
    """Not upsert nor new columns; an error says what to do, and the table stays."""
    old = schema("t", id=ID, v="integer")
    write(postgres_database, old, record("t", id=1, v=7))
    postgres_database.query("CREATE VIEW seen AS SELECT v FROM t")
    write(postgres_database, schema("t", id=ID, v="integer", w="string"), record("t", id=2, v=8))
    with pytest.raises(DatabaseError, match=r'prepare the table "t".*Drop the view'):
        write(postgres_database, schema("t", id=ID, v="number"), record("t", id=3, v=0.5))
    new = (record("t", 1, id=4, v=9), activate("t", 1))
    with pytest.raises(DatabaseError, match=r"Drop the view, and create it again after the run"):
        write(postgres_database, old, *new, load_method="overwrite")

    assert postgres_database.rows("seen") == [{"v": 7}, {"v": 8}]


@pytest.mark.parametrize(
    ("engine", "old", "value", "new"),
    [
        ("sqlite", "integer", 5, "string"),
        ("sqlite", "integer", 5, DECIMAL),
        ("sqlite", "boolean", True, DAY),
        ("duckdb", "integer", 5, "number"),
        ("duckdb", "integer", 5, DECIMAL),
        ("duckdb", "boolean", True, "integer"),
        ("duckdb", DAY, "2024-01-02", MOMENT),
        ("mariadb", "boolean", True, "integer"),
        ("mysql", "boolean", True, "integer"),
        ("mssql", "integer", 5, DECIMAL),
        ("mssql", "boolean", True, "integer"),
    ],
)
def test_a_key_that_cannot_be_widened_stays_one(
    new_database: Callable[[str], Database], engine: str, old: Any, value: Any, new: Any
) -> None:
    """The error says what to do, and the table keeps its key."""
    database = new_database(engine)

    def message(kind: Any) -> dict[str, Any]:
        return schema("t", keys=["k"], k={"type": kind} if isinstance(kind, str) else kind, v=ID)

    write(database, message(old), record("t", k=value, v=1))
    with pytest.raises(DatabaseError, match=r'Column "k".*rename or drop the table.*overwrite'):
        write(database, message(new))
    write(database, message(old), record("t", k=value, v=2))

    assert [row["v"] for row in database.rows("t")] == [2]


def test_sqlite_says_what_an_integer_key_holds(sqlite_database: Database) -> None:
    """It is the number of the row, whatever the schema becomes."""
    write(sqlite_database, schema("t", id=ID), record("t", id=1))
    numbers = schema("t", id={"type": "number"})
    write(sqlite_database, numbers, record("t", id=2))
    with pytest.raises(DatabaseError, match=r"integers alone.*overwrite"):
        write(sqlite_database, numbers, record("t", id=1.5))

    assert sqlite_database.rows("t") == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("database", ["sqlite", "duckdb", "mssql"], indirect=True)
def test_a_column_that_is_too_narrow_is_an_error(database: Database) -> None:
    """As that of a key is; the error names both types and what to do, and nothing is written."""
    write(database, schema("t", id={"type": "integer"}, v="boolean"), record("t", id=1, v=True))
    texts = schema("t", id={"type": "string"}, v="boolean")
    with pytest.raises(DatabaseError, match=r"(?i)(bigint|integer).*string.*overwrite"):
        write(database, texts, record("t", id=2, v=[]))

    assert len(database.rows("t")) == 1


@pytest.mark.parametrize("keys", [["name"], [], ["id", "name"]])
def test_a_changed_key_is_an_error(database: Database, keys: list[str]) -> None:
    """The error names both keys and what to do."""
    write(database, PEOPLE, record("people", id=1, name="a"))
    with pytest.raises(DatabaseError, match=r"primary key \(id\).*overwrite"):
        write(database, {**PEOPLE, "key_properties": keys}, record("people", id=1, name="a"))


@pytest.mark.parametrize(
    "database", ["sqlite", "duckdb", "mariadb", "mysql", "mssql"], indirect=True
)
def test_two_streams_cannot_share_a_table(database: Database) -> None:
    """Names that the database cannot tell apart are refused, rather than mixed."""
    with pytest.raises(DatabaseError, match=r'"people" and "People".*__alias__'):
        write(database, PEOPLE, {**PEOPLE, "stream": "People"})


def test_names_that_differ_only_in_case_get_a_suffix(database: Database) -> None:
    """Both columns are there, and the next run finds them again in any order."""
    one = schema("t", keys=["Id"], Id={"type": "integer"}, name="string", Name="string")
    other = schema("t", keys=["Id"], Id={"type": "integer"}, Name="string", name="string")
    write(database, one, record("t", Id=1, name="small", Name="Big"))
    write(database, other, record("t", Id=2, name="small", Name="Big"))

    first, second = (list(row.values())[1:] for row in database.rows("t"))
    assert first == second
    assert sorted(first) == ["Big", "small"]


@pytest.mark.parametrize(
    "name",
    ['a"b', "a.b", "a b", "$", "é", "日本", "a\\b", "a/b", "x" * 300, "'", "100%", "%s", "r"],
)
def test_any_name_can_be_a_column(database: Database, name: str) -> None:
    """Quotes, dots, accents and great length reach the right value."""
    for table, add_record_metadata in (("t", True), ("u", False)):
        message = schema(table, id={"type": "integer"}, **{name: "string", "plain": "integer"})
        sent = record(table, id=1, plain=2, **{name: "v"})
        write(database, message, sent, add_record_metadata=add_record_metadata)

        row = database.rows(table)[0]
        assert [*row.values()] == [1, "v", 2]
        assert len(name) > 255 or name in row


@pytest.mark.parametrize("name", ["xmin", "ctid", "rowid", "oid", "_rowid_", "tableoid"])
def test_columns_that_tables_have_anyway_are_others(database: Database, name: str) -> None:
    """A stream's own values are kept, also where the engine has such a column unseen."""
    message = schema("t", id=ID, **{name: "string"})
    write(database, message, record("t", id=1, **{name: "a"}), add_record_metadata=False)
    write(database, message, record("t", id=1, **{name: "b"}), add_record_metadata=False)

    assert [[*row.values()] for row in database.rows("t")] == [[1, "b"]]


def test_a_name_that_sqlite_keeps_to_itself_is_refused(sqlite_database: Database) -> None:
    """The error says what to do."""
    with pytest.raises(DatabaseError, match=r"internal use.*__alias__"):
        write(sqlite_database, schema("sqlite_people", id=ID))


@pytest.mark.parametrize("stream", ["order", "Табло", "a b's", "x" * 200])
def test_any_name_can_be_a_table(database: Database, stream: str) -> None:
    """Reserved words, other alphabets, quotes and great length; it is found again."""
    words = ("select", "group", "user", "end", "index", "old", "new", "batch", "value", "record")
    message = schema(
        stream, keys=["key"], key={"type": "integer"}, **dict.fromkeys(words, "string")
    )
    for text in ("first", "second"):
        write(database, message, record(stream, key=1, **dict.fromkeys(words, text)))

    [table] = [name for name in tables(database) if not name.startswith("sqlite_")]
    assert list(database.rows(table)[0].values()) == [1, *["second"] * len(words)]


def tables(database: Database) -> list[str]:
    """The names of all tables."""
    schemas = {"postgres": "'public'", "duckdb": "'main'", "mssql": "'dbo'"}
    where = schemas.get(database.engine, "database()")
    listed = (
        "SELECT name AS t FROM sqlite_master WHERE type = 'table'"
        if database.engine == "sqlite"
        else "SELECT table_name AS t FROM information_schema.tables "
        f"WHERE table_schema = {where} AND table_type = 'BASE TABLE'"
    )
    return [str(row["t"]) for row in database.query(listed)]


def test_names_that_are_none_can_be_columns(database: Database) -> None:
    """Empty ones, and those with U+0000, are told apart, also as keys."""
    names = ["", "\0", "a\0b", "A", "a"]
    properties: dict[str, Any] = dict.fromkeys(names, "integer")
    message = schema("t", keys=["\0"], id="integer", **{**properties, "\0": {"type": "integer"}})
    values = dict(zip(names, range(5), strict=True))
    write(database, message, record("t", id=7, **values), record("t", id=8, **values))

    assert [list(row.values()) for row in database.rows("t")] == [[8, 0, 1, 2, 3, 4]]


WITH_SCHEMAS = pytest.mark.parametrize(
    "database", ["duckdb", "postgres", "mariadb", "mysql", "mssql"], indirect=True
)


@WITH_SCHEMAS
def test_a_stream_goes_to_the_schema_in_its_name(database: Database) -> None:
    """`schema-table` and `schema.table` alike; `default_target_schema` goes before both."""
    one, two, three = (f"own{number}_{os.getpid()}" for number in (1, 2, 3))
    for stream in (f"{one}-t", f"{two}.t"):
        for load_method in ("upsert", "overwrite"):
            write(
                database,
                {**PEOPLE, "stream": stream},
                record(stream, 1, id=1, name="a"),
                activate(stream, 1),
                load_method=load_method,
            )
    stream = f"{one}-u"
    message = {**PEOPLE, "stream": stream}
    write(database, message, record(stream, id=1), default_target_schema=three)

    found = database.query(
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS t FROM INFORMATION_SCHEMA.TABLES "
        f"WHERE TABLE_SCHEMA IN ('{one}', '{two}', '{three}')"
    )
    assert sorted(row["t"] for row in found) == [f"{one}.t", f"{two}.t", f"{three}.u"]


def test_sqlite_keeps_the_name_of_a_stream_whole(sqlite_database: Database) -> None:
    """It has no schemas, so that the name is the table's."""
    write(sqlite_database, {**PEOPLE, "stream": "one-t"}, record("one-t", id=1, name="a"))

    assert len(sqlite_database.rows("one-t")) == 1


MYSQL_COMMENT = (
    "SELECT column_comment AS c FROM information_schema.columns "
    "WHERE table_schema = database() AND column_name = 'id'"
)


@pytest.mark.parametrize(
    ("database", "query"),
    [
        ("duckdb", "SELECT comment AS c FROM duckdb_columns() WHERE column_name = 'id'"),
        ("postgres", "SELECT col_description('t'::regclass, 1) AS c"),
        ("mariadb", MYSQL_COMMENT),
        ("mysql", MYSQL_COMMENT),
        (
            "mssql",
            (
                "SELECT CAST(value AS nvarchar(max)) AS c "
                "FROM fn_listextendedproperty(NULL, 'SCHEMA', 'dbo', 'TABLE', 't', 'COLUMN', 'id')"
            ),
        ),
    ],
    indirect=["database"],
)
def test_descriptions_become_comments(database: Database, query: str) -> None:
    """Where the engine has comments."""
    message = schema("t", id={"type": "integer", "description": "It's 100% the id."})
    write(database, message)
    again = schema("t", id={"type": "integer", "description": "It's 100% the id."}, new="string")
    write(database, again)

    assert database.query(query) == [{"c": "It's 100% the id."}]


def test_records_before_a_change_of_the_schema_count(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the lines of the stream and of the run."""
    monkeypatch.setenv("TARGET_HARVEST_SQL_LOGLEVEL", "DEBUG")
    wider = schema("people", id={"type": "integer"}, name="string", age="integer")
    first = (record("people", id=1), record("people", id=2))

    ended = run(sqlite_database, tmp_path, PEOPLE, *first, wider, record("people", id=3))

    assert "Wrote all: streams=1 records=3 seconds=" in ended.errors
    assert "Wrote stream: stream=people records=3" in ended.errors


@pytest.mark.parametrize(("level", "is_detailed"), [("INFO", False), ("DEBUG", True)])
def test_a_run_that_is_well_says_so_in_two_lines(
    sqlite_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    level: str,
    is_detailed: bool,
) -> None:
    """Its version, and what was written; each stream, and what the SDK says, for who asks."""
    monkeypatch.setenv("TARGET_HARVEST_SQL_LOGLEVEL", level)

    ended = run(sqlite_database, tmp_path, PEOPLE, record("people", id=1))

    assert ended.exit_code == 0, ended.errors
    assert "Wrote all: streams=1 records=1 seconds=" in ended.errors
    assert (len(ended.errors.splitlines()) == 2) is not is_detailed
    for detail in ("METRIC", "Wrote stream: stream=people records=1", "completed processing"):
        assert (detail in ended.errors) is is_detailed
