{{ config(enabled=harvest.has_streams('project_task_assignments')) }}

{%- set held = harvest.columns_of(source('harvest', 'project_task_assignments')) %}

with

source as (

    select * from {{ source('harvest', 'project_task_assignments') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as task_assignment_id,
        {{ harvest.column(held, 'project__id', 'integer') }} as project_id,
        {{ harvest.column(held, 'task__id', 'integer') }} as task_id,

        -- strings
        {{ harvest.column(held, 'project__name', 'string') }} as project_name,
        {{ harvest.column(held, 'project__code', 'string') }} as project_code,
        {{ harvest.column(held, 'task__name', 'string') }} as task_name,

        -- numbers
        {{ harvest.column(held, 'hourly_rate', 'number') }} as hourly_rate,
        {{ harvest.column(held, 'budget', 'number') }} as budget,

        -- booleans
        {{ harvest.column(held, 'billable', 'boolean') }} as is_billable,
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
