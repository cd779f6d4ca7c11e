"""Parses T-SQL by Microsoft's own grammars, with a program of the development dependencies.

The program is maxdop, which formats T-SQL by ScriptDom, Microsoft's parser. Documentation:
https://github.com/pagebrooks/maxdop and https://github.com/microsoft/SqlScriptDOM.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

GRAMMARS: Final = {
    "SQL Server 2016": "2016",
    "SQL Server 2017": "2017",
    "SQL Server 2019": "2019",
    "SQL Server 2022": "2022",
    "SQL Server 2025": "2025",
    "Azure SQL": "180",  # The newest grammar; Azure SQL is ahead of the products.
}
"""The program's name for the grammar of each server."""

PARSED: Final = 0
REFUSED: Final = 1
"""Exit codes of the program."""


def refused(texts: Sequence[str], grammar: str) -> list[str]:
    """Return the texts that a grammar refuses. The program runs once if it refuses none.

    Args:
        texts: Batches of T-SQL, none with a line that is `GO`.
        grammar: A value of `GRAMMARS`.
    """
    if not texts or _is_parsed(texts, grammar):
        return []
    if len(texts) == 1:
        return list(texts)
    half = len(texts) // 2
    return [*refused(texts[:half], grammar), *refused(texts[half:], grammar)]


def _is_parsed(texts: Sequence[str], grammar: str) -> bool:
    program = shutil.which("maxdop", path=sysconfig.get_path("scripts"))
    assert program, "maxdop is not installed: run `make setup`"
    ended = subprocess.run(
        [program, "--parser-version", grammar],
        input="\nGO\n".join(texts).encode(),
        capture_output=True,
        check=False,
    )
    assert ended.returncode in {PARSED, REFUSED}, ended.stderr.decode()
    return ended.returncode == PARSED
