"""The judged records of a stream, put into its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_harvest_sql.writing.batches import Batch

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from singer_sdk import metrics

    from target_harvest_sql.columns import Table
    from target_harvest_sql.records.blocks import Block
    from target_harvest_sql.records.judge import Judged
    from target_harvest_sql.records.metadata import Metadata
    from target_harvest_sql.records.plan import Plan
    from target_harvest_sql.records.unnamed import UnnamedProperties
    from target_harvest_sql.writing.dispatch import Dispatch
    from target_harvest_sql.writing.lanes import Lanes


class BatchFiller:
    """Puts the records of one stream into its batch. The dispatch says when the batch is written.

    Args:
        stream: Name of the stream.
        dispatch: Hands full batches over to the lanes.
        metadata: Writes the metadata that an element carries beside its record.
        unnamed: Warns of properties that have no column.
        limit_rows: How many records a batch takes.
        timer: The SDK's metric of the time that a batch takes.
        counter: The SDK's metric of the number of records.
        counts: How many records were handed over, by stream; this class counts its own.
    """

    def __init__(
        self,
        stream: str,
        dispatch: Dispatch,
        metadata: Metadata,
        unnamed: UnnamedProperties,
        *,
        limit_rows: int,
        timer: metrics.Timer,
        counter: metrics.Counter,
        counts: Counter[str],
    ) -> None:
        self.batch = Batch(is_keyed=False)
        """The records that wait to be written."""
        self.others: Sequence[BatchFiller] = ()
        """The batches of other sinks that write to the same table."""
        self.version: int | None = None
        """The version that the records carry."""
        self._stream = stream
        self._dispatch = dispatch
        self._metadata = metadata
        self._unnamed = unnamed
        self._limit_rows = limit_rows
        self._rows = 0
        """How many records the batch has taken; those that others replaced count as well."""
        self._timer = timer
        self._counter = counter
        self._counts = counts
        counts[stream] += 0  # A stream without records is told as well.

    def begin_table(self, table: Table, plan: Plan) -> None:
        """Begin an empty batch, whose records go to this table.

        Args:
            table: The table as it is in the database.
            plan: How records become rows.
        """
        self._table = table
        self._layout = plan.layout
        self._metadata.begin_table(plan)
        self._begin_batch()

    def _begin_batch(self) -> None:
        self.batch = Batch(is_keyed=bool(self._table.keys))
        self._rows = 0

    def put(self, judged: Judged, block: Block) -> None:
        """Put records into the batch. A later record of a key takes the place of an earlier one.

        Records that cannot be put at once are put in halves. If one record cannot be put before
        the batch is written, the batch is flushed first.

        Args:
            judged: The records.
            block: The block that they came in.
        """
        for other in self.others:
            if judged.keys and other.batch.first_ordinal is not None:
                self._dispatch.flush(other)  # Records of one key are written in their order.
        if self.batch.can_take(judged.keys, judged.ages):
            self._fill(judged, block)
        elif half := len(block) // 2:
            self.put(judged.part(0, half), block.part(0, half))
            self.put(judged.part(half, len(block)), block.part(half, len(block)))
        else:
            self._dispatch.flush(self)
            self._fill(judged, block)

    def _fill(self, judged: Judged, block: Block) -> None:
        """Put records into the batch, and flush it each time that it is full."""
        start = 0  # The next record to put.
        head: bytes | None = None
        first, elements = 0, list[bytes]()  # The elements with this head, and their first record.
        while start < len(block):
            if self.batch.first_ordinal is None:
                self.batch.begin(block.origins[start].ordinal)
                self._metadata.begin_batch(block.moment, self.version)
                self._unnamed.check(judged.records[start])  # One record a batch: a check is slow.
            if (new_head := self._metadata.head(block)) != head:
                head, first = new_head, start
                elements = self._layout.elements(judged.values[start:], head)
            free_rows = self._limit_rows - self._rows
            waiting = elements[start - first : start - first + free_rows]
            end = start + self._dispatch.count_fitting(self, waiting)
            self.batch.put(
                waiting[: end - start],
                block.origins.part(start, end),
                judged.keys[start:end],
                are_deleted=judged.are_deleted[start:end],
                ages=judged.ages[start:end],
            )
            self._rows += end - start
            start = end
            if self._rows >= self._limit_rows:
                self._dispatch.flush(self)
            else:
                self._dispatch.bound_bytes(self)

    def hand_over(self, lanes: Lanes) -> None:
        """Hand the batch over to the lanes, if it has records, and begin an empty one."""
        if not self._rows:
            return
        batch, rows = self.batch, self._rows
        self._begin_batch()
        self._counts[self._stream] += rows
        with self._timer:
            turn = lanes.handed_over % len(lanes)
            lanes.write(batch.shares(self._table, self._stream, len(lanes), turn))
        self._counter.increment(rows)
