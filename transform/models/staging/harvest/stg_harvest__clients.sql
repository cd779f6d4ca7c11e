{{ config(enabled=harvest.has_streams('clients')) }}

{%- set held = harvest.columns_of(source('harvest', 'clients')) %}

with

source as (

    select * from {{ source('harvest', 'clients') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as client_name,
        {{ harvest.column(held, 'address', 'string') }} as address,
        {{ harvest.column(held, 'statement_key', 'string') }} as statement_key,
        {{ harvest.column(held, 'currency', 'string') }} as currency,

        -- booleans
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
