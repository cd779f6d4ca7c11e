{{ config(enabled=harvest.has_streams('invoices')) }}

{%- set held = harvest.columns_of(source('harvest', 'invoices')) %}

with

source as (

    select * from {{ source('harvest', 'invoices') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as invoice_id,
        {{ harvest.column(held, 'recurring_invoice_id', 'integer') }} as recurring_invoice_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,
        {{ harvest.column(held, 'estimate__id', 'integer') }} as estimate_id,
        {{ harvest.column(held, 'retainer__id', 'integer') }} as retainer_id,
        {{ harvest.column(held, 'creator__id', 'integer') }} as creator_id,

        -- strings
        {{ harvest.column(held, 'client_key', 'string') }} as client_key,
        {{ harvest.column(held, 'number', 'string') }} as invoice_number,
        {{ harvest.column(held, 'purchase_order', 'string') }} as purchase_order,
        {{ harvest.column(held, 'subject', 'string') }} as subject,
        {{ harvest.column(held, 'notes', 'string') }} as notes,
        {{ harvest.column(held, 'state', 'string') }} as state,
        {{ harvest.column(held, 'payment_term', 'string') }} as payment_term,
        {{ harvest.column(held, 'currency', 'string') }} as currency,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,
        {{ harvest.column(held, 'creator__name', 'string') }} as creator_name,

        -- numbers
        {{ harvest.column(held, 'amount', 'number') }} as amount,
        {{ harvest.column(held, 'due_amount', 'number') }} as due_amount,
        {{ harvest.column(held, 'tax', 'number') }} as tax,
        {{ harvest.column(held, 'tax_amount', 'number') }} as tax_amount,
        {{ harvest.column(held, 'tax2', 'number') }} as tax2,
        {{ harvest.column(held, 'tax2_amount', 'number') }} as tax2_amount,
        {{ harvest.column(held, 'discount', 'number') }} as discount,
        {{ harvest.column(held, 'discount_amount', 'number') }} as discount_amount,

        -- lists
        {{ harvest.column(held, 'payment_options', 'array') }} as payment_options,
        {{ harvest.column(held, 'line_items', 'array') }} as line_items,

        -- dates
        {{ harvest.column(held, 'period_start', 'date') }} as period_start_date,
        {{ harvest.column(held, 'period_end', 'date') }} as period_end_date,
        {{ harvest.column(held, 'issue_date', 'date') }} as issue_date,
        {{ harvest.column(held, 'due_date', 'date') }} as due_date,
        {{ harvest.column(held, 'paid_date', 'date') }} as paid_date,

        -- timestamps
        {{ harvest.column(held, 'sent_at', 'date-time') }} as sent_at,
        {{ harvest.column(held, 'paid_at', 'date-time') }} as paid_at,
        {{ harvest.column(held, 'closed_at', 'date-time') }} as closed_at,
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
