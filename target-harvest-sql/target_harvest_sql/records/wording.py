"""The errors of invalid records, in words for the user."""

from __future__ import annotations

from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError

from target_harvest_sql.records.inexact import InexactValueError

RecordError = InvalidRecord | MissingKeyPropertiesError
"""What is raised of a record that cannot be written."""


def reason_of(error: Exception) -> str:
    """Say what is wrong with a record, without its values."""
    return getattr(error, "error_message", None) or str(error)


def located(error: RecordError, where: str, *, validates: bool) -> RecordError:
    """Say of which stream and line an error is, and what to do.

    Args:
        error: The error of the record.
        where: The stream, and the place in the input.
        validates: Whether records are validated against the schema.
    """
    if isinstance(error, InexactValueError):
        return InvalidRecord(f"{where} would not be kept: {error.what}. {error.advice}.", {})
    if isinstance(error, InvalidRecord):
        otherwise = (
            "`validate_records: false` leaves the judgement to the database"
            if validates
            else "the database would read it as something else"
        )
        return InvalidRecord(
            f"{where} does not fit its schema: {reason_of(error)}. Correct the schema of the tap; "
            f"{otherwise}.",
            {},
        )
    return MissingKeyPropertiesError(
        f"{where} has no usable key: {reason_of(error)}. Correct the tap, or set other key "
        "properties with `stream_maps` and `__key_properties__`."
    )
