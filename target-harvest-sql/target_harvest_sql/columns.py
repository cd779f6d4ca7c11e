"""What a table and its columns are: names, kinds, and the places of their values.

A column has a path into the JSON element that carries a record to the database. With flattening,
the path is longer; a record costs the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "boolean", "date", "date-time", "decimal", "integer", "json", "number", "string", "time"
]
"""What a column holds, in the words of JSON Schema. `decimal` keeps all digits of a number. `json`
is an object or an array, or a value for which the schema does not name one type."""

Form = Literal[
    "",
    "array",
    "base16",
    "base64",
    "integers",
    "nested integers",
    "nested texts",
    "texts",
    "uuid",
]
"""What a schema may say about values beside their kind: they are arrays (of anything, of integers,
of texts, or of such arrays), texts that are UUIDs, or texts that are bytes in base 16 or 64."""

ARRAYS: tuple[Form, ...] = ("array", "integers", "nested integers", "nested texts", "texts")
"""The forms of arrays."""

KINDS_OF_TEXT: frozenset[Kind] = frozenset({"decimal", "string"})
"""The kinds whose values may be sent as numbers or as texts."""

RECORD = "r"
"""The property that holds the record, in an element of a batch that also has metadata."""

METADATA: dict[str, tuple[tuple[str, ...], Kind, str]] = {
    "_sdc_extracted_at": (("e",), "date-time", "When the tap read the record."),
    "_sdc_received_at": (("a",), "date-time", "When the target received the record."),
    "_sdc_batched_at": (("b",), "date-time", "When the batch of the record began."),
    "_sdc_deleted_at": ((RECORD, "_sdc_deleted_at"), "date-time", "When the record was deleted."),
    "_sdc_sequence": (("s",), "integer", "When the record was received, in epoch milliseconds."),
    "_sdc_table_version": (("v",), "integer", "Version of the table that the record belongs to."),
    "_sdc_sync_started_at": (("y",), "integer", "When the run began, in epoch milliseconds."),
}
"""The metadata columns: path, kind, description.

Meltano SDK, "Record Metadata": https://sdk.meltano.com/en/latest/implementation/record_metadata.html
"""

CARRIED = tuple(path[0] for path, _, _ in METADATA.values() if path[0] != RECORD)
"""The properties that an element has beside its record, in this order."""

VERSION_METADATA = ("_sdc_deleted_at", "_sdc_table_version")
"""The metadata that ACTIVATE_VERSION needs. All other metadata changes with every run. If nothing
else has changed, the row is not rewritten."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a number may be, by its schema. `None` means that the schema does not say."""

    precision: int | None = None
    """How many digits a number may have."""
    scale: int | None = None
    """How many of these digits stand after the decimal point."""

    def joined(self, wanted: Size) -> Size:
        """The size of a decimal that holds the values of both sizes. `None` counts as 0."""
        precision, scale = self.precision or 0, self.scale or 0
        whole = max(precision - scale, (wanted.precision or 0) - (wanted.scale or 0))
        scale = max(scale, wanted.scale or 0)
        return Size(precision=whole + scale, scale=scale)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, and where its value stands in an element of a batch."""

    name: str
    """The conformed name."""
    path: tuple[str, ...]
    """Property names from the element of the batch down to the value."""
    kind: Kind
    source: str = ""
    """The flattened name of the property in the stream, as in errors and key properties."""
    is_key: bool = False
    description: str = ""
    is_volatile: bool = False
    """Whether the value changes with every run. If only such values differ, the row stays."""
    size: Size = Size()
    """The limits that the schema sets for a number."""
    is_nested: bool = False
    """Whether the schema allows only objects and arrays."""
    form: Form = ""
    """What the schema says about the values beside their kind."""
    foreign_type: str = ""
    """The type of a column that another program made, if values must be converted for it."""
    declared_type: str = ""
    """The type that the schema names for a new column, as `x-sql-datatype`."""
    number_type: Literal["integer", "number"] | None = None
    """Which numbers the schema allows: whole numbers, all numbers, or none."""
    second_digits: int | None = None
    """How many digits of a second the column keeps. `None` means as many as the database can."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, as a stream wants it or as it is in the database."""

    name: str
    columns: tuple[Column, ...]
    schema: str | None = None
    """The SQL schema. `None` is the default schema of the database."""
    is_keyed: bool = True
    """Whether the key columns are the primary key. An append-only table has no primary key."""
    newest_by: str | None = None
    """The property that tells which of two rows of a key is newer; `None`: the later row is."""

    @property
    def newest(self) -> Column | None:
        """The column that tells which of two rows of a key is newer; `None` if there is none."""
        found = (c for c in self.columns if c.source == self.newest_by and not c.is_key)
        return next(found, None) if self.is_keyed else None

    @property
    def version(self) -> Column | None:
        """The column of versions. An older record that changes no row still sets its version."""
        found = (c for c in self.columns if c.name == VERSION_METADATA[1])
        return next(found, None) if self.newest else None

    @property
    def keys(self) -> tuple[Column, ...]:
        """The columns that identify a row. Empty if rows are only appended."""
        return tuple(column for column in self.columns if self.is_keyed and column.is_key)
