"""Time entries, and the items in other tools that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_harvest.fields import (
    boolean,
    date,
    decimal,
    fields,
    integer,
    key,
    record,
    reference,
    string,
    timestamp,
)
from tap_harvest.reading.kinds import ExplodedStream
from tap_harvest.reading.stream import HarvestStream
from tap_harvest.streams.projects import (
    ASSIGNMENT_ID,
    CLIENT,
    CODE,
    TASK_ASSIGNMENT,
    USER_ASSIGNMENT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

ITEM_ID = string("id", "Id of the item in the other tool.")
GROUP_ID = string("group_id", "Id of the board, project or repository there.")
LINK = (
    string("permalink", "Address of the item."),
    string("service", "Host name of the other tool."),
    string("service_icon_url", "Address of the other tool's picture."),
)


class TimeEntries(HarvestStream):
    """Hours of a person on a task of a project on a day.

    The hours of a running timer are those of the moment in which it was read.

    Harvest API, "Time Entries": https://help.getharvest.com/api-v2/timesheets-api/timesheets/time-entries/
    """

    name = "time_entries"
    path = "/time_entries"
    is_fact = True
    hides_rows = True
    filters: ClassVar = {
        "user_id": "integer",
        "client_id": "integer",
        "project_id": "integer",
        "task_id": "integer",
        "external_reference_id": "string",
        "is_billed": "boolean",
        "is_running": "boolean",
        "approval_status": "string",
        "from": "date",
        "to": "date",
    }
    schema = fields(
        key("id", "Id of the time entry."),
        date("spent_date", "The day on which the work was done."),
        decimal("hours", "Hours worked; a running timer's grow."),
        decimal("hours_without_timer", "Hours worked before the timer was last started."),
        decimal("rounded_hours", "Hours as the account rounds them."),
        string("notes", "Notes on the work."),
        boolean("is_locked", "Whether the entry cannot be changed any more."),
        boolean("is_explicitly_locked", "Whether someone locked it."),
        string("locked_reason", "Why it cannot be changed."),
        string("approval_status", "Whether it is unsubmitted, submitted or approved."),
        boolean("is_closed", "Whether it is approved; deprecated by Harvest."),
        boolean("is_billed", "Whether it is on an invoice."),
        timestamp("timer_started_at", "When the running timer was started."),
        string("started_time", "Time of day of the start, as the account writes it."),
        string("ended_time", "Time of day of the end, as the account writes it."),
        boolean("is_running", "Whether the timer runs."),
        boolean("billable", "Whether the work is billable."),
        boolean("budgeted", "Whether the hours use up the project's budget."),
        decimal("billable_rate", "Hourly rate at which it is billed."),
        decimal("cost_rate", "What an hour of it costs."),
        timestamp("created_at", "When the entry was made."),
        timestamp("updated_at", "When the entry last changed."),
        reference("user", "Who worked."),
        CLIENT,
        reference("project", "The project.", CODE),
        reference("task", "The task."),
        record(
            "user_assignment", "How the person is in the project.", ASSIGNMENT_ID, *USER_ASSIGNMENT
        ),
        record(
            "task_assignment", "How the task is in the project.", ASSIGNMENT_ID, *TASK_ASSIGNMENT
        ),
        record(
            "invoice",
            "The invoice that it is on.",
            integer("id", "Id of the invoice."),
            string("number", "Number of the invoice."),
        ),
        record(
            "external_reference",
            "The item in another tool.",
            ITEM_ID,
            GROUP_ID,
            string("account_id", "Id of the account there."),
            *LINK,
        ),
    )


class TimeEntryExternalReferences(ExplodedStream):
    """The item in another tool that a time entry stands for; only of entries that have one."""

    name = "time_entry_external_references"
    parent_stream_type = TimeEntries
    member = "external_reference"
    parent_key = "time_entry_id"
    primary_keys: ClassVar = ("time_entry_id",)
    schema = fields(
        key("time_entry_id", "Id of the time entry."),
        ITEM_ID,
        GROUP_ID,
        string("external_account_id", "Id of the account there; Harvest calls it account_id."),
        *LINK,
        timestamp("updated_at", "When the time entry last changed."),
    )

    @override
    def explode(self, parent_id: int, updated_at: str | None, inside: Any) -> Iterator[Record]:
        for item in super().explode(parent_id, updated_at, inside):
            # In a record, an account is one of Harvest's.
            yield {
                "external_account_id" if name == "account_id" else name: value
                for name, value in item.items()
            }
