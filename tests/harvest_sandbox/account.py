"""The account: its rows, its settings and its clock, and the three ways to edit it."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

from harvest_sandbox.clock import stamp
from harvest_sandbox.defaults import defaults
from harvest_sandbox.rules import ADDED, CHANGED, DELETED, NEEDED
from harvest_sandbox.switches import Switches
from harvest_sandbox.tables import LineItem, Row, Tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import msgspec


class Account(Tables):
    """All rows, the company's settings and the account's clock.

    Whoever reads or edits holds `lock`, as the server runs in a thread of its own.
    """

    def __init__(self, company: dict[str, Any], clock: Callable[[], dt.datetime]) -> None:
        """Make an empty account.

        Args:
            company: What `/company` answers.
            clock: Gives the present moment of the account, aware.
        """
        super().__init__()
        self.company = company
        self.clock = clock
        self.switches = Switches()
        self.lock = threading.RLock()
        self.version = 0
        """Counts the edits."""
        self.kept_work: dict[tuple[int, int, int], dict[str, msgspec.Raw]] = {}
        """Parts of records that hold until the next edit."""
        self._line_ids = itertools.count(53_000_001)

    @property
    def now(self) -> dt.datetime:
        """The present moment of the account."""
        return self.clock()

    @property
    def stamp(self) -> str:
        """The present moment as rows carry it."""
        return stamp(self.now)

    def line(self, **given: Any) -> LineItem:
        """A line of an invoice or estimate, with an id of its own where none is given."""
        return LineItem(**{"id": next(self._line_ids), "kind": "Service", **given})

    def _edited(self) -> None:
        self.version += 1
        self.kept_work.clear()

    def add(self, name: str, /, **given: Any) -> Row:
        """Add a row; fields that are not given get believable values.

        Invoices take `time_entry_ids` and `expense_ids` besides their fields: what they bill.

        Raises:
            KeyError: There is no such table.
            TypeError: The row has no such field.
        """
        with self.lock:
            self._edited()
            table = self.named(name)
            extra: dict[str, Any] = {
                key: given.pop(key)
                for key in ("time_entry_ids", "expense_ids")
                if name == "invoices" and key in given
            }
            given = self._checked(table.kind, given)
            row: Row = table.kind(
                **{
                    "id": table.new_id(),
                    "created_at": self.stamp,
                    "updated_at": self.stamp,
                    **defaults(self, name, given),
                    **given,
                }
            )
            table.put(row)
            if name in ADDED:
                ADDED[name](self, row, extra)
            return row

    def change(self, name: str, row_id: int, /, **given: Any) -> Row:
        """Change fields of a row; `updated_at` moves unless it is given.

        Raises:
            KeyError: There is no such table or row.
            TypeError: The row has no such field.
        """
        with self.lock:
            self._edited()
            table = self.named(name)
            row: Row = table.by_id[row_id]
            given = {"updated_at": self.stamp, **self._checked(table.kind, given)}
            before = {field: getattr(row, field) for field in given}
            table.take(row_id)
            for field, value in given.items():
                setattr(row, field, value)
            table.put(row)
            if name in CHANGED:
                CHANGED[name](self, row, before)
            return row

    def delete(self, name: str, row_id: int) -> None:
        """Delete a row and what goes with it.

        Raises:
            KeyError: There is no such table or row.
            ValueError: Harvest does not allow it, as other rows need this one.
        """
        with self.lock:
            self._edited()
            table = self.named(name)
            row = table.by_id[row_id]
            if name in NEEDED and (reason := NEEDED[name](self, row)):
                raise ValueError(f"{name} {row_id} cannot be deleted: {reason}.")
            table.take(row_id)
            if name in DELETED:
                DELETED[name](self, row)

    def sort(self, name: str, by: str, *, newest_first: bool) -> None:
        """Show a list in another order; see `Table`."""
        with self.lock:
            self._edited()
            self.named(name).sort(by, newest_first=newest_first)

    def _checked(self, kind: type[Row], given: dict[str, Any]) -> dict[str, Any]:
        if unknown := given.keys() - set(kind.__struct_fields__):
            raise TypeError(
                f"{kind.__name__} has no {', '.join(sorted(unknown))}; "
                f"its fields are {', '.join(kind.__struct_fields__)}."
            )
        if "line_items" not in given:
            return given
        lines = [
            line if isinstance(line, LineItem) else self.line(**line)
            for line in given["line_items"]
        ]
        return {**given, "line_items": lines}
