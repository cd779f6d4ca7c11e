{{ config(enabled=harvest.has_streams('project_budget_report')) }}

{%- set held = harvest.columns_of(source('harvest', 'project_budget_report')) %}

with

source as (

    select * from {{ source('harvest', 'project_budget_report') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'project_id', 'integer') }} as project_id,
        {{ harvest.column(held, 'client_id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'project_name', 'string') }} as project_name,
        {{ harvest.column(held, 'client_name', 'string') }} as client_name,
        {{ harvest.column(held, 'budget_by', 'string') }} as budget_by,

        -- numbers
        {{ harvest.column(held, 'budget', 'number') }} as budget,
        {{ harvest.column(held, 'budget_spent', 'number') }} as budget_spent,
        {{ harvest.column(held, 'budget_remaining', 'number') }} as budget_remaining,

        -- booleans
        {{ harvest.column(held, 'budget_is_monthly', 'boolean') }} as is_budget_monthly,
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,

        -- dates
        {{ harvest.column(held, 'as_of', 'date') }} as as_of_date

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
