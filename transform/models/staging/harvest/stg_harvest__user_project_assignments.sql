{{ config(enabled=harvest.has_streams('user_project_assignments')) }}

{%- set held = harvest.columns_of(source('harvest', 'user_project_assignments')) %}

with

source as (

    select * from {{ source('harvest', 'user_project_assignments') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id,
        {{ harvest.column(held, 'id', 'integer') }} as user_project_assignment_id,
        {{ harvest.column(held, 'project__id', 'integer') }} as project_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'project__name', 'string') }} as project_name,
        {{ harvest.column(held, 'project__code', 'string') }} as project_code,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,
        {{ harvest.column(held, 'client__currency', 'string') }} as client_currency,

        -- numbers
        {{ harvest.column(held, 'budget', 'number') }} as budget,
        {{ harvest.column(held, 'hourly_rate', 'number') }} as hourly_rate,

        -- lists
        {{ harvest.column(held, 'task_assignments', 'array') }} as task_assignments,

        -- booleans
        {{ harvest.column(held, 'is_project_manager', 'boolean') }} as is_project_manager,
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,
        {{ harvest.column(held, 'use_default_rates', 'boolean') }} as has_default_rates,
        {{ harvest.column(held, 'project__is_billable', 'boolean') }} as is_project_billable,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
