"""A connection: transactions that are committed once, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from target_harvest_sql.database import waits
from target_harvest_sql.database.errors import DatabaseError, InDoubtError, TransientError
from target_harvest_sql.database.retries import Retries
from target_harvest_sql.database.session import Session

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.settings.address import Address

    Execute = Callable[..., list[Any]]
    """Runs a statement with its parameters, if it has some; returns its rows."""

Result = TypeVar("Result")


class Locks(Protocol):
    """The locks of this run's tables, as a transaction sees them."""

    def verify(self) -> None:
        """Raise an error if other runs may write to the tables."""

    def fence(self, execute: Execute) -> None:
        """Raise an error, or make a transaction fail, if other runs may write before its end."""


class Connection:
    """A connection to the database, opened when it is first needed.

    A connection that is lost is opened again. What was not committed is done again.

    Args:
        address: Where the database is.
        logger: Gets the statements at debug level, and the retries.
        locks: The locks to verify before each commit, if there are any.

    Raises:
        ConfigValidationError: If the URL names a database that is not supported.
    """

    def __init__(
        self, address: Address, logger: logging.Logger, locks: Locks | None = None
    ) -> None:
        self._session = Session(address, logger)
        self._retries = Retries(logger)
        self._locks = locks
        self._doubt: InDoubtError | None = None

    @property
    def dialect(self) -> Dialect:
        """The dialect of the server; before the connection is open, that of the database."""
        return self._session.dialect

    @property
    def statement_bytes(self) -> int:
        """How many bytes of JSON one statement may carry."""
        return self._session.open().statement_bytes

    def open(self) -> Dialect:
        """Open the connection, if it is not open; returns the dialect of the server.

        Raises:
            DatabaseError: If the database cannot be opened.
        """
        self._retries.run(self._session.open)
        return self.dialect

    def close(self) -> None:
        """Close the connection, if it is open."""
        self._session.close()

    def carry(self, batch: bytes) -> AbstractContextManager[Any]:
        """Hold a batch, and tell what to bind as `batch`."""
        return self._session.open().carry(batch)

    def verify_locks(self) -> None:
        """Raise an error if other runs may write to the tables of this one."""
        if self._locks is not None:
            self._locks.verify()

    def _fence(self) -> None:
        if self._locks is not None:
            self._locks.fence(self._session.execute)

    def ask(
        self, doing: str, question: str, parameters: Mapping[str, Any], *, retries: bool = False
    ) -> Any:
        """Run a statement outside of a transaction; returns the one value that it gives.

        Args:
            doing: What it does, for errors.
            question: The statement.
            parameters: The values to bind, by name.
            retries: Whether it is repeated after transient errors, on a new connection if need be.

        Raises:
            DatabaseError: If the database does not answer.
        """

        def once() -> Any:
            with self._session.watch(doing, waits.ANSWER_SECONDS):
                try:
                    return self._session.execute(question, parameters)[0][0]
                except self._session.errors:
                    self._session.roll_back()
                    raise

        return self._retries.run(once) if retries else once()

    def transact(
        self,
        doing: str,
        work: Callable[[Execute], Result],
        *,
        is_repeatable: bool = True,
        limit_seconds: float | None = None,
    ) -> Result:
        """Commit all statements of `work`, or none; repeated after transient errors.

        Args:
            doing: What it does, for errors.
            work: Gets a function that executes a statement. It is called once for each try.
            is_repeatable: Whether it may be done again after it was committed.
            limit_seconds: How long one statement may take; `CHANGE_SECONDS` if not given.

        Raises:
            DatabaseError: If the database refuses it.
            InDoubtError: If nothing tells whether it was committed. After that, all further
                transactions raise the same error.
        """
        if self._doubt is not None:
            raise self._doubt
        session = self._session

        def once() -> Result:
            with session.watch(doing, limit_seconds or waits.CHANGE_SECONDS) as driver:
                try:
                    # The first statement is the one that meets a lost connection.
                    driver.execute(session.dialect.begin_sql, {})
                    for setting in session.dialect.transaction_settings_sql:
                        driver.execute(setting, {})
                    result = work(session.execute)
                    self._fence()
                    self._commit(doing, is_repeatable=is_repeatable)
                except session.errors:
                    session.roll_back()
                    self.verify_locks()  # Without its locks, another run may be the reason.
                    raise
                except BaseException:
                    session.roll_back()
                    raise
            return result

        return self._retries.run(once)

    def _commit(self, doing: str, *, is_repeatable: bool) -> None:
        """Commit; if the connection is lost then, find out whether it was committed."""
        driver, dialect = self._session.open(), self.dialect
        number = None
        if dialect.transaction_sql and not is_repeatable:
            number = driver.execute(dialect.transaction_sql, {})[0][0]
        try:
            driver.execute("COMMIT", {})
        except driver.errors:
            if is_repeatable or self._session.roll_back():
                raise
            if not self._was_committed(number, doing):
                raise

    def _was_committed(self, number: int | None, doing: str) -> bool:
        """Find out whether a transaction was committed, or raise an `InDoubtError`."""
        try:
            outcome = self._retries.run(lambda: self._outcome(number, doing))
            cause = None
        except DatabaseError as error:
            outcome, cause = None, error
        if outcome is None:
            self._doubt = InDoubtError(
                f"The connection was lost at the end of the transaction to {doing}, and the "
                "database cannot tell whether it was committed. Look whether the table has those "
                "rows, and delete them before the next run."
            )
            raise self._doubt from cause
        return bool(outcome == "committed")

    def _outcome(self, number: int | None, doing: str) -> str | None:
        """What the database says of a transaction; `None` if it does not know."""
        if number is None:
            return None
        doing_this = "tell what became of a transaction"
        outcome: str | None = self.ask(doing_this, self.dialect.outcome_sql, {"number": number})
        if outcome == "in progress":
            raise TransientError(f"The database has not yet ended the transaction to {doing}.")
        return outcome
