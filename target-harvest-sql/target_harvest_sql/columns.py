"""A stream's schema compiled once to the columns of its table: name, path, kind.

A column is a path into the JSON element that carries a record to the database. Flattening is
therefore only a longer path, and costs nothing per record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from singer_sdk.helpers._flattening import flatten_key

from target_harvest_sql.declared_types import DeclaredTypeError, declared_type

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from singer_sdk.helpers._flattening import FlatteningOptions

Kind = Literal[
    "boolean", "date", "date-time", "decimal", "integer", "json", "number", "string", "time"
]
"""What a column holds, in the words of JSON Schema; `decimal` is text whose digits are kept,
`json` is an object, an array, or a value of which the schema does not say one type."""

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
"""What a schema may say of values beside their kind: an array of anything, of integers or of texts;
an array of such arrays; text that is a UUID, or bytes in base 16 or 64."""

ARRAYS: tuple[Form, ...] = ("array", "integers", "nested integers", "nested texts", "texts")
"""The forms of arrays."""

KINDS_OF_TEXT: frozenset[Kind] = frozenset({"decimal", "string"})
"""What may be sent as a number or as text alike."""

RECORD = "r"
"""Where the record stands in an element of a batch that also carries metadata."""

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
"""What an element carries beside its record, in this order."""

VERSION_METADATA = ("_sdc_deleted_at", "_sdc_table_version")
"""The metadata that ACTIVATE_VERSION needs, and that says something of the row itself. The rest
changes with every run, and a row is not rewritten for its sake."""

PLAIN_NAME = re.compile(r"[A-Za-z0-9_ .:;,!?$@#%()*|~^-]+")
"""Names that every JSON encoder writes unescaped and every database finds by a quoted path."""

VALUES = ("boolean", "integer", "number", "string")
"""The types that are neither objects nor arrays."""

_KINDS: dict[str, Kind] = {"boolean": "boolean", "integer": "integer", "number": "number"}
_KINDS_OF_VALUES: dict[type, Kind] = {
    bool: "boolean",
    float: "number",
    int: "integer",
    str: "string",
}
_FORMATS: dict[str, Kind] = {
    "date": "date",
    "date-time": "date-time",
    "singer.decimal": "decimal",
    "time": "time",
    "x-singer.decimal": "decimal",
}
BIGGEST = 2**63
"""How far from zero an integer column reaches; what may be farther is a decimal."""

BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
"""The keywords that bound a number, below and above."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a number may be by its schema; `None` where the schema does not say."""

    precision: int | None = None
    """How many digits a number may have."""
    scale: int | None = None
    """How many of them stand after the point."""

    def joined(self, wanted: Size) -> Size:
        """How large a decimal is that holds two; what the other does not say, this one decides."""
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
    """The property's name in the stream, flattened; what errors and key properties call it."""
    is_key: bool = False
    description: str = ""
    is_volatile: bool = False
    """Whether the value changes with every run, so that it alone does not change a row."""
    size: Size = Size()
    """How large the schema says that a value may be."""
    is_nested: bool = False
    """Whether the value is an object or an array, and never a text, a number or a truth value."""
    form: Form = ""
    """What the schema says of the values beside their kind."""
    foreign_type: str = ""
    """The type of a column that others made, where values must be converted for it."""
    declared_type: str = ""
    """The type that the schema names for a new column, as `x-sql-datatype`."""
    number_type: Literal["integer", "number"] | None = None
    """As what the schema allows numbers: whole ones alone, all, or none."""
    second_digits: int | None = None
    """How many digits of a second the column keeps; `None` for as many as the database can."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a stream wants it."""

    name: str
    columns: tuple[Column, ...]
    schema: str | None = None
    """The SQL namespace; `None` is the database's default."""
    is_keyed: bool = True
    """Whether the key columns are the table's primary key; an append-only table has none."""
    newest_by: str | None = None
    """The property that tells which of two rows of a key is newer; `None` if the later one is."""

    @property
    def newest(self) -> Column | None:
        """The column that tells which of two rows of a key is newer."""
        found = (c for c in self.columns if c.source == self.newest_by and not c.is_key)
        return next(found, None) if self.is_keyed else None

    @property
    def version(self) -> Column | None:
        """The column whose version an older record gives to a row that it does not change."""
        found = (c for c in self.columns if c.name == VERSION_METADATA[1])
        return next(found, None) if self.newest else None

    @property
    def keys(self) -> tuple[Column, ...]:
        """The columns that identify a row; empty where rows are only appended."""
        return tuple(column for column in self.columns if self.is_keyed and column.is_key)


def compile_columns(
    schema: dict[str, Any],
    key_properties: Collection[str],
    *,
    flattening: FlatteningOptions,
    metadata: Sequence[str] = (),
) -> list[Column]:
    """Compile a stream's schema.

    Properties called as a metadata column are left out: those columns are the target's own.

    Args:
        schema: JSON Schema of a record, with `properties`.
        key_properties: Names of the identifying properties, flattened.
        flattening: Whether and how deep objects become columns.
        metadata: Names of the metadata columns to add; if any, records are carried under `RECORD`.

    Returns:
        The columns in the schema's order, named as in the source.

    Raises:
        DeclaredTypeError: If a property has an `x-sql-datatype` that is not a type alone.
    """
    prefix = (RECORD,) if metadata else ()
    columns = [
        Column(
            name=name,
            path=(*prefix, *path),
            kind=kind_of(definition),
            source=name,
            is_key=name in key_properties,
            description=str(definition.get("description") or ""),
            size=_size(definition),
            is_nested=is_nested(definition),
            form=_form(definition),
            declared_type=_declared_type(name, definition),
            number_type=number_type(definition),
        )
        for name, path, definition in _leaves(schema, (), flattening)
        if name not in METADATA
    ]
    for name in metadata:
        path, kind, description = METADATA[name]
        columns.append(
            Column(
                name=name,
                path=path,
                kind=kind,
                source=name,
                description=description,
                is_volatile=name not in VERSION_METADATA,
            )
        )
    return columns


def _leaves(
    schema: dict[str, Any], parents: tuple[str, ...], flattening: FlatteningOptions
) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Walk the properties that become columns: flattened name, path, definition."""
    for name, given in schema["properties"].items():
        definition = given if isinstance(given, dict) else {}
        if (
            flattening.enabled
            and len(parents) < flattening.max_level
            and definition.get("properties")
            and set(_types(definition)) - {"null"} == {"object"}
        ):
            yield from _leaves(definition, (*parents, name), flattening)
        else:
            flat = flatten_key(
                name, list(parents), flattening.separator, max_key_length=flattening.max_key_length
            )
            yield flat, (*parents, name), definition


def kind_of(definition: dict[str, Any]) -> Kind:
    """Say what a property holds; `anyOf`, `oneOf` and lists of types hold all that they allow.

    A union that includes text holds text, integers and numbers together are numbers, and what no
    single kind can hold without loss is JSON.
    """
    kinds = set(_kinds(definition))
    if len(kinds) == 1:
        return kinds.pop()
    if kinds and kinds <= {"integer", "number"}:
        return "number"
    if kinds and kinds <= {"integer", "number", "decimal"}:
        return "decimal"
    return "json" if not kinds or kinds & {"boolean", "json"} else "string"


def is_nested(definition: dict[str, Any]) -> bool:
    """Whether the schema allows nothing but objects and arrays, and null."""
    types = set(_types(definition)) - {"null"}
    return bool(types) and types <= {"array", "object"}


def _declared_type(source: str, definition: dict[str, Any]) -> str:
    try:
        return declared_type(definition)
    except DeclaredTypeError as error:
        raise DeclaredTypeError(f'of property "{source}" {error}') from error


def _form(definition: dict[str, Any]) -> Form:
    types = set(_types(definition)) - {"null"}
    if types == {"array"}:
        return _array_form(definition.get("items"))
    if types != {"string"}:
        return ""
    encodings: dict[str, Form] = {"base16": "base16", "base64": "base64"}
    found: Form = "uuid" if definition.get("format") == "uuid" else ""
    return encodings.get(str(definition.get("contentEncoding")).lower(), found)


def _array_form(items: Any) -> Form:
    """Say what an array holds: integers and arrays of them at any depth, or texts."""
    of = set(_types(items)) - {"null"} if isinstance(items, dict) else set()
    if of == {"array"}:
        inner = _array_form(items.get("items"))
        nested: dict[str, Form] = {"texts": "nested texts"}
        nested |= dict.fromkeys(("integers", "nested integers"), "nested integers")
        return nested.get(inner, "array")
    return "texts" if of == {"string"} else "integers" if of == {"integer"} else "array"


def number_type(definition: dict[str, Any]) -> Literal["integer", "number"] | None:
    """As what the schema allows numbers; a property without a type may be any."""
    branches = _branches(definition)
    if branches:
        found = {number_type(branch) for branch in branches}
    else:
        types = _types(definition)
        if not types and not all(isinstance(v, str | None) for v in definition.get("enum", [0])):
            types = ("number",)
        found = {"number" if "number" in types else "integer" if "integer" in types else None}
    return "number" if "number" in found else "integer" if "integer" in found else None


def _kinds(definition: dict[str, Any]) -> Iterator[Kind]:
    branches = _branches(definition)
    if branches:
        for branch in branches:
            yield from _kinds(branch)
        return
    types = _types(definition)
    if not types:
        # An enumeration often comes without a type.
        values = definition.get("enum", [definition.get("const")])
        told = {type(value) for value in values if value is not None}
        yield from (_KINDS_OF_VALUES.get(type_, "json") for type_ in told or {dict})
    is_decimal = _FORMATS.get(definition.get("format", "")) == "decimal"
    for name in types:
        kind = _KINDS.get(name, "json")
        if name == "string":
            yield _FORMATS.get(definition.get("format", ""), "string")
        elif kind == "number":
            yield "decimal" if is_decimal else kind
        elif kind == "integer":
            is_long = max(_bounds(definition), default=0) > BIGGEST
            yield "decimal" if is_long or is_decimal else kind
        elif name != "null":
            yield kind


def _branches(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """What `anyOf` and `oneOf` allow, without null; each has the type that stands beside them."""
    branches = [*definition.get("anyOf", ()), *definition.get("oneOf", ())]
    allowed = [branch for branch in branches if branch not in (False, {"type": "null"})]
    beside = {"type": definition["type"]} if "type" in definition else {}
    return [beside if branch is True else {**beside, **branch} for branch in allowed]


def _types(definition: dict[str, Any]) -> tuple[str, ...]:
    """The allowed types without `null`."""
    types = definition.get("type") or ()
    return (types,) if isinstance(types, str) else tuple(types)


def _size(definition: dict[str, Any]) -> Size:
    branches = _branches(definition)
    if branches:
        return _size(branches[0]) if len(branches) == 1 else Size()
    types = set(_types(definition)) - {"null"}
    precision, scale = (_count(definition.get(name)) for name in ("precision", "scale"))
    step = definition.get("multipleOf")
    if types == {"integer"}:
        scale = 0
    elif scale is None and step:
        scale = max(0, -int(Decimal(str(step)).normalize().as_tuple().exponent))
    bounds = _bounds(definition)
    if precision is None and scale is not None and len(bounds) == len(BOUNDS):
        precision = max(1, max(bounds).adjusted() + 1) + scale
    if precision is not None and precision < max(1, scale or 0):
        precision = scale = None
    return Size(precision, scale)


def _count(given: Any) -> int | None:
    """What is no count says nothing: JSON Schema does not know these keywords."""
    return given if type(given) is int and given >= 0 else None


def _bounds(definition: dict[str, Any]) -> list[Decimal]:
    """How far from zero a number may be, on each side of which the schema says it."""
    given = (
        [definition[n] for n in names if type(definition.get(n)) in {int, float, Decimal}]
        for names in BOUNDS
    )
    return [Decimal(str(values[0])).copy_abs() for values in given if values]


def have_plain_paths(columns: Sequence[Column]) -> bool:
    """Whether every database finds all values by their paths, in a record as it was sent.

    Names must be plain, and no two in one object may differ only in case.
    """
    prefixes = {
        column.path[:depth] for column in columns for depth in range(1, len(column.path) + 1)
    }
    folded = {tuple(name.casefold() for name in path) for path in prefixes}
    return len(folded) == len(prefixes) and all(
        PLAIN_NAME.fullmatch(name) for column in columns for name in column.path
    )


def shape_of(paths: Mapping[tuple[str, ...], Column]) -> dict[str, Any]:
    """Write the schema of records of which every column finds its value.

    Args:
        paths: The columns by where their values stand in a record.
    """
    shape: dict[str, Any] = {"type": "object", "properties": {}}
    for (*parents, name), column in paths.items():
        holder = shape
        for parent in parents:
            holder = holder["properties"].setdefault(
                parent, {"type": ["object", "null"], "properties": {}}
            )
        types = ["array", "object"] if column.is_nested else VALUES
        is_any = column.kind == "json" and not column.is_nested
        definition: dict[str, Any] = {} if is_any else {"type": [*types, "null"]}
        if column.kind in {"boolean", "integer", "number"}:
            definition["minLength"] = 1  # Nothing is no zero.
        holder["properties"][name] = definition
    return shape
