"""Tasks, the kinds of work."""

from typing import ClassVar

from tap_harvest.fields import boolean, decimal, fields, key, string, timestamp
from tap_harvest.reading.stream import HarvestStream


class Tasks(HarvestStream):
    """The kinds of work that time is tracked to.

    Harvest API, "Tasks": https://help.getharvest.com/api-v2/tasks-api/tasks/tasks/
    """

    name = "tasks"
    path = "/tasks"
    filters: ClassVar = {"is_active": "boolean"}
    schema = fields(
        key("id", "Id of the task."),
        string("name", "Name of the task."),
        boolean("billable_by_default", "Whether it is billable in a project that takes it up."),
        decimal("default_hourly_rate", "Hourly rate in a project that takes it up."),
        boolean("is_default", "Whether each new project takes it up."),
        boolean("is_active", "Whether the task is current, not archived."),
        timestamp("created_at", "When the task was made."),
        timestamp("updated_at", "When the task last changed."),
    )
