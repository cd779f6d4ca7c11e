"""docs/sharing.md: what a customer's role can read, by the statements of the page as they stand."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.engine import URL, make_url

from fixtures.pipeline import Pipeline, selecting
from harvest_sandbox import Sandbox
from servers.postgres import private_server

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = (Path(__file__).parents[2] / "docs" / "sharing.md").read_text(encoding="utf-8")
SECRET: Final = "…"
"""The password that the page writes."""
VIEWS: Final = ("time_entries", "projects")
IN_HOURS: Final = {"project", "task", "person"}
"""The kinds of budget that are hours."""
_NUMBERS: Final = count()
RATES: Final = re.compile("rate|cost|fee|amount|note|user", re.IGNORECASE)
"""In the names of columns that no customer may see."""


def blocks(heading: str) -> list[str]:
    """The statements under a heading of the page, block by block."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sql\n(.+?)```", section, re.DOTALL)


ONCE, REPORTS, CUSTOMER, END, LOOK = blocks("PostgreSQL")
MAKE_VIEWS: Final = "".join(
    re.findall(
        r"^(?:CREATE VIEW|ALTER VIEW|GRANT SELECT ON sharing).+?;\n", ONCE, re.DOTALL | re.MULTILINE
    )
)


@dataclass
class Warehouse:
    """A database with a customer for each of two clients of Harvest."""

    url: URL
    """Of its administrator."""
    harvest: Sandbox
    pipeline: Pipeline
    clients: tuple[int, int]

    def run(self, *statements: str) -> list[Any]:
        """Run statements as the administrator; gives the rows of the last one."""
        with _connect(self.url) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def add_customer(self, client: int) -> None:
        """Run the page's statements for a customer."""
        self.run(CUSTOMER.replace("5735774", str(client)))

    def read(self, client: int, statement: str) -> list[Any]:
        """Run a statement as a customer, who signs in."""
        with closing(self.connect(client)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def connect(self, client: int) -> Any:
        """Sign in as a customer."""
        return _connect(self.url.set(username=f"customer_{client}", password=SECRET))

    def sync(self, **config: Any) -> None:
        """Sync the account, and expect no error."""
        self.pipeline.target_config |= config
        self.pipeline()
        assert self.pipeline.exit_codes == (0, 0), self.pipeline.errors

    def entries(self, client: int) -> set[int]:
        """The ids of a client's entries in Harvest."""
        rows = self.harvest.rows("time_entries")
        return {entry["id"] for entry in rows if entry["client"]["id"] == client}

    def seen(self, client: int) -> set[int]:
        """The ids of the entries that the client's role sees."""
        return {row_id for (row_id,) in self.read(client, "SELECT id FROM sharing.time_entries")}


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _connect(url: URL) -> Any:
    return psycopg.connect(_text(url), autocommit=True)


def _prepare(server: str) -> URL:
    """Make the users and the schema of docs/databases/postgresql.md.

    Returns:
        The administrator of a managed server, who is no superuser; one could do all this as well.
    """
    with _connect(make_url(server)) as connection:
        connection.execute(f"CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD '{SECRET}'")
    admin = make_url(server).set(username="admin", password=SECRET)
    with _connect(admin) as connection:
        connection.execute("CREATE DATABASE warehouse")
    admin = admin.set(database="warehouse")
    with _connect(admin) as connection:
        connection.execute("CREATE ROLE reports")
        connection.execute(f"CREATE USER harvest PASSWORD '{SECRET}'")
        connection.execute("GRANT harvest TO CURRENT_USER")
        connection.execute("CREATE SCHEMA harvest AUTHORIZATION harvest")
    return admin


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The account, synced; the page's statements ran, and two clients are customers."""
    with private_server() as server, Sandbox() as harvest:
        url = _prepare(server.url)
        user = url.set(username="harvest", password=SECRET)
        pipeline = Pipeline.between(harvest, _text(user), tmp_path_factory.mktemp("sharing"))
        pipeline.streams = ("clients", *VIEWS)
        pipeline.tap_config["reconcile_days"] = 0
        pipeline.target_config["default_target_schema"] = "harvest"
        ids = [entry["client"]["id"] for entry in harvest.rows("time_entries")]
        first, second = sorted(set(ids), key=ids.count)[-2:]
        made = Warehouse(url, harvest, pipeline, (first, second))
        made.sync()
        for statements in (ONCE, REPORTS):
            made.run(statements)
        for client in made.clients:
            made.add_customer(client)
        yield made


@pytest.fixture
def copy(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of it that a test may change; the roles are the same."""
    name = f"copy_{next(_NUMBERS)}"
    with _connect(warehouse.url.set(database="postgres")) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE warehouse")
    url = warehouse.url.set(database=name)
    user = url.set(username="harvest", password=SECRET)
    pipeline = Pipeline.between(warehouse.harvest, _text(user), tmp_path)
    pipeline.streams = warehouse.pipeline.streams
    pipeline.tap_config |= {"reconcile_days": 0}
    pipeline.target_config |= {"default_target_schema": "harvest"}
    return Warehouse(url, warehouse.harvest, pipeline, warehouse.clients)


def test_a_customer_sees_its_own_entries_and_projects(warehouse: Warehouse) -> None:
    """All of them, with what Harvest says of them; of every other client nothing."""
    for client in warehouse.clients:
        assert warehouse.seen(client) == warehouse.entries(client) != set()

        rows = warehouse.read(client, "SELECT id, project, hours FROM sharing.time_entries")
        entries = {entry["id"]: entry for entry in warehouse.harvest.rows("time_entries")}
        for row_id, project, hours in rows:
            assert project == entries[row_id]["project"]["name"]
            assert float(hours) == entries[row_id]["hours"] or entries[row_id]["is_running"]
        projects = {
            (
                row["id"],
                row["budget"] if row["budget_by"] in {"project", "task", "person"} else None,
            )
            for row in warehouse.harvest.rows("projects")
            if row["client"]["id"] == client
        }
        found = warehouse.read(client, "SELECT id, budget_hours FROM sharing.projects")
        assert {(row_id, hours and float(hours)) for row_id, hours in found} == projects


def test_no_column_of_a_view_is_a_rate_or_a_person(warehouse: Warehouse) -> None:
    """And the role that owns the views could not make one with a rate."""
    [client, _] = warehouse.clients
    for view in VIEWS:
        columns = warehouse.read(
            client,
            "SELECT attname FROM pg_attribute WHERE attnum > 0 "
            f"AND attrelid = 'sharing.{view}'::regclass",
        )
        assert columns
        assert [name for (name,) in columns if RATES.search(name)] == []
    for column in ("billable_rate", "cost_rate", "notes", "user__name"):
        with pytest.raises(errors.InsufficientPrivilege):
            warehouse.run(f"SET ROLE sharing; SELECT {column} FROM harvest.time_entries")


def test_nothing_that_a_customer_can_read_names_another_client(warehouse: Warehouse) -> None:
    """In any table or view of the database, the catalog's among them."""
    client, other = warehouse.clients
    theirs = [row for row in warehouse.harvest.rows("projects") if row["client"]["id"] != client]
    names = {row["client"]["name"] for row in theirs} | {
        row["code"] for row in theirs if row["code"]
    }
    relations = warehouse.read(
        client,
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p') "
        "AND has_table_privilege(oid, 'SELECT') AND has_schema_privilege(relnamespace, 'USAGE')",
    )

    assert len(relations) > 100
    for (relation,) in relations:
        with suppress(errors.Error):
            rows = warehouse.read(client, f"SELECT t::text FROM {relation} AS t")
            text = "\n".join(row or "" for (row,) in rows)
            assert [name for name in names if name in text] == [], relation
            if relation.startswith("sharing."):
                assert re.search(rf"\b{other}\b", text) is None


ATTEMPTS: Final = (
    "SELECT * FROM harvest.time_entries",
    "SELECT id FROM harvest.time_entries",
    "SELECT * FROM harvest.clients",
    "TABLE sharing.customers",
    "SELECT billable_rate FROM sharing.time_entries",
    "SELECT (t).cost_rate FROM sharing.time_entries AS t",
    "INSERT INTO sharing.customers SELECT current_user, generate_series(1, 9999)",
    "UPDATE sharing.time_entries SET hours = 0",
    "DELETE FROM sharing.projects",
    "SET ROLE sharing",
    "SET ROLE harvest",
    "SET ROLE customer_{other}",
    "SET SESSION AUTHORIZATION customer_{other}",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "GRANT sharing TO CURRENT_USER",
    "ALTER TABLE harvest.time_entries DISABLE ROW LEVEL SECURITY",
    "DROP POLICY customers ON harvest.time_entries",
    "CREATE VIEW sharing.more AS SELECT 1",
    "CREATE OR REPLACE VIEW sharing.projects AS SELECT 1",
    "SET row_security = off; SELECT * FROM sharing.time_entries",
    "SELECT pg_read_file('pg_hba.conf')",
)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_to_see_more_is_refused(warehouse: Warehouse, attempt: str) -> None:
    """By an error, and nothing changes."""
    client, other = warehouse.clients

    with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedColumn)):
        warehouse.read(client, attempt.format(other=other))

    assert warehouse.seen(client) == warehouse.entries(client)


def test_another_role_of_the_customer_sees_nothing(warehouse: Warehouse) -> None:
    """It may become the role of all customers, which has no rows."""
    client, _ = warehouse.clients

    assert warehouse.read(client, "SET ROLE customers; SELECT * FROM sharing.projects") == []


def test_a_function_of_the_customer_sees_no_other_row(warehouse: Warehouse) -> None:
    """One that looks cheap to the planner, and tells what it is given; deleted rows neither."""
    client, _ = warehouse.clients
    gone = min(warehouse.entries(client))
    told: list[str] = []
    warehouse.run(f"UPDATE harvest.time_entries SET _sdc_deleted_at = now() WHERE id = {gone}")
    try:
        with closing(warehouse.connect(client)) as connection:
            connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
            connection.execute(
                "CREATE FUNCTION pg_temp.tell(bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0001 "
                "AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
            )
            connection.execute("SELECT id FROM sharing.time_entries WHERE pg_temp.tell(id)")
    finally:
        warehouse.run(f"UPDATE harvest.time_entries SET _sdc_deleted_at = NULL WHERE id = {gone}")

    assert {int(text) for text in told} == warehouse.entries(client) - {gone}


def test_a_view_of_the_tables_owner_would_show_every_row(copy: Warehouse) -> None:
    """So the page warns of it: row-level security is not for owners."""
    client, _ = copy.clients
    copy.run("GRANT CREATE ON SCHEMA sharing TO harvest")
    copy.run("ALTER VIEW sharing.time_entries OWNER TO harvest")

    assert len(copy.seen(client)) == len(copy.harvest.rows("time_entries"))


def test_the_own_reports_see_every_row(copy: Warehouse) -> None:
    """By the policy of the page; without it they see none."""
    copy.run("GRANT USAGE ON SCHEMA harvest TO reports")
    copy.run("GRANT SELECT ON harvest.time_entries TO reports; GRANT reports TO CURRENT_USER")
    every = "SELECT id FROM harvest.time_entries"

    assert len(copy.run("SET ROLE reports", every)) == len(copy.harvest.rows("time_entries"))
    copy.run("DROP POLICY reports ON harvest.time_entries")
    assert copy.run("SET ROLE reports", every) == []


def test_the_look_of_the_administrator_is_the_customers(warehouse: Warehouse) -> None:
    """The page's last statements."""
    client, _ = warehouse.clients
    warehouse.run(f"GRANT customer_{client} TO CURRENT_USER")
    become, look, _ = LOOK.replace("5735774", str(client)).strip().split(";\n")
    rows = warehouse.run(become, look)

    own = [e for e in warehouse.harvest.rows("time_entries") if e["client"]["id"] == client]
    assert {row[:2] for row in rows} == {(e["project"]["name"], e["task"]["name"]) for e in own}


def test_a_customer_can_be_ended(warehouse: Warehouse) -> None:
    """By the page's statements, which leave the others alone."""
    client = next(
        row["id"] for row in warehouse.harvest.rows("clients") if row["id"] not in warehouse.clients
    )
    warehouse.add_customer(client)
    assert warehouse.seen(client) == warehouse.entries(client)

    warehouse.run(END.replace("5735774", str(client)))

    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        warehouse.connect(client)
    assert warehouse.run(f"SELECT FROM sharing.customers WHERE client_id = {client}") == []
    for other in warehouse.clients:
        assert warehouse.seen(other) == warehouse.entries(other)


def test_a_sync_keeps_what_the_page_made(copy: Warehouse) -> None:
    """New rows are seen, a new column is not, and a column that no view shows may widen."""
    client, other = copy.clients
    copy.run("ALTER TABLE harvest.time_entries ALTER billable_rate TYPE bigint")
    copy.run("ALTER TABLE harvest.time_entries DROP COLUMN cost_rate")
    copy.run(f"DELETE FROM harvest.time_entries WHERE id = {min(copy.entries(client))}")

    copy.sync()

    [row] = copy.run(
        "SELECT count(cost_rate), pg_typeof(max(billable_rate))::text FROM harvest.time_entries"
    )
    assert row[0] > 0
    assert row[1] == "numeric"
    assert copy.seen(client) == copy.entries(client)
    assert copy.seen(other) == copy.entries(other)
    with pytest.raises(errors.InsufficientPrivilege):
        copy.read(client, "SELECT cost_rate FROM harvest.time_entries")


def test_overwrite_waits_until_the_views_are_gone(copy: Warehouse) -> None:
    """Then the new tables have the policies and grants, and the views are made by the page."""
    client, other = copy.clients
    copy.pipeline.target_config["load_method"] = "overwrite"
    copy.pipeline()
    assert copy.pipeline.exit_codes[1] == 1
    assert "Drop the view" in copy.pipeline.errors
    assert copy.seen(client) == copy.entries(client)

    copy.run("DROP VIEW sharing.time_entries, sharing.projects")
    copy.sync()
    copy.run(MAKE_VIEWS)

    for each in (client, other):
        assert copy.seen(each) == copy.entries(each)
    with pytest.raises(errors.InsufficientPrivilege):
        copy.run("SET ROLE sharing", "SELECT billable_rate FROM harvest.time_entries")
    with pytest.raises(errors.InsufficientPrivilege):
        copy.read(client, "SELECT id FROM harvest.time_entries")


def test_a_column_that_a_view_shows_ends_the_run_before_it_widens(copy: Warehouse) -> None:
    """With the advice of the page."""
    client, _ = copy.clients
    copy.run("DROP VIEW sharing.time_entries")
    copy.run("ALTER TABLE harvest.time_entries ALTER hours TYPE bigint")
    copy.run(MAKE_VIEWS.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    copy.pipeline()

    assert copy.pipeline.exit_codes[1] == 1
    assert "Drop the view" in copy.pipeline.errors
    copy.run("DROP VIEW sharing.time_entries")
    copy.sync()
    copy.run(MAKE_VIEWS.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    assert copy.seen(client) == copy.entries(client)


CLEAR, DROP = blocks("A column that you no longer want")


@pytest.mark.parametrize("clear", [CLEAR, DROP], ids=["clear", "drop"])
def test_a_deselected_column_is_cleared_for_good(copy: Warehouse, clear: str) -> None:
    """Its values stay until the page's statement runs, and do not come back."""
    notes = "SELECT to_jsonb(t) ->> 'notes' FROM harvest.time_entries AS t"
    catalog = selecting(*copy.pipeline.streams)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"] == ["properties", "notes"]:
                item["metadata"]["selected"] = False
    copy.pipeline.streams = ()
    copy.pipeline.catalog = catalog
    copy.sync()
    assert any(note for (note,) in copy.run(notes))

    copy.run(clear)
    copy.sync()

    assert {note for (note,) in copy.run(notes)} == {None}
