"""Every statement of the SQLite dialect, as whole text."""

from __future__ import annotations

from dataclasses import replace

from target_harvest_sql.columns import Column, Table
from target_harvest_sql.dialects.sqlite import SQLite, SQLiteJSONB
from target_harvest_sql.dialects.swaps import Swap

ID = Column("id", ("6",), "integer", is_key=True)
CLIENT = Column("client__name", ("7",), "string")
AMOUNT = Column("amount", ("8",), "decimal")
TAGS = Column("tags", ("9",), "json")
AT = Column("_sdc_batched_at", ("2",), "date-time", is_volatile=True)
TABLE = Table("entries", (ID, CLIENT, AMOUNT, TAGS, AT))
KEYLESS = Table('odd "name"', (CLIENT,))


def test_create_table() -> None:
    """The key is the primary key, and never null."""
    assert SQLite().create_table_sql(TABLE) == (
        'CREATE TABLE "entries" (\n'
        '  "id" INTEGER NOT NULL,\n'
        '  "client__name" TEXT,\n'
        '  "amount" TEXT,\n'
        '  "tags" TEXT,\n'
        '  "_sdc_batched_at" TEXT,\n'
        '  PRIMARY KEY ("id")\n'
        ")"
    )


def test_add_column() -> None:
    """Existing rows get null."""
    assert SQLite().add_column_sql(KEYLESS, AMOUNT) == (
        'ALTER TABLE "odd ""name""" ADD COLUMN "amount" TEXT'
    )


def test_widen_column() -> None:
    """A column of numbers is made anew as text; a key stays."""
    table = Table("t", (ID, CLIENT))

    assert SQLite().widen_sql(table, CLIENT, "INTEGER") == [
        'ALTER TABLE "t" ADD COLUMN "client__name__widened" TEXT',
        'UPDATE "t" SET "client__name__widened" = every_digit("client__name")',
        'ALTER TABLE "t" DROP COLUMN "client__name"',
        'ALTER TABLE "t" RENAME COLUMN "client__name__widened" TO "client__name"',
    ]
    assert SQLite().widen_sql(table, CLIENT, "BOOLEAN")[1] == (
        'UPDATE "t" SET "client__name__widened" = '
        "CASE \"client__name\" WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE \"client__name\" END"
    )
    assert SQLite().widen_sql(table, CLIENT, "BLOB") == []
    assert SQLite().widen_sql(table, ID, "REAL") == []


def test_a_number_column_holds_integers_as_numbers() -> None:
    """So that one with too many digits for a double is refused."""
    assert SQLite().held_kind("REAL", "integer") == "number"
    assert SQLite().held_kind("INTEGER", "number") == "number"


def test_a_text_column_holds_what_is_no_text_as_json_writes_it() -> None:
    """With every digit, and truth values by their names."""
    assert SQLite().held_kind("TEXT", "boolean") == "json"
    assert SQLite().held_kind("VARCHAR(20)", "number") == "decimal"
    assert SQLite().held_kind("TEXT", "date") == "date"


def test_append() -> None:
    """A batch is one bound value."""
    [statement] = SQLite().append_sql(KEYLESS)

    assert statement == (
        'INSERT INTO "odd ""name""" ("client__name")\n'
        "WITH batch AS MATERIALIZED (\n"
        "  SELECT value FROM json_each(CAST(:batch AS TEXT))\n"
        ")\n"
        "SELECT value ->> 7\n"
        "FROM batch"
    )


def test_upsert() -> None:
    """A row is rewritten if a column that tells of the row has changed."""
    [statement] = SQLite().upsert_sql(TABLE)

    assert statement == (
        'INSERT INTO "entries" AS old ("id", "client__name", "amount", "tags", "_sdc_batched_at")\n'
        "WITH batch AS MATERIALIZED (\n"
        "  SELECT value FROM json_each(CAST(:batch AS TEXT))\n"
        ")\n"
        "SELECT value ->> 6, value ->> 7, "
        "iif(json_type(value, '$[8]') = 'text', value ->> 8, NULLIF(value -> 8, 'null')), "
        "NULLIF(value -> 9, 'null'), value ->> 2\n"
        "FROM batch\n"
        "WHERE true\n"
        'ON CONFLICT ("id") DO UPDATE SET "client__name" = excluded."client__name", '
        '"amount" = excluded."amount", "tags" = excluded."tags", '
        '"_sdc_batched_at" = excluded."_sdc_batched_at"\n'
        'WHERE (old."client__name", old."amount", old."tags") '
        'IS NOT (excluded."client__name", excluded."amount", excluded."tags")'
    )


def test_delete() -> None:
    """Only the keys of a batch are read."""
    [statement] = SQLite().delete_sql(TABLE)

    assert statement == (
        'DELETE FROM "entries"\n'
        'WHERE ("id") IN (\n'
        "WITH batch AS MATERIALIZED (\n"
        "  SELECT value FROM json_each(CAST(:batch AS TEXT))\n"
        ")\n"
        "SELECT value ->> 6\n"
        "FROM batch\n"
        ")"
    )


def test_upsert_of_keys_alone() -> None:
    """Nothing can have changed."""
    table = Table("links", (ID,))

    [statement] = SQLite().upsert_sql(table)
    assert statement.endswith('ON CONFLICT ("id") DO NOTHING')


def test_newer_versions_take_a_batch_apart_once() -> None:
    """From 3.51, elements arrive as JSONB."""
    [statement] = SQLite().append_sql(KEYLESS)

    assert SQLiteJSONB().append_sql(KEYLESS) == [statement.replace("json_each", "jsonb_each")]


def test_activate_version() -> None:
    """Rows without a version are older than all."""
    assert SQLite().activate_version_sql(TABLE, hard_delete=True) == (
        'DELETE FROM "entries"\n'
        'WHERE ("_sdc_table_version" IS NULL OR "_sdc_table_version" < :version)'
    )
    assert SQLite().activate_version_sql(TABLE, hard_delete=False) == (
        'UPDATE "entries"\n'
        'SET "_sdc_deleted_at" = :deleted_at\n'
        'WHERE ("_sdc_table_version" IS NULL OR "_sdc_table_version" < :version) '
        'AND "_sdc_deleted_at" IS NULL'
    )


def test_swap() -> None:
    """The shadow takes the table's name."""
    assert SQLite().swap_sql([Swap(TABLE, replace(TABLE, name="entries__shadow"), None)]) == [
        'DROP TABLE IF EXISTS "entries"',
        'ALTER TABLE "entries__shadow" RENAME TO "entries"',
    ]


def test_columns() -> None:
    """No row means no table."""
    assert SQLite().columns_sql() == (
        "SELECT name, type, pk > 0\nFROM pragma_table_info(:table)\nWHERE :schema IS NULL"
    )


def test_older_rows_change_nothing() -> None:
    """Date-times are stored as the texts that were sent, and compared as instants."""
    at = Column("at", ("1",), "date-time", "at")
    table = Table("t", (Column("id", ("0",), "integer", is_key=True), at), newest_by="at")
    [upsert], [delete] = SQLite().upsert_sql(table), SQLite().delete_sql(table)

    assert upsert.split(" DO UPDATE SET ")[1] == (
        '"at" = excluded."at"\n'
        'WHERE (old."at") IS NOT (excluded."at")\n'
        '  AND (instant(excluded."at") < instant(old."at")) IS NOT TRUE'
    )
    assert delete == (
        'DELETE FROM "t" AS old\n'
        'WHERE ("id") IN (\n'
        "WITH batch AS MATERIALIZED (\n"
        "  SELECT value FROM json_each(CAST(:batch AS TEXT))\n"
        ")\n"
        "SELECT value ->> 0\n"
        "FROM batch\n"
        """WHERE (instant(value ->> 1) < instant(old."at")) IS NOT TRUE\n"""
        ")"
    )
