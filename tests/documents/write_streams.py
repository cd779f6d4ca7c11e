"""Writes docs/streams.md: the content of every stream, how it is read, and its requests.

Run by `make docs`. The facts come from the declarations of the streams. The rights of the stand-in
account say who sees a stream.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harvest_sandbox.rights import GRANTS, INVOICING, NOBODY
from tap_harvest.reading.kinds import ExplodedStream, Singleton, WholeStream
from tap_harvest.reading.nested import NestedStream
from tap_harvest.reading.report import Report
from tap_harvest.streams import STREAMS
from tap_harvest.streams.company import Company
from tap_harvest.streams.users import UserProjectAssignments
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_harvest.reading.stream import HarvestStream

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "streams.md"
DEFAULTS: Final = {
    name: setting.get("default")
    for name, setting in TapHarvest.config_jsonschema["properties"].items()
}
ROWS: Final = f"{DEFAULTS['page_size']:,} rows"
RIGHTS: Final = {
    frozenset({"client_and_task_manager"}): "managers with the right *clients and tasks*",
    frozenset({"manager"}): "managers",
    INVOICING: "managers with a right to invoices",
    frozenset({"estimates_manager"}): "managers with the right *estimates*",
    frozenset({"billable_rates_manager"}): "managers with the right *billable rates*",
}
"""The names of the access roles in Harvest's settings."""


def listed(stream: type[HarvestStream]) -> type[HarvestStream]:
    """Return the stream whose list is read: the stream itself, or its source."""
    return stream.parent_stream_type if issubclass(stream, ExplodedStream) else stream


def holds(stream: type[HarvestStream]) -> str:
    """Return the first paragraph of the stream's description."""
    first, *_ = (stream.__doc__ or "").split("\n\n")
    return " ".join(first.split())


def described_at(stream: type[HarvestStream]) -> str:
    """Return the URL of Harvest's documentation of the list."""
    for kind in listed(stream).__mro__:
        if found := re.search(r"https://\S+", vars(kind).get("__doc__") or ""):
            return found[0]
    raise ValueError(f"No page of Harvest's is named in the description of {stream.name}.")


def way(stream: type[HarvestStream]) -> str:
    """Return how the stream is read, in words that the page explains."""
    if issubclass(stream, ExplodedStream):
        words = f"from `{stream.parent_stream_type.name}`"
    elif issubclass(stream, Report):
        words = "by window"
    elif issubclass(stream, NestedStream):
        words = f"below `{stream.parent_stream_type.name}`, "
        words += "what changed" if stream.replication_key else "whole"
    elif issubclass(stream, Singleton):
        words = "whole, one object"
    else:
        words = "whole" if issubclass(stream, WholeStream) else "what changed"
    return words + ", by date" * (stream.parent_stream_type or stream).is_fact


def bookmark(stream: type[HarvestStream]) -> str:
    """Return the field or the days by which the state says how far the stream was read."""
    if issubclass(stream, Report):
        return "`to`, the window's last day"
    if not stream.replication_key:
        return ""
    source = listed(stream)
    follows = issubclass(source, NestedStream) and source.follows_parent
    of = source.parent_stream_type if follows else None
    return f"`{stream.replication_key}`" + (f" of `{of.name}`" if of else "")


def cost(stream: type[HarvestStream]) -> tuple[str, str]:
    """Return the number of requests of the first sync and of each later sync."""
    if issubclass(stream, ExplodedStream):
        return "none", "none"
    if issubclass(stream, Report):
        again = f"1 for each window of the last {DEFAULTS['report_lookback_days']} days"
        return "1 for each window", again
    if issubclass(stream, Singleton):
        return "1", "1"
    if not issubclass(stream, NestedStream):
        changed = "" if issubclass(stream, WholeStream) else " that changed"
        return f"1 for {ROWS}", f"1 for {ROWS}{changed}"
    parents = f"1 for each of `{stream.parent_stream_type.name}`"
    if stream.follows_parent:
        return parents, f"{parents} that changed"
    if stream.has_list is not NestedStream.has_list:
        parents += " who is a manager"
    return parents, parents


def deletions(stream: type[HarvestStream]) -> str:
    """Return when the sync finds that a row was deleted in Harvest."""
    if issubclass(stream, Report):
        return "in windows that are read again"
    if stream.is_history:
        return "never"
    if not stream.replication_key:
        return "each sync"
    return f"every `{'sweep' if listed(stream).misses_changes else 'reconcile'}_days`"


def seen_by(stream: type[HarvestStream]) -> str:
    """Return which users' tokens can read the list."""
    source = listed(stream)
    # Harvest shows everybody their own assignments, at an address apart.
    grants = None if source is UserProjectAssignments else GRANTS.get(source.name)
    if grants == NOBODY or source is Company:  # The stand-in account shows it to everybody.
        return "administrators"
    who = "everyone" if grants is None else f"administrators; {RIGHTS[grants]}"
    return who + ", in part" * source.hides_rows


def module(stream: type[HarvestStream]) -> str:
    """Return the module of Harvest that the list belongs to."""
    return listed(stream).module.removesuffix("_feature")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def least() -> str:
    """Return the requests of a sync without changes, for all streams but reports."""
    streams = [stream for stream in STREAMS if not issubclass(stream, Report | ExplodedStream)]
    below = [stream for stream in streams if issubclass(stream, NestedStream)]
    for_all = [stream for stream in below if cost(stream)[1] == "1 for each of `users`"]
    lists = len(streams) - len(below)
    return f"{lists} requests, and {len(for_all)} for each person and 1 for each manager"


def page() -> str:
    """Return the text of the page."""
    return TEXT.format(
        count=len(STREAMS),
        rows=ROWS,
        least=least(),
        **DEFAULTS,
        what=table(
            ("table", "key", "what it holds", "who sees it", "module"),
            (
                (
                    f"[`{stream.name}`]({described_at(stream)})",
                    ", ".join(f"`{name}`" for name in stream.primary_keys),
                    holds(stream),
                    seen_by(stream),
                    module(stream),
                )
                for stream in STREAMS
            ),
        ),
        how=table(
            (
                "stream",
                "how it is read",
                "replication key",
                "requests of the first sync",
                "of each later one",
                "deletions are found",
            ),
            (
                (
                    f"`{stream.name}`",
                    way(stream),
                    bookmark(stream),
                    *cost(stream),
                    deletions(stream),
                )
                for stream in STREAMS
            ),
        ),
    )


TEXT: Final = """# Streams and tables

`tap-harvest` has {count} streams. Each becomes a table of the same name. `make docs` writes this
page from the code. `tap-harvest --discover` describes each column, and so do the comments on the
columns, if the database has comments. [tables.md](tables.md) shows how the tables join.

## What there is

{what}

* Each name is a link to Harvest's own page. The order is that of Harvest's documentation.
* *In part*: Harvest leaves out the rows that this person may not see, and gives no sign of it. Only
  an administrator sees all rows: [the token](token.md).
* *Module*: the stream is skipped if this module of Harvest is switched off in the account. The log
  says so. All other streams are requested, and skipped if Harvest refuses them (403, 404).
* With `account_ids`, each record and each key begins with `account_id`.
* No part of a key is null:
  * In a report, the id is 0 if Harvest names no subject. The `currency` is empty if Harvest hides
    it. Then one row has the sums of all currencies.
  * A recipient has an empty `email` if Harvest has none. If a message names an address twice,
    `occurrence` is 1 and 2.
* Records are as Harvest sends them. Nothing is flattened, numbers keep their digits, and new fields
  of Harvest pass through. The tap adds what a key needs, such as the parent's id, or `account_id`
  in `company`. It renames one field: the `account_id` of an external reference becomes
  `external_account_id`, since it is not the id of a Harvest account.

## How it is read, and what that costs

{how}

* *What changed*: one list for the whole account, requested with `updated_since`. That is the
  bookmark minus `lookback_seconds` ({lookback_seconds}).
* *Whole*: Harvest has no such filter for this list, so all of it is read each time.
* *From*: taken from the records of the parent, without a request of its own. The parent need not be
  selected. `updated_at` is that of the parent.
* *Below*: Harvest shows this list only for one invoice, estimate or person at a time, so each of
  them costs a request. The parent need not be selected. The tap adds the parent's id as
  `invoice_id`, `estimate_id` or `user_id`.
  * Payments and messages are requested for each invoice or estimate that changed.
  * Lists below people are requested for all people in each sync (teammates: for all managers). For
    this, `users` is read whole.
* *Messages*: some messages do not change their invoice or estimate, for example a reminder, or the
  note that a client viewed the invoice. So the messages of open invoices and sent estimates are
  also read every `reconcile_days` ({reconcile_days}), and all others every `sweep_days`
  ({sweep_days}).
* *By window*: one request for each window of the calendar. A window is a {report_window}, or what
  `report_window` says. Later syncs read new windows, and those that touch the last
  `report_lookback_days` ({report_lookback_days}), since edits of old entries change their figures.
* *By date*: limited by `start_date` and `end_date`. Other streams are not, since a new entry may
  refer to an old client.
* *Deletions*: [the tap's README](../tap-harvest/README.md#deletions) says how they are found, and
  when not. *Never*: these are figures of a day that is over.

## What a sync costs

* A list costs one request for {rows}, and at least one. A sync that finds nothing new costs
  {least}, without reports.
* Records that changed within `lookback_seconds` before the bookmark come again. For invoices and
  estimates among them, payments and messages are requested again.
* Every `reconcile_days` ({reconcile_days}), to find deletions, each list that is read by *what
  changed* costs as much as in the first sync. Every `sweep_days` ({sweep_days}), so do the lists
  *below* others.
* Every `reconcile_days`, messages cost one request for each open invoice and each sent estimate.
  For this, the lists of invoices and estimates are read whole, selected or not.
* `company` and `users_me` are always requested. So are the lists that a selected stream is *from*
  or *below*. If no account is set, there is one more request. With `account_ids`, each account
  costs all of this.
* Harvest allows 100 requests in 15 seconds, and 100 report requests in 15 minutes. The tap stays
  within both budgets. [benchmarks.md](benchmarks.md) has measured figures.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
