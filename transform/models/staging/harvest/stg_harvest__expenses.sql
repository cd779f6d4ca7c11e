{{ config(enabled=harvest.has_streams('expenses')) }}

{%- set held = harvest.columns_of(source('harvest', 'expenses')) %}

with

source as (

    select * from {{ source('harvest', 'expenses') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as expense_id,
        {{ harvest.column(held, 'user__id', 'integer') }} as user_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,
        {{ harvest.column(held, 'project__id', 'integer') }} as project_id,
        {{ harvest.column(held, 'expense_category__id', 'integer') }} as expense_category_id,
        {{ harvest.column(held, 'user_assignment__id', 'integer') }} as user_assignment_id,
        {{ harvest.column(held, 'invoice__id', 'integer') }} as invoice_id,

        -- strings
        {{ harvest.column(held, 'notes', 'string') }} as notes,
        {{ harvest.column(held, 'receipt__url', 'string') }} as receipt_url,
        {{ harvest.column(held, 'receipt__file_name', 'string') }} as receipt_file_name,
        {{ harvest.column(held, 'receipt__content_type', 'string') }} as receipt_content_type,
        {{ harvest.column(held, 'approval_status', 'string') }} as approval_status,
        {{ harvest.column(held, 'locked_reason', 'string') }} as locked_reason,
        {{ harvest.column(held, 'user__name', 'string') }} as user_name,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,
        {{ harvest.column(held, 'client__currency', 'string') }} as client_currency,
        {{ harvest.column(held, 'project__name', 'string') }} as project_name,
        {{ harvest.column(held, 'project__code', 'string') }} as project_code,
        {{ harvest.column(held, 'expense_category__name', 'string') }} as expense_category_name,
        {{ harvest.column(held, 'expense_category__unit_name', 'string') }} as expense_category_unit_name,
        {{ harvest.column(held, 'invoice__number', 'string') }} as invoice_number,

        -- numbers
        {{ harvest.column(held, 'total_cost', 'number') }} as total_cost,
        {{ harvest.column(held, 'units', 'number') }} as units,
        {{ harvest.column(held, 'receipt__file_size', 'integer') }} as receipt_file_size,
        {{ harvest.column(held, 'expense_category__unit_price', 'number') }} as expense_category_unit_price,
        {{ harvest.column(held, 'user_assignment__budget', 'number') }} as user_assignment_budget,
        {{ harvest.column(held, 'user_assignment__hourly_rate', 'number') }} as user_assignment_hourly_rate,

        -- booleans
        {{ harvest.column(held, 'billable', 'boolean') }} as is_billable,
        {{ harvest.column(held, 'is_closed', 'boolean') }} as is_closed,
        {{ harvest.column(held, 'is_locked', 'boolean') }} as is_locked,
        {{ harvest.column(held, 'is_explicitly_locked', 'boolean') }} as is_explicitly_locked,
        {{ harvest.column(held, 'is_billed', 'boolean') }} as is_billed,
        {{ harvest.column(held, 'reimbursement', 'boolean') }} as is_reimbursement,
        {{ harvest.column(held, 'user_assignment__is_project_manager', 'boolean') }} as is_user_assignment_project_manager,
        {{ harvest.column(held, 'user_assignment__is_active', 'boolean') }} as is_user_assignment_active,
        {{ harvest.column(held, 'user_assignment__use_default_rates', 'boolean') }} as has_user_assignment_default_rates,

        -- dates
        {{ harvest.column(held, 'spent_date', 'date') }} as spent_date,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at,
        {{ harvest.column(held, 'user_assignment__created_at', 'date-time') }} as user_assignment_created_at,
        {{ harvest.column(held, 'user_assignment__updated_at', 'date-time') }} as user_assignment_updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
