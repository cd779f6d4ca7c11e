{{ config(enabled=harvest.has_streams('invoice_item_categories')) }}

{%- set held = harvest.columns_of(source('harvest', 'invoice_item_categories')) %}

with

source as (

    select * from {{ source('harvest', 'invoice_item_categories') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as invoice_item_category_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as invoice_item_category_name,

        -- booleans
        {{ harvest.column(held, 'use_as_service', 'boolean') }} as is_used_as_service,
        {{ harvest.column(held, 'use_as_expense', 'boolean') }} as is_used_as_expense,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
