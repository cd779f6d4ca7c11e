"""Removes values of records and passwords from the texts and tracebacks of errors."""

from __future__ import annotations

import re
import traceback
from typing import Final

from target_harvest_sql.drivers.mssql import FIRST_OF_USERS, UNMAPPED

TRIGGER: Final = (
    "a trigger or a function of the database refused it (its text is not shown, since the text may "
    "hold values)"
)

MYSQL_SIGNAL: Final = 1644
"""Code of the errors that SIGNAL raises in MariaDB and MySQL."""
_ADVICE: Final = re.compile(r"\n(Try setting|LINE \d+:).*", re.DOTALL)
"""Text that DuckDB and PostgreSQL add after a value, which may hold quotation marks."""
_NEGATION: Final = re.compile(r"(?<=[Cc]a)n't\b")
"""The end of "can't", whose apostrophe is not a quotation mark."""
_QUOTED: Final = re.compile(r"""['"{].*['"}]|['"].*""", re.DOTALL)
"""All text from the first quotation mark to the last. A value may hold quotation marks."""
_VALUE: Final = re.compile(r"\b(value(?: is|:| =)?) (?:\(.*\)|\S+(?= (?:cannot|to)\b))")
"""A value without quotation marks, after the word "value"."""
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?<!\brow )(?<!\bline )(?<!\bsize )(?<!\bmaximum )"
    r"[-+]?\d(?:[\w:+-]|\.(?=\d))*+(?! ?(?:bytes|characters|columns|rows)\b)"
)
"""A number that is not part of a name, and not a limit of the database."""
_TYPE: Final = re.compile(r"(?<=\w)\((\d+)((?:, ?\d+)?)\)")
"""Length or precision of a type, as in `DECIMAL(4,1)`."""


_USER_INFO: Final = re.compile(r"""(?<=/)[^/\s'"@]+@""")
_QUERY: Final = re.compile(r"""\?[^\s'"]+""")


def reason(error: Exception) -> str:
    """What a database refused, in one line and without values.

    Args:
        error: As its driver raised it.
    """
    return TRIGGER if _is_of_a_trigger(error) else first_line(without_values(str(error)))


def without_values(message: str) -> str:
    """Remove possible values from a message of a database: quoted text and numbers."""
    told = _NEGATION.sub("nnot", _ADVICE.sub("", message))
    told = _QUOTED.sub("…", told)
    told = _VALUE.sub(r"\1 …", told)
    types = _TYPE.findall(told)
    told = _NUMBER.sub("…", _TYPE.sub("\0", told))
    for first, second in types:
        told = told.replace("\0", f"({first}{second})", 1)
    return told


def without_credentials(text: str) -> str:
    """Remove users, passwords and queries from the addresses in a text. A query may hold a key."""
    return _QUERY.sub("?…", _USER_INFO.sub("…@", text))


def first_line(message: str) -> str:
    """The first line of a message, without the period at its end."""
    return message.strip().partition("\n")[0].rstrip(".")


def _is_of_a_trigger(error: Exception) -> bool:
    """Whether users of the database wrote the text of an error, as in a trigger."""
    diagnosis = getattr(error, "diag", None)
    return (
        str(getattr(error, "sqlstate", "")).startswith("P0")
        or getattr(diagnosis, "source_function", "") == "exec_stmt_raise"
        or getattr(error, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_TRIGGER"
        or getattr(error, "code", 0) == MYSQL_SIGNAL
        or FIRST_OF_USERS <= (getattr(error, "number", 0) or 0) != UNMAPPED
    )


def trace(error: BaseException) -> str:
    """Where an error arose: files, lines and classes, without the text of any error.

    Texts of drivers and libraries may show values.
    """
    lines: list[str] = []
    told: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in told:
        told.add(id(cause))
        frames = traceback.extract_tb(cause.__traceback__)
        kind = type(cause)
        lines[:0] = [*frames.format(), f"{kind.__module__}.{kind.__qualname__}\n"]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "".join(lines).rstrip()
