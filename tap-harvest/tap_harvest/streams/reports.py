"""Reports: figures that Harvest sums up by client, project, task, person or category."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_harvest.fields import (
    boolean,
    date_key,
    decimal,
    fields,
    integer,
    key,
    string,
    text_key,
    timestamp,
)
from tap_harvest.reading.kinds import WholeStream
from tap_harvest.reading.list_read import Listing, with_fields
from tap_harvest.reading.report import NO_SUBJECT, Report
from tap_harvest.reading.stream import decode_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from msgspec import Raw
    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account
    from tap_harvest.fields import Field
    from tap_harvest.http.paging import Page


def subject_key(name: str, what: str) -> Field:
    """The id of what a report sums up, which is a part of its key."""
    return key(name, f"Id of the {what}; {NO_SUBJECT} where Harvest names none.")


WINDOW = (
    date_key("from", "First day of the window, added by the tap."),
    date_key("to", "Last day of the window, added by the tap."),
    timestamp("_sdc_deleted_at", "When the subject dropped out of the window."),
)
CURRENCY = text_key("currency", "ISO 4217 code of the amounts; empty if hidden.")
CLIENT_NAME = string("client_name", "Name of the client.")
PROJECT_NAME = string("project_name", "Name of the project, with its code.")
PERSON = (
    subject_key("user_id", "person"),
    string("user_name", "Name of the person."),
    boolean("is_contractor", "Whether they are not employed."),
)
TIME = (
    decimal("total_hours", "Hours, as the account rounds them."),
    decimal("billable_hours", "Those of the hours that are billable."),
    CURRENCY,
    decimal("billable_amount", "Value of the billable hours."),
)
SCHEDULED = decimal("scheduled_hours", "Hours planned in Forecast; see `include_forecast`.")
EXPENSES = (
    decimal("total_amount", "Money spent."),
    decimal("billable_amount", "That of the money that is billable."),
    CURRENCY,
)


class TimeReport(Report):
    """Hours, and their value.

    Harvest API, "Time Reports":
    https://help.getharvest.com/api-v2/reports-api/reports/time-reports/
    """

    hides_rows = True
    figures: ClassVar[Sequence[str]] = ("total_hours", "billable_hours", "billable_amount")
    options: ClassVar[Sequence[str]] = ("include_fixed_fee",)


class ExpenseReport(Report):
    """Money spent.

    Harvest API, "Expense Reports":
    https://help.getharvest.com/api-v2/reports-api/reports/expense-reports/
    """

    hides_rows = True
    figures = ("total_amount", "billable_amount")


class ExpenseClientsReport(ExpenseReport):
    """Expenses by client, and by window of the calendar."""

    name = "expense_clients_report"
    path = "/reports/expenses/clients"
    subject = "client_id"
    primary_keys: ClassVar = ("client_id", "currency", "from", "to")
    schema = fields(subject_key("client_id", "client"), CLIENT_NAME, *EXPENSES, *WINDOW)


class ExpenseProjectsReport(ExpenseReport):
    """Expenses by project, and by window of the calendar."""

    name = "expense_projects_report"
    path = "/reports/expenses/projects"
    subject = "project_id"
    primary_keys: ClassVar = ("project_id", "currency", "from", "to")
    schema = fields(
        integer("client_id", "Id of the client."),
        CLIENT_NAME,
        subject_key("project_id", "project"),
        PROJECT_NAME,
        *EXPENSES,
        *WINDOW,
    )


class ExpenseCategoriesReport(ExpenseReport):
    """Expenses by category, and by window of the calendar."""

    name = "expense_categories_report"
    path = "/reports/expenses/categories"
    subject = "expense_category_id"
    primary_keys: ClassVar = ("expense_category_id", "currency", "from", "to")
    schema = fields(
        subject_key("expense_category_id", "category"),
        string("expense_category_name", "Name of the category."),
        *EXPENSES,
        *WINDOW,
    )


class ExpenseTeamReport(ExpenseReport):
    """Expenses by person, and by window of the calendar."""

    name = "expense_team_report"
    path = "/reports/expenses/team"
    subject = "user_id"
    primary_keys: ClassVar = ("user_id", "currency", "from", "to")
    schema = fields(*PERSON, *EXPENSES, *WINDOW)


class UninvoicedReport(Report):
    """What is not on an invoice yet, by billable project and by window of the calendar.

    Harvest API, "Uninvoiced Report":
    https://help.getharvest.com/api-v2/reports-api/reports/uninvoiced-report/
    """

    name = "uninvoiced_report"
    path = "/reports/uninvoiced"
    hides_rows = True
    subject = "project_id"
    figures = ("total_hours", "uninvoiced_hours", "uninvoiced_expenses", "uninvoiced_amount")
    options = ("include_fixed_fee",)
    primary_keys: ClassVar = ("project_id", "currency", "from", "to")
    schema = fields(
        integer("client_id", "Id of the client."),
        CLIENT_NAME,
        subject_key("project_id", "project"),
        string("project_name", "Name of the project."),
        CURRENCY,
        decimal("total_hours", "Hours, as the account rounds them."),
        decimal("uninvoiced_hours", "Billable hours that are on no invoice."),
        decimal("uninvoiced_expenses", "Billable expenses that are on no invoice."),
        decimal("uninvoiced_amount", "Value of both; a fixed fee may make it negative."),
        *WINDOW,
    )


class TimeClientsReport(TimeReport):
    """Hours by client, and by window of the calendar."""

    name = "time_clients_report"
    path = "/reports/time/clients"
    subject = "client_id"
    primary_keys: ClassVar = ("client_id", "currency", "from", "to")
    schema = fields(subject_key("client_id", "client"), CLIENT_NAME, *TIME, *WINDOW)


class TimeProjectsReport(TimeReport):
    """Hours by project, and by window of the calendar."""

    name = "time_projects_report"
    path = "/reports/time/projects"
    subject = "project_id"
    options = (*TimeReport.options, "include_forecast")
    figures = (*TimeReport.figures, "scheduled_hours")
    primary_keys: ClassVar = ("project_id", "currency", "from", "to")
    schema = fields(
        subject_key("project_id", "project"),
        PROJECT_NAME,
        integer("client_id", "Id of the client."),
        CLIENT_NAME,
        *TIME,
        SCHEDULED,
        *WINDOW,
    )


class TimeTasksReport(TimeReport):
    """Hours by task, and by window of the calendar."""

    name = "time_tasks_report"
    path = "/reports/time/tasks"
    subject = "task_id"
    primary_keys: ClassVar = ("task_id", "currency", "from", "to")
    schema = fields(
        subject_key("task_id", "task"),
        string("task_name", "Name of the task."),
        *TIME,
        *WINDOW,
    )


class TimeTeamReport(TimeReport):
    """Hours by person, and by window of the calendar."""

    name = "time_team_report"
    path = "/reports/time/team"
    subject = "user_id"
    options = (*TimeReport.options, "include_forecast")
    figures = (*TimeReport.figures, "scheduled_hours")
    primary_keys: ClassVar = ("user_id", "currency", "from", "to")
    schema = fields(
        *PERSON,
        *TIME,
        SCHEDULED,
        integer("weekly_capacity", "Working time of a week, in seconds."),
        string("avatar_url", "Address of their picture."),
        *WINDOW,
    )


class ProjectBudgetReport(WholeStream):
    """What is left of each budget on the day of the sync; the days before stay in the table.

    Harvest API, "Project Budget Report":
    https://help.getharvest.com/api-v2/reports-api/reports/project-budget-report/
    """

    name = "project_budget_report"
    path = "/reports/project_budget"
    records_key = "results"
    is_history = True
    primary_keys: ClassVar = ("project_id", "as_of")
    hides_rows = True
    filters: ClassVar = {"is_active": "boolean"}
    schema = fields(
        subject_key("project_id", "project"),
        string("project_name", "Name of the project."),
        integer("client_id", "Id of the client."),
        CLIENT_NAME,
        boolean("budget_is_monthly", "Whether the budget begins anew each month."),
        string("budget_by", "What the budget is a budget of."),
        boolean("is_active", "Whether the project is current, not archived."),
        decimal("budget", "Budget in hours or money."),
        decimal("budget_spent", "What of it is used."),
        decimal("budget_remaining", "What of it is left; negative if overrun."),
        date_key("as_of", "Day on which it was read, added by the tap."),
    )

    @override
    def identity(self, row: Raw) -> int:
        return hash(decode_record(row)["project_id"])

    @override
    def listing(self, query: Mapping[str, str]) -> Listing:
        # Rows have no time of change, and their figures change while timers run.
        return Listing.CHANGED

    @override
    def pages(self, account: Account, since: datetime | None) -> Iterator[Page]:
        read_at = account.client.started or datetime.now(UTC)
        day = read_at.date().isoformat()
        for page in super().pages(account, since):
            rows = [with_fields(row, {**self._subject_of(row), "as_of": day}) for row in page.rows]
            yield replace(page, rows=rows)

    def _subject_of(self, row: Raw) -> Record:
        project_id = decode_record(row).get("project_id") or NO_SUBJECT
        return {"project_id": project_id}
