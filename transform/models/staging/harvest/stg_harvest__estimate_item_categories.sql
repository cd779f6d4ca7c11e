{{ config(enabled=harvest.has_streams('estimate_item_categories')) }}

{%- set held = harvest.columns_of(source('harvest', 'estimate_item_categories')) %}

with

source as (

    select * from {{ source('harvest', 'estimate_item_categories') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as estimate_item_category_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as estimate_item_category_name,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
