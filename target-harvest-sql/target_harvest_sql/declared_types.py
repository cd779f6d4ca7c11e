"""`x-sql-datatype` in the schema of a property: the type that a new column is made with.

The text becomes a part of a statement. It is checked to be a type and nothing else; whether the
database has that type, the database says.

Meltano SDK: https://sdk.meltano.com/en/latest/guides/sql-target.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYWORD: Final = "x-sql-datatype"

MAX_SHOWN: Final = 60
"""How much of a wrong text an error repeats, in characters."""

_NAME = r'(?:[^\W\d]\w*|"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[\w .]+\])'
_STRING = r"'(?:[^'\\]|'')*'"  # Some databases read a backslash as an escape, others do not.
_ARGUMENT = rf"(?:{_STRING}|-?\d+|[^\W\d]\w*)"
_ARGUMENTS = rf"\(\s*{_ARGUMENT}(?:\s*,\s*{_ARGUMENT})*\s*\)"
_WORDS = (
    "big|char|character|day|hour|int|integer|large|local|minute|month|object|precision|second|"
    "signed|time|to|unsigned|varchar|varying|with|without|year|zerofill|zone"
)
"""The words that types have after the first, as in `double precision`."""
_TEXT_OPTION = rf"(?:character\s+set|charset|collate)\s+{_NAME}"

TYPE: Final = re.compile(
    rf"{_NAME}(?:\s*\.\s*{_NAME})*"
    rf"(?:\s+(?:{_TEXT_OPTION}|(?:{_WORDS})\b)|\s*{_ARGUMENTS})*"
    r"(?:\s*\[\s*\d*\s*\])*",
    re.IGNORECASE,
)
"""A name, perhaps with its schema; words, arguments, and the brackets of an array. No constraint
and no default has this form."""

NUMBERED: Final = re.compile(r"(?:small|big)?serial|serial[248]", re.IGNORECASE)
"""Integers with a default and a constraint, which PostgreSQL and MySQL write as if it was a type.

PostgreSQL manual, "Serial Types":
https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-SERIAL
"""


class DeclaredTypeError(ValueError):
    """`x-sql-datatype` is not a type alone; the message is the end of a sentence that names it."""


def declared_type(definition: Mapping[str, Any]) -> str:
    """Read the type that the schema of a property names; empty if it names none.

    Raises:
        DeclaredTypeError: If it is not a type alone.
    """
    given = definition.get(KEYWORD)
    if given is None or given == "":
        return ""
    text = given.strip() if isinstance(given, str) else ""
    if NUMBERED.fullmatch(text):
        raise DeclaredTypeError(
            f"is {text}, which is an integer with a default. Name the integer alone, such as bigint"
        )
    if not TYPE.fullmatch(text):
        shown = repr(given)
        shown = f"{shown[:MAX_SHOWN]}…" if len(shown) > MAX_SHOWN else shown
        raise DeclaredTypeError(
            f"is not a type alone: {shown}. Name a type of the database, without constraints and "
            "defaults, or leave it out"
        )
    return text
