"""The streams, in the order of the chapters of Harvest's API docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_harvest.streams.clients import Clients, Contacts
from tap_harvest.streams.company import Company
from tap_harvest.streams.estimates import (
    EstimateItemCategories,
    EstimateLineItems,
    EstimateMessageRecipients,
    EstimateMessages,
    Estimates,
)
from tap_harvest.streams.expenses import ExpenseCategories, Expenses
from tap_harvest.streams.invoices import (
    InvoiceItemCategories,
    InvoiceLineItems,
    InvoiceMessageRecipients,
    InvoiceMessages,
    InvoicePayments,
    Invoices,
)
from tap_harvest.streams.projects import (
    Projects,
    ProjectTaskAssignments,
    ProjectUserAssignments,
)
from tap_harvest.streams.reports import (
    ExpenseCategoriesReport,
    ExpenseClientsReport,
    ExpenseProjectsReport,
    ExpenseTeamReport,
    ProjectBudgetReport,
    TimeClientsReport,
    TimeProjectsReport,
    TimeTasksReport,
    TimeTeamReport,
    UninvoicedReport,
)
from tap_harvest.streams.roles import Roles, UserRoles
from tap_harvest.streams.tasks import Tasks
from tap_harvest.streams.time_entries import TimeEntries, TimeEntryExternalReferences
from tap_harvest.streams.users import (
    UserBillableRates,
    UserCostRates,
    UserProjectAssignments,
    UserProjectTasks,
    Users,
    UsersMe,
    UserTeammates,
)

if TYPE_CHECKING:
    from tap_harvest.reading.stream import HarvestStream

STREAMS: tuple[type[HarvestStream], ...] = (
    Clients,
    Contacts,
    Company,
    Invoices,
    InvoiceLineItems,
    InvoiceMessages,
    InvoiceMessageRecipients,
    InvoicePayments,
    InvoiceItemCategories,
    Estimates,
    EstimateLineItems,
    EstimateMessages,
    EstimateMessageRecipients,
    EstimateItemCategories,
    Expenses,
    ExpenseCategories,
    Tasks,
    TimeEntries,
    TimeEntryExternalReferences,
    Projects,
    ProjectUserAssignments,
    ProjectTaskAssignments,
    Roles,
    UserRoles,
    Users,
    UsersMe,
    UserBillableRates,
    UserCostRates,
    UserProjectAssignments,
    UserProjectTasks,
    UserTeammates,
    ExpenseClientsReport,
    ExpenseProjectsReport,
    ExpenseCategoriesReport,
    ExpenseTeamReport,
    UninvoicedReport,
    TimeClientsReport,
    TimeProjectsReport,
    TimeTasksReport,
    TimeTeamReport,
    ProjectBudgetReport,
)
