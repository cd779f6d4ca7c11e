"""The sinks that the records of a stream go to: its own sink, or those that stream maps name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import MappingError
from singer_sdk.singerlib.json import serialize_json

from target_harvest_sql.records.raw import decode_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_harvest_sql.records.blocks import Block, Origins, Raw
    from target_harvest_sql.sink import SQLSink


class Route(msgspec.Struct, frozen=True):
    """Passes the records of a stream to one sink, through a stream map if there is one."""

    sink: SQLSink
    transform: Callable[[dict[str, Any]], dict[str, Any] | None] | None
    """A stream map, if there is one."""

    def map(self, block: Block) -> Iterator[Block]:
        """Apply the stream map to records.

        Returns:
            The records that the map makes, as one block.

        Raises:
            MappingError: If the map fails. The records before it are yielded first.
        """
        if self.transform is None:
            yield block
            return
        mapped: list[Raw] = []
        indexes: list[int] = []
        try:
            for index, record in enumerate(block.records):
                made = self._mapped(record, block.origins, index)
                if made is not None:
                    mapped.append(made)
                    indexes.append(index)
        finally:
            if mapped:
                yield msgspec.structs.replace(
                    block, records=mapped, origins=block.origins.only(indexes)
                )

    def _mapped(self, record: Raw, origins: Origins, index: int) -> Raw | None:
        """Apply the stream map to a record. Return `None` if the map leaves the record out."""
        try:
            decoded = decode_exactly(record)
        except (msgspec.DecodeError, RecursionError):
            return record  # The sink refuses it, and says why.
        if decoded is None:
            return record
        try:
            made = self.transform(decoded) if self.transform else decoded
        except Exception as error:  # An expression of a map may raise any error.
            # Only the message of a `MappingError` certainly holds no value.
            told = str(error).rstrip(".") if isinstance(error, MappingError) else ""
            reason = told or type(error).__name__
            raise MappingError(
                f'{origins[index]} of stream "{self.sink.stream_name}" cannot be mapped: {reason}. '
                "Correct `stream_maps` or the tap."
            ) from error
        return None if made is None else serialize_json(made).encode()


class Routes:
    """The routes of all streams."""

    def __init__(self) -> None:
        self._routes: dict[str, list[Route]] = {}

    def set(self, stream: str, routes: list[Route]) -> None:
        """Set the routes of a stream, when its schema has come."""
        self._routes[stream] = routes

    def of(self, stream: str) -> list[Route]:
        """The routes of a stream; empty until its schema has come."""
        return self._routes.get(stream, [])

    def __contains__(self, stream: object) -> bool:
        return stream in self._routes

    @property
    def sinks(self) -> list[SQLSink]:
        """The sinks of all streams, each once."""
        sinks = {id(route.sink): route.sink for routes in self._routes.values() for route in routes}
        return [*sinks.values()]

    @property
    def sources(self) -> dict[str, list[str]]:
        """The names of the tap's streams, by the names of the sinks that they go to."""
        sources: dict[str, list[str]] = {}
        for stream, routes in self._routes.items():
            for route in routes:
                sources.setdefault(route.sink.stream_name, []).append(stream)
        return sources

    def send(self, stream: str, block: Block) -> None:
        """Send records to the sinks of their stream. With several sinks, send them one by one.

        Raises:
            InvalidRecord: If a record does not fit its schema, or the database.
            MappingError: If a stream map fails.
            MissingKeyPropertiesError: If a record lacks a key.
        """
        routes = self._routes[stream]
        for part in block.singles() if len(routes) > 1 else [block]:
            for route in routes:
                for mapped in route.map(part):
                    route.sink.add(mapped)
