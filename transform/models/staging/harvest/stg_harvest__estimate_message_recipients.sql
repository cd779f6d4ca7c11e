{{ config(enabled=harvest.has_streams('estimate_message_recipients')) }}

{%- set held = harvest.columns_of(source('harvest', 'estimate_message_recipients')) %}

with

source as (

    select * from {{ source('harvest', 'estimate_message_recipients') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'estimate_message_id', 'integer') }} as estimate_message_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as estimate_message_recipient_name,
        {{ harvest.column(held, 'email', 'string') }} as email,

        -- numbers
        {{ harvest.column(held, 'occurrence', 'integer') }} as occurrence,

        -- timestamps
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
