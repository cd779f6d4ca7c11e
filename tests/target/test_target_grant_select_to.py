"""`grant_select_to`: who reads the tables that the target makes."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url
from target_run import record, run, schema, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fixtures.databases import Database

OVERWRITE: Final = {"load_method": "overwrite", "overwrite_requires": "end_of_input"}
T: Final = schema("t", id="integer")
PASSWORD: Final = "p"


@contextmanager
def reader(database: Database) -> Iterator[str]:
    """A user without rights; gives the name."""
    name = f"reader {make_url(database.url).database}"
    if database.engine == "mariadb":
        database.query(f"CREATE USER `{name}` IDENTIFIED BY '{PASSWORD}'")
    else:
        database.query(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{PASSWORD}'")
    try:
        yield name
    finally:
        if database.engine == "mariadb":
            database.query(f"DROP USER `{name}`")
        else:
            database.query(f'DROP OWNED BY "{name}"')
            database.query(f'DROP ROLE "{name}"')


def ids(database: Database, name: str, table: str) -> list[Any]:
    """Read the ids of a table as that user."""
    url = make_url(database.url).set(username=name, password=PASSWORD)
    given = url.translate_connect_args(username="user")
    connect: Any = pymysql.connect
    if database.engine == "postgres":
        connect = psycopg.connect
        given["dbname"] = given.pop("database")
    with closing(connect(**given)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


REFUSED: Final = (psycopg.errors.InsufficientPrivilege, pymysql.err.OperationalError)


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest, new_database: Callable[[str], Database]) -> Database:
    """An empty database of an engine with users."""
    return new_database(request.param)


def test_a_role_reads_a_new_table(server: Database) -> None:
    """But not a table that was there, and it writes to none."""
    write(server, T, record("t", id=1))
    with reader(server) as name:
        other = schema("new", id="integer")
        messages = (T, record("t", id=2), other, record("new", id=3))
        write(server, *messages, grant_select_to=name)

        assert ids(server, name, "new") == [3]
        with pytest.raises(REFUSED):
            ids(server, name, "t")


def test_a_role_reads_a_table_that_overwrite_makes(server: Database) -> None:
    """At first, where there was no table yet, and when it is replaced."""
    with reader(server) as name:
        for row_id in (1, 2):
            write(server, T, record("t", id=row_id), grant_select_to=name, **OVERWRITE)

            assert ids(server, name, "t") == [row_id]


def test_a_role_reads_a_new_schema(postgres_database: Database) -> None:
    """With the table in it; `_sdc_rejected` holds whole records, and is not for it."""
    own = f"own_{os.getpid()}"
    with reader(postgres_database) as name:
        bad = record("t", id="no number")
        config = {"default_target_schema": own, "invalid_records": "quarantine"}
        write(postgres_database, T, record("t", id=1), bad, grant_select_to=name, **config)

        assert ids(postgres_database, name, f'"{own}".t') == [1]
        with pytest.raises(REFUSED):
            ids(postgres_database, name, f'"{own}"._sdc_rejected')


def test_a_policy_goes_before_the_grant(postgres_database: Database) -> None:
    """A role whose rows a policy limits sees no more of them after the table was replaced."""
    with reader(postgres_database) as name:
        write(postgres_database, T, record("t", id=1), grant_select_to=name)
        postgres_database.query("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        postgres_database.query("CREATE POLICY p ON t USING (id < 5)")

        write(postgres_database, T, *(record("t", id=i) for i in (4, 5)), **OVERWRITE)

        assert ids(postgres_database, name, "t") == [4]


def test_a_role_that_does_not_exist_is_named(postgres_database: Database, tmp_path: Path) -> None:
    """With the setting, and no table is made."""
    ended = run(postgres_database, tmp_path, T, record("t", id=1), grant_select_to="nobody")

    assert ended.exit_code == 1
    assert ended.error.endswith("Create the role, or correct `grant_select_to`.")
    assert postgres_database.types("t") == {}


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_file_has_no_roles(
    new_database: Callable[[str], Database], tmp_path: Path, engine: str
) -> None:
    """A warning says what to do; the run goes on."""
    database = new_database(engine)

    ended = run(database, tmp_path, T, record("t", id=1), grant_select_to="somebody")

    assert ended.exit_code == 0
    assert database.rows("t") == [{"id": 1}]
    told = " ".join(ended.errors.split())
    assert f"{engine} has no users, so `grant_select_to` is not used; leave it out." in told
    assert "Whoever may read the file reads all tables." in told
