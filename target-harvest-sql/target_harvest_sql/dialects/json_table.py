"""How MySQL and MariaDB read a batch: the columns of JSON_TABLE and their conversions.

A value that JSON_TABLE cannot read as the type of its column is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_harvest_sql.columns import Column, Kind
    from target_harvest_sql.dialects.base import Dialect

TEXTS: Final[frozenset[Kind]] = frozenset({"decimal", "json", "string"})
"""Kinds that JSON_TABLE reads as JSON, since an object may come where a column holds text."""

TEXT: Final = "longtext CHARACTER SET utf8mb4"
"""Without its character set, JSON_TABLE would give the database's."""


class JsonTable:
    """Reads elements whose values stand in the element itself.

    MySQL manual, "JSON Table Functions":
    https://dev.mysql.com/doc/refman/8.4/en/json-table-functions.html
    """

    def rows_sql(self, dialect: Dialect, columns: Sequence[Column]) -> str:
        """Read a batch, bound as `batch`, as rows of the columns."""
        fields, values = [], []
        for column in columns:
            [position] = column.path
            name = dialect.quote(column.name)  # Errors of the server tell it.
            fields.append(field_sql(name, self._type(dialect, column.kind), position))
            value = self._value_sql(dialect, name, column.kind)
            values.append(dialect.converted(value, column))
        return select_sql(values, fields)

    def _type(self, dialect: Dialect, kind: Kind) -> str:
        if kind in TEXTS:
            return "json"
        if kind == "boolean":
            return "boolean"
        return TEXT if kind in {"date", "date-time", "time"} else dialect.types[kind]

    def _value_sql(self, dialect: Dialect, value: str, kind: Kind) -> str:
        if kind not in TEXTS:
            return time_sql(dialect, value, kind)
        # Unquoted, an object becomes JSON text.
        read = value if kind == "json" else f"JSON_UNQUOTE({value})"
        return f"IF(JSON_TYPE({value}) = 'NULL', NULL, {read})"


class NestedJsonTable:
    """Reads elements whose values stand in the element, or in short lists within it.

    MariaDB documentation, "JSON_TABLE":
    https://mariadb.com/docs/server/reference/sql-functions/special-functions/json-functions/json_table
    """

    def rows_sql(self, dialect: Dialect, columns: Sequence[Column]) -> str:
        """Read a batch, bound as `batch`, as rows of the columns."""
        fields: dict[str, str] = {}
        values = []
        for column in columns:
            position, *inner = column.path
            name = value = f"v{position}"
            type_ = TEXT
            if inner or column.kind in TEXTS:
                type_ = "json"
                value = self._json_sql(name, "".join(f"[{n}]" for n in inner), column.kind)
            fields[name] = field_sql(name, type_, position)
            values.append(dialect.converted(time_sql(dialect, value, column.kind), column))
        return select_sql(values, fields.values())

    def _json_sql(self, json: str, path: str, kind: Kind) -> str:
        """Read a value of a list. With an empty path, the list is the value."""
        if kind == "json":
            # As text, since JSON that is compared with text is unquoted.
            text = f"CONCAT(JSON_EXTRACT({json}, '${path}'))" if path else json
            return f"NULLIF({text}, 'null')"
        # JSON_VALUE is null where there is an object or a list.
        return f"COALESCE(JSON_VALUE({json}, '${path}'), JSON_QUERY({json}, '${path}'))"


def field_sql(name: str, type_: str, position: str) -> str:
    """Declare a column of JSON_TABLE."""
    return f"{name} {type_} PATH '$[{position}]' ERROR ON ERROR"


def select_sql(values: Iterable[str], fields: Iterable[str]) -> str:
    """Select values, as `c0`, `c1`, …, from columns of JSON_TABLE."""
    named = ", ".join(f"{value} AS c{number}" for number, value in enumerate(values))
    return (
        f"SELECT {named}\n"
        "FROM JSON_TABLE(%(batch)s, '$[*]' COLUMNS (\n  " + ",\n  ".join(fields) + "\n)) AS batch"
    )


def time_sql(dialect: Dialect, value: str, kind: Kind) -> str:
    """Write a time or a date-time without what the database warns of; other kinds as they are."""
    if kind == "time":
        # The mark of UTC, and zeros beyond microseconds.
        return f"REGEXP_REPLACE({value}, '((?<=[.][0-9]{{6}})0+)?(Z|[+-]00(:?00)?)?$', '')"
    return dialect.moment(value) if kind == "date-time" else value
