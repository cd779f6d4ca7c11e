"""Where the database is: one URL, or its parts as settings of their own.

No error of this module shows a piece of a URL or of a password.

SQLAlchemy documentation, "Database URLs":
https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.exceptions import ConfigValidationError

from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.drivers import DRIVERS
from target_harvest_sql.settings.foreign import FOREIGN
from target_harvest_sql.tunnel import LOCALHOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL

    from target_harvest_sql.tunnel import Tunnel

DEFAULT_URL: Final = "sqlite:///harvest.db"
"""The database if no setting names one."""

ALIASES: Final = {"postgres": "postgresql"}
"""Other names of databases that hosting providers write before `://`.

PostgreSQL manual, "Connection URIs":
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

PARTS: Final = ("dialect", "host", "port", "user", "password", "database", "connection_options")
"""The settings that stand in place of `sqlalchemy_url`."""

FILES: Final = frozenset({"duckdb", "sqlite"})
"""The databases that are files, and have no server."""

SERVER_PARTS: Final = ("host", "port", "user", "password")
"""The settings that only a server has."""

UNREADABLE: Final = (
    "The user, password, host or port in `sqlalchemy_url` cannot be read. Write signs in a user or "
    "a password with percent signs (`@` is `%40`, `:` is `%3A`, `/` is `%2F`, `%` is `%25`), and "
    "an IPv6 address in brackets. Or set `dialect`, `host`, `user`, `password` and `database` in "
    "place of the URL: they need no escaping."
)

MAX_PORT: Final = 65535

MIN_SECRET: Final = 4
"""From how many characters on a password is cut from the middle of a word."""


@dataclass(frozen=True)
class Address:
    """A database, and the settings that name it."""

    url: URL
    is_of_parts: bool
    """Whether the user set `dialect` and others in place of `sqlalchemy_url`."""
    tunnel: Tunnel | None = None
    """The way to the server, if it is not reached directly."""

    def by_port(self, port: int) -> URL:
        """The URL by which a driver connects through a port of this machine."""
        url = self.url.set(port=port)
        if url.get_backend_name() == "postgresql":
            # It connects to the address, and holds the certificate against the host.
            return url.update_query_dict({"hostaddr": LOCALHOST})
        return url.set(host=LOCALHOST)

    def named(self, text: str) -> str:
        """Let a sentence about `sqlalchemy_url` name the settings that the user has set."""
        if not self.is_of_parts:
            return text
        is_file = self.url.get_backend_name() in FILES
        settings = "`database`" if is_file else "the connection settings"
        told = text.replace("what follows `?` in `sqlalchemy_url`", "`connection_options`")
        return told.replace("`sqlalchemy_url`", settings)

    def without_secrets(self, text: str) -> str:
        """Take passwords and tokens from what a driver says."""
        options = [
            str(value)
            for name, value in self.url.query.items()
            if re.search("pass|pwd|secret|token", name, re.IGNORECASE)
        ]
        for secret in filter(None, [self.url.password, *options]):
            # A short one stands in words of the message as well, which would tell it.
            pattern = re.escape(secret)
            is_short = len(secret) < MIN_SECRET
            text = re.sub(rf"(?<!\w){pattern}(?!\w)" if is_short else pattern, "…", text)
        return text


def faults(settings: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with the settings of the connection; `None` counts as not set.

    Args:
        settings: All settings by name, those that do not exist as well, each of its type.
    """
    given = {name for name, value in settings.items() if value is not None}
    for name in sorted(FOREIGN.keys() & given):
        yield (
            f"`{name}` is a setting of other targets, for the connection, and none of this one. "
            f"Set {FOREIGN[name]} in its place."
        )
    parts = [name for name in PARTS if name in given]
    if not parts:
        return
    named = ", ".join(f"`{name}`" for name in parts)
    if "sqlalchemy_url" in given:
        yield f"Both `sqlalchemy_url` and {named} are set. Keep the URL, or its parts."
    elif "dialect" not in given:
        yield f"{named} cannot be used without `dialect`. Set it to one of {', '.join(DIALECTS)}."
    else:
        yield from _faults_of_parts(settings)


def _faults_of_parts(settings: Mapping[str, Any]) -> Iterator[str]:
    dialect, host = settings["dialect"], settings.get("host")
    if dialect not in DRIVERS:
        yield f"`dialect` is not one of {', '.join(DRIVERS)}."
    elif dialect in FILES:
        yield from _faults_of_file(settings)
    elif host is None:
        yield "`host` is not set. Set it to the name or the address of the server."
    elif not _is_host(host):
        yield (
            "`host` is not the name or the address of a server alone. Set `port`, `user`, "
            "`password` and `database` for the rest."
        )
    yield from _faults_of_texts(settings)


def _faults_of_texts(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in ("user", "database"):
        value = settings.get(name) or ""
        if value != value.strip():
            yield f"`{name}` begins or ends with a space or a line feed. Take it out."
    for name, value in (settings.get("connection_options") or {}).items():
        if not isinstance(value, str | int | float):
            yield f"`connection_options.{name}` is not a text, a number, true or false."


def _faults_of_file(settings: Mapping[str, Any]) -> Iterator[str]:
    if settings.get("database") is None:
        yield "`database` is not set. Set it to the path of the file."
    for name in SERVER_PARTS:
        if settings.get(name) is not None:
            yield f"`{name}` is of a server, and {settings['dialect']} is a file. Take it out."


def address(settings: Mapping[str, Any]) -> Address:
    """Read the URL, or put it together.

    Args:
        settings: All settings by name, as `faults` found nothing wrong with them.

    Raises:
        ConfigValidationError: If the URL cannot be read, or may have been misread.
    """
    if settings.get("dialect") is None:
        return Address(_parsed(settings.get("sqlalchemy_url") or DEFAULT_URL), is_of_parts=False)
    # Only here: it takes a third of the start, and `--help` needs none of it.
    from sqlalchemy.engine import URL

    options = settings.get("connection_options") or {}
    url = URL.create(
        settings["dialect"],
        settings.get("user"),
        settings.get("password"),
        settings.get("host"),
        settings.get("port"),
        settings.get("database"),
        {name: _option(value) for name, value in options.items()},
    )
    return Address(url, is_of_parts=True)


def _option(value: float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(text: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if text != text.strip():
        raise _fault("`sqlalchemy_url` begins or ends with a space or a line feed. Take it out.")
    try:
        url = make_url(text)
    except ArgumentError:
        # The cause is not chained: its text holds the URL.
        raise not_supported("`sqlalchemy_url` is not a URL of a database") from None
    except ValueError:  # The port is none, or a piece of the password stands in its place.
        raise _fault(UNREADABLE) from None
    dialect = ALIASES.get(url.drivername, url.drivername)
    url = url.set(drivername=dialect)
    if dialect in FILES and (url.host or url.port or not url.database):
        raise _fault(
            "`sqlalchemy_url` names no file. Write the path of the file after three slashes, such "
            f"as {DIALECTS[dialect].example_url}."
        )
    if dialect in DRIVERS and dialect not in FILES and _may_be_misread(text, url):
        raise _fault(UNREADABLE)
    return url


def _may_be_misread(text: str, url: URL) -> bool:
    """Whether a piece of the password may stand where the host or the database should.

    SQLAlchemy takes the first `@` for the end of the password, and what follows for the host.
    """
    rest = text.partition("://")[2]
    is_port = url.port is None or 0 < url.port <= MAX_PORT
    return rest.count("@") != (url.username is not None) or not (
        is_port and (url.host is None or _is_host(url.host))
    )


def _is_host(text: str) -> bool:
    """Whether it can be a host, or several of PostgreSQL, or the folder of a socket."""
    return bool(re.fullmatch(r"[^\s@?#/\[\]]+|/[^@?#\[\]]*", text)) and (
        ":" not in text or text.count(":") > 1  # Of an IPv6 address; one stands before a port.
    )


def not_supported(message: str) -> ConfigValidationError:
    """Make the error of a URL of another kind; the databases that there are end its sentence."""
    supported = ", ".join(dialect.example_url for dialect in DIALECTS.values())
    return _fault(f"{message}. Set it to one like {supported}.")


def _fault(sentence: str) -> ConfigValidationError:
    return ConfigValidationError(sentence, errors=[sentence])
