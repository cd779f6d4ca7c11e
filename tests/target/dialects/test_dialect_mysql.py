"""Every statement of the MySQL and MariaDB dialects, as whole text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from target_harvest_sql.columns import Column, Size, Table
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.dialects.mariadb import Galera, MariaDB
from target_harvest_sql.dialects.mysql import MySQL
from target_harvest_sql.dialects.swaps import Swap

ID = Column("id", ("6",), "integer", is_key=True, description="It's 100% the id.")
CLIENT = Column("client__name", ("7",), "string")
AMOUNT = Column("amount", ("8",), "number")
TAGS = Column("tags", ("9",), "json")
AT = Column("_sdc_batched_at", ("2",), "date-time", is_volatile=True)
TABLE = Table("entries", (ID, CLIENT, AMOUNT, TAGS, AT), schema="harvest")
KEYLESS = Table("odd `name` of 100%", (Column("it's", ("0",), "date"),))

# As records come to MariaDB: in short lists.
LISTED = replace(
    TABLE,
    columns=(
        replace(ID, path=("7", "0")),
        replace(CLIENT, path=("7", "1")),
        replace(AMOUNT, path=("7", "2")),
        replace(TAGS, path=("6",)),
        replace(AT, path=("2",)),
    ),
)


def test_the_server_says_which_it_is() -> None:
    """Whatever stands in the URL."""
    assert isinstance(DIALECTS["mysql"].of_server("10.11.18-MariaDB-0+deb12u1"), MariaDB)
    assert type(DIALECTS["mysql"].of_server("8.0.42")) is MySQL
    assert type(MariaDB().of_server("8.0.42")) is MySQL
    galera = DIALECTS["mysql"].of_server("10.11.18-MariaDB, Galera")
    assert type(galera) is Galera


def test_open() -> None:
    """UTC, strict, without a backslash that escapes; MySQL warns of strict modes that lack one."""
    opened = (
        "SET time_zone = '+00:00'",
        (
            "SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
            "ERROR_FOR_DIVISION_BY_ZERO,NO_BACKSLASH_ESCAPES'"
        ),
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION wait_timeout = 2147483",
        "SET SESSION lock_wait_timeout = LEAST(@@lock_wait_timeout, 60)",
        "SET SESSION innodb_lock_wait_timeout = LEAST(@@innodb_lock_wait_timeout, 60)",
    )

    assert MariaDB().open_sql == (*opened, "SET SESSION innodb_strict_mode = OFF")
    assert MySQL().open_sql == (
        *opened,
        "SET sql_mode = concat(@@sql_mode, ',TIME_TRUNCATE_FRACTIONAL')",
    )


def test_lock() -> None:
    """By a name that fits, whatever the table's."""
    assert MySQL().lock_sql == (
        "SELECT GET_LOCK(CONCAT('target-harvest-sql ', LEFT(SHA2(CONCAT("
        "COALESCE(%(schema)s, DATABASE(), ''), '.', LOWER(%(table)s)), 256), 40)), 0)"
    )


def test_create_table() -> None:
    """Tables and keys tell all texts apart; descriptions are part of the definition."""
    statement = (
        "CREATE TABLE `harvest`.`entries` (\n"
        "  `id` bigint NOT NULL COMMENT 'It''s 100%% the id.',\n"
        "  `client__name` longtext,\n"
        "  `amount` double,\n"
        "  `tags` json,\n"
        "  `_sdc_batched_at` datetime(6),\n"
        "  PRIMARY KEY (`id`)\n"
        ") CHARACTER SET utf8mb4 COLLATE "
    )

    assert MySQL().create_table_sql(TABLE) == f"{statement}utf8mb4_0900_bin"
    assert MariaDB().create_table_sql(LISTED) == f"{statement}utf8mb4_nopad_bin"


@pytest.mark.parametrize(
    ("kinds", "types"),
    [
        (["string"], ["varchar(768)"]),
        (["string", "integer", "json"], ["varchar(383)", "bigint", "varchar(383)"]),
        (["decimal", "date-time"], ["varchar(766)", "datetime(6)"]),
    ],
)
def test_text_in_a_key_is_as_long_as_an_index_allows(kinds: list[str], types: list[str]) -> None:
    """3072 bytes, four of which are a character."""
    keys = [Column(f"k{n}", (), kind, is_key=True) for n, kind in enumerate(kinds)]  # type: ignore[arg-type]
    table = Table("t", tuple(keys))

    assert [MySQL().type_sql(table, key) for key in keys] == types


def test_a_truth_value_is_made_without_a_width() -> None:
    """To write `tinyint(1)`, as the server calls it, is deprecated in MySQL: a warning."""
    truth = Column("v", ("0",), "boolean")

    assert MySQL().type_sql(TABLE, truth) == "boolean"
    assert "`v` boolean PATH" in MySQL().rows_sql((truth,))
    assert MySQL().held_kind("tinyint(1)", "boolean") == "boolean"


def test_a_decimal_is_as_large_as_the_schema_says() -> None:
    """Where it says nothing, or more than the database has, all digits are kept as text."""
    decimal = Column("v", ("v",), "decimal", size=Size(precision=20, scale=4))
    larger = replace(decimal, size=Size(precision=66, scale=4))

    assert MySQL().type_sql(TABLE, decimal) == "decimal(20,4)"
    assert MySQL().type_sql(TABLE, larger) == "longtext"
    assert MySQL().type_sql(TABLE, replace(decimal, size=Size())) == "longtext"


def test_add_and_widen_column() -> None:
    """A type changes only to one that holds old and new values."""
    dialect = MySQL()

    assert dialect.add_column_sql(KEYLESS, CLIENT) == (
        "ALTER TABLE `odd ``name`` of 100%%` ADD COLUMN `client__name` longtext"
    )
    assert dialect.widen_sql(TABLE, AMOUNT, "bigint(20)") == [
        (
            "ALTER TABLE `harvest`.`entries` ADD CONSTRAINT exact_as_double "
            "CHECK (`amount` BETWEEN -9007199254740992 AND 9007199254740992)"
        ),
        (
            "ALTER TABLE `harvest`.`entries` DROP CONSTRAINT exact_as_double, "
            "MODIFY COLUMN `amount` double"
        ),
    ]
    decimal = Column("v", ("v",), "decimal", size=Size(precision=20, scale=4))
    assert dialect.widen_sql(TABLE, decimal, "decimal(22,2)") == [
        "ALTER TABLE `harvest`.`entries` MODIFY COLUMN `v` decimal(24,4)"
    ]
    assert dialect.widen_sql(TABLE, decimal, "decimal(65,2)") == [
        "ALTER TABLE `harvest`.`entries` MODIFY COLUMN `v` longtext"
    ]
    assert dialect.widen_sql(TABLE, CLIENT, "date") == [
        "ALTER TABLE `harvest`.`entries` MODIFY COLUMN `client__name` longtext"
    ]
    assert dialect.widen_sql(TABLE, AT, "date") == [
        "ALTER TABLE `harvest`.`entries` MODIFY COLUMN `_sdc_batched_at` datetime(6)"
    ]
    assert dialect.widen_sql(TABLE, AMOUNT, "tinyint(1)") == []
    key = replace(ID, kind="json")
    assert dialect.widen_sql(Table("t", (key,)), key, "bigint") == []


def test_a_column_is_made_anew_as_json() -> None:
    """As MODIFY would take text for JSON, and truth values for numbers."""
    assert MySQL().widen_sql(TABLE, TAGS, "bigint") == [
        "ALTER TABLE `harvest`.`entries` ADD COLUMN `tags__widened` json AFTER `tags`",
        (
            "UPDATE `harvest`.`entries` SET `tags__widened` = "
            "IF(`tags` IS NULL, NULL, JSON_EXTRACT(JSON_ARRAY(`tags`), '$[0]'))"
        ),
        (
            "ALTER TABLE `harvest`.`entries` DROP COLUMN `tags`, "
            "CHANGE COLUMN `tags__widened` `tags` json"
        ),
    ]
    assert MariaDB().widen_sql(TABLE, CLIENT, "tinyint(1)") == [
        (
            "ALTER TABLE `harvest`.`entries` ADD COLUMN `client__name__widened` longtext "
            "AFTER `client__name`"
        ),
        (
            "UPDATE `harvest`.`entries` SET `client__name__widened` = CASE `client__name` "
            "WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE `client__name` END"
        ),
        (
            "ALTER TABLE `harvest`.`entries` DROP COLUMN `client__name`, "
            "CHANGE COLUMN `client__name__widened` `client__name` longtext"
        ),
    ]


def test_columns_that_were_made_otherwise_hold_what_they_can() -> None:
    """What they would cut or round is an error of the statement."""
    held = MySQL().held_kind

    assert held("bigint(20)", "integer") == "integer"  # So MariaDB reports it.
    assert held("varchar(20)", "date") == "string"
    assert held("varchar(20)", "integer") == "decimal"
    assert held("longtext", "boolean") == "string"
    assert MariaDB().held_kind("longtext", "boolean") == "json"
    assert held("varchar(768)", "json") == "json"
    assert held("datetime", "date-time") == "date-time"
    assert held("double", "integer") == "number"
    assert held("float", "number") is None
    assert held("tinyint(1)", "string") is None


def test_columns_may_keep_fewer_digits_of_a_second() -> None:
    """What ours keep goes without saying."""
    held = {type_: MySQL().held(type_, AT) for type_ in ("datetime(6)", "timestamp(3)", "datetime")}

    assert [column and column.second_digits for column in held.values()] == [None, 3, 0]


def test_a_decimal_column_holds_numbers_of_its_size() -> None:
    """Those of which the schema says nothing as well: a digit too many is an error then."""
    small = Column("v", ("v",), "decimal", size=Size(precision=5, scale=2))
    held = MySQL().held("decimal(5,2)", replace(small, kind="number", size=Size()))

    assert held == small
    assert MySQL().held("decimal(5,2)", small) == small
    assert MySQL().held("decimal(5,1)", small) is None


def test_append() -> None:
    """A batch is one bound value."""
    [statement] = MySQL().append_sql(KEYLESS)

    assert statement == (
        "INSERT INTO `odd ``name`` of 100%%` (`it's`)\n"
        "SELECT `it's` AS c0\n"
        "FROM JSON_TABLE(%(batch)s, '$[*]' COLUMNS (\n"
        "  `it's` longtext CHARACTER SET utf8mb4 "
        "PATH '$[0]' ERROR ON ERROR\n"
        ")) AS batch"
    )


def test_an_enumeration_that_the_schema_names() -> None:
    """A text is one of its values or none, and never the position of one."""
    mood = Column("mood", ("0",), "string", declared_type="enum('a')")
    held = MySQL().held("enum('a','50%')", mood)
    assert held == replace(mood, foreign_type="enum('a','50%')")
    assert MySQL().held("enum('a','50%')", replace(mood, declared_type="")) is None
    [statement] = MySQL().append_sql(Table("t", (held,)))

    value = "IF(JSON_TYPE(`mood`) = 'NULL', NULL, JSON_UNQUOTE(`mood`))"
    assert statement.splitlines()[1] == (
        f"SELECT CASE WHEN CONVERT({value} USING utf8mb4) COLLATE utf8mb4_bin IN ('a','50%%') "
        f"THEN {value} WHEN {value} IS NOT NULL THEN 'not a value of the type' END AS c0"
    )


def test_upsert_into_mysql() -> None:
    """Only rows that are not there, or differ in more than what changes in every run."""
    [statement] = MySQL().upsert_sql(TABLE)

    assert statement == (
        "INSERT INTO `harvest`.`entries` "
        "(`id`, `client__name`, `amount`, `tags`, `_sdc_batched_at`)\n"
        "SELECT new_rows.* FROM (\n"
        "SELECT `id` AS c0, "
        "IF(JSON_TYPE(`client__name`) = 'NULL', NULL, JSON_UNQUOTE(`client__name`)) AS c1, "
        "`amount` AS c2, "
        "IF(JSON_TYPE(`tags`) = 'NULL', NULL, `tags`) AS c3, "
        "CAST(REGEXP_REPLACE(`_sdc_batched_at`, 'Z$', '+00:00') AS datetime(6)) AS c4\n"
        "FROM JSON_TABLE(%(batch)s, '$[*]' COLUMNS (\n"
        "  `id` bigint PATH '$[6]' ERROR ON ERROR,\n"
        "  `client__name` json PATH '$[7]' ERROR ON ERROR,\n"
        "  `amount` double PATH '$[8]' ERROR ON ERROR,\n"
        "  `tags` json PATH '$[9]' ERROR ON ERROR,\n"
        "  `_sdc_batched_at` longtext CHARACTER SET utf8mb4 "
        "PATH '$[2]' ERROR ON ERROR\n"
        ")) AS batch\n"
        ") AS new_rows\n"
        "LEFT JOIN `harvest`.`entries` AS old ON old.`id` = CAST(new_rows.c0 AS signed)\n"
        "WHERE old.`id` IS NULL OR NOT (old.`client__name` <=> new_rows.c1 "
        "AND old.`amount` <=> new_rows.c2 AND old.`tags` <=> new_rows.c3)\n"
        "ON DUPLICATE KEY UPDATE `entries`.`client__name` = new_rows.c1, "
        "`entries`.`amount` = new_rows.c2, `entries`.`tags` = new_rows.c3, "
        "`entries`.`_sdc_batched_at` = new_rows.c4"
    )


def test_upsert_into_mariadb() -> None:
    """Values come by position; an object where text is expected stays JSON text."""
    [statement] = MariaDB().upsert_sql(LISTED)

    assert statement == (
        "INSERT INTO `harvest`.`entries` "
        "(`id`, `client__name`, `amount`, `tags`, `_sdc_batched_at`)\n"
        "SELECT COALESCE(JSON_VALUE(v7, '$[0]'), JSON_QUERY(v7, '$[0]')) AS c0, "
        "COALESCE(JSON_VALUE(v7, '$[1]'), JSON_QUERY(v7, '$[1]')) AS c1, "
        "COALESCE(JSON_VALUE(v7, '$[2]'), JSON_QUERY(v7, '$[2]')) AS c2, "
        "NULLIF(v6, 'null') AS c3, "
        "CASE WHEN RIGHT(v2, 1) = 'Z' THEN LEFT(v2, LEAST(CHAR_LENGTH(v2) - 1, 26)) "
        "WHEN v2 RLIKE '[^0-9-][0-9:.]+[+-][0-9]{2}(:?[0-9]{2})?$' "
        "THEN CAST(LEFT(v2, LEAST(CHAR_LENGTH(v2) "
        "- CHAR_LENGTH(REGEXP_SUBSTR(v2, '[+-][0-9]{2}(:?[0-9]{2})?$')), 26)) AS datetime(6)) "
        "- INTERVAL INSERT(RPAD(REPLACE(REGEXP_SUBSTR(v2, '[+-][0-9]{2}(:?[0-9]{2})?$'), "
        "':', ''), 5, '0'), 4, 0, ':') HOUR_MINUTE "
        "WHEN v2 RLIKE '[.][0-9]{7,}$' THEN LEFT(v2, 26) "
        "ELSE v2 END AS c4\n"
        "FROM JSON_TABLE(%(batch)s, '$[*]' COLUMNS (\n"
        "  v7 json PATH '$[7]' ERROR ON ERROR,\n"
        "  v6 json PATH '$[6]' ERROR ON ERROR,\n"
        "  v2 longtext CHARACTER SET utf8mb4 PATH '$[2]' ERROR ON ERROR\n"
        ")) AS batch\n"
        "ON DUPLICATE KEY UPDATE `entries`.`_sdc_batched_at` = IF("
        "@is_same := (`entries`.`client__name` <=> VALUES(`client__name`) AND "
        "`entries`.`amount` <=> VALUES(`amount`) AND `entries`.`tags` <=> VALUES(`tags`)), "
        "`entries`.`_sdc_batched_at`, VALUES(`_sdc_batched_at`)), "
        "`entries`.`client__name` = VALUES(`client__name`), "
        "`entries`.`amount` = VALUES(`amount`), `entries`.`tags` = VALUES(`tags`)"
    )


def test_mariadb_compares_a_row_once() -> None:
    """However many columns change only if another does."""
    received = replace(AT, name="_sdc_received_at")
    [statement] = MariaDB().upsert_sql(replace(TABLE, columns=(*TABLE.columns, received)))

    assert statement.count("`tags` <=> VALUES(`tags`)") == 1
    assert (
        "`entries`.`_sdc_received_at` = "
        "IF(@is_same, `entries`.`_sdc_received_at`, VALUES(`_sdc_received_at`))"
    ) in statement


def test_upsert_of_keys_alone() -> None:
    """Nothing can have changed."""
    [statement] = MySQL().upsert_sql(Table("links", (ID,)))

    assert statement.endswith("ON DUPLICATE KEY UPDATE `links`.`id` = new_rows.c0")


def test_delete() -> None:
    """A join finds the rows by their key."""
    [in_mysql] = MySQL().delete_sql(TABLE)
    [in_mariadb] = MariaDB().delete_sql(LISTED)

    assert in_mysql == (
        "DELETE old FROM `harvest`.`entries` AS old\n"
        "JOIN (\n"
        "SELECT `id` AS c0\n"
        "FROM JSON_TABLE(%(batch)s, '$[*]' COLUMNS (\n"
        "  `id` bigint PATH '$[6]' ERROR ON ERROR\n"
        ")) AS batch\n"
        ") AS gone ON old.`id` = CAST(gone.c0 AS signed)"
    )
    assert in_mariadb == (
        "DELETE old FROM `harvest`.`entries` AS old\n"
        "JOIN (\n"
        "SELECT COALESCE(JSON_VALUE(v7, '$[0]'), JSON_QUERY(v7, '$[0]')) AS c0\n"
        "FROM JSON_TABLE(%(batch)s, '$[*]' COLUMNS (\n"
        "  v7 json PATH '$[7]' ERROR ON ERROR\n"
        ")) AS batch\n"
        ") AS gone ON old.`id` = CAST(gone.c0 AS signed)"
    )


def test_a_key_of_text_is_compared_as_its_column_does() -> None:
    """Else no index would find it."""
    table = Table("t", (replace(CLIENT, is_key=True), replace(AT, is_key=True)))
    [statement] = MySQL().delete_sql(table)

    assert statement.endswith(
        "ON old.`client__name` = CAST(gone.c0 AS char) COLLATE utf8mb4_0900_bin "
        "AND old.`_sdc_batched_at` = CAST(gone.c1 AS datetime(6))"
    )


def test_activate_version() -> None:
    """Rows without a version are older than all."""
    assert MySQL().activate_version_sql(TABLE, hard_delete=True) == (
        "DELETE FROM `harvest`.`entries`\n"
        "WHERE (`_sdc_table_version` IS NULL OR `_sdc_table_version` < %(version)s)"
    )
    assert MySQL().activate_version_sql(TABLE, hard_delete=False) == (
        "UPDATE `harvest`.`entries`\n"
        "SET `_sdc_deleted_at` = "
        "CAST(REGEXP_REPLACE(%(deleted_at)s, 'Z$', '+00:00') AS datetime(6))\n"
        "WHERE (`_sdc_table_version` IS NULL OR `_sdc_table_version` < %(version)s) "
        "AND `_sdc_deleted_at` IS NULL"
    )


def test_swap() -> None:
    """The tables change their names in one statement, all or nothing."""
    filled, replaced = (replace(TABLE, name=f"entries__{n}") for n in ("shadow", "replaced"))
    new = replace(TABLE, name="new")

    assert MySQL().swap_sql([Swap(TABLE, filled, replaced), Swap(new, filled, None)]) == [
        (
            "RENAME TABLE\n"
            "  `harvest`.`entries` TO `harvest`.`entries__replaced`,\n"
            "  `harvest`.`entries__shadow` TO `harvest`.`entries`,\n"
            "  `harvest`.`entries__shadow` TO `harvest`.`new`"
        ),
        "DROP TABLE IF EXISTS `harvest`.`entries__replaced`",
    ]


def test_columns() -> None:
    """MariaDB's json is a text with a constraint."""
    assert MySQL().columns_sql() == (
        "SELECT column_name, column_type, column_key = 'PRI'\n"
        "FROM information_schema.columns\n"
        "WHERE table_schema = coalesce(%(schema)s, database()) AND table_name = %(table)s\n"
        "ORDER BY ordinal_position"
    )
    assert MariaDB().columns_sql() == (
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


def test_names() -> None:
    """What no name may hold is left out; accents tell no columns apart."""
    dialect = MySQL()

    assert dialect.spell("a\0b\U0001f600 ") == "ab"
    assert dialect.fold("É") == dialect.fold("e")
    assert dialect.quote("a`b%") == "`a``b%%`"


def test_older_rows_change_nothing() -> None:
    """MariaDB compares the column that tells which of two rows is newer before it changes."""
    day = Column("day", ("3",), "date", "day")
    table = Table("entries", (ID, day, CLIENT, AT), newest_by="day")
    [in_mysql], [in_mariadb] = MySQL().upsert_sql(table), MariaDB().upsert_sql(table)
    [delete] = MySQL().delete_sql(table)

    assert (
        "WHERE old.`id` IS NULL OR NOT ((CAST(new_rows.c1 AS date) < old.`day`) IS TRUE "
        "OR old.`day` <=> new_rows.c1 AND old.`client__name` <=> new_rows.c2)\n"
    ) in in_mysql
    is_older = "(CAST(VALUES(`day`) AS date) < `entries`.`day`) IS TRUE"
    assert in_mariadb.split("ON DUPLICATE KEY UPDATE ")[1] == (
        f"`entries`.`_sdc_batched_at` = IF(@is_same := ({is_older} "
        "OR `entries`.`day` <=> VALUES(`day`) "
        "AND `entries`.`client__name` <=> VALUES(`client__name`)), "
        "`entries`.`_sdc_batched_at`, VALUES(`_sdc_batched_at`)), `entries`.`client__name` = "
        f"IF({is_older}, `entries`.`client__name`, VALUES(`client__name`)), "
        f"`entries`.`day` = IF({is_older}, `entries`.`day`, VALUES(`day`))"
    )
    assert delete.endswith(
        ") AS gone ON old.`id` = CAST(gone.c0 AS signed)\n"
        "  AND (CAST(gone.c1 AS date) < old.`day`) IS NOT TRUE"
    )


def test_an_older_row_still_takes_its_version() -> None:
    """A row that came in a version belongs to it; all else of it stays."""
    day = Column("day", ("3",), "date", "day")
    version = Column("_sdc_table_version", ("4",), "integer")
    table = Table("entries", (ID, day, CLIENT, version, AT), newest_by="day")
    [in_mysql], [in_mariadb] = MySQL().upsert_sql(table), MariaDB().upsert_sql(table)
    is_older = "CAST(new_rows.c1 AS date) < `entries`.`day`"

    assert in_mysql.split("AS signed)\n")[1] == (
        "WHERE old.`id` IS NULL OR NOT ((CAST(new_rows.c1 AS date) < old.`day`) IS TRUE "
        "AND old.`_sdc_table_version` <=> new_rows.c3 "
        "OR old.`day` <=> new_rows.c1 AND old.`client__name` <=> new_rows.c2 "
        "AND old.`_sdc_table_version` <=> new_rows.c3)\n"
        "ON DUPLICATE KEY UPDATE "
        f"`entries`.`client__name` = IF({is_older}, `entries`.`client__name`, new_rows.c2), "
        "`entries`.`_sdc_table_version` = new_rows.c3, "
        f"`entries`.`_sdc_batched_at` = IF({is_older}, `entries`.`_sdc_batched_at`, new_rows.c4), "
        f"`entries`.`day` = IF({is_older}, `entries`.`day`, new_rows.c1)"
    )
    is_older = "(CAST(VALUES(`day`) AS date) < `entries`.`day`) IS TRUE"
    assert in_mariadb.split("ON DUPLICATE KEY UPDATE ")[1] == (
        f"`entries`.`_sdc_batched_at` = IF(@is_same := ({is_older} "
        "OR `entries`.`day` <=> VALUES(`day`) "
        "AND `entries`.`client__name` <=> VALUES(`client__name`) "
        "AND `entries`.`_sdc_table_version` <=> VALUES(`_sdc_table_version`)), "
        "`entries`.`_sdc_batched_at`, VALUES(`_sdc_batched_at`)), `entries`.`client__name` = "
        f"IF({is_older}, `entries`.`client__name`, VALUES(`client__name`)), "
        "`entries`.`_sdc_table_version` = VALUES(`_sdc_table_version`), "
        f"`entries`.`day` = IF({is_older}, `entries`.`day`, VALUES(`day`))"
    )
