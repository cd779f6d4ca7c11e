{{ config(enabled=harvest.has_streams('invoice_line_items')) }}

{%- set held = harvest.columns_of(source('harvest', 'invoice_line_items')) %}

with

source as (

    select * from {{ source('harvest', 'invoice_line_items') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'invoice_id', 'integer') }} as invoice_id,
        {{ harvest.column(held, 'id', 'integer') }} as invoice_line_item_id,
        {{ harvest.column(held, 'project__id', 'integer') }} as project_id,

        -- strings
        {{ harvest.column(held, 'kind', 'string') }} as kind,
        {{ harvest.column(held, 'description', 'string') }} as description,
        {{ harvest.column(held, 'project__name', 'string') }} as project_name,
        {{ harvest.column(held, 'project__code', 'string') }} as project_code,

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
