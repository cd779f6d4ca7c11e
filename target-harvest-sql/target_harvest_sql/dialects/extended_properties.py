"""How SQL Server holds the descriptions of columns: as extended properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.dialects.base import Dialect

MAX_LENGTH: Final = 3750
"""In characters: an extended property holds 7500 bytes."""


def describe_sql(dialect: Dialect, table: Table, column: Column) -> str:
    """Describe a column, whether or not it has a description already.

    SQL Server documentation, "sp_addextendedproperty":
    https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addextendedproperty-transact-sql
    """
    place = f"OBJECT_ID({dialect.literal(dialect.table_name(table))})"
    name = dialect.literal(column.name)
    text = dialect.literal(column.description[:MAX_LENGTH])
    return (
        "DECLARE @owner sysname = "  # noqa: S608 - names are quoted.
        f"{dialect.literal(table.schema) if table.schema else 'SCHEMA_NAME()'};\n"
        "DECLARE @describe nvarchar(max) = CONCAT('EXEC sys.sp_', CASE WHEN EXISTS (\n"
        "  SELECT 1 FROM sys.extended_properties\n"
        f"  WHERE class = 1 AND name = 'MS_Description' AND major_id = {place}\n"
        f"    AND minor_id = COLUMNPROPERTY({place}, {name}, 'ColumnId')\n"
        ") THEN 'update' ELSE 'add' END, 'extendedproperty ''MS_Description'', @text, "
        "''SCHEMA'', @owner, ''TABLE'', @table, ''COLUMN'', @column');\n"
        "EXEC sys.sp_executesql @describe, N'@owner sysname, @table sysname, @column sysname, "
        f"@text nvarchar({MAX_LENGTH})', "
        f"@owner, {dialect.literal(table.name)}, {name}, {text}"
    )
