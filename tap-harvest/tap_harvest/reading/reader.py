"""The base of the readers: what lists, lists below records and reports have in common."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from tap_harvest.http.errors import UnavailableError
from tap_harvest.reading.list_read import ListRead
from tap_harvest.reading.progress import Progress
from tap_harvest.reading.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from logging import Logger

    from tap_harvest.account import Account
    from tap_harvest.http.budget import Budget
    from tap_harvest.reading.list_read import Listing
    from tap_harvest.reading.plans import Plans
    from tap_harvest.reading.stream import HarvestStream

_T = TypeVar("_T")

MAX_READS = 3
"""How often a run reads a list at most, until no row was missed."""


class Reader:
    """Reads the list of a stream in one account, for the whole family of the stream.

    Attributes:
        stream: The stream whose list is read; it need not be selected.
        account: The account.
        plans: What the run reads of each stream.
        family: The selected streams that get the rows.
    """

    def __init__(self, stream: HarvestStream, account: Account, plans: Plans) -> None:
        """Send no request yet."""
        self.stream = stream
        self.account = account
        self.plans = plans
        self.family = [Reading(member, account) for member in stream.family]

    @property
    def logger(self) -> Logger:
        """The stream's log."""
        return self.stream.logger

    @property
    def label(self) -> str:
        """The stream in logs, with the account where there are several."""
        return self.stream.label(self.account)

    @property
    def budget(self) -> Budget:
        """What Harvest allows for requests to this list."""
        return self.account.client.budgets.of(self.stream.path)

    @property
    def is_trial_over(self) -> bool:
        """Whether each stream of the family wrote as many rows as a trial run (`--test`) may."""
        return self.stream.is_trial and all(member.is_full for member in self.family)

    @property
    def skipped_streams(self) -> list[HarvestStream]:
        """The streams that cannot be read if Harvest does not show this list."""
        return [self.stream, *self.stream.descendents]

    def progress(self, what: str) -> Progress:
        """Logs how far the list is read.

        Args:
            what: What is counted, such as rows.
        """
        return Progress(
            self.logger,
            self.label,
            what,
            client=self.account.client,
            budget=self.budget,
            reports_after=self.reports_after,
        )

    def reports_after(self) -> int:
        """How many report requests the run sends after this list."""
        streams, accounts = self.stream.all_streams, self.stream.accounts.all
        return self.plans.outlook(streams, accounts).after(self.stream, self.account)

    def note(self, note: str) -> None:
        """Add a note to the summary's line of this stream and of all that depend on it."""
        if self.stream.has_account_id:
            note = f"{self.account.id} {note}"
        for stream in self.skipped_streams:
            stream.tally.note = "; ".join(filter(None, (stream.tally.note, note)))

    @contextmanager
    def unless_forbidden(self) -> Iterator[bool]:
        """Skip the stream, with a warning, if Harvest does not show it to the token.

        Returns:
            Whether the account has the module switched on that the stream belongs to.

        Raises:
            UnavailableError: Harvest does not show it, and `on_forbidden` is `fail`.
        """
        try:
            is_offered = self.stream.is_offered(self.account)
            if not is_offered:
                self.note(f"skipped: {self.stream.module} is off")
            yield is_offered
        except UnavailableError as error:
            if not self.account.skip_forbidden:
                raise
            self.note("skipped: Harvest does not show it to the token")
            missing = [stream.name for stream in self.skipped_streams if stream.selected]
            if not missing:
                return
            # Missing rights concern many lists. The first warning says what to do.
            first = self.account.withheld.setdefault(type(error), self.label)
            self.logger.warning(
                "Skipped, with its bookmark kept: stream=%s missing=%s reason=%s",
                self.label,
                ", ".join(missing),
                error if first == self.label else f"as of {first}",
            )

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count the rows of the family, and the time that the read takes."""
        began = time.monotonic()
        with ExitStack() as meters:
            for member in self.family:
                meters.enter_context(member.stream.get_sync_timer())
                meters.callback(member.count_rows)
            try:
                yield
            finally:
                self.stream.tally.seconds += time.monotonic() - began
        for member in self.family:
            member.stream.tally.is_read = True
            self.logger.debug("Read stream: stream=%s rows=%d", member.label, member.rows)

    def begin(self) -> None:
        """Take the ranges to read from the plans."""
        for member in self.family:
            member.begin(self.plans.of(member.stream))

    def ahead(self, lists: Iterable[tuple[_T, str, Mapping[str, str]]]) -> Iterator[_T]:
        """Yield items in order, and send the requests for the lists of the next items early.

        Args:
            lists: Each item, with the path and the query of its list.
        """
        if self.stream.is_trial:
            return (item for item, _, _ in lists)
        return self.account.client.ahead(lists, stream=self.stream.name)

    def read_until_whole(
        self, read_once: Callable[[ListRead], object], listing: Listing
    ) -> ListRead:
        """Read a list until no row was missed, at most `MAX_READS` times.

        Args:
            read_once: Reads the list, writes it, and adds its pages to a `ListRead`.
            listing: Which rows the list holds.
        """
        read = ListRead(listing)
        read_once(read)
        for _ in range(1, MAX_READS):
            if not (missing := read.missing):
                return read
            self.logger.info(
                "The list changed while it was read, reading it again: stream=%s rows=%d",
                self.label,
                missing,
            )
            read = ListRead(listing, before=read)
            read_once(read)
        if missing := read.missing:
            self.note("the list changed while it was read")
            self.logger.warning(
                "The list changed each time that it was read, so rows may be missing. Its bookmark "
                "stays, nothing is removed downstream, and the next run reads the same rows again: "
                "stream=%s reads=%d missing=%d. If this happens in each run, sync at a quieter "
                "time, or tell Harvest's support.",
                self.label,
                MAX_READS,
                missing,
            )
        return read

    def move_bookmarks(self, highest: datetime | None) -> None:
        """Write to the state that the family was read to its end.

        Args:
            highest: The latest `updated_at` that was read; `None` if there was none.
        """
        for member in self.family:
            member.move_bookmark(self.plans.of(member.stream), highest)
        self.stream.write_state()
