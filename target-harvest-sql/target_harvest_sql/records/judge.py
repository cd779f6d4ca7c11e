"""The judge of a stream's records: compiled once a schema and table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_harvest_sql.records.blocks import join
from target_harvest_sql.records.digits import Digits
from target_harvest_sql.records.keys import key_reader
from target_harvest_sql.records.moments import Moments
from target_harvest_sql.records.raw import is_deletion, may_delete, needs_cleaning
from target_harvest_sql.records.validation import Validator, check_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.records.blocks import Raw
    from target_harvest_sql.records.inexact import InexactValues
    from target_harvest_sql.records.plan import Plan
    from target_harvest_sql.records.text import TextCleaner


class Judged(msgspec.Struct, frozen=True):
    """Records that fit their schema and their table, each with its key and its values."""

    keys: Sequence[Hashable]
    """The keys; empty if the table has none."""
    records: Sequence[Raw]
    """The records as their columns keep them."""
    values: Sequence[Any]
    """What the elements hold of the records, as the layout of the plan makes it."""
    are_deleted: Sequence[bool]
    """Whether the tap says that they were deleted; empty if it says so of none."""
    ages: Sequence[Any]
    """How new the records are; empty if that decides nothing."""

    def __len__(self) -> int:
        return len(self.records)

    def part(self, start: int, end: int) -> Judged:
        """The records from `start` until before `end`."""
        return Judged(
            self.keys[start:end],
            self.records[start:end],
            self.values[start:end],
            self.are_deleted[start:end],
            self.ages[start:end],
        )


class Judge:
    """Checks raw records against the schema and the table, and takes their keys and values.

    Records are judged many at a time. Rare things, such as long numbers, are searched for in the
    bytes of all of them; only if there may be some, each record is looked at.

    Args:
        validator: Checks records against the schema.
        plan: How records become rows.
        table: The table as it is in the database.
        dialect: The dialect of the database.
        cleaner: Replaces the characters that the database cannot hold.
        inexact: Takes the values of which a column would keep only a part.
        age_of: Tells how new a record is; none if that decides nothing.
        validates: Whether a record that does not fit the schema is refused.
        reads_deletions: Whether it matters that the tap says of records that they were deleted.
    """

    def __init__(
        self,
        validator: Validator,
        plan: Plan,
        table: Table,
        *,
        dialect: Dialect,
        cleaner: TextCleaner,
        inexact: InexactValues,
        age_of: Callable[[Raw], Any] | None,
        validates: bool,
        reads_deletions: bool,
    ) -> None:
        self._validates = validates
        self._validator = validator
        self._shape: Validator | None = None
        if dialect.nulls_misfits and not validates:
            self._shape = Validator(plan.shape(table.columns))
        keys = [column for column in table.columns if column.is_key]
        self._checked_keys: Callable[[Sequence[Any]], Sequence[Hashable] | None] | None = None
        self._keys_of: Callable[[Sequence[Raw], bytes], Sequence[Hashable]] | None = None
        if keys:
            self._checked_keys = validator.keys_getter(keys)
            as_text = [*filter(dialect.is_text, keys)]
            self._keys_of = key_reader(keys, plan.path, as_text=as_text)
        self._cleaner = cleaner
        self._inexact = inexact
        self._digits = Digits(table.columns, plan.path, dialect, inexact)
        self._moments = Moments(plan.columns, table.columns, plan.path, dialect, inexact)
        self._layout = plan.layout
        self._age_of = age_of
        self._reads_deletions = reads_deletions

    def judge(self, records: Sequence[Raw]) -> Judged:
        """Judge records.

        Raises:
            InvalidRecord: If one does not fit the schema, or a column would not keep a value.
            MissingKeyPropertiesError: If one has no usable key.
        """
        joined = join(records)
        self._inexact.begin()
        if needs_cleaning(joined):
            records = [self._cleaner.clean(bytes(record)) for record in records]
            joined = join(records)
        accepted = self._accept(records, joined)
        is_typed = accepted is not None
        keys: Sequence[Hashable] | None = None if self._keys_of else ()
        if accepted is not None and self._checked_keys is not None:
            keys = self._checked_keys(accepted)
        digits = self._digits
        if digits.may_matter(joined, is_typed=is_typed):
            records = [
                digits.respell(record) if digits.may_matter(record, is_typed=is_typed) else record
                for record in map(bytes, records)
            ]
            joined = join(records)
        if keys is None and self._keys_of:
            keys = self._keys_of(records, joined)
        moments = self._moments
        if moments.may_lose(joined, is_typed=is_typed):
            records = [
                moments.fit(record) if moments.may_lose(record, is_typed=is_typed) else record
                for record in map(bytes, records)
            ]
            joined = join(records)
        values = self._layout.values(records, joined)
        reads_deletions = self._reads_deletions and may_delete(joined)
        are_deleted = [*map(is_deletion, records)] if reads_deletions else ()
        ages = [*map(self._age_of, records)] if self._age_of else ()
        return Judged(keys or (), records, values, are_deleted, ages)

    def _accept(self, records: Sequence[Raw], joined: bytes) -> Sequence[Any] | None:
        """Refuse records that do not fit.

        Returns:
            The records, decoded by the types of the schema. None if one has no such form: all
            records need a closer look then, which takes longer.
        """
        if self._validates:
            checked = self._validator.check(records, joined)
            if all(checked):
                return checked
            for record, typed in zip(records, checked, strict=True):
                if typed is None:
                    self._moments.judge(record)
        elif (decoded := self._validator.decode(records, joined)) is not None:
            return decoded  # Although nothing is refused: typed records are judged faster.
        elif self._shape is not None:
            self._shape.check(records, joined)
        else:
            check_objects(records, joined)
        return None
