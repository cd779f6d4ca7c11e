{{ config(enabled=harvest.has_streams('expense_categories')) }}

{%- set held = harvest.columns_of(source('harvest', 'expense_categories')) %}

with

source as (

    select * from {{ source('harvest', 'expense_categories') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as expense_category_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as expense_category_name,
        {{ harvest.column(held, 'unit_name', 'string') }} as unit_name,

        -- numbers
        {{ harvest.column(held, 'unit_price', 'number') }} as unit_price,

        -- booleans
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
