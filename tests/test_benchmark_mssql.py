"""`make bench ARGS="mssql …"`: what is sent to the server, and by which connection."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks import mssql
from servers.tds import tds_server
from support.tsql_grammar import GRAMMARS, refused


class Server:
    """A connection and its cursor, which keep what they are sent and count the rows."""

    def __init__(self, lost: int = 0) -> None:
        self.statements: list[str] = []
        self._lost = lost
        self._rows = 0

    def cursor(self) -> Server:
        """Give the one cursor."""
        return self

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        """Count what an INSERT inserts, and forget it at a DELETE."""
        self.statements.append(statement)
        assert statement.count("@p") == len(values)
        if "OPENJSON" in statement:
            self._rows += len(json.loads(*values))
        elif statement.startswith("INSERT"):
            self._rows += 1
        elif statement.startswith("DELETE"):
            self._rows = 0

    def executemany(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Execute it for each row, as though in one call."""
        for each in rows:
            self.execute(statement, each)
        del self.statements[-len(rows) + 1 :]

    def fetchone(self) -> tuple[int]:
        """Answer the question for the number of rows."""
        return (self._rows - self._lost,)


def options(*given: str) -> Any:
    """The options of the command line."""
    parser = ArgumentParser()
    mssql.arguments(parser)
    return parser.parse_args(["--url=mssql+pymssql://h/d", "--records=25", "--single=4", *given])


def test_each_way_sends_as_many_statements_as_the_table_says() -> None:
    """And fills the table, which is dropped."""
    server = Server()

    shown = "\n".join(mssql.measured(server, "@p", options("--chunk=10", "--runs=2")))

    inserts = [text for text in server.statements if text.startswith("INSERT")]
    assert sum("OPENJSON" in text for text in inserts) == 2 * 3
    assert sum("VALUES" in text for text in inserts) == 2 * (4 + 1)
    assert re.search(r"\| row by row \| 4 \| 4 \|", shown)
    assert re.search(r"\| one JSON parameter \| 25 \| 3 \|", shown)
    assert server.statements[-1].startswith("DROP TABLE harvest_bench_")


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_the_statements_are_of_t_sql(grammar: str) -> None:
    """Of each version."""
    server = Server()
    list(mssql.measured(server, "@p", options("--runs=1")))

    assert refused(sorted(set(server.statements)), GRAMMARS[grammar]) == []


def test_a_way_that_loses_rows_is_an_error() -> None:
    """It must not win; the table is dropped all the same."""
    server = Server(lost=1)

    with pytest.raises(mssql.WrongCountError, match="4 rows were inserted, but the table has 3"):
        list(mssql.measured(server, "@p", options()))
    assert server.statements[-1].startswith("DROP TABLE")


def test_a_row_is_what_the_paths_lead_to() -> None:
    """So that all ways insert the same."""
    assert mssql.row(mssql.entry(7)) == (
        *(7, "2031-08-08", 0.07),
        "Review of page 7: headings, links and the table of prices",
        *(True, 7, "Example client 7", "Website 7", "Programming", "Person 7"),
    )


def test_the_recipe_talks_to_a_server_by_its_driver() -> None:
    """Over a real socket, to a stand-in that accepts every statement."""
    records = [mssql.entry(number) for number in range(3)]
    with tds_server() as url:
        connection, place = mssql.connect(url)
        filled = mssql.Table(connection, place)
        filled.create()
        filled.insert_singly(records)
        filled.insert_many(records)
        filled.insert_json(records, 2)
        filled.drop()
        connection.close()

    assert place == "%s"


def test_the_recipe_is_a_section_of_the_command() -> None:
    """It tells its options, and needs a URL."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "mssql", "--help"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "--url" in ended.stdout
