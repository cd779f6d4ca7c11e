"""The streams of the input: their schemas, and the versions of their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MappingError
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform

from target_harvest_sql.reading import parts
from target_harvest_sql.routes import Route

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

    from singer_sdk.mapper import PluginMapper, StreamMap

    from target_harvest_sql.destination import Destination
    from target_harvest_sql.reading.messages import Message
    from target_harvest_sql.records.blocks import Origin
    from target_harvest_sql.routes import Routes
    from target_harvest_sql.sink import SQLSink


class Streams:
    """Makes the sinks of a stream when its schema comes, and activates versions of its tables.

    Args:
        routes: Gets the sinks of each stream.
        destination: What the run writes to.
        mapper: The stream maps of the settings.
        new_sink: Makes a sink of a stream's name, its schema, and its key properties.
        logger: Gets a warning about messages in a wrong order.
    """

    def __init__(
        self,
        routes: Routes,
        destination: Destination,
        mapper: PluginMapper,
        new_sink: Callable[[str, dict[str, Any], Sequence[str]], Any],
        logger: logging.Logger,
    ) -> None:
        self._routes = routes
        self._connection = destination.connection
        self._dispatch = destination.dispatch
        self._proofs = destination.proofs
        self._mapper = mapper
        self._new_sink = new_sink
        self._logger = logger
        self._schemas: dict[str, tuple[bytes, Sequence[str]]] = {}
        """The last schema of each stream, as it came, and its key properties."""
        self._early_versions: dict[str, Message] = {}
        """The last ACTIVATE_VERSION of each stream whose schema has not come yet."""
        self._shared: set[str] = set()
        """Names of the sinks whose shared table was told in a warning."""

    def begin(self, message: Message, where: Origin) -> None:
        """Take a SCHEMA message: make the sinks of the stream, and their tables.

        A schema that is the same as before changes nothing.

        Args:
            message: The message.
            where: Its place in the input; so below.

        Raises:
            DatabaseError: If a table cannot hold the records of the stream.
            InvalidInputLine: If the message has no usable schema.
            MappingError: If stream maps do not fit the schema.
            MissingKeyPropertiesError: If a key property is not in the schema.
        """
        stream = parts.stream_of(message, where)
        if not self._connection.dialect.keeps_nul:
            parts.clean_names(message)
        if self._proofs is not None:
            self._proofs.begin(stream)
        keys = message.key_properties or []
        given = (bytes(message.schema), keys)
        if self._schemas.get(stream) == given:
            return
        schema = parts.schema_of(message, where)
        maps = self._maps(stream, schema, keys, where)
        routes = [self._route(m) for m in maps if not isinstance(m, RemoveRecordTransform)]
        self._change_routes(stream, routes, where)
        self._schemas[stream] = given
        if early := self._early_versions.pop(stream, None):
            self.activate(early, where)

    def _change_routes(self, stream: str, routes: list[Route], where: Origin) -> None:
        """Give a stream new routes, and prepare the tables of its sinks.

        Stream maps can write several streams to one table. If their schemas differ, each has a sink
        of its own, and a new column or a wider one concerns all of them.
        """
        before = self._routes.sinks
        changed = [route.sink for route in [*self._routes.of(stream), *routes]]
        names = {sink.stream_name for sink in changed}
        for sink in before:
            if sink.stream_name in names:  # Records are written before their table changes.
                self._dispatch.flush(sink.filler)
        self._dispatch.wait()
        self._routes.set(stream, routes)
        sinks = self._routes.sinks
        self._dispatch.set_sources([sink.filler for sink in sinks])
        for sink in before:
            if sink not in sinks:
                sink.clean_up()
        new = [sink for sink in sinks if sink not in before]
        for name in names:
            sharing = [sink for sink in sinks if sink.stream_name == name]
            # A new sink comes first, as it may widen columns that the others know.
            for sink in sorted(sharing, key=new.__contains__, reverse=True):
                sink.prepare(where)
                sink.filler.others = [other.filler for other in sharing if other is not sink]

    def _maps(
        self, stream: str, schema: dict[str, Any], keys: Sequence[str], where: Origin
    ) -> Sequence[StreamMap]:
        """Compile the stream maps for a schema."""
        try:
            self._mapper.register_raw_stream_schema(stream, schema, keys)
        except MappingError as error:
            raise MappingError(
                f'{where}: `stream_maps` do not fit the schema of stream "{stream}": {error} '
                "Correct them."
            ) from error
        return self._mapper.stream_maps[stream]

    def _route(self, stream_map: StreamMap) -> Route:
        """The way to the sink that a stream map names; a sink with the same schema is kept."""
        name = stream_map.stream_alias
        schema = stream_map.transformed_schema
        keys = [*(stream_map.transformed_key_properties or ())]
        for sink in self._routes.sinks:
            if sink.takes(name, schema, keys):
                break
        else:
            sink = self._new_sink(name, schema, keys)
        is_identity = type(stream_map) is SameRecordTransform
        return Route(sink, None if is_identity else stream_map.transform)

    def activate(self, message: Message, where: Origin) -> None:
        """Take an ACTIVATE_VERSION message. One that comes before the schema waits for it.

        Raises:
            DatabaseError: If the database refuses it.
            InvalidInputLine: If the message names no stream or no version.
        """
        stream = parts.stream_of(message, where)
        version = parts.version_of(message, where)
        if stream not in self._routes:
            self._early_versions[stream] = message
            self._logger.warning(
                "%s: ACTIVATE_VERSION of stream %s came before its schema, and waits for it. "
                "Correct the tap.",
                where,
                stream,
            )
        sinks = [route.sink for route in self._routes.of(stream)]
        if self._proofs is not None:
            carried = next((sink.filler.version for sink in sinks), None)
            self._proofs.activate(stream, version, carried)
        for sink in sinks:
            if sink.process_activate_version_messages and not self._is_shared(sink):
                sink.activate_version(version)

    def _is_shared(self, sink: SQLSink) -> bool:
        """Whether several streams are written to a table. Their versions cannot be compared."""
        name = sink.stream_name
        sources = dict.fromkeys(self._routes.sources[name])
        if len(sources) > 1 and name not in self._shared:
            self._shared.add(name)
            self._logger.warning(
                "Stream %s: no rows of older versions are removed or marked as deleted, as several "
                "streams are written to its table: %s. Set `process_activate_version_messages: "
                "false`, or give each stream a table of its own with `stream_maps`.",
                name,
                ", ".join(sources),
            )
        return len(sources) > 1
