"""What no source settles about the Harvest API, as switches that a test may set at any time.

The values that stand here are those that look most likely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Literal


class Move(StrEnum):
    """Changes that may move `updated_at` of another row than the one that was edited."""

    PAYMENT_RECORDED = auto()
    """The invoice of a new or changed payment."""
    PAYMENT_DELETED = auto()
    """The invoice of a deleted payment."""
    INVOICE_SENT = auto()
    """The invoice of a message that changes its state."""
    INVOICE_MAILED_AGAIN = auto()
    """The invoice of a further mail, whose `sent_at` moves as well."""
    INVOICE_PLAIN_MESSAGE = auto()
    """The invoice of a reminder, a thank-you, or a note that the client viewed the invoice."""
    ESTIMATE_SENT = auto()
    """The estimate of a message that changes its state."""
    MESSAGE_DELETED = auto()
    """The invoice or estimate of a deleted message."""
    INVOICE_MADE = auto()
    """The client of a new invoice."""
    ESTIMATE_MADE = auto()
    """The client of a new estimate."""
    TIME_INVOICED = auto()
    """The time entries on a new invoice."""
    EXPENSE_INVOICED = auto()
    """The expenses on a new invoice."""
    ASSIGNMENT_BUDGET = auto()
    """The project of a user assignment whose budget changed."""
    RENAMED = auto()
    """The rows that carry the name of a renamed client, project, task or user."""
    RATE_ADDED = auto()
    """The user of a new rate."""
    ROLE_MEMBERS_ROLE = auto()
    """The role whose `user_ids` changed."""
    ROLE_MEMBERS_USER = auto()
    """The users who joined or left a role."""


LIKELY_MOVES = frozenset(
    {
        Move.PAYMENT_RECORDED,
        Move.PAYMENT_DELETED,
        Move.INVOICE_SENT,
        Move.INVOICE_MAILED_AGAIN,
        Move.ESTIMATE_SENT,
        Move.INVOICE_MADE,
        Move.TIME_INVOICED,
        Move.EXPENSE_INVOICED,
        Move.ROLE_MEMBERS_ROLE,
    }
)


@dataclass
class Switches:
    """How the stand-in behaves where the real API is not known."""

    updated_since_inclusive: bool = True
    """Whether a row that changed in the very second asked for is listed."""
    forbidden_body: Literal["message", "error", "html", "empty"] = "message"
    """Body of a 403."""
    report_window_status: Literal[400, 422] = 400
    """Answer to a report window that is too long, missing or upside down."""
    no_account_status: Literal[401, 404] = 401
    """Answer to a request without an account id."""
    disabled_module: Literal["403", "404", "empty"] = "403"
    """Answer of a module that the company has switched off."""
    inferred_modules: bool = True
    """Whether a module that is off also closes the endpoints for which no source states it."""
    cursor_links_in_page_lists: bool = False
    """Whether lists that count pages put a cursor into `links.next`."""
    invoices_per_page: Literal[100, 2000] = 100
    """Rows on a page of invoices where the request does not say."""
    withheld: Literal["null", "absent"] = "null"
    """What stands for money that the caller may not see."""
    moves: set[Move] = field(default_factory=lambda: set(LIKELY_MOVES))
    """The changes that move `updated_at` of another row."""
    refresh_token_replaced: bool = False
    """Whether a refresh hands out a new refresh token and ends the old one."""
    access_token_survives_refresh: bool = True
    """Whether the old access token still works after a refresh."""
    token_error_status: Literal[400, 401] = 401
    """Answer to a token call with wrong client credentials or a wrong refresh token."""
    whole_numbers: Literal["5.0", "5"] = "5.0"
    """How a whole number of a decimal field is printed."""
    extra_keys: bool = False
    """Whether records carry a key that no documentation names."""
    missing_keys: frozenset[str] = frozenset()
    """Names of documented fields that records do not carry."""
    roles_updated_since: bool = False
    """Whether the list of roles honours `updated_since`, which it does not document."""
    forecast: bool = True
    """Whether people are planned in Forecast, so that time reports can show scheduled hours."""
    budgets: bool = False
    """Whether the two request budgets are enforced."""
    budget_requests: int = 100
    """Requests that one window of either budget allows."""
    general_window_seconds: float = 15
    """Length of the window of all requests that are not reports, in seconds."""
    report_window_seconds: float = 900
    """Length of the window of all report requests, in seconds."""
    date_skew_seconds: float = 0
    """How far the `Date` header is ahead of the account's clock, in seconds."""
    latency_seconds: float = 0
    """Time that every answer takes, in seconds."""
    links_url: str | None = None
    """Where `links` point, such as `http://example.com/v2`; None: the stand-in itself."""
    second_account: bool = False
    """Whether the token reaches a second Harvest account, whose rows have ids of the first's."""
    oauth_lifetime_seconds: int = 1_209_600
    """How long an access token from a refresh lives on the account's clock, in seconds."""
