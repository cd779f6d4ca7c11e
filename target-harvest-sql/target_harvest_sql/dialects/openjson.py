"""How SQL Server reads a batch: the columns of OPENJSON, their paths and their conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_harvest_sql.columns import Column
    from target_harvest_sql.dialects.base import Dialect


class Read(NamedTuple):
    """How one column is read."""

    value: str
    """The value, made from the fields."""
    fields: tuple[str, ...]
    """The fields of the WITH clause that the value needs: name, type and path of each."""


class OpenJSON:
    """Reads a batch by OPENJSON.

    Transact-SQL reference, "OPENJSON": https://learn.microsoft.com/sql/t-sql/functions/openjson-transact-sql
    """

    text_type: ClassVar[str] = "nvarchar(max)"
    """The type that OPENJSON reads text of any length as."""

    def rows_sql(self, dialect: Dialect, columns: Sequence[Column]) -> str:
        """Read a batch, bound as `batch`, as rows of the columns."""
        found = [self._read(dialect, column, number) for number, column in enumerate(columns, 1)]
        fields = ",\n  ".join(field for read in found for field in read.fields)
        return (
            f"SELECT {', '.join(read.value for read in found)}\n"
            f"FROM OPENJSON(@batch) WITH (\n  {fields}\n)"
        )

    def _read(self, dialect: Dialect, column: Column, number: int) -> Read:
        name, path = f"[c{number}]", path_sql(column.path)
        as_text = (f"{name} nvarchar(max) {path}",)
        if dialect.decimals.type_sql(column):
            return Read(decimal_sql(dialect, name, column), as_text)
        if column.kind in {"date", "date-time", "time"}:
            return Read(moment_sql(dialect, name, column), as_text)
        if column.kind == "json":
            return self._read_json(dialect, column, number)
        if column.kind == "string":
            value = dialect.converted(self.text_sql(name), column)
            return Read(value, (f"{name} {self.text_type} {path}",))
        return Read(name, (f"{name} {dialect.types[column.kind]} {path}",))

    def _read_json(self, dialect: Dialect, column: Column, number: int) -> Read:
        """Read any JSON. As JSON, OPENJSON reads only objects and arrays."""
        name, scalar, parent = f"[c{number}]", f"[s{number}]", f"[p{number}]"
        path = path_sql(column.path)
        nested = self.nested_sql(name)
        field = f"{name} nvarchar(max) {path} AS JSON"
        if column.is_nested:
            return Read(nested, (field,))
        return Read(
            f"CASE WHEN {scalar} IS NULL THEN {nested} "
            f"ELSE {self._scalar_sql(dialect, parent, column.path[-1])} END",
            (
                field,
                f"{scalar} nvarchar(max) {path}",
                f"{parent} nvarchar(max) {path_sql(column.path[:-1])} AS JSON",
            ),
        )

    def _scalar_sql(self, dialect: Dialect, parent: str, name: str) -> str:
        """Write a text, a number or a truth value of an object as JSON.

        OPENJSON tells the type of a value only if it reads the whole object.
        """
        # A name may be there twice, or again with spaces at its end, which equals it.
        return (
            "(SELECT TOP (1) CASE [type] WHEN 1 "  # noqa: S608 - names are quoted.
            f"""THEN CONCAT(N'"', STRING_ESCAPE({self.text_sql("[value]")}, 'json'), N'"') """
            "ELSE [value] END "
            f"FROM OPENJSON({parent}) WHERE [key] + N'.' = {dialect.literal(f'{name}.')})"
        )

    def text_sql(self, value: str) -> str:
        """Read a text as OPENJSON gives it."""
        return value

    def nested_sql(self, value: str) -> str:
        """Read an object or an array as OPENJSON gives it."""
        return value


def path_sql(path: Sequence[str]) -> str:
    """Write the path of a value, from the element of the batch down."""
    return "'$" + "".join(f'."{name}"' for name in path) + "'"


def moment_sql(dialect: Dialect, text: str, column: Column) -> str:
    """Read a date, a time or both. SQL Server reads an empty text as the beginning of 1900."""
    cases = f"WHEN {text} = N'' THEN N'nothing'"
    if column.kind != "date":  # More digits of a second than the type has are an error: cut zeros.
        start = f"CHARINDEX('.', {text}) + {dialect.second_digits + 1}"
        zeros = f"PATINDEX('%[^0]%', SUBSTRING({text}, {start}, 4000) + 'Z') - 1"
        cases += (
            f" WHEN {text} LIKE '%.{'[0-9]' * dialect.second_digits}0%' "
            f"THEN STUFF({text}, {start}, {zeros}, N'')"
        )
    value = f"CAST(CASE {cases} ELSE {text} END AS {dialect.types[column.kind]})"
    if column.foreign_type:
        return f"CAST(SWITCHOFFSET({value}, '+00:00') AS {column.foreign_type})"
    return value


def decimal_sql(dialect: Dialect, text: str, column: Column) -> str:
    """Read a decimal. A number that its column would round, or cannot read, becomes an error."""
    rest = f"SUBSTRING({text}, CHARINDEX('.', {text} + '.') + {column.size.scale} + 1, 4000)"
    return (
        f"CAST(CASE WHEN {rest} LIKE '%[1-9]%' OR {text} LIKE '%[eE]%' "
        f"THEN N'too exact' ELSE {text} END "
        f"AS {dialect.decimals.type_sql(column)})"
    )
