"""Every statement of the DuckDB dialect, as whole text."""

from __future__ import annotations

from target_harvest_sql.columns import Column, Table
from target_harvest_sql.dialects.duckdb import DuckDB
from target_harvest_sql.dialects.swaps import Swap

ID = Column("id", ("r", "id"), "integer", is_key=True, description="It's the id.")
CLIENT = Column("client__name", ("r", "client", "name"), "string")
AMOUNT = Column("amount", ("r", "amount"), "number")
TAGS = Column("tags", ("r", "tags"), "json")
AT = Column("_sdc_batched_at", ("b",), "date-time", is_volatile=True)
TABLE = Table("entries", (ID, CLIENT, AMOUNT, TAGS, AT), schema="harvest")
KEYLESS = Table('odd "name"', (Column("it's", ("it's",), "date"),))


def test_create_table() -> None:
    """The key is the primary key, and never null."""
    assert DuckDB().create_table_sql(TABLE) == (
        'CREATE TABLE "harvest"."entries" (\n'
        '  "id" BIGINT NOT NULL,\n'
        '  "client__name" VARCHAR,\n'
        '  "amount" DOUBLE,\n'
        '  "tags" JSON,\n'
        '  "_sdc_batched_at" TIMESTAMP WITH TIME ZONE,\n'
        '  PRIMARY KEY ("id")\n'
        ")"
    )
    assert DuckDB().create_schema_sql("harvest") == 'CREATE SCHEMA IF NOT EXISTS "harvest"'


def test_add_and_widen_column() -> None:
    """A type changes only to one that holds old and new values, and never that of a key."""
    dialect = DuckDB()

    assert dialect.add_column_sql(TABLE, AMOUNT) == (
        'ALTER TABLE "harvest"."entries" ADD COLUMN "amount" DOUBLE'
    )
    assert dialect.widen_sql(TABLE, AMOUNT, "BIGINT") == [
        (
            'ALTER TABLE "harvest"."entries" ALTER COLUMN "amount" SET DATA TYPE DOUBLE '
            'USING if(abs("amount"::HUGEINT) > 9007199254740992, '
            "error('integers that a double would round'), \"amount\")"
        )
    ]
    assert dialect.widen_sql(TABLE, TAGS, "VARCHAR") == [
        (
            'ALTER TABLE "harvest"."entries" ALTER COLUMN "tags" SET DATA TYPE JSON '
            'USING to_json("tags")'
        )
    ]
    assert dialect.widen_sql(TABLE, AMOUNT, "JSON") == []
    assert dialect.widen_sql(TABLE, ID, "DOUBLE") == []


def test_append() -> None:
    """A batch is a file of which the path is bound."""
    [statement] = DuckDB().append_sql(KEYLESS)

    assert statement == (
        'INSERT INTO "odd ""name""" ("it\'s")\n'
        'SELECT "it\'s"\n'
        "FROM read_json($batch, format = 'newline_delimited', columns = {'it''s': 'DATE'})"
    )


def test_upsert() -> None:
    """A batch is staged in the types of the table; objects become structures of known fields."""
    stage, fill, update, insert, drop = DuckDB().upsert_sql(TABLE)

    assert stage == (
        'CREATE TEMP TABLE temp.main."entries__stage" AS\n'
        'SELECT "id", "client__name", "amount", "tags", "_sdc_batched_at" '
        'FROM "harvest"."entries" LIMIT 0'
    )
    assert fill == (
        'INSERT INTO temp.main."entries__stage"\n'
        'SELECT "r"."id", "r"."client"."name", "r"."amount", "r"."tags", "b"\n'
        "FROM read_json($batch, format = 'newline_delimited', columns = {"
        """'r': 'STRUCT("id" BIGINT, "client" STRUCT("name" VARCHAR), "amount" DOUBLE, """
        """"tags" JSON)', 'b': 'TIMESTAMP WITH TIME ZONE'})"""
    )
    assert update == (
        'UPDATE "harvest"."entries" AS old SET "client__name" = excluded."client__name", '
        '"amount" = excluded."amount", "tags" = excluded."tags", '
        '"_sdc_batched_at" = excluded."_sdc_batched_at"\n'
        'FROM temp.main."entries__stage" AS excluded\n'
        'WHERE old."id" = excluded."id"\n'
        '  AND (old."client__name", old."amount", old."tags") '
        'IS DISTINCT FROM (excluded."client__name", excluded."amount", excluded."tags")'
    )
    assert insert == (
        'INSERT INTO "harvest"."entries" '
        '("id", "client__name", "amount", "tags", "_sdc_batched_at")\n'
        'SELECT "id", "client__name", "amount", "tags", "_sdc_batched_at" '
        'FROM temp.main."entries__stage"\n'
        'ANTI JOIN "harvest"."entries" USING ("id")'
    )
    assert drop == 'DROP TABLE temp.main."entries__stage"'


def test_upsert_of_keys_alone() -> None:
    """There is nothing to update."""
    [_, _, insert, _] = DuckDB().upsert_sql(Table("t", (ID,)))

    assert insert.startswith('INSERT INTO "t" ("id")')


def test_delete() -> None:
    """Only the keys of a batch are read."""
    [statement] = DuckDB().delete_sql(TABLE)

    assert statement == (
        'DELETE FROM "harvest"."entries"\n'
        'WHERE ("id") IN (\n'
        'SELECT "r"."id"\n'
        "FROM read_json($batch, format = 'newline_delimited', "
        """columns = {'r': 'STRUCT("id" BIGINT)'})\n"""
        ")"
    )


def test_comments() -> None:
    """Descriptions are text in the statement, since nothing can be bound there."""
    assert DuckDB().comments_sql(TABLE) == [
        'COMMENT ON COLUMN "harvest"."entries"."id" IS \'It\'\'s the id.\''
    ]


def test_activate_version() -> None:
    """Rows without a version are older than all."""
    assert DuckDB().activate_version_sql(TABLE, hard_delete=True) == (
        'DELETE FROM "harvest"."entries"\n'
        'WHERE ("_sdc_table_version" IS NULL OR "_sdc_table_version" < $version)'
    )
    assert DuckDB().activate_version_sql(TABLE, hard_delete=False) == (
        'UPDATE "harvest"."entries"\n'
        'SET "_sdc_deleted_at" = $deleted_at\n'
        'WHERE ("_sdc_table_version" IS NULL OR "_sdc_table_version" < $version) '
        'AND "_sdc_deleted_at" IS NULL'
    )


def test_swap() -> None:
    """The shadow takes the table's name, in its schema."""
    shadow = Table("entries__shadow", TABLE.columns, schema="harvest")

    assert DuckDB().swap_sql([Swap(TABLE, shadow, None)]) == [
        'DROP TABLE IF EXISTS "harvest"."entries"',
        'ALTER TABLE "harvest"."entries__shadow" RENAME TO "entries"',
    ]


def test_columns() -> None:
    """Asked for once a table, in the database of the URL."""
    assert DuckDB().columns_sql() == (
        "SELECT column_name, data_type, list_contains(coalesce(key, []), column_name)\n"
        "FROM duckdb_columns() AS found\n"
        "LEFT JOIN (\n"
        "  SELECT table_oid, constraint_column_names AS key FROM duckdb_constraints()\n"
        "  WHERE constraint_type = 'PRIMARY KEY'\n"
        ") AS keys USING (table_oid)\n"
        "WHERE found.database_name = current_database()\n"
        "  AND lower(found.schema_name) = lower(coalesce($schema, current_schema()))\n"
        "  AND lower(found.table_name) = lower($table)"
    )


def test_older_rows_change_nothing() -> None:
    """Where a column tells which of two rows is newer."""
    at = Column("at", ("at",), "date-time", "at")
    table = Table("t", (Column("id", ("id",), "integer", is_key=True), at), newest_by="at")
    [_, _, update, _, _], [delete] = DuckDB().upsert_sql(table), DuckDB().delete_sql(table)

    assert update.split("\n", 2)[2] == (
        'WHERE old."id" = excluded."id"\n'
        '  AND (old."at") IS DISTINCT FROM (excluded."at")\n'
        '  AND (excluded."at" < old."at") IS NOT TRUE'
    )
    assert delete == (
        'DELETE FROM "t" AS old\n'
        'WHERE ("id") IN (\n'
        'SELECT "id"\n'
        "FROM read_json($batch, format = 'newline_delimited', "
        "columns = {'id': 'BIGINT', 'at': 'TIMESTAMP WITH TIME ZONE'})\n"
        'WHERE ("at" < old."at") IS NOT TRUE\n'
        ")"
    )


def test_a_full_disk_is_told_wherever_it_is_met() -> None:
    """While a statement is at work, or at the end of its transaction."""
    for code, beginning in (("IOException", ""), ("TransactionException", "Failed to commit: ")):
        text = f'{beginning}Could not write file "x.wal": No space left on device'
        assert DuckDB().hint(code, text) == "Free space on the disk."
