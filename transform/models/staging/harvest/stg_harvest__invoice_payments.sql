{{ config(enabled=harvest.has_streams('invoice_payments')) }}

{%- set held = harvest.columns_of(source('harvest', 'invoice_payments')) %}

with

source as (

    select * from {{ source('harvest', 'invoice_payments') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'invoice_id', 'integer') }} as invoice_id,
        {{ harvest.column(held, 'id', 'integer') }} as invoice_payment_id,
        {{ harvest.column(held, 'transaction_id', 'string') }} as transaction_id,
        {{ harvest.column(held, 'payment_gateway__id', 'integer') }} as payment_gateway_id,

        -- strings
        {{ harvest.column(held, 'recorded_by', 'string') }} as recorded_by,
        {{ harvest.column(held, 'recorded_by_email', 'string') }} as recorded_by_email,
        {{ harvest.column(held, 'notes', 'string') }} as notes,
        {{ harvest.column(held, 'payment_gateway__name', 'string') }} as payment_gateway_name,

        -- numbers
        {{ harvest.column(held, 'amount', 'number') }} as amount,

        -- dates
        {{ harvest.column(held, 'paid_date', 'date') }} as paid_date,

        -- timestamps
        {{ harvest.column(held, 'paid_at', 'date-time') }} as paid_at,
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
