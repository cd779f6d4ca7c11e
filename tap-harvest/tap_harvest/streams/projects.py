"""Projects, and who and what is assigned to them."""

from typing import ClassVar

from tap_harvest.fields import (
    boolean,
    date,
    decimal,
    fields,
    integer,
    key,
    reference,
    string,
    timestamp,
)
from tap_harvest.reading.stream import HarvestStream

CODE = string("code", "Short code of the project.")
CLIENT = reference(
    "client", "Whose project it is.", string("currency", "ISO 4217 code of the client.")
)

# Time entries and expenses carry the assignments that they were made under.
ASSIGNMENT_ID = integer("id", "Id of the assignment.")
USER_ASSIGNMENT = (
    boolean("is_project_manager", "Whether the person may manage the project."),
    boolean("is_active", "Whether the assignment is current, not archived."),
    boolean("use_default_rates", "Whether the person's own rate holds in the project."),
    decimal("budget", "Hours that the person has in the project."),
    timestamp("created_at", "When the assignment was made."),
    timestamp("updated_at", "When the assignment last changed."),
    decimal("hourly_rate", "Hourly rate of the person in the project."),
)
TASK_ASSIGNMENT = (
    boolean("billable", "Whether the task is billable in the project."),
    boolean("is_active", "Whether the assignment is current, not archived."),
    timestamp("created_at", "When the assignment was made."),
    timestamp("updated_at", "When the assignment last changed."),
    decimal("hourly_rate", "Hourly rate of the task in the project."),
    decimal("budget", "Hours or money that the task has in the project."),
)


class Projects(HarvestStream):
    """What clients order, with budgets and rates.

    Harvest API, "Projects": https://help.getharvest.com/api-v2/projects-api/projects/projects/
    """

    name = "projects"
    path = "/projects"
    hides_rows = True
    filters: ClassVar = {"is_active": "boolean", "client_id": "integer"}
    schema = fields(
        key("id", "Id of the project."),
        string("name", "Name of the project."),
        string("code", "Short code."),
        boolean("is_active", "Whether the project is current, not archived."),
        boolean("is_billable", "Whether the project is billable."),
        boolean("is_fixed_fee", "Whether it is billed at a fixed fee."),
        string("bill_by", "Whose rate counts: Project, Tasks, People, none."),
        decimal("budget", "Budget in hours."),
        string("budget_by", "What the budget is a budget of."),
        boolean("budget_is_monthly", "Whether the budget begins anew each month."),
        boolean("notify_when_over_budget", "Whether managers are told of a used budget."),
        decimal("over_budget_notification_percentage", "At which percentage they are told."),
        boolean("show_budget_to_all", "Whether all in the project see the budget."),
        timestamp("created_at", "When the project was made."),
        timestamp("updated_at", "When the project last changed."),
        date("starts_on", "First day planned."),
        date("ends_on", "Last day planned."),
        date("over_budget_notification_date", "When managers were last told of the budget."),
        string("currency", "ISO 4217 code of the project's money."),
        string("notes", "Notes on the project."),
        decimal("cost_budget", "Budget in money."),
        boolean("cost_budget_include_expenses", "Whether expenses use up the cost budget."),
        decimal("hourly_rate", "Hourly rate, where the project's counts."),
        decimal("fee", "The fixed fee."),
        CLIENT,
    )


class ProjectUserAssignments(HarvestStream):
    """Who works in which project.

    Harvest API, "Project User Assignments":
    https://help.getharvest.com/api-v2/projects-api/projects/user-assignments/
    """

    name = "project_user_assignments"
    path = "/user_assignments"
    hides_rows = True
    filters: ClassVar = {"user_id": "integer", "is_active": "boolean"}
    schema = fields(
        key("id", "Id of the assignment."),
        *USER_ASSIGNMENT,
        reference("project", "The project.", CODE),
        reference("user", "The person."),
    )


class ProjectTaskAssignments(HarvestStream):
    """Which tasks are done in which project.

    Harvest API, "Project Task Assignments":
    https://help.getharvest.com/api-v2/projects-api/projects/task-assignments/
    """

    name = "project_task_assignments"
    path = "/task_assignments"
    hides_rows = True
    filters: ClassVar = {"is_active": "boolean"}
    schema = fields(
        key("id", "Id of the assignment."),
        *TASK_ASSIGNMENT,
        reference("project", "The project.", CODE),
        reference("task", "The task."),
    )
