"""The errors of the command line: one sentence each, without a traceback."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec
from singer_sdk.exceptions import (
    ConfigValidationError,
    FatalAPIError,
    MappingError,
    RetriableAPIError,
)

from tap_harvest.writer import OutputError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator


@contextmanager
def readable(option: str, path: str) -> Iterator[None]:
    """End the program with one sentence if a file of the command line cannot be used.

    Args:
        option: The option that names the file.
        path: The file.
    """
    try:
        yield
    except (OSError, RecursionError, TypeError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        message = f"`{option}` {path} cannot be read as a JSON object: {reason}"
        raise click.ClickException(message) from error


@contextmanager
def plain_errors(logger: logging.Logger) -> Iterator[None]:
    """End the program with the message of an error, without a traceback.

    Args:
        logger: Gets the message, and at level DEBUG the traceback.
    """
    try:
        yield
    except (ConfigValidationError, click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise  # The command line handles these.
    except Exception as error:  # Whatever it is, a traceback helps no user.
        logger.debug("Where it arose", exc_info=True)
        logger.error("%s", _sentence_of(error))  # noqa: TRY400  # As above.
        sys.exit(1)


def _sentence_of(error: Exception) -> str:
    """The message of an error; texts of other packages are replaced, as they may quote records."""
    if isinstance(error, (FatalAPIError, RetriableAPIError, OutputError)):
        return str(error)
    if isinstance(error, MappingError):
        return f"`stream_maps` cannot be used: {error}"
    if isinstance(error, msgspec.DecodeError):  # Its text names a kind and a place, no value.
        return (
            f"An answer of Harvest's is not as documented: {error}. Check `api_url`; if it is "
            "right, Harvest has changed."
        )
    if isinstance(error, RecursionError):
        return "A record of Harvest's is nested too deeply to be read. Report it to Harvest."
    return (
        f"The tap has an error of its own ({type(error).__name__}). Run it again with "
        "TAP_HARVEST_LOGLEVEL=DEBUG, and report where it arose."
    )
