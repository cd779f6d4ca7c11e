"""What MariaDB and MySQL would do otherwise, if they were let."""

from __future__ import annotations

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from sqlalchemy.engine import make_url
from target_run import command, record, run, schema, state, write

from target_harvest_sql.database.connection import Connection
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.settings.address import address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_run import Fed

    from fixtures.databases import Database

SECRET = "s3cr3t-value"
ID = {"type": "integer"}
DATE_TIME = {"type": "string", "format": "date-time"}
AMOUNT = {"type": "string", "format": "singer.decimal", "precision": 6, "scale": 2}

pytestmark = pytest.mark.parametrize("database", ["mariadb", "mysql"], indirect=True)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02 03:04:05.000000"),
        ("2024-01-02T03:04:05", "2024-01-02 03:04:05.000000"),
        ("2024-01-02", "2024-01-02 00:00:00.000000"),
        ("2024-01-02 03:04:05.25+02:00", "2024-01-02 01:04:05.250000"),
        ("2024-01-02T03:04:05-05:30", "2024-01-02 08:34:05.000000"),
        ("2024-01-02T03:04:05.1234560Z", "2024-01-02 03:04:05.123456"),
        ("1960-01-02T03:04:05+14:00", "1960-01-01 13:04:05.000000"),
    ],
)
def test_date_times_are_kept_in_utc(database: Database, sent: str, found: str) -> None:
    """What has no offset is UTC, before 1970 as well; zeros beyond microseconds are cut."""
    write(database, schema("t", id=ID, v=DATE_TIME), record("t", id=1, v=sent))

    assert database.query("SELECT CAST(v AS char) AS v FROM t") == [{"v": found}]


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("integer", SECRET),
        ("integer", f"{SECRET}' for column `x` at '{SECRET}"),
        ("integer", {"a": SECRET}),
        ("integer", ""),
        ("number", SECRET),
        ("boolean", SECRET),
        (DATE_TIME, "2024-02-30T00:00:00Z"),
        (DATE_TIME, "2024-02-30T00:00:00+02:00"),
        (DATE_TIME, "9999-12-31T23:59:59-01:00"),
        (DATE_TIME, SECRET),
        ({"type": "string", "format": "date"}, "0000-00-00"),
        ({"type": "string", "format": "date"}, "2024-01-02T03:04:05"),
        ({"type": "string", "format": "time"}, "03:61:05"),
        (AMOUNT, "1.234"),
        (AMOUNT, "12345.00"),
        (AMOUNT, SECRET),
    ],
)
def test_what_a_column_cannot_hold_is_refused(
    database: Database, definition: Any, value: Any
) -> None:
    """Neither cut, nor rounded, nor zero; and not shown."""
    messages = [schema("t", id=ID, v=definition), record("t", id=1, v=value)]
    with pytest.raises(DatabaseError, match='Line 2 of stream "t" is refused') as caught:
        write(database, *messages, validate_records=False)

    assert SECRET not in str(caught.value)
    assert database.rows("t") == []


def test_an_error_names_the_column(database: Database) -> None:
    """And of its value only what is wrong with it."""
    with pytest.raises(DatabaseError, match=r"nteger.* (for|from) column .*v.* at row 1"):
        write(
            database,
            schema("t", id=ID, v="integer"),
            record("t", id=1, v=SECRET),
            validate_records=False,
        )


def test_a_time_may_end_in_z(database: Database) -> None:
    """As JSON Schema has it."""
    definition = {"type": "string", "format": "time"}
    write(database, schema("t", id=ID, v=definition), record("t", id=1, v="03:04:05.5Z"))

    assert database.query("SELECT CAST(v AS char) AS v FROM t") == [{"v": "03:04:05.500000"}]


def test_keys_of_text_are_told_apart(database: Database) -> None:
    """By case, accents, spaces at the end, and characters of four bytes; in a delete as well."""
    keys = ["", "a", "A", "a ", "á", "ß", "ss", "\U0001f600", "\U0001f601", "x" * 768]
    message = schema("t", keys=["k"], k={"type": "string"}, v="integer")
    write(database, message, *[record("t", k=k, v=n) for n, k in enumerate(keys)])
    gone = [record("t", k=k, _sdc_deleted_at="2024-01-02T03:04:05Z") for k in ("a", "\U0001f601")]
    write(database, message, *gone, hard_delete=True)

    assert sorted(row["k"] for row in database.rows("t")) == sorted({*keys} - {"a", "\U0001f601"})


def test_a_key_longer_than_an_index_is_refused(database: Database) -> None:
    """With what to do."""
    message = schema("t", keys=["k"], k={"type": "string"})
    with pytest.raises(DatabaseError, match=r"too long for column.*a key holds as much"):
        write(database, message, record("t", k="x" * 769))


def test_a_change_of_case_is_a_change(database: Database) -> None:
    """The moment of the batch moves on."""
    message = schema("t", id=ID, v="string")
    write(database, message, record("t", id=1, v="a"))
    before = database.rows("t", metadata=True)[0]["_sdc_batched_at"]
    write(database, message, record("t", id=1, v="A"))

    [row] = database.rows("t", metadata=True)
    assert row["v"] == "A"
    assert row["_sdc_batched_at"] > before


def test_an_object_where_a_column_holds_text_is_not_lost(database: Database) -> None:
    """A table of others keeps its columns when the schema changes."""
    database.query("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(20))")
    write(
        database,
        schema("t", id=ID, v="string"),
        record("t", id=1, v="a"),
        add_record_metadata=False,
    )
    objects = schema("t", id=ID, v={"type": ["object", "null"]})
    write(database, objects, record("t", id=2, v={"a": 1}), record("t", id=3, v=None))

    assert [row["v"] for row in database.rows("t")] == ["a", '{"a": 1}', None]


def test_a_column_is_made_anew_in_its_place(database: Database) -> None:
    """With its description."""
    described = {"type": ["string", "null"], "description": "It's v."}
    write(
        database,
        schema("t", id=ID, v=described, w="string"),
        record("t", id=1, v="a", w="b"),
        add_record_metadata=False,
    )
    write(
        database,
        schema("t", id=ID, v={"description": "It's v."}, w="string"),
        record("t", id=2, v=[1], w="c"),
        add_record_metadata=False,
    )
    comments = database.query(
        "SELECT column_comment AS c FROM information_schema.columns "
        "WHERE table_schema = database() AND column_name = 'v'"
    )

    found = [list(row.items()) for row in database.rows("t")]
    assert found == [
        [("id", 1), ("v", '"a"'), ("w", "b")],
        [("id", 2), ("v", "[1]"), ("w", "c")],
    ]
    assert comments == [{"c": "It's v."}]


def test_what_another_run_left_of_a_column_is_named(database: Database) -> None:
    """A change of a table is no part of a transaction; no column is dropped that may hold data."""
    write(database, schema("t", id=ID, v="integer"), record("t", id=1, v=1))
    database.query("ALTER TABLE t ADD COLUMN v__widened json")
    with pytest.raises(DatabaseError, match="Drop the column whose name"):
        write(database, schema("t", id=ID, v="object"), record("t", id=1, v={}))
    database.query("ALTER TABLE t DROP COLUMN v__widened")
    write(database, schema("t", id=ID, v="object"), record("t", id=2, v={}))

    assert [row["v"] for row in database.rows("t")] == ["1", "{}"]


def test_a_constraint_that_another_run_left_is_named(database: Database) -> None:
    """It is there while integers become doubles; without it the column widens."""
    write(database, schema("t", id=ID, v="integer"), record("t", id=1, v=1))
    database.query("ALTER TABLE t ADD CONSTRAINT exact_as_double CHECK (v < 5)")
    with pytest.raises(DatabaseError, match=r"Drop the constraint exact_as_double"):
        write(database, schema("t", id=ID, v="number"))
    database.query("ALTER TABLE t DROP CONSTRAINT exact_as_double")
    write(database, schema("t", id=ID, v="number"), record("t", id=2, v=1.5))

    assert [row["v"] for row in database.rows("t")] == [1, 1.5]


def test_columns_widen_without_a_loss(database: Database) -> None:
    """Decimals by both schemas; integers to doubles, if a double keeps them. Descriptions stay."""
    described = {"type": "integer", "description": "It's 100% v."}
    larger = {**AMOUNT, "precision": 10, "scale": 4}
    write(
        database,
        schema("t", id=ID, v=described, w=AMOUNT),
        record("t", id=1, v=2**53, w="1.25"),
        schema("t", id=ID, v={**described, "type": "number"}, w=larger),
        record("t", id=2, v=1.5, w="123456.1234"),
        add_record_metadata=False,
    )
    comments = database.query(
        "SELECT column_comment AS c FROM information_schema.columns "
        "WHERE table_schema = database() AND column_name = 'v'"
    )

    assert database.types("t")["w"] == "decimal(10,4)"
    assert comments == [{"c": "It's 100% v."}]
    assert [(row["v"], str(row["w"])) for row in database.rows("t")] == [
        (2.0**53, "1.2500"),
        (1.5, "123456.1234"),
    ]


def test_integers_that_a_double_would_round_are_refused(database: Database) -> None:
    """The table stays as it was."""
    integers = schema("t", id=ID, v="integer")
    write(database, integers, record("t", id=1, v=2**53 + 1), add_record_metadata=False)
    with pytest.raises(DatabaseError, match=r"exact_as_double.*singer\.decimal"):
        write(database, schema("t", id=ID, v="number"), add_record_metadata=False)
    write(database, integers, record("t", id=2, v=5), add_record_metadata=False)

    assert database.rows("t") == [{"id": 1, "v": 2**53 + 1}, {"id": 2, "v": 5}]


def test_tables_that_were_made_otherwise_are_written_to(database: Database) -> None:
    """As far as their columns go; what is longer is an error, and no longer text."""
    database.query("CREATE TABLE t (id int PRIMARY KEY, v varchar(5), at timestamp(6) NULL)")
    message = schema("t", id=ID, v="string", at=DATE_TIME)
    row = record("t", id=1, v="12345", at="2024-01-02T03:04:05+02:00")
    write(database, message, row, add_record_metadata=False)
    for wrong in ({"v": "123456"}, {"id": 2**31}, {"v": "\u65e5"}):
        with pytest.raises(DatabaseError, match='Line 2 of stream "t" is refused'):
            write(database, message, record("t", **{"id": 2, **wrong}), add_record_metadata=False)

    found = database.query("SELECT id, v, CAST(at AS char) AS at FROM t")
    assert found == [{"id": 1, "v": "12345", "at": "2024-01-02 01:04:05.000000"}]


def test_either_name_reaches_either_server(database: Database) -> None:
    """The server says which it is."""
    other = {"mariadb": "mysql", "mysql": "mariadb"}[database.engine]
    for name in (database.engine, f"{database.engine}+pymysql", other, f"{other}+pymysql"):
        url = make_url(database.url).set(drivername=name).render_as_string(hide_password=False)
        write(replace(database, url=url), schema("t", id=ID, v="object"), record("t", id=1, v={}))

    assert database.rows("t") == [{"id": 1, "v": "{}"}]


def test_lanes_write_side_by_side(database: Database) -> None:
    """A key stays on its lane; rows without a key are written once."""
    sent = [(n * 7 % 40, n) for n in range(300)]
    write(
        database,
        schema("t", id=ID, v="integer"),
        schema("log", keys=[], v="integer"),
        *(record("t", id=id_, v=v) for id_, v in sent),
        *(record("log", v=v) for _, v in sent),
        lanes=3,
        batch_size_rows=7,
    )

    assert {row["id"]: row["v"] for row in database.rows("t")} == dict(sent)
    assert [row["v"] for row in database.rows("log")] == [v for _, v in sent]


@pytest.mark.parametrize("table", ["mine", "made"])
def test_a_table_that_another_connection_makes_meanwhile_ends_no_run(
    database: Database, table: str
) -> None:
    """A transaction that holds a table may not wait for it, so that the server only warns."""
    database.query("CREATE TABLE mine (id int, v json)")
    database.query("INSERT INTO mine VALUES (1, NULL)")
    connection = Connection(address({"sqlalchemy_url": database.url}), logging.getLogger(__name__))
    columns = connection.open().columns_sql()

    def work(execute: Callable[..., list[Any]]) -> list[Any]:
        execute("SELECT * FROM mine")
        return execute(columns, {"schema": None, "table": table})

    running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'CREATE TABLE made%'"
    with closing(connection), ThreadPoolExecutor() as pool:
        pool.submit(database.query, "CREATE TABLE made AS SELECT id, SLEEP(2) AS s FROM mine")
        while not database.query(running):
            time.sleep(0.01)
        found = connection.transact("look", work)

    assert [name for name, *_ in found] == (["id", "v"] if table == "mine" else ["id", "s"])


def test_one_run_at_a_time_writes_to_a_table(
    database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """Another one is told to wait; it may write to other tables."""
    message = schema("t", id=ID)
    fed = feeding(command(database, tmp_path, batch_size_rows=1))
    fed.feed(message, record("t", id=1), state(at=1))
    assert fed.next_state() == {"at": 1}
    with pytest.raises(DatabaseError, match=r'"t".*lock_wait_limit_seconds'):
        write(database, message, record("t", id=2), lock_wait_limit_seconds=0)
    write(database, {**message, "stream": "u"}, record("u", id=2), lock_wait_limit_seconds=0)
    assert fed.end()[0] == 0
    write(database, message, record("t", id=3), lock_wait_limit_seconds=0)

    assert database.rows("t") == [{"id": 1}, {"id": 3}]


def test_a_connection_that_is_lost_is_opened_anew(
    database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """No record is lost, and none written twice."""
    fed = feeding(command(database, tmp_path, batch_size_rows=2, lanes=2))
    fed.feed(schema("log", keys=[], v="integer"), *(record("log", v=n) for n in range(10)))
    fed.feed(state(at=10))
    assert fed.next_state() == {"at": 10}
    found = database.query(
        "SELECT id FROM information_schema.processlist "
        "WHERE db = database() AND id <> connection_id() AND id <> IS_USED_LOCK(CONCAT("
        "'target-harvest-sql ', LEFT(SHA2(CONCAT(DATABASE(), '.log'), 256), 40)))"
    )
    for row in found:
        database.query(f"KILL {row['id']}")
    fed.feed(*(record("log", v=n) for n in range(10, 20)), state(at=20))

    assert found != []
    assert fed.end()[0] == 0
    assert [row["v"] for row in database.rows("log")] == list(range(20))


@pytest.fixture
def small_packets(database: Database) -> Iterator[None]:
    """A server that takes one megabyte at a time, while a test runs."""
    before = database.query("SELECT @@max_allowed_packet AS bytes")[0]["bytes"]
    database.query(f"SET GLOBAL max_allowed_packet = {2**20}")
    try:
        yield
    finally:
        database.query(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.usefixtures("small_packets")
def test_a_batch_is_parted_as_the_server_takes_it(database: Database) -> None:
    """By its bytes, each quotation mark counted twice."""
    message = schema("t", id=ID, v="string")
    write(database, message, *[record("t", id=n, v="'" * 9000) for n in range(150)])

    assert [len(row["v"]) for row in database.rows("t")] == [9000] * 150


@pytest.mark.usefixtures("small_packets")
def test_a_record_that_the_server_cannot_take_is_named(database: Database) -> None:
    """By the setting of the server."""
    with pytest.raises(DatabaseError, match=r"max_allowed_packet.*Raise it"):
        write(database, schema("t", id=ID, v="string"), record("t", id=1, v="x" * 2**20))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": SECRET}, "Access denied.*Correct user and password"),
        ({"database": "nowhere"}, "Unknown database .nowhere.*Create it"),
        ({"port": 1}, "connect to MySQL.*Correct host and port"),
        ({"query": {"ssl_ca": "/no/such/file"}}, "No such file.*Correct the paths"),
        ({"query": {"connect_timeout": "soon"}}, "connect_timeout.*Correct what follows"),
        ({"query": {"no_such_option": "1"}}, "no_such_option.*Correct what follows"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(
    database: Database, change: dict[str, Any], expected: str
) -> None:
    """With the reason and what to do, and without the password."""
    url = make_url(database.url).set(**change)
    with pytest.raises(DatabaseError, match=f"(?s)open the m.*{expected}") as caught:
        write(replace(database, url=url.render_as_string(hide_password=False)), schema("t", id=ID))

    assert url.password
    assert url.password not in str(caught.value)


def test_tls_can_be_demanded(database: Database) -> None:
    """Of a server that has none, or whose certificate nobody knows, in vain."""
    url = make_url(database.url).update_query_dict({"ssl_verify_cert": "true"})
    with pytest.raises(DatabaseError, match=r"SSL.*Change the `ssl_` options"):
        write(replace(database, url=url.render_as_string(hide_password=False)), schema("t", id=ID))


def test_a_socket_can_be_used(database: Database) -> None:
    """On the machine of the server."""
    at = make_url(database.url)
    with (
        closing(pymysql.connect(**at.translate_connect_args(username="user"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT @@socket")
        [(socket,)] = cursor.fetchall()
    if not Path(socket).is_socket():
        pytest.skip(f"the server runs elsewhere: there is no {socket}")
    url = at.set(port=1).update_query_dict({"unix_socket": socket})
    write(replace(database, url=url.render_as_string(hide_password=False)), schema("t", id=ID))

    assert database.rows("t") == []


@pytest.mark.parametrize("kind", ["string", "object"])
def test_a_table_may_have_very_many_columns_of_text(
    database: Database, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """A warning says that not all rows fit; one that does not is refused by itself."""
    if database.engine == "mysql":
        pytest.skip("MySQL makes no such table: its setting for that needs a right of its own.")
    message = schema("t", id=ID, **{f"c{n}": kind for n in range(900)})
    small, large = ("x", "x" * 35) if kind == "string" else ({}, {"a": "x" * 27})
    wide = record("t", id=2, **{f"c{n}": large for n in range(900)})
    fitting = [record("t", id=n, c0=large, c899=small) for n in (1, 3)]
    write(database, message, fitting[0], wide, fitting[1], invalid_records="quarantine")

    assert [row["id"] for row in database.rows("t")] == [1, 3]
    [rejected] = database.rows("_sdc_rejected")
    assert "Row size too large" in rejected["reason"]
    assert "select fewer properties" in rejected["reason"]
    warnings = [r.getMessage() for r in caplog.records if "columns of text" in r.getMessage()]
    assert len(warnings) == 1
    assert "Table t has 900 columns" in warnings[0]


def test_a_table_of_few_texts_draws_no_warning(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows of up to 190 texts fit, whatever their length is."""
    names = [f"c{n}" for n in range(190)]
    write(
        database,
        schema("t", id=ID, **dict.fromkeys(names, "string")),
        *(record("t", id=n, **dict.fromkeys(names, "x" * n)) for n in (10, 20, 40, 41, 500)),
    )

    assert len(database.rows("t")) == 5
    assert "columns of text" not in caplog.text


# Several hosts


@pytest.mark.parametrize("form", ["before the database", "in the query"])
def test_the_next_host_is_tried(database: Database, tmp_path: Path, form: str) -> None:
    """The first one of the URL refuses connections."""
    url = make_url(database.url)
    if form == "in the query":
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = url.set(
                port=closed.getsockname()[1], query={"host": ("[::1]:1", f"127.0.0.1:{url.port}")}
            )
    else:
        url = url.set(host="127.0.0.9,127.0.0.1")
    several = replace(database, url=url.render_as_string(hide_password=False))
    ended = run(several, tmp_path, schema("t", id="integer"), record("t", id=1))

    assert ended.exit_code == 0, ended.errors
    assert database.rows("t") == [{"id": 1}]


@pytest.mark.parametrize("host", ["a:b", "a:99999", ":1", "a b"])
def test_a_host_that_cannot_be_read_is_refused(
    database: Database, tmp_path: Path, host: str
) -> None:
    """Before any server is asked."""
    url = make_url(database.url).set(query={"host": host})
    wrong = replace(database, url=url.render_as_string(hide_password=False))
    ended = run(wrong, tmp_path, schema("t", id="integer"))

    assert "the option host is not a host, or a host and its port" in ended.error
