"""Whatever the engine, the way of a record, the size of batches and the lanes: the same tables.

The streams are the SDK's own, read from its package, and some of ours with what taps are known to
send. What a table must hold is told by a dictionary: the last record of a key.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import time
from collections import defaultdict
from contextlib import redirect_stdout
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from itertools import cycle, product
from typing import TYPE_CHECKING, Any, Final

import pytest
from target_run import activate, command, lines, record, schema, state, write

from target_harvest_sql.reading import lines as line_reading
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_run import Fed

    from fixtures.databases import Database

SDK: Final = files("singer_sdk.testing.target_test_streams")
OF_THE_SDK: Final = (
    *("array_data", "camelcase", "camelcase_complex_schema", "duplicate_records"),
    *("encoded_string_data", "multiple_state_messages", "no_primary_keys", "optional_attributes"),
    *("pk_updates", "record_missing_fields", "schema_updates", "special_chars_in_attributes"),
    *("user_location_data", "user_location_upsert_data"),
)
"""Those that are to be written; the others are to be refused, as the standard suite has it."""
PROVE_ALL: Final = os.environ.get("PROOF") == "all"
NO_CHANGE: Final = {"*": {"no_such_property": None}}
"""A stream map that takes every record apart, and changes none."""
BLOCK_SIZES: Final = (1, 10_000, 2, 7)
"""How many records are judged together, at most: each way has another size, in this order."""

TEXT: Final = {"type": ["null", "string"]}
OURS: Final[dict[str, list[dict[str, Any]]]] = {
    "a key of two, one of them text": [
        schema("pairs", ("id", "kind"), id="integer", kind="string", v="number"),
        *(record("pairs", id=n % 3, kind="ab"[n % 2], v=n / 4) for n in range(9)),
        state(n=9),
    ],
    "falsy keys": [
        schema("falsy", id="integer", v="string"),
        record("falsy", id=0, v="zero"),
        record("falsy", id=-1, v=""),
        record("falsy", id=0, v="again"),
    ],
    "records between the schemas of two streams": [
        schema("one", id="integer", v="string"),
        record("one", id=1, v="a"),
        schema("two", id="integer", v="string"),
        record("two", id=1, v="b"),
        record("one", id=1, v="c"),
        state(one=2, two=1),
        record("two", id=2, v=None),
    ],
    "a column is added in mid-run": [
        schema("growing", id="integer", v="string"),
        record("growing", id=1, v="a"),
        record("growing", id=2, v="b"),
        schema("growing", id="integer", v="string", w="integer"),
        record("growing", id=2, v="b", w=2),
        record("growing", id=3, v="c", w=3),
    ],
    "older versions go": [
        schema("versions", id="integer", v="string"),
        record("versions", 1, id=1, v="old"),
        record("versions", 1, id=2, v="old"),
        activate("versions", 1),
        record("versions", 2, id=2, v="new"),
        activate("versions", 2),
        record("versions", 2, id=3, v="newer"),
    ],
    "a version is activated before its records": [
        schema("Early", ("Code",), Code="string", Name="string"),
        record("Early", 1, Code="a", Name="old"),
        record("Early", 1, Code="b", Name="old"),
        schema("Early", ("Code",), Code="string", Name="string"),
        activate("Early", 2),
        record("Early", 2, Code="b", Name="new"),
        activate("Early", 2),
    ],
    "a version without records empties a table": [
        schema("emptied", id="integer", v="string"),
        activate("emptied", 1),
        record("emptied", 1, id=1, v="a"),
        activate("emptied", 2),
    ],
    "a column widens in mid-run, in a table with capitals": [
        schema("Widening", ("Id",), Id="string", clientNumber="integer"),
        record("Widening", Id="1", clientNumber=7),
        record("Widening", Id="2", clientNumber=8),
        schema("Widening", ("Id",), Id="string", clientNumber="string"),
        record("Widening", Id="2", clientNumber="eight"),
        schema("Widening", ("Id",), Id="string", clientNumber="integer"),
        record("Widening", Id="3", clientNumber=9),
    ],
    "a column of lists is added, and what is missing is null": [
        schema("lists", id="integer"),
        record("lists", id=1),
        schema("lists", id="integer", tags={"type": "array", "items": {"type": "string"}}),
        record("lists", id=2, tags=["a", ""]),
        record("lists", id=3),
    ],
    "keys that are numbers": [
        schema("by_number", id="number", v="string"),
        record("by_number", id=34639314995, v="large"),
        record("by_number", id=0.5, v="small"),
        record("by_number", id=0.50, v="the same"),
        record("by_number", id=34639314995.0, v="the same"),
    ],
    "text of which the schema says how to read it": [
        schema("encoded", id="integer", v={**TEXT, "contentEncoding": "base16"}),
        *(record("encoded", id=n, v=v) for n, v in enumerate(("0xA1B2", "0x", "", None, "A12"))),
    ],
    "objects of any shape, and of none": [
        schema("shapes", id="integer", o="object", e={"type": "object", "properties": {}}),
        record("shapes", id=1, o={"a": 1, "b": {"c": [True, "x", 1.5]}}, e={"a": {}}),
        record("shapes", id=2, o={"b": "text where an object was"}, e={}),
    ],
    "texts of all sorts": [
        schema("texts", id="integer", v="string"),
        *(
            record("texts", id=n, v=text)
            for n, text in enumerate(
                ("", " ", "'\"\\", "é\u0301", "🙏", "a\nb\tc", "NULL", "x" * 70_000)
            )
        ),
    ],
    "numbers of all sorts": [
        schema("numbers", id="integer", v="number", w="integer"),
        *(
            record("numbers", id=n, v=number, w=whole)
            for n, (number, whole) in enumerate(
                ((0, 0), (-0.5, -1), (1e-7, 2**53 + 1), (123456.789, 2**63 - 1), (1e15, -(2**63)))
            )
        ),
    ],
    "dates of all sorts": [
        schema(
            "dates",
            id="integer",
            day={"type": ["null", "string"], "format": "date"},
            at={"type": ["null", "string"], "format": "date-time"},
        ),
        record("dates", id=1, day="2024-02-29", at="2024-02-29T23:59:59Z"),
        record("dates", id=2, day="1970-01-01", at="1999-12-31T23:59:59.123456+02:00"),
        record("dates", id=3, day=None, at=None),
    ],
    "objects and lists": [
        schema("nested", id="integer", o="object", l="array"),
        record("nested", id=1, o={"a": {"b": [1, None, "c"]}}, l=[1, 2]),
        record("nested", id=2, o={}, l=[]),
        record("nested", id=1, o=None, l=[{"x": 1.5}]),
    ],
}
STREAMS: Final = (*OF_THE_SDK, *OURS)


def messages_of(name: str) -> list[dict[str, Any]]:
    """The messages of one of the streams."""
    if name in OURS:
        return OURS[name]
    text = SDK.joinpath(f"{name}.singer").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def oracle(messages: list[dict[str, Any]], times: int) -> dict[str, list[dict[str, Any]]]:
    """What the tables must hold after the messages came so many times, deletions being for good."""
    properties: dict[str, set[str]] = defaultdict(set)
    keys: dict[str, list[str]] = {}
    rows: dict[str, dict[Any, tuple[int | None, dict[str, Any]]]] = defaultdict(dict)
    for number, message in enumerate(messages * times):
        stream = message.get("stream", "")
        if message["type"] == "SCHEMA":
            properties[stream] |= message["schema"]["properties"].keys()
            keys[stream] = message.get("key_properties") or []
            rows[stream] = rows[stream]
        elif message["type"] == "RECORD":
            row = message["record"]
            key = tuple(row[name] for name in keys[stream]) or number
            rows[stream][key] = (message.get("version"), row)
            if row.get("_sdc_deleted_at"):
                del rows[stream][key]
        elif message["type"] == "ACTIVATE_VERSION":
            rows[stream] = {
                key: (version, row)
                for key, (version, row) in rows[stream].items()
                if version is not None and version >= message["version"]
            }
    return {
        stream: [
            {name: plain(row.get(name)) for name in properties[stream]} for _, row in found.values()
        ]
        for stream, found in rows.items()
    }


def plain(value: Any) -> Any:
    """A value as all engines agree about it."""
    if isinstance(value, bool | Decimal | float | int):
        return format(Decimal(str(+value)).normalize(), "f") if value else "0"
    if isinstance(value, date):  # A date-time is one as well.
        return text_of(value.isoformat())
    if isinstance(value, str):
        return text_of(value.replace("\0", "\ufffd"))
    return dumped(value) if isinstance(value, dict | list) else value


def dumped(value: Any) -> str:
    """JSON in one spelling of the many, without U+0000, which most engines cannot hold."""
    return json.dumps(value, sort_keys=True).replace("\\u0000", "\\ufffd")


def text_of(value: str) -> Any:
    """A text; JSON and date-times in one spelling of the many."""
    if value[:1] in {"{", "["}:
        try:
            return dumped(json.loads(value))
        except ValueError:
            return value
    if len(value) > len("2024-01-01T00") and value[4:5] == "-" and value[7:8] == "-":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return (moment - (moment.utcoffset() or moment - moment)).replace(tzinfo=None).isoformat()
    return value


def ways(engine: str) -> Iterator[dict[str, Any]]:
    """The ways in which the target may be told to write: each two of them meet at least once.

    `PROOF=all` tries them all, which takes four times as long.
    """
    has_lanes = engine not in {"sqlite", "duckdb"}
    every = product((1, 3, 10_000), (None, NO_CHANGE), (1, 2) if has_lanes else (1,))
    pairs = (
        *((1, None, 1), (1, NO_CHANGE, 2), (3, None, 2), (3, NO_CHANGE, 1)),
        *((10_000, None, 1), (10_000, NO_CHANGE, 2)),
    )
    for batch_size_rows, maps, lanes in every if PROVE_ALL else pairs:
        if maps is None or has_lanes or batch_size_rows > 1:
            yield {
                "batch_size_rows": batch_size_rows,
                "lanes": lanes if has_lanes else 1,
                **({"stream_maps": maps} if maps else {}),
            }


@pytest.mark.parametrize("name", STREAMS)
def test_every_way_gives_the_tables_that_a_dictionary_gives(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, and again into the same tables; in blocks of several sizes."""
    messages = messages_of(name)
    names = {message["stream"] for message in messages if message["type"] == "SCHEMA"}

    for way, size in zip(ways(database.engine), cycle(BLOCK_SIZES), strict=False):
        monkeypatch.setattr(line_reading, "BLOCK_RECORDS", size)
        for times in (1, 2) if way["batch_size_rows"] > 3 or PROVE_ALL else (1,):
            target = TargetHarvestSQL(
                config={"sqlalchemy_url": database.url, "hard_delete": True, **way}
            )
            with redirect_stdout(io.StringIO()):
                target.listen(io.StringIO(lines(messages)))

            compare(database, oracle(messages, times), way, times, size)
        for stream in names:
            database.query(f"DROP TABLE {quoted(database, stream)}")


def compare(database: Database, wanted: dict[str, list[dict[str, Any]]], *context: object) -> None:
    """Hold the tables against what a dictionary gives."""
    for stream, rows in wanted.items():
        found = [
            {column: plain(value) for column, value in row.items()} for row in database.rows(stream)
        ]
        assert sorted(found, key=repr) == sorted(
            ({k: row[k] for k in (found or rows)[0]} for row in rows), key=repr
        ), (context, stream)


ROWS: Final = 150
GROWN: Final = 75
"""The record before which the schema grows."""


def history(chance: random.Random) -> list[dict[str, Any]]:
    """Records of two streams: new ones, newer versions, deletions, some back again."""
    made: list[dict[str, Any]] = []
    for n in range(ROWS):
        row: dict[str, Any] = {"id": chance.randrange(12), "kind": chance.choice(("a", "A", "é"))}
        if chance.random() < 0.1:
            row["_sdc_deleted_at"] = "2024-01-02T03:04:05Z"
        else:
            row |= {"v": n / 4, "o": {"n": [n, None, "x"]}, "w": n if n >= GROWN else None}
        log = record("other", id=chance.randrange(9), v=f"{n} ü")
        made.append(log if chance.random() < 0.3 else record("t", **row))
    return made


def messages_from(start: int, records: list[dict[str, Any]], stop: int = ROWS) -> list[Any]:
    """What a tap sends that goes on from a state: schemas, and a state after each record."""
    narrow = {"id": "integer", "kind": "string", "v": "number", "o": "object"}
    keys = ("id", "kind")
    grown = schema("t", keys, **narrow, w="integer")
    messages: list[Any] = [
        schema("t", keys, **narrow) if start < GROWN else grown,
        schema("other", id="integer", v="string"),
    ]
    for n in range(start, stop):
        if n == GROWN:
            messages.append(grown)
        messages += [records[n], state(next=n + 1)]
    return messages


def test_every_way_goes_on_from_the_last_state_after_a_kill(
    database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """With `kill -9` at any record; `PROOF=all` kills three times in a row."""
    chance = random.Random(database.engine)
    records = history(chance)
    wanted = oracle(messages_from(0, records), 1)

    for way in ways(database.engine):
        start = 0
        for _ in range(3 if PROVE_ALL else 1):
            fed = feeding(command(database, tmp_path, hard_delete=True, **way))
            stop = chance.randint(min(start + 20, ROWS), ROWS)
            fed.feed(*messages_from(start, records, stop))
            if way["batch_size_rows"] <= 3 and start < stop:
                start = fed.next_state()["next"]
            time.sleep(chance.random() / 20)
            os.kill(fed.process.pid, signal.SIGKILL)
            # The last line may be cut; a runner ignores it.
            printed = fed.end()[1].split(b"\n")[:-1]
            start = max([start, *(json.loads(line)["next"] for line in printed)])
        write(database, *messages_from(start, records), hard_delete=True, **way)

        compare(database, wanted, way, start)
        for stream in wanted:
            database.query(f"DROP TABLE {quoted(database, stream)}")


def quoted(database: Database, name: str) -> str:
    """A name as the engine quotes it."""
    marks = {"mariadb": "``", "mysql": "``", "mssql": "[]"}.get(database.engine, '""')
    return f"{marks[0]}{name}{marks[1]}"
