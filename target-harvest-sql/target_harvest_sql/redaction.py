"""What may be said of an error: neither its text nor its traceback shows a value of a record."""

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
"""Code of what SIGNAL raises in MariaDB and MySQL."""
_ADVICE: Final = re.compile(r"\n(Try setting|LINE \d+:).*", re.DOTALL)
"""What DuckDB and PostgreSQL add, after a value that may hold quotation marks."""
_NEGATION: Final = re.compile(r"(?<=[Cc]a)n't\b")
"""Whose apostrophe is no quotation mark."""
_QUOTED: Final = re.compile(r"""['"{].*['"}]|['"].*""", re.DOTALL)
"""All from the first quotation mark to the last, since a value may hold some of its own."""
_VALUE: Final = re.compile(r"\b(value(?: is|:| =)?) (?:\(.*\)|\S+(?= (?:cannot|to)\b))")
"""What stands after the word without a quotation mark."""
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?<!\brow )(?<!\bline )(?<!\bsize )(?<!\bmaximum )"
    r"[-+]?\d(?:[\w:+-]|\.(?=\d))*+(?! ?(?:bytes|characters|columns|rows)\b)"
)
"""A number that is no part of a name, and no limit that the database tells."""
_TYPE: Final = re.compile(r"(?<=\w)\((\d+)((?:, ?\d+)?)\)")
"""Length or precision of a type, as in `DECIMAL(4,1)`."""


_USER_INFO: Final = re.compile(r"""(?<=/)[^/\s'"@]+@""")
_QUERY: Final = re.compile(r"""\?[^\s'"]+""")


def reason(error: Exception) -> str:
    """Say in one line what a database refused, without values.

    Args:
        error: As its driver raised it.
    """
    return TRIGGER if _is_of_a_trigger(error) else first_line(without_values(str(error)))


def without_values(message: str) -> str:
    """Take from a database's message what may be a value: what it quotes, and numbers."""
    told = _NEGATION.sub("nnot", _ADVICE.sub("", message))
    told = _QUOTED.sub("…", told)
    told = _VALUE.sub(r"\1 …", told)
    types = _TYPE.findall(told)
    told = _NUMBER.sub("…", _TYPE.sub("\0", told))
    for first, second in types:
        told = told.replace("\0", f"({first}{second})", 1)
    return told


def without_credentials(text: str) -> str:
    """Take from a text with addresses their users, passwords and queries, which may be keys."""
    return _QUERY.sub("?…", _USER_INFO.sub("…@", text))


def first_line(message: str) -> str:
    """Take the first line of a message, without the period at its end."""
    return message.strip().partition("\n")[0].rstrip(".")


def _is_of_a_trigger(error: Exception) -> bool:
    """Whether the text of an error is written by users of the database, and not by its makers."""
    diagnosis = getattr(error, "diag", None)
    return (
        str(getattr(error, "sqlstate", "")).startswith("P0")
        or getattr(diagnosis, "source_function", "") == "exec_stmt_raise"
        or getattr(error, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_TRIGGER"
        or getattr(error, "code", 0) == MYSQL_SIGNAL
        or FIRST_OF_USERS <= (getattr(error, "number", 0) or 0) != UNMAPPED
    )


def trace(error: BaseException) -> str:
    """Write where an error came from: files, lines and classes, but no text of any error.

    The texts are those of drivers and libraries, which show values.
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
