{{ config(enabled=harvest.has_streams('user_teammates')) }}

{%- set held = harvest.columns_of(source('harvest', 'user_teammates')) %}

with

source as (

    select * from {{ source('harvest', 'user_teammates') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id,
        {{ harvest.column(held, 'id', 'integer') }} as teammate_id,

        -- strings
        {{ harvest.column(held, 'first_name', 'string') }} as first_name,
        {{ harvest.column(held, 'last_name', 'string') }} as last_name,
        {{ harvest.column(held, 'email', 'string') }} as email

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
