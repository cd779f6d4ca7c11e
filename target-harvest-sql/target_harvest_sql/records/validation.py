"""Whether a record is as the schema of its stream says."""

from __future__ import annotations

import math
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import jsonschema
import msgspec
from referencing.exceptions import Unresolvable
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.sinks.core import BaseJSONSchemaValidator
from typing_extensions import override

from target_harvest_sql.records.blocks import join
from target_harvest_sql.records.exact_schema import exact
from target_harvest_sql.records.multiples import Multiples
from target_harvest_sql.records.raw import MOMENTS, decode_exactly, has_constant, json_type

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from target_harvest_sql.columns import Column
    from target_harvest_sql.records.blocks import Raw


class Validator(BaseJSONSchemaValidator):
    """Holds records against the schema of their stream, which `read_schema` has read.

    A typed decode compiled from the schema accepts most records at once. What it does not accept,
    as an integer beyond 64 bits, and a schema that it cannot express, is judged by jsonschema. That
    judges no formats, as in the SDK: whether dates and times are some is for others to say then.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        super().__init__(schema)
        self.validator = exact(jsonschema.Draft202012Validator(schema))
        self._multiples = Multiples(schema)
        self._accept: Callable[[bytes], list[Any]] | None = None
        try:
            typed = _typed({**self._multiples.left_out(schema), "type": "object"})
            self._accept = msgspec.json.Decoder(list[typed]).decode  # type: ignore[valid-type]
        except (_InexpressibleError, TypeError, ValueError):
            self._accept = None  # msgspec raises the latter two for some unions and names.

    def check(self, records: Sequence[Raw], joined: bytes) -> list[Any]:
        """Hold raw records against the schema.

        Args:
            records: The records.
            joined: The same as one JSON array.

        Returns:
            What the typed decode made of each record; `None` for those that jsonschema judged.

        Raises:
            InvalidRecord: If a record does not fit; says which property and why, not the value.
        """
        if (decoded := self.decode(records, joined)) is not None:
            return decoded
        if len(records) == 1:
            self._judge(bytes(records[0]))
            return [None]
        return [self.check([record], join([record]))[0] for record in records]

    def decode(self, records: Sequence[Raw], joined: bytes) -> list[Any] | None:
        """Decode raw records by the types of the schema; None if not all of them have these.

        Args:
            records: The records.
            joined: The same as one JSON array.
        """
        if self._accept is None:
            return None
        try:
            accepted = self._accept(joined)
            is_whole = len(accepted) == len(records)  # One that is not JSON may be taken for two.
            return accepted if is_whole and self._multiples.hold(records, joined) else None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None

    def _judge(self, record: bytes) -> None:
        try:
            self.validate(decode_exactly(record))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise _unreadable(record, error) from error

    def keys_getter(
        self, keys: Sequence[Column]
    ) -> Callable[[Sequence[Any]], Sequence[Hashable] | None] | None:
        """Make what takes the keys of records from what `decode` returned.

        Returns:
            A function from what `decode` returned to keys. Its result is `None` if the keys
            must be read from the records. None if that is so for each record: only keys of integers
            and texts are known from here.
        """
        names = list(self.schema["properties"])
        types = [{"integer": int, "string": str}.get(column.kind) for column in keys]
        if None in types or any(c.foreign_type or c.source not in names for c in keys):
            return None
        fields = [attrgetter(f"f{names.index(column.source)}") for column in keys]

        def get(decoded: Sequence[Any]) -> Sequence[Hashable] | None:
            parts = [[*map(field, decoded)] for field in fields]
            if any({*map(type, part)} != {type_} for part, type_ in zip(parts, types, strict=True)):
                return None
            return parts[0] if len(parts) == 1 else [*zip(*parts, strict=True)]

        return get

    @override
    def validate(self, record: Any) -> None:
        if not isinstance(record, dict):
            raise InvalidRecord("it is not an object", {})
        try:
            error = next(self.validator.iter_errors(record), None)
        except Unresolvable as unresolvable:
            raise InvalidRecord(
                f"the schema refers to {unresolvable.ref}, which is not in it", {}
            ) from unresolvable
        if error is not None:
            where = ".".join(str(part) for part in error.absolute_path)
            raise InvalidRecord(f"{_wrong(error)}{f' at {where}' if where else ''}", {})


class _AnyObject(msgspec.Struct):
    """An object, of which nothing is read."""


_decode_objects = msgspec.json.Decoder(list[_AnyObject]).decode


def check_objects(records: Sequence[Raw], joined: bytes) -> None:
    """Refuse what is no JSON object, whatever the schema says.

    Args:
        records: The records.
        joined: The same as one JSON array.

    Raises:
        InvalidRecord: Says what is wrong with one of them.
    """
    try:
        is_whole = len(_decode_objects(joined)) == len(records)
        if not joined.isascii():
            joined.decode()
    except msgspec.ValidationError as error:
        raise InvalidRecord("it is not an object", {}) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _unreadable(joined, error) from error
    if not is_whole:
        raise InvalidRecord("it is not JSON", {})


def _unreadable(record: bytes, error: Exception) -> InvalidRecord:
    """Say why a record cannot be read."""
    if isinstance(error, RecursionError):
        return InvalidRecord("it is nested too deeply", {})
    if isinstance(error, msgspec.ValidationError):
        return InvalidRecord("it has an integer of thousands of digits", {})
    has = ": it has NaN or Infinity" if has_constant(record) else ""
    return InvalidRecord(f"it is not JSON{has}", {})


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
LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""The integers of 64 bits."""
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
        plain = MOMENTS.get(schema.get("format", ""), str)
        limits = _limits(schema, _LENGTHS)
        if limits and plain is not str:
            raise _InexpressibleError
        return Annotated[str, msgspec.Meta(**limits)] if limits else plain
    limits = _limits(schema, _LIMITS)
    if name == "integer":
        # No wider than columns are, so that what this accepts is in no need of a closer look.
        bounds: dict[str, Any] = {
            limit: _integer_bound(limit, bound) for limit, bound in limits.items()
        }
        bounds |= {} if {"ge", "gt"} & limits.keys() else {"ge": LOWEST}
        bounds |= {} if {"le", "lt"} & limits.keys() else {"le": HIGHEST}
        return Annotated[int, msgspec.Meta(**bounds)]
    if limits and name == "number":
        bounds = {limit: _number_bound(limit, bound) for limit, bound in limits.items()}
        return Annotated[float, msgspec.Meta(**bounds)]
    return _SCALARS[name]


def _integer_bound(limit: str, bound: Any) -> int:
    """The bound for integers of 64 bits, which allows none that the schema does not allow."""
    whole = int(bound) if isinstance(bound, int) or bound.is_integer() else None
    is_upper = limit in {"le", "lt"}
    if whole is None or (whole < LOWEST if is_upper else whole > HIGHEST):
        raise _InexpressibleError
    return min(whole, HIGHEST) if is_upper else max(whole, LOWEST)


def _number_bound(limit: str, bound: Any) -> float:
    """The bound as a double, which allows no double that the schema does not allow."""
    try:
        double = float(bound)
    except OverflowError:
        raise _InexpressibleError from None
    if math.isinf(double):
        raise _InexpressibleError
    if limit in {"le", "lt"}:
        return double if double <= bound else math.nextafter(double, -math.inf)
    return double if double >= bound else math.nextafter(double, math.inf)


def _limits(schema: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    limits = {ours: schema[theirs] for theirs, ours in names.items() if theirs in schema}
    if any(isinstance(bound, Decimal) for bound in limits.values()):
        raise _InexpressibleError  # They are beyond a double.
    return limits


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
