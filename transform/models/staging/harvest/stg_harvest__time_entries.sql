{{ config(enabled=harvest.has_streams('time_entries')) }}

{%- set held = harvest.columns_of(source('harvest', 'time_entries')) %}

with

source as (

    select * from {{ source('harvest', 'time_entries') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as time_entry_id,
        {{ harvest.column(held, 'user__id', 'integer') }} as user_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,
        {{ harvest.column(held, 'project__id', 'integer') }} as project_id,
        {{ harvest.column(held, 'task__id', 'integer') }} as task_id,
        {{ harvest.column(held, 'user_assignment__id', 'integer') }} as user_assignment_id,
        {{ harvest.column(held, 'task_assignment__id', 'integer') }} as task_assignment_id,
        {{ harvest.column(held, 'invoice__id', 'integer') }} as invoice_id,
        {{ harvest.column(held, 'external_reference__id', 'string') }} as external_reference_id,
        {{ harvest.column(held, 'external_reference__group_id', 'string') }} as external_reference_group_id,
        {{ harvest.column(held, 'external_reference__account_id', 'string') }} as external_reference_account_id,

        -- strings
        {{ harvest.column(held, 'notes', 'string') }} as notes,
        {{ harvest.column(held, 'locked_reason', 'string') }} as locked_reason,
        {{ harvest.column(held, 'approval_status', 'string') }} as approval_status,
        {{ harvest.column(held, 'started_time', 'string') }} as started_time,
        {{ harvest.column(held, 'ended_time', 'string') }} as ended_time,
        {{ harvest.column(held, 'user__name', 'string') }} as user_name,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,
        {{ harvest.column(held, 'client__currency', 'string') }} as client_currency,
        {{ harvest.column(held, 'project__name', 'string') }} as project_name,
        {{ harvest.column(held, 'project__code', 'string') }} as project_code,
        {{ harvest.column(held, 'task__name', 'string') }} as task_name,
        {{ harvest.column(held, 'invoice__number', 'string') }} as invoice_number,
        {{ harvest.column(held, 'external_reference__permalink', 'string') }} as external_reference_permalink,
        {{ harvest.column(held, 'external_reference__service', 'string') }} as external_reference_service,
        {{ harvest.column(held, 'external_reference__service_icon_url', 'string') }} as external_reference_service_icon_url,

        -- numbers
        {{ harvest.column(held, 'hours', 'number') }} as hours,
        {{ harvest.column(held, 'hours_without_timer', 'number') }} as hours_without_timer,
        {{ harvest.column(held, 'rounded_hours', 'number') }} as rounded_hours,
        {{ harvest.column(held, 'billable_rate', 'number') }} as billable_rate,
        {{ harvest.column(held, 'cost_rate', 'number') }} as cost_rate,
        {{ harvest.column(held, 'user_assignment__budget', 'number') }} as user_assignment_budget,
        {{ harvest.column(held, 'user_assignment__hourly_rate', 'number') }} as user_assignment_hourly_rate,
        {{ harvest.column(held, 'task_assignment__hourly_rate', 'number') }} as task_assignment_hourly_rate,
        {{ harvest.column(held, 'task_assignment__budget', 'number') }} as task_assignment_budget,

        -- booleans
        {{ harvest.column(held, 'is_locked', 'boolean') }} as is_locked,
        {{ harvest.column(held, 'is_explicitly_locked', 'boolean') }} as is_explicitly_locked,
        {{ harvest.column(held, 'is_closed', 'boolean') }} as is_closed,
        {{ harvest.column(held, 'is_billed', 'boolean') }} as is_billed,
        {{ harvest.column(held, 'is_running', 'boolean') }} as is_running,
        {{ harvest.column(held, 'billable', 'boolean') }} as is_billable,
        {{ harvest.column(held, 'budgeted', 'boolean') }} as is_budgeted,
        {{ harvest.column(held, 'user_assignment__is_project_manager', 'boolean') }} as is_user_assignment_project_manager,
        {{ harvest.column(held, 'user_assignment__is_active', 'boolean') }} as is_user_assignment_active,
        {{ harvest.column(held, 'user_assignment__use_default_rates', 'boolean') }} as has_user_assignment_default_rates,
        {{ harvest.column(held, 'task_assignment__billable', 'boolean') }} as is_task_assignment_billable,
        {{ harvest.column(held, 'task_assignment__is_active', 'boolean') }} as is_task_assignment_active,

        -- dates
        {{ harvest.column(held, 'spent_date', 'date') }} as spent_date,

        -- timestamps
        {{ harvest.column(held, 'timer_started_at', 'date-time') }} as timer_started_at,
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at,
        {{ harvest.column(held, 'user_assignment__created_at', 'date-time') }} as user_assignment_created_at,
        {{ harvest.column(held, 'user_assignment__updated_at', 'date-time') }} as user_assignment_updated_at,
        {{ harvest.column(held, 'task_assignment__created_at', 'date-time') }} as task_assignment_created_at,
        {{ harvest.column(held, 'task_assignment__updated_at', 'date-time') }} as task_assignment_updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
