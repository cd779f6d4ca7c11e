{{ config(enabled=harvest.has_streams('user_roles')) }}

{%- set held = harvest.columns_of(source('harvest', 'user_roles')) %}

with

source as (

    select * from {{ source('harvest', 'user_roles') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'role_id', 'integer') }} as role_id,
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
