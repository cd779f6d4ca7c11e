"""The process: configuration files, standard streams, signals, errors and exit codes."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import suppress
from io import BufferedWriter, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import click
import msgspec
from singer_sdk.exceptions import (
    ConfigValidationError,
    DataError,
    InvalidRecord,
    MappingError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.process.endings import (
    OutputError,
    check_streams,
    defects_told,
    drop_output,
)
from target_harvest_sql.process.stop_request import TerminatedError
from target_harvest_sql.process.terminations import Terminations
from target_harvest_sql.reading.messages import take_leave
from target_harvest_sql.redaction import trace
from target_harvest_sql.writing.overwrite import UnprovenError
from target_harvest_sql.writing.quarantine import QuarantineFullError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable

USER_ERRORS = (
    DatabaseError,
    DataError,
    InvalidInputLine,
    InvalidRecord,
    MappingError,
    MissingKeyPropertiesError,
    QuarantineFullError,
    RecordsWithoutSchemaException,
    UnprovenError,
)
"""Errors whose message says what happened, where, and what to do. They need no traceback."""

SWITCH_SECONDS = 0.0005
"""How long a lane waits for the reader before it may run Python code. Python's own value is 5 ms.
With that, SQLite and DuckDB need a tenth more time for 100,000 time entries, MariaDB even more."""


GARBAGE_THRESHOLD = 100_000
"""How many objects Python creates before it searches for reference cycles. A block of records has
thousands of objects and no cycle. With Python's own value of 700, a tenth of the time is spent in
the search."""


class Program(Protocol):
    """The target, as the process runs it."""

    def listen(self, file_input: IO[str] | None = None) -> None:
        """Read the input to its end.

        Raises:
            TerminatedError: If a signal asked the target to end.
        """

    def finish(self, *, is_complete: bool) -> None:
        """Write what was read. `is_complete` says whether the input was read to its end."""


def check_config_files(paths: Iterable[str]) -> None:
    """Check that the files of `--config` are JSON objects.

    Raises:
        ClickException: If a file cannot be read.
    """
    for path in paths:
        if path == "ENV":
            continue
        try:
            msgspec.json.decode(Path(path).read_bytes(), type=dict)
        except (OSError, ValueError) as error:
            raise click.ClickException(
                f"`--config` {path} cannot be read as a JSON object: {error}"
            ) from error


def run(start: Callable[[], Program], logger: logging.Logger, file_input: IO[str] | None) -> None:
    """Run the target in this process.

    An error of the user is one line on standard error, and exit code 1. After a signal, the exit
    code is 128 plus its number. In both cases, the records that came before are written, with their
    states.

    Args:
        start: Makes the target.
        logger: Gets the errors.
        file_input: The input, if it is not standard input.

    Raises:
        SystemExit: With these exit codes.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GARBAGE_THRESHOLD)
    with defects_told(logger):
        check_streams(file_input)
        if isinstance(sys.stdout.buffer, RawIOBase):
            # PYTHONUNBUFFERED is set. Without a buffer, a signal could cut a state in two.
            sys.stdout = TextIOWrapper(BufferedWriter(sys.stdout.buffer), encoding="utf-8")
        try:
            program = start()
        except ConfigValidationError:
            take_leave(file_input or sys.stdin)
            raise
        if (file_input or sys.stdin).isatty():
            logger.info(
                "Singer messages are read from this terminal, until Ctrl+D. Usually a tap sends "
                "them: `tap-harvest --config=ENV | target-harvest-sql --config=ENV`."
            )
        try:
            with Terminations(logger).listening():
                _read_to_the_end(program, logger, file_input)
        except OutputError as error:
            logger.error("%s", error)  # noqa: TRY400 - a traceback would say no more.
            drop_output()
            sys.exit(1)


def _read_to_the_end(program: Program, logger: logging.Logger, file_input: IO[str] | None) -> None:
    """Read the input to its end, to an error or to a signal."""
    try:
        _listen(program, logger, file_input)
    except USER_ERRORS as error:
        with suppress(DatabaseError):  # The first error is logged below.
            program.finish(is_complete=False)
        logger.error("%s", getattr(error, "error_message", None) or error.args[0])  # noqa: TRY400 - as above.
        logger.debug("Where it happened:\n%s", trace(error))
        take_leave(file_input or sys.stdin)
        sys.exit(1)


def _listen(program: Program, logger: logging.Logger, file_input: IO[str] | None) -> None:
    try:
        program.listen(file_input)
    except TerminatedError as termination:
        name = signal.Signals(termination.signal_number).name
        logger.warning("Received %s: writing what was read, then ending.", name)
        program.finish(is_complete=False)
        sys.exit(128 + termination.signal_number)
