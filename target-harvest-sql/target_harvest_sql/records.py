"""What a record must be: its key, its schema, and values that the database can hold.

A record stays raw; only what must be known of it is decoded, by decoders compiled from the schema.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import msgspec
from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.sinks.core import JSONSchemaValidator
from typing_extensions import override

from target_harvest_sql.columns import PLAIN_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

    from target_harvest_sql.columns import Column, Kind

decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
"""Decodes JSON with every digit of its numbers."""

# Digits and points become 0, the rest a space.
_DIGITS = bytes(0x30 if chr(byte) in "0123456789." else 0x20 for byte in range(256))
_MANY_DIGITS = b"0" * 16

_SUSPECT = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F].."  # A pair of surrogates is one character.
    rb"|(u[dD][89a-fA-F]..)"
    rb"|(u0000)"
    rb"|.)",
    re.DOTALL,
)


_SCALAR: Any = bool | int | float | str
_MOMENTS: dict[Kind, Any] = {"date": date, "date-time": datetime, "time": time}


class Validator(JSONSchemaValidator):
    """Holds records against the schema of their stream.

    A typed decode compiled from the schema accepts most records at once. What it does not accept,
    as an integer beyond 64 bits, and a schema that it cannot express, is judged by jsonschema. That
    judges no formats, as in the SDK: whether dates and times are some is for others to say then.

    Raises:
        InvalidJSONSchema: If the schema is none.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        super().__init__(schema)
        self._accepts: Callable[[bytes], Any] | None = None
        try:
            self._accepts = msgspec.json.Decoder(_typed({**schema, "type": "object"})).decode
        except (_InexpressibleError, TypeError, ValueError):
            self._accepts = None  # msgspec raises the latter two for some unions and names.

    def check(self, record: bytes) -> Any:
        """Hold a raw record against the schema.

        Returns:
            What the typed decode made of it; `None` if jsonschema was the judge.

        Raises:
            InvalidRecord: If the record does not fit; says which property and why, not the value.
        """
        if self._accepts is not None:
            try:
                return self._accepts(record)
            except (msgspec.DecodeError, RecursionError):
                pass
        try:
            decoded = msgspec.json.decode(record)
        except msgspec.DecodeError as error:
            raise InvalidRecord("it is not JSON", {}) from error
        self.validate(decoded)
        return None

    def key_getter(self, keys: Sequence[Column]) -> Callable[[Any], Hashable]:
        """Make what takes a record's key from what `check` returned.

        Returns:
            A function whose result is `None` where the key must be read from the record: only a
            key of one integer or text is known from here.
        """
        names = list(self.schema["properties"])
        type_ = {"integer": int, "string": str}.get(keys[0].kind) if len(keys) == 1 else None
        if type_ is None or keys[0].source not in names:
            return lambda _: None
        field = f"f{names.index(keys[0].source)}"

        def get(checked: Any) -> Hashable:
            key = getattr(checked, field, None)
            return key if type(key) is type_ else None

        return get

    @override
    def validate(self, record: Any) -> None:
        if not isinstance(record, dict):
            raise InvalidRecord("it is not an object", {})
        for error in self.validator.iter_errors(record):
            where = ".".join(str(part) for part in error.absolute_path)
            raise InvalidRecord(f"{_wrong(error)}{f' at {where}' if where else ''}", {})


def _wrong(error: Any) -> str:
    """Word a jsonschema error without the value."""
    if error.validator == "type":
        wanted = error.validator_value
        wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return f"{json_type(error.instance)} where the schema allows {wanted}"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"required {', '.join(missing)} missing"
    return f"a value that breaks `{error.validator}` of the schema"


def json_type(value: Any) -> str:
    """Name the type of a decoded value as JSON Schema does."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


class _InexpressibleError(Exception):
    """A schema says more than a type can."""


# Keywords that a type expresses, or that judge nothing. Others make a schema inexpressible only if
# JSON Schema knows them: https://json-schema.org/draft/2020-12/schema
_JUDGING = frozenset(
    {
        "$dynamicRef",
        "$recursiveRef",
        "$ref",
        "additionalItems",
        "allOf",
        "const",
        "contains",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "disallow",
        "else",
        "extends",
        "if",
        "maxContains",
        "maxItems",
        "maxProperties",
        "minContains",
        "minItems",
        "minProperties",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)
_SCALARS: dict[str, Any] = {"boolean": bool, "null": None, "number": float}
_LIMITS = {
    "exclusiveMaximum": "lt",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "minimum": "ge",
}
_LENGTHS = {"maxLength": "max_length", "minLength": "min_length"}


def _typed(schema: Any) -> Any:
    """Compile a schema to a type whose decoding accepts no record that the schema does not.

    Raises:
        _InexpressibleError: If there is no such type.
    """
    if schema is True or schema == {}:
        return Any
    if not isinstance(schema, dict) or _JUDGING & schema.keys():
        raise _InexpressibleError
    if "anyOf" in schema:
        if {"enum", "properties", "required", "type"} & schema.keys():
            raise _InexpressibleError
        return Union[tuple(_typed(branch) for branch in schema["anyOf"])]  # noqa: UP007 - computed.
    if "enum" in schema:
        if not all(isinstance(value, str | None) for value in schema["enum"]):
            raise _InexpressibleError
        return Literal[tuple(schema["enum"])]
    if "type" not in schema:
        if {"items", "properties", "required", *_LIMITS, *_LENGTHS} & schema.keys():
            raise _InexpressibleError
        return Any
    types = schema["type"]
    types = [types] if isinstance(types, str) else types
    return Union[tuple(_one_type(name, schema) for name in types)]  # noqa: UP007 - computed.


def _one_type(name: str, schema: dict[str, Any]) -> Any:
    if name == "object":
        return _object_type(schema)
    if name == "array":
        return list[_typed(schema.get("items", True))]  # type: ignore[misc]
    if name == "string":
        plain = _MOMENTS.get(schema.get("format", ""), str)
        limits = _limits(schema, _LENGTHS)
        if limits and plain is not str:
            raise _InexpressibleError
        return Annotated[str, msgspec.Meta(**limits)] if limits else plain
    limits = _limits(schema, _LIMITS)
    if name == "integer":
        # No wider than columns are, so that what this accepts is in no need of a closer look.
        limits |= {} if {"ge", "gt"} & limits.keys() else {"ge": -(2**63)}
        limits |= {} if {"le", "lt"} & limits.keys() else {"le": 2**63 - 1}
        return Annotated[int, msgspec.Meta(**limits)]
    if limits and name == "number":
        return Annotated[float, msgspec.Meta(**limits)]
    return _SCALARS[name]


def _limits(schema: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {ours: schema[theirs] for theirs, ours in names.items() if theirs in schema}


def _object_type(schema: dict[str, Any]) -> Any:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    others = schema.get("additionalProperties", True)
    if others not in (True, False, {}) or not set(required) <= properties.keys():
        raise _InexpressibleError
    if not properties and others is not False:
        return dict[str, Any]
    fields = [
        (
            f"f{index}",
            _typed(definition),
            msgspec.field(name=name)
            if name in required
            else msgspec.field(name=name, default=msgspec.UNSET),
        )
        for index, (name, definition) in enumerate(properties.items())
    ]
    return msgspec.defstruct(
        "Record", fields, kw_only=True, forbid_unknown_fields=others is False, gc=False
    )


def key_reader(
    columns: Sequence[Column],
    path_of: Callable[[Column], tuple[str, ...]],
    *,
    kinds_as_text: Collection[Kind],
) -> Callable[[bytes], Hashable]:
    """Compile what reads a record's key without decoding the rest.

    Args:
        columns: The key columns.
        path_of: Where in the record a column's value stands.
        kinds_as_text: Kinds that the database keeps as text, so that two texts are two keys
            though they mean the same.

    Returns:
        A function from raw record to key. It raises `MissingKeyPropertiesError` if a key property
        is missing, null, or not of its column's kind.
    """
    paths = [path_of(column) for column in columns]
    if not all(PLAIN_NAME.fullmatch(name) for path in paths for name in path):
        return _any_key_reader(columns, path_of)
    types: dict[Kind, Any] = {"boolean": bool, "integer": int, "number": float, "json": _SCALAR}
    types["decimal"] = Decimal
    types |= {kind: type_ for kind, type_ in _MOMENTS.items() if kind not in kinds_as_text}
    root = _key_type([(path_of(column), types.get(column.kind, str)) for column in columns])
    decode = msgspec.json.Decoder(root).decode
    astuple = msgspec.structs.astuple
    is_single = len(columns) == 1 and len(paths[0]) == 1

    def read(record: bytes) -> Hashable:
        try:
            decoded = decode(record)
        except msgspec.DecodeError as error:
            raise _key_error(record, columns, path_of) from error
        key = astuple(decoded)
        return key[0] if is_single else key

    if not any(types.get(column.kind) is datetime for column in columns):
        return read

    def read_in_utc(record: bytes) -> Hashable:
        key: Any = read(record)
        return _in_utc(key) if is_single else tuple(_in_utc(value) for value in key)

    return read_in_utc


def _in_utc(value: Any) -> Any:
    """Give a moment without an offset that of UTC, as databases do."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _any_key_reader(
    columns: Sequence[Column], path_of: Callable[[Column], tuple[str, ...]]
) -> Callable[[bytes], Hashable]:
    """Read keys whose names msgspec's types cannot spell: the whole record is decoded."""

    def read(record: bytes) -> Hashable:
        decoded = msgspec.json.decode(record)
        key = tuple(value_at(decoded, path_of(column)) for column in columns)
        if any(value is None or isinstance(value, dict | list) for value in key):
            raise _key_error(record, columns, path_of)
        return key

    return read


def _key_type(leaves: Sequence[tuple[tuple[str, ...], Any]]) -> Any:
    """A hashable type with only the properties on the paths, none of which may be missing."""
    heads: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for (head, *rest), type_ in leaves:
        heads.setdefault(head, []).append((tuple(rest), type_))
    fields = [
        (
            f"f{index}",
            below[0][1] if not below[0][0] else _key_type(below),
            msgspec.field(name=head),
        )
        for index, (head, below) in enumerate(heads.items())
    ]
    return msgspec.defstruct("Key", fields, frozen=True)


def _key_error(
    record: bytes, columns: Sequence[Column], path_of: Callable[[Column], tuple[str, ...]]
) -> MissingKeyPropertiesError:
    try:
        decoded = msgspec.json.decode(record)
    except msgspec.DecodeError:
        return MissingKeyPropertiesError("it is not JSON")
    for column in columns:
        value = value_at(decoded, path_of(column))
        if value is None:
            return MissingKeyPropertiesError(f"its key property {column.source} is missing or null")
        if isinstance(value, dict | list):
            return MissingKeyPropertiesError(
                f"its key property {column.source} is an {json_type(value)}, which is no key"
            )
    wanted = ", ".join(f"{column.source} ({column.kind})" for column in columns)
    return MissingKeyPropertiesError(f"a key property is not of its type: {wanted}")


def age_reader(path: Sequence[str], kind: Kind) -> Callable[[bytes], Any]:
    """Compile what tells which of two records is newer.

    Args:
        path: Where in a record the value stands that tells.
        kind: What it is: a number, a date or a date-time.

    Returns:
        A function from raw record to a value that compares; `None` if the record has none.
    """

    def read(record: bytes) -> Any:
        value = value_at(decode_exactly(record), path)
        if kind != "date-time" or not isinstance(value, str):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    return read


def value_at(record: Any, path: Iterable[str]) -> Any:
    """Follow a path into a decoded record; `None` where it ends early."""
    return reduce(
        lambda value, name: value.get(name) if isinstance(value, dict) else None, path, record
    )


def is_deletion(record: bytes) -> bool:
    """Whether the tap says of a record that it was deleted."""
    return (
        b'"_sdc_deleted_at"' in record
        and msgspec.json.decode(record).get("_sdc_deleted_at") is not None
    )


def has_long_number(record: bytes) -> bool:
    """Whether there may be a number with more digits than every double keeps."""
    return _MANY_DIGITS in record.translate(_DIGITS)


def needs_cleaning(record: bytes) -> bool:
    """Whether text may hold U+0000 or surrogates."""
    return b"\\" in record and _SUSPECT.search(record) is not None


def clean(record: bytes, *, keeps_nul: bool) -> bytes:
    """Put U+FFFD in place of half surrogate pairs, and of U+0000 where text cannot hold it."""

    def replacement(match: re.Match[bytes]) -> bytes:
        is_bad = match[1] or (match[2] and not keeps_nul)
        return rb"\ufffd" if is_bad else match[0]

    return _ESCAPES.sub(replacement, record)


def quote_numbers(record: bytes, paths: Iterable[tuple[str, ...]]) -> bytes:
    """Write the numbers at some paths as text, for a database that reads numbers as doubles."""
    decoded = decode_exactly(record)
    for *parents, name in paths:
        holder, value = value_at(decoded, parents), value_at(decoded, (*parents, name))
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            holder[name] = str(value)
    return serialize_json(decoded).encode()


def find_lost_digits(
    record: bytes,
    columns: Iterable[Column],
    path_of: Callable[[Column], tuple[str, ...]],
    *,
    lossy_kinds: Collection[Kind],
) -> Column | None:
    """Find a column whose number the database would change: beyond 64 bits, or beyond a double."""
    decoded = decode_exactly(record)
    for column in columns:
        value = value_at(decoded, path_of(column))
        if column.kind == "integer":
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                return column
        elif column.kind in lossy_kinds and column.kind != "decimal" and _loses_digits(value):
            return column
    return None


def _loses_digits(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_loses_digits, value.values()))
    if isinstance(value, list):
        return any(map(_loses_digits, value))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        exact = Decimal(value)
        return Decimal(repr(float(exact))) != exact
    return False
