"""Rows of a report whose currency Harvest hides from the token."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from tap_harvest.reading.stream import decode_record

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from singer_sdk.helpers.types import Record

    from tap_harvest.http.paging import Page

# Numbers print with the digits that were read.
_encode = msgspec.json.Encoder(decimal_format="number").encode


def is_hidden(row: Raw) -> bool:
    """Whether Harvest hides the currency of a row's amounts."""
    return not decode_record(row).get("currency")


def merged(pages: Iterable[Page], subject: str, figures: Sequence[str]) -> Page:
    """All pages of a report as one, with one row for each subject.

    Harvest has a row for each subject and currency. Where the currency is hidden, nothing but
    their figures tells the rows of a subject apart, so the figures are added up.

    Args:
        pages: The pages, at least one.
        subject: The field with the id of what is summed up.
        figures: The fields that are sums.
    """
    first, *others = pages
    rows: defaultdict[Hashable, list[Raw]] = defaultdict(list)
    for page in (first, *others):
        for row in page.rows:
            rows[decode_record(row).get(subject)].append(row)
    added_up = sum(len(same) - 1 for same in rows.values())
    return replace(
        first,
        rows=[same[0] if len(same) == 1 else _sum(same, figures) for same in rows.values()],
        total_entries=first.total_entries - added_up,
    )


def _sum(rows: Sequence[Raw], figures: Sequence[str]) -> Raw:
    """The rows of one subject as one."""
    records = [decode_record(row) for row in rows]
    total: Record = {**records[0]}
    for figure in figures:
        values: list[Any] = [record.get(figure) for record in records]
        known = [value for value in values if value is not None]
        if known:
            total[figure] = sum(known)
    return Raw(_encode(total))
