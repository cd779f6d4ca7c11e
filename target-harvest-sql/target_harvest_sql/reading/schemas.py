"""Stream schemas, as taps write them, rewritten as one plain JSON Schema 2020-12.

Taps write JSON Schema of draft 4 (Singer's own), 6, 7 and 2020-12. They also write one meaning in
many ways: by reference, by `allOf`, by `anyOf` with null. Columns and validation read one way only.

JSON Schema, "Migrating from older drafts": https://json-schema.org/draft/2020-12/release-notes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_SUBSCHEMAS: Final = 20_000
"""How many subschemas a schema may have once references are replaced. References beyond that stay,
so that a small schema of many references does not fill the memory."""

MAPS: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
"""Keywords that hold subschemas by name."""

LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords that hold a list of subschemas."""

SINGLES: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Keywords that hold one subschema."""

VALUES: Final = frozenset({"const", "default", "enum", "examples"})
"""Keywords in which null is a value."""

DEFINITIONS: Final = frozenset({"$defs", "definitions"})

ANNOTATIONS: Final = frozenset(
    {
        "$anchor",
        "$comment",
        "$id",
        "$schema",
        "default",
        "deprecated",
        "description",
        "examples",
        "id",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""Keywords that judge no value."""

HIGHEST: Final = frozenset(
    {"exclusiveMinimum", "minContains", "minItems", "minLength", "minProperties", "minimum"}
)
LOWEST: Final = frozenset(
    {"exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"}
)
"""Limits: of two, the higher, or the lower, holds for both."""

CLOSING: Final = frozenset({"additionalProperties", "patternProperties", "unevaluatedProperties"})
"""Keywords that judge properties which `properties` beside them does not name."""

COMPOUND: Final = frozenset(
    {"$dynamicRef", "$ref", "allOf", "anyOf", "const", "if", "not", "oneOf"}
)
"""Keywords that may refuse null, whatever the type is."""


class InvalidSchemaError(Exception):
    """A schema is not JSON Schema; `part` names the keyword that is wrong, from the top."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


def read_schema(given: dict[str, Any]) -> dict[str, Any]:
    """Rewrite a stream's schema as plain JSON Schema 2020-12, which accepts the same records.

    References within the schema are replaced by what they refer to, and `allOf` by one schema,
    where that is possible. A reference to a part that holds the reference itself stays.

    Args:
        given: The schema of a SCHEMA message.

    Raises:
        InvalidSchemaError: If it is no JSON Schema of any draft from 4 on.
    """
    schema = _translated(given)
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise InvalidSchemaError(".".join(map(str, error.absolute_path)) or "its top") from error
    resolver = _Resolver(schema)
    resolved = resolver.read(schema, ())
    return {**resolved, **{name: schema[name] for name in DEFINITIONS & schema.keys()}}


def _translated(schema: Any) -> Any:
    """Rewrite the keywords of older drafts. A keyword that is null counts as absent."""
    if not isinstance(schema, dict):
        return schema
    told = {name: v for name, v in schema.items() if v is not None or name in VALUES}
    for bound, exclusive in (
        ("maximum", "exclusiveMaximum"),
        ("minimum", "exclusiveMinimum"),
    ):
        # In draft 4 the keyword is a truth value that says how to read the other one.
        if isinstance(is_exclusive := told.get(exclusive), bool):
            del told[exclusive]
            if is_exclusive and bound in told:
                told[exclusive] = told.pop(bound)
    if isinstance(told.get("items"), list):  # One schema for each place, until 2019-09.
        told["prefixItems"] = told.pop("items")
        if "additionalItems" in told:
            told["items"] = told.pop("additionalItems")
    return _mapped(told, _translated)


def _mapped(schema: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Change each subschema; what is not a subschema stays."""
    changed: dict[str, Any] = {}
    for name, value in schema.items():
        if name in MAPS and isinstance(value, dict):
            changed[name] = {key: change(below) for key, below in value.items()}
        elif name in LISTS and isinstance(value, list):
            changed[name] = [change(below) for below in value]
        else:
            changed[name] = change(value) if name in SINGLES else value
    return changed


class _Resolver:
    """Replaces the references of one schema.

    Args:
        root: The schema that the references are within.
    """

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._base = str(root.get("$id") or root.get("id") or "").rstrip("#")
        self._left = MAX_SUBSCHEMAS

    def read(self, schema: Any, trail: tuple[str, ...]) -> Any:
        """Rewrite a subschema.

        Args:
            schema: The subschema.
            trail: The references that led here; one of them again would have no end.
        """
        if not isinstance(schema, dict):
            return schema
        self._left -= 1
        referred = self._referred(schema, trail)
        if referred is not None:
            ref, target = referred
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            branches = [self.read(target, (*trail, ref))]
        else:
            rest, branches = schema, []
        own = _mapped(
            {name: value for name, value in rest.items() if name not in DEFINITIONS},
            lambda below: self.read(below, trail),
        )
        branches += own.pop("allOf", ())
        try:
            for branch in branches:
                own = _merged(own, branch)
        except _UnmergeableError:
            own = {**own, "allOf": branches}
        return _without_choice(own)

    def _referred(self, schema: dict[str, Any], trail: tuple[str, ...]) -> tuple[str, Any] | None:
        """Find what a subschema refers to; none if that is nothing, elsewhere, or on the trail."""
        ref = schema.get("$ref")
        if not isinstance(ref, str) or ref in trail or self._left < 0:
            return None
        path, _, pointer = ref.partition("#")
        if path not in {"", self._base} or (pointer and not pointer.startswith("/")):
            return None
        found: Any = self._root
        for part in pointer.split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return (ref, found) if isinstance(found, dict | bool) else None


class _UnmergeableError(Exception):
    """No single schema accepts what two schemas both accept."""


def _merged(one: dict[str, Any], other: Any) -> dict[str, Any]:
    """Write the schema of what two schemas both accept.

    Raises:
        _UnmergeableError: If it takes more than one schema to say.
    """
    if other is True:
        return one
    if not isinstance(other, dict):
        raise _UnmergeableError
    if _limits_others(one, other) or _limits_others(other, one):
        raise _UnmergeableError
    merged = dict(one)
    for name, value in other.items():
        merged[name] = _merged_keyword(name, one[name], value) if name in one else value
    return merged


def _limits_others(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a schema would judge by keywords of the other one, once both are one."""
    if "prefixItems" in one and "items" in other:
        return True
    if all(one.get(name, True) in (True, {}) for name in CLOSING):
        return False
    names, others = one.get("properties", {}).keys(), other.get("properties", {}).keys()
    return "patternProperties" in other or not others <= names


def _merged_keyword(name: str, one: Any, other: Any) -> Any:
    """Write a keyword that holds where two do."""
    if name in ANNOTATIONS or one == other:
        return one
    if name not in MERGES:
        raise _UnmergeableError
    return MERGES[name](one, other)


def _merged_properties(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {name: _merged_property(one[name], other[name]) for name in one if name in other}
    return {**one, **other, **both}


def _merged_property(one: Any, other: Any) -> Any:
    if one is True:
        return other
    if not isinstance(one, dict):
        raise _UnmergeableError
    return _merged(one, other)


def _common_types(one: Any, other: Any) -> list[str]:
    """The types that two schemas both allow; an integer is a number."""
    ones, others = ({given} if isinstance(given, str) else set(given) for given in (one, other))
    common = [
        name
        for name in _listed(one) + _listed(other)
        if (name in ones or (name == "integer" and "number" in ones))
        and (name in others or (name == "integer" and "number" in others))
    ]
    if not common:
        raise _UnmergeableError
    return list(dict.fromkeys(common))


def _common_values(one: list[Any], other: list[Any]) -> list[Any]:
    common = [value for value in one if value in other]
    if not common:
        raise _UnmergeableError
    return common


def _all_names(one: list[str], other: list[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _listed(types: str | Iterable[str]) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


MERGES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys(HIGHEST, max),
    **dict.fromkeys(LOWEST, min),
    "enum": _common_values,
    "items": _merged_property,
    "properties": _merged_properties,
    "required": _all_names,
    "type": _common_types,
}
"""What makes one keyword of two that differ, where that is possible."""


def _without_choice(schema: dict[str, Any]) -> dict[str, Any]:
    """Write a choice between one schema and null as that schema, with null among its types."""
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword, ())
        others = [branch for branch in branches if branch != {"type": "null"}]
        if len(others) != 1 or not isinstance(others[0], dict):
            continue
        [branch] = others
        if len(branches) > 1:
            if "type" not in branch or COMPOUND & branch.keys():
                continue
            types = _listed(branch["type"])
            if "null" in types and keyword == "oneOf":
                continue  # Null fits both, and so is refused.
            branch = {**branch, "type": list(dict.fromkeys([*types, "null"]))}
            if "enum" in branch:
                branch["enum"] = [*branch["enum"], *([] if None in branch["enum"] else [None])]
        rest = {name: value for name, value in schema.items() if name != keyword}
        try:
            return _without_choice(_merged(rest, branch))
        except _UnmergeableError:
            continue
    return schema
