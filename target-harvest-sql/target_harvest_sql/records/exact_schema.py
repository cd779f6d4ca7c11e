"""JSON Schema for numbers with all of their digits.

Binary floating-point numbers would break `multipleOf`: 1.13 / 0.01 is 112.99999999999999.

JSON Schema, "Validation": https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from target_harvest_sql.records import patterns

if TYPE_CHECKING:
    from collections.abc import Iterator


def exact(validator: Any) -> Any:
    """Make a validator that takes `Decimal` for numbers.

    Args:
        validator: A validator of jsonschema, of any draft.

    Returns:
        A validator of the same schema. A number without a fraction is an integer to it, in
        whichever way it is written. Its regular expressions have a limit of time.
    """
    made: Any = extend(  # type: ignore[no-untyped-call] # So do its stubs have it.
        type(validator),
        validators={"multipleOf": _multiple_of, **patterns.KEYWORDS},
        type_checker=validator.TYPE_CHECKER.redefine("integer", _is_integer),
    )
    return made(schema=_with_decimals(validator.schema), format_checker=validator.format_checker)


def is_multiple(number: Decimal, step: Decimal) -> bool:
    """Whether a number is a whole multiple of a step, which is not zero.

    Both are written as whole numbers times a power of ten. The work is bounded by their digits,
    whatever their exponents are.
    """
    if not number.is_finite():
        return False
    if not number:
        return True
    (_, digits, exponent), (_, step_digits, step_exponent) = number.as_tuple(), step.as_tuple()
    whole, step_whole = int(Decimal((0, digits, 0))), int(Decimal((0, step_digits, 0)))
    shift = int(exponent) - int(step_exponent)
    if shift >= 0:
        return whole * pow(10, shift, step_whole) % step_whole == 0
    # Of `digits`, no more than their number can be zeros at the end.
    return -shift < len(digits) and whole % (step_whole * 10**-shift) == 0


def _with_decimals(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _with_decimals(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_with_decimals(value) for value in schema]
    return Decimal(repr(schema)) if isinstance(schema, float) else schema


def _is_integer(_: Any, value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def _multiple_of(
    validator: Any, step: Any, instance: Any, _: dict[str, Any]
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "number") and not is_multiple(Decimal(instance), Decimal(step)):
        yield ValidationError("a number is not a multiple of the step")
