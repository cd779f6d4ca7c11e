"""BATCH messages: the records of files, read in order with those of the input."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import (  # type: ignore[import-untyped] # It has none.
    MemoryFileSystem,
)
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import record, run, schema, state, write

if TYPE_CHECKING:
    from fixtures.databases import Database

PEOPLE = schema("people", id={"type": "integer"}, name="string")


def batch(*places: Path | str, compression: str | None = None) -> dict[str, Any]:
    """A BATCH message."""
    return {
        "type": "BATCH",
        "stream": "people",
        "encoding": {"format": "jsonl", "compression": compression},
        "manifest": [p.as_uri() if isinstance(p, Path) else p for p in places],
    }


def text(*ids: int) -> bytes:
    """Records as a file holds them."""
    return "".join(json.dumps({"id": n, "name": "batch"}) + "\n" for n in ids).encode()


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_files_are_read_in_order(database: Database, tmp_path: Path, compression: str) -> None:
    """Records before a BATCH message are older than its records, those after it newer."""
    path = tmp_path / "a file.jsonl"  # Its address has %20.
    path.write_bytes(gzip.compress(text(1, 2, 3)) if compression == "gzip" else text(1, 2, 3))
    states = write(
        database,
        PEOPLE,
        record("people", id=1, name="before"),
        batch(path, compression=compression),
        record("people", id=2, name="after"),
        state(at=1),
        batch_size_rows=2,
    )

    assert database.rows("people") == [
        {"id": 1, "name": "batch"},
        {"id": 2, "name": "after"},
        {"id": 3, "name": "batch"},
    ]
    assert states == ['{"at": 1}']


def test_files_may_be_wherever_fsspec_reads(sqlite_database: Database, tmp_path: Path) -> None:
    """Several files of one message, here, there, and in the storage that is set."""
    MemoryFileSystem().pipe_file("/harvest/1.jsonl", text(1))
    (tmp_path / "2.jsonl").write_bytes(text(2))
    (tmp_path / "3.jsonl").write_bytes(text(3))
    elsewhere = {"batch_config": {"storage": {"root": tmp_path.as_uri()}}}
    places = ["memory://harvest/1.jsonl", str(tmp_path / "2.jsonl")]
    write(sqlite_database, PEOPLE, batch(*places))
    write(sqlite_database, PEOPLE, batch("s3://not-from-here/3.jsonl"), **elsewhere)

    assert [row["id"] for row in sqlite_database.rows("people")] == [1, 2, 3]


def test_an_address_may_name_a_path_from_the_working_directory(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the SDK's documentation writes it: `file://path/to/file`, where `path` is no host."""
    (tmp_path / "path" / "to").mkdir(parents=True)
    (tmp_path / "path" / "to" / "a file.jsonl").write_bytes(text(1))
    monkeypatch.chdir(tmp_path)
    absolute = f"file://localhost{(tmp_path / 'path').as_posix()}/to/a%20file.jsonl"
    for place in ("file://path/to/a%20file.jsonl", absolute):
        write(sqlite_database, PEOPLE, batch(place))
        assert [row["id"] for row in sqlite_database.rows("people")] == [1]
        sqlite_database.query("DROP TABLE people")


@pytest.mark.parametrize("compression", ["gzip", None])
@pytest.mark.parametrize("content", [text(1), b""])
def test_a_byte_order_mark_is_no_part_of_a_record(
    sqlite_database: Database, tmp_path: Path, compression: str | None, content: bytes
) -> None:
    """Some programs of Windows begin a file with one."""
    marked = b"\xef\xbb\xbf" + content
    path = tmp_path / "1.jsonl"
    path.write_bytes(gzip.compress(marked) if compression else marked)
    write(sqlite_database, PEOPLE, batch(path, compression=compression))

    assert len(sqlite_database.rows("people")) == bool(content)


def test_records_of_files_take_the_way_of_others(sqlite_database: Database, tmp_path: Path) -> None:
    """Stream maps and metadata apply to them."""
    (tmp_path / "1.jsonl").write_bytes(text(1))
    maps = {"people": {"name": "name.upper()"}}
    write(sqlite_database, PEOPLE, batch(tmp_path / "1.jsonl"), stream_maps=maps)

    row = sqlite_database.rows("people", metadata=True)[0]
    assert row["name"] == "BATCH"
    assert row["_sdc_batched_at"] >= row["_sdc_received_at"]


def test_a_large_file_takes_little_memory(sqlite_database: Database, tmp_path: Path) -> None:
    """It is read line by line, also where it is compressed."""
    path = tmp_path / "large.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for n in range(300):
            file.write(b'{"id": %d, "name": "%b"}\n' % (n, b"x" * 100_000))
    tracemalloc.start()
    try:
        message = batch(path, compression="gzip")
        write(sqlite_database, PEOPLE, message, batch_size_bytes=500_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(sqlite_database.rows("people")) == 300
    assert peak < 10_000_000


@pytest.mark.parametrize("compression", ["gzip", None])
def test_a_line_that_is_too_long_is_named(
    sqlite_database: Database, tmp_path: Path, compression: str | None
) -> None:
    """It is not read to its end."""
    path, content = tmp_path / "1.jsonl", text(1) + b'{"id": 2, "name": "%b"}' % (b"x" * 999)
    path.write_bytes(gzip.compress(content) if compression else content)
    message = batch(path, compression=compression)
    with pytest.raises(InvalidInputLine, match=r"more than 500 bytes. Raise `max_message_bytes`"):
        write(sqlite_database, PEOPLE, message, max_message_bytes=500)


def test_a_line_that_is_wrong_is_named(sqlite_database: Database, tmp_path: Path) -> None:
    """By its place in the file and that of the message; what came before is written, no more."""
    path = tmp_path / "1.jsonl"
    path.write_bytes(text(1) + b"\n" + b'{"id": 2, "na\n' + text(3))
    messages = [PEOPLE, state(at=0), batch(path), state(at=1)]
    ended = run(sqlite_database, tmp_path, *messages)

    assert ended.exit_code == 1
    assert ended.error.startswith('Record 3 of a batch file of line 3 of stream "people"')
    assert ended.states == ['{"at": 0}']
    assert [row["id"] for row in sqlite_database.rows("people")] == [1]

    path.write_bytes(text(1, 2, 3))
    assert write(sqlite_database, *messages) == ['{"at": 0}', '{"at": 1}']
    assert [row["id"] for row in sqlite_database.rows("people")] == [1, 2, 3]


def test_a_value_that_is_wrong_is_named(sqlite_database: Database, tmp_path: Path) -> None:
    """Records of files are held against the schema as others are."""
    (tmp_path / "1.jsonl").write_bytes(text(1) + b'{"id": "s3cr3t"}\n')
    with pytest.raises(InvalidRecord, match=r"Record 2 of a batch file of line 2.*at id") as caught:
        write(sqlite_database, PEOPLE, batch(tmp_path / "1.jsonl"))

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("validate_records", [True, False])
@pytest.mark.parametrize("wrong", [b"nope", b'{"id": 2, "na', b"[2]", b'{"name": "\xff"}'])
def test_what_is_no_object_is_named(
    sqlite_database: Database, tmp_path: Path, wrong: bytes, *, validate_records: bool
) -> None:
    """Also where nothing else is asked of a record; it may be put away."""
    (tmp_path / "1.jsonl").write_bytes(text(1) + wrong + b"\n" + text(3))
    messages = [{**PEOPLE, "key_properties": []}, batch(tmp_path / "1.jsonl")]
    with pytest.raises(InvalidRecord, match=r"Record 2 of a batch file of line 2.*it is not"):
        write(sqlite_database, *messages, validate_records=validate_records)

    sqlite_database.query("DROP TABLE people")
    put_away = {"invalid_records": "quarantine", "validate_records": validate_records}
    write(sqlite_database, *messages, **put_away)
    assert [row["id"] for row in sqlite_database.rows("people")] == [1, 3]
    assert len(sqlite_database.rows("_sdc_rejected")) == 1


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing.jsonl", "No such file"),
        ("nowhere/missing.jsonl", "No such file"),
        ("cut.gz", "ended before"),
        ("no.gz", "Not a gzipped"),
        ("no.zip", "not a zip"),
        ("nosuch://bucket/x", "nosuch"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    sqlite_database: Database, tmp_path: Path, place: str, reason: str
) -> None:
    """With the stream, the reason and what to do; nothing is made where there was nothing."""
    (tmp_path / "cut.gz").write_bytes(gzip.compress(text(*range(1000)))[:-20])
    for name in ("no.gz", "no.zip"):
        (tmp_path / name).write_bytes(text(1))
    url = place if ":" in place else (tmp_path / place).as_uri()
    if place == "no.zip":
        url = f"zip://1.jsonl::{url}"
    compression = "gzip" if place.endswith("gz") else None
    with pytest.raises(InvalidInputLine, match=rf'(?is)line 2.*"people".*{reason}.*`batch_config`'):
        write(sqlite_database, PEOPLE, batch(url, compression=compression))

    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"encoding": {"format": "parquet"}}, "is parquet.*Set the tap's `batch_config` to jsonl"),
        ({"encoding": {"format": "jsonl", "compression": "zstd"}}, "zstd.*not read"),
        ({"encoding": {}}, "not read"),
        ({"encoding": None}, "needs a manifest and an encoding"),
        ({"manifest": None}, "needs a manifest and an encoding"),
        ({"stream": None}, "names no stream"),
        ({"stream": "others"}, "came before its schema"),
    ],
)
def test_a_message_that_is_wrong_is_named(
    sqlite_database: Database, tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    """With its line and what to do."""
    (tmp_path / "1.jsonl").write_bytes(text(1))
    with pytest.raises(Exception, match=f"(?i)line 2.*{expected}"):
        write(sqlite_database, PEOPLE, {**batch(tmp_path / "1.jsonl"), **change})
