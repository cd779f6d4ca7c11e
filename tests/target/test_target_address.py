"""Which database the settings name, and what is said where they name none."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from sqlalchemy.engine import URL, make_url
from target_run import lines, record, schema, write

from fixtures.databases import Database
from support import commands
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.drivers.duckdb import DuckDBDriver
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


PEOPLE = schema("people", id={"type": "integer"}, name="string")
LINES = lines([PEOPLE, record("people", id=1, name="a")])
HARD_PASSWORD = "p@ss:w/rd %41?#&=+"
SERVER = {"host": "h", "port": 5432, "user": "u", "password": "s3cr3t", "database": "d"}


def parts(database: Database, **others: Any) -> dict[str, Any]:
    """The settings that name a database without a URL."""
    url = make_url(database.url).set(**others)
    named = {
        "dialect": url.drivername,
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "database": url.database,
        "connection_options": dict(url.query),
    }
    return {name: value for name, value in named.items() if value}


def command(folder: Path, config: dict[str, Any] | None, **environment: str) -> Any:
    """Run the command in an empty folder; `None` for settings from the environment alone."""
    arguments = ["--config", "ENV"]
    if config is not None:
        path = folder / "settings.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        arguments = ["--config", str(path)]
    return commands.run(
        [commands.TARGET, *arguments],
        input=LINES,
        env={f"TARGET_HARVEST_SQL_{name}": text for name, text in environment.items()},
        cwd=folder,
        text=True,
        timeout=60,
    )


def test_the_parts_of_a_url_name_the_database_as_well(database: Database, tmp_path: Path) -> None:
    """In a file, and as environment variables."""
    found = parts(database)
    from_file = command(tmp_path, found)
    assert from_file.returncode == 0, from_file.stderr
    assert database.rows("people") == [{"id": 1, "name": "a"}]

    database.query('DELETE FROM "people"' if database.engine != "mariadb" else "DELETE FROM people")
    texts = {
        name.upper(): value if isinstance(value, str) else json.dumps(value)
        for name, value in found.items()
    }
    from_environment = command(tmp_path, None, **texts)
    assert from_environment.returncode == 0, from_environment.stderr
    assert database.rows("people") == [{"id": 1, "name": "a"}]


def test_the_short_name_of_postgresql_is_known(postgres_database: Database) -> None:
    """Hosting providers write it into the URLs that they give out."""
    url = postgres_database.url.replace("postgresql://", "postgres://")

    write(postgres_database, PEOPLE, record("people", id=1), sqlalchemy_url=url)

    assert [row["id"] for row in postgres_database.rows("people")] == [1]


@pytest.mark.parametrize("engine", ["postgres", "mariadb"])
def test_a_password_needs_no_escaping(new_database: Callable[[str], Database], engine: str) -> None:
    """Whatever signs it has; the server checks it."""
    database = new_database(engine)
    name = f"user_of_{make_url(database.url).database}"
    if engine == "postgres":
        database.query(f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{HARD_PASSWORD}'")
    else:
        database.query(f"CREATE USER {name} IDENTIFIED BY '{HARD_PASSWORD}'")
        database.query(f"GRANT ALL ON *.* TO {name}")
    try:
        write(
            database,
            PEOPLE,
            record("people", id=1),
            sqlalchemy_url=None,
            **parts(database, username=name, password=HARD_PASSWORD),
        )
        assert [row["id"] for row in database.rows("people")] == [1]
    finally:
        if engine == "postgres":
            database.query(f"DROP OWNED BY {name}")
            database.query(f"DROP ROLE {name}")
        else:
            database.query(f"DROP USER {name}")


def test_options_are_an_object(postgres_database: Database) -> None:
    """As what follows `?` in a URL."""
    options = {"application_name": "the report"}
    database = parts(postgres_database) | {"connection_options": options}
    with pytest.raises(ConfigValidationError) as caught:
        TargetHarvestSQL(config=database | {"connection_options": {"host": ["a"]}})
    target = TargetHarvestSQL(config=database)
    target.destination.connection.open()

    [row] = postgres_database.query(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'the report'"
    )
    target.close()
    assert row["n"] == 1
    assert "`connection_options.host` is not a text" in caught.value.errors[0]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(SERVER, ["`host`, `port`, `user`", "without `dialect`"], id="no dialect"),
        pytest.param(
            SERVER | {"dialect": "postgresql", "sqlalchemy_url": "sqlite:///harvest.db"},
            ["Both `sqlalchemy_url` and `dialect`, `host`"],
            id="url and parts",
        ),
        pytest.param({"dialect": "oracle", "host": "h"}, ["`dialect` is not one of"], id="oracle"),
        pytest.param({"dialect": "postgresql"}, ["`host` is not set"], id="no host"),
        pytest.param({"dialect": "sqlite"}, ["`database` is not set"], id="no file"),
        pytest.param(
            {"dialect": "duckdb", "database": "x.duckdb", "password": "s3cr3t"},
            ["`password` is of a server"],
            id="password of a file",
        ),
        pytest.param(
            {"dialect": "mysql", "host": "mysql://u:s3cr3t@h/d"},
            ["`host` is not the name"],
            id="url as host",
        ),
        pytest.param({"dialect": "mysql", "host": "h:3306"}, ["`host` is not"], id="port in host"),
        pytest.param(
            SERVER | {"dialect": "postgresql", "database": "d\n"},
            ["`database` begins or ends"],
            id="line feed",
        ),
        pytest.param(
            {"sqlalchemy_url": ""}, ["`sqlalchemy_url` is not a non-empty text"], id="empty"
        ),
        pytest.param({"dialect": "", "host": 5}, ["`dialect` is not", "`host` is not"], id="types"),
        # As other targets call it.
        pytest.param(
            {"host": "h", "user": "u", "password": "s3cr3t", "dbname": "d"},
            ["`dbname` is a setting of other targets", "Set `database`"],
            id="target-postgres of pipelinewise",
        ),
        pytest.param(
            SERVER | {"dialect+driver": "postgresql+psycopg", "ssl_enable": False},
            ["`dialect+driver`", "Set `dialect`", "`ssl_enable`", "Set `connection_options`"],
            id="target-postgres of MeltanoLabs",
        ),
        pytest.param(
            {"postgres_host": "h", "postgres_username": "u", "postgres_password": "s3cr3t"},
            ["`postgres_host`", "Set `host`", "`postgres_username`", "`postgres_password`"],
            id="target-postgres of datamill-co",
        ),
        pytest.param(
            SERVER | {"dialect": "mssql", "driver_type": "pymssql", "sqlalchemy_url_query": []},
            ["`driver_type`", "`sqlalchemy_url_query`"],
            id="target-mssql",
        ),
        pytest.param({"path_to_db": "x.db"}, ["`path_to_db`"], id="target-sqlite"),
        pytest.param({"path": "x.duckdb"}, ["`path`", "`database`"], id="target-duckdb"),
        pytest.param({"account": "x", "warehouse": "w"}, ["`account`"], id="target-snowflake"),
        pytest.param({"database_url": "x://u:s3cr3t@h"}, ["`database_url`"], id="word of many"),
    ],
)
def test_a_connection_that_is_not_understood_ends_the_run(
    tmp_path: Path, config: dict[str, Any], expected: list[str]
) -> None:
    """Nothing is written to another database, and nothing secret is shown."""
    ended = command(tmp_path, config, LOGLEVEL="DEBUG")

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert [part for part in expected if part not in ended.stderr] == []
    assert "s3cr3t" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb", "mysql", "mssql"])
@pytest.mark.parametrize(
    "rest",
    [
        "u:pä@s3cr3t:word@127.0.0.1/db",
        "u@s3cr3t@127.0.0.1/db",
        "u:p@s3cr3t@127.0.0.1/db",
        "u:p@s3cr3t/x@127.0.0.1/db",
        "u:p@s3cr3t?x@127.0.0.1/db",
        "u:p@s3cr3t#x@127.0.0.1/db",
        "u/x:s3cr3t@127.0.0.1/db",
        "u:s3cr3t",
        "u:s3cr3t/db",
        "u:p@[s3cr3t/db",
        "u:p@127.0.0.1:s3cr3t/db",
        "u:p@127.0.0.1:99999/db?password=s3cr3t",
        "u:s3cr3t@[::1/db",
        "u:s3cr3t@::1/db",
    ],
)
def test_a_url_that_may_be_misread_is_not_used(dialect: str, rest: str) -> None:
    """It is told how to escape a password, and no piece of the URL is shown."""
    with pytest.raises(ConfigValidationError) as caught:
        TargetHarvestSQL(config={"sqlalchemy_url": f"{dialect}://{rest}"})

    [text] = caught.value.errors
    assert "`@` is `%40`" in text
    assert "set `dialect`, `host`, `user`, `password`" in text
    assert "s3cr3t" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite://harvest.db", "duckdb://user@host/x"])
def test_a_file_has_a_path(url: str) -> None:
    """Two slashes would name a server, or a database that is gone when the run ends."""
    with pytest.raises(ConfigValidationError) as caught:
        TargetHarvestSQL(config={"sqlalchemy_url": url})

    assert "names no file" in caught.value.errors[0]


@pytest.mark.parametrize("options", ["", "?password=s3cr3t&sslpassword=s3cr3t"])
@pytest.mark.parametrize("password", ["s3cr3t", "s3cr3t@/:", "%s3cr3t"])
def test_a_password_is_in_no_line_of_the_log(
    postgres_database: Database, tmp_path: Path, password: str, options: str
) -> None:
    """Not even at debug level, where the server refuses it."""
    url = make_url(postgres_database.url).set(password=password)
    config = {"sqlalchemy_url": url.render_as_string(hide_password=False) + options}
    ended = command(tmp_path, config, LOGLEVEL="DEBUG")

    assert ended.returncode == 1
    assert "Correct the user and the password in `sqlalchemy_url`" in ended.stderr
    assert "s3cr3t" not in ended.stderr


def test_a_hint_names_the_settings_that_are_set(
    postgres_database: Database, tmp_path: Path
) -> None:
    """Not the URL, which must not be set beside them."""
    wrong = command(tmp_path, parts(postgres_database, password="s3cr3t"))
    option = command(
        tmp_path, parts(postgres_database) | {"connection_options": {"no_such_option": 1}}
    )
    file = command(tmp_path, {"dialect": "sqlite", "database": "/no/such/folder/x.db"})

    assert "Correct the user and the password in the connection settings." in wrong.stderr
    assert "Correct `connection_options`." in option.stderr
    assert "Create the folder that `database` names" in file.stderr
    assert "sqlalchemy_url" not in wrong.stderr + option.stderr + file.stderr


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        ("sqlite:///x.db", "timeout=abc", "timeout is not a number of seconds"),
        ("sqlite:///x.db", "timeout=-1", "timeout is not a number of seconds"),
        ("sqlite:///x.db", "timeout=1e999", "timeout is not a number of seconds"),
        ("sqlite:///x.db", "timeout=nan", "timeout is not a number of seconds"),
        ("sqlite:///x.db", "timeout=1&timeout=2", "timeout is given more than once"),
        ("sqlite:///x.db", "timeot=5", "no option timeot, only timeout"),
        ("duckdb:///x.duckdb", "threads=1&threads=2", "threads is given more than once"),
        ("duckdb:///x.duckdb", "threads=abc", "INT64"),
        ("duckdb:///x.duckdb", "thread=1", "not recognized: thread"),
        ("postgresql://u:s3cr3t@127.0.0.1:1/d", "autocommit=true", "no option autocommit"),
        ("postgresql://u:s3cr3t@127.0.0.1:1/d", "row_factory=x", "no option row_factory"),
        ("postgresql://u:s3cr3t@127.0.0.1:1/d", "connect_timeout=abc", "connect_timeout"),
        ("mariadb://u:s3cr3t@127.0.0.1:1/d", "ssl_verify_cert=yess", "is not true or false"),
        ("mariadb://u:s3cr3t@127.0.0.1:1/d", "ssl_disabled=perhaps", "is not true or false"),
        ("mysql://u:s3cr3t@127.0.0.1:1/d", "connect_timeout=0", "is not a whole number of seconds"),
        ("mysql://u:s3cr3t@127.0.0.1:1/d", "ssl_ca=a&ssl_ca=b", "ssl_ca is given more than"),
        ("mysql://u:s3cr3t@127.0.0.1:1/d", "charset=x", "no option charset"),
        ("mssql+pymssql://u:s3cr3t@127.0.0.1:1/d", "login_timeout=99999999999", "whole number"),
        ("mssql+pymssql://u:s3cr3t@127.0.0.1:1/d", "tds_version=9.9", "is not one of 7.0"),
        ("mssql+pymssql://u:s3cr3t@127.0.0.1:1/d", "encryption=perhaps", "is not one of default"),
        ("mssql+pymssql://u:s3cr3t@127.0.0.1:1/d", "appname=a&appname=b", "appname is given"),
    ],
)
def test_an_option_that_is_not_understood_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, options: str, expected: str
) -> None:
    """One that was misspelt would leave the connection as it should not be."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseError, match=expected) as caught:
        write(Database("", f"{url}?{options}"), PEOPLE)

    assert "s3cr3t" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["md:warehouse", "https://127.0.0.1:9/x.duckdb", "s3://b/x.duckdb"]
)
def test_duckdb_fetches_no_extension_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """An extension is code, and is fetched without TLS."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DatabaseError, match=r"that is not installed.*autoinstall_known") as caught:
        write(Database("duckdb", f"duckdb:///{path}"), PEOPLE)

    assert "ownload" not in str(caught.value.__cause__.__cause__)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["my_extension.duckdb", 'Extension "x" not found.duckdb'])
def test_a_file_of_duckdb_is_not_taken_for_an_extension(tmp_path: Path, name: str) -> None:
    """Whatever its path: only the beginning of a message tells that an extension is missing."""
    place = tmp_path / "missing" / name
    url = URL.create("duckdb", database=str(place)).render_as_string()
    with pytest.raises(DatabaseError, match="Cannot open file") as caught:
        write(Database("duckdb", url), PEOPLE)

    assert "INSTALL" not in str(caught.value)


def test_duckdb_fetches_an_extension_if_it_is_asked_to(duckdb_database: Database) -> None:
    """By an option of its own."""
    option = "autoinstall_known_extensions"
    for query, value in (("", False), (f"?{option}=true", True)):
        with closing(DuckDBDriver(make_url(duckdb_database.url + query))) as driver:
            assert driver.execute(f"SELECT current_setting('{option}')", {}) == [(value,)]


@pytest.mark.parametrize(
    "config",
    [
        {"sqlalchemy_url": "sqlite:///a\0b"},
        {"dialect": "sqlite", "database": "a\ud800b"},
        SERVER | {"dialect": "postgresql", "password": "a\0b"},
    ],
)
def test_a_setting_of_the_connection_is_text(config: dict[str, Any]) -> None:
    """Drivers end at U+0000 and at half of a character, or with an error of their own."""
    with pytest.raises(ConfigValidationError) as caught:
        TargetHarvestSQL(config=config)

    assert "U+0000" in caught.value.errors[0]
