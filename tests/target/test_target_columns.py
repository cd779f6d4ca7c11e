"""A schema compiled to columns: kinds and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.helpers._flattening import FlatteningOptions

from target_harvest_sql.records.paths import shape_of
from target_harvest_sql.records.schema_columns import compile_columns

if TYPE_CHECKING:
    from target_harvest_sql.columns import Column

UNSIGNED = {"type": "integer", "minimum": 0, "maximum": 2**64 - 1}


def column(definition: dict[str, Any]) -> Column:
    """The one column of a schema."""
    [found] = compile_columns(
        {"properties": {"v": definition}},
        (),
        flattening=FlatteningOptions(enabled=False, max_level=0),
    )
    return found


@pytest.mark.parametrize(
    ("definition", "kind", "precision", "scale"),
    [
        ({"type": "integer"}, "integer", None, 0),
        ({"type": "integer", "minimum": -5, "maximum": 1000}, "integer", 4, 0),
        (UNSIGNED, "decimal", 20, 0),
        ({"anyOf": [UNSIGNED, {"type": "null"}]}, "decimal", 20, 0),
        ({"type": ["null", "integer"], "exclusiveMaximum": 2**80}, "decimal", None, 0),
        ({"type": "number", "multipleOf": 0.01}, "number", None, 2),
        ({"type": "number", "multipleOf": 1e-05, "minimum": 0, "maximum": 10}, "number", 7, 5),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, "number", None, None),
        ({"type": "number", "format": "singer.decimal"}, "decimal", None, None),
        (
            {"type": "string", "format": "x-singer.decimal", "precision": 12, "scale": 4},
            "decimal",
            12,
            4,
        ),
        (
            {"type": "string", "format": "singer.decimal", "precision": "12", "scale": -1},
            "decimal",
            None,
            None,
        ),
        (
            {"type": "string", "format": "singer.decimal", "precision": 2, "scale": 4},
            "decimal",
            None,
            None,
        ),
        (
            {"type": "string", "format": "singer.decimal", "precision": 0, "scale": 0},
            "decimal",
            None,
            None,
        ),
    ],
)
def test_the_schema_says_how_large_a_number_is(
    definition: dict[str, Any], kind: str, precision: int | None, scale: int | None
) -> None:
    """By bounds and steps, or by `precision` and `scale`; beyond 64 bits it is a decimal."""
    found = column(definition)

    assert (found.kind, found.size.precision, found.size.scale) == (kind, precision, scale)


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ({"enum": ["a", None]}, "string"),
        ({"enum": [1, 2]}, "integer"),
        ({"enum": [0.5, 1]}, "number"),
        ({"enum": [True, False, None]}, "boolean"),
        ({"enum": ["a", 1]}, "string"),
        ({"enum": [True, 1]}, "json"),
        ({"enum": [{"a": 1}]}, "json"),
        ({"const": "a"}, "string"),
        ({"const": 1}, "integer"),
        ({"const": None}, "json"),
        ({"type": "string", "const": "a"}, "string"),
        ({"anyOf": [True, {"type": "string"}]}, "json"),
        ({"anyOf": [False, {"type": "string"}]}, "string"),
        ({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "json"),
        ({"type": "string", "oneOf": [{"format": "date"}, {"format": "date"}]}, "date"),
    ],
)
def test_values_that_a_schema_lists_say_their_kind(definition: dict[str, Any], kind: str) -> None:
    """Where it names no type."""
    assert column(definition).kind == kind


@pytest.mark.parametrize(
    ("definition", "shape"),
    [
        ({"type": "string"}, {"type": ["boolean", "integer", "number", "string", "null"]}),
        (
            {"type": "integer"},
            {"type": ["boolean", "integer", "number", "string", "null"], "minLength": 1},
        ),
        ({"type": ["object", "null"]}, {"type": ["array", "object", "null"]}),
        ({"type": "array"}, {"type": ["array", "object", "null"]}),
        ({"type": ["array", "string"]}, {}),
        ({}, {}),
    ],
)
def test_the_shape_of_a_record_is_that_of_its_columns(
    definition: dict[str, Any], shape: dict[str, Any]
) -> None:
    """A value where a column takes one, an object where it takes one."""
    found = shape_of({("a", "v"): column(definition), ("a", "w"): column({})})

    parent = {"type": ["object", "null"], "properties": {"v": shape, "w": {}}}
    assert found == {"type": "object", "properties": {"a": parent}}
