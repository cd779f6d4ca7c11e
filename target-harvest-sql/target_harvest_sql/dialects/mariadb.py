"""MariaDB, and MariaDB Galera Cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from target_harvest_sql.dialects.held_kinds import Held, HeldTable
from target_harvest_sql.dialects.json_table import NestedJsonTable
from target_harvest_sql.dialects.leases import LeaseStatements
from target_harvest_sql.dialects.mysql import HELD, OPEN_SQL, TEXT_TYPES, MySQL
from target_harvest_sql.dialects.upserts import OnDuplicateKey

if TYPE_CHECKING:
    from target_harvest_sql.dialects.base import Dialect

GALERA = ", Galera"
"""How the driver ends the version of a node of a cluster."""


class MariaDB(MySQL):
    """MariaDB 10.6.9 or newer.

    An element is a list of short lists, since the JSON functions of MariaDB read a text from its
    beginning for each path. Measured on entries of 55 columns, in microseconds of the server and of
    this process a record: objects 198 and 16, lists 47 and 19, `executemany` of parsed values 25
    and 45. The server works on another core.

    MariaDB documentation, "JSON_TABLE":
    https://mariadb.com/docs/server/reference/sql-functions/special-functions/json-functions/json_table
    """

    name = "mariadb"
    example_url = "mariadb://user:password@host/database"
    lossy_kinds = frozenset({"number"})
    open_sql = (
        *OPEN_SQL,
        # A table may be created though its longest rows would not fit. A row that does not fit is
        # an error.
        "SET SESSION innodb_strict_mode = OFF",
    )
    held_kinds = HeldTable(
        Held(TEXT_TYPES, {"boolean"}, "json"),  # JSON_VALUE makes 1 of true.
        *HELD.rows,
    )
    list_length = 8
    reader = NestedJsonTable()
    collation = "utf8mb4_nopad_bin"
    upserts = OnDuplicateKey()

    @override
    def of_server(self, version: str) -> Dialect:
        if "MariaDB" not in version:
            return MySQL()
        return Galera() if version.endswith(GALERA) else MariaDB()

    @override
    def columns_sql(self) -> str:
        # The type json is text with a constraint. A join would open the tables of all databases.
        return (
            "SELECT column_name, IF(column_name IN (\n"
            "  SELECT constraint_name FROM information_schema.check_constraints\n"
            "  WHERE constraint_schema = coalesce(%(schema)s, database())\n"
            "    AND check_constraints.table_name = %(table)s\n"
            "    AND LEFT(check_clause, 10) = 'json_valid'\n"
            "), 'json', column_type), column_key = 'PRI'\n"
            "FROM information_schema.columns\n"
            "WHERE table_schema = coalesce(%(schema)s, database())\n"
            "  AND columns.table_name = %(table)s\n"
            "ORDER BY ordinal_position"
        )

    @override
    def moment(self, text: str) -> str:
        offset = "[+-][0-9]{2}(:?[0-9]{2})?$"
        found = f"REGEXP_SUBSTR({text}, '{offset}')"
        # 26 characters reach to the microseconds, which the column holds.
        local = f"LEFT({text}, LEAST(CHAR_LENGTH({text}) - CHAR_LENGTH({found}), 26))"
        hours_and_minutes = f"INSERT(RPAD(REPLACE({found}, ':', ''), 5, '0'), 4, 0, ':')"
        return (
            f"CASE WHEN RIGHT({text}, 1) = 'Z' "
            f"THEN LEFT({text}, LEAST(CHAR_LENGTH({text}) - 1, 26)) "
            f"WHEN {text} RLIKE '[^0-9-][0-9:.]+{offset}' "
            f"THEN CAST({local} AS datetime(6)) - INTERVAL {hours_and_minutes} HOUR_MINUTE "
            f"WHEN {text} RLIKE '[.][0-9]{{7,}}$' THEN LEFT({text}, 26) "
            f"ELSE {text} END"
        )


class Galera(MariaDB):
    """A node of a MariaDB Galera cluster.

    MariaDB documentation, "Galera Cluster System Variables":
    https://mariadb.com/docs/galera-cluster/reference/galera-cluster-system-variables
    """

    open_sql = (
        *MariaDB.open_sql,
        # A statement waits until the node has all that other nodes committed before: 1 for SELECT,
        # 2 for UPDATE and DELETE, 4 for INSERT. A run may reconnect to another node.
        "SET SESSION wsrep_sync_wait = 7",
    )
    leases = LeaseStatements(
        make=(
            "CREATE TABLE IF NOT EXISTS {} (\n"
            "  table_name varchar(255) NOT NULL,\n"
            "  owner char(32) NOT NULL,\n"
            "  renewals bigint NOT NULL,\n"
            "  PRIMARY KEY (table_name),\n"
            "  KEY (owner)\n"
            f") CHARACTER SET utf8mb4 COLLATE {MariaDB.collation}"
        ),
        claim=(
            "INSERT INTO {} (table_name, owner, renewals) VALUES (%(name)s, %(owner)s, 0)\n"
            "ON DUPLICATE KEY UPDATE renewals = renewals"
        ),
        look="SELECT owner, renewals FROM {} WHERE table_name = %(name)s",
        take_over=(
            "UPDATE {} SET owner = %(owner)s, renewals = renewals + 1\n"
            "WHERE table_name = %(name)s AND owner = %(old_owner)s AND renewals = %(old_renewals)s"
        ),
        renew="UPDATE {} SET renewals = renewals + 1 WHERE owner = %(owner)s",
        changed="SELECT ROW_COUNT()",
        release="DELETE FROM {} WHERE owner = %(owner)s",
    )
