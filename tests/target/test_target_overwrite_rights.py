"""Who may read a table, after `load_method: overwrite` has replaced it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest
from sqlalchemy.engine import make_url
from target_run import record, schema, write

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.databases import Database

OVERWRITE: Final = {"load_method": "overwrite", "overwrite_requires": "end_of_input"}
ODD: Final = 'a "b" %c'
"""The name of a role."""


@contextmanager
def roles(database: Database, *names: str) -> Iterator[list[str]]:
    """Roles of these names, which end with the test; gives the names that they have."""
    place = make_url(database.url).database
    made = [f"{name} {place}" for name in names]
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in made)
    for name in quoted.split(", "):
        database.query(f"CREATE ROLE {name} LOGIN")
    try:
        yield made
    finally:
        database.query(f"DROP OWNED BY {quoted}")
        database.query(f"DROP ROLE {quoted}")


def rights(database: Database, table: str) -> list[dict[str, Any]]:
    """All that decides who reads and writes a table, but for its owner."""
    name = '"' + table.replace('"', '""') + '"'
    return [
        *database.query(
            "SELECT relacl::text, relrowsecurity, relforcerowsecurity FROM pg_class "
            f"WHERE oid = to_regclass('{name}')"
        ),
        *database.query(
            "SELECT attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL "
            f"AND attrelid = to_regclass('{name}') ORDER BY attname"
        ),
        *database.query(
            "SELECT policyname, permissive, roles::text[], cmd, qual, with_check FROM pg_policies "
            f"WHERE tablename = '{table}' ORDER BY policyname"
        ),
    ]


def read_as(database: Database, role: str, statement: str) -> list[Any]:
    """Run a statement as a role."""
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT set_config('role', %s, false)", [role])
        return connection.execute(statement).fetchall()


def test_a_table_that_is_replaced_keeps_its_rights(postgres_database: Database) -> None:
    """Grants on the table and on columns, policies, and row-level security."""
    database = postgres_database
    table = 'Odd "t%"'
    name = '"Odd ""t%"""'
    people = schema(table, id="integer", team="string", rate="number")
    write(database, people, record(table, id=1, team="a", rate=5), record(table, id=2, team="b"))
    with roles(database, ODD, "other") as (odd, other):
        quoted = '"' + odd.replace('"', '""') + '"'
        using = f"USING (team IN (SELECT 'a'::text AS text WHERE {name}.id > 0))"
        for statement in (
            f"GRANT INSERT, UPDATE ON {name} TO {quoted} WITH GRANT OPTION",
            f'GRANT SELECT (id, team) ON {name} TO {quoted}, "{other}"',
            f"GRANT REFERENCES ON {name} TO PUBLIC",
            f'CREATE POLICY "p ""%""" ON {name} FOR SELECT TO {quoted}, "{other}" {using}',
            f"CREATE POLICY q ON {name} AS RESTRICTIVE USING (id < 9) WITH CHECK (id < 5)",
            f"CREATE POLICY r ON {name} FOR INSERT WITH CHECK (true)",
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        ):
            database.query(statement)
        before = rights(database, table)

        write(
            database,
            people,
            *(record(table, id=i, team="ab"[i % 2]) for i in range(4)),
            **OVERWRITE,
        )

        assert len(before) == 6
        assert rights(database, table) == before
        assert read_as(database, odd, f"SELECT id FROM {name} ORDER BY id") == [(2,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            read_as(database, odd, f"SELECT rate FROM {name}")


def test_a_policy_that_the_new_table_cannot_have_keeps_the_old_one(
    postgres_database: Database,
) -> None:
    """A table that would lose its policy is not replaced."""
    database = postgres_database
    write(database, schema("t", id="integer", team="string"), record("t", id=1, team="a"))
    with roles(database, "reader") as (reader,):
        database.query(f'GRANT SELECT ON t TO "{reader}"')
        database.query("CREATE POLICY p ON t USING (team = 'b')")
        database.query("ALTER TABLE t ENABLE ROW LEVEL SECURITY")

        with pytest.raises(DatabaseError, match="If a policy of the table names it"):
            write(database, schema("t", id="integer"), record("t", id=2), **OVERWRITE)

        assert read_as(database, reader, "SELECT * FROM t") == []
        assert [row["id"] for row in database.rows("t")] == [1]


def test_a_column_that_is_gone_takes_its_grants_along(postgres_database: Database) -> None:
    """The other columns keep theirs."""
    database = postgres_database
    write(database, schema("t", id="integer", team="string"), record("t", id=1, team="a"))
    with roles(database, "reader") as (reader,):
        database.query(f'GRANT SELECT (id, team) ON t TO "{reader}"')

        write(database, schema("t", id="integer"), record("t", id=2), **OVERWRITE)

        assert read_as(database, reader, "SELECT id FROM t") == [(2,)]


def test_a_policy_in_the_way_of_a_wider_column_is_named(postgres_database: Database) -> None:
    """The error says what to do."""
    database = postgres_database
    write(database, schema("t", id="integer", team="integer"), record("t", id=1, team=1))
    database.query("CREATE POLICY p ON t USING (team = 1)")

    with pytest.raises(
        DatabaseError, match=r"Drop the policy, and create it again after the run\."
    ):
        write(database, schema("t", id="integer", team="string"), record("t", id=2, team="a"))
