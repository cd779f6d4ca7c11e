"""Citus: PostgreSQL whose tables are distributed over several nodes.

The other tests of PostgreSQL run on it too where `TARGET_TEST_CITUS_URL` is set, with
`distribute_by: key`.

Citus documentation: https://docs.citusdata.com/en/stable/
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url
from target_run import activate, record, run, schema, write

from fixtures.databases import Database
from servers.citus import Cluster, database_url
from target_harvest_sql.database import retries
from target_harvest_sql.database.connection import Connection
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.settings.address import address

if TYPE_CHECKING:
    from pathlib import Path

T = schema("t", id="integer", v="string")
ROWS = [record("t", 1, id=n, v="x") for n in range(100)]
OVERWRITE = {"load_method": "overwrite"}


def distribution(database: Database, table: str) -> tuple[str, str | None, int] | None:
    """How a table is distributed: method, column, number of shards; `None` if it is local."""
    rows = database.query(
        "SELECT partmethod::text || repmodel::text AS method,\n"
        "  column_to_column_name(logicalrelid, partkey) AS by,\n"
        "  (SELECT count(*) FROM pg_dist_shard s WHERE s.logicalrelid = p.logicalrelid) AS shards\n"
        f"FROM pg_dist_partition p WHERE logicalrelid = '\"{table}\"'::regclass"
    )
    return next(((str(r["method"]), r["by"], int(r["shards"])) for r in rows), None)


REFERENCE = ("nt", None, 1)


@pytest.mark.parametrize("load_method", ["upsert", "append-only", "overwrite"])
@pytest.mark.parametrize(
    ("distribute_by", "expected"),
    [
        ("key", ("hs", "a", 32)),
        ("b", ("hs", "b", 32)),
        ("reference", REFERENCE),
        (None, None),
    ],
)
def test_a_new_table_is_distributed_as_the_setting_says(
    citus_database: Database, load_method: str, distribute_by: str | None, expected: Any
) -> None:
    """By the first property of the key, by another one, as a reference table, or not at all."""
    stream = schema("t", ["a", "b"], a="integer", b="string")
    rows = [record("t", 1, a=n, b=str(n)) for n in range(9)]
    setting = {"distribute_by": distribute_by} if distribute_by else {}
    write(citus_database, stream, *rows, activate("t", 1), load_method=load_method, **setting)

    assert distribution(citus_database, "t") == expected
    assert citus_database.rows("t") == [{"a": n, "b": str(n)} for n in range(9)]


@pytest.mark.parametrize(
    ("keys", "distribute_by"), [((), "key"), (("id",), "v"), (("id",), "nothing")]
)
def test_a_table_that_cannot_be_distributed_so_stays_local(
    citus_database: Database,
    caplog: pytest.LogCaptureFixture,
    keys: tuple[str, ...],
    distribute_by: str,
) -> None:
    """A warning says why."""
    stream = schema("t", keys, id="integer", v="string")
    write(citus_database, stream, record("t", id=1), distribute_by=distribute_by)

    assert distribution(citus_database, "t") is None
    assert "The table t of stream t is not distributed" in caplog.text


@pytest.mark.parametrize(
    ("by_hand", "expected"),
    [
        ("SELECT create_distributed_table('t', 'id', shard_count => 4)", ("hs", "id", 4)),
        ("SELECT create_reference_table('t')", REFERENCE),
        ("SELECT create_distributed_table('t', NULL)", ("ns", None, 1)),
        ("SELECT citus_add_local_table_to_metadata('t')", None),
        ("SELECT 1", None),
    ],
    ids=["hash", "reference", "single shard", "managed", "local"],
)
def test_overwrite_keeps_how_a_table_was_distributed_by_hand(
    citus_database: Database, by_hand: str, expected: Any
) -> None:
    """Also where the setting says otherwise; a local table stays one without the setting."""
    write(citus_database, T, *ROWS, activate("t", 1))
    citus_database.query(by_hand)
    setting = {"distribute_by": "reference"} if expected else {}
    write(citus_database, T, record("t", 2, id=7, v="y"), activate("t", 2), **OVERWRITE, **setting)

    assert distribution(citus_database, "t") == expected
    assert citus_database.rows("t") == [{"id": 7, "v": "y"}]


@pytest.mark.parametrize("length", [20, 40, 63])
def test_a_table_may_have_a_long_name(citus_database: Database, length: int) -> None:
    """Also the table of `overwrite`, whose name is longer, and the rows of all columns."""
    name = "t" * length
    first, second = schema(name, id="integer"), schema(name, id="integer", v="string")
    write(citus_database, first, record(name, 1, id=1), distribute_by="key")
    write(citus_database, second, record(name, 1, id=2, v="a"))
    written = citus_database.rows(name)
    for version in (2, 3):
        message = record(name, version, id=version)
        write(citus_database, second, message, activate(name, version), **OVERWRITE)

    assert written == [{"id": 1, "v": None}, {"id": 2, "v": "a"}]
    assert citus_database.rows(name) == [{"id": 3, "v": None}]
    assert distribution(citus_database, name) == ("hs", "id", 32)


def test_overwrite_keeps_tables_together(citus_database: Database) -> None:
    """Rows of two tables with the same key stay on the same node, so that joins stay local."""
    u = schema("u", id="integer")
    for version in (1, 2):
        write(
            citus_database,
            *(T, *(record("t", version, id=n) for n in range(9)), activate("t", version)),
            *(u, record("u", version, id=1), activate("u", version)),
            **OVERWRITE,
            distribute_by="key",
        )
    [groups] = citus_database.query(
        "SELECT count(DISTINCT colocationid) AS n, count(*) AS tables FROM pg_dist_partition"
    )

    assert groups == {"n": 1, "tables": 2}
    [joined] = citus_database.query("SELECT count(*) AS n FROM t JOIN u USING (id)")
    assert joined == {"n": 1}


def test_overwrite_with_a_key_of_another_type_stays_distributed(citus_database: Database) -> None:
    """In as many shards; rows of columns of two types cannot be kept together."""
    write(citus_database, T, *ROWS, activate("t", 1))
    citus_database.query("SELECT create_distributed_table('t', 'id', shard_count => 4)")
    wider = schema("t", id="string", v="string")
    write(citus_database, wider, record("t", 2, id="a"), activate("t", 2), **OVERWRITE)

    assert distribution(citus_database, "t") == ("hs", "id", 4)
    assert citus_database.rows("t") == [{"id": "a", "v": None}]


def test_overwrite_by_another_key_says_what_to_do(citus_database: Database) -> None:
    """The column that the table is distributed by is no longer in the key."""
    write(citus_database, T, *ROWS, activate("t", 1), distribute_by="key")
    other = schema("t", ["v"], id="integer", v="string")

    with pytest.raises(DatabaseError, match=r'distributed by "id".*Drop the table') as raised:
        write(citus_database, other, record("t", 2, id=1, v="a"), activate("t", 2), **OVERWRITE)
    assert "undistribute_table()" in str(raised.value)
    assert len(citus_database.rows("t")) == 100
    citus_database.query("SELECT undistribute_table('t')")
    write(citus_database, other, record("t", 2, id=1, v="a"), activate("t", 2), **OVERWRITE)
    assert citus_database.rows("t") == [{"id": 1, "v": "a"}]


def test_a_wider_key_says_what_to_do_and_that_works(citus_database: Database) -> None:
    """Citus does not change the type of the column that a table is distributed by."""
    write(citus_database, T, *ROWS, distribute_by="key")
    wider = schema("t", id="number", v="string")

    with pytest.raises(DatabaseError, match=r"undistribute_table\('…'\)"):
        write(citus_database, wider, record("t", id=0.5))
    citus_database.query("SELECT undistribute_table('t')")
    write(citus_database, wider, record("t", id=0.5))
    citus_database.query("SELECT create_distributed_table('t', 'id')")
    write(citus_database, wider, record("t", id=1.5))
    assert len(citus_database.rows("t")) == 102


def test_what_changes_a_table_works_on_a_distributed_one(citus_database: Database) -> None:
    """New and wider columns, updates, deletions, versions, and the newest record."""
    config: dict[str, Any] = {"distribute_by": "key", "newest_wins": "n", "hard_delete": True}
    first = schema("s", id="integer", n="integer")
    write(citus_database, first, *(record("s", 1, id=i, n=i) for i in range(50)), **config)
    write(
        citus_database,
        schema("s", id="integer", n="number", added="string"),
        record("s", 2, id=1, n=0.5),
        record("s", 2, id=2, n=2.5, added="new"),
        record("s", 2, id=3, n=3, _sdc_deleted_at="2026-01-01T00:00:00Z"),
        activate("s", 2),
        **config,
    )

    assert citus_database.rows("s") == [
        {"id": 1, "n": 1, "added": None},
        {"id": 2, "n": 2.5, "added": "new"},
    ]
    assert distribution(citus_database, "s") == ("hs", "id", 32)


def test_a_moment_without_an_offset_is_utc_on_all_nodes(citus_database: Database) -> None:
    """The workers of the tests have another time zone; they compare and convert such values."""
    moment = {"type": "string", "format": "date-time"}
    config: dict[str, Any] = {"distribute_by": "key", "newest_wins": "n", "hard_delete": True}
    stream = schema("t", ["at"], at=moment, n=moment, day={"type": "string", "format": "date"})
    at, n, day = "2026-01-05T03:00:00", "2026-01-05T02:00:00", "2026-01-05"
    rows = [record("t", at=f"2026-01-0{d}T03:00:00", n=at, day=day) for d in (1, 2, 3)]
    write(citus_database, stream, *rows, **config)
    old, new, third = (row["record"] for row in rows)
    gone = {"_sdc_deleted_at": "2026-02-01T00:00:00Z"}
    wider = schema("t", ["at"], at=moment, n="string", day=moment)
    write(
        citus_database,
        stream,
        record("t", **{**old, "n": n, **gone}),
        record("t", **{**new, "n": "2026-01-05T04:00:00", **gone}),
        **config,
    )
    write(citus_database, wider, record("t", **{**third, "n": "text"}), distribute_by="key")

    first, last = citus_database.rows("t")
    assert [first["at"], first["day"], last["at"], last["day"]] == [
        datetime(2026, 1, *when, tzinfo=UTC) for when in ((1, 3), (5,), (3, 3), (5,))
    ]
    assert [first["n"], last["n"]] == ["2026-01-05 03:00:00+00", "text"]


# Nodes


def workers(database: Database, cluster: Cluster) -> list[Database]:
    """The database by each of its workers."""
    name = make_url(database.url).database
    assert name
    return [Database("postgres", database_url(url, name)) for url in cluster.workers]


@pytest.mark.parametrize("load_method", ["upsert", "overwrite"])
def test_a_run_through_a_worker_is_refused(
    citus_database: Database, citus_cluster: Cluster, tmp_path: Path, load_method: str
) -> None:
    """No node but the coordinator can change tables, or has the locks of other runs."""
    write(citus_database, T, *ROWS, distribute_by="key")
    [worker, *_] = workers(citus_database, citus_cluster)
    ended = run(worker, tmp_path, T, record("t", id=1000), load_method=load_method)

    assert ended.exit_code == 1
    assert "this node is a worker of a Citus cluster" in ended.error
    assert "Let `sqlalchemy_url` name the coordinator" in ended.error
    assert len(citus_database.rows("t")) == 100


def test_a_worker_that_cannot_be_reached_is_told(
    citus_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings of the target are not to blame."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", 0)
    write(citus_database, T, *ROWS, distribute_by="key")
    citus_database.query(
        # Nobody listens on port 1.
        "UPDATE pg_dist_node SET nodeport = 1 WHERE groupid = 2"
    )
    with pytest.raises(DatabaseError) as raised:
        write(citus_database, T, *ROWS)

    assert "cannot connect to one of its workers" in str(raised.value)
    assert "Correct host and port" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "kept"),
    [("", "64"), ("?options=-c%20citus.max_cached_conns_per_worker%3D4", "4")],
)
def test_connections_to_workers_are_kept_unless_the_url_says_otherwise(
    citus_database: Database, options: str, kept: str
) -> None:
    """To open them anew in each transaction takes longer than to write."""
    where = address({"sqlalchemy_url": citus_database.url + options})
    connection = Connection(where, logging.getLogger(__name__))
    name = "citus.max_cached_conns_per_worker"
    found = connection.ask("look", "SELECT current_setting(%(name)s)", {"name": name})
    connection.close()

    assert found == kept


# Schemas as shards


def test_each_schema_is_a_shard_of_its_own(citus_database: Database) -> None:
    """Two accounts are on two workers, and stay there when they are overwritten."""
    url = f"{citus_database.url}?options=-c%20citus.enable_schema_based_sharding%3Don"
    tenants = Database("postgres", url)
    for version in (1, 2):
        for account in ("one", "two"):
            write(
                tenants,
                *(T, record("t", version, id=version), activate("t", version)),
                **OVERWRITE,
                default_target_schema=account,
                distribute_by="key",
            )
    nodes = citus_database.query(
        "SELECT s.logicalrelid::text AS t, nodeport FROM pg_dist_shard s\n"
        "JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node USING (groupid) ORDER BY 1"
    )

    assert [node["t"] for node in nodes] == ["one.t", "two.t"]
    assert nodes[0]["nodeport"] != nodes[1]["nodeport"]
    for account in ("one", "two"):
        assert [r["id"] for r in citus_database.query(f"SELECT id FROM {account}.t")] == [2]


# Servers without Citus


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_setting_is_told_to_be_of_no_use_elsewhere(
    new_database: Any, caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    """Once, and the run goes on."""
    database = new_database(engine)
    if database.settings:
        pytest.skip("PostgreSQL is a Citus cluster here.")
    with caplog.at_level(logging.WARNING):
        write(database, T, record("t", id=1), schema("u", id="integer"), distribute_by="key")

    assert caplog.text.count("`distribute_by` is not used") == 1
    assert database.rows("t") == [{"id": 1, "v": None}]
