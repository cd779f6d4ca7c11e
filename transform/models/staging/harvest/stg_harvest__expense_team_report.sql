{{ config(enabled=harvest.has_streams('expense_team_report')) }}

{%- set held = harvest.columns_of(source('harvest', 'expense_team_report')) %}

with

source as (

    select * from {{ source('harvest', 'expense_team_report') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id,

        -- strings
        {{ harvest.column(held, 'user_name', 'string') }} as user_name,
        {{ harvest.column(held, 'currency', 'string') }} as currency,

        -- numbers
        {{ harvest.column(held, 'total_amount', 'number') }} as total_amount,
        {{ harvest.column(held, 'billable_amount', 'number') }} as billable_amount,

        -- booleans
        {{ harvest.column(held, 'is_contractor', 'boolean') }} as is_contractor,

        -- dates
        {{ harvest.column(held, 'from', 'date') }} as from_date,
        {{ harvest.column(held, 'to', 'date') }} as to_date

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
