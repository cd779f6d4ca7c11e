"""Functions that declare the fields of a stream.

Each function makes one property of a JSON Schema. A key is never null. Every other field may be
null, because Harvest hides figures from some tokens and leaves members out without notice. Objects
are open, so that a member that Harvest adds passes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterable

Field: TypeAlias = th.Property[Any]
Schema: TypeAlias = dict[str, Any]


def key(name: str, description: str) -> Field:
    """An integer that is part of a record's identity, of 64 bits and never null."""
    return th.Property(name, th.IntegerType, required=True, description=description)


def text_key(name: str, description: str) -> Field:
    """A text that is part of a record's identity, never null."""
    return th.Property(name, th.StringType, required=True, description=description)


def date_key(name: str, description: str) -> Field:
    """A calendar day that is part of a record's identity, never null."""
    return th.Property(name, th.DateType, required=True, description=description)


def integer(name: str, description: str) -> Field:
    """A whole number; ids have up to 64 bits."""
    return th.Property(name, th.IntegerType, description=description)


def decimal(name: str, description: str) -> Field:
    """A number such as 5, 5.0 or 0.575: money, hours, rates, percentages."""
    return th.Property(name, th.NumberType, description=description)


def string(name: str, description: str) -> Field:
    """Text. Where there is no text, Harvest sends null or an empty text."""
    return th.Property(name, th.StringType, description=description)


def boolean(name: str, description: str) -> Field:
    """True or false."""
    return th.Property(name, th.BooleanType, description=description)


def date(name: str, description: str) -> Field:
    """A calendar day, `YYYY-MM-DD`, without a time zone."""
    return th.Property(name, th.DateType, description=description)


def timestamp(name: str, description: str) -> Field:
    """An instant in UTC, `YYYY-MM-DDTHH:MM:SSZ`."""
    return th.Property(name, th.DateTimeType, description=description)


def integers(name: str, description: str) -> Field:
    """A list of whole numbers."""
    return th.Property(name, th.ArrayType(th.IntegerType), description=description)


def strings(name: str, description: str) -> Field:
    """A list of texts."""
    return th.Property(name, th.ArrayType(th.StringType), description=description)


def record(name: str, description: str, *members: Field) -> Field:
    """An object inside a record."""
    inner = th.ObjectType(*members, additional_properties=True)
    return th.Property(name, inner, description=description)


def records(name: str, description: str, *members: Field) -> Field:
    """A list of objects inside a record."""
    inner = th.ArrayType(th.ObjectType(*members, additional_properties=True))
    return th.Property(name, inner, description=description)


def reference(name: str, description: str, *more: Field) -> Field:
    """Another object, with the id and name that Harvest sends, and the fields in `more`."""
    what = name.replace("_", " ")
    return record(
        name,
        description,
        integer("id", f"Id of the {what}."),
        string("name", f"Name of the {what}."),
        *more,
    )


ACCOUNT_ID = "account_id"
"""The field with the account of a record, where several accounts are read."""


def with_account_key(keys: Iterable[str]) -> list[str]:
    """The key of a stream whose records begin with their account."""
    return [ACCOUNT_ID, *(name for name in keys if name != ACCOUNT_ID)]


def with_account(schema: Schema) -> Schema:
    """A schema whose records begin with their account, as a part of the key."""
    added = fields(key(ACCOUNT_ID, "Id of the account, added by the tap."))
    required = [name for name in schema.get("required", []) if name != ACCOUNT_ID]
    return {
        **schema,
        "properties": added["properties"] | schema["properties"],
        "required": [ACCOUNT_ID, *required],
    }


def without_account_key(keys: Iterable[str]) -> list[str]:
    """The key of a stream whose records do not name their account."""
    return [name for name in keys if name != ACCOUNT_ID]


def without_account(schema: Schema) -> Schema:
    """A schema whose records do not name their account."""
    properties = {name: kind for name, kind in schema["properties"].items() if name != ACCOUNT_ID}
    required = without_account_key(schema.get("required", []))
    return {**schema, "properties": properties, "required": required}


def fields(*members: Field) -> Schema:
    """The schema of a stream, its fields in the order of the API docs."""
    schema: Schema = th.PropertiesList(*members, additional_properties=True).to_dict()
    return schema
