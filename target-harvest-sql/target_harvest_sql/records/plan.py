"""How the records of a stream become rows: its columns, and what an element of a batch is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.json import serialize_json

from target_harvest_sql import columns as cols
from target_harvest_sql.names import conform
from target_harvest_sql.records.blocks import join
from target_harvest_sql.records.layout import ObjectLayout, as_lists
from target_harvest_sql.records.paths import have_plain_paths, shape_of
from target_harvest_sql.records.raw import decode_exactly, value_at
from target_harvest_sql.records.schema_columns import compile_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from singer_sdk.helpers._flattening import FlatteningOptions

    from target_harvest_sql.columns import Column
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.names import Spelling
    from target_harvest_sql.records.blocks import Raw
    from target_harvest_sql.records.layout import Layout


@dataclass(frozen=True)
class Plan:
    """What a stream's schema comes to in a database."""

    columns: tuple[Column, ...]
    """Named as the database can spell them, with their places in an element."""
    layout: Layout
    """Makes elements of records."""
    has_metadata: bool
    """Whether metadata stand beside a record."""
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
        return shape_of(from_record)


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
    columns = compile_columns(schema, key_properties, flattening=flattening, metadata=metadata)
    paths = {column.source: column.path[bool(metadata) :] for column in columns}
    layout: Layout = ObjectLayout()
    sources: dict[str, tuple[str, ...]] = {}
    if not have_plain_paths(columns):
        columns, sources = _plainly(columns, paths, has_metadata=bool(metadata))
    if dialect.list_length:
        columns, layout = as_lists(columns, dialect.list_length, has_metadata=bool(metadata))
    if sources:
        layout = _PlainNames(sources, layout)
    return Plan(conform(columns, spelling), layout, bool(metadata), paths)


def _plainly(
    columns: Sequence[Column], paths: Mapping[str, tuple[str, ...]], *, has_metadata: bool
) -> tuple[list[Column], dict[str, tuple[str, ...]]]:
    """Give the columns plain paths: names of properties, and where their values stand."""
    prefix = (cols.RECORD,) if has_metadata else ()
    plain: list[Column] = []
    sources: dict[str, tuple[str, ...]] = {}
    for column, number in zip(columns, count(1), strict=False):
        if column.name in cols.METADATA and column.path[0] != cols.RECORD:
            plain.append(column)
        else:
            sources[f"c{number}"] = paths[column.source]
            plain.append(replace(column, path=(*prefix, f"c{number}")))

    return plain, sources


class _PlainNames:
    """Gives the properties of records plain names before it lays the records out.

    Args:
        sources: By each plain name, where in a record its value stands.
        layout: Lays out the records with plain names.
    """

    def __init__(self, sources: Mapping[str, tuple[str, ...]], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self.head = layout.head
        self.elements = layout.elements

    def values(self, records: Sequence[Raw], joined: bytes) -> Sequence[Any]:  # noqa: ARG002
        """Rename the properties, and take out what an element holds."""
        renamed = [self._rename(record) for record in records]
        return self._layout.values(renamed, join(renamed))

    def _rename(self, record: Raw) -> bytes:
        decoded = decode_exactly(record)
        return serialize_json(
            {name: value_at(decoded, path) for name, path in self._sources.items()}
        ).encode()
