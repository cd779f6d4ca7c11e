"""Certificates and keys in settings: their texts, or paths of files."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme
from singer_sdk.exceptions import ConfigValidationError
from sqlalchemy.engine import make_url
from target_run import Fed, command, record, run, schema, state, write

from fixtures.databases import Database
from servers.mariadb import mariadb_server
from servers.tls_proxy import TLSProxy
from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import URL

T: Final = schema("t", id="integer")
AUTHORITY: Final = trustme.CA()
SERVER: Final = AUTHORITY.issue_cert("localhost")
CLIENT: Final = AUTHORITY.issue_cert("client.example")
TEXTS: Final = {
    "ssl_certificate_authority": AUTHORITY.cert_pem.bytes().decode(),
    "ssl_client_certificate": CLIENT.cert_chain_pems[0].bytes().decode(),
    "ssl_client_private_key": CLIENT.private_key_pem.bytes().decode(),
}
TEXTS_OF_CLIENT: Final = {name: TEXTS[name] for name in TEXTS if "client" in name}
"""What a server without TLS does not mind."""


@dataclass(frozen=True)
class Encrypted:
    """A database that lets in only clients whose certificate is of `AUTHORITY`."""

    there: Database
    """Its address for such clients."""
    database: Database
    """The same database, without TLS."""


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the temporary files of commands."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def mariadb_with_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """A server of MariaDB with a certificate, and a user who needs one."""
    folder = tmp_path_factory.mktemp("mariadb")
    files = {
        "ssl-ca": AUTHORITY.cert_pem,
        "ssl-cert": SERVER.cert_chain_pems[0],
        "ssl-key": SERVER.private_key_pem,
    }
    for name, pem in files.items():
        pem.write_to_path(folder / name)
    with mariadb_server({name: str(folder / name) for name in files}) as url:
        database = Database("mariadb", url)
        database.query("CREATE DATABASE warehouse")
        database.query("CREATE USER certified@'%' IDENTIFIED BY 'p' REQUIRE X509")
        database.query("GRANT ALL ON warehouse.* TO certified@'%'")
        at = make_url(url).set(host="localhost", database="warehouse")
        there = at.set(username="certified", password="p")
        yield Encrypted(Database("mariadb", _text(there)), Database("mariadb", _text(at)))


@contextmanager
def postgres_with_tls(database: Database) -> Iterator[Encrypted]:
    """A proxy with TLS before the server of PostgreSQL."""
    with TLSProxy(database.url, SERVER, clients=AUTHORITY) as proxy:
        at = make_url(database.url).set(host="localhost", port=proxy.port)
        yield Encrypted(Database("postgres", _text(at)), database)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["postgres", "mariadb"])
def encrypted(
    request: pytest.FixtureRequest, new_database: Callable[[str], Database]
) -> Iterator[Encrypted]:
    """An empty database of an engine that signs clients in by their certificates."""
    if request.param == "postgres":
        with postgres_with_tls(new_database("postgres")) as found:
            yield found
        return
    found = request.getfixturevalue("mariadb_with_tls")
    yield found
    found.database.query("DROP TABLE IF EXISTS t")


def test_the_client_signs_in_by_texts_in_variables(
    encrypted: Encrypted, tmp_path: Path, private: Path
) -> None:
    """The files are gone when the command ends."""
    ended = run(encrypted.there, tmp_path, T, record("t", id=1), **TEXTS)

    assert ended.exit_code == 0, ended.errors
    assert encrypted.database.rows("t") == [{"id": 1}]
    assert list(private.iterdir()) == []


def test_what_a_variable_flattened_is_read(encrypted: Encrypted) -> None:
    """Texts whose ends of lines became a backslash and an n."""
    flattened = {name: text.replace("\n", "\\n") for name, text in TEXTS.items()}

    write(encrypted.there, T, record("t", id=1), **flattened)

    assert encrypted.database.rows("t") == [{"id": 1}]


@pytest.mark.parametrize("folder", ["plain", r"back\new\names", "a 'b\" 100%d"])
def test_files_are_taken_as_well(encrypted: Encrypted, tmp_path: Path, folder: str) -> None:
    """A backslash and an n in a path, as Windows has it, is no end of a line."""
    write(encrypted.there, T, record("t", id=1), **_in_files(tmp_path / folder))

    assert encrypted.database.rows("t") == [{"id": 1}]


def _in_files(folder: Path) -> dict[str, Any]:
    """Write the texts into a folder; gives the settings that name the files."""
    folder.mkdir()
    paths = {}
    for name, text in TEXTS.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        paths[name] = str(path)
    return paths


def test_a_client_without_a_certificate_is_refused(encrypted: Encrypted) -> None:
    """So the tests above show that it is sent."""
    authority = {"ssl_certificate_authority": TEXTS["ssl_certificate_authority"]}

    with pytest.raises(DatabaseError):
        write(encrypted.there, T, record("t", id=1), **authority)


def test_the_server_is_held_against_the_authority_of_the_setting(encrypted: Encrypted) -> None:
    """Another one's certificate is refused, though the URL says nothing of it."""
    others = trustme.CA().cert_pem.bytes().decode()

    with pytest.raises(DatabaseError, match="certificate verify failed"):
        write(encrypted.there, T, **{**TEXTS, "ssl_certificate_authority": others})


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda number: number.name)
def test_no_signal_leaves_files_behind(
    postgres_database: Database,
    tmp_path: Path,
    private: Path,
    feeding: Callable[[list[str]], Fed],
    number: signal.Signals,
) -> None:
    """Which signals are handled is told by the tests of states."""
    fed = feeding(command(postgres_database, tmp_path, batch_size_rows=1, **TEXTS_OF_CLIENT))
    fed.feed(T, record("t", id=1), state(at=1))
    assert fed.next_state() == {"at": 1}
    assert len(list(private.glob("*/*"))) == len(TEXTS_OF_CLIENT)

    exit_code, _, errors = fed.end(number)

    assert exit_code == 128 + number, errors
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "given", ["missing.pem", "one\nline", "MIIC" * 200], ids=["path", "lines", "body"]
)
def test_what_is_neither_a_file_nor_a_text_is_told(
    postgres_database: Database, name: str, given: str
) -> None:
    """By its setting. It may be a piece of a key, and is not shown."""
    with pytest.raises(ConfigValidationError) as raised:
        write(postgres_database, T, **{name: given})

    assert str(raised.value).startswith(f"`{name}` is neither")
    assert given not in str(raised.value)
