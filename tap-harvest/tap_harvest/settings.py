"""The settings of the tap, as JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from singer_sdk import typing as th

from tap_harvest.http.client import MAX_PAGE_SIZE
from tap_harvest.state.windows import SIZES

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT_ID = {"type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$"}
"""The id of an account: a number, or its text, as environment variables have it."""
MAX_DAYS = 36_500
"""A century, which is as good as never."""
NULL_IS_NEVER = frozenset({"reconcile_days", "sweep_days"})
"""The settings for which null is a value; for all others it stands for their default."""

SETTINGS: Final = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="Personal access token, made under Developers in your Harvest ID. "
        "Use an administrator's: for others Harvest leaves out what they may not see.",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="OAuth2 client id",
        description="Id of the OAuth2 client to sign in with, in the place of `access_token`.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="OAuth2 client secret",
        description="Secret of the OAuth2 client.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="OAuth2 refresh token",
        description="What Harvest gave the OAuth2 client when an administrator signed in.",
    ),
    th.Property(
        "account_id",
        th.CustomType(ACCOUNT_ID),
        title="Account id",
        description="Number of the Harvest account, shown beside the token. "
        "Needed only if the token reaches more than one.",
    ),
    th.Property(
        "account_ids",
        th.ArrayType(th.CustomType(ACCOUNT_ID)),
        title="Account ids",
        description="Numbers of several Harvest accounts to read, in the place of "
        "`account_id`. Each record and each key then begins with `account_id`.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description="Date or date-time. Time entries, expenses, invoices and estimates that "
        "did not change since are left out of the first sync. Default: everything.",
    ),
    th.Property(
        "end_date",
        th.StringType,
        title="End date",
        description="Date or date-time. Time entries, expenses, invoices and estimates that "
        "changed then or later are left for a later sync.",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0, maximum=MAX_DAYS * 24 * 60 * 60),
        default=300,
        title="Lookback",
        description="How far before its bookmark a stream is read again, for rows that "
        "Harvest showed late.",
    ),
    th.Property(
        "reconcile_days",
        th.IntegerType(minimum=0, maximum=MAX_DAYS),
        default=1,
        title="Reconcile",
        description="After how many days a list is read whole again, so that rows that were "
        "deleted in Harvest are found and removed downstream; 0: in every run; null: never, "
        "and nothing is removed. The messages of open invoices and sent estimates are read as "
        "often.",
    ),
    th.Property(
        "sweep_days",
        th.IntegerType(minimum=0, maximum=MAX_DAYS),
        default=30,
        title="Reconcile below records",
        description="The same for payments, messages and project assignments, which take a "
        "request for each invoice, estimate or person; null: never. It also brings changes "
        "that do not show at those.",
    ),
    th.Property(
        "stream_filters",
        th.ObjectType(additional_properties=True),
        title="Stream filters",
        description="What to read of a list, by stream: an object such as "
        '`{"time_entries": {"project_id": 71001, "from": "2031-04-01"}}`. '
        "Default: everything.",
    ),
    th.Property(
        "report_start_date",
        th.StringType,
        title="Report start date",
        description="Date from which on reports are read. Default: `start_date`, else the "
        "first of January of last year.",
    ),
    th.Property(
        "report_window",
        th.StringType,
        default="month",
        allowed_values=list(SIZES),
        title="Report window",
        description="Which pieces of the calendar a report has a row of: day, week, month, "
        "quarter or year. Each piece costs a request.",
    ),
    th.Property(
        "report_lookback_days",
        th.IntegerType(minimum=0, maximum=MAX_DAYS),
        default=60,
        title="Report lookback",
        description="For how many days after a piece of the calendar its figures are read "
        "again, since edits of old time and expenses change them.",
    ),
    th.Property(
        "include_fixed_fee",
        th.BooleanType,
        title="Include fixed fees",
        description="Whether time reports value the hours of fixed-fee projects, and the "
        "uninvoiced report has those projects. Default: as Harvest does, no and yes.",
    ),
    th.Property(
        "include_forecast",
        th.BooleanType,
        title="Include Forecast",
        description="Whether time reports by project and by person have `scheduled_hours`, the "
        "hours planned in Forecast. Default: as Harvest does, no.",
    ),
    th.Property(
        "on_forbidden",
        th.StringType,
        default="skip",
        allowed_values=["skip", "fail"],
        title="On forbidden",
        description="What to do with a stream that Harvest does not show to the token: skip "
        "it with a warning, or fail.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=MAX_PAGE_SIZE),
        default=MAX_PAGE_SIZE,
        title="Page size",
        description="Rows to ask for in one request, at most 2000.",
    ),
    th.Property(
        "max_concurrent_requests",
        th.IntegerType(minimum=1, maximum=100),
        default=4,
        title="Concurrent requests",
        description="How many requests may be under way at once, as far as the budgets allow.",
    ),
    th.Property(
        "requests_per_15_seconds",
        th.IntegerType(minimum=1, maximum=100),
        default=100,
        title="Request budget",
        description="How much of Harvest's budget of 100 requests in 15 seconds to use. "
        "Lower it where other programs read the same account.",
    ),
    th.Property(
        "report_requests_per_15_minutes",
        th.IntegerType(minimum=1, maximum=100),
        default=100,
        title="Report budget",
        description="How much of Harvest's budget of 100 report requests in 15 minutes to use.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.IntegerType(minimum=1, maximum=60 * 60),
        default=60,
        title="Request time-out",
        description="How long to wait for Harvest to say something before asking again. A whole "
        "answer may take ten times as long.",
    ),
    th.Property(
        "user_agent",
        th.StringType(pattern=r"^[!-~]([ -~]*[!-~])?$"),
        title="User agent",
        description="How to name yourself to Harvest, such as "
        "`sync of example.com (data@example.com)`. Default: the tap's name and version.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.harvestapp.com/v2",
        title="API address",
        description="Where the Harvest API is, with its version.",
    ),
    th.Property(
        "identity_url",
        th.StringType,
        default="https://id.getharvest.com",
        title="Identity address",
        description="Where Harvest keeps tokens and accounts.",
    ),
).to_dict()
"""The JSON Schema of the settings, as the SDK takes it."""


def without_nulls(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the settings that are null, so that they get their defaults."""
    # The SDK would pass null on as a value.
    return {
        name: value
        for name, value in settings.items()
        if value is not None or name in NULL_IS_NEVER
    }
