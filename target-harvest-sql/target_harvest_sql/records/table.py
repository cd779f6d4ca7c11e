"""The table that a stream's schema and the settings ask for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.helpers._flattening import get_flattening_options
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_harvest_sql.columns import Table
from target_harvest_sql.declared_types import KEYWORD, DeclaredTypeError
from target_harvest_sql.names import LowerCase, Spelling, conform_name
from target_harvest_sql.records.keys import age_reader
from target_harvest_sql.records.plan import plan
from target_harvest_sql.settings.load_method import LoadMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.records.blocks import Raw
    from target_harvest_sql.records.plan import Plan

AGES = ("integer", "number", "date", "date-time")
"""The kinds that tell which of two records is newer."""


class TablePlan:
    """The table of a stream, as its schema and the settings ask for it.

    Args:
        stream: Name of the stream.
        schema: The schema of the stream.
        key_properties: Names of the properties that are the key.
        config: The settings.
    """

    def __init__(
        self,
        stream: str,
        schema: dict[str, Any],
        key_properties: Sequence[str],
        *,
        config: Mapping[str, Any],
    ) -> None:
        self.stream = stream
        """Name of the stream."""
        self.where: object = ""
        """The place of the schema in the input, for errors."""
        self._schema = schema
        self._key_properties = key_properties
        self._config = config

    def compile(self, dialect: Dialect, metadata: Sequence[str]) -> tuple[Plan, Table]:
        """Compile the columns and the table.

        Args:
            dialect: The dialect of the database.
            metadata: Names of the metadata columns.

        Raises:
            InvalidInputLine: If two properties would become one column, or if `x-sql-datatype` is
                not a type alone.
            MissingKeyPropertiesError: If a key property is not in the schema.
        """
        spelling: Spelling = LowerCase(dialect) if self._config["lower_case_names"] else dialect
        try:
            compiled = plan(
                self._schema,
                self._key_properties,
                dialect,
                flattening=get_flattening_options(self._config),  # type: ignore[arg-type]
                metadata=metadata,
                spelling=spelling,
            )
        except DeclaredTypeError as error:
            raise InvalidInputLine(
                f'{self.where}: in the schema of stream "{self.stream}", `{KEYWORD}` {error}.'
            ) from error
        self._check([column.source for column in compiled.columns])
        schema, name = self._name(has_schemas=dialect.has_schemas)
        table = Table(
            name=conform_name(name, spelling),
            columns=compiled.columns,
            schema=schema,
            is_keyed=LoadMethod(self._config["load_method"]).has_keys,
            newest_by=self._config.get("newest_wins"),
        )
        return compiled, table

    def _check(self, sources: Collection[str]) -> None:
        if self._config["primary_key_required"] and not self._key_properties:
            raise MissingKeyPropertiesError(
                f'{self.where}: stream "{self.stream}" has no key properties, and '
                "`primary_key_required` is set. Correct the tap, or set them with `stream_maps` "
                "and `__key_properties__`."
            )
        if missing := set(self._key_properties) - set(sources):
            raise MissingKeyPropertiesError(
                f'{self.where}: the schema of stream "{self.stream}" lacks its key '
                f"properties {', '.join(sorted(missing))}. Correct the tap, or set others with "
                "`stream_maps` and `__key_properties__`."
            )
        if doubled := [source for source, count in Counter(sources).items() if count > 1]:
            raise InvalidInputLine(
                f'{self.where}: in the schema of stream "{self.stream}" more than one '
                f"property becomes the column {', '.join(doubled)}. Set another "
                "`flattening_separator`, or leave one out with `stream_maps`."
            )

    def _name(self, *, has_schemas: bool) -> tuple[str | None, str]:
        """The schema and the table that the stream's name asks for."""
        default: str | None = self._config.get("default_target_schema")
        stream = self.stream.lower() if self._config["lower_case_names"] else self.stream
        if not has_schemas:
            return None, stream
        *parents, name = stream.replace(".", "-").split("-")
        if len(parents) in {1, 2} and name and parents[-1]:
            return default or parents[-1], name
        return default, stream

    def age_reader(self, compiled: Plan, table: Table) -> Callable[[Raw], Any] | None:
        """Compile what tells which of two records of a key is newer; none if nothing does.

        Args:
            compiled: As `compile` returned it.
            table: The table as it is in the database.

        Raises:
            InvalidInputLine: If the property of `newest_wins` has a kind without an order.
        """
        newest = table.newest if table.keys else None
        if newest is None:
            return None
        if newest.kind not in AGES:
            raise InvalidInputLine(
                f"{self.where}: `newest_wins` is {newest.source}, but in the table of "
                f'stream "{self.stream}" that is {newest.kind}. Name a property that is one '
                f"of {', '.join(AGES)}, or leave the setting out."
            )
        return age_reader(compiled.path(newest), newest.kind)
