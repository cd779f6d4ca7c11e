"""Writes docs/streams.md: every stream, what it holds, how it is read and what that costs.

Run by `make docs`. All is taken from the streams as they are declared; who sees what, from the
rights of the stand-in account.
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
"""What Harvest's settings call the access roles that open a list."""


def listed(stream: type[HarvestStream]) -> type[HarvestStream]:
    """The stream whose list is read: itself, or the one that it is taken from."""
    return stream.parent_stream_type if issubclass(stream, ExplodedStream) else stream


def holds(stream: type[HarvestStream]) -> str:
    """The first paragraph of the stream's description."""
    first, *_ = (stream.__doc__ or "").split("\n\n")
    return " ".join(first.split())


def described_at(stream: type[HarvestStream]) -> str:
    """The address of Harvest's page on the list."""
    for kind in listed(stream).__mro__:
        if found := re.search(r"https://\S+", vars(kind).get("__doc__") or ""):
            return found[0]
    raise ValueError(f"No page of Harvest's is named in the description of {stream.name}.")


def way(stream: type[HarvestStream]) -> str:
    """How the stream is read; the words are explained on the page."""
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
    """What tells how far the stream was read."""
    if issubclass(stream, Report):
        return "`to`, the window's last day"
    if not stream.replication_key:
        return ""
    source = listed(stream)
    follows = issubclass(source, NestedStream) and source.follows_parent
    of = source.parent_stream_type if follows else None
    return f"`{stream.replication_key}`" + (f" of `{of.name}`" if of else "")


def cost(stream: type[HarvestStream]) -> tuple[str, str]:
    """Requests of a stream's first sync, and of each later one."""
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
    """When it is noticed that a row was deleted in Harvest."""
    if issubclass(stream, Report):
        return "in windows that are read again"
    if stream.is_history:
        return "never"
    if not stream.replication_key:
        return "each sync"
    return f"every `{'sweep' if listed(stream).misses_changes else 'reconcile'}_days`"


def seen_by(stream: type[HarvestStream]) -> str:
    """Whose token Harvest shows the list to."""
    source = listed(stream)
    # Harvest shows everybody their own assignments, at an address apart.
    grants = None if source is UserProjectAssignments else GRANTS.get(source.name)
    if grants == NOBODY or source is Company:  # The stand-in account shows it to everybody.
        return "administrators"
    who = "everyone" if grants is None else f"administrators; {RIGHTS[grants]}"
    return who + ", in part" * source.hides_rows


def module(stream: type[HarvestStream]) -> str:
    """The module of Harvest that the list belongs to."""
    return listed(stream).module.removesuffix("_feature")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of text."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def least() -> str:
    """What a sync costs that finds nothing new, told of all streams but reports."""
    streams = [stream for stream in STREAMS if not issubclass(stream, Report | ExplodedStream)]
    below = [stream for stream in streams if issubclass(stream, NestedStream)]
    for_all = [stream for stream in below if cost(stream)[1] == "1 for each of `users`"]
    lists = len(streams) - len(below)
    return f"{lists} requests, and {len(for_all)} for each person and 1 for each manager"


def page() -> str:
    """The whole page."""
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

`tap-harvest` has {count} streams, and each becomes a table of its name. `make docs` writes this
page from the code. What a column means stands in its description: `tap-harvest --discover`, and
comments on the columns where the database has such. How the tables join is drawn in
[tables.md](tables.md).

## What there is

{what}

* Each name leads to Harvest's own page. The order is that of Harvest's documentation.
* *In part*: Harvest leaves out, without a word, the rows that this person may not see. Only an
  administrator sees all, see [the token](token.md).
* *Module*: where the account has it switched off, the stream is skipped, with a line in the log.
  Other streams are asked for, and skipped where Harvest refuses them (403, 404).
* With `account_ids` each record and each key begins with `account_id`.
* No part of a key is null. Reports have the id 0 where Harvest names no subject, and an empty
  `currency` where it hides that, in one row for all currencies. Recipients have an empty `email`
  where Harvest has none, and their `occurrence` counts how often the message named that address.
* Records are as Harvest sends them: nothing is renamed or flattened, numbers keep their digits, and
  a field that Harvest adds passes through. `company` gets its `account_id` from the tap. The
  `account_id` of an external reference is called `external_account_id` in
  `time_entry_external_references`, as it is no account of Harvest's.

## How it is read, and what that costs

{how}

* *What changed*: one account-wide list, asked for with `updated_since`, which is the bookmark minus
  `lookback_seconds` ({lookback_seconds}). *Whole*: Harvest has no such filter there.
* *From*: taken out of the parent's records on the same read, without a request of its own, also
  where the parent is not selected. `updated_at` is then the parent's.
* *Below*: Harvest shows these lists for one invoice, estimate or person at a time, so each costs a
  request for each of those that is asked. Whom to ask comes from the parent's read, also where the
  parent is not selected. Payments and messages are asked for where the invoice or estimate changed,
  what hangs on people always, for which `users` is read whole. The parent's id is added as
  `invoice_id`, `estimate_id` or `user_id`.
* *Messages*: some, such as reminders or the note that a client viewed an invoice, may not change
  their invoice or estimate. So those of open invoices and sent estimates are also asked for every
  `reconcile_days` ({reconcile_days}), and all others every `sweep_days` ({sweep_days}).
* *By window*: one request for each piece of the calendar, a {report_window} unless `report_window`
  says otherwise. Later syncs read the windows that are new, and those that touch the last
  `report_lookback_days` ({report_lookback_days}), since edits of old entries change them.
* *By date*: limited by `start_date` and `end_date`. Other streams never are, since an entry of
  today may refer to a client of long ago.
* *Deletions*: how they are found, and when not, stands in [the tap's
  README](../tap-harvest/README.md#deletions). *Never* is for figures of a day that is over.

## What a sync costs

* A list costs one request for {rows}, and at least one. With nothing new, a sync of everything but
  reports takes {least}.
* What changed within `lookback_seconds` before the bookmark comes again, with its payments and
  messages. So a sync with nothing new asks for those of the latest invoices and estimates.
* Every `reconcile_days` ({reconcile_days}) the lists that are read by *what changed* cost what they
  did in the first sync, and every `sweep_days` ({sweep_days}) those *below* others do: that is how
  deletions are found.
* Every `reconcile_days` the messages cost one request for each invoice that is open and each
  estimate that is sent, and those lists are read whole, selected or not.
* `company` and `users_me` are asked for in any case, and so is what a selected stream is *from* or
  *below*. One more request goes out if no account is set. With `account_ids` each account costs
  this.
* Harvest allows 100 requests in 15 seconds, and 100 for reports in 15 minutes. The tap keeps within
  both. Measured figures stand in [benchmarks.md](benchmarks.md).
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
