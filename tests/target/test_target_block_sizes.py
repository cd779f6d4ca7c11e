"""The size of blocks changes nothing: neither tables nor states, errors, nor refused records."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from target_run import activate, record, schema, state

from target_harvest_sql.cli import USER_ERRORS
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.reading import lines as line_reading
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from fix_databases import Database

WHOLE: Final = 10**9
SIZES: Final = (1, 2, 7, 1_000, WHOLE)

DATE_TIME: Final = {"type": ["null", "string"], "format": "date-time"}
KEYED: Final = schema("t", id="integer", v="number", at=DATE_TIME, o="object", s="string")
PAIRS: Final = schema("pairs", ("id", "kind"), id="integer", kind="string", v="number")
KEYLESS: Final = schema("log", (), v="string")
GROWN: Final = schema(
    "t", id="integer", v="number", at=DATE_TIME, o="object", s="string", w="integer"
)

IDS = st.integers(0, 4) | st.sampled_from([5.0, None, "6", 2**63, True])
NUMBERS = st.sampled_from([0, -0.5, 7, 5.0, 1e3, 0.1 + 0.2, 12345678901234567890, "text"])
TIMES = st.sampled_from(["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.1234567Z", "never", None])
TEXTS = st.sampled_from(["", "é", "a\0b", "1e400", "🙏", '"}\\', "2024-02-29T23:59:59,1234567Z"])
OBJECTS = st.sampled_from([None, {}, {"a": [1, None]}, {"a": 1e3}, {"n": 2**70}, 5])
ODD_LINES: Final = (
    *("", "  ", '{"type": "RECORD", "stream": "t"}', "{}{}", '{"type": "STATE",\n"value": {}}'),
    '{"type": "RECORD", "stream": "t", "record": {"id": 1, "s": "\\ud800"}}',
    '{"type": "RECORD", "stream": "t", "record": {"id": 1, "v": NaN}}',
    '{"type": "RECORD", "stream": "t", "record": {"id": 2, "v": 0.10, "unnamed": 1}}\r',
    '{"type": "RECORD", "stream": "t", "record": {"id": 3, "v": 1e400}}',
    '{"type": "RECORD", "stream": "t", "record": {"id": 3}} {"type": "STATE", "value": {}}',
    '{"type": "RECORD", "stream": "t", "record": null}',
    '{"type": "RECORD", "stream": "nowhere", "record": {"id": 1}}',
)


def rows_of_t(**more: Any) -> Any:
    """Records of the stream with the most kinds of columns; some of them do not fit it."""
    properties = {"v": NUMBERS, "at": TIMES, "o": OBJECTS, "s": TEXTS}
    return st.fixed_dictionaries({"id": IDS}, optional={**properties, **more})


GOOD = st.one_of(
    st.builds(
        lambda n, v: record("t", id=n, v=v, at="2024-01-01T00:00:00Z", o={"a": [v]}, s="x"),
        st.integers(0, 20),
        st.integers(0, 9) | st.floats(0, 9, width=16),
    ),
    st.builds(lambda n, k: record("pairs", id=n, kind=k), st.integers(0, 3), st.sampled_from("aA")),
    st.builds(lambda v: record("log", v=v), st.text(max_size=3)),
)
MESSAGES = st.one_of(
    st.lists(GOOD, min_size=1, max_size=12),
    st.builds(lambda row: [record("t", **row)], rows_of_t()),
    st.builds(
        lambda row, deleted: [record("t", **row, _sdc_deleted_at=deleted)],
        st.fixed_dictionaries({"id": st.integers(0, 4)}),
        st.sampled_from([None, "2024-01-02T03:04:05Z"]),
    ),
    st.builds(lambda n: [state(n=n)], st.integers(0, 99)),
    st.builds(lambda v: [activate("t", v), record("t", v, id=1)], st.integers(1, 3)),
    st.builds(
        lambda at: [{**record("t", id=1), "time_extracted": at}],
        st.sampled_from(["x", "2024-01-01"]),
    ),
    st.sampled_from([[GROWN], [KEYED]]),
)
ODD = st.sampled_from(ODD_LINES).map(lambda line: [line])
INPUTS = st.lists(st.one_of(MESSAGES, MESSAGES, MESSAGES, ODD), max_size=8)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "batch_size_rows": st.sampled_from([1, 3, 10]),
        "batch_size_bytes": st.sampled_from([1, 100, 500]),
        "invalid_records": st.just("quarantine"),
        "on_inexact": st.just("round"),
        "hard_delete": st.just(True),
        "newest_wins": st.just("v"),
        "add_record_metadata": st.just(False),
        "validate_records": st.just(False),
        "flattening_enabled": st.just(True),
        "stream_maps": st.sampled_from(
            [{"t": {"id": "record['id'] if record['id'] else None"}}, {"pairs": {"v": "int(id)"}}]
        ),
    },
)


def outcome(database: Database, text: bytes, config: dict[str, Any], size: int) -> dict[str, Any]:
    """What a run into an empty database leaves, and says."""
    target = TargetHarvestSQL(
        config={"sqlalchemy_url": database.url, "flattening_max_depth": 1, **config}
    )
    error = ""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.setattr(line_reading, "BLOCK_RECORDS", size)
        try:
            target.listen(io.BytesIO(text))
        except USER_ERRORS as raised:
            error = getattr(raised, "error_message", None) or str(raised)
            with suppress(DatabaseError):  # As the command does: the first error counts.
                target.finish(is_complete=False)
        finally:
            rounded = dict(target.summary.rounded)
            target.close()
    tables = {}
    for table in ("t", "pairs", "log", "_sdc_rejected"):
        quote = "`" if database.engine in {"mariadb", "mysql"} else '"'
        if has_table(database, table):
            tables[table] = sorted(
                (
                    {k: v for k, v in row.items() if k not in VARYING}
                    for row in database.rows(table, metadata=True)
                ),
                key=repr,
            )
            database.query(f"DROP TABLE {quote}{table}{quote}")
    return {"error": error, "states": printed.getvalue(), "tables": tables, "rounded": rounded}


VARYING: Final = {
    "_sdc_received_at",
    "_sdc_batched_at",
    "_sdc_sequence",
    "_sdc_sync_started_at",
    "rejected_at",
    "_sdc_deleted_at",
}
"""Columns that hold the time of the run."""


def has_table(database: Database, name: str) -> bool:
    """Whether a table exists."""
    source = (
        "sqlite_master WHERE name"
        if database.engine == "sqlite"
        else "information_schema.tables WHERE table_name"
    )
    return bool(database.query(f"SELECT 1 AS n FROM {source} = '{name}'"))


def check(database: Database, messages: list[list[Any]], config: dict[str, Any]) -> None:
    """Compare the outcomes of all sizes of blocks."""
    flat = [KEYED, PAIRS, KEYLESS, *(message for several in messages for message in several)]
    text = "".join(f"{m if isinstance(m, str) else json.dumps(m)}\n" for m in flat).encode()
    single = outcome(database, text, config, 1)

    for size in SIZES[1:]:
        assert outcome(database, text, config, size) == single, size


SLOW: Final = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


REFUSED_BY_SOME: Final = [[record("t", id=0, v=0, at="never")]]
NEWER_FIRST: Final = [[record("t", id=1, v=v) for v in (3, 1, 2)]]


@example(messages=NEWER_FIRST, config={"newest_wins": "v"})
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(messages=INPUTS, config=CONFIGS)
def test_the_size_of_blocks_changes_nothing(
    sqlite_database: Database, messages: list[list[Any]], config: dict[str, Any]
) -> None:
    """With records that do not fit, keys that come again, deletions, versions and small batches."""
    check(sqlite_database, messages, config)


@example(messages=REFUSED_BY_SOME, config={"validate_records": False})
@settings(max_examples=3, deadline=None, suppress_health_check=SLOW)
@given(messages=INPUTS, config=CONFIGS)
def test_the_size_of_blocks_changes_nothing_in_any_engine(
    database: Database, messages: list[list[Any]], config: dict[str, Any]
) -> None:
    """As above; each engine lays records out in its own way."""
    check(database, messages, config)
