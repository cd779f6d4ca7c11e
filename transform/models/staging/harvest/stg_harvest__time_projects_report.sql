{{ config(enabled=harvest.has_streams('time_projects_report')) }}

{%- set held = harvest.columns_of(source('harvest', 'time_projects_report')) %}

with

source as (

    select * from {{ source('harvest', 'time_projects_report') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'project_id', 'integer') }} as project_id,
        {{ harvest.column(held, 'client_id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'project_name', 'string') }} as project_name,
        {{ harvest.column(held, 'client_name', 'string') }} as client_name,
        {{ harvest.column(held, 'currency', 'string') }} as currency,

        -- numbers
        {{ harvest.column(held, 'total_hours', 'number') }} as total_hours,
        {{ harvest.column(held, 'billable_hours', 'number') }} as billable_hours,
        {{ harvest.column(held, 'billable_amount', 'number') }} as billable_amount,
        {{ harvest.column(held, 'scheduled_hours', 'number') }} as scheduled_hours,

        -- dates
        {{ harvest.column(held, 'from', 'date') }} as from_date,
        {{ harvest.column(held, 'to', 'date') }} as to_date

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
