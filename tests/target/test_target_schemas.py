"""Schemas as taps write them: every draft, references, `allOf`, choices with null."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import record, schema, write

from target_harvest_sql.reading.schemas import read_schema

if TYPE_CHECKING:
    from fixtures.databases import Database

ID = {"type": "integer"}

NUMERIC_10_2 = {
    "type": ["null", "number"],
    "multipleOf": 0.01,
    "minimum": -100000000,
    "exclusiveMinimum": True,
    "maximum": 100000000,
    "exclusiveMaximum": True,
}
"""A column `numeric(10,2)`, as taps of PostgreSQL describe it."""


def test_a_schema_of_draft_4_is_read(database: Database) -> None:
    """Where `exclusiveMaximum` is a truth value, it says how to read `maximum`."""
    message = schema("t", id=ID, v=NUMERIC_10_2)
    write(database, message, record("t", id=1, v=99999999.5), record("t", id=2, v=None))

    assert [row["v"] for row in database.rows("t")] == [Decimal("99999999.5"), None]
    with pytest.raises(InvalidRecord, match="at v"):
        write(database, message, record("t", id=3, v=100000000))


def test_a_bound_that_draft_4_includes_is_included(sqlite_database: Database) -> None:
    """There false is the default."""
    bound = {"type": "integer", "maximum": 5, "exclusiveMaximum": False}
    write(sqlite_database, schema("t", id=bound), record("t", id=5))

    assert sqlite_database.rows("t") == [{"id": 5}]


def test_the_places_of_a_list_may_have_schemas_of_their_own(sqlite_database: Database) -> None:
    """Which draft 4 to draft 2019-09 write as a list below `items`."""
    pair = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}
    message = schema("t", id=ID, v={**pair, "additionalItems": False})
    write(sqlite_database, message, record("t", id=1, v=["a", 1]))

    assert json.loads(sqlite_database.rows("t")[0]["v"]) == ["a", 1]
    for wrong in (["a", "b"], ["a", 1, 2]):
        with pytest.raises(InvalidRecord, match="at v"):
            write(sqlite_database, message, record("t", id=2, v=wrong))


def test_a_keyword_that_is_null_counts_as_absent(sqlite_database: Database) -> None:
    """Some taps write all that they know, with null for what they do not know."""
    text = {"type": "string", "format": None, "description": None, "maxLength": None}
    write(sqlite_database, schema("t", id=ID, v={**text, "enum": ["a"]}), record("t", id=1, v="a"))

    assert sqlite_database.types("t")["v"] == "TEXT"


@pytest.mark.parametrize("validate_records", [True, False])
@pytest.mark.parametrize(
    ("definition", "part"),
    [
        ({"type": "nonsense"}, "properties.v.type"),
        ({"type": 5}, "properties.v.type"),
        ({"type": "string", "maxLength": "5"}, "properties.v.maxLength"),
        ({"type": "object", "properties": {"a": 5}}, "properties.v.properties.a"),
        ({"type": "array", "items": {"required": True}}, "properties.v.items.required"),
    ],
)
def test_what_is_no_schema_is_named(
    sqlite_database: Database, definition: Any, part: str, *, validate_records: bool
) -> None:
    """With the part that is wrong, and what to do."""
    with pytest.raises(InvalidInputLine, match=rf'Line 1.*"t" .*at `{part}`.*`select`.*`schema`'):
        write(sqlite_database, schema("t", v=definition), validate_records=validate_records)


DEFINITIONS = {
    "key": {"type": "integer", "description": "A key."},
    "label": {"type": "string", "maxLength": 10},
    "address": {
        "type": "object",
        "properties": {
            "city": {"$ref": "#/definitions/label"},
            "zip": {"type": ["string", "null"]},
        },
    },
    "node": {
        "type": "object",
        "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/definitions/node"}},
    },
}


@pytest.mark.parametrize("keyword", ["definitions", "$defs"])
def test_references_are_replaced(database: Database, keyword: str) -> None:
    """Keys, values and objects have the types of what they refer to."""
    message = schema(
        "t",
        id={"$ref": "#/definitions/key"},
        name={"anyOf": [{"$ref": "#/definitions/label"}, {"type": "null"}]},
        size={"allOf": [{"type": ["number", "null"]}, {"minimum": 0}], "description": "How large."},
        home={"oneOf": [{"$ref": "#/definitions/address"}, {"type": "null"}]},
        node={"$ref": "#/definitions/node"},
        copy={"$ref": "#/properties/id"},
    )
    message["schema"]["definitions"] = DEFINITIONS
    text = json.dumps(message).replace("definitions", keyword)
    node = {"v": 1, "next": {"v": 2, "next": {"v": 3}}}
    home = {"city": "Rome", "zip": None}
    sent = record("t", id=7, name="a", size=1.5, home=home, node=node, copy=5)
    write(database, text, sent, record("t", id=8, name=None, size=None, home=None))
    plain = schema("plain", id="integer", name="string", size="number", home="object")

    write(database, plain)
    types, expected = database.types("t"), database.types("plain")
    assert {name: types[name] for name in expected} == expected
    assert types["copy"] == types["id"]
    [row, _] = database.rows("t")
    assert (row["id"], row["name"], float(row["size"]), row["copy"]) == (7, "a", 1.5, 5)
    assert (json.loads(row["home"]), json.loads(row["node"])) == (home, node)


def test_what_a_reference_names_is_validated(sqlite_database: Database) -> None:
    """Also where it leads back to itself."""
    message = schema("t", id={"$ref": "#/definitions/key"}, node={"$ref": "#/definitions/node"})
    message["schema"]["definitions"] = DEFINITIONS
    for wrong in ({"id": "a"}, {"id": 1, "node": {"next": {"next": {"v": "a"}}}}):
        with pytest.raises(InvalidRecord, match=r"Line 2 .* at "):
            write(sqlite_database, message, record("t", **wrong))


def test_objects_behind_references_are_flattened(database: Database) -> None:
    """As others are; a part that holds itself stays JSON where it comes again."""
    message = schema(
        "t",
        id=ID,
        home={"anyOf": [{"$ref": "#/definitions/address"}, {"type": "null"}]},
        both={
            "allOf": [
                {"$ref": "#/definitions/address"},
                {"type": "object", "properties": {"street": {"type": "string"}}},
            ]
        },
    )
    message["schema"]["definitions"] = DEFINITIONS
    sent = record("t", id=1, home={"city": "Rome"}, both={"city": "Oslo", "street": "x"})
    write(
        database, message, sent, record("t", id=2), flattening_enabled=True, flattening_max_depth=3
    )

    assert database.rows("t")[0] == {
        "id": 1,
        "home__city": "Rome",
        "home__zip": None,
        "both__city": "Oslo",
        "both__street": "x",
        "both__zip": None,
    }


def test_many_references_fill_no_memory(sqlite_database: Database) -> None:
    """Each of twenty definitions holds the next one ten times."""
    definitions = {
        f"d{n}": {
            "type": "object",
            "properties": {f"p{k}": {"$ref": f"#/definitions/d{n + 1}"} for k in range(10)},
        }
        for n in range(20)
    }
    message = schema("t", id=ID, v={"$ref": "#/definitions/d0"})
    message["schema"]["definitions"] = {**definitions, "d20": {"type": "integer"}}
    write(sqlite_database, message, record("t", id=1, v={"p0": {"p1": {}}}))

    assert json.loads(sqlite_database.rows("t")[0]["v"]) == {"p0": {"p1": {}}}


OBJECT_OR_TEXT = {"type": ["null", "object", "string"], "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize("validate_records", [True, False])
def test_what_may_be_an_object_or_a_text_is_not_flattened(
    database: Database, *, validate_records: bool
) -> None:
    """No columns of an object's properties could hold the text."""
    sent = [{"a": "x"}, "a text", None, {"b": 1}]
    write(
        database,
        schema("t", id=ID, v=OBJECT_OR_TEXT),
        *(record("t", id=n, v=value) for n, value in enumerate(sent)),
        flattening_enabled=True,
        flattening_max_depth=2,
        validate_records=validate_records,
    )

    found = [row["v"] for row in database.rows("t")]
    assert [None if v is None else json.loads(v) for v in found] == sent


@pytest.mark.parametrize(
    ("definition", "value", "like"),
    [
        ({"type": "string", "anyOf": [{"format": "date"}, {"maxLength": 5}]}, "abc", "string"),
        ({"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": 1}]}, 7, "integer"),
        ({"type": ["string", "null"], "oneOf": [{"pattern": "a"}, True]}, "b", "string"),
        ({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}, None, "string"),
    ],
)
def test_a_choice_has_the_type_that_stands_beside_it(
    database: Database, definition: Any, value: Any, like: str
) -> None:
    """Its branches need not repeat it."""
    message = schema("t", id=ID, v=definition, like=like)
    write(database, message, record("t", id=1, v=value))

    types = database.types("t")
    assert types["v"] == types["like"]
    assert database.rows("t")[0]["v"] == value


SCALARS = st.sampled_from([None, True, 0, 1, 5, -3, 1.5, "", "a", "abc"])
VALUES = SCALARS | st.dictionaries(st.sampled_from("abc"), SCALARS, max_size=3)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "object"])
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "minimum": st.integers(-4, 4),
        "exclusiveMaximum": st.integers(-4, 6),
        "maxLength": st.integers(0, 3),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
    },
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.dictionaries(st.sampled_from("ab"), LEAVES, max_size=2),
        "patternProperties": st.just({"^[bc]": {"type": "integer"}}),
        "additionalProperties": st.booleans(),
        "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
        "$ref": st.just("#/$defs/leaf"),
    },
)
EITHER = st.just({"type": "null"}) | LEAVES | OBJECTS | st.booleans()
SCHEMAS = st.builds(
    lambda keyword, branches, beside: {keyword: branches, **beside},
    st.sampled_from(["allOf", "anyOf", "oneOf"]),
    st.lists(EITHER, min_size=1, max_size=2),
    LEAVES | OBJECTS,
)


CLOSED = {"additionalProperties": False}


@example({"allOf": [CLOSED], "properties": {"a": {}}}, {}, [{"a": 1}, {}])
@example({"allOf": [CLOSED, {"patternProperties": {"^b": {}}}]}, {}, [{"b": 1}, {}])
@example({"oneOf": [{"type": ["string", "null"]}, {"type": "null"}]}, {}, [None, "a"])
@example({"anyOf": [{"enum": ["a"]}, {"type": "null"}]}, {}, [None, "a", "b"])
@example({"allOf": [{"type": "number"}], "type": ["integer", "string"]}, {}, [1, 1.5, "a"])
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, LEAVES, st.lists(VALUES, min_size=5, max_size=10))
def test_a_schema_that_was_read_accepts_the_same_values(
    definition: Any, leaf: Any, values: list[Any]
) -> None:
    """Whatever references, `allOf` and choices say together."""
    told = {"properties": {"v": definition}, "$defs": {"leaf": leaf}}
    before, after = map(jsonschema.Draft202012Validator, (told, read_schema(told)))

    for value in values:
        assert before.is_valid({"v": value}) == after.is_valid({"v": value}), value
