"""The end of the process if standard output fails, or if the code has a defect."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError

from target_harvest_sql.redaction import trace

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator


class OutputError(Exception):
    """Standard output cannot take a state."""


def check_streams(file_input: IO[str] | None) -> None:
    """End with an error if standard input or output is closed.

    Args:
        file_input: The file that is read in place of standard input, if there is one.

    Raises:
        ConfigValidationError: If one of them is closed.
    """
    for name, stream in (("input", file_input or sys.stdin), ("output", sys.stdout)):
        if stream is None:
            sentence = f"Standard {name} is closed. Let it be a pipe or a file."
            raise ConfigValidationError(sentence, errors=[sentence])


def write_out(line: str) -> None:
    """Write a line to standard output at once.

    Raises:
        OutputError: If nobody reads standard output, or the disk is full.
    """
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputError("Nobody reads the states any more, so the target ends.") from error
    except OSError as error:
        raise OutputError(
            f"The state cannot be written to standard output ({error.strerror}), so the target "
            "ends. Committed records stay. Correct the cause, and run again from the last state."
        ) from error


def drop_output() -> None:
    """Drop the text that was not written. Python would try again when the process ends."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def output_told(logger: logging.Logger) -> Iterator[None]:
    """End the process with one line if standard output cannot be written, as the disk is full.

    Raises:
        SystemExit: With exit code 1; without a line if nobody reads the output any more.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # It is about another file.
            raise
        if not isinstance(error, BrokenPipeError):
            logger.error(  # noqa: TRY400 - a traceback would say no more.
                "Standard output cannot be written: %s. Make room there, or name another file.",
                error.strerror,
            )
        drop_output()
        sys.exit(1)


@contextmanager
def defects_told(logger: logging.Logger) -> Iterator[None]:
    """Log where an unexpected error arose, and end the process with exit code 1.

    The text of the error is not logged, as it may hold values of records.
    """
    try:
        yield
    except ConfigValidationError:
        raise  # The SDK shows which setting is wrong.
    except Exception as error:  # noqa: BLE001 - any other is a defect.
        logger.error(  # noqa: TRY400 - the traceback would show the text.
            "The target has a defect, and ended. Please report these lines:\n%s",
            trace(error),
        )
        sys.exit(1)
