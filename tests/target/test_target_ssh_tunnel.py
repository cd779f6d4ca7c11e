"""The database through an SSH server, by a real `sshd`."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme
from singer_sdk.exceptions import ConfigValidationError
from sqlalchemy.engine import make_url
from target_run import Fed, command, lines, record, run, schema, state, write

from fixtures.databases import Database
from servers.ssh import SSHServer, ssh_server
from servers.tls_proxy import TLSProxy
from support import commands
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.database.session import Session
from target_harvest_sql.drivers import driver_type
from target_harvest_sql.settings import ssh
from target_harvest_sql.settings.address import Address
from target_harvest_sql.settings.private_files import PrivateFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


T = schema("t", id="integer")


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the temporary files of commands."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def bastion() -> Iterator[SSHServer]:
    """An SSH server."""
    with ssh_server() as server:
        yield server


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest, new_database: Callable[[str], Database]) -> Database:
    """An empty database of an engine with a server."""
    return new_database(request.param)


def test_rows_go_through_the_ssh_server(
    server: Database, bastion: SSHServer, tmp_path: Path, private: Path
) -> None:
    """All connections do, several at once; nothing of the key is left, and no `ssh`."""
    before = bastion.log.read_text().count("Accepted publickey")
    messages = [T, *(record("t", id=i) for i in range(500)), state(at=1)]

    ended = run(server, tmp_path, *messages, batch_size_rows=50, lanes=3, **bastion.settings)

    assert ended.exit_code == 0, ended.errors
    assert len(server.rows("t")) == 500
    # One holds locks, one makes tables, three write.
    assert bastion.log.read_text().count("Accepted publickey") - before == 5
    assert list(private.iterdir()) == []


def test_what_a_variable_flattened_is_read(server: Database, bastion: SSHServer) -> None:
    """A key whose ends of lines became a backslash and an n."""
    settings: dict[str, Any] = bastion.settings
    settings["ssh_private_key"] = bastion.key.replace("\n", "\\n")

    write(server, T, record("t", id=1), **settings)

    assert server.rows("t") == [{"id": 1}]


NAMES: Final = [
    "plain",
    "two words",
    "100%d",
    "a'b\"c",
    r"back\new\\slash",
    "$HOME #1 a=b",
    "~user",
]
"""Names of folders, some with signs that options of `ssh` read in a way of their own."""


@pytest.mark.parametrize("name", NAMES)
def test_files_are_taken_as_well(
    postgres_database: Database,
    bastion: SSHServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """Of the key, and of known hosts; relative paths as well."""
    settings: dict[str, Any] = bastion.settings
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    for setting in ("ssh_private_key", "ssh_known_hosts"):
        path = tmp_path / name / setting
        path.touch(mode=0o600)
        path.write_text(settings[setting])
        settings[setting] = f"{name}/{setting}"

    write(postgres_database, T, record("t", id=1), **settings)

    assert postgres_database.rows("t") == [{"id": 1}]


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_kept_in_any_folder(
    postgres_database: Database, bastion: SSHServer, tmp_path: Path, private: Path, name: str
) -> None:
    """Whatever the folder of temporary files is called."""
    (private / name).mkdir()
    environment = {**os.environ, "TMPDIR": str(private / name)}
    arguments = command(postgres_database, tmp_path, **bastion.settings)

    ended = commands.run(arguments, input=lines([T, record("t", id=1)]).encode(), env=environment)

    assert ended.returncode == 0, ended.stderr.decode()
    assert postgres_database.rows("t") == [{"id": 1}]


@pytest.mark.parametrize("setting", ["ssh_private_key", "ssh_known_hosts"])
def test_a_path_that_ssh_cannot_be_told_is_an_error(
    postgres_database: Database, bastion: SSHServer, tmp_path: Path, setting: str
) -> None:
    """It has no way to write a variable's sign as itself."""
    settings: dict[str, Any] = bastion.settings
    path = tmp_path / "${HOME}"
    path.write_text(settings[setting])
    settings[setting] = str(path)

    with pytest.raises(ConfigValidationError, match=rf"^`{setting}` .* `\$\{{`"):
        write(postgres_database, T, **settings)


def test_the_name_in_the_certificate_is_that_of_the_database(
    postgres_database: Database, bastion: SSHServer
) -> None:
    """PostgreSQL's certificate is held against `host`, not against the end of the tunnel."""
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    for name, is_good in (("localhost", True), ("elsewhere.example", False)):
        with TLSProxy(postgres_database.url, authority.issue_cert(name)) as proxy:
            at = make_url(postgres_database.url).set(host="localhost", port=proxy.port)
            there = replace(postgres_database, url=at.render_as_string(hide_password=False))
            settings = {**bastion.settings, "ssl_certificate_authority": pem}
            if is_good:
                write(there, T, record("t", id=1), **settings)
                assert proxy.encrypted > 0
            else:
                with pytest.raises(DatabaseError, match="does not match host name"):
                    write(there, T, record("t", id=2), **settings)

    assert postgres_database.rows("t") == [{"id": 1}]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ssh_port": 1}, "Connection refused"),
        ({"ssh_user": "nobody-of-that-name"}, "Permission denied"),
        ({"ssh_known_hosts": "127.0.0.1 ssh-ed25519 AAAA"}, "Host key verification failed"),
        ({"ssh_host": "nowhere.invalid"}, "Could not resolve hostname nowhere.invalid"),
    ],
)
def test_why_the_ssh_server_is_not_reached_is_told(
    server: Database, bastion: SSHServer, tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    """At once, in one line, with what `ssh` says."""
    settings = {**bastion.settings, **change}

    ended = run(server, tmp_path, T, record("t", id=1), **settings)

    assert ended.exit_code == 1
    assert f'through the SSH server "{settings["ssh_host"]}"' in ended.error
    assert expected in ended.error
    assert "Correct `ssh_host`" in ended.error


def test_a_database_that_the_ssh_server_does_not_reach_is_told(
    server: Database, bastion: SSHServer
) -> None:
    """Host and port are those that the SSH server sees."""
    at = make_url(server.url).set(port=1)
    there = replace(server, url=at.render_as_string(hide_password=False))

    with pytest.raises(DatabaseError, match=r"Connection refused\. Correct .* host and port of"):
        write(there, T, record("t", id=1), **bastion.settings)


FAILS_ONCE: Final = """#!/bin/sh
if mkdir "$0.called" 2>/dev/null; then echo "bad luck" >&2; exit 255; fi
exec {ssh} "$@"
"""


@pytest.fixture
def sessions(
    server: Database, bastion: SSHServer, private: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Session, Session]]:
    """Two that share a tunnel. The first `ssh` fails, and the database does not exist."""
    program = private / "ssh"
    program.write_text(FAILS_ONCE.format(ssh=shutil.which("ssh")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(private), prepend=os.pathsep)
    at = make_url(server.url).set(database="missing")
    files = PrivateFiles()  # Its files go when it goes.
    tunnel = ssh.tunnel(at, bastion.settings, files)
    assert tunnel is not None
    there = Address(at, is_of_parts=False, tunnel=tunnel)
    logger = logging.getLogger("sessions")
    yield Session(there, logger), Session(there, logger)
    tunnel.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_tells_its_own_reason(
    server: Database,
    sessions: tuple[Session, Session],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Though another one fails at the same time: before it reaches `ssh`, or after `ssh` failed."""
    told = []

    def open_next() -> None:
        with pytest.raises(DatabaseError) as raised:
            waiting.pop().open()
        told.append(str(raised.value))

    def connect(self: Any, url: Any) -> None:
        if moment == "before" and waiting:
            open_next()
        try:
            original(self, url)
        finally:
            if moment == "after" and waiting:
                open_next()

    waiting = [*sessions]
    type_ = driver_type(make_url(server.url))
    original = type_.__init__
    monkeypatch.setattr(type_, "__init__", connect)
    open_next()

    of_ssh, of_server = told if moment == "before" else reversed(told)
    assert "bad luck" in of_ssh
    assert "missing" in of_server
    assert "bad luck" not in of_server


def test_no_ssh_outlives_the_target(
    postgres_database: Database, bastion: SSHServer, tmp_path: Path
) -> None:
    """Even if the target is killed."""
    fed = Fed(command(postgres_database, tmp_path, batch_size_rows=1, **bastion.settings))
    fed.feed(T, record("t", id=1), state(at=1))
    assert fed.next_state() == {"at": 1}

    fed.process.kill()
    fed.process.communicate()
    fed.errors.close()

    for _ in range(100):
        found = postgres_database.query(
            "SELECT count(*) AS n FROM pg_stat_activity "
            "WHERE application_name = 'target-harvest-sql' AND datname = current_database()"
        )
        if found == [{"n": 0}]:
            break
        time.sleep(0.2)
    assert found == [{"n": 0}]


def test_two_signals_leave_no_key_behind(
    tmp_path: Path, private: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """Though they end a run at once, whose database is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        port = silent.getsockname()[1]
        there = Database("postgres", f"postgresql://user:password@127.0.0.1:{port}/database")
        pem = "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----"
        settings = {"ssl_client_certificate": pem, "ssl_client_private_key": pem}
        fed = feeding(command(there, tmp_path, **settings))
        fed.feed(T, record("t", id=1))
        connection, _ = silent.accept()
        with connection:
            assert list(private.glob("*/*")) != []
            fed.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)  # Two signals within a second count as one.
            exit_code, _, errors = fed.end(signal.SIGTERM)

    assert exit_code == 128 + signal.SIGTERM, errors
    assert list(private.iterdir()) == []


def test_a_signal_to_the_group_ends_in_good_order(
    postgres_database: Database, bastion: SSHServer, tmp_path: Path
) -> None:
    """As Ctrl+C sends it: what was read is written, since `ssh` does not get it."""
    with subprocess.Popen(
        command(postgres_database, tmp_path, batch_wait_limit_seconds=1, **bastion.settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(lines([T, record("t", id=1), state(at=1)]).encode())
        process.stdin.flush()
        process.stdout.readline()  # It is connected.
        process.stdin.write(lines([record("t", id=2), state(at=2)]).encode())
        process.stdin.flush()
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        printed = process.stdout.read()
        process.wait(timeout=30)

    assert process.returncode == 128 + signal.SIGINT
    assert json.loads(printed.splitlines()[-1]) == {"at": 2}
    assert [row["id"] for row in postgres_database.rows("t")] == [1, 2]


@pytest.mark.parametrize(
    ("url", "settings", "expected"),
    [
        ("sqlite:///x.db", {"ssh_host": "h"}, "sqlite has no server"),
        ("postgresql://h/d", {"ssh_user": "u"}, "`ssh_user` is set without `ssh_host`"),
        ("postgresql:///d", {"ssh_host": "h"}, "needs one host of the database"),
        ("postgresql://h/d", {"ssh_host": "-oProxyCommand=x"}, "begins with a sign"),
        ("sqlite:///x.db", {"ssl_client_certificate": "c"}, "cannot be used with sqlite"),
        (
            "postgresql://h/d?sslcert=x",
            {"ssl_client_certificate": "c"},
            "Both `ssl_client_certificate` and the option `sslcert`",
        ),
    ],
)
def test_settings_that_cannot_be_right_are_told(
    postgres_database: Database, url: str, settings: dict[str, Any], expected: str
) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigValidationError, match=expected):
        write(replace(postgres_database, url=url), T, **settings)
