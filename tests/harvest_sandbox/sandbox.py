"""A stand-in account for tests: starts it, edits it, makes it fail, and keeps its requests."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import msgspec

from harvest_sandbox.agency import build
from harvest_sandbox.api import Api
from harvest_sandbox.budgets import Budgets
from harvest_sandbox.endpoints import endpoints
from harvest_sandbox.faults import Fault, Faults
from harvest_sandbox.front import Front
from harvest_sandbox.identity import ACCOUNT_ID, SECOND_ACCOUNT_ID, Identity
from harvest_sandbox.presentation import presented
from harvest_sandbox.records import RECORDS
from harvest_sandbox.server import Server
from harvest_sandbox.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from harvest_sandbox.account import Account
    from harvest_sandbox.request import Request
    from harvest_sandbox.rights import Caller

FIXED_NOW: Final = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)


class Rows:
    """The handle on the data of an account.

    Attributes:
        account_id: For the header `Harvest-Account-Id`.
        company: What `/company` answers; may be edited in place.
    """

    def __init__(self, account: Account, account_id: int) -> None:
        self._account = account
        self.account_id = str(account_id)
        self.company = account.company

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Every row of a list, as an administrator who walks all of it now would read it.

        Args:
            stream: The name of a list without a parent, or of a table whose rows hang on a parent:
                then the rows of all parents.
        """
        with self._account.lock:
            endpoint = endpoints()[stream]
            rows = self._account.named(endpoint.table).in_order()
            form = RECORDS[endpoint.shown_as]
            records = [form(self._account, row) for row in rows]
            return self._shown(records)

    def row(self, stream: str, row_id: int) -> dict[str, Any]:
        """One row of a table, as an administrator would read it now."""
        with self._account.lock:
            row = self._account.named(stream).by_id[row_id]
            return self._shown([RECORDS[stream](self._account, row)])[0]

    def _shown(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # Through JSON and back: nobody shares a list or an object with the account.
        shown = presented(records, frozenset(), self._account.switches)
        return msgspec.json.decode(msgspec.json.encode(shown), type=list[dict[str, Any]])

    def add(self, stream: str, /, **given: Any) -> dict[str, Any]:
        """Add a row; see `Account.add`."""
        return self.row(stream, self._account.add(stream, **given).id)

    def change(self, stream: str, row_id: int, /, **given: Any) -> dict[str, Any]:
        """Change a row; see `Account.change`."""
        return self.row(stream, self._account.change(stream, row_id, **given).id)

    def delete(self, stream: str, row_id: int) -> None:
        """Delete a row; see `Account.delete`."""
        self._account.delete(stream, row_id)

    def sort(self, stream: str, by: str, *, newest_first: bool) -> None:
        """Show a list in another order; see `Account.sort`."""
        self._account.sort(stream, by, newest_first=newest_first)


class Sandbox(Rows):
    """A Harvest account on localhost, served while the context is open.

    Attributes:
        token: A personal access token of an administrator.
        requests: Every request, in the order of arrival; may be cleared.
        switches: What no source settles about the API.
        identity: Tokens and the OAuth client.
        faults: The faults that are due.
    """

    def __init__(
        self,
        *,
        time_entries: int = 300,
        seed: int = 1,
        port: int = 0,
        clock: Literal["fixed", "real"] = "fixed",
        **switches: Any,
    ) -> None:
        """Make the account; the same arguments give the same one while the clock is fixed.

        Args:
            time_entries: How many time entries it has; the other lists grow with them.
            seed: Decides all of its data.
            port: Port on the loopback address; 0 takes a free one.
            clock: `fixed` stands still at noon of 2026-06-30 until it is set;
                `real` goes on from the present.
            switches: Values of `Switches`.

        Raises:
            TypeError: There is no such switch.
        """
        known = {field.name for field in fields(Switches)}
        if unknown := switches.keys() - known:
            raise TypeError(
                f"There is no switch {', '.join(sorted(unknown))}; "
                f"the switches are {', '.join(sorted(known))}."
            )
        self._clock_is_fixed = clock == "fixed"
        self._offset = dt.timedelta()
        self._fixed = FIXED_NOW
        account = build(time_entries=time_entries, seed=seed, clock=self._read_clock)
        super().__init__(account, ACCOUNT_ID)
        self._second = partial(
            build, time_entries=time_entries, seed=seed + 1, clock=self._read_clock
        )
        self.switches = self._account.switches
        for name, value in switches.items():
            setattr(self.switches, name, value)
        self.identity = Identity(self._account)
        self.token = self.identity.token_for("administrator")
        self.faults = Faults()
        self.requests: list[Request] = []
        self._budgets = Budgets()
        self._api = Api(self._account, self.identity, self._budgets)
        self._server = Server(Front(self._api_of, self.faults, self.requests), port)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()

    @cached_property
    def second(self) -> Rows:
        """The second account, which the token reaches while the switch `second_account` is on."""
        account = self._second()
        account.switches = self.switches
        return Rows(account, SECOND_ACCOUNT_ID)

    @cached_property
    def _second_api(self) -> Api:
        return Api(self.second._account, self.identity, self._budgets)

    def _api_of(self, account_id: str | None) -> Api:
        is_second = self.switches.second_account and account_id == str(SECOND_ACCOUNT_ID)
        return self._second_api if is_second else self._api

    @property
    def identity_url(self) -> str:
        """Address of the identity host, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def api_url(self) -> str:
        """Address of the API, without a trailing slash."""
        return f"{self.identity_url}/v2"

    # The clock.

    def _read_clock(self) -> dt.datetime:
        return self._fixed if self._clock_is_fixed else dt.datetime.now(dt.UTC) + self._offset

    @property
    def now(self) -> dt.datetime:
        """The account's present moment; setting it sets the clock, also the `Date` header's."""
        return self._read_clock()

    @now.setter
    def now(self, moment: dt.datetime) -> None:
        with self._account.lock:
            self._fixed = moment
            self._offset = moment - dt.datetime.now(dt.UTC)

    def advance(self, *, seconds: float) -> None:
        """Let time pass in the account."""
        self.now += dt.timedelta(seconds=seconds)

    def token_for(self, who: str | int) -> str:
        """A token of a user, named by id or by access role; see `Identity.token_for`."""
        return self.identity.token_for(who)

    def caller(self, who: str | int) -> Caller:
        """The person behind `token_for`, with their rights."""
        headers = {"authorization": f"Bearer {self.token_for(who)}"}
        return self.identity.caller(headers, {})

    # Faults.

    def fail(self, **fault: Any) -> Fault:
        """Order a fault; the arguments are the fields of `Fault`."""
        return self.faults.order(Fault(**fault))

    def before_page(self, path: str, page: int, edit: Callable[[Self], object]) -> Fault:
        """Edit the account just before a page of a list is answered, counted from now on.

        Args:
            path: Path of the list, such as `/v2/clients`.
            page: Which request for that path, from 1.
            edit: Gets this handle.
        """
        return self.faults.order(Fault(path=path, after=page - 1, edit=lambda: edit(self)))
