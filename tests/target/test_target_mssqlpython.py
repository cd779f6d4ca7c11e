"""How Microsoft's driver is called, which is not installed here."""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import pytest
from singer_sdk.exceptions import ConfigValidationError
from sqlalchemy.engine import make_url

from target_harvest_sql.database.session import Session
from target_harvest_sql.settings.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "mssql+mssqlpython://me:secret@db:1444/here?TrustServerCertificate=yes"
LOGIN_TIMEOUT = 103


class Module(ModuleType):
    """What the driver calls of `mssql_python`; it notes its calls, and answers nothing."""

    SQL_ATTR_LOGIN_TIMEOUT = LOGIN_TIMEOUT

    class Error(Exception):
        """An error of the driver."""

    class DataError(Error):
        """An error of a value."""

    class IntegrityError(Error):
        """An error of a constraint."""

    class ConnectionStringParseError(Exception):
        """An unknown option."""

    def __init__(self) -> None:
        super().__init__("mssql_python")
        self.calls: list[tuple[str, Any]] = []
        self.description = None
        self.hstmt = self

    def pooling(self, **options: Any) -> None:
        """Configure the pool."""
        self.calls.append(("pooling", options))

    def connect(self, text: str, **options: Any) -> Module:
        """Connect."""
        self.calls.append(("connect", {"": text, **options}))
        return self

    def cursor(self) -> Module:
        """Make a cursor."""
        return self

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """End."""

    def execute(self, statement: str, *values: Any) -> None:
        """Execute a statement, which may call back what waits for it."""
        self.calls.append(("execute", (statement, *values)))
        for value in values:
            if callable(value):
                value()

    def nextset(self) -> bool:
        """Look for another result."""
        return False

    def _cancel(self) -> None:
        self.calls.append(("cancel", None))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Stands in for the driver while a test runs."""
    name = "target_harvest_sql.drivers.mssqlpython"
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = Module()
    monkeypatch.setitem(sys.modules, "mssql_python", module)
    yield module
    sys.modules.pop(name, None)


def opened(url: str) -> Any:
    """A connection by the driver."""
    from target_harvest_sql.drivers.mssqlpython import MSSQLPythonDriver

    return MSSQLPythonDriver(make_url(url))


def test_a_connection_is_not_pooled(module: Module) -> None:
    """Closed, a pooled one would keep its session, and with it the locks of its tables."""
    opened(URL)

    assert [name for name, _ in module.calls] == ["pooling", "connect"]
    assert module.calls[0][1] == {"enabled": False}


@pytest.mark.parametrize(("option", "seconds"), [("", 60), ("&login_timeout=7", 7)])
def test_only_the_sign_in_has_a_limit(module: Module, option: str, seconds: int) -> None:
    """Up to version 1.13 the driver took its argument `timeout` for the limit of a statement."""
    opened(URL + option)

    [(_, options)] = module.calls[1:]
    assert options["attrs_before"] == {LOGIN_TIMEOUT: seconds}
    assert "timeout" not in options
    assert options[""] == "TrustServerCertificate={yes}"


def test_a_statement_is_cancelled(module: Module) -> None:
    """From another thread; there is nothing to cancel before and after it."""
    driver = opened(URL)
    driver.abort()
    driver._run("SELECT ?", [driver.abort])
    driver.abort()

    assert [name for name, _ in module.calls[2:]] == ["execute", "cancel"]


def test_the_package_to_install_is_named() -> None:
    """The extra `mssql` brings another driver, which this URL would not take."""
    with pytest.raises(ConfigValidationError) as caught:
        Session(Address(make_url(URL), is_of_parts=False), logging.getLogger())

    assert caught.value.errors == [
        "The database is mssql, whose driver is not installed. Install the package mssql-python."
    ]


def test_a_driver_that_lacks_a_library_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is installed, so that to install it again would not help."""
    reason = "libltdl.so.7: cannot open shared object file"
    (tmp_path / "mssql_python.py").write_text(f"raise ImportError({reason!r})", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "target_harvest_sql.drivers.mssqlpython", raising=False)
    with pytest.raises(ConfigValidationError) as caught:
        Session(Address(make_url(URL), is_of_parts=False), logging.getLogger())

    assert caught.value.errors == [
        f"The database is mssql, whose driver cannot be loaded: {reason}. Install what it lacks."
    ]
