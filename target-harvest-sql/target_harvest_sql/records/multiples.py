"""The properties whose numbers are multiples of a step, as taps say `decimal(10,2)`.

A typed decode cannot judge them, but a look at the bytes of a record is enough for most.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_harvest_sql.records.exact_schema import is_multiple
from target_harvest_sql.records.number_search import NumberSearch
from target_harvest_sql.records.raw import decode_exactly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.records.blocks import Raw


class Multiples:
    """The `multipleOf` of the properties of a schema, but for those inside other properties.

    Args:
        schema: JSON Schema of a record.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        properties = schema.get("properties")
        found = properties.items() if isinstance(properties, dict) else ()
        self._steps = {
            name: Decimal(str(definition["multipleOf"]))
            for name, definition in found
            if isinstance(definition, dict) and type(definition.get("multipleOf")) in {int, float}
        }
        tens = [step.normalize().as_tuple() for step in self._steps.values()]
        self._are_of_ten = all(step.digits == (1,) and int(step.exponent) <= 0 for step in tens)
        self._search = NumberSearch(min((-int(step.exponent) for step in tens), default=0))

    def left_out(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema without what is judged here."""
        if not self._steps:
            return schema
        properties = {
            name: {key: value for key, value in definition.items() if key != "multipleOf"}
            if name in self._steps
            else definition
            for name, definition in schema["properties"].items()
        }
        return {**schema, "properties": properties}

    def hold(self, records: Sequence[Raw], joined: bytes) -> bool:
        """Whether the numbers of records are multiples; other values count as such.

        Args:
            records: JSON objects.
            joined: The same as one JSON array.
        """
        if not self._steps or (self._are_of_ten and not self._search.finds(joined)):
            return True
        return all(map(self._hold_in, records))

    def _hold_in(self, record: Raw) -> bool:
        decoded = decode_exactly(record)
        return all(
            is_multiple(Decimal(value), step)
            for name, step in self._steps.items()
            if type(value := decoded.get(name)) in {int, Decimal}
        )
