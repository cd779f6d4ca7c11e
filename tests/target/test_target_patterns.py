"""Regular expressions in schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidRecord
from target_run import record, schema, write

from target_harvest_sql.records import patterns

if TYPE_CHECKING:
    from fixtures.databases import Database

ENDLESS = "^(a|a)*$"
"""It takes years for a text of some dozen letters that does not match."""
TEXT = "a" * 60 + "!"


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ({"type": "string", "pattern": ENDLESS}, TEXT),
        ({"type": "object", "patternProperties": {ENDLESS: {}}}, {TEXT: 1}),
        (
            {
                "type": "object",
                "additionalProperties": False,
                "patternProperties": {ENDLESS: {}},
            },
            {TEXT: 1},
        ),
    ],
)
def test_a_pattern_that_takes_too_long_is_an_invalid_record(
    sqlite_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    definition: Any,
    value: Any,
) -> None:
    """Which names the pattern; and the way out works."""
    message, sent = schema("t", keys=[], v=definition), record("t", v=value)
    monkeypatch.setattr(patterns, "LIMIT_SECONDS", 0.1)
    with pytest.raises(InvalidRecord, match=r"Line 2 .*takes more than 0.1 seconds.*validate_rec"):
        write(sqlite_database, message, sent)

    write(sqlite_database, message, sent, validate_records=False)
    assert len(sqlite_database.rows("t")) == 1


@pytest.mark.parametrize(
    ("definition", "good", "bad"),
    [
        ({"type": "string", "pattern": r"^\d{3}-(?!0)\d$"}, "123-4", "123-0"),
        (
            {"type": "object", "patternProperties": {"^n": {"type": "integer"}}},
            {"n1": 1},
            {"n": "x"},
        ),
        (
            {"type": "object", "additionalProperties": False, "patternProperties": {"^n": {}}},
            {"n1": 1},
            {"m": 1},
        ),
        (
            {
                "type": "object",
                "properties": {"a": {}},
                "additionalProperties": {"type": "integer"},
            },
            {"a": "x", "b": 1},
            {"b": "x"},
        ),
    ],
)
def test_patterns_judge_as_json_schema_says(
    sqlite_database: Database, definition: Any, good: Any, bad: Any
) -> None:
    """Of texts and of names."""
    message = schema("t", keys=[], v=definition)
    write(sqlite_database, message, record("t", v=good))
    with pytest.raises(InvalidRecord, match="Line 2"):
        write(sqlite_database, message, record("t", v=bad))
