"""The streams of other Harvest connectors and their columns, for `docs/moving.md`.

singer-io's as the schemas of tap-harvest 3.1.1 have them, Airbyte's as the manifest of
source-harvest does; Fivetran's and Microsoft's as their pages tell.

Fivetran, "Harvest Lite": https://fivetran.com/docs/connectors/applications/harvest
Microsoft, "Harvest": https://learn.microsoft.com/connectors/harvest/
"""

from __future__ import annotations

from typing import Final

SINGER: Final = {
    "clients": ("id name is_active address currency created_at updated_at"),
    "contacts": (
        "id client_id title first_name last_name email phone_office phone_mobile fax created_at "
        "updated_at"
    ),
    "estimate_item_categories": ("id name created_at updated_at"),
    "estimate_line_items": (
        "id estimate_id kind description quantity unit_price amount taxed taxed2"
    ),
    "estimate_messages": (
        "id sent_by sent_by_email sent_from sent_from_email subject body send_me_a_copy "
        "event_type created_at updated_at estimate_id recipients"
    ),
    "estimates": (
        "id client_id creator_id client_key number purchase_order amount tax tax_amount tax2 "
        "tax2_amount discount discount_amount subject notes currency state issue_date sent_at "
        "accepted_at declined_at created_at updated_at"
    ),
    "expense_categories": ("id name unit_name unit_price is_active created_at updated_at"),
    "expenses": (
        "id client_id project_id expense_category_id user_id user_assignment_id receipt_url "
        "receipt_file_name receipt_file_size receipt_content_type invoice_id notes billable "
        "is_closed is_locked is_billed locked_reason spent_date created_at updated_at total_cost "
        "units"
    ),
    "external_reference": ("id task_id group_id permalink service service_icon_url"),
    "invoice_item_categories": ("id name use_as_service use_as_expense created_at updated_at"),
    "invoice_line_items": (
        "id project_id kind description quantity unit_price amount taxed taxed2 invoice_id"
    ),
    "invoice_messages": (
        "id sent_by sent_by_email sent_from sent_from_email subject body "
        "include_link_to_client_invoice attach_pdf send_me_a_copy thank_you event_type reminder "
        "send_reminder_on created_at updated_at invoice_id recipients"
    ),
    "invoice_payments": (
        "id amount paid_at paid_date recorded_by recorded_by_email notes transaction_id "
        "payment_gateway_id payment_gateway_name created_at updated_at invoice_id"
    ),
    "invoices": (
        "id client_id estimate_id retainer_id creator_id client_key number purchase_order amount "
        "due_amount tax tax_amount tax2 tax2_amount discount discount_amount subject notes "
        "currency state period_start period_end issue_date due_date payment_term sent_at paid_at "
        "paid_date closed_at created_at updated_at"
    ),
    "project_tasks": (
        "id project_id task_id is_active billable hourly_rate budget created_at updated_at"
    ),
    "project_users": (
        "id project_id user_id is_active is_project_manager hourly_rate budget created_at "
        "updated_at"
    ),
    "projects": (
        "id client_id name code is_active is_billable is_fixed_fee bill_by hourly_rate budget "
        "budget_by budget_is_monthly notify_when_over_budget over_budget_notification_percentage "
        "over_budget_notification_date show_budget_to_all cost_budget "
        "cost_budget_include_expenses fee notes starts_on ends_on created_at updated_at"
    ),
    "roles": ("id name created_at updated_at"),
    "tasks": (
        "id name billable_by_default default_hourly_rate is_default is_active created_at updated_at"
    ),
    "time_entries": (
        "id spent_date user_id user_assignment_id client_id project_id task_id task_assignment_id "
        "external_reference_id invoice_id hours notes is_locked locked_reason is_closed is_billed "
        "timer_started_at started_time ended_time is_running billable budgeted billable_rate "
        "cost_rate created_at updated_at"
    ),
    "time_entry_external_reference": ("time_entry_id external_reference_id"),
    "user_project_tasks": ("user_id project_task_id"),
    "user_projects": (
        "id is_active is_project_manager hourly_rate budget created_at updated_at project_id "
        "client_id user_id"
    ),
    "user_roles": ("user_id role_id"),
    "users": (
        "id first_name last_name email telephone timezone has_access_to_all_future_projects "
        "is_contractor is_admin is_project_manager can_see_rates can_create_projects "
        "can_create_invoices is_active weekly_capacity default_hourly_rate cost_rate avatar_url "
        "created_at updated_at"
    ),
}
"""The columns of each stream of singer-io's tap, separated by spaces."""

AIRBYTE: Final = (
    *("billable_rates", "clients", "company", "contacts", "cost_rates", "estimate_item_categories"),
    *("estimate_messages", "estimates", "expense_categories", "expenses", "expenses_categories"),
    *("expenses_clients", "expenses_projects", "expenses_team", "invoice_item_categories"),
    *("invoice_messages", "invoice_payments", "invoices", "project_assignments", "project_budget"),
    *("projects", "roles", "task_assignments", "tasks", "time_clients", "time_entries"),
    *("time_projects", "time_tasks", "time_team", "uninvoiced", "user_assignments", "users"),
)
"""The streams of Airbyte's source."""
FIVETRAN: Final = (
    *("client", "contact", "estimate", "estimate_item_category", "estimate_message", "expense"),
    *("expense_category", "invoice", "invoice_item_category", "invoice_message"),
    *("invoice_payment", "project", "project_task_assignment", "project_user_assignment", "role"),
    *("task", "time_entry", "users", "user_billable_rate", "user_cost_rate"),
    "user_project_assignment",
)
"""The tables of Fivetran's connector. Its documentation does not name the child tables."""
MICROSOFT: Final = (
    *("Add new client", "Add new contact", "Add new user", "Add user to a project"),
    *("Create time entry", "Delete time entry", "Get time entry by id", "Get user info"),
    *("List all clients", "List all contacts", "List projects", "List tasks", "Update time entry"),
    *("When a client is added", "When a contact is added", "When a project is created"),
    "When a time entry is created for date",
    "When a time entry is created for the current day",
    "When a user is added",
)
"""The actions and triggers of Microsoft's connector."""
MICROSOFT_FIELDS: Final = {
    "clients": "id name currency currency_symbol details address created_at updated_at",
    "contacts": (
        "id client_id first_name last_name email phone_office phone_mobile fax title created_at "
        "updated_at"
    ),
    "projects": (
        "id client_id name code active billable bill_by hourly_rate budget budget_by created_at "
        "updated_at starts_on ends_on estimate estimate_by hint_earliest_record_at "
        "hint_latest_record_at notes cost_budget cost_budget_include_expenses"
    ),
    "tasks": "id name billable_by_default default_hourly_rate created_at updated_at",
    "users": (
        "id email created_at is_admin first_name last_name is_contractor telephone is_active "
        "default_hourly_rate department wants_newsletter cost_rate weekly_capacity"
    ),
    "time_entries": (
        "id user_id spent_at created_at updated_at project_id task_id project task client notes "
        "hours_without_timer hours started_at ended_at"
    ),
}
"""The fields of the responses of Microsoft's connector, by the name of our stream."""
