"""The only place that opens a connection: tables, transactions, batches."""

from __future__ import annotations

import re
import weakref
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from target_harvest_sql.columns import conform_name
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.drivers import driver_type

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.drivers.base import Driver


class DatabaseError(Exception):
    """The database refused something; says what, without values and passwords."""


def _without_values(message: str) -> str:
    """Take from a driver's message what it quotes, which may be a value with quotes of its own."""
    return re.sub(r"""['"{].*['"}]|['"].*""", "…", message, flags=re.DOTALL)


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0].rstrip(".")


class Connector:
    """A connection to the database of `sqlalchemy_url`, opened when it is first needed.

    Args:
        url: Where the database is.
        logger: Where statements are written, at debug level.

    Raises:
        ConfigValidationError: If the URL cannot be read, or names a database not supported.
    """

    def __init__(self, url: str, logger: logging.Logger) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            # The cause is not chained: its text holds the URL, which may hold a password.
            raise _setting_error("`sqlalchemy_url` is not a URL of a database") from None
        backend = self._url.get_backend_name()
        try:
            self.dialect: Dialect = DIALECTS[backend]
            self._driver_type = driver_type(self._url)
        except KeyError:
            name = self._url.drivername
            raise _setting_error(
                f"`sqlalchemy_url` names a database not supported: {name}"
            ) from None
        except ImportError as error:
            message = (
                f"`sqlalchemy_url` names {backend}, whose driver is not installed. Install "
                f"target-harvest-sql[{self.dialect.extra}], or the package {error.name}"
            )
            raise ConfigValidationError(message, errors=[f"{message}."]) from error
        self._logger = logger
        self._driver: Driver | None = None
        self._owners: dict[str, str] = {}
        self._shadows: dict[str, tuple[Table, Table]] = {}

    def open(self) -> Dialect:
        """Open the connection, if it is not open; the server says which dialect is its own."""
        self._open()
        return self.dialect

    def prepare(self, table: Table, stream: str) -> Table:
        """Create the table of a stream, or add what it lacks.

        Args:
            table: The table as the stream wants it.
            stream: Name of the stream, for errors.

        Returns:
            The table as it is, with the kinds that its columns hold.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
        """
        self._claim(table, stream)
        doing = f'prepare the table "{table.name}" of stream "{stream}"'
        with self._transaction(doing):
            found = self._columns(table)
            if not found:
                self._create_schema(table)
                self._execute(self.dialect.create_table_sql(table))
                ready, changed = table, True
            else:
                self._check_keys(table, stream, found)
                columns = [self._fit(table, c, stream, found) for c in table.columns]
                ready = replace(table, columns=tuple(columns))
                changed = any(self.dialect.fold(c.name) not in found for c in columns)
            if changed:
                for statement in self.dialect.comments_sql(ready):
                    self._execute(statement)
        return ready

    def prepare_shadow(self, table: Table, stream: str) -> Table:
        """Create an empty table that takes a table's place when `swap` is called.

        A second call for the same table adds what the shadow lacks, as `prepare` does.
        """
        name = self.dialect.fold(self.dialect.table_name(table))
        shadow_name = conform_name(f"{table.name}__shadow", self.dialect)
        shadow = replace(table, name=shadow_name)
        if name not in self._shadows:
            self._claim(table, stream)
            with self._transaction(f'empty the shadow of table "{table.name}"'):
                self._create_schema(table)
                self._execute(self.dialect.drop_table_sql(shadow))
        ready = self.prepare(shadow, stream)
        self._shadows[name] = (table, ready)
        return ready

    def swap(self) -> None:
        """Put all shadows in place of their tables, in one transaction."""
        if not self._shadows:
            return
        with self._transaction("put the new tables in place of the old ones"):
            for table, shadow in self._shadows.values():
                for statement in self.dialect.swap_sql(table, shadow):
                    self._execute(statement)
        self._shadows.clear()

    def write(self, table: Table, elements: Sequence[bytes], stream: str) -> None:
        """Write a batch in one transaction: by key where the table has one, else appended.

        Args:
            table: As `prepare` returned it.
            elements: JSON objects, no two with the same key.
            stream: Name of the stream, for errors.

        Raises:
            DatabaseError: If the database refuses the batch; nothing of it is written.
        """
        dialect = self.dialect
        statements = dialect.upsert_sql(table) if table.keys else dialect.append_sql(table)
        doing = f'write {len(elements)} records of stream "{stream}" to table "{table.name}"'
        self._execute_batch(statements, elements, doing)

    def delete(self, table: Table, elements: Sequence[bytes], stream: str) -> None:
        """Delete, in one transaction, the rows whose keys are those of a batch.

        Raises:
            DatabaseError: If the database refuses the batch; nothing of it is deleted.
        """
        doing = f'delete {len(elements)} records of stream "{stream}" from table "{table.name}"'
        self._execute_batch(self.dialect.delete_sql(table), elements, doing)

    def _execute_batch(
        self, statements: Sequence[str], elements: Sequence[bytes], doing: str
    ) -> None:
        dialect = self.dialect
        with self._transaction(doing):
            for part in self._parts(elements):
                json = b"".join(
                    (dialect.batch_start, dialect.batch_separator.join(part), dialect.batch_end)
                )
                with self._open().carry(json) as carried:
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

    def activate_version(
        self, table: Table, version: int, *, hard_delete: bool, deleted_at: str
    ) -> None:
        """Delete, or mark as deleted at a moment, the rows of older versions."""
        parameters: dict[str, Any] = {"version": version}
        if not hard_delete:
            parameters["deleted_at"] = deleted_at
        with self._transaction(f'activate a version of table "{table.name}"'):
            statement = self.dialect.activate_version_sql(table, hard_delete=hard_delete)
            self._execute(statement, parameters)

    def close(self) -> None:
        """Close the connection, if it was opened."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None

    def _open(self) -> Driver:
        if self._driver is None:
            doing = f"open the {self.dialect.name} database of `sqlalchemy_url`"
            with self._errors(doing, hide=self._without_password):
                driver = self._driver_type(self._url)
                weakref.finalize(self, driver.close)
                self.dialect = self.dialect.of_server(driver.version)
                for statement in self.dialect.open_sql:
                    driver.execute(statement, {})
            self._driver = driver
        return self._driver

    def _execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        self._logger.debug("Executing: %s", statement)
        return self._open().execute(statement, parameters or {})

    @contextmanager
    def _transaction(self, doing: str) -> Iterator[None]:
        """Commit what is done inside, or nothing of it."""
        driver = self._open()
        with self._errors(doing):
            driver.execute(self.dialect.begin_sql, {})
            try:
                yield
                driver.execute("COMMIT", {})
            except BaseException:
                driver.roll_back()
                raise

    def _without_password(self, message: str) -> str:
        """Take from a driver's message the password, should it tell it."""
        return message.replace(self._url.password, "…") if self._url.password else message

    @contextmanager
    def _errors(self, doing: str, hide: Callable[[str], str] = _without_values) -> Iterator[None]:
        try:
            yield
        except self._driver_type.errors as error:
            reason = _first_line(hide(str(error)))
            hints = [hint for part, hint in self.dialect.hints.items() if part in str(error)]
            what_to_do = hints[0] if hints else "Set the log level to DEBUG to see the statement."
            raise DatabaseError(
                f"The database refused to {doing}: {reason}. {what_to_do}"
            ) from error

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
        raise DatabaseError(
            f'The key of stream "{stream}" is ({", ".join(wanted)}), but its table "{table.name}" '
            f"has the primary key ({', '.join(actual)}). Rename or drop the table, so that it is "
            "made anew, or set `load_method: overwrite`."
        )

    def _fit(
        self,
        table: Table,
        column: Column,
        stream: str,
        found: Mapping[str, tuple[str, str, bool]],
    ) -> Column:
        """Add a column that is missing, widen one that is too narrow."""
        existing = found.get(self.dialect.fold(column.name))
        if existing is None:
            self._execute(self.dialect.add_column_sql(table, column))
            return column
        name, type_, _ = existing
        column = replace(column, name=name)
        held = self.dialect.held(type_, column)
        if held is not None:
            return held
        statements = self.dialect.widen_sql(table, column, type_)
        if not statements:
            raise DatabaseError(
                f'Column "{name}" of table "{table.name}" is {type_}, but stream "{stream}" now '
                f"sends {column.kind} ({self.dialect.types[column.kind]}). Change the column's "
                "type, rename or drop the table, or set `load_method: overwrite`."
            )
        for statement in statements:
            self._execute(statement)
        return column

    def _claim(self, table: Table, stream: str) -> None:
        """Refuse a table that another stream writes to."""
        owner = self._owners.setdefault(self.dialect.fold(self.dialect.table_name(table)), stream)
        if owner != stream:
            raise DatabaseError(
                f'Streams "{owner}" and "{stream}" would both write to table "{table.name}". Give '
                "one of them another name with `stream_maps` and `__alias__`."
            )


def _setting_error(message: str) -> ConfigValidationError:
    supported = ", ".join(dialect.example_url for dialect in DIALECTS.values())
    return ConfigValidationError(message, errors=[f"{message}. Set it to one of {supported}."])
