"""Babelfish: PostgreSQL that understands T-SQL."""

from __future__ import annotations

from typing_extensions import override

from target_harvest_sql.dialects.mssql import MSSQL
from target_harvest_sql.dialects.openjson import OpenJSON

ESCAPED = (("b", 8), ("t", 9), ("n", 10), ("f", 12), ("r", 13), ('"', 34))
"""Letters of JSON's escapes, and the codes of their characters."""


class EscapedOpenJSON(OpenJSON):
    """OPENJSON of Babelfish: it leaves the escapes in texts, and cuts texts as nvarchar(max)."""

    text_type = "ntext"

    @override
    def text_sql(self, value: str) -> str:
        # OPENJSON leaves no escaped slash. So an escaped slash can stand for a backslash meanwhile.
        value = rf"REPLACE({value}, N'\\', N'\/')"
        for letter, code in ESCAPED:
            value = rf"REPLACE({value}, N'\{letter}', NCHAR({code}))"
        return rf"REPLACE({value}, N'\/', N'\')"

    @override
    def nested_sql(self, value: str) -> str:
        # Babelfish cuts the text after 4,000 characters. A text that may have been cut is cast to a
        # number, which is an error. LEN does not count spaces at the end, so one more character
        # is added. DATALENGTH counts bytes of UTF-8 in some versions, and of UTF-16 in others.
        cut = f"CAST(CAST(LEFT({value}, 1) AS int) AS nvarchar(max))"
        return f"CASE WHEN LEN(CONCAT({value}, N'.')) <= 4000 THEN {value} ELSE {cut} END"


class Babelfish(MSSQL):
    """Babelfish 4.

    Babelfish documentation: https://babelfishpg.org/docs/
    """

    max_name_length = 63  # In bytes. The catalog tells another name of a longer one.
    second_digits = 6
    open_sql = MSSQL.open_sql[:-1]  # It has no LOCK_TIMEOUT.
    lock_sql = ""  # After a few tries for a lock that another connection has, it crashes.
    reader = EscapedOpenJSON()

    @override
    def name_length(self, name: str) -> int:
        return len(name.encode())
