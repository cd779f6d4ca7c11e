"""Every statement of the SQL Server dialect, as whole text.

That it is T-SQL, whatever the table, is tested in `test_mssql_grammar.py`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from target_harvest_sql.columns import Column, Size, Table
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.dialects.mssql import MSSQL
from target_harvest_sql.dialects.swaps import Swap
from target_harvest_sql.names import conform_name

ID = Column("id", ("r", "id"), "integer", is_key=True, description="It's the id.")
CLIENT = Column("client__name", ("r", "client", "name"), "string")
AMOUNT = Column("amount", ("r", "amount"), "number")
TAGS = Column("tags", ("r", "tags"), "json", is_nested=True)
AT = Column("_sdc_batched_at", ("b",), "date-time", is_volatile=True)
TABLE = Table("entries", (ID, CLIENT, AMOUNT, TAGS, AT), schema="harvest")
SHADOW = Table("entries__shadow", TABLE.columns, schema="harvest")
KEYLESS = Table('odd ]name"', (Column("it's", ("its",), "date"),))
CODE = Column("code", ("code",), "string", is_key=True)
CODES = Table("codes", (CODE, Column("any", ("any",), "json")))


def test_a_transaction_ends_when_a_statement_fails() -> None:
    """As a whole."""
    dialect = MSSQL()

    assert dialect.open_sql == (
        "SET NOCOUNT ON",
        "SET QUOTED_IDENTIFIER ON",
        "SET XACT_ABORT ON",
        "SET LOCK_TIMEOUT 60000",
    )
    assert dialect.begin_sql == "BEGIN TRANSACTION"


def test_lock() -> None:
    """It belongs to the connection, is not waited for, and tells whether it was taken."""
    assert MSSQL().lock_sql == (
        "DECLARE @resource nvarchar(255) = LOWER(CONCAT(N'target-harvest-sql ', "
        "LEFT(COALESCE(@schema, SCHEMA_NAME()), 110), N'.', LEFT(@table, 110)));\n"
        "DECLARE @taken int;\n"
        "EXEC @taken = sys.sp_getapplock @Resource = @resource, @LockMode = 'Exclusive', "
        "@LockOwner = 'Session', @LockTimeout = 0;\n"
        "SELECT CASE WHEN @taken < 0 THEN 0 ELSE 1 END"
    )


def test_create_table() -> None:
    """The key is the primary key, and never null."""
    statement = MSSQL().create_table_sql(TABLE)

    assert statement == (
        "CREATE TABLE [harvest].[entries] (\n"
        "  [id] bigint NOT NULL,\n"
        "  [client__name] nvarchar(max),\n"
        "  [amount] float,\n"
        "  [tags] nvarchar(max),\n"
        "  [_sdc_batched_at] datetimeoffset,\n"
        "  PRIMARY KEY ([id])\n"
        ")"
    )


def test_a_key_of_text_tells_cases_apart() -> None:
    """And is short enough for an index."""
    statement = MSSQL().create_table_sql(CODES)

    assert statement == (
        "CREATE TABLE [codes] (\n"
        "  [code] nvarchar(450) COLLATE Latin1_General_100_BIN2 NOT NULL,\n"
        "  [any] nvarchar(max),\n"
        "  PRIMARY KEY ([code])\n"
        ")"
    )


def test_create_schema() -> None:
    """In a batch of its own, as the server wants it."""
    dialect = MSSQL()

    assert dialect.schema_sql() == (
        "SELECT SCHEMA_NAME\nFROM INFORMATION_SCHEMA.SCHEMATA\nWHERE SCHEMA_NAME = @schema"
    )
    assert dialect.create_schema_sql("o'neil]") == (
        "EXEC sys.sp_executesql N'CREATE SCHEMA [o''neil]]]'"
    )


def test_columns() -> None:
    """Asked for once a table, in the user's own schema unless another is named."""
    statement = MSSQL().columns_sql()

    assert statement == (
        "SELECT\n"
        "  found.COLUMN_NAME,\n"
        "  CONCAT(found.DATA_TYPE, CASE\n"
        "    WHEN found.CHARACTER_MAXIMUM_LENGTH = -1 THEN '(max)'\n"
        "    WHEN found.CHARACTER_MAXIMUM_LENGTH IS NOT NULL\n"
        "      THEN CONCAT('(', found.CHARACTER_MAXIMUM_LENGTH, ')')\n"
        "    WHEN found.DATA_TYPE IN ('decimal', 'numeric')\n"
        "      THEN CONCAT('(', found.NUMERIC_PRECISION, ',', found.NUMERIC_SCALE, ')')\n"
        "    WHEN found.DATA_TYPE IN ('datetime2', 'datetimeoffset', 'time') "
        "AND found.DATETIME_PRECISION < 7\n"
        "      THEN CONCAT('(', found.DATETIME_PRECISION, ')')\n"
        "  END),\n"
        "  CASE WHEN keys.COLUMN_NAME IS NULL THEN 0 ELSE 1 END\n"
        "FROM INFORMATION_SCHEMA.COLUMNS AS found\n"
        "LEFT JOIN (\n"
        "  SELECT parts.TABLE_SCHEMA, parts.TABLE_NAME, parts.COLUMN_NAME\n"
        "  FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS constraints\n"
        "  INNER JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS parts\n"
        "    ON parts.CONSTRAINT_SCHEMA = constraints.CONSTRAINT_SCHEMA\n"
        "    AND parts.CONSTRAINT_NAME = constraints.CONSTRAINT_NAME\n"
        "  WHERE constraints.CONSTRAINT_TYPE = 'PRIMARY KEY'\n"
        ") AS keys\n"
        "  ON keys.TABLE_SCHEMA = found.TABLE_SCHEMA\n"
        "  AND keys.TABLE_NAME = found.TABLE_NAME\n"
        "  AND keys.COLUMN_NAME = found.COLUMN_NAME\n"
        "WHERE found.TABLE_SCHEMA = COALESCE(@schema, SCHEMA_NAME())\n"
        "  AND found.TABLE_NAME = @table\n"
        "ORDER BY found.ORDINAL_POSITION"
    )


def test_add_column() -> None:
    """Rows that exist get null, whatever the connection's own default is."""
    statement = MSSQL().add_column_sql(TABLE, AMOUNT)

    assert statement == "ALTER TABLE [harvest].[entries] ADD [amount] float NULL"


def test_widen_column() -> None:
    """Integers become numbers only if a float keeps them; a key keeps its type."""
    dialect = MSSQL()

    to_number = dialect.widen_sql(TABLE, AMOUNT, "bigint")
    to_text = dialect.widen_sql(TABLE, CLIENT, "datetimeoffset")
    assert to_number == [
        (
            "ALTER TABLE [harvest].[entries] ADD CONSTRAINT [__exact_as_float] "
            "CHECK ([amount] BETWEEN -9007199254740992 AND 9007199254740992)"
        ),
        "ALTER TABLE [harvest].[entries] DROP CONSTRAINT [__exact_as_float]",
        "ALTER TABLE [harvest].[entries] ALTER COLUMN [amount] float",
    ]
    assert to_text == ["ALTER TABLE [harvest].[entries] ALTER COLUMN [client__name] nvarchar(max)"]
    assert dialect.widen_sql(TABLE, AT, "date") == [
        "ALTER TABLE [harvest].[entries] ALTER COLUMN [_sdc_batched_at] datetimeoffset"
    ]
    assert dialect.widen_sql(TABLE, AMOUNT, "nvarchar(max)") == []
    assert dialect.widen_sql(TABLE, AMOUNT, "bit") == []
    assert dialect.widen_sql(TABLE, TAGS, "bigint") == [
        "ALTER TABLE [harvest].[entries] ALTER COLUMN [tags] nvarchar(max)"
    ]
    assert dialect.widen_sql(TABLE, ID, "int") == []


@pytest.mark.parametrize(
    ("column_type", "text"),
    [
        (
            "float",
            (
                "CASE WHEN ABS([client__name]) < 1e15 AND FLOOR([client__name]) = [client__name] "
                "THEN CONVERT(nvarchar(max), CAST([client__name] AS bigint)) "
                "WHEN ABS([client__name]) < 1e15 "
                "AND CAST(CONVERT(nvarchar(max), [client__name]) AS float) = [client__name] "
                "THEN LTRIM(CONVERT(nvarchar(max), [client__name])) "
                "ELSE LTRIM(CONVERT(nvarchar(max), [client__name], 3)) END"
            ),
        ),
        ("bit", "CASE [client__name] WHEN 1 THEN N'true' WHEN 0 THEN N'false' END"),
    ],
)
def test_widen_column_to_text(column_type: str, text: str) -> None:
    """The server's own text of a float lacks digits, and that of a bit is a number."""
    statements = MSSQL().widen_sql(TABLE, CLIENT, column_type)

    assert statements == [
        "ALTER TABLE [harvest].[entries] ADD [client__name__widened] nvarchar(max) NULL",
        f"UPDATE [harvest].[entries] SET [client__name__widened] = {text}",
        "ALTER TABLE [harvest].[entries] DROP COLUMN [client__name]",
        (
            "EXEC sys.sp_rename N'[harvest].[entries].[client__name__widened]', "
            "N'client__name', 'COLUMN'"
        ),
    ]


def test_widen_column_to_json() -> None:
    """Dates get the quotes that JSON wants; truth values are as in text."""
    text = "CONVERT(nvarchar(max), [tags], 121)"
    for column_type, written in (
        ("date", text),
        ("datetimeoffset", f"REPLACE(STUFF({text}, 11, 1, N'T'), N' ', N'')"),
        ("time", text),
    ):
        statements = MSSQL().widen_sql(TABLE, TAGS, column_type)
        assert statements[1] == (
            "UPDATE [harvest].[entries] SET [tags__widened] = "
            f"""N'"' + {written} + N'"'"""
        )
    assert MSSQL().widen_sql(TABLE, TAGS, "bit")[1] == (
        "UPDATE [harvest].[entries] SET [tags__widened] = "
        "CASE [tags] WHEN 1 THEN N'true' WHEN 0 THEN N'false' END"
    )


def test_columns_that_exist() -> None:
    """A column holds a kind if no value is lost in it, such as the offset of a moment."""
    held = MSSQL().held_kind

    assert held("nvarchar(450)", "string") == "string"
    assert held("nvarchar(max)", "json") == "json"
    assert held("nvarchar(max)", "decimal") == "string"
    assert held("nvarchar(50)", "integer") == "string"
    assert held("float", "integer") == "number"
    assert held("datetimeoffset", "date") == "date-time"
    assert held("datetime2", "date-time") is None
    assert held("varchar(max)", "string") is None


def test_moments_that_exist() -> None:
    """A column that keeps fewer digits of a second than the server can says how many."""
    dialect, time = DIALECTS["mssql"], Column("t", ("t",), "time")

    held = [
        dialect.held("datetimeoffset", AT),
        dialect.held("datetimeoffset(3)", AT),
        dialect.held("datetimeoffset(0)", replace(AT, kind="date")),
        dialect.held("time(0)", time),
        dialect.of_server(r"A server 1.0 \t").held("time(6)", time),
    ]
    assert [column and column.second_digits for column in held] == [None, 3, 0, 0, None]
    assert dialect.widen_sql(TABLE, CLIENT, "time(0)") == [
        "ALTER TABLE [harvest].[entries] ALTER COLUMN [client__name] nvarchar(max)"
    ]
    assert "CONVERT(nvarchar(max), [tags], 121)" in dialect.widen_sql(TABLE, TAGS, "time(0)")[1]


def test_decimals_that_exist() -> None:
    """Numbers are read as what the column is, unless the schema says that they may be larger."""
    held = MSSQL().held
    actual = Size(precision=10, scale=2)

    assert held("decimal(10,2)", AMOUNT) == replace(AMOUNT, kind="decimal", size=actual)
    assert held("decimal(10,2)", ID) == replace(ID, kind="decimal", size=actual)
    assert held("decimal(10,2)", replace(AMOUNT, size=Size(precision=9, scale=2))) is not None
    assert held("decimal(10,2)", replace(AMOUNT, size=Size(precision=9, scale=3))) is None
    assert held("decimal(10,2)", CLIENT) is None
    assert held("float", replace(AMOUNT, size=actual)) == AMOUNT


def test_money_that_exists() -> None:
    """It holds what a decimal of as many digits does."""
    held = MSSQL().held

    assert held("money", AMOUNT) == replace(
        AMOUNT, kind="decimal", size=Size(precision=19, scale=4)
    )
    assert held("smallmoney", replace(AMOUNT, size=Size(precision=8, scale=2))) is not None
    assert held("smallmoney", replace(AMOUNT, size=Size(precision=8, scale=5))) is None
    assert held("money", CLIENT) is None


def test_unique_identifiers_that_exist() -> None:
    """A text that is too long is refused; the server would cut it."""
    code = Column("code", ("code",), "string", is_key=True, form="uuid")
    held = MSSQL().held("uniqueidentifier", code)
    assert held == replace(code, foreign_type="uniqueidentifier")
    assert MSSQL().held("uniqueidentifier", CODE) is None
    create, insert, *_, drop = MSSQL().upsert_sql(Table("t", (held,)))

    assert "[code] uniqueidentifier NOT NULL" in create
    assert "SELECT CAST(CASE WHEN LEN([c1]) > 36 THEN N'too long' ELSE [c1] END AS " in insert
    assert "DATALENGTH" not in MSSQL().upsert_sql(Table("t", (held,)))[2]
    assert drop == "DROP TABLE #stage"


def test_a_type_that_the_schema_names() -> None:
    """It stands in the table alone: a temporary table of another database may not know it."""
    code = Column("code", ("c1",), "string", declared_type="[dbo].[50%]")
    table = Table("t", (Column("id", ("c0",), "integer", is_key=True), code))
    held = MSSQL().held("nvarchar(20)", code)  # What the server tells of such a type.

    assert "  [code] [dbo].[50%],\n" in MSSQL().create_table_sql(table)
    assert MSSQL().add_column_sql(table, code).endswith(" ADD [code] [dbo].[50%] NULL")
    assert held == code
    assert "[code] nvarchar(max) NULL" in MSSQL().upsert_sql(table)[0]


def test_moments_without_offset_that_exist() -> None:
    """They hold UTC, with as many digits of a second as the column keeps."""
    at = replace(AT, is_volatile=False)
    held = MSSQL().held("datetime2(3)", at)
    assert held == replace(at, foreign_type="datetime2(3)", second_digits=3)
    whole = MSSQL().held("datetime2", at)
    assert whole == replace(at, foreign_type="datetime2")
    assert MSSQL().held("datetime2", CLIENT) is None
    create, insert, *_ = MSSQL().upsert_sql(Table("t", (ID, held)))

    assert "[_sdc_batched_at] datetime2(3) NULL" in create
    assert "SELECT [c1], CAST(SWITCHOFFSET(CAST(CASE WHEN [c2] = N''" in insert
    assert "ELSE [c2] END AS datetimeoffset), '+00:00') AS datetime2(3))" in insert


@pytest.mark.parametrize(
    "column_type",
    ["datetime", "smalldatetime", "json", "varchar(50)", "varchar(max)", "real", "text", "xml"],
)
def test_types_that_would_lose_something(column_type: str) -> None:
    """No kind of value is read for them; docs/databases/sql-server.md says why."""
    kinds = [replace(CLIENT, kind=kind) for kind in MSSQL.types]

    assert [MSSQL().held(column_type, column) for column in kinds] == [None] * len(kinds)


def test_decimals() -> None:
    """A schema that says how large a number is gives a decimal; its digits are never rounded."""
    rate = Column("rate", ("rate",), "decimal", size=Size(precision=10, scale=2))
    huge = Column("huge", ("huge",), "decimal", size=Size(scale=0))
    much = Column("much", ("much",), "decimal", size=Size(precision=39, scale=0))
    table = Table("t", (rate, huge, much))

    create, [append] = MSSQL().create_table_sql(table), MSSQL().append_sql(table)
    widen = MSSQL().widen_sql(table, rate, "decimal(9,4)")
    assert create == (
        "CREATE TABLE [t] (\n"
        "  [rate] decimal(10,2),\n"
        "  [huge] decimal(38,0),\n"
        "  [much] nvarchar(max)\n"
        ")"
    )
    assert append == (
        "INSERT INTO [t] ([rate], [huge], [much])\n"
        "SELECT CAST(CASE WHEN SUBSTRING([c1], CHARINDEX('.', [c1] + '.') + 2 + 1, 4000) "
        "LIKE '%[1-9]%' OR [c1] LIKE '%[eE]%' THEN N'too exact' ELSE [c1] END AS decimal(10,2)), "
        "CAST(CASE WHEN SUBSTRING([c2], CHARINDEX('.', [c2] + '.') + 0 + 1, 4000) "
        "LIKE '%[1-9]%' OR [c2] LIKE '%[eE]%' THEN N'too exact' ELSE [c2] END AS decimal(38,0)), "
        "[c3]\n"
        "FROM OPENJSON(@batch) WITH (\n"
        "  [c1] nvarchar(max) '$.\"rate\"',\n"
        "  [c2] nvarchar(max) '$.\"huge\"',\n"
        "  [c3] nvarchar(max) '$.\"much\"'\n"
        ")"
    )
    assert widen == ["ALTER TABLE [t] ALTER COLUMN [rate] decimal(12,4)"]
    assert MSSQL().widen_sql(table, replace(much, kind="number"), "decimal(9,4)") == []


def test_comments() -> None:
    """Whether or not there is a description already."""
    [statement] = MSSQL().comments_sql(TABLE)

    assert statement == (
        "DECLARE @owner sysname = N'harvest';\n"
        "DECLARE @describe nvarchar(max) = CONCAT('EXEC sys.sp_', CASE WHEN EXISTS (\n"
        "  SELECT 1 FROM sys.extended_properties\n"
        "  WHERE class = 1 AND name = 'MS_Description' "
        "AND major_id = OBJECT_ID(N'[harvest].[entries]')\n"
        "    AND minor_id = "
        "COLUMNPROPERTY(OBJECT_ID(N'[harvest].[entries]'), N'id', 'ColumnId')\n"
        ") THEN 'update' ELSE 'add' END, 'extendedproperty ''MS_Description'', @text, "
        "''SCHEMA'', @owner, ''TABLE'', @table, ''COLUMN'', @column');\n"
        "EXEC sys.sp_executesql @describe, "
        "N'@owner sysname, @table sysname, @column sysname, @text nvarchar(3750)', "
        "@owner, N'entries', N'id', N'It''s the id.'"
    )


def test_text_that_ends_a_line_with_a_backslash() -> None:
    """T-SQL would take the next line for its continuation."""
    assert MSSQL().literal("a\\\nb\\\r\nc") == "N'a\\\\\n\nb\\\\\r\n\r\nc'"


def test_append() -> None:
    """Straight from the batch into the table."""
    statements = MSSQL().append_sql(KEYLESS)

    assert statements == [
        (
            "INSERT INTO [odd ]]name\"] ([it's])\n"
            "SELECT CAST(CASE WHEN [c1] = N'' THEN N'nothing' ELSE [c1] END AS date)\n"
            "FROM OPENJSON(@batch) WITH (\n"
            "  [c1] nvarchar(max) '$.\"its\"'\n"
            ")"
        )
    ]


def test_upsert() -> None:
    """The batch is taken apart once; new rows are inserted, then rows that differ updated."""
    statements = MSSQL().upsert_sql(TABLE)

    assert statements == [
        (
            "CREATE TABLE #stage (\n"
            "  [id] bigint NOT NULL,\n"
            "  [client__name] nvarchar(max) NULL,\n"
            "  [amount] float NULL,\n"
            "  [tags] nvarchar(max) NULL,\n"
            "  [_sdc_batched_at] datetimeoffset NULL,\n"
            "  PRIMARY KEY ([id])\n"
            ")"
        ),
        (
            "INSERT INTO #stage ([id], [client__name], [amount], [tags], [_sdc_batched_at])\n"
            "SELECT [c1], [c2], [c3], [c4], "
            "CAST(CASE WHEN [c5] = N'' THEN N'nothing' "
            "WHEN [c5] LIKE '%.[0-9][0-9][0-9][0-9][0-9][0-9][0-9]0%' "
            "THEN STUFF([c5], CHARINDEX('.', [c5]) + 8, "
            "PATINDEX('%[^0]%', SUBSTRING([c5], CHARINDEX('.', [c5]) + 8, 4000) + 'Z') - 1, N'') "
            "ELSE [c5] END AS datetimeoffset)\n"
            "FROM OPENJSON(@batch) WITH (\n"
            '  [c1] bigint \'$."r"."id"\',\n'
            '  [c2] nvarchar(max) \'$."r"."client"."name"\',\n'
            '  [c3] float \'$."r"."amount"\',\n'
            '  [c4] nvarchar(max) \'$."r"."tags"\' AS JSON,\n'
            "  [c5] nvarchar(max) '$.\"b\"'\n"
            ")"
        ),
        (
            "INSERT INTO [harvest].[entries] "
            "([id], [client__name], [amount], [tags], [_sdc_batched_at])\n"
            "SELECT new.[id], new.[client__name], new.[amount], new.[tags], new.[_sdc_batched_at]\n"
            "FROM #stage AS new\n"
            "WHERE NOT EXISTS (\n"
            "  SELECT 1 FROM [harvest].[entries] AS old WITH (UPDLOCK)\n"
            "  WHERE old.[id] = new.[id]\n"
            ")"
        ),
        (
            "UPDATE old SET [client__name] = new.[client__name], [amount] = new.[amount], "
            "[tags] = new.[tags], [_sdc_batched_at] = new.[_sdc_batched_at]\n"
            "FROM [harvest].[entries] AS old\n"
            "INNER JOIN #stage AS new ON old.[id] = new.[id]\n"
            "WHERE EXISTS (\n"
            "  SELECT (new.[client__name] + N'.') COLLATE Latin1_General_100_BIN2, new.[amount], "
            "(new.[tags] + N'.') COLLATE Latin1_General_100_BIN2\n"
            "  EXCEPT\n"
            "  SELECT (old.[client__name] + N'.') COLLATE Latin1_General_100_BIN2, old.[amount], "
            "(old.[tags] + N'.') COLLATE Latin1_General_100_BIN2\n"
            ")"
        ),
        "DROP TABLE #stage",
    ]


def test_values_of_any_kind_are_read_as_json() -> None:
    """Text comes with its quotes, which only the type that OPENJSON tells of a property gives."""
    statements = MSSQL().append_sql(CODES)

    assert statements == [
        (
            "INSERT INTO [codes] ([code], [any])\n"
            "SELECT [c1], CASE WHEN [s2] IS NULL THEN [c2] ELSE (SELECT TOP (1) CASE [type] "
            "WHEN 1 THEN CONCAT(N'\"', STRING_ESCAPE([value], 'json'), N'\"') ELSE [value] END "
            "FROM OPENJSON([p2]) WHERE [key] + N'.' = N'any.') END\n"
            "FROM OPENJSON(@batch) WITH (\n"
            "  [c1] nvarchar(max) '$.\"code\"',\n"
            "  [c2] nvarchar(max) '$.\"any\"' AS JSON,\n"
            "  [s2] nvarchar(max) '$.\"any\"',\n"
            "  [p2] nvarchar(max) '$' AS JSON\n"
            ")"
        )
    ]


def test_a_server_may_leave_escapes_in_texts_and_cut_objects() -> None:
    """The first are undone, backslashes first and last; what may have been cut is an error."""
    dialect = DIALECTS["mssql"].of_server(r"A server 1.0 \t")
    text = Column("text", ("text",), "string")

    [statement] = dialect.append_sql(Table("t", (text, TAGS)))
    assert statement == (
        "INSERT INTO [t] ([text], [tags])\n"
        "SELECT REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE([c1], "
        r"N'\\', N'\/'), N'\b', NCHAR(8)), N'\t', NCHAR(9)), N'\n', NCHAR(10)), N'\f', NCHAR(12)), "
        """N'\\r', NCHAR(13)), N'\\"', NCHAR(34)), N'\\/', N'\\'), """
        "CASE WHEN LEN(CONCAT([c2], N'.')) <= 4000 THEN [c2] "
        "ELSE CAST(CAST(LEFT([c2], 1) AS int) AS nvarchar(max)) END\n"
        "FROM OPENJSON(@batch) WITH (\n"
        "  [c1] ntext '$.\"text\"',\n"
        '  [c2] nvarchar(max) \'$."r"."tags"\' AS JSON\n'
        ")"
    )
    assert dialect.lock_sql == ""
    assert conform_name("é" * 40, dialect).startswith("é" * 27 + "_")
    assert type(DIALECTS["mssql"].of_server("Microsoft SQL Server 2022 \t")) is MSSQL


def test_upsert_by_text() -> None:
    """Two keys that differ only in trailing spaces are never taken for one silently."""
    _, _, insert, update, _ = MSSQL().upsert_sql(CODES)

    keys = "old.[code] = new.[code] AND DATALENGTH(old.[code]) = DATALENGTH(new.[code])"
    assert f"INNER JOIN #stage AS new ON {keys}\n" in update
    assert f"  WHERE {keys}\n" in insert


def test_upsert_of_keys_alone() -> None:
    """There is nothing to update."""
    statements = MSSQL().upsert_sql(Table("t", (ID, AT)))

    assert [text.split()[0] for text in statements] == ["CREATE", "INSERT", "INSERT", "DROP"]


def test_delete() -> None:
    """Only the keys of a batch are read."""
    statements = MSSQL().delete_sql(TABLE)

    assert statements == [
        "CREATE TABLE #stage (\n  [id] bigint NOT NULL,\n  PRIMARY KEY ([id])\n)",
        (
            "INSERT INTO #stage ([id])\n"
            "SELECT [c1]\n"
            "FROM OPENJSON(@batch) WITH (\n"
            '  [c1] bigint \'$."r"."id"\'\n'
            ")"
        ),
        (
            "DELETE old\n"
            "FROM [harvest].[entries] AS old\n"
            "INNER JOIN #stage AS new ON old.[id] = new.[id]"
        ),
        "DROP TABLE #stage",
    ]


def test_activate_version() -> None:
    """Rows without a version are older than all."""
    hard = MSSQL().activate_version_sql(TABLE, hard_delete=True)
    soft = MSSQL().activate_version_sql(TABLE, hard_delete=False)

    assert hard == (
        "DELETE FROM [harvest].[entries]\n"
        "WHERE ([_sdc_table_version] IS NULL OR [_sdc_table_version] < @version)"
    )
    assert soft == (
        "UPDATE [harvest].[entries]\n"
        "SET [_sdc_deleted_at] = CAST(@deleted_at AS datetimeoffset)\n"
        "WHERE ([_sdc_table_version] IS NULL OR [_sdc_table_version] < @version) "
        "AND [_sdc_deleted_at] IS NULL"
    )


def test_swap() -> None:
    """The shadow takes the table's name, in its schema."""
    statements = MSSQL().swap_sql([Swap(TABLE, SHADOW, None)])

    assert statements == [
        "DROP TABLE IF EXISTS [harvest].[entries]",
        "EXEC sys.sp_rename N'[harvest].[entries__shadow]', N'entries', 'OBJECT'",
    ]


def test_older_rows_change_nothing() -> None:
    """Where a column tells which of two rows is newer."""
    table = replace(TABLE, newest_by="amount", columns=(ID, replace(AMOUNT, source="amount")))
    upsert, delete = MSSQL().upsert_sql(table), MSSQL().delete_sql(table)

    assert upsert[3] == (
        "UPDATE old SET [amount] = new.[amount]\n"
        "FROM [harvest].[entries] AS old\n"
        "INNER JOIN #stage AS new ON old.[id] = new.[id]\n"
        "  AND CASE WHEN new.[amount] < old.[amount] THEN 0 ELSE 1 END = 1\n"
        "WHERE EXISTS (\n"
        "  SELECT new.[amount]\n"
        "  EXCEPT\n"
        "  SELECT old.[amount]\n"
        ")"
    )
    assert "[amount] float NULL" in delete[0]
    assert delete[2] == (
        "DELETE old\n"
        "FROM [harvest].[entries] AS old\n"
        "INNER JOIN #stage AS new ON old.[id] = new.[id]\n"
        "  AND CASE WHEN new.[amount] < old.[amount] THEN 0 ELSE 1 END = 1"
    )


def test_an_older_row_still_takes_its_version() -> None:
    """A row that came in a version belongs to it; all else of it stays."""
    version = Column("_sdc_table_version", ("v",), "integer")
    columns = (ID, replace(AMOUNT, source="amount"), version)
    upsert = MSSQL().upsert_sql(replace(TABLE, newest_by="amount", columns=columns))

    assert upsert[3] == (
        "UPDATE old SET "
        "[amount] = CASE WHEN new.[amount] < old.[amount] THEN old.[amount] ELSE new.[amount] END, "
        "[_sdc_table_version] = new.[_sdc_table_version]\n"
        "FROM [harvest].[entries] AS old\n"
        "INNER JOIN #stage AS new ON old.[id] = new.[id]\n"
        "  AND (CASE WHEN new.[amount] < old.[amount] THEN 0 ELSE 1 END = 1 OR EXISTS "
        "(SELECT new.[_sdc_table_version] EXCEPT SELECT old.[_sdc_table_version]))\n"
        "WHERE EXISTS (\n"
        "  SELECT new.[amount], new.[_sdc_table_version]\n"
        "  EXCEPT\n"
        "  SELECT old.[amount], old.[_sdc_table_version]\n"
        ")"
    )
