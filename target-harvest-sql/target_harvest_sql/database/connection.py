"""A connection to the database. A transaction is committed once, or not at all."""

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
    """Runs a statement, with its parameters if it has any, and returns the rows."""

Result = TypeVar("Result")


class Locks(Protocol):
    """Checks in a transaction that this run still has the locks of its tables."""

    def verify(self) -> None:
        """Raise an error if other runs may write to the tables."""

    def fence(self, execute: Execute) -> None:
        """Raise an error, or let the transaction fail, if another run may write before its end."""


class Connection:
    """A connection to the database, opened when it is first needed.

    If the connection is lost, it is opened again, and the transaction that was not committed is
    repeated.

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
        """The dialect of the server; before the connection is open, the dialect of the URL."""
        return self._session.dialect

    @property
    def statement_bytes(self) -> int:
        """How many bytes of JSON one statement may carry."""
        return self._session.open().statement_bytes

    def open(self) -> Dialect:
        """Open the connection if it is closed, and return the dialect of the server.

        Raises:
            DatabaseError: If the database cannot be opened.
        """
        self._retries.run(self._session.open)
        return self.dialect

    def close(self) -> None:
        """Close the connection, if it is open."""
        self._session.close()

    def carry(self, batch: bytes) -> AbstractContextManager[Any]:
        """Hold a batch in a `with` block. The result is the value to bind as `batch`."""
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
        """Run a statement outside of a transaction, and return its only value.

        Args:
            doing: What it does, for errors.
            question: The statement.
            parameters: The values to bind, by name.
            retries: Whether to repeat the statement after transient errors, if needed on a new
                connection.

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
        """Commit all statements of `work`, or none. Repeat them after transient errors.

        Args:
            doing: What it does, for errors.
            work: Gets a function that executes a statement. It is called once for each try.
            is_repeatable: Whether the work may be repeated after it was committed.
            limit_seconds: How long one statement may take; `CHANGE_SECONDS` if not given.

        Raises:
            DatabaseError: If the database refuses it.
            InDoubtError: If it is unknown whether the work was committed. All later transactions
                raise the same error.
        """
        if self._doubt is not None:
            raise self._doubt
        session = self._session

        def once() -> Result:
            with session.watch(doing, limit_seconds or waits.CHANGE_SECONDS) as driver:
                try:
                    # If the connection was lost before, the first statement fails.
                    driver.execute(session.dialect.begin_sql, {})
                    for setting in session.dialect.transaction_settings_sql:
                        driver.execute(setting, {})
                    result = work(session.execute)
                    self._fence()
                    self._commit(doing, is_repeatable=is_repeatable)
                except session.errors:
                    session.roll_back()
                    self.verify_locks()  # If the locks are lost, another run may be the cause.
                    raise
                except BaseException:
                    session.roll_back()
                    raise
            return result

        return self._retries.run(once)

    def _commit(self, doing: str, *, is_repeatable: bool) -> None:
        """Commit. If the connection is lost meanwhile, ask whether the server has committed."""
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
        """What the database says about a transaction; `None` if it does not know."""
        if number is None:
            return None
        doing_this = "tell what became of a transaction"
        outcome: str | None = self.ask(doing_this, self.dialect.outcome_sql, {"number": number})
        if outcome == "in progress":
            raise TransientError(f"The database has not yet ended the transaction to {doing}.")
        return outcome
