{{ config(enabled=harvest.has_streams('uninvoiced_report')) }}

{%- set held = harvest.columns_of(source('harvest', 'uninvoiced_report')) %}

with

source as (

    select * from {{ source('harvest', 'uninvoiced_report') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'client_id', 'integer') }} as client_id,
        {{ harvest.column(held, 'project_id', 'integer') }} as project_id,

        -- strings
        {{ harvest.column(held, 'client_name', 'string') }} as client_name,
        {{ harvest.column(held, 'project_name', 'string') }} as project_name,
        {{ harvest.column(held, 'currency', 'string') }} as currency,

        -- numbers
        {{ harvest.column(held, 'total_hours', 'number') }} as total_hours,
        {{ harvest.column(held, 'uninvoiced_hours', 'number') }} as uninvoiced_hours,
        {{ harvest.column(held, 'uninvoiced_expenses', 'number') }} as uninvoiced_expenses,
        {{ harvest.column(held, 'uninvoiced_amount', 'number') }} as uninvoiced_amount,

        -- dates
        {{ harvest.column(held, 'from', 'date') }} as from_date,
        {{ harvest.column(held, 'to', 'date') }} as to_date

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
