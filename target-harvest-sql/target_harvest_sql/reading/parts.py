"""The parts of messages that the target needs, and the errors of messages that lack one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_harvest_sql.reading.schemas import InvalidSchemaError, read_schema
from target_harvest_sql.records.raw import clean, decode_schema

if TYPE_CHECKING:
    from target_harvest_sql.reading.messages import Message


def stream_of(message: Message, where: object) -> str:
    """The name of a message's stream.

    Args:
        message: The message.
        where: Its place in the input, for the error; so below.

    Raises:
        InvalidInputLine: If it names none.
    """
    if not message.stream:
        raise InvalidInputLine(f"{where} names no stream. Correct the tap.")
    return message.stream


def check_record(message: Message, where: object) -> None:
    """Refuse a RECORD message without a record.

    Raises:
        InvalidInputLine: If it holds none.
    """
    if not bytes(message.record):
        raise InvalidInputLine(
            f'{where}: the message of stream "{message.stream}" holds no record. Correct the tap.'
        )


def state_of(message: Message, where: object) -> bytes:
    """The raw state of a STATE message.

    Raises:
        InvalidInputLine: If it is not an object.
    """
    value = bytes(message.value)
    if not value.startswith(b"{"):
        raise InvalidInputLine(f"{where}: the state is not an object. Correct the tap.")
    return value


def version_of(message: Message, where: object) -> int:
    """The version of an ACTIVATE_VERSION message.

    Raises:
        InvalidInputLine: If it has none.
    """
    if message.version is None:
        raise InvalidInputLine(
            f'{where}: ACTIVATE_VERSION of stream "{message.stream}" needs a version. Correct the '
            "tap."
        )
    return message.version


def files_of(message: Message, where: object) -> tuple[list[str], dict[str, Any]]:
    """The addresses of the files of a BATCH message, and their encoding.

    Raises:
        InvalidInputLine: If one of both is missing.
    """
    if message.manifest is None or message.encoding is None:
        raise InvalidInputLine(
            f'{where}: BATCH of stream "{message.stream}" needs a manifest and an encoding. '
            "Correct the tap."
        )
    return message.manifest, message.encoding


def schema_of(message: Message, where: object) -> dict[str, Any]:
    """The schema of a SCHEMA message, as `read_schema` reads it.

    Raises:
        InvalidInputLine: If it is not a schema with properties.
    """
    stream = message.stream
    schema = _read_schema(message, where)
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise InvalidInputLine(
            f'{where}: the schema of stream "{stream}" has no properties, so that its '
            "table would have no columns. Select fields of the stream, or correct the tap."
        )
    if not schema["properties"]:
        raise InvalidInputLine(
            f'{where}: the schema of stream "{stream}" has an empty list of properties. '
            "Select fields of the stream, or leave the stream out."
        )
    return schema


def _read_schema(message: Message, where: object) -> Any:
    """The schema of a message; something else than an object if there is none."""
    try:
        schema = decode_schema(message.schema) if bytes(message.schema) else None
    except msgspec.DecodeError as error:
        raise InvalidInputLine(
            f'{where}: the schema of stream "{message.stream}" has an integer of thousands of '
            "digits. Correct the tap."
        ) from error
    try:
        return read_schema(schema) if isinstance(schema, dict) else None
    except InvalidSchemaError as error:
        raise InvalidInputLine(
            f'{where}: the schema of stream "{message.stream}" is not valid JSON Schema at '
            f"`{error.part}`. Correct the tap. Under Meltano, `select` can leave the property "
            "out, and `schema` can replace its part of the schema."
        ) from error


def clean_names(message: Message) -> None:
    """Name properties as the records do once U+0000 is taken out of them."""
    message.schema = msgspec.Raw(clean(bytes(message.schema), keeps_nul=False))
    keys = message.key_properties or []
    message.key_properties = [key.replace("\0", "\ufffd") for key in keys]
