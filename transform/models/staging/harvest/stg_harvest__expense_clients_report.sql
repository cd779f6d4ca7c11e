{{ config(enabled=harvest.has_streams('expense_clients_report')) }}

{%- set held = harvest.columns_of(source('harvest', 'expense_clients_report')) %}

with

source as (

    select * from {{ source('harvest', 'expense_clients_report') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'client_id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'client_name', 'string') }} as client_name,
        {{ harvest.column(held, 'currency', 'string') }} as currency,

        -- numbers
        {{ harvest.column(held, 'total_amount', 'number') }} as total_amount,
        {{ harvest.column(held, 'billable_amount', 'number') }} as billable_amount,

        -- dates
        {{ harvest.column(held, 'from', 'date') }} as from_date,
        {{ harvest.column(held, 'to', 'date') }} as to_date

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
