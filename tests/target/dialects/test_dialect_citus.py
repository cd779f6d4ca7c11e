"""The statements that Citus gets beside PostgreSQL's."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from target_harvest_sql.columns import Column, Table
from target_harvest_sql.database.distributions import Distributions
from target_harvest_sql.dialects import DIALECTS

POSTGRESQL = DIALECTS["postgresql"]
CITUS = POSTGRESQL.of_server("150020, Citus 13.2-1")
OLD = Table("t", (), "s")
NEW = Table(
    "t__shadow_0a1b2c3d",
    (
        Column("id", ("id",), "integer", source="id", is_key=True),
        Column("Day_", ("day",), "date", source="day", is_key=True),
        Column("v", ("v",), "string", source="v"),
    ),
    "s",
)


def relation(name: str) -> str:
    """A table by its bound name."""
    return (
        "(\n"
        "  SELECT pg_class.oid\n"
        "  FROM pg_class\n"
        "  JOIN pg_namespace ON pg_namespace.oid = relnamespace\n"
        f"  WHERE nspname = coalesce(%(schema)s, current_schema()) AND relname = %({name})s\n"
        ")::regclass"
    )


TABLE, LIKE = relation("table"), relation("like")
LOCAL: list[Any] = []
BY_KEY = [("column", "id", "bigint", 32)]


def test_the_version_tells_citus() -> None:
    """What the driver adds to the version of PostgreSQL, if the database has the extension."""
    assert type(CITUS).__name__ == "Citus"
    assert POSTGRESQL.of_server("150020") is POSTGRESQL
    assert CITUS.statement_rows > 10_000 > POSTGRESQL.statement_rows


def test_a_connection_begins_on_the_coordinator_alone() -> None:
    """A worker raises an error; connections to the workers are kept, if nobody set how many.

    Workers have the time zone of each transaction.
    """
    assert CITUS.open_sql[0] == (
        "DO $$BEGIN\n"
        "  IF NOT citus_is_coordinator() THEN\n"
        "    RAISE EXCEPTION 'this node is a worker of a Citus cluster'\n"
        "      USING ERRCODE = 'feature_not_supported';\n"
        "  END IF;\n"
        "END$$"
    )
    assert CITUS.open_sql[-2] == "SET citus.propagate_set_commands = 'local'"
    assert CITUS.transaction_settings_sql == ("SET LOCAL TIME ZONE 'UTC'",)
    assert CITUS.open_sql[-1] == (
        "SELECT set_config(name, '64', false)\n"
        "FROM pg_settings\n"
        "WHERE name = 'citus.max_cached_conns_per_worker' AND source = 'default'"
    )


@pytest.mark.parametrize(
    ("wanted", "old", "statement", "values"),
    [
        (None, LOCAL, None, {}),
        ("key", LOCAL, f"SELECT create_distributed_table({TABLE}, %(column)s)", {"column": "id"}),
        ("day", LOCAL, f"SELECT create_distributed_table({TABLE}, %(column)s)", {"column": "Day_"}),
        ("v", LOCAL, None, {}),
        ("reference", LOCAL, f"SELECT create_reference_table({TABLE})", {}),
        (
            "reference",
            BY_KEY,
            f"SELECT create_distributed_table({TABLE}, %(column)s, colocate_with => {LIKE}::text)",
            {"column": "id", "like": "t"},
        ),
        (
            None,
            [("column", "id", "integer", 8)],
            f"SELECT create_distributed_table({TABLE}, %(column)s, shard_count => %(shards)s)",
            {"column": "id", "shards": 8},
        ),
        (
            "key",
            [("reference", None, None, 1)],
            f"SELECT create_reference_table({TABLE})",
            {},
        ),
        (
            "key",
            [("single", None, None, 1)],
            f"SELECT create_distributed_table({TABLE}, NULL, colocate_with => {LIKE}::text)",
            {"like": "t"},
        ),
        ("key", [(None, None, None, None)], f"SELECT create_distributed_table({TABLE}, %(column)s)",
         {"column": "id"}),
    ],
)  # fmt: skip
def test_a_table_is_distributed_by_one_statement(
    wanted: str | None, old: list[Any], statement: str | None, values: dict[str, Any]
) -> None:
    """As the old table is or, if that is local, as the setting says."""
    executed = []

    def execute(sql: str, parameters: dict[str, Any] | None = None) -> list[Any]:
        if parameters is None:
            executed.append((sql, {}))
            return []
        if sql.startswith("SELECT CASE"):
            return old if parameters["table"] == "t" else []
        executed.append((sql, parameters))
        return []

    Distributions(wanted, logging.getLogger(__name__)).apply(NEW, "t", CITUS, execute, OLD)

    place = {"schema": "s", "table": NEW.name}
    prepared = ("SET LOCAL citus.multi_shard_modify_mode = 'sequential'", {})
    assert executed == ([prepared, (statement, {**place, **values})] if statement else [])
