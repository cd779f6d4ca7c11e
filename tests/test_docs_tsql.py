"""The T-SQL of the documents is T-SQL by Microsoft's own grammars, of each version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from support.tsql_grammar import GRAMMARS, refused

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGES: Final = {
    "sharing.md": "SQL Server and Azure SQL",
    "power-automate.md": "",
    "databases/azure-sql.md": "",
    "databases/sql-server.md": "",
}
"""The pages, and the heading under which a page has T-SQL; empty where all of its SQL is that."""


def batches(page: str, heading: str) -> list[str]:
    """The batches of a page, as its blocks and their lines `GO` part them."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if heading:
        text = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sql\n(.+?)```", text, re.DOTALL)
    return [batch for block in blocks for batch in block.split("\nGO\n")]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("server", GRAMMARS)
def test_a_server_understands_the_statements_of_a_page(page: str, server: str) -> None:
    """Batch by batch."""
    found = batches(page, PAGES[page])

    assert found
    assert refused(found, GRAMMARS[server]) == []
