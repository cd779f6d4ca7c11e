"""The columns that a stream's schema asks for. A schema is compiled once, before its records."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from singer_sdk.helpers._flattening import flatten_key

from target_harvest_sql.columns import METADATA, RECORD, VERSION_METADATA, Column, Form, Kind, Size
from target_harvest_sql.declared_types import DeclaredTypeError, declared_type

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from singer_sdk.helpers._flattening import FlatteningOptions

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
"""An integer column holds values up to this distance from zero. Larger ones need a decimal."""

BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
"""The keywords that bound a number, below and above."""


def compile_columns(
    schema: dict[str, Any],
    key_properties: Collection[str],
    *,
    flattening: FlatteningOptions,
    metadata: Sequence[str] = (),
) -> list[Column]:
    """Compile a stream's schema.

    A property that has the name of a metadata column is left out. The target fills that column.

    Args:
        schema: JSON Schema of a record, with `properties`.
        key_properties: Names of the identifying properties, flattened.
        flattening: Whether and how deep objects become columns.
        metadata: Names of the metadata columns to add. With any, an element has its record
            under `RECORD`.

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
            kind=_kind_of(definition),
            source=name,
            is_key=name in key_properties,
            description=str(definition.get("description") or ""),
            size=_size(definition),
            is_nested=_is_nested(definition),
            form=_form(definition),
            declared_type=_declared_type(name, definition),
            number_type=_number_type(definition),
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
    """Yield the properties that become columns, as flattened name, path and definition."""
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


def _kind_of(definition: dict[str, Any]) -> Kind:
    """The kind of a property.

    `anyOf`, `oneOf` and lists of types are unions. A union with text is text. A union of integers
    and numbers is a number. If no single kind holds all values without loss, the kind is JSON.
    """
    kinds = set(_kinds(definition))
    if len(kinds) == 1:
        return kinds.pop()
    if kinds and kinds <= {"integer", "number"}:
        return "number"
    if kinds and kinds <= {"integer", "number", "decimal"}:
        return "decimal"
    return "json" if not kinds or kinds & {"boolean", "json"} else "string"


def _is_nested(definition: dict[str, Any]) -> bool:
    """Whether the schema allows only objects, arrays and null."""
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


def _number_type(definition: dict[str, Any]) -> Literal["integer", "number"] | None:
    """Which numbers the schema allows. A property without a type may be any number."""
    branches = _branches(definition)
    if branches:
        found = {_number_type(branch) for branch in branches}
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
        # Many enumerations have no type.
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
    """The branches of `anyOf` and `oneOf`, without null. The type beside them counts for each."""
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
    """A whole number from 0 on, or `None`. JSON Schema does not define these keywords."""
    return given if type(given) is int and given >= 0 else None


def _bounds(definition: dict[str, Any]) -> list[Decimal]:
    """The distance from zero of each bound that the schema sets."""
    given = (
        [definition[n] for n in names if type(definition.get(n)) in {int, float, Decimal}]
        for names in BOUNDS
    )
    return [Decimal(str(values[0])).copy_abs() for values in given if values]
