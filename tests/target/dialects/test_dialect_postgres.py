"""Every statement of the PostgreSQL dialect, as whole text."""

from __future__ import annotations

from dataclasses import replace

from target_harvest_sql.columns import Column, Table
from target_harvest_sql.dialects.postgres import PostgreSQL
from target_harvest_sql.dialects.swaps import Swap

ID = Column("id", ("6",), "integer", is_key=True)
CLIENT = Column("client__name", ("7",), "string")
AMOUNT = Column("amount", ("8",), "decimal")
TAGS = Column("tags", ("9",), "json", description="It's 100% tags.")
AT = Column("_sdc_batched_at", ("2",), "date-time", is_volatile=True)
TABLE = Table("entries", (ID, CLIENT, AMOUNT, TAGS, AT))
KEYLESS = Table('odd "name" of 100%', (CLIENT,), schema="s")


def test_create_table() -> None:
    """The key is the primary key, and never null."""
    assert PostgreSQL().create_table_sql(TABLE) == (
        'CREATE TABLE "entries" (\n'
        '  "id" bigint NOT NULL,\n'
        '  "client__name" text,\n'
        '  "amount" numeric,\n'
        '  "tags" jsonb,\n'
        '  "_sdc_batched_at" timestamp with time zone,\n'
        '  PRIMARY KEY ("id")\n'
        ")"
    )


def test_schema() -> None:
    """It is asked for first: who may use a schema need not be allowed to create one."""
    assert PostgreSQL().schema_sql() == (
        "SELECT schema_name\nFROM information_schema.schemata\nWHERE schema_name = %(schema)s"
    )
    assert PostgreSQL().create_schema_sql("s") == 'CREATE SCHEMA IF NOT EXISTS "s"'


def test_add_column() -> None:
    """Existing rows get null; a percent sign in a name is no parameter."""
    assert PostgreSQL().add_column_sql(KEYLESS, AMOUNT) == (
        'ALTER TABLE "s"."odd ""name"" of 100%%" ADD COLUMN "amount" numeric'
    )


def test_widen_column() -> None:
    """Numbers and dates become wider ones, everything text or JSON; nothing becomes narrower."""
    dialect, table = PostgreSQL(), Table("t", (ID, CLIENT, AMOUNT))

    assert dialect.widen_sql(table, CLIENT, "bigint") == [
        'ALTER TABLE "t" ALTER COLUMN "client__name" TYPE text USING "client__name"::text'
    ]
    assert dialect.widen_sql(table, AMOUNT, "double precision") == [
        'ALTER TABLE "t" ALTER COLUMN "amount" TYPE numeric USING "amount"::text::numeric'
    ]
    assert dialect.widen_sql(table, AMOUNT, "numeric(10,2)") == [
        'ALTER TABLE "t" ALTER COLUMN "amount" TYPE numeric USING "amount"::numeric'
    ]
    [statement] = dialect.widen_sql(table, AT, "date")
    assert statement == (
        'ALTER TABLE "t" ALTER COLUMN "_sdc_batched_at" TYPE timestamp with time zone '
        'USING "_sdc_batched_at"::timestamp with time zone'
    )
    assert dialect.widen_sql(table, TAGS, "json") == [
        'ALTER TABLE "t" ALTER COLUMN "tags" TYPE jsonb USING to_jsonb("tags")'
    ]
    assert dialect.widen_sql(table, ID, "numeric(10,2)") == []
    assert dialect.widen_sql(table, AMOUNT, "boolean") == []


def test_columns_that_were_made_otherwise_hold_what_they_can() -> None:
    """As the kind that keeps every digit and every instant."""
    held = PostgreSQL().held_kind

    assert held("jsonb", "string") == "json"
    assert held("character varying(20)", "integer") == "string"
    assert held("smallint", "integer") == "integer"
    assert held("numeric(20,0)", "integer") == "number"
    assert held("timestamp without time zone", "date") == "date-time"
    assert held("numeric(10,2)", "number") is None  # It would round.
    assert held("double precision", "number") is None
    assert held("boolean", "string") is None


def test_append() -> None:
    """A batch is one bound value."""
    [statement] = PostgreSQL().append_sql(KEYLESS)

    assert statement == (
        'INSERT INTO "s"."odd ""name"" of 100%%" ("client__name")\n'
        "SELECT value ->> 7\n"
        "FROM (SELECT jsonb_array_elements(%(batch)s::jsonb) AS value) AS batch"
    )


def test_upsert() -> None:
    """A row is rewritten if a column that tells of the row has changed."""
    [statement] = PostgreSQL().upsert_sql(TABLE)

    assert statement == (
        'INSERT INTO "entries" AS old ("id", "client__name", "amount", "tags", "_sdc_batched_at")\n'
        "SELECT (value ->> 6)::bigint, value ->> 7, (value ->> 8)::numeric, "
        "NULLIF(value -> 9, 'null'), (value ->> 2)::timestamp with time zone\n"
        "FROM (SELECT jsonb_array_elements(%(batch)s::jsonb) AS value) AS batch\n"
        'ON CONFLICT ("id") DO UPDATE SET "client__name" = excluded."client__name", '
        '"amount" = excluded."amount", "tags" = excluded."tags", '
        '"_sdc_batched_at" = excluded."_sdc_batched_at"\n'
        'WHERE (old."client__name", old."amount", old."tags") '
        'IS DISTINCT FROM (excluded."client__name", excluded."amount", excluded."tags")'
    )


def test_upsert_of_keys_alone() -> None:
    """Nothing can have changed."""
    [statement] = PostgreSQL().upsert_sql(Table("links", (ID,)))

    assert statement.endswith('ON CONFLICT ("id") DO NOTHING')


def test_delete() -> None:
    """Only the keys of a batch are read."""
    [statement] = PostgreSQL().delete_sql(TABLE)

    assert statement == (
        'DELETE FROM "entries"\n'
        'WHERE ("id") IN (\n'
        "SELECT (value ->> 6)::bigint\n"
        "FROM (SELECT jsonb_array_elements(%(batch)s::jsonb) AS value) AS batch\n"
        ")"
    )


def test_activate_version() -> None:
    """Rows without a version are older than all."""
    assert PostgreSQL().activate_version_sql(TABLE, hard_delete=False) == (
        'UPDATE "entries"\n'
        'SET "_sdc_deleted_at" = %(deleted_at)s\n'
        'WHERE ("_sdc_table_version" IS NULL OR "_sdc_table_version" < %(version)s) '
        'AND "_sdc_deleted_at" IS NULL'
    )


def test_swap() -> None:
    """The shadow takes the table's name."""
    assert PostgreSQL().swap_sql([Swap(TABLE, replace(TABLE, name="entries__shadow"), None)]) == [
        'DROP TABLE IF EXISTS "entries"',
        'ALTER TABLE "entries__shadow" RENAME TO "entries"',
    ]


def test_comments() -> None:
    """A description is a literal."""
    assert PostgreSQL().comments_sql(TABLE) == [
        """COMMENT ON COLUMN "entries"."tags" IS 'It''s 100%% tags.'"""
    ]


def test_columns() -> None:
    """No row means no table."""
    assert PostgreSQL().columns_sql() == (
        "SELECT attname, CASE typtype\n"
        "  WHEN 'd' THEN 'domain ' || format_type(typbasetype, typtypmod)\n"
        "  WHEN 'e' THEN 'enum ' || format_type(atttypid, atttypmod)\n"
        "  ELSE format_type(atttypid, atttypmod)\n"
        "END, coalesce(attnum = ANY (conkey), false)\n"
        "FROM pg_attribute\n"
        "JOIN pg_type ON pg_type.oid = atttypid\n"
        "JOIN pg_class ON pg_class.oid = attrelid\n"
        "JOIN pg_namespace ON pg_namespace.oid = relnamespace\n"
        "LEFT JOIN pg_constraint ON conrelid = attrelid AND contype = 'p'\n"
        "WHERE nspname = coalesce(%(schema)s, current_schema()) AND relname = %(table)s\n"
        "  AND relkind IN ('r', 'p', 'f', 'v', 'm') AND attnum > 0 AND NOT attisdropped\n"
        "ORDER BY attnum"
    )


def test_names_are_measured_in_bytes() -> None:
    """As the server cuts them."""
    assert PostgreSQL().name_length("é") == 2


def test_older_rows_change_nothing() -> None:
    """Where a column tells which of two rows is newer."""
    amount = replace(AMOUNT, source="amount")
    table = replace(TABLE, newest_by="amount", columns=(ID, amount, AT))
    [upsert], [delete] = PostgreSQL().upsert_sql(table), PostgreSQL().delete_sql(table)

    assert upsert.split(" DO UPDATE SET ")[1] == (
        '"amount" = excluded."amount", "_sdc_batched_at" = excluded."_sdc_batched_at"\n'
        'WHERE (old."amount") IS DISTINCT FROM (excluded."amount")\n'
        '  AND (excluded."amount" < old."amount") IS NOT TRUE'
    )
    assert delete == (
        'DELETE FROM "entries" AS old\n'
        'WHERE ("id") IN (\n'
        "SELECT (value ->> 6)::bigint\n"
        "FROM (SELECT jsonb_array_elements(%(batch)s::jsonb) AS value) AS batch\n"
        """WHERE ((value ->> 8)::numeric < old."amount") IS NOT TRUE\n"""
        ")"
    )
