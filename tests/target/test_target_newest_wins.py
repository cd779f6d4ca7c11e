"""With `newest_wins` an older record does not overwrite a newer row, whatever comes last."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import activate, record, schema, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.databases import Database

AT = {"type": ["string", "null"], "format": "date-time"}
SIZES = pytest.mark.parametrize("batch_size_rows", [1, 100])
KINDS: dict[str, tuple[Any, list[Any]]] = {
    "date-time": (
        AT,
        [
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.000001Z",
            "2023-12-31T23:00:00.5-02:00",  # 01:00:00.5 in UTC.
            "2024-01-01T03:00:00+01:00",  # 02:00:00 in UTC.
            "2024-01-01T10:00:00",  # In UTC.
        ],
    ),
    "date": ({"type": ["string", "null"], "format": "date"}, ["0999-01-01", "2024-01-02"]),
    "integer": ("integer", [-1, 9, 10, 2**62]),
    "number": ("number", [-1.5, 0, 9, 10.25]),
}


def stream(definition: Any) -> dict[str, Any]:
    """A stream with a property that tells how new its records are."""
    return schema("t", id={"type": "integer"}, at=definition, v="string")


@SIZES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("add_record_metadata", [True, False])
def test_the_newest_record_wins(
    database: Database, kind: str, batch_size_rows: int, *, add_record_metadata: bool
) -> None:
    """In a batch, across batches and across runs; of two that are as new, the later."""
    definition, values = KINDS[kind]
    config = {
        "newest_wins": "at",
        "batch_size_rows": batch_size_rows,
        "add_record_metadata": add_record_metadata,
    }
    pairs = list(pairwise(values))
    records = []
    for n, (older, newer) in enumerate(pairs):
        records += [
            record("t", id=2 * n, at=older, v="older"),
            record("t", id=2 * n, at=newer, v="newer"),
            record("t", id=2 * n + 1, at=newer, v="newer"),
            record("t", id=2 * n + 1, at=older, v="older"),
        ]
    write(database, stream(definition), *records, **config)
    assert {row["v"] for row in database.rows("t")} == {"newer"}

    again = [record("t", id=n, at=pairs[n // 2][0], v="again") for n in range(2 * len(pairs))]
    write(database, stream(definition), *again, **config)
    assert {row["v"] for row in database.rows("t")} == {"newer"}

    again = [record("t", id=n, at=pairs[n // 2][1], v="again") for n in range(2 * len(pairs))]
    write(database, stream(definition), *again, **config)
    assert {row["v"] for row in database.rows("t")} == {"again"}


@SIZES
def test_where_one_has_no_value_the_later_record_wins(
    database: Database, batch_size_rows: int
) -> None:
    """As it does in a stream that lacks the property."""
    config = {"newest_wins": "at", "batch_size_rows": batch_size_rows}
    write(
        database,
        stream(AT),
        record("t", id=1, at="2024-01-01T00:00:00Z", v="first"),
        record("t", id=1, at=None, v="second"),
        record("t", id=2, v="first"),
        record("t", id=2, at="2024-01-01T00:00:00Z", v="second"),
        record("t", id=3, v="first"),
        record("t", id=3, v="second"),
        **config,
    )
    write(database, schema("u", id="integer"), record("u", id=1), **config)

    assert [row["v"] for row in database.rows("t")] == ["second"] * 3


def test_the_size_of_a_batch_never_matters(
    database: Database, new_database: Callable[[str], Database]
) -> None:
    """Ages, records without one, and deletions, in any order."""
    chance = random.Random(7)
    records = []
    for n in range(150):
        values = {"id": chance.randrange(12), "at": chance.choice([None, 1, 2, 3, 4]), "v": str(n)}
        gone = {"_sdc_deleted_at": "2024-01-01T00:00:00Z"} if chance.random() < 0.25 else {}
        records.append(record("t", **values, **gone))
    for hard_delete in (True, False):
        found = []
        for batch_size_rows in (1, 2, 7, 10_000):
            new = new_database(database.engine)
            config = {"newest_wins": "at", "hard_delete": hard_delete}
            write(new, stream("integer"), *records, batch_size_rows=batch_size_rows, **config)
            found.append(new.rows("t"))

        assert all(rows == found[0] for rows in found)


@SIZES
@pytest.mark.parametrize("hard_delete", [True, False])
@pytest.mark.parametrize("add_record_metadata", [True, False])
def test_a_row_that_came_in_a_version_is_alive(
    database: Database, batch_size_rows: int, *, hard_delete: bool, add_record_metadata: bool
) -> None:
    """Though the record was older than the row, and did not change it."""
    config = {
        "newest_wins": "at",
        "batch_size_rows": batch_size_rows,
        "hard_delete": hard_delete,
        "add_record_metadata": add_record_metadata,
    }
    rows = [record("t", 1, id=n, at=5, v="new") for n in (1, 2, 3)]
    write(database, stream("integer"), *rows, activate("t", 1), **config)
    rows = [record("t", 2, id=1, at=3, v="old"), record("t", 2, id=2, at=6, v="newer")]
    write(database, stream("integer"), *rows, activate("t", 2), **config)

    left = database.query("SELECT * FROM t ORDER BY id")
    if not hard_delete:
        assert [row["_sdc_deleted_at"] is None for row in left] == [True, True, False]
    assert [(row["id"], row["at"], row["v"]) for row in left][:2] == [
        (1, 5, "new"),
        (2, 6, "newer"),
    ]
    assert len(left) == (2 if hard_delete else 3)


@SIZES
def test_an_older_deletion_removes_nothing(database: Database, batch_size_rows: int) -> None:
    """A newer one does, and one that does not say how new it is."""
    config = {"newest_wins": "at", "batch_size_rows": batch_size_rows, "hard_delete": True}
    new, old, gone = "2024-01-01T02:00:00+01:00", "2024-01-01T00:30:00Z", "2024-02-01T00:00:00Z"
    write(database, stream(AT), *(record("t", id=n, at=new, v="x") for n in range(4)), **config)
    write(
        database,
        stream(AT),
        record("t", id=0, at=old, v="x", _sdc_deleted_at=gone),
        record("t", id=1, at=new, v="x", _sdc_deleted_at=gone),
        record("t", id=2, v="x", _sdc_deleted_at=gone),
        record("t", id=3, at=gone, v="y"),
        record("t", id=3, at=new, v="x", _sdc_deleted_at=gone),
        **config,
    )

    assert [(row["id"], row["v"]) for row in database.rows("t")] == [(0, "x"), (3, "y")]


def test_a_flattened_property_may_tell(database: Database) -> None:
    """It is called as its column is."""
    meta = {"type": "object", "properties": {"rev": {"type": "integer"}}}
    config = {"newest_wins": "meta__rev", "flattening_enabled": True, "flattening_max_depth": 1}
    message = schema("t", id={"type": "integer"}, meta=meta)
    records = [record("t", id=1, meta={"rev": rev}) for rev in (2, 3, 1)]
    write(database, message, *records, **config)
    write(database, message, records[0], **config)

    assert database.rows("t") == [{"id": 1, "meta__rev": 3}]


@pytest.mark.parametrize("load_method", ["append-only", "overwrite"])
def test_each_load_method_does_what_it_does(database: Database, load_method: str) -> None:
    """`append-only` keeps all; `overwrite` keeps the newest of the run."""
    config = {"newest_wins": "at", "load_method": load_method, "batch_size_rows": 1}
    records = [record("t", 1, id=1, at=at, v=str(at)) for at in (2, 3, 1)]
    write(database, stream("integer"), *records, activate("t", 1), **config)

    kept = ["1", "2", "3"] if load_method == "append-only" else ["3"]
    assert sorted(row["v"] for row in database.rows("t")) == kept


@pytest.mark.parametrize("definition", ["string", "boolean", "object"])
def test_what_does_not_tell_is_an_error(database: Database, definition: str) -> None:
    """The sentence names the setting, the stream and what would tell."""
    with pytest.raises(InvalidInputLine, match=r'`newest_wins` is at, .*"t".*date-time'):
        write(database, stream(definition), newest_wins="at")
