"""How the records of a stream become rows: its columns, and what an element of a batch is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.json import serialize_json

from target_harvest_sql import columns as cols
from target_harvest_sql.names import conform
from target_harvest_sql.records.layout import LISTS, OBJECT, as_lists
from target_harvest_sql.records.raw import decode_exactly, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from singer_sdk.helpers._flattening import FlatteningOptions

    from target_harvest_sql.columns import Column
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.names import Spelling
    from target_harvest_sql.records.layout import Layout

    Rebuild = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Plan:
    """What a stream's schema comes to in a database."""

    columns: tuple[Column, ...]
    """Named as the database can spell them, with their places in an element."""
    layout: Layout
    """What stands around a record in an element, if metadata do."""
    has_metadata: bool
    """Whether metadata stand beside a record."""
    rebuild: Rebuild | None
    """Makes what stands for a record in an element; none where that is the record itself."""
    paths: Mapping[str, tuple[str, ...]]
    """Where in a record the values of columns stand, by the columns' sources."""

    def path(self, column: Column) -> tuple[str, ...]:
        """Where a column's value stands in the record as it was sent."""
        return (column.name,) if column.name in cols.METADATA else self.paths[column.source]

    def shape(self, columns: Iterable[Column]) -> dict[str, Any]:
        """The schema of records in which these columns find their values."""
        from_record = {
            self.path(c): c
            for c in columns
            if c.name not in cols.METADATA or c.path[0] == cols.RECORD
        }
        return cols.shape_of(from_record)


def plan(
    schema: dict[str, Any],
    key_properties: Collection[str],
    dialect: Dialect,
    *,
    flattening: FlatteningOptions,
    metadata: Sequence[str],
    spelling: Spelling,
) -> Plan:
    """Compile a stream's schema for a database.

    Args:
        schema: JSON Schema of a record, with `properties`.
        key_properties: Names of the properties that are the key.
        dialect: What the database can do.
        flattening: How deep objects become columns.
        metadata: Names of the metadata columns.
        spelling: How columns are named.
    """
    columns = cols.compile_columns(schema, key_properties, flattening=flattening, metadata=metadata)
    paths = {column.source: column.path[bool(metadata) :] for column in columns}
    layout, rebuild = OBJECT, None
    if not cols.have_plain_paths(columns):
        columns, rebuild = _plainly(columns, paths, has_metadata=bool(metadata))
    if dialect.list_length:
        layout = LISTS
        columns, to_lists = as_lists(columns, dialect.list_length, has_metadata=bool(metadata))
        rebuild = _joined(rebuild, to_lists)
    return Plan(conform(columns, spelling), layout, bool(metadata), rebuild, paths)


def _plainly(
    columns: Sequence[Column], paths: Mapping[str, tuple[str, ...]], *, has_metadata: bool
) -> tuple[list[Column], Rebuild]:
    """Give the columns plain paths; and make a record that has its values there."""
    prefix = (cols.RECORD,) if has_metadata else ()
    plain: list[Column] = []
    sources: dict[str, tuple[str, ...]] = {}
    for column, number in zip(columns, count(1), strict=False):
        if column.name in cols.METADATA and column.path[0] != cols.RECORD:
            plain.append(column)
        else:
            sources[f"c{number}"] = paths[column.source]
            plain.append(replace(column, path=(*prefix, f"c{number}")))

    def rebuild(record: bytes) -> bytes:
        decoded = decode_exactly(record)
        return serialize_json(
            {name: value_at(decoded, path) for name, path in sources.items()}
        ).encode()

    return plain, rebuild


def _joined(first: Rebuild | None, then: Rebuild | None) -> Rebuild | None:
    """Do one, and then the other."""
    if first is None or then is None:
        return first or then
    return lambda record: then(first(record))
