{{ config(enabled=harvest.has_streams('projects')) }}

{%- set held = harvest.columns_of(source('harvest', 'projects')) %}

with

source as (

    select * from {{ source('harvest', 'projects') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as project_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as project_name,
        {{ harvest.column(held, 'code', 'string') }} as project_code,
        {{ harvest.column(held, 'bill_by', 'string') }} as bill_by,
        {{ harvest.column(held, 'budget_by', 'string') }} as budget_by,
        {{ harvest.column(held, 'currency', 'string') }} as currency,
        {{ harvest.column(held, 'notes', 'string') }} as notes,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,
        {{ harvest.column(held, 'client__currency', 'string') }} as client_currency,

        -- numbers
        {{ harvest.column(held, 'budget', 'number') }} as budget,
        {{ harvest.column(held, 'over_budget_notification_percentage', 'number') }} as over_budget_notification_percentage,
        {{ harvest.column(held, 'cost_budget', 'number') }} as cost_budget,
        {{ harvest.column(held, 'hourly_rate', 'number') }} as hourly_rate,
        {{ harvest.column(held, 'fee', 'number') }} as fee,

        -- booleans
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,
        {{ harvest.column(held, 'is_billable', 'boolean') }} as is_billable,
        {{ harvest.column(held, 'is_fixed_fee', 'boolean') }} as is_fixed_fee,
        {{ harvest.column(held, 'budget_is_monthly', 'boolean') }} as is_budget_monthly,
        {{ harvest.column(held, 'notify_when_over_budget', 'boolean') }} as is_notified_when_over_budget,
        {{ harvest.column(held, 'show_budget_to_all', 'boolean') }} as is_budget_shown_to_all,
        {{ harvest.column(held, 'cost_budget_include_expenses', 'boolean') }} as has_expenses_in_cost_budget,

        -- dates
        {{ harvest.column(held, 'starts_on', 'date') }} as start_date,
        {{ harvest.column(held, 'ends_on', 'date') }} as end_date,
        {{ harvest.column(held, 'over_budget_notification_date', 'date') }} as over_budget_notification_date,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
