"""Whatever stands in the input, the target does what it says, or says what is wrong."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from target_run import record, schema, state

from target_harvest_sql.cli import USER_ERRORS
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from fixtures.databases import Database

GOOD: list[dict[str, Any]] = [
    schema("t", id={"type": "integer"}, v={"type": ["number", "null"]}, at="string", o="object"),
    record("t", id=1, v=1.5, at="x", o={"a": [1]}),
    state(at=1),
    record("t", id=2, v=None, at=None, o=None),
    state(at=2),
    {"type": "ACTIVATE_VERSION", "stream": "t", "version": 1},
    record("t", 2, id=3),
    state(at=3),
]
"""A run without a fault."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "v", "type", "properties", "stream", ""]), inner)
    ),
    max_leaves=8,
)
PARTS = st.sampled_from(
    [
        *("type", "stream", "record", "version", "schema", "key_properties", "value"),
        *("time_extracted", "encoding", "manifest"),
    ]
)
SNIPPETS = st.sampled_from(
    [
        *(b"", b" ", b"\r", b"\t", b"\0", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xff", b"\xc3", b'"'),
        *(
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"\\",
            rb"\u0000",
            rb"\ud800",
            b"1e999",
            b"-",
            b"NaN",
        ),
        *(b"9" * 400, b"0." + b"1" * 400, b"[" * 3000, b'{"a":' * 3000, b"null", b"true"),
    ]
)


@st.composite
def inputs(draw: Any) -> tuple[bytes, int]:
    """A run with a fault, and how many messages stand before it."""
    messages = [dict(message) for message in GOOD]
    position = draw(st.integers(0, len(messages) - 1))
    message = messages[position]
    if draw(st.booleans()):
        part = draw(PARTS)
        message[part] = draw(JSON)
        if part in {"record", "schema"} and draw(st.booleans()):
            message[part] = {**(GOOD[position].get(part) or {}), draw(PARTS): draw(JSON)}
        lines = [json.dumps(m).encode() for m in messages]
    else:
        lines = [json.dumps(m).encode() for m in messages]
        line = lines[position]
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(len(line), start + 6)))
        lines[position] = line[:start] + draw(SNIPPETS) + line[end:]
    return b"\n".join(lines) + draw(st.sampled_from([b"", b"\n", b"\r\n\n", b"\n{"])), position


@pytest.mark.parametrize(
    "config", [{}, {"validate_records": False}, {"invalid_records": "quarantine"}]
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@example(fuzzed=(b"", 0))
@example(fuzzed=(b"\xef\xbb\xbf" + json.dumps(GOOD[0]).encode(), 0))
@example(fuzzed=(b'{"type": "STATE", "value": {"a": ' + b"[" * 100_000, 0))
@given(fuzzed=inputs())
def test_whatever_is_read_is_written_or_named(
    sqlite_database: Database, config: dict[str, Any], fuzzed: tuple[bytes, int]
) -> None:
    """An error is a sentence that names its line; what came before it is written, with its states.

    What is no error comes out as it should: the run ends.
    """
    text, position = fuzzed
    reason = ""
    target = TargetHarvestSQL(config={"sqlalchemy_url": sqlite_database.url, **config})
    with redirect_stdout(io.StringIO()) as printed:
        try:
            target.listen(io.BytesIO(text))
        except USER_ERRORS as error:
            reason = getattr(error, "error_message", None) or str(error)
            target.finish(is_complete=False)
        finally:
            target.close()
    states = [json.loads(line) for line in printed.getvalue().splitlines()]
    before = GOOD[:position]
    tables = {row["name"] for row in sqlite_database.query("SELECT name FROM sqlite_master")}
    ids = {row["id"] for row in sqlite_database.rows("t")} if "t" in tables else set()
    for table in tables:
        sqlite_database.query(f'DROP TABLE IF EXISTS "{table}"')

    if reason.startswith((f"Line {position + 1} ", f"Line {position + 1}:")):
        assert states[-1:] == [m["value"] for m in before if m["type"] == "STATE"][-1:]
        assert ids == {m["record"]["id"] for m in before if m["type"] == "RECORD"}
    elif reason:
        assert re.search(r"Line \d+|table", reason), reason
