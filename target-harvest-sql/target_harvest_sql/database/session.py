"""A session: a driver, its statements and its errors. Only this module opens connections."""

from __future__ import annotations

import math
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError

from target_harvest_sql.database import waits
from target_harvest_sql.database.errors import (
    ERRORS,
    DatabaseError,
    RefusedDataError,
    TransientError,
)
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.drivers import driver_type, reason_not_imported
from target_harvest_sql.drivers.options import OptionError
from target_harvest_sql.redaction import first_line
from target_harvest_sql.redaction import reason as redacted
from target_harvest_sql.settings.address import not_supported
from target_harvest_sql.tunnel import TunnelError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.drivers.base import Driver
    from target_harvest_sql.settings.address import Address


class Session:
    """A session with the database. It is opened when first needed, and again after a loss.

    Args:
        address: Where the database is.
        logger: Gets the statements at debug level.

    Raises:
        ConfigValidationError: If the URL names a database that is not supported, or its driver is
            not installed.
    """

    def __init__(self, address: Address, logger: logging.Logger) -> None:
        self._address = address
        url = address.url
        backend = url.get_backend_name()
        try:
            self.dialect: Dialect = DIALECTS[backend]
            self._driver_type = driver_type(url)
        except KeyError:
            name = url.drivername
            raise not_supported(
                f"`sqlalchemy_url` names a database not supported: {name}"
            ) from None
        except ImportError as error:
            reason = reason_not_imported(error, self.dialect.extra)
            message = f"The database is {backend}, {reason}"
            raise ConfigValidationError(message, errors=[f"{message}."]) from error
        self.errors = self._driver_type.errors
        """What the driver raises."""
        self._logger = logger
        self._forward = None if address.tunnel is None else address.tunnel.forward()
        self._driver: Driver | None = None
        self._wait: waits.Wait | None = None
        self._finalizer: weakref.finalize[..., Session] | None = None
        self._was_open = False

    def open(self) -> Driver:
        """Open the session if it is closed. The version of the server decides the dialect.

        Raises:
            DatabaseError: If the database cannot be opened.
        """
        if self._driver is None:
            doing = self._address.named(
                f"open the {self.dialect.name} database of `sqlalchemy_url`"
            )
            with self._errors(doing, hide=self._address.without_secrets):
                # Each driver has its own time limit here. There is no connection yet to abort.
                with waits.Wait(doing, self._logger, math.inf, lambda: None).watching():
                    driver = self._connect()
                self._finalizer = weakref.finalize(self, driver.close)
                with waits.Wait(doing, self._logger, waits.OPEN_SECONDS, driver.abort).watching():
                    self.dialect = self.dialect.of_server(driver.version)
                    for statement in self.dialect.open_sql:
                        driver.execute(statement, {})
            self._driver, self._was_open = driver, True
        return self._driver

    def _connect(self) -> Driver:
        forward, url = self._forward, self._address.url
        try:
            return self._driver_type(self._address.by_port(forward.open()) if forward else url)
        except self.errors as error:
            self._check_tunnel(error)
            raise
        except OptionError as error:
            raise DatabaseError(
                self._address.named(
                    f"Cannot open the {self.dialect.name} database: {error}. Correct what follows "
                    "`?` in `sqlalchemy_url`."
                )
            ) from error

    def _check_tunnel(self, error: Exception) -> None:
        """If the tunnel is the cause of a failed connection, raise an error that says why."""
        if self._forward is None:
            return
        try:
            self._forward.check()
        except TunnelError as cause:
            message = (
                f"The database cannot be reached through the SSH server "
                f'"{self._forward.host}": {cause}. Correct `ssh_host`, `ssh_user`, '
                "`ssh_private_key` or `ssh_known_hosts`, or host and port of the database as that "
                "server sees it."
            )
            type_ = TransientError if self._was_open else DatabaseError
            raise type_(message) from error

    @contextmanager
    def watch(self, doing: str, limit_seconds: float) -> Iterator[Driver]:
        """Translate the errors of statements, and end a statement that takes too long.

        Args:
            doing: What the statements do, for errors.
            limit_seconds: How long one statement may take.

        Raises:
            DatabaseError: If the driver raises an error.
        """
        driver = self.open()
        wait = waits.Wait(doing, self._logger, limit_seconds, driver.abort)
        with self._errors(doing), wait.watching() as self._wait:
            yield driver

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """Run a statement, and return its rows."""
        self._logger.debug("Executing: %s", statement)
        if self._wait is not None:
            self._wait.begin()
        return self.open().execute(statement, parameters or {})

    def roll_back(self) -> bool:
        """Roll back, and return whether the session is still open."""
        if self._driver is None:
            return False
        try:
            self._driver.roll_back()
        except self.errors:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Close the session, if it is open."""
        if self._finalizer is not None:
            self._finalizer()
        self._driver = self._finalizer = None

    @contextmanager
    def _errors(self, doing: str, hide: Callable[[str], str] | None = None) -> Iterator[None]:
        """Translate the errors of the driver. The new message holds no values."""
        try:
            yield
        except self.errors as error:
            fault = self._driver_type.fault(error)
            reason = first_line(hide(str(error))) if hide else redacted(error)
            hint = self._address.named(self.dialect.hint(fault.code, fault.text))
            what_to_do = hint or "Set the log level to DEBUG to see the statement."
            was_lost = self._driver is None and self._was_open
            type_ = TransientError if was_lost else ERRORS[fault.kind]
            worded = type_(f"The database refused to {doing}: {reason}. {what_to_do}")
            worded.reason = f"{reason}. {hint}".rstrip(". ")
            if isinstance(worded, RefusedDataError):
                worded.is_of_value = fault.kind == "value"
            raise worded from error
