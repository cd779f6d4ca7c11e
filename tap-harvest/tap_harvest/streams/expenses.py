"""Expenses and their categories."""

from typing import ClassVar

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
from tap_harvest.reading.stream import HarvestStream
from tap_harvest.streams.projects import ASSIGNMENT_ID, CLIENT, CODE, USER_ASSIGNMENT


class Expenses(HarvestStream):
    """Money that a person spent for a project.

    Harvest API, "Expenses": https://help.getharvest.com/api-v2/expenses-api/expenses/expenses/
    """

    name = "expenses"
    path = "/expenses"
    module = "expense_feature"
    is_fact = True
    hides_rows = True
    filters: ClassVar = {
        "user_id": "integer",
        "client_id": "integer",
        "project_id": "integer",
        "is_billed": "boolean",
        "approval_status": "string",
        "from": "date",
        "to": "date",
    }
    schema = fields(
        key("id", "Id of the expense."),
        date("spent_date", "The day on which the money was spent."),
        string("notes", "Notes on the expense."),
        decimal("total_cost", "Money spent."),
        decimal("units", "How many units of the category."),
        boolean("billable", "Whether the expense is billable."),
        record(
            "receipt",
            "The file attached as proof.",
            string("url", "Address of the file."),
            string("file_name", "Name of the file."),
            integer("file_size", "Size of the file in bytes."),
            string("content_type", "Media type of the file."),
        ),
        string("approval_status", "Whether it is unsubmitted, submitted or approved."),
        boolean("is_closed", "Whether it is approved; deprecated by Harvest."),
        boolean("is_locked", "Whether the expense cannot be changed any more."),
        boolean("is_explicitly_locked", "Whether someone locked it."),
        boolean("is_billed", "Whether it is on an invoice."),
        string("locked_reason", "Why it cannot be changed."),
        boolean("reimbursement", "Whether the person is to get the money back."),
        timestamp("created_at", "When the expense was made."),
        timestamp("updated_at", "When the expense last changed."),
        reference("user", "Who spent the money."),
        CLIENT,
        reference("project", "The project.", CODE),
        reference(
            "expense_category",
            "The category.",
            decimal("unit_price", "Price of one unit."),
            string("unit_name", "What one unit is called."),
        ),
        record(
            "user_assignment", "How the person is in the project.", ASSIGNMENT_ID, *USER_ASSIGNMENT
        ),
        record(
            "invoice",
            "The invoice that it is on.",
            integer("id", "Id of the invoice."),
            string("number", "Number of the invoice."),
        ),
    )


class ExpenseCategories(HarvestStream):
    """The kinds of expenses, some of them with a price for one unit.

    Harvest API, "Expense Categories": https://help.getharvest.com/api-v2/expenses-api/expenses/expense-categories/
    """

    name = "expense_categories"
    path = "/expense_categories"
    filters: ClassVar = {"is_active": "boolean"}
    schema = fields(
        key("id", "Id of the category."),
        string("name", "Name of the category."),
        string("unit_name", "What one unit is called."),
        decimal("unit_price", "Price of one unit."),
        boolean("is_active", "Whether the category is current, not archived."),
        timestamp("created_at", "When the category was made."),
        timestamp("updated_at", "When the category last changed."),
    )
