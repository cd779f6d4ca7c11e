"""The keywords of JSON Schema that hold regular expressions, in bounded time.

Some expressions, such as `^(a+)+$`, take Python's `re` years for a text of some dozen characters,
and nothing can stop it. The package `regex` reads the same expressions, and has a time limit.

JSON Schema, "Regular Expressions": https://json-schema.org/understanding-json-schema/reference/regular_expressions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import regex  # type: ignore[import-untyped] # It has none.
from jsonschema.exceptions import ValidationError
from singer_sdk.exceptions import InvalidRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LIMIT_SECONDS = 1.0
"""How much of the processor's time the comparison with one text may take. Usually it takes
microseconds."""


def _is_found(pattern: str, text: str) -> bool:
    """Whether a pattern matches anywhere in a text.

    Raises:
        InvalidRecord: If the pattern is no regular expression, or takes longer than the limit.
    """
    try:
        return regex.search(pattern, text, timeout=LIMIT_SECONDS) is not None
    except TimeoutError:
        raise InvalidRecord(
            f"the pattern {pattern} of the schema takes more than {LIMIT_SECONDS} seconds", {}
        ) from None
    except regex.error as error:
        raise InvalidRecord(
            f"the pattern {pattern} of the schema is no regular expression ({error})", {}
        ) from None


def _pattern(
    validator: Any, pattern: str, instance: Any, _: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _is_found(pattern, instance):
        yield ValidationError("a text does not match the pattern")


def _pattern_properties(
    validator: Any, definitions: Mapping[str, Any], instance: Any, _: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, definition in definitions.items():
            for name, value in instance.items():
                if _is_found(pattern, name):
                    yield from validator.descend(value, definition, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, definition: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name not in named and not any(_is_found(pattern, name) for pattern in patterns):
            if definition is False:
                yield ValidationError("a property is not named by the schema")
            else:
                yield from validator.descend(value, definition, path=name)


KEYWORDS: Final[dict[str, Callable[..., Iterator[ValidationError]]]] = {
    "additionalProperties": _additional_properties,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
}
"""As jsonschema takes them."""
