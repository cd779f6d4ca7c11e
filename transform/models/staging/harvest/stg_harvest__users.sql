{{ config(enabled=harvest.has_streams('users')) }}

{%- set held = harvest.columns_of(source('harvest', 'users')) %}

with

source as (

    select * from {{ source('harvest', 'users') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as user_id,
        {{ harvest.column(held, 'employee_id', 'string') }} as employee_id,

        -- strings
        {{ harvest.column(held, 'first_name', 'string') }} as first_name,
        {{ harvest.column(held, 'last_name', 'string') }} as last_name,
        {{ harvest.column(held, 'email', 'string') }} as email,
        {{ harvest.column(held, 'telephone', 'string') }} as telephone,
        {{ harvest.column(held, 'timezone', 'string') }} as timezone,
        {{ harvest.column(held, 'calendar_integration_source', 'string') }} as calendar_integration_source,
        {{ harvest.column(held, 'avatar_url', 'string') }} as avatar_url,

        -- numbers
        {{ harvest.column(held, 'weekly_capacity', 'integer') }} as weekly_capacity,
        {{ harvest.column(held, 'default_hourly_rate', 'number') }} as default_hourly_rate,
        {{ harvest.column(held, 'cost_rate', 'number') }} as cost_rate,

        -- lists
        {{ harvest.column(held, 'roles', 'array') }} as roles,
        {{ harvest.column(held, 'access_roles', 'array') }} as access_roles,
        {{ harvest.column(held, 'permissions_claims', 'array') }} as permissions_claims,

        -- booleans
        {{ harvest.column(held, 'has_access_to_all_future_projects', 'boolean') }} as has_access_to_all_future_projects,
        {{ harvest.column(held, 'is_contractor', 'boolean') }} as is_contractor,
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,
        {{ harvest.column(held, 'saml_exempt', 'boolean') }} as is_saml_exempt,
        {{ harvest.column(held, 'calendar_integration_enabled', 'boolean') }} as is_calendar_integration_enabled,
        {{ harvest.column(held, 'can_create_projects', 'boolean') }} as can_create_projects,
        {{ harvest.column(held, 'is_admin', 'boolean') }} as is_admin,
        {{ harvest.column(held, 'is_project_manager', 'boolean') }} as is_project_manager,
        {{ harvest.column(held, 'can_see_rates', 'boolean') }} as can_see_rates,
        {{ harvest.column(held, 'can_create_invoices', 'boolean') }} as can_create_invoices,
        {{ harvest.column(held, 'can_close_account', 'boolean') }} as can_close_account,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
