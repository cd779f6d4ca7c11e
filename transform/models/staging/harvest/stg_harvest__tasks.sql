{{ config(enabled=harvest.has_streams('tasks')) }}

{%- set held = harvest.columns_of(source('harvest', 'tasks')) %}

with

source as (

    select * from {{ source('harvest', 'tasks') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as task_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as task_name,

        -- numbers
        {{ harvest.column(held, 'default_hourly_rate', 'number') }} as default_hourly_rate,

        -- booleans
        {{ harvest.column(held, 'billable_by_default', 'boolean') }} as is_billable_by_default,
        {{ harvest.column(held, 'is_default', 'boolean') }} as is_default,
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
