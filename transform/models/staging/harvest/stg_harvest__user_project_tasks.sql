{{ config(enabled=harvest.has_streams('user_project_tasks')) }}

{%- set held = harvest.columns_of(source('harvest', 'user_project_tasks')) %}

with

source as (

    select * from {{ source('harvest', 'user_project_tasks') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id,
        {{ harvest.column(held, 'task_assignment_id', 'integer') }} as task_assignment_id,
        {{ harvest.column(held, 'user_assignment_id', 'integer') }} as user_assignment_id,
        {{ harvest.column(held, 'project_id', 'integer') }} as project_id,
        {{ harvest.column(held, 'task_id', 'integer') }} as task_id,

        -- booleans
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,

        -- timestamps
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
