"""The company whose account it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Raw
from typing_extensions import override

from tap_harvest.fields import boolean, fields, integer, key, string
from tap_harvest.reading.kinds import Singleton
from tap_harvest.reading.list_read import with_fields

if TYPE_CHECKING:
    from tap_harvest.account import Account


class Company(Singleton):
    """The account's own settings. Harvest gives them no id, so the tap adds the account's.

    Harvest API, "Company": https://help.getharvest.com/api-v2/company-api/company/company/
    """

    name = "company"
    path = "/company"
    primary_keys: ClassVar = ("account_id",)
    schema = fields(
        key("account_id", "Id of the account, added by the tap."),
        string("base_uri", "Address of the account's web pages."),
        string("full_domain", "Host name of the account's web pages."),
        string("name", "Name of the company."),
        boolean("is_active", "Whether the account is open."),
        string("week_start_day", "On which day weeks begin."),
        boolean("wants_timestamp_timers", "Whether time has a start and an end, not a length."),
        string("time_format", "How hours are shown: decimal or hours_minutes."),
        string("date_format", "Pattern by which dates are shown."),
        string("plan_type", "What the account is subscribed to."),
        boolean("expense_feature", "Whether the expenses module is on."),
        boolean("invoice_feature", "Whether the invoices module is on."),
        boolean("estimate_feature", "Whether the estimates module is on."),
        boolean("team_feature", "Whether the team module is on."),
        boolean("approval_feature", "Whether the approval module is on."),
        integer("weekly_capacity", "Working time of a week, in seconds."),
        string("clock", "How times of day are written: 12h or 24h."),
        string("currency", "ISO 4217 code of the account."),
        string("currency_code_display", "Where a currency's code is shown."),
        string("currency_symbol_display", "Where a currency's symbol is shown."),
        string("decimal_symbol", "Mark between whole and fraction."),
        string("thousands_separator", "Mark between groups of digits."),
        string("color_scheme", "Colours of the account's web pages."),
        boolean("saml_sign_in_required", "Whether all must use single sign-on."),
        boolean("day_entry_notes_required", "Whether each time entry needs notes."),
        boolean("approval_required", "Retired; Harvest documents it no more."),
    )

    @override
    def answer(self, account: Account) -> Raw:
        return with_fields(Raw(account.company), {"account_id": account.id})
