"""The judge of a stream's records: compiled once a schema and table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_harvest_sql.records.digits import Digits
from target_harvest_sql.records.keys import key_reader
from target_harvest_sql.records.moments import Moments
from target_harvest_sql.records.validation import Validator, check_object

if TYPE_CHECKING:
    from collections.abc import Hashable

    from target_harvest_sql.columns import Table
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.records.inexact import InexactValues
    from target_harvest_sql.records.plan import Plan


class Judge:
    """Checks raw records against the schema and the table, and makes rows of them.

    Args:
        validator: Checks records against the schema; none if they are not validated.
        plan: How records become rows.
        table: The table as it is in the database.
        dialect: The dialect of the database.
        inexact: Takes the values of which a column would keep only a part.
    """

    def __init__(
        self,
        validator: Validator | None,
        plan: Plan,
        table: Table,
        *,
        dialect: Dialect,
        inexact: InexactValues,
    ) -> None:
        self._validates = validator is not None
        if validator is None and dialect.nulls_misfits:
            validator = Validator(plan.shape(table.columns))
        keys = [column for column in table.columns if column.is_key]
        self._validator = validator
        self._checked_key = None if validator is None else validator.key_getter(keys)
        as_text = [*filter(dialect.is_text, keys)]
        self._key_of = key_reader(keys, plan.path, as_text=as_text) if keys else None
        self._digits = Digits(table.columns, plan.path, dialect, inexact)
        self._moments = Moments(plan.columns, table.columns, plan.path, dialect, inexact)
        self._rebuild = plan.rebuild

    def judge(self, record: bytes) -> tuple[Hashable, bytes, bytes]:
        """Judge a record.

        Returns:
            Its key, the record as its columns keep it, and what stands for it in an element.

        Raises:
            InvalidRecord: If it does not fit the schema, or a column would not keep a value.
            MissingKeyPropertiesError: If it has no usable key.
        """
        checked = key = None
        if self._validator is None:
            check_object(record)
        else:
            checked = self._validator.check(record)
            if checked is None and self._validates:
                self._moments.judge(record)
            key = self._checked_key(checked) if self._checked_key is not None else None
        is_typed = checked is not None and self._validates
        if self._digits.may_matter(record, is_typed=is_typed):
            record = self._digits.respell(record)
        if key is None and self._key_of:
            key = self._key_of(record)
        if self._moments.may_lose(record):
            record = self._moments.fit(record)
        return key, record, record if self._rebuild is None else self._rebuild(record)
