{{ config(enabled=harvest.has_streams('estimates')) }}

{%- set held = harvest.columns_of(source('harvest', 'estimates')) %}

with

source as (

    select * from {{ source('harvest', 'estimates') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as estimate_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,
        {{ harvest.column(held, 'creator__id', 'integer') }} as creator_id,

        -- strings
        {{ harvest.column(held, 'client_key', 'string') }} as client_key,
        {{ harvest.column(held, 'number', 'string') }} as estimate_number,
        {{ harvest.column(held, 'purchase_order', 'string') }} as purchase_order,
        {{ harvest.column(held, 'subject', 'string') }} as subject,
        {{ harvest.column(held, 'notes', 'string') }} as notes,
        {{ harvest.column(held, 'state', 'string') }} as state,
        {{ harvest.column(held, 'currency', 'string') }} as currency,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,
        {{ harvest.column(held, 'creator__name', 'string') }} as creator_name,

        -- numbers
        {{ harvest.column(held, 'amount', 'number') }} as amount,
        {{ harvest.column(held, 'tax', 'number') }} as tax,
        {{ harvest.column(held, 'tax_amount', 'number') }} as tax_amount,
        {{ harvest.column(held, 'tax2', 'number') }} as tax2,
        {{ harvest.column(held, 'tax2_amount', 'number') }} as tax2_amount,
        {{ harvest.column(held, 'discount', 'number') }} as discount,
        {{ harvest.column(held, 'discount_amount', 'number') }} as discount_amount,

        -- lists
        {{ harvest.column(held, 'line_items', 'array') }} as line_items,

        -- dates
        {{ harvest.column(held, 'issue_date', 'date') }} as issue_date,

        -- timestamps
        {{ harvest.column(held, 'sent_at', 'date-time') }} as sent_at,
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at,
        {{ harvest.column(held, 'accepted_at', 'date-time') }} as accepted_at,
        {{ harvest.column(held, 'declined_at', 'date-time') }} as declined_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
