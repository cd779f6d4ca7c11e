"""Citus: PostgreSQL whose tables are distributed over several nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from target_harvest_sql.dialects.distribution import DistributionStatements
from target_harvest_sql.dialects.hints import by_error
from target_harvest_sql.dialects.postgres import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Sequence

RELATION = (
    "(\n"
    "  SELECT pg_class.oid\n"
    "  FROM pg_class\n"
    "  JOIN pg_namespace ON pg_namespace.oid = relnamespace\n"
    "  WHERE nspname = coalesce(%(schema)s, current_schema()) AND relname = {}\n"
    ")::regclass"
)
"""A table, by its schema and a name that is bound."""

TABLE = RELATION.format("%(table)s")
LIKE = f"{RELATION.format('%(like)s')}::text"


HINTS: Final = {
    **by_error(
        (
            (
                "Let `sqlalchemy_url` name the coordinator: only there can tables be changed, and "
                "keep locks other runs away."
            ),
            "0A000 this node is a worker",
        ),
        (
            (
                "The server of `sqlalchemy_url` cannot connect to one of its workers: start that "
                "worker, raise its `max_connections`, or correct its name and port with "
                "citus_update_node()."
            ),
            "08006 connection to the remote node",
        ),
        (
            (
                "The table is distributed by this column. Run SELECT undistribute_table('…') on "
                "it, and distribute it again after the run; or set `load_method: overwrite`."
            ),
            "XX000 cannot execute ALTER TABLE command involving partition column",
        ),
    ),
    **PostgreSQL.hints,
}

CACHED_CONNECTIONS = 64
"""How many connections to a worker each of our connections may keep between transactions.

Citus documentation, "Configuration Reference":
https://docs.citusdata.com/en/stable/develop/api_guc.html
"""


class Citus(PostgreSQL):
    """The coordinator of a Citus cluster, Citus 11.1 or newer.

    A connection to a worker is refused: only the coordinator can change tables, and a node does not
    know the locks of other nodes.

    Citus documentation, "Citus Utility Functions":
    https://docs.citusdata.com/en/stable/develop/api_udf.html
    """

    hints = HINTS
    open_sql: ClassVar[Sequence[str]] = (
        (
            "DO $$BEGIN\n"
            "  IF NOT citus_is_coordinator() THEN\n"
            "    RAISE EXCEPTION 'this node is a worker of a Citus cluster'\n"
            "      USING ERRCODE = 'feature_not_supported';\n"
            "  END IF;\n"
            "END$$"
        ),
        *PostgreSQL.open_sql,
        # Workers convert and compare date-times by the time zone of their own sessions.
        "SET citus.propagate_set_commands = 'local'",
        # A statement opens a connection for each shard. To open them again in each transaction
        # takes longer than the statement.
        (
            f"SELECT set_config(name, '{CACHED_CONNECTIONS}', false)\n"
            "FROM pg_settings\n"
            "WHERE name = 'citus.max_cached_conns_per_worker' AND source = 'default'"
        ),
    )
    transaction_settings_sql = ("SET LOCAL TIME ZONE 'UTC'",)  # Only such settings reach workers.
    statement_rows = 1_000_000  # Each statement is one for each shard.
    distribution = DistributionStatements(
        find=(
            "SELECT CASE WHEN partmethod = 'h' THEN 'column'\n"
            "            WHEN repmodel = 't' THEN 'reference'\n"
            "            WHEN pg_dist_partition.colocationid > 0 THEN 'single' END,\n"
            "  attname, format_type(atttypid, atttypmod), shardcount\n"
            "FROM pg_dist_partition\n"
            "LEFT JOIN pg_dist_colocation\n"
            "  ON pg_dist_colocation.colocationid = pg_dist_partition.colocationid\n"
            "LEFT JOIN pg_attribute ON attrelid = logicalrelid\n"
            "  AND attname = column_to_column_name(logicalrelid, partkey)\n"
            f"WHERE logicalrelid = {TABLE}"
        ),
        # In parallel, the shards of a table whose name has over 55 bytes would deadlock.
        prepare="SET LOCAL citus.multi_shard_modify_mode = 'sequential'",
        by_column=f"SELECT create_distributed_table({TABLE}, %(column)s)",
        by_column_in=(
            f"SELECT create_distributed_table({TABLE}, %(column)s, shard_count => %(shards)s)"
        ),
        by_column_like=(
            f"SELECT create_distributed_table({TABLE}, %(column)s, colocate_with => {LIKE})"
        ),
        as_reference=f"SELECT create_reference_table({TABLE})",
        as_single_shard=(
            f"SELECT create_distributed_table({TABLE}, NULL, colocate_with => {LIKE})"
        ),
    )
