"""The only place that opens a connection: tables, transactions, batches."""

from __future__ import annotations

import logging
import math
import random
import time
import weakref
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from singer_sdk.exceptions import ConfigValidationError

from target_harvest_sql.columns import similar_name
from target_harvest_sql.database.waits import Wait
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.drivers import driver_type
from target_harvest_sql.drivers.options import OptionError
from target_harvest_sql.redaction import first_line
from target_harvest_sql.redaction import reason as redacted
from target_harvest_sql.settings.address import not_supported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.drivers.base import Driver
    from target_harvest_sql.settings.address import Address

Result = TypeVar("Result")

RETRY_SECONDS = 60
"""How long a transaction is tried again after errors that may pass."""
MAX_PAUSE_SECONDS = 10
"""How long the pause between two tries is at most."""
ANSWER_SECONDS = 300
"""How long the database may take for a statement of a batch."""
CHANGE_SECONDS = 6 * 3600
"""How long the database may take to change a table, which can mean to write all its rows anew."""
OPEN_SECONDS = 30
"""How long the database may take for the first statements of a connection."""
LOWER_CASE = "Set `lower_case_names: true` if another program made the table"


class DatabaseError(Exception):
    """The database refused something; says what, without values and passwords."""

    reason = ""
    """What the database said, and what to do about it if that is known."""


class TransientError(DatabaseError):
    """The database may do the same when it is asked again."""


class RefusedDataError(DatabaseError):
    """The database refused what was to be written; a row may be to blame, and no fault else."""

    is_of_value = False
    """Whether a value is to blame, and not the row as a whole."""


class InDoubtError(DatabaseError):
    """A transaction may have been committed; to do it again could double its rows."""


ERRORS: Final = {
    "transient": TransientError,
    "value": RefusedDataError,
    "row": RefusedDataError,
    "server": DatabaseError,
}
"""What each kind of fault is raised as."""


class Locks(Protocol):
    """Keeps other runs from tables."""

    def take(self, table: Table) -> None:
        """Keep other runs from a table, or wait for their end."""

    def verify(self) -> None:
        """Raise an error if other runs may be at work on the tables."""

    def fence(self, execute: Callable[..., list[Any]]) -> None:
        """Raise an error, or make a transaction fail, if other runs may be at work by its end."""


class Connector:
    """A connection to the database, opened when it is first needed.

    A connection that is lost is opened again. What was not committed is done again.

    Args:
        address: Where the database is.
        logger: Where statements are written, at debug level.
        locks: What keeps other runs from tables; without it, nothing does.

    Raises:
        ConfigValidationError: If the URL names a database not supported.
    """

    def __init__(
        self, address: Address, logger: logging.Logger, locks: Locks | None = None
    ) -> None:
        self._address = address
        self._url = address.url
        backend = self._url.get_backend_name()
        try:
            self.dialect: Dialect = DIALECTS[backend]
            self._driver_type = driver_type(self._url)
        except KeyError:
            name = self._url.drivername
            raise not_supported(
                f"`sqlalchemy_url` names a database not supported: {name}"
            ) from None
        except ImportError as error:
            message = (
                f"The database is {backend}, whose driver is not installed. Install "
                f"target-harvest-sql[{self.dialect.extra}], or the package {error.name}"
            )
            raise ConfigValidationError(message, errors=[f"{message}."]) from error
        self._logger = logger
        self._told = ""  # Why a call was last repeated.
        self._locks = locks
        self._driver: Driver | None = None
        self._wait: Wait | None = None
        self._finalizer: weakref.finalize[..., Connector] | None = None
        self._was_open = False
        self._owners: dict[str, str] = {}
        self._doubt: InDoubtError | None = None

    def open(self) -> Dialect:
        """Open the connection, if it is not open; the server says which dialect is its own."""
        self._patiently(self._open)
        return self.dialect

    # Tables

    def prepare(self, table: Table, stream: str, *, is_shared: bool = False) -> Table:
        """Create the table of a stream, or add what it lacks; from then on it is this run's.

        Args:
            table: The table as the stream wants it.
            stream: Name of the stream, for errors.
            is_shared: Whether other runs write to it at the same time.

        Returns:
            The table as it is, with the kinds that its columns hold.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
        """
        self._claim(table, stream)
        if not is_shared:
            self._lock(table)
        doing, is_new = f'prepare the table "{table.name}" of stream "{stream}"', False

        def work() -> Table:
            nonlocal is_new
            found = self._columns(table)
            is_new = not found
            return self._create(table) if is_new else self._alter(table, stream, found)

        try:
            return self._transact(doing, work)
        except DatabaseError:
            if not is_new:
                raise
        # Another run may have made the same schema, or a shared table, at the same moment.
        return self._transact(doing, work)

    def take(self, table: Table, stream: str) -> None:
        """Keep other streams of this run, and other runs, from a table.

        Raises:
            DatabaseError: If another stream writes to it, or another run for too long.
        """
        self._claim(table, stream)
        self._lock(table)

    def transact(
        self,
        doing: str,
        work: Callable[[Callable[..., list[Any]]], Result],
        *,
        is_repeatable: bool = True,
    ) -> Result:
        """Do some work in one transaction.

        Args:
            doing: What it is, for errors.
            work: Gets a function that executes a statement with its parameters.
            is_repeatable: Whether it does no harm to do it again when it was committed before.

        Raises:
            DatabaseError: If the database refuses it.
        """

        def locked() -> Result:
            self._verify_locks()  # Where a change of a table commits itself, later is too late.
            return work(self._execute)

        return self._transact(doing, locked, is_repeatable=is_repeatable)

    def is_alone(self) -> bool:
        """Whether no other run can be at work on a table that this one has taken."""
        if not self.dialect.alone_sql:
            return True
        try:
            for statement in self.dialect.alone_sql:
                self.ask("look for other processes", statement, {})
        except DatabaseError:
            return False
        finally:
            self.close()  # A new connection has its usual settings.
        return True

    def activate_version(
        self, table: Table, version: int, *, hard_delete: bool, deleted_at: str
    ) -> None:
        """Delete, or mark as deleted at a moment, the rows of older versions."""
        parameters: dict[str, Any] = {"version": version}
        if not hard_delete:
            parameters["deleted_at"] = deleted_at
        statement = self.dialect.activate_version_sql(table, hard_delete=hard_delete)
        self._transact(
            f'activate a version of table "{table.name}"',
            lambda: self._execute(statement, parameters),
        )

    def _create(self, table: Table) -> Table:
        self._create_schema(table)
        lower = replace(table, name=table.name.lower())
        if self.dialect.fold(lower.name) != self.dialect.fold(table.name) and self._columns(lower):
            self._logger.warning(
                'There is a table "%s"; the table "%s" is made beside it. %s, or set `__alias__` '
                "with `stream_maps`.",
                *(lower.name, table.name, LOWER_CASE),
            )
        self._execute(self.dialect.create_table_sql(table))
        self._execute_all(self.dialect.comments_sql(table))
        if warning := self.dialect.creation_warning(table):
            self._logger.warning("%s", warning)
        return table

    def _alter(
        self, table: Table, stream: str, found: Mapping[str, tuple[str, str, bool]]
    ) -> Table:
        self._check_keys(table, stream, found)
        columns = [self._fit(table, c, stream, found) for c in table.columns]
        ready = replace(table, columns=tuple(columns))
        if any(self.dialect.fold(column.name) not in found for column in columns):
            self._execute_all(self.dialect.comments_sql(ready))
        return ready

    def _create_schema(self, table: Table) -> None:
        """Create a table's schema if need be; who may not create any may use those that exist."""
        if table.schema and not self._execute(self.dialect.schema_sql(), {"schema": table.schema}):
            self._execute(self.dialect.create_schema_sql(table.schema))

    def _columns(self, table: Table) -> dict[str, tuple[str, str, bool]]:
        """A table's columns by folded name: name, type, part of the key; none if no table."""
        rows = self._execute(
            self.dialect.columns_sql(), {"schema": table.schema, "table": table.name}
        )
        return {self.dialect.fold(row[0]): (row[0], row[1], bool(row[2])) for row in rows}

    def _check_keys(
        self, table: Table, stream: str, found: Mapping[str, tuple[str, str, bool]]
    ) -> None:
        """Refuse a table whose key is not the stream's."""
        actual = sorted(name for name, _, is_key in found.values() if is_key)
        wanted = sorted(column.name for column in table.keys)
        if set(map(self.dialect.fold, actual)) == set(map(self.dialect.fold, wanted)):
            return
        if not actual:
            raise DatabaseError(
                f'Table "{table.name}" of stream "{stream}" has no primary key on '
                f"({', '.join(wanted)}), so `load_method: upsert` cannot work. Add the key, drop "
                "the table, or set `load_method: append-only`."
            )
        is_case = {name.lower() for name in wanted} == {name.lower() for name in actual}
        raise DatabaseError(
            f'The key of stream "{stream}" is ({", ".join(wanted)}), but its table "{table.name}" '
            f"has the primary key ({', '.join(actual)}). "
            f"{f'{LOWER_CASE}. Or rename' if is_case else 'Rename'} or drop the table, so that it "
            "is made anew, or set `load_method: overwrite`."
        )

    def _fit(
        self,
        table: Table,
        column: Column,
        stream: str,
        found: Mapping[str, tuple[str, str, bool]],
    ) -> Column:
        """Add a column that is missing, widen one that is too narrow.

        A text could hold JSON as well, but would not tell 5 from "5": it becomes JSON. What is
        neither wider nor narrower than the column, as a date for a truth value, makes it text, if
        it is of a type that we make.
        """
        existing = found.get(self.dialect.fold(column.name))
        if existing is None:
            wanted_names = {self.dialect.fold(c.name) for c in table.columns}
            taken = [name for folded, (name, *_) in found.items() if folded not in wanted_names]
            if twin := similar_name(column.name, taken):
                self._logger.warning(
                    'Table "%s" has a column "%s", and gets a column "%s" beside it, of stream %s. '
                    "%s, or rename the property with `stream_maps`.",
                    *(table.name, twin, column.name, stream, LOWER_CASE),
                )
            self._execute(self.dialect.add_column_sql(table, column))
            return column
        name, type_, _ = existing
        wanted, column = column, replace(column, name=name)
        held = self.dialect.held(type_, column)
        if held is not None and (column.kind != "json" or held.kind == "json"):
            return held
        is_ours = held is None and type_.partition("(")[0] in self.dialect.bare_types
        for kind in (column.kind, "string") if is_ours else (column.kind,):
            wide = replace(column, kind=kind)
            columns = tuple(wide if c is wanted else c for c in table.columns)
            statements = self.dialect.widen_sql(replace(table, columns=columns), wide, type_)
            if statements:
                self._execute_all(statements)
                if type_.partition("(")[0] not in self.dialect.bare_types:
                    self._logger.warning(
                        "Changed the type of a column that others made: table=%s column=%s "
                        "type=%s, as stream %s sends %s.",
                        *(table.name, name, type_, stream, column.kind),
                    )
                as_text = self.dialect.held(self.dialect.types["string"], column)
                return column if kind == column.kind else as_text or column
        if held is not None:
            return held
        raise DatabaseError(
            f'Column "{name}" of table "{table.name}" is {type_}, but stream "{stream}" now '
            f"sends {column.kind} ({self.dialect.types[column.kind]}). Change the column's "
            "type, rename or drop the table, or set `load_method: overwrite`."
        )

    def _claim(self, table: Table, stream: str) -> None:
        """Refuse a table that another stream writes to."""
        owner = self._owners.setdefault(self.dialect.fold(self.dialect.table_name(table)), stream)
        if owner != stream:
            raise DatabaseError(
                f'Streams "{owner}" and "{stream}" would both write to table "{table.name}". Give '
                "one of them another name with `stream_maps` and `__alias__`."
            )

    # Batches

    def write(
        self, table: Table, elements: Sequence[bytes], deleted: Sequence[bytes], stream: str
    ) -> None:
        """Write a batch in one transaction: by key where the table has one, else appended.

        Args:
            table: As `prepare` returned it.
            elements: JSON objects, no two with the same key.
            deleted: JSON objects with other keys, whose rows are deleted.
            stream: Name of the stream, for errors.

        Raises:
            RefusedDataError: If a row of the batch is to blame; nothing of it is written.
            DatabaseError: If the database refuses the batch for another reason.
        """

        def work() -> None:
            self._execute_batch(self._write_sql(table), elements)
            if deleted:
                self._execute_batch(self.dialect.delete_sql(table), deleted)

        records = len(elements) + len(deleted)
        started = time.perf_counter()
        self._transact(
            f'write {records} records of stream "{stream}" to table "{table.name}"',
            work,
            is_repeatable=bool(table.keys),
            limit_seconds=ANSWER_SECONDS,
        )
        seconds = time.perf_counter() - started
        self._logger.debug(
            "Wrote batch: stream=%s records=%d seconds=%.2f", stream, records, seconds
        )

    def write_nothing(self, table: Table, stream: str) -> None:
        """Write a batch without rows.

        Raises:
            DatabaseError: If the database refuses even that.
        """
        self._transact(
            f'write to table "{table.name}" of stream "{stream}"',
            lambda: self._execute_part(self._write_sql(table), ()),
            limit_seconds=ANSWER_SECONDS,
        )

    def find_misfit(self, table: Table, element: bytes) -> Column | None:
        """Find the column whose value the database cannot read; none if it can read all."""
        columns = list(table.columns)
        if self._can_read(columns, element):
            return None
        while len(columns) > 1:
            half = columns[: len(columns) // 2]
            columns = columns[len(half) :] if self._can_read(half, element) else half
        return columns[0]

    def _can_read(self, columns: Sequence[Column], element: bytes) -> bool:
        statements = [self.dialect.rows_sql(columns)]
        try:
            self._transact(
                "read a record",
                lambda: self._execute_part(statements, [element]),
                limit_seconds=ANSWER_SECONDS,
            )
        except RefusedDataError:
            return False
        return True

    def _write_sql(self, table: Table) -> list[str]:
        return self.dialect.upsert_sql(table) if table.keys else self.dialect.append_sql(table)

    def _execute_batch(self, statements: Sequence[str], elements: Sequence[bytes]) -> None:
        for part in self._parts(elements):
            self._execute_part(statements, part)

    def _execute_part(self, statements: Sequence[str], part: Sequence[bytes]) -> None:
        with self._open().carry(_joined(part, self.dialect)) as carried:
            for statement in statements:
                self._execute(statement, {"batch": carried})

    def _parts(self, elements: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Part a batch into what one statement takes."""
        start = size = 0
        limit = self._open().statement_bytes
        for end, element in enumerate(elements):
            size += len(element) + 1
            if end > start and (size > limit or end - start == self.dialect.statement_rows):
                yield elements[start:end]
                start, size = end, len(element) + 1
        if elements:
            yield elements[start:]

    # Two runs on one table

    def _lock(self, table: Table) -> None:
        if self._locks is not None:
            self._locks.take(table)

    def _verify_locks(self) -> None:
        if self._locks is not None:
            self._locks.verify()

    def _fence(self) -> None:
        if self._locks is not None:
            self._locks.fence(self._execute)

    # Transactions

    def _transact(
        self,
        doing: str,
        work: Callable[[], Result],
        *,
        is_repeatable: bool = True,
        limit_seconds: float | None = None,
    ) -> Result:
        """Commit what is done by `work`, or nothing of it; tried again after transient errors.

        Args:
            doing: What it is, for errors.
            work: Executes statements; called once for each try.
            is_repeatable: Whether it does no harm to do it again when it was committed before.
            limit_seconds: How long one statement may take; `CHANGE_SECONDS` if not given.

        Raises:
            InDoubtError: If nothing tells whether it was committed. After that, all further
                transactions raise the same error.
        """
        if self._doubt is not None:
            raise self._doubt

        def once() -> Result:
            driver = self._open()
            with self._errors(doing), self._waiting(doing, limit_seconds or CHANGE_SECONDS):
                try:
                    driver.execute(self.dialect.begin_sql, {})  # It is here that a loss is met.
                    result = work()
                    self._fence()
                    self._commit(doing, is_repeatable=is_repeatable)
                except driver.errors:
                    self._roll_back()
                    self._verify_locks()  # Without them, the error may be another run's doing.
                    raise
                except BaseException:
                    self._roll_back()
                    raise
            return result

        return self._patiently(once)

    def _commit(self, doing: str, *, is_repeatable: bool) -> None:
        """Commit; if the connection is lost then, find out whether it was committed."""
        driver, dialect = self._open(), self.dialect
        number = None
        if dialect.transaction_sql and not is_repeatable:
            number = driver.execute(dialect.transaction_sql, {})[0][0]
        try:
            driver.execute("COMMIT", {})
        except driver.errors:
            if is_repeatable or self._roll_back():
                raise
            if not self._was_committed(number, doing):
                raise

    def _was_committed(self, number: int | None, doing: str) -> bool:
        """Find out what became of a transaction, or raise an `InDoubtError`."""
        try:
            outcome = self._patiently(lambda: self._outcome(number, doing))
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

    def _roll_back(self) -> bool:
        """Roll back; returns whether the connection is still there."""
        if self._driver is None:
            return False
        try:
            self._driver.roll_back()
        except self._driver_type.errors:
            self.close()
            return False
        return True

    def _patiently(self, call: Callable[[], Result]) -> Result:
        """Call again after transient errors, a little later each time.

        The time counts from the first error: a try that waits in vain for long is followed by
        another one.
        """
        deadline = math.inf
        for tries in count():
            try:
                return call()
            except TransientError as error:
                now = time.monotonic()
                deadline = min(deadline, now + RETRY_SECONDS)
                pause = random.uniform(0, min(0.1 * 2**tries, MAX_PAUSE_SECONDS))  # noqa: S311 - no secret.
                if now + pause >= deadline:
                    raise
                self._log_retry(error, pause, is_first=not tries)
                time.sleep(pause)
        raise AssertionError

    def _log_retry(self, error: TransientError, pause: float, *, is_first: bool) -> None:
        is_news = is_first or str(error) != self._told
        self._told = str(error)
        self._logger.log(
            logging.WARNING if is_news else logging.DEBUG,
            "%s Trying again in %.1f seconds, and for %d seconds at most.",
            error,
            pause,
            RETRY_SECONDS,
        )

    def ask(
        self,
        doing: str,
        question: str,
        parameters: Mapping[str, Any],
        *,
        is_patient: bool = False,
    ) -> Any:
        """Run a statement outside of a transaction, and return the one value that it gives.

        Args:
            doing: What it is, for errors.
            question: The statement.
            parameters: The values to bind, by name.
            is_patient: Whether it is tried again after transient errors, on a new connection if
                need be.

        Raises:
            DatabaseError: If the database does not answer.
        """

        def once() -> Any:
            self._open()
            with self._errors(doing), self._waiting(doing, ANSWER_SECONDS):
                try:
                    return self._execute(question, parameters)[0][0]
                except self._driver_type.errors:
                    self._roll_back()
                    raise

        return self._patiently(once) if is_patient else once()

    def _execute_all(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._execute(statement)

    def _execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        self._logger.debug("Executing: %s", statement)
        if self._wait is not None:
            self._wait.begin()
        return self._open().execute(statement, parameters or {})

    # The connection

    def _open(self) -> Driver:
        if self._driver is None:
            doing = self._address.named(
                f"open the {self.dialect.name} database of `sqlalchemy_url`"
            )
            with self._errors(doing, hide=self._address.without_secrets):
                driver = self._connect()
                self._finalizer = weakref.finalize(self, driver.close)
                with Wait(doing, self._logger, OPEN_SECONDS, driver.abort):
                    self.dialect = self.dialect.of_server(driver.version)
                    for statement in self.dialect.open_sql:
                        driver.execute(statement, {})
            self._driver, self._was_open = driver, True
        return self._driver

    @contextmanager
    def _waiting(self, doing: str, limit_seconds: float) -> Iterator[None]:
        """Tell of statements that take long, and end those that take longer than a limit."""
        with Wait(doing, self._logger, limit_seconds, self._open().abort) as self._wait:
            yield

    def _connect(self) -> Driver:
        try:
            return self._driver_type(self._url)
        except OptionError as error:
            raise DatabaseError(
                self._address.named(
                    f"Cannot open the {self.dialect.name} database: {error}. Correct what follows "
                    "`?` in `sqlalchemy_url`."
                )
            ) from error

    def close(self) -> None:
        """Close the connection, if it is open."""
        if self._finalizer is not None:
            self._finalizer()
        self._driver = self._finalizer = None

    @contextmanager
    def _errors(self, doing: str, hide: Callable[[str], str] | None = None) -> Iterator[None]:
        """Word the errors of the driver; what may be a value is left out."""
        try:
            yield
        except self._driver_type.errors as error:
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


def _joined(elements: Sequence[bytes], dialect: Dialect) -> bytes:
    """Write the JSON of a batch; its many bytes are copied but once."""
    if not elements:
        return dialect.batch_start + dialect.batch_end
    framed = [*elements]
    framed[0] = dialect.batch_start + framed[0]
    framed[-1] += dialect.batch_end
    return dialect.batch_separator.join(framed)
