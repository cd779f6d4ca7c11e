"""Errors are told apart by the codes of the drivers: faults of a row, of the server, of the URL."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url
from target_run import record, run, schema, state, write

from fixtures.databases import Database
from servers.postgres import private_server
from target_harvest_sql.database import retries
from target_harvest_sql.database.errors import DatabaseError, TransientError
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.dialects.sqlite import SQLite
from target_harvest_sql.drivers.mssql import UNMAPPED, MSSQLDriver, ServerError
from target_harvest_sql.writing.bad_rows import RefusedRowError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ID = {"type": "integer"}
T = schema("t", id=ID, v="integer")
MODES = pytest.mark.parametrize("invalid_records", ["fail", "quarantine"])
SERVERS = pytest.mark.parametrize("database", ["postgres", "mariadb", "mysql"], indirect=True)
MYSQLS = pytest.mark.parametrize("database", ["mariadb", "mysql"], indirect=True)

# Rows are refused for a reason of their own, and their names and values hold words of others.
MISLEADING = {
    "sqlite": ("full_name", "Free space"),
    "duckdb": ("is_locked", "end the other"),
    "postgres": ("SSL_expiry", "sslmode"),
    "mariadb": ("is full", "Free space"),
    "mysql": ("is full", "Free space"),
    "mssql": ("permission", "Grant"),
}


def with_url(at: Database, /, **change: Any) -> Database:
    """The database, by another URL."""
    url = make_url(at.url).set(**change)
    return replace(at, url=url.render_as_string(hide_password=False))


def with_query(database: Database, **query: str) -> Database:
    """The database, with further options in its URL."""
    return with_url(database, query={**make_url(database.url).query, **query})


def put_away(database: Database) -> bool:
    """Whether there is a table of rejected records."""
    catalog = "SELECT count(*) AS n FROM {} WHERE {} = '_sdc_rejected'"
    place = ("information_schema.tables", "table_name")
    if database.engine == "sqlite":
        place = ("sqlite_master", "name")
    [found] = database.query(catalog.format(*place))
    return bool(found["n"])


def test_no_name_or_value_chooses_what_to_do(database: Database, tmp_path: Path) -> None:
    """The same words stand in messages of other errors."""
    name, wrong = MISLEADING[database.engine]
    quote = "`{}`" if database.engine in {"mariadb", "mysql"} else '"{}"'
    column = quote.format(name)
    text = "nvarchar(99)" if database.engine == "mssql" else "varchar(99)"
    database.query(f"CREATE TABLE t (id integer NOT NULL PRIMARY KEY, {column} {text} NOT NULL)")
    message = schema("t", id=ID, **{name: "string"})
    words = "disk full permission denied SSL locked is full OPENJSON maximum_object_size"
    sent = (record("t", **{"id": 1, name: words}), record("t", **{"id": 2, name: None}))
    ended = run(database, tmp_path, message, *sent, add_record_metadata=False)

    assert ended.exit_code == 1
    assert "Line 3" in ended.error
    assert wrong not in ended.error
    assert len(database.rows("t")) == 1


@contextmanager
def holding(database: Database) -> Iterator[None]:
    """Another program holds row 1."""
    connection: Any
    if database.engine == "postgres":
        connection = psycopg.connect(database.url)
    else:
        at = make_url(database.url).translate_connect_args(username="user")
        connection = pymysql.connect(**at)
    with closing(connection):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM t WHERE id = 1 FOR UPDATE")
        yield
        connection.rollback()


@MODES
@SERVERS
def test_a_row_that_is_held_is_not_a_bad_row(
    database: Database, monkeypatch: pytest.MonkeyPatch, invalid_records: str
) -> None:
    """Whichever limit of the server ends the wait; it is tried again, and then told."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", 1)
    sent = [record("t", id=n, v=0) for n in range(5)]
    write(database, T, *sent)
    user = make_url(database.url)
    if database.engine == "postgres":
        limits = {
            "statement_timeout": ("ALTER ROLE {} IN DATABASE {} SET statement_timeout = '300ms'"),
            "lock timeout": "ALTER ROLE {} IN DATABASE {} SET lock_timeout = '300ms'",
        }
        undo = f"ALTER ROLE {user.username} IN DATABASE {user.database} RESET ALL"
    else:
        limits = {"Another program": "SET GLOBAL innodb_lock_wait_timeout = 1"}
        undo = "SET GLOBAL innodb_lock_wait_timeout = DEFAULT"
        if database.engine == "mariadb":
            limits["max_statement_time"] = "SET GLOBAL max_statement_time = 0.3"
            undo += "; SET GLOBAL max_statement_time = DEFAULT"
    for cause, limit in limits.items():
        database.query(limit.format(user.username, user.database))
        try:
            with holding(database), pytest.raises(TransientError) as caught:
                write(
                    database,
                    T,
                    *(record("t", id=n, v=1) for n in range(5)),
                    invalid_records=invalid_records,
                )
        finally:
            for statement in undo.split("; "):
                database.query(statement)

        assert cause in str(caught.value)
        assert "Line" not in str(caught.value)
        assert not put_away(database)
        assert database.rows("t")[1]["v"] == 0


@MODES
@pytest.mark.parametrize(
    ("database", "fault", "expected"),
    [
        ("postgres", "53100", "Free space on the server's disk"),
        ("postgres", "53200", "more memory"),
        ("postgres", "58030", "x"),
        ("postgres", "XX000", "x"),
        ("mariadb", "1021", "Free space on the server's disk"),
        ("mariadb", "1114", "Free space on the server's disk"),
        ("mariadb", "1037", "more memory"),
    ],
    indirect=["database"],
)
def test_a_fault_of_the_server_is_not_one_of_a_row(
    database: Database, tmp_path: Path, fault: str, expected: str, invalid_records: str
) -> None:
    """It ends the run with its cause, though only one row meets it."""
    write(database, T, distribute_by=None)  # Citus has no triggers on distributed tables.
    if database.engine == "postgres":
        database.query(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN RAISE EXCEPTION ''x'' USING ERRCODE = ''{fault}''; END';"
            "CREATE TRIGGER failing BEFORE INSERT ON t FOR EACH ROW WHEN (new.id = 3) "
            "EXECUTE FUNCTION fail()"
        )
    else:
        database.query(
            "CREATE TRIGGER failing BEFORE INSERT ON t FOR EACH ROW IF new.id = 3 THEN "
            f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {fault}, MESSAGE_TEXT = 'x'; END IF"
        )
    sent = [message for n in range(5) for message in (record("t", id=n, v=0), state(at=n))]
    ended = run(database, tmp_path, T, *sent, invalid_records=invalid_records)

    assert ended.exit_code == 1
    assert expected in ended.error
    assert "Line" not in ended.error
    assert ended.states == []
    assert not put_away(database)


@MODES
def test_a_full_disk_blames_no_row_of_a_file(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, invalid_records: str
) -> None:
    """The largest row meets it first, and is as good as all others."""
    message = schema("t", id=ID, v="string")
    write(sqlite_database, message)
    monkeypatch.setattr(SQLite, "open_sql", (*SQLite.open_sql, "PRAGMA max_page_count = 10"))
    sent = (record("t", id=n, v="x" * (100_000 if n == 3 else 1)) for n in range(5))
    with pytest.raises(DatabaseError, match=r"full\. Free space on the disk") as caught:
        write(sqlite_database, message, *sent, invalid_records=invalid_records)

    assert not isinstance(caught.value, RefusedRowError)
    assert not put_away(sqlite_database)


@MODES
def test_memory_that_is_used_up_blames_no_row_of_a_file(
    duckdb_database: Database, invalid_records: str
) -> None:
    """DuckDB has a limit of its own."""
    message = schema("t", id=ID, v="string")
    write(duckdb_database, message)
    small = with_query(duckdb_database, memory_limit="15MB")
    sent = (record("t", id=n, v="x" * (14_000_000 if n == 3 else 1)) for n in range(5))
    with pytest.raises(DatabaseError, match="memory_limit") as caught:
        write(small, message, *sent, invalid_records=invalid_records)

    assert not isinstance(caught.value, RefusedRowError)
    assert not put_away(duckdb_database)


# What is too large, too deep or too wide.


@MYSQLS
def test_a_record_that_is_too_long_is_no_wrong_value(database: Database, tmp_path: Path) -> None:
    """The server's limit is told; raised, as the message says, it lets the record in."""
    [limit] = database.query("SELECT @@max_allowed_packet AS bytes")
    message = schema("t", id=ID, v="string")
    sent = record("t", id=1, v="x" * 2**20)
    database.query(f"SET GLOBAL max_allowed_packet = {2**20}")
    try:
        ended = run(database, tmp_path, message, sent)
    finally:
        database.query(f"SET GLOBAL max_allowed_packet = {limit['bytes']}")

    assert "Line 2" in ended.error
    assert "longer than max_allowed_packet of the server. Raise it" in ended.error
    assert "which is no" not in ended.error
    write(database, message, sent)
    assert len(database.rows("t")) == 1


@pytest.mark.parametrize("depth", [30, 40])
def test_a_record_that_is_nested_too_deeply_is_no_wrong_value(
    mariadb_database: Database, tmp_path: Path, depth: int
) -> None:
    """Without the property, as the message says, it is written."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    message, sent = schema("t", id=ID, v={}), record("t", id=1, v=value)
    ended = run(mariadb_database, tmp_path, message, sent)

    assert "Line 2" in ended.error
    assert "nested too deeply for the server: leave the property out" in ended.error
    assert "which is no" not in ended.error
    write(mariadb_database, message, sent, stream_maps={"t": {"v": None}})
    assert len(mariadb_database.rows("t")) == 1


def test_a_record_that_duckdb_cannot_take_is_no_wrong_value(
    duckdb_database: Database, tmp_path: Path
) -> None:
    """The limit is told."""
    message = schema("t", id=ID, v="string")
    ended = run(duckdb_database, tmp_path, message, record("t", id=1, v="x" * 36_000_000))

    assert "Line 2" in ended.error
    assert "DuckDB reads records of at most 16 MB" in ended.error
    assert "which is no" not in ended.error


def test_too_many_columns_are_named(mariadb_database: Database, tmp_path: Path) -> None:
    """The message of the server is whole."""
    many = {f"c{n}": "string" for n in range(1500)}
    ended = run(mariadb_database, tmp_path, schema("t", id=ID, **many))

    assert "Too many columns" in ended.error
    assert "Flatten less, or select fewer properties" in ended.error


def test_locks_that_are_used_up_are_named(tmp_path: Path) -> None:
    """Raised, as the message says, the setting lets the run end well."""
    streams = [f"t{n}" for n in range(250)]
    messages = [m for name in streams for m in (schema(name, id=ID), record(name, id=1))]
    settings = {"max_connections": "10", "max_prepared_transactions": "0"}

    def ended(locks: str) -> Any:
        with private_server(**settings, max_locks_per_transaction=locks) as server:
            folder = tmp_path / locks
            folder.mkdir()
            database = Database("postgres", server.url)
            write(database, *messages)
            config = {"load_method": "overwrite", "overwrite_requires": "end_of_input"}
            return run(database, folder, *messages, **config)

    assert "Raise `max_locks_per_transaction`" in ended("10").error
    assert ended("256").exit_code == 0


# SQL Server, of which one driver tells numbers and the other one does not.


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (ServerError("Login failed for user 'disk'.", 18456), "server", "Correct user, password"),
        (
            ServerError("x", told="Login failed for user 'disk'."),
            "server",
            "Correct user, password",
        ),
        (ServerError('Cannot find the object "option" because', 4902), "server", "Grant"),
        (
            ServerError("Lock request time out period exceeded.", 1222),
            "transient",
            "wait until it ends",
        ),
        (
            ServerError("x", told="Lock request time out period exceeded."),
            "transient",
            "wait until it",
        ),
        (ServerError("Database 'a' on server 'b' is not currently available."), "transient", ""),
        (ServerError("Cannot insert into 'is not currently available'"), "server", ""),
        (ServerError("Conversion failed when converting 'permission'", 245), "value", "type"),
        (ServerError("a permission overflow", 547), "row", ""),
        (
            ServerError(
                "The ALTER TABLE statement conflicted with the CHECK constraint "
                '"__exact_as_float".',
                547,
            ),
            "row",
            "change its type",
        ),
        (ServerError("x", kind="row"), "row", ""),
        (ServerError('value "9" is out of range for type bigint', UNMAPPED), "value", "type"),
        (ServerError("numeric field overflow", UNMAPPED), "value", "type"),
        (ServerError("integer out of range", UNMAPPED), "value", "type"),
        (ServerError("the column permission is out of range", UNMAPPED), "server", ""),
        (ServerError("a trigger's own", 50_001), "row", ""),
        (ServerError("Could not allocate space for object", 1105), "server", "Free space"),
        (ServerError("There is insufficient system memory", 701), "server", ""),
    ],
)
def test_errors_of_sql_server_are_told_apart(error: ServerError, kind: str, hint: str) -> None:
    """By number, or by the fixed words that begin the message."""
    fault = MSSQLDriver.fault(error)

    assert fault.kind == kind
    found = DIALECTS["mssql"].hint(fault.code, fault.text)
    assert hint in found
    assert bool(hint) == bool(found)


IN_WORDS = {
    596: "Cannot continue the execution because the session is in the kill state.",
    615: "Could not find database ID 5, name 'a'",
    926: "Database 'a' cannot be opened. It has been marked SUSPECT by recovery.",
    976: "The target database, 'a', is participating in an availability group and is currently",
    983: "Unable to access availability database 'a' because the database replica is not in the",
    1205: "Transaction (Process ID 5) was deadlocked on lock resources with another process",
    1222: "Lock request time out period exceeded.",
    3960: "Snapshot isolation transaction aborted due to update conflict.",
    4060: 'Cannot open database "a" requested by the login. The login failed.',
    4221: "Login to read-secondary failed due to long wait on 'HADR_DATABASE_WAIT_FOR_TRANSITION",
    6005: "SHUTDOWN is in progress.",
    10928: "Resource ID: 1. The session limit for the database is 300 and has been reached.",
    10929: "Resource ID: 1. The request minimum guarantee is 0, maximum limit is 90 and the",
    18401: "Login failed for user 'a'. Reason: Server is in script upgrade mode. Only",
    40197: "The service has encountered an error processing your request. Please try again.",
    40501: "The service is currently busy. Retry the request after 10 seconds.",
    40540: "The service has encountered an error processing your request. Please try again.",
    40549: "Session is terminated because you have a long-running transaction.",
    40550: "The session has been terminated because it has acquired too many locks.",
    40551: "The session has been terminated because of excessive TEMPDB usage.",
    40552: "The session has been terminated because of excessive transaction log space usage.",
    40553: "The session has been terminated because of excessive memory usage.",
    40613: "Database 'a' on server 'b' is not currently available. Please retry the connection",
    42108: "Can not connect to the SQL pool since it is paused.",
    42109: "The SQL pool is warming up. Please try again.",
    49918: "Cannot process request. Not enough resources to process request.",
    49919: "Cannot process create or update request. Too many create or update operations in",
    49920: 'Cannot process request. Too many operations in progress for subscription "5".',
}
"""The words of Microsoft's documentation for errors that pass with time."""


@pytest.mark.parametrize("number", IN_WORDS)
def test_what_passes_with_time_on_sql_server_is_tried_again(number: int) -> None:
    """By its number, or by its words where a driver tells no number."""
    text = IN_WORDS[number]

    assert MSSQLDriver.fault(ServerError(text, number)).kind == "transient"
    assert MSSQLDriver.fault(ServerError(text)).kind == "transient"
    assert MSSQLDriver.fault(ServerError(f"Cannot insert '{text}'")).kind == "server"


@pytest.mark.parametrize(
    "text",
    [
        "Communication link failure",
        "Login timeout expired",
        "TCP Provider: Error code 0x2746",
        "The connection is broken and recovery is not possible. The connection is marked by the",
    ],
)
def test_a_connection_that_is_lost_is_opened_again(text: str) -> None:
    """Where Microsoft's driver says so, which the server cannot."""
    assert MSSQLDriver.fault(ServerError("x", told=text)).kind == "transient"


def test_a_full_database_is_told_at_once() -> None:
    """It does not become larger within a minute."""
    fault = MSSQLDriver.fault(ServerError("The database has reached its size quota.", 40544))

    assert fault.kind == "server"
    assert "larger maximum size" in DIALECTS["mssql"].hint(fault.code, fault.text)


# How a server is not reached.


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"query": {"sslmode": "perhaps"}}, "sslmode.*Correct what follows"),
        ({"host": "no.such.host.invalid"}, "(resolve|translate).*Correct the host"),
        ({"port": 1}, "refused.*Correct host and port"),
        ({"query": {"target_session_attrs": "no"}}, "target_session_attrs.*Correct what follows"),
        ({"query": {"connect_timeout": "soon"}}, "connect_timeout.*Correct what follows"),
        (
            {"query": {"host": "127.0.0.1,127.0.0.1", "port": "1,2,3"}},
            "port numbers.*Correct what follows",
        ),
    ],
)
def test_what_does_not_pass_with_time_is_told_at_once(
    postgres_database: Database,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    expected: str,
) -> None:
    """A wrong option, port or host is not tried again."""
    with pytest.raises(DatabaseError, match=f"(?s)open the postgresql.*{expected}"):
        write(with_url(postgres_database, **change), T)

    assert "Trying again" not in caplog.text


@contextmanager
def answering(text: bytes) -> Iterator[int]:
    """Listen on a port, and answer every connection with a text."""

    def answer() -> None:
        with suppress(OSError):
            while True:
                connected, _ = listening.accept()
                with connected:
                    connected.recv(1024)
                    connected.sendall(text)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_port_of_another_program_is_told_at_once(
    postgres_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """What to correct is the port, and nothing about TLS."""
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        at = with_url(postgres_database, host="127.0.0.1", port=port)
        with pytest.raises(DatabaseError, match="Correct host and port"):
            write(at, T)

    assert "Trying again" not in caplog.text


@MYSQLS
def test_a_url_without_a_database_is_told(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is waited for; with a schema, which is a database, none is needed."""
    bare = with_url(database, database="")
    began = time.monotonic()
    with pytest.raises(DatabaseError, match=r"No database.*Name a database in `sqlalchemy_url`"):
        write(bare, T, record("t", id=1), lock_wait_limit_seconds=30)

    assert time.monotonic() - began < 30
    assert "Waiting for another run" not in caplog.text
    write(bare, T, record("t", id=1), default_target_schema=make_url(database.url).database)
    assert len(database.rows("t")) == 1
