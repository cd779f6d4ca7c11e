{{ config(enabled=harvest.has_streams('roles')) }}

{%- set held = harvest.columns_of(source('harvest', 'roles')) %}

with

source as (

    select * from {{ source('harvest', 'roles') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as role_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as role_name,

        -- lists
        {{ harvest.column(held, 'user_ids', 'array') }} as user_ids,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
