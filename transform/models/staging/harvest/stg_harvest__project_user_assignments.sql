{{ config(enabled=harvest.has_streams('project_user_assignments')) }}

{%- set held = harvest.columns_of(source('harvest', 'project_user_assignments')) %}

with

source as (

    select * from {{ source('harvest', 'project_user_assignments') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as user_assignment_id,
        {{ harvest.column(held, 'project__id', 'integer') }} as project_id,
        {{ harvest.column(held, 'user__id', 'integer') }} as user_id,

        -- strings
        {{ harvest.column(held, 'project__name', 'string') }} as project_name,
        {{ harvest.column(held, 'project__code', 'string') }} as project_code,
        {{ harvest.column(held, 'user__name', 'string') }} as user_name,

        -- numbers
        {{ harvest.column(held, 'budget', 'number') }} as budget,
        {{ harvest.column(held, 'hourly_rate', 'number') }} as hourly_rate,

        -- booleans
        {{ harvest.column(held, 'is_project_manager', 'boolean') }} as is_project_manager,
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,
        {{ harvest.column(held, 'use_default_rates', 'boolean') }} as has_default_rates,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
