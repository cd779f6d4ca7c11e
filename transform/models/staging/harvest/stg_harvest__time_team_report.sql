{{ config(enabled=harvest.has_streams('time_team_report')) }}

{%- set held = harvest.columns_of(source('harvest', 'time_team_report')) %}

with

source as (

    select * from {{ source('harvest', 'time_team_report') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id,

        -- strings
        {{ harvest.column(held, 'user_name', 'string') }} as user_name,
        {{ harvest.column(held, 'currency', 'string') }} as currency,
        {{ harvest.column(held, 'avatar_url', 'string') }} as avatar_url,

        -- numbers
        {{ harvest.column(held, 'total_hours', 'number') }} as total_hours,
        {{ harvest.column(held, 'billable_hours', 'number') }} as billable_hours,
        {{ harvest.column(held, 'billable_amount', 'number') }} as billable_amount,
        {{ harvest.column(held, 'scheduled_hours', 'number') }} as scheduled_hours,
        {{ harvest.column(held, 'weekly_capacity', 'integer') }} as weekly_capacity,

        -- booleans
        {{ harvest.column(held, 'is_contractor', 'boolean') }} as is_contractor,

        -- dates
        {{ harvest.column(held, 'from', 'date') }} as from_date,
        {{ harvest.column(held, 'to', 'date') }} as to_date

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
