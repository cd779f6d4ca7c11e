"""Fits a catalog that was discovered with other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.singerlib import Schema

from tap_harvest.fields import (
    ACCOUNT_ID,
    with_account,
    with_account_key,
    without_account,
    without_account_key,
)
from tap_harvest.streams import STREAMS

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog

# The SDK has names and keys on instances; ours are on classes.
_OF_THE_ACCOUNT = frozenset(
    stream.name  # type: ignore[misc]
    for stream in STREAMS
    if ACCOUNT_ID in stream.primary_keys
)
"""The streams whose records have the account's id with any settings."""


def fit_account_keys(catalog: Catalog, *, has_account_id: bool) -> None:
    """Add the account's id to all keys and schemas of a catalog, or remove it.

    Args:
        catalog: The catalog; it is changed in place.
        has_account_id: Whether all records have the account's id, as with `account_ids`.
    """
    for entry in catalog.streams:
        keys, schema = entry.key_properties or (), entry.schema.to_dict()
        if has_account_id:
            keys, schema = with_account_key(keys), with_account(schema)
        elif ACCOUNT_ID in keys and entry.tap_stream_id not in _OF_THE_ACCOUNT:
            keys, schema = without_account_key(keys), without_account(schema)
        entry.key_properties, entry.schema = keys, Schema.from_dict(schema)
