"""docs/sharing.md on SQL Server: the statements of the page, for a sync's tables and for a Flow's.

A server that is not Microsoft's has no security policy: there the page's view shows all rows.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pymssql
import pytest
from sqlalchemy.engine import URL, make_url

from fixtures.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.databases import Database
    from harvest_sandbox import Sandbox

DOCS: Final = Path(__file__).parents[2] / "docs"
PASSWORD: Final = "Stand-in-1"  # Of users of the test's own.
RATES: Final = re.compile("rate|cost|fee|amount|note|user|client", re.IGNORECASE)
"""In the names of columns that no customer may see."""
LACKING: Final = re.compile("CREATE SECURITY POLICY|GRANT CREATE TABLE")
"""The statements that Babelfish lacks."""
_NUMBERS: Final = count()


def blocks(page: str, heading: str) -> list[str]:
    """The statements under a heading of a page, block by block."""
    section = (DOCS / page).read_text(encoding="utf-8").split(f"# {heading}\n")[1]
    return re.findall(r"```sql\n(.+?)```", re.split(r"\n##+ ", section)[0], re.DOTALL)


[SYNC] = blocks("sharing.md", "SQL Server and Azure SQL")
[FLOW] = blocks("sharing.md", "A table that a Flow fills")
CUSTOMER, LOGIN, _, END, LOOK = blocks("sharing.md", "Customers of SQL Server")
TABLE, GRANT, *_ = blocks("power-automate.md", "1. The table and the procedure")
SCHEMA: Final = blocks("databases/azure-sql.md", "5. Grants")[0]


def test_the_statements_for_a_flow_are_those_for_a_sync() -> None:
    """But for the names of what they share, and for what the Flow's table lacks."""
    names = {"harvest": "dbo", "client__id": "client_id", "project__name": "project_name"}
    names |= {"task__name": "task_name", "ADD MEMBER dbo": "ADD MEMBER flow"}
    expected = re.sub(r"--.*\n", "", SYNC)
    for ours, flows in names.items():
        expected = expected.replace(ours, flows)
    lines = re.sub(r"--.*\n", "", FLOW).split("\n")

    assert lines
    words = set(re.findall(r"\w+", expected))
    assert {word for line in lines for word in re.findall(r"\w+", line)} <= words
    for common in ("CREATE FUNCTION", "CREATE TABLE"):
        [ours] = [batch for batch in expected.split("\nGO\n") if common in batch]
        assert ours.split(common)[1] in "\n".join(lines)


@dataclass
class Warehouse:
    """A database of its own on the server, and logins whose names have that of the database."""

    url: URL
    """Of its owner."""
    is_of_microsoft: bool
    logins: list[str] = field(default_factory=list)

    def run(self, text: str, user: str | None = None) -> list[Any]:
        """Run batches as the owner or as a user; gives the rows of the last one."""
        rows: list[Any] = []
        with self._connect(user) as connection:
            cursor = connection.cursor()
            for batch in text.split("\nGO\n"):
                if LACKING.search(batch) and not self.is_of_microsoft:
                    continue
                cursor.execute(batch)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def _connect(self, user: str | None) -> Any:
        url = self.url
        if user:
            url = url.set(username=self.login(user), password=PASSWORD)
        return closing(
            pymssql.connect(
                **url.translate_connect_args(host="server", username="user"),
                **{name: str(value) for name, value in url.query.items()},
                autocommit=True,
            )
        )

    def login(self, user: str) -> str:
        """The name of a user's login; Babelfish itself has a role `<database>_<user>`."""
        return f"login_{self.url.database}_{user}"

    def add_user(self, name: str) -> None:
        """Make a user, and a login for it."""
        login = self.login(name)
        self.run(f"CREATE LOGIN {login} WITH PASSWORD = '{PASSWORD}'")
        self.logins.append(login)
        self.run(f"CREATE USER {name} FOR LOGIN {login}")

    def add_customer(self, client: int) -> str:
        """Run the page's statements for a customer, in which the login has another name."""
        name = f"customer_{client}"
        texts = LOGIN + CUSTOMER.split("\n", 1)[1]
        texts = texts.replace("…", PASSWORD).replace("5735774", str(client))
        self.run(texts.replace(f"LOGIN {name}", f"LOGIN {self.login(name)}"))
        self.logins.append(self.login(name))
        return name


@pytest.fixture
def warehouse(mssql_database: Database) -> Iterator[Warehouse]:
    """An empty database, and no login of the test afterwards."""
    server = Warehouse(make_url(mssql_database.url), mssql_database.is_of_microsoft())
    name = f"share_{os.getpid()}_{next(_NUMBERS)}"
    server.run(f"CREATE DATABASE {name}")
    made = Warehouse(server.url.set(database=name), server.is_of_microsoft)
    try:
        yield made
    finally:
        if made.is_of_microsoft:
            # Connections that are being closed would hold it.
            server.run(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
        server.run(f"DROP DATABASE {name}")
        for login in made.logins:
            server.run(f"DROP LOGIN {login}")


@contextmanager
def refused() -> Iterator[None]:
    """What a customer may not do."""
    with pytest.raises(pymssql.Error, match=r"denied|permission"):
        yield


def check(warehouse: Warehouse, harvest: Sandbox, table: str) -> None:
    """Two customers read their own entries by the view, without rates, and nothing else."""
    entries = harvest.rows("time_entries")
    for client in sorted({entry["client"]["id"] for entry in entries})[:2]:
        user = warehouse.add_customer(client)
        own = {entry["id"] for entry in entries if entry["client"]["id"] == client}
        every = {entry["id"] for entry in entries}
        seen = {row[0] for row in warehouse.run("SELECT id FROM sharing.time_entries", user)}
        assert seen == (own if warehouse.is_of_microsoft else every)
        columns = warehouse.run(
            "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'sharing' "
            "AND TABLE_NAME IN ('time_entries', 'projects')"
        )
        assert len(columns) >= len(warehouse.run("SELECT * FROM sharing.time_entries", user)[0])
        assert [name for (name,) in columns if RATES.search(name)] == []
        for attempt in (
            f"SELECT id FROM {table}",
            "SELECT * FROM sharing.customers",
            f"INSERT INTO sharing.customers VALUES (N'{user}', 1)",
            "UPDATE sharing.time_entries SET hours = 0",
        ):
            with refused():
                warehouse.run(attempt, user)
    if warehouse.is_of_microsoft:
        statements = LOOK.replace("customer_5735774", user).split(";\n")
        assert warehouse.run("\n".join(statements[:2])) != []
    warehouse.run(END.replace("5735774", str(client)))
    assert warehouse.run(f"SELECT * FROM sharing.customers WHERE client_id = {client}") == []


def test_customers_read_a_table_that_a_flow_fills(warehouse: Warehouse, harvest: Sandbox) -> None:
    """Before and after the page's statements, the flow updates and inserts."""
    warehouse.add_user("flow")
    warehouse.run(TABLE)
    warehouse.run(GRANT.split("\n", 1)[1])
    entries = harvest.rows("time_entries")
    array = json.dumps(entries).replace("'", "''")
    # Babelfish runs a procedure with the rights of its caller.
    flow = "flow" if warehouse.is_of_microsoft else None
    load = f"EXEC dbo.load_time_entries @entries = N'{array}'"

    assert warehouse.run(load, flow) == [(0, len(entries))]
    warehouse.run(FLOW)
    assert warehouse.run(load, flow) == [(len(entries), 0)]

    check(warehouse, harvest, "dbo.time_entries")
    with refused():
        warehouse.run("SELECT id FROM dbo.time_entries", "flow")


def test_customers_read_the_tables_of_a_sync(
    warehouse: Warehouse, harvest: Sandbox, tmp_path: Path
) -> None:
    """Before and after the page's statements, the sync writes them."""
    warehouse.add_user("harvest")
    warehouse.run(SCHEMA)
    user = warehouse.url.set(username=warehouse.login("harvest"), password=PASSWORD)
    pipeline = Pipeline.between(harvest, user.render_as_string(hide_password=False), tmp_path)
    pipeline.streams = ("clients", "projects", "time_entries")
    pipeline.target_config["default_target_schema"] = "harvest"
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors
    warehouse.run(SYNC)

    harvest.advance(seconds=60)
    harvest.change("time_entries", harvest.rows("time_entries")[0]["id"], notes="edited")
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    check(warehouse, harvest, "harvest.time_entries")
