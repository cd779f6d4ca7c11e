{{ config(enabled=harvest.has_streams('estimate_line_items')) }}

{%- set held = harvest.columns_of(source('harvest', 'estimate_line_items')) %}

with

source as (

    select * from {{ source('harvest', 'estimate_line_items') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'estimate_id', 'integer') }} as estimate_id,
        {{ harvest.column(held, 'id', 'integer') }} as estimate_line_item_id,

        -- strings
        {{ harvest.column(held, 'kind', 'string') }} as kind,
        {{ harvest.column(held, 'description', 'string') }} as description,

        -- numbers
        {{ harvest.column(held, 'quantity', 'number') }} as quantity,
        {{ harvest.column(held, 'unit_price', 'number') }} as unit_price,
        {{ harvest.column(held, 'amount', 'number') }} as amount,

        -- booleans
        {{ harvest.column(held, 'taxed', 'boolean') }} as is_taxed,
        {{ harvest.column(held, 'taxed2', 'boolean') }} as is_taxed2,

        -- timestamps
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
